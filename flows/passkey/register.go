package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/elloloop/identity/storage"
)

// Registration is the offer of a new passkey to one account.
type Registration struct {
	config Config
	of     ceremony
	person *person
}

// NewRegistration begins the registration of a passkey for an account. occasion
// names it and holds something that no outsider can guess, such as the digest of
// the cookie that it is bound to.
func (c Config) NewRegistration(ctx context.Context, p *storage.Project, userID string, now time.Time, occasion ...string) (*Registration, error) {
	who, err := c.person(ctx, p.Scope(), userID)
	if err != nil {
		return nil, err
	}
	return c.registration(p, who, now, occasion...), nil
}

func (c Config) registration(p *storage.Project, who *person, now time.Time, occasion ...string) *Registration {
	return &Registration{c, ceremony{p, "create", who.id, occasion, now}, who}
}

func (r *Registration) begin(challenge []byte) (*protocol.CredentialCreation, *webauthn.SessionData, *webauthn.WebAuthn, error) {
	w, err := party(r.of.project)
	if err != nil {
		return nil, nil, nil, err
	}
	options, session, err := w.BeginRegistration(r.person,
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge = challenge
			return nil
		},
		webauthn.WithExclusions(webauthn.Credentials(r.person.credentials).CredentialDescriptors()),
		webauthn.WithExtensions(webauthn.WithExtensionCredProps()))
	return options, session, w, err
}

// Options are the options of the browser's call, as JSON.
func (r *Registration) Options(ctx context.Context) (json.RawMessage, error) {
	challenge, err := r.config.challenge(ctx, r.of, r.of.now)
	if err != nil {
		return nil, err
	}
	options, _, _, err := r.begin(challenge)
	if err != nil {
		return nil, err
	}
	return json.Marshal(options)
}

// Finish holds the browser's answer to WebAuthn L3 §7.1. It returns the passkey
// and the changes that store it, or the reason why there is none.
func (r *Registration) Finish(ctx context.Context, credential string) (key *storage.PasskeyCredential, changes []storage.Change, reason string, err error) {
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(credential))
	if err != nil {
		return nil, nil, "malformed", nil
	}
	challenge, reason, err := r.config.answered(ctx, r.of, answer.Response.CollectedClientData.Challenge)
	if err != nil || reason != "" {
		return nil, nil, reason, err
	}
	_, session, w, err := r.begin(challenge)
	if err != nil {
		return nil, nil, "", err
	}
	made, err := w.CreateCredential(r.person, *session, answer)
	if err != nil {
		if !offered(session.CredParams, answer.Response.AttestationObject.AuthData.AttData.CredentialPublicKey) {
			return nil, nil, "algorithm", nil
		}
		s := seen{answer.Response.CollectedClientData, answer.Response.AttestationObject.AuthData}
		return nil, nil, why(err, s, protocol.CreateCeremony, w, w.Config.AuthenticatorSelection.UserVerification == protocol.VerificationRequired), nil
	}
	if reason, err = r.room(ctx, made.ID); err != nil || reason != "" {
		return nil, nil, reason, err
	}
	record, err := json.Marshal(made)
	if err != nil {
		return nil, nil, "", err
	}
	key = &storage.PasskeyCredential{
		ID: storage.NewID(), CredentialID: made.ID, UserID: r.person.id, Name: NameOf(made.Authenticator.AAGUID),
		Record: record, AAGUID: made.Authenticator.AAGUID, BackedUp: made.Flags.BackupState, CreatedOrder: r.of.now.UnixMicro(),
	}
	return key, []storage.Change{r.config.Credentials.Add(key), r.config.spend(r.of, challenge)}, "", nil
}

// offered says whether a key has an algorithm that the options name.
func offered(params []protocol.CredentialParameter, key []byte) bool {
	var k webauthncose.PublicKeyData
	if err := webauthncbor.Unmarshal(key, &k); err != nil {
		return false
	}
	return slices.ContainsFunc(params, func(p protocol.CredentialParameter) bool { return int64(p.Algorithm) == k.Algorithm })
}

// room says why an account can't have this credential: somebody has it, or the
// account has too many.
func (r *Registration) room(ctx context.Context, credentialID []byte) (reason string, err error) {
	_, err = r.config.Credentials.Find(ctx, r.of.project.Scope(), credentialID)
	switch {
	case err == nil:
		return "duplicate_credential", nil
	case !errors.Is(err, storage.ErrNotFound):
		return "", err
	case len(r.person.credentials) >= storage.MaxPasskeys:
		return "too_many", nil
	}
	return "", nil
}
