package storage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// AccessToken is an opaque access token (RFC 6749 §1.4). JWT access tokens are
// not stored; only their revocation is.
type AccessToken struct {
	ID   string `json:"-"` // its jti at introspection
	Meta `json:"-"`

	TokenHash Digest          `json:"token_hash"`
	GrantID   string          `json:"grant_id,omitempty"` // "" for client credentials
	ClientID  string          `json:"client_id"`
	UserID    string          `json:"user_id,omitempty"`
	Scope     []string        `json:"scope,omitempty"`
	Audience  []string        `json:"audience,omitempty"`
	Claims    json.RawMessage `json:"claims,omitempty"`
	IssuedAt  time.Time       `json:"issued_at"`
	ExpiresAt time.Time       `json:"-"`
}

func (t *AccessToken) keys() (string, []graph.Value, time.Time) {
	return t.ID, []graph.Value{graph.Binary(t.TokenHash[:]), graph.StringOrNull(t.GrantID)}, t.ExpiresAt
}

func (t *AccessToken) restore(n graph.Node) { t.ID, t.Meta, t.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// revokedToken marks a JWT access token, by its jti, until the token expires.
type revokedToken struct {
	id      string
	expires time.Time
}

func (t *revokedToken) keys() (string, []graph.Value, time.Time) { return t.id, nil, t.expires }
func (t *revokedToken) restore(graph.Node)                       {}

// AccessTokens keeps opaque access tokens, and which JWT ones were revoked.
type AccessTokens struct{ repo graph.Repository }

// Add returns the change that stores an opaque token.
func (s *AccessTokens) Add(t *AccessToken) Change { return create(typeAccessToken, t) }

// Issue stores an opaque token that has no grant.
func (s *AccessTokens) Issue(ctx context.Context, scope Scope, t *AccessToken, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{create(typeAccessToken, t)}, also...))
	return err
}

// ByToken returns a live opaque token.
func (s *AccessTokens) ByToken(ctx context.Context, scope Scope, d Digest) (*AccessToken, error) {
	return lookup[AccessToken](ctx, s.repo, scope, typeAccessToken, "token_hash", graph.Binary(d[:]))
}

// Revoke ends one opaque token. It being gone is no error.
func (s *AccessTokens) Revoke(ctx context.Context, scope Scope, id string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{remove(typeAccessToken, id)}, also...))
	return unlessGone(err)
}

// RevokeJWT ends one JWT access token: it is remembered until it expires.
// ErrAlreadyExists when it was revoked before.
func (s *AccessTokens) RevokeJWT(ctx context.Context, scope Scope, jti string, expires time.Time, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{create(typeRevokedToken, &revokedToken{jti, expires})}, also...))
	return err
}

// JWTRevoked says whether RevokeJWT was called for this jti.
func (s *AccessTokens) JWTRevoked(ctx context.Context, scope Scope, jti string) (bool, error) {
	return exists(s.repo.Get(ctx, scope, typeRevokedToken, jti))
}
