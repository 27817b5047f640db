package storage

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// AccountToken is what a link in a letter to an account's owner holds, kept as
// its digest: it chooses a new password, or proves the mail address.
type AccountToken struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TokenHash Digest    `json:"token_hash"`
	UserID    string    `json:"user_id"`
	EmailKey  string    `json:"email_key"`            // where the letter went
	RequestID string    `json:"request_id,omitempty"` // of the interaction that asked
	ExpiresAt time.Time `json:"-"`

	// Pending is the account that is made when the address is proven; nil where the
	// account is there already.
	Pending *PendingAccount `json:"pending,omitempty"`
}

// PendingAccount is what somebody typed who wants an account.
type PendingAccount struct {
	Email string       `json:"email"`
	Name  string       `json:"name,omitempty"`
	Hash  PasswordHash `json:"hash,omitempty"`
	// Passkey: a passkey comes in the place of a password, once the address is
	// Proven.
	Passkey bool `json:"passkey,omitempty"`
	Proven  bool `json:"proven,omitempty"`
}

// LogValue hides it all.
func (PendingAccount) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func (t *AccountToken) keys() (string, []graph.Value, time.Time) {
	return t.ID, []graph.Value{graph.Binary(t.TokenHash[:]), graph.String(t.UserID)}, t.ExpiresAt
}

func (t *AccountToken) restore(n graph.Node) { t.ID, t.Meta, t.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// LogValue hides all but the ids.
func (t AccountToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", t.ID), slog.String("user_id", t.UserID))
}

// AccountTokens keeps the tokens of one purpose. Of each account the newest alone
// is good (S3-17).
type AccountTokens struct {
	repo graph.Repository
	kind graph.TypeID
}

// Issue returns a token, and the changes that store it in place of older ones of
// the account.
func (s *AccountTokens) Issue(t *AccountToken) (token string, changes []Change) {
	token = NewSecret()
	t.ID, t.TokenHash = NewID(), DigestOf(token)
	return token, []Change{s.Remove(t.UserID), create(s.kind, t)}
}

// ByToken returns a token that was not used and has not ended. ErrConsumed when
// it was used.
func (s *AccountTokens) ByToken(ctx context.Context, scope Scope, token string) (*AccountToken, error) {
	d := DigestOf(token)
	t, err := lookup[AccountToken](ctx, s.repo, scope, s.kind, "token_hash", graph.Binary(d[:]))
	if err == nil && !t.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return t, err
}

// Code is what is typed into the browser that asked, where the letter was opened
// in another one.
func (t *AccountToken) Code(pepper []byte) string { return codeOf(pepper, t.ID) }

// Code is what is typed into the browser that asked, where the letter was opened
// in another one.
func (t *MagicLinkToken) Code(pepper []byte) string { return codeOf(pepper, t.ID) }

// codeOf makes six digits of an id, which only who has the pepper can.
func codeOf(pepper []byte, id string) string {
	d := recoveryDigest(pepper, id, "code")
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(d[:8])%1_000_000)
}

// Get returns a token by its id, as ByToken.
func (s *AccountTokens) Get(ctx context.Context, scope Scope, id string) (*AccountToken, error) {
	t, err := get[AccountToken](ctx, s.repo, scope, s.kind, id)
	if err == nil && !t.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return t, err
}

// Prove returns the change that says of the account that waits that its address is
// its owner's. The commit gets ErrConflict when the token was changed or used
// meanwhile.
func (s *AccountTokens) Prove(t *AccountToken) Change {
	next := *t
	pending := *t.Pending
	pending.Proven, next.Pending = true, &pending
	return update(s.kind, &next, t.Version)
}

// Take returns the change that uses a token: once.
func (s *AccountTokens) Take(id string) Change { return Change{op: graph.Take{Type: s.kind, ID: id}} }

// Remove returns the change that makes all tokens of an account worthless.
func (s *AccountTokens) Remove(userID string) Change {
	return removeBy(s.kind, "user", graph.String(userID))
}

// MagicLinkToken is what a link that signs in holds, kept as its digest.
type MagicLinkToken struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TokenHash Digest    `json:"token_hash"`
	Email     string    `json:"email"` // as typed
	EmailKey  string    `json:"email_key"`
	RequestID string    `json:"request_id"` // of the interaction that asked: no other browser is signed in by it
	ExpiresAt time.Time `json:"-"`
}

func (t *MagicLinkToken) keys() (string, []graph.Value, time.Time) {
	return t.ID, []graph.Value{graph.Binary(t.TokenHash[:]), graph.String(t.EmailKey), graph.String(t.RequestID)}, t.ExpiresAt
}

func (t *MagicLinkToken) restore(n graph.Node) {
	t.ID, t.Meta, t.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// LogValue hides all but the ids.
func (t MagicLinkToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", t.ID), slog.String("request_id", t.RequestID))
}

// MagicLinkTokens keeps the links that sign in until they are used.
type MagicLinkTokens struct{ repo graph.Repository }

// Issue returns a token, and the changes that store it in place of older ones of
// the interaction.
func (s *MagicLinkTokens) Issue(t *MagicLinkToken) (token string, changes []Change) {
	token = NewSecret()
	t.ID, t.TokenHash = NewID(), DigestOf(token)
	return token, []Change{removeBy(typeMagicLinkToken, "request", graph.String(t.RequestID)), create(typeMagicLinkToken, t)}
}

// ByToken returns a link that was not used and has not ended. ErrConsumed when it
// was used.
func (s *MagicLinkTokens) ByToken(ctx context.Context, scope Scope, token string) (*MagicLinkToken, error) {
	d := DigestOf(token)
	t, err := lookup[MagicLinkToken](ctx, s.repo, scope, typeMagicLinkToken, "token_hash", graph.Binary(d[:]))
	if err == nil && !t.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return t, err
}

// Get returns a link by its id, as ByToken.
func (s *MagicLinkTokens) Get(ctx context.Context, scope Scope, id string) (*MagicLinkToken, error) {
	t, err := get[MagicLinkToken](ctx, s.repo, scope, typeMagicLinkToken, id)
	if err == nil && !t.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return t, err
}

// Take returns the change that uses a link: once.
func (s *MagicLinkTokens) Take(id string) Change {
	return Change{op: graph.Take{Type: typeMagicLinkToken, ID: id}}
}
