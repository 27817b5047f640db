package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Flow signs somebody in with a passkey, or takes one as the second factor.
type Flow struct{ config Config }

var (
	_ flows.SecondFactor = (*Flow)(nil)
	_ flows.MultiFactor  = (*Flow)(nil)
	_ flows.Alternative  = (*Flow)(nil)
	_ flows.Silencer     = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "passkey" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

// Second implements flows.SecondFactor.
func (*Flow) Second(in *flows.Interaction) bool { return in.Request.Subject != "" }

// ReachesMultiFactor implements flows.MultiFactor: the device, and what opens it.
func (*Flow) ReachesMultiFactor(p *storage.Project) bool { return enabled(p) }

func first(in *flows.Interaction) bool {
	return enabled(in.Project) && in.Request.Subject == "" && in.First("passkey")
}

// Needed implements flows.Flow: where no other way in is open to who said their
// name, and as the second factor of somebody who must have one and has passkeys.
func (f *Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	if first(in) {
		return in.Request.Identifier != "", nil
	}
	if !enabled(in.Project) || in.Request.Subject == "" || in.MultiFactor() || !in.MaySecond(f.ID()) {
		return false, nil
	}
	if !in.NeedsSetup() && !in.ClientWantsSecond() {
		return false, nil
	}
	keys, err := f.config.Credentials.OfUser(ctx, in.Project.Scope(), in.Request.Subject)
	return len(keys) > 0, err
}

// Offered implements flows.Alternative.
func (f *Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) { return first(in), nil }

// ceremony is the authentication of this request on this browser.
func (f *Flow) ceremony(in *flows.Interaction) ceremony {
	bound := in.Request.BrowserHash
	return ceremony{project: in.Project, purpose: "get", userID: in.Request.Subject, bound: []string{in.Request.ID, string(bound[:])}, now: in.Now}
}

// Options is what a page needs to ask the browser for a passkey, nil when there
// is nothing to ask. It is the same for every account, and for none (S3-01): who
// it is comes out of the passkey.
func (f *Flow) Options(ctx context.Context, in *flows.Interaction) (*templates.Passkey, error) {
	if !first(in) {
		return nil, nil
	}
	return f.ask(ctx, in)
}

func (f *Flow) ask(ctx context.Context, in *flows.Interaction) (*templates.Passkey, error) {
	of := f.ceremony(in)
	challenge, err := f.config.challenge(ctx, of, in.Now)
	if err != nil {
		return nil, err
	}
	options, _, _, err := f.begin(ctx, in, challenge)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(options)
	return &templates.Passkey{Action: in.URL(f.ID()), Options: text}, err
}

// begin makes the options, and what the library checks an answer against.
func (f *Flow) begin(ctx context.Context, in *flows.Interaction, challenge []byte) (*protocol.CredentialAssertion, *webauthn.SessionData, *webauthn.WebAuthn, error) {
	w, err := party(in.Project)
	if err != nil {
		return nil, nil, nil, err
	}
	if in.Request.Subject == "" {
		options, session, err := w.BeginDiscoverableLogin(webauthn.WithChallenge(challenge))
		return options, session, w, err
	}
	p, err := f.config.person(ctx, in.Project.Scope(), in.Request.Subject)
	if err != nil {
		return nil, nil, nil, err
	}
	options, session, err := w.BeginLogin(p, webauthn.WithChallenge(challenge))
	return options, session, w, err
}

// person reads an account and its passkeys.
func (c Config) person(ctx context.Context, scope storage.Scope, userID string) (*person, error) {
	u, err := c.Users.Get(ctx, scope, userID)
	if err != nil {
		return nil, err
	}
	keys, err := c.Credentials.OfUser(ctx, scope, userID)
	if err != nil {
		return nil, err
	}
	return personOf(u, keys)
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	ask, err := f.ask(ctx, in)
	if err != nil {
		return nil, err
	}
	v := templates.PasskeyView{Passkey: *ask, Second: in.Request.Subject != "", OtherURL: in.Offered(f.config.Back)}
	if v.Second {
		v.HelpURL = in.Offered(f.config.Help)
	}
	if sent := in.Form.Get("credential"); sent != "" { // refused: it may be one that was removed
		v.Unknown, err = f.config.unknown(ctx, in.Project, sent)
	}
	return v, err
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("decision") == "restart" {
		return flows.Proof{Restart: true}, nil
	}
	if form.Get("credential") == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.passkey_missing"}
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(form.Get("credential")))
	if err != nil {
		return flows.Proof{}, refuse(in, failed, in.Request.Subject, "malformed")
	}
	clear, err := in.Limits.Login(ctx, "passkey\x00"+answer.ID, "", time.Time{})
	if err != nil {
		return flows.Proof{}, err
	}
	of := f.ceremony(in)
	challenge, reason, err := f.config.answered(ctx, of, answer.Response.CollectedClientData.Challenge)
	if err != nil {
		return flows.Proof{}, err
	}
	if reason != "" {
		return flows.Proof{}, refuse(in, failed, in.Request.Subject, reason)
	}
	key, err := f.config.Credentials.Find(ctx, in.Project.Scope(), answer.RawID)
	if errors.Is(err, storage.ErrNotFound) {
		return flows.Proof{}, refuse(in, failed, in.Request.Subject, "unknown_credential")
	}
	if err != nil {
		return flows.Proof{}, err
	}
	used, problem, err := f.verify(ctx, in, key, challenge, answer)
	if err != nil {
		return flows.Proof{}, err
	}
	if problem != nil {
		return flows.Proof{}, problem
	}
	// Of this answer, not of an earlier one: the record's flag stays once it is set.
	verified := answer.Response.AuthenticatorData.Flags.HasUserVerified()
	return f.proof(in, key, used, verified, append(clear, f.config.spend(of, challenge)))
}

