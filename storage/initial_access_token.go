package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// RegistrationMode says who may register clients at the registration endpoint.
type RegistrationMode string

// The registration modes.
const (
	RegistrationOpen   RegistrationMode = "open"
	RegistrationToken  RegistrationMode = "token"  // whoever has an initial access token
	RegistrationClosed RegistrationMode = "closed" // nobody
)

// InitialAccessToken lets its bearer register clients (RFC 7591 §3). The token
// itself is not stored.
type InitialAccessToken struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TokenHash Digest    `json:"token_hash"`
	Name      string    `json:"name,omitempty"` // for people
	Once      bool      `json:"once,omitempty"` // for one client alone
	ExpiresAt time.Time `json:"-"`              // zero: never

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (t *InitialAccessToken) keys() (string, []graph.Value, time.Time) {
	return t.ID, []graph.Value{graph.Binary(t.TokenHash[:]), graph.Int64(t.CreatedOrder)}, t.ExpiresAt
}

func (t *InitialAccessToken) restore(n graph.Node) {
	t.ID, t.Meta, t.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// InitialAccessTokens keeps the tokens that let clients be registered.
type InitialAccessTokens struct{ repo graph.Repository }

// Issue makes a token, stores its digest and returns the token, which nobody can
// read again.
func (s *InitialAccessTokens) Issue(ctx context.Context, scope Scope, t *InitialAccessToken, also ...Change) (string, error) {
	secret := NewSecret()
	t.ID, t.TokenHash = NewID(), DigestOf(secret)
	_, err := commit(ctx, s.repo, scope, append([]Change{create(typeInitialAccessToken, t)}, also...))
	if err != nil {
		return "", err
	}
	return secret, nil
}

// ByToken returns a live token.
func (s *InitialAccessTokens) ByToken(ctx context.Context, scope Scope, d Digest) (*InitialAccessToken, error) {
	return lookup[InitialAccessToken](ctx, s.repo, scope, typeInitialAccessToken, "token_hash", graph.Binary(d[:]))
}

// Spend returns the change that ends a token. Of several commits with it one
// wins, and the others get ErrNotFound.
func (s *InitialAccessTokens) Spend(t *InitialAccessToken) Change {
	return remove(typeInitialAccessToken, t.ID)
}

// List returns tokens in the order they were made.
func (s *InitialAccessTokens) List(ctx context.Context, scope Scope, p PageRequest) (List[InitialAccessToken], error) {
	return list[InitialAccessToken](ctx, s.repo, scope, graph.Query{
		Type: typeInitialAccessToken, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}

// Revoke ends a token. ErrNotFound when there is none.
func (s *InitialAccessTokens) Revoke(ctx context.Context, scope Scope, id string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{remove(typeInitialAccessToken, id)}, also...))
	return err
}
