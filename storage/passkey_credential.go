package storage

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// PasskeyCredential is a public key credential of an account: a credential record
// (WebAuthn L3 §4).
type PasskeyCredential struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	CredentialID []byte          `json:"credential_id"`
	UserID       string          `json:"user_id"`
	Name         string          `json:"name"`   // the person's own, or the authenticator's
	Record       json.RawMessage `json:"record"` // public key, sign count, flags, transports: as the library keeps them
	AAGUID       []byte          `json:"aaguid,omitempty"`
	BackedUp     bool            `json:"backed_up,omitempty"` // on more than one device
	LastUsed     time.Time       `json:"last_used,omitzero"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (c *PasskeyCredential) keys() (string, []graph.Value, time.Time) {
	d := sha256.Sum256(c.CredentialID)
	return c.ID, []graph.Value{graph.Binary(d[:]), graph.String(c.UserID), graph.Int64(c.CreatedOrder)}, time.Time{}
}

func (c *PasskeyCredential) restore(n graph.Node) { c.ID, c.Meta = n.ID, meta(n) }

// PasskeyCredentials keeps the passkeys of accounts.
type PasskeyCredentials struct{ repo graph.Repository }

// Add returns the change that gives an account a passkey. The commit gets
// ErrAlreadyExists when anybody has this credential id.
func (s *PasskeyCredentials) Add(c *PasskeyCredential) Change {
	return create(typePasskeyCredential, c)
}

// Find returns the passkey with this credential id, whoever has it.
func (s *PasskeyCredentials) Find(ctx context.Context, scope Scope, credentialID []byte) (*PasskeyCredential, error) {
	d := sha256.Sum256(credentialID)
	return lookup[PasskeyCredential](ctx, s.repo, scope, typePasskeyCredential, "credential_id", graph.Binary(d[:]))
}

// Replace returns the change that stores a used or renamed passkey again. The
// commit gets ErrConflict when it was changed since it was read.
func (s *PasskeyCredentials) Replace(c *PasskeyCredential) Change {
	return update(typePasskeyCredential, c, c.Version)
}

// Remove returns the change that takes a passkey away.
func (s *PasskeyCredentials) Remove(id string) Change { return remove(typePasskeyCredential, id) }

// OfUser lists the passkeys of an account, oldest first: at most MaxPasskeys.
func (s *PasskeyCredentials) OfUser(ctx context.Context, scope Scope, userID string) ([]*PasskeyCredential, error) {
	page, err := list[PasskeyCredential](ctx, s.repo, scope, graph.Query{
		Type: typePasskeyCredential, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: MaxPasskeys,
	})
	return page.Items, err
}

// MaxPasskeys is how many passkeys one account may have.
const MaxPasskeys = 50

// spentChallenge remembers that a ceremony's challenge was answered.
type spentChallenge struct {
	id        string
	UserID    string `json:"user_id"`
	expiresAt time.Time
}

func (c *spentChallenge) keys() (string, []graph.Value, time.Time) {
	return c.id, []graph.Value{graph.String(c.UserID)}, c.expiresAt
}

func (c *spentChallenge) restore(n graph.Node) { c.id, c.expiresAt = n.ID, n.ExpiresAt }

// Spend returns the change that uses up the challenge of a ceremony: of two
// answers to it the second gets ErrAlreadyExists.
func (s *PasskeyCredentials) Spend(challenge []byte, userID string, until time.Time) Change {
	d := sha256.Sum256(challenge)
	text, _ := Digest(d).MarshalText() // never fails
	return create(typePasskeyChallenge, &spentChallenge{id: string(text), UserID: userID, expiresAt: until})
}

// Spent says whether a challenge was answered already.
func (s *PasskeyCredentials) Spent(ctx context.Context, scope Scope, challenge []byte) (bool, error) {
	d := sha256.Sum256(challenge)
	text, _ := Digest(d).MarshalText() // never fails
	return exists(s.repo.Get(ctx, scope, typePasskeyChallenge, string(text)))
}
