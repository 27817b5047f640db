package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// RefreshToken is one link of a chain of rotated refresh tokens (RFC 9700
// §4.14.2). All links hang under one grant.
type RefreshToken struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TokenHash Digest    `json:"token_hash"`
	GrantID   string    `json:"grant_id"`
	ClientID  string    `json:"client_id"`
	ExpiresAt time.Time `json:"-"`
}

func (t *RefreshToken) keys() (string, []graph.Value, time.Time) {
	return t.ID, []graph.Value{graph.Binary(t.TokenHash[:]), graph.String(t.GrantID)}, t.ExpiresAt
}

func (t *RefreshToken) restore(n graph.Node) { t.ID, t.Meta, t.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// RefreshTokens keeps refresh tokens until they expire. A rotated one stays, so
// that its reuse is recognised.
type RefreshTokens struct{ repo graph.Repository }

// Add returns the change that stores the first token of a grant.
func (s *RefreshTokens) Add(t *RefreshToken) Change { return create(typeRefreshToken, t) }

// ByToken returns a token. Its ConsumedAt says when it was rotated, if it was.
func (s *RefreshTokens) ByToken(ctx context.Context, scope Scope, d Digest) (*RefreshToken, error) {
	return lookup[RefreshToken](ctx, s.repo, scope, typeRefreshToken, "token_hash", graph.Binary(d[:]))
}

// Rotate consumes the old token and stores the next one, in one commit, if the
// grant still is as it was read. Of any number of concurrent calls exactly one
// succeeds; the others get ErrConsumed. ErrNotFound or ErrConflict when the
// grant was revoked or changed meanwhile.
func (s *RefreshTokens) Rotate(ctx context.Context, scope Scope, g *Grant, old, next *RefreshToken, also ...Change) error {
	changes := []Change{
		{op: graph.Take{Type: typeRefreshToken, ID: old.ID}},
		{op: graph.Check{Type: typeUser, ID: g.UserID}},
		create(typeRefreshToken, next),
	}
	if next.ExpiresAt.After(g.ExpiresAt) {
		later := *g
		later.ExpiresAt = next.ExpiresAt
		changes = append(changes, update(typeGrant, &later, g.Version))
	} else {
		changes = append(changes, Change{op: graph.Check{Type: typeGrant, ID: g.ID}})
	}
	_, err := commit(ctx, s.repo, scope, append(changes, also...))
	return err
}