const failed = "user.sign_in_failed"

// verify holds the answer to WebAuthn L3 §7.2.
func (f *Flow) verify(ctx context.Context, in *flows.Interaction, key *storage.PasskeyCredential, challenge []byte, answer *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, *flows.Problem, error) {
	owner := key.UserID
	if in.Request.Subject != "" && in.Request.Subject != owner ||
		len(answer.Response.UserHandle) > 0 && string(answer.Response.UserHandle) != owner {
		return nil, refuse(in, failed, owner, "credential_of_another_user"), nil
	}
	p, err := f.config.person(ctx, in.Project.Scope(), owner)
	if err != nil {
		return nil, nil, err
	}
	_, session, w, err := f.begin(ctx, in, challenge)
	if err != nil {
		return nil, nil, err
	}
	var used *webauthn.Credential
	if in.Request.Subject == "" {
		used, err = w.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return p, nil }, *session, answer)
	} else {
		used, err = w.ValidateLogin(p, *session, answer)
	}
	if err != nil {
		s := seen{answer.Response.CollectedClientData, answer.Response.AuthenticatorData}
		verify := w.Config.AuthenticatorSelection.UserVerification == protocol.VerificationRequired
		return nil, refuse(in, failed, owner, why(err, s, protocol.AssertCeremony, w, verify)), nil
	}
	if used.Authenticator.CloneWarning && in.Project.SignIn.PasskeyClones != "warn" {
		return nil, refuse(in, failed, owner, "sign_count"), nil
	}
	return used, nil, nil
}

// methods are what a passkey proves. With the person verified by the device it is
// two factors in one (RFC 8176 §2).
func methods(mayLeave, verified bool) []string {
	amr := []string{"hwk", "user"}
	if mayLeave { // the device
		amr[0] = "swk"
	}
	if verified {
		amr = append(amr, "mfa")
	}
	return amr
}

// proof is what a used passkey proves.
func (f *Flow) proof(in *flows.Interaction, key *storage.PasskeyCredential, used *webauthn.Credential, verified bool, changes []storage.Change) (flows.Proof, error) {
	next := *key
	var err error
	if next.Record, err = json.Marshal(used); err != nil {
		return flows.Proof{}, err
	}
	next.LastUsed, next.BackedUp = in.Now, used.Flags.BackupState
	proof := flows.Proof{Subject: key.UserID, AMR: methods(used.Flags.BackupEligible, verified), Changes: append(changes, f.config.Credentials.Replace(&next))}
	if used.Authenticator.CloneWarning {
		ev := in.Event("passkey.sign_count_went_back")
		ev.Actor, ev.Target = key.UserID, key.UserID
		ev.Details = map[string]string{"passkey": key.ID}
		proof.Events = append(proof.Events, ev)
	}
	return proof, nil
}
