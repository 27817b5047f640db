package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// Key is a passkey as its owner sees it.
type Key struct {
	ID       string
	Name     string
	Added    time.Time
	LastUsed time.Time // zero: never
	BackedUp bool      // on more than one device
}

// List returns the passkeys of an account, oldest first.
func (c Config) List(ctx context.Context, scope storage.Scope, userID string) ([]Key, error) {
	rows, err := c.Credentials.OfUser(ctx, scope, userID)
	keys := make([]Key, len(rows))
	for i, r := range rows {
		keys[i] = Key{ID: r.ID, Name: r.Name, Added: time.UnixMicro(r.CreatedOrder).UTC(), LastUsed: r.LastUsed, BackedUp: r.BackedUp}
	}
	return keys, err
}

// maxName is the longest name of a passkey, in characters.
const maxName = 60

// Rename returns the change that names a passkey of this account.
// storage.ErrNotFound when it has none of this id.
func (c Config) Rename(ctx context.Context, scope storage.Scope, userID, id, name string) (storage.Change, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxName || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return storage.Change{}, &flows.Problem{Message: "problem.passkey_name", Data: map[string]any{"Max": maxName}, Field: "name"}
	}
	key, err := c.own(ctx, scope, userID, id)
	if err != nil {
		return storage.Change{}, err
	}
	next := *key
	next.Name = name
	return c.Credentials.Replace(&next), nil
}

// Remove returns the changes that take a passkey of this account away. ways are
// those that the account has: the last one stays (S3-15).
func (c Config) Remove(ctx context.Context, scope storage.Scope, userID, id string, ways flows.Ways) ([]storage.Change, error) {
	key, err := c.own(ctx, scope, userID, id)
	if err != nil {
		return nil, err
	}
	if ways.Count() < 2 {
		return nil, &flows.Problem{Message: "problem.last_way_in"}
	}
	return append(ways.Unchanged(), c.Credentials.Remove(key.ID)), nil
}

func (c Config) own(ctx context.Context, scope storage.Scope, userID, id string) (*storage.PasskeyCredential, error) {
	rows, err := c.Credentials.OfUser(ctx, scope, userID)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, storage.ErrNotFound
}

// Signal is what a page tells the browser of an account's passkeys, so that it does
// not offer what is gone, nor under an old name: the arguments of
// PublicKeyCredential.signalAllAcceptedCredentials (WebAuthn L3 §5.1.10.3) and of
// signalCurrentUserDetails (WebAuthn L3 §5.1.10.4).
type Signal struct {
	RPID                     string   `json:"rpId"`
	UserID                   string   `json:"userId"`
	AllAcceptedCredentialIDs []string `json:"allAcceptedCredentialIds"`
	Name                     string   `json:"name"`
	DisplayName              string   `json:"displayName"`
}

// Signal returns what the browser may know of an account's passkeys.
func (c Config) Signal(ctx context.Context, p *storage.Project, u *storage.User) (Signal, error) {
	w, err := party(p)
	if err != nil {
		return Signal{}, err
	}
	who, err := personOf(u, nil)
	if err != nil {
		return Signal{}, err
	}
	rows, err := c.Credentials.OfUser(ctx, p.Scope(), u.ID)
	s := Signal{
		RPID: w.Config.RPID, UserID: base64.RawURLEncoding.EncodeToString([]byte(u.ID)), AllAcceptedCredentialIDs: []string{},
		Name: who.name, DisplayName: who.shown,
	}
	for _, r := range rows {
		s.AllAcceptedCredentialIDs = append(s.AllAcceptedCredentialIDs, base64.RawURLEncoding.EncodeToString(r.CredentialID))
	}
	return s, err
}

// Unknown is what a page tells the browser of a passkey that is nobody's: the
// argument of PublicKeyCredential.signalUnknownCredential (WebAuthn L3 §5.1.10.2).
type Unknown struct {
	RPID         string `json:"rpId"`
	CredentialID string `json:"credentialId"`
}

// unknown returns what the browser is told of the passkey of a refused answer, nil
// when it is somebody's, or was made for no account of this project: projects, and
// other services, share a relying party id, and a browser forgets for good.
func (c Config) unknown(ctx context.Context, p *storage.Project, credential string) (json.RawMessage, error) {
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(credential))
	if err != nil {
		return nil, nil
	}
	_, err = c.Credentials.Find(ctx, p.Scope(), answer.RawID)
	if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	_, err = c.Users.Get(ctx, p.Scope(), string(answer.Response.UserHandle))
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w, err := party(p)
	if err != nil {
		return nil, err
	}
	return json.Marshal(Unknown{w.Config.RPID, base64.RawURLEncoding.EncodeToString(answer.RawID)})
}

// Related are the origins that may use the RP id besides its own
// (WebAuthn L3 §5.11), nil when there are none.
func Related(p *storage.Project) []string {
	u, err := url.Parse(p.Issuer)
	if err != nil || !under(u.Hostname(), p.SignIn.PasskeyRPID) {
		return nil
	}
	return p.SignIn.PasskeyRelated
}
