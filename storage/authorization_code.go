package storage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// AuthorizationCode is what a code stands for (RFC 6749 §4.1.2).
type AuthorizationCode struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	CodeHash      Digest          `json:"code_hash"`
	GrantID       string          `json:"grant_id"` // every token from this code hangs under this grant
	ClientID      string          `json:"client_id"`
	RedirectURI   string          `json:"redirect_uri"`             // compared at the token endpoint (RFC 6749 §4.1.3)
	CodeChallenge string          `json:"code_challenge,omitempty"` // S256 (RFC 7636 §4.2)
	UserID        string          `json:"user_id"`
	SessionID     string          `json:"session_id"`
	Scope         []string        `json:"scope"`
	Nonce         string          `json:"nonce,omitempty"`
	Claims        json.RawMessage `json:"claims,omitempty"`
	AuthTime      time.Time       `json:"auth_time"`
	AMR           []string        `json:"amr,omitempty"`
	ACR           string          `json:"acr,omitempty"`
	Granted       bool            `json:"granted,omitempty"` // the grant is there already: the response type brought tokens too
	ExpiresAt     time.Time       `json:"-"`
}

func (c *AuthorizationCode) keys() (string, []graph.Value, time.Time) {
	return c.ID, []graph.Value{graph.Binary(c.CodeHash[:]), graph.String(c.GrantID), graph.String(c.UserID), graph.String(c.ClientID)}, c.ExpiresAt
}

func (c *AuthorizationCode) restore(n graph.Node) {
	c.ID, c.Meta, c.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// AuthorizationCodes keeps codes until they expire. A redeemed code stays until
// then, so that a replay is recognised.
type AuthorizationCodes struct{ repo graph.Repository }

// Issue stores a new code. The commit gets ErrNotFound when the session has
// ended meanwhile: no code is made of a session that is gone.
func (s *AuthorizationCodes) Issue(ctx context.Context, scope Scope, c *AuthorizationCode, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{
		{op: graph.Check{Type: typeSession, ID: c.SessionID}},
		create(typeAuthorizationCode, c),
	}, also...))
	return err
}

// Add returns the change that stores a new code, for a commit that begins its
// grant too.
func (s *AuthorizationCodes) Add(c *AuthorizationCode) Change {
	return create(typeAuthorizationCode, c)
}

// ByCode returns a code without consuming it, so that the client, the redirect
// URI and the verifier can be checked first. With ErrConsumed the code is
// returned too: it was redeemed before, and its grant has to be revoked
// (RFC 6749 §4.1.2).
func (s *AuthorizationCodes) ByCode(ctx context.Context, scope Scope, d Digest) (*AuthorizationCode, error) {
	c, err := lookup[AuthorizationCode](ctx, s.repo, scope, typeAuthorizationCode, "code_hash", graph.Binary(d[:]))
	if err == nil && !c.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return c, err
}

// Redeem consumes the code and stores what comes of it, in one commit. Of any
// number of concurrent calls exactly one succeeds; the others get ErrConsumed.
// A grant that was read is changed, a new one is made: ErrNotFound or ErrConflict
// when the one that was read was revoked or changed meanwhile.
func (s *AuthorizationCodes) Redeem(ctx context.Context, scope Scope, c *AuthorizationCode, g *Grant, also ...Change) error {
	changes := []Change{
		{op: graph.Take{Type: typeAuthorizationCode, ID: c.ID}},
		{op: graph.Check{Type: typeUser, ID: c.UserID}},
	}
	if !g.Offline { // what dies with the session can't begin after its end
		changes = append(changes, Change{op: graph.Check{Type: typeSession, ID: c.SessionID}})
	}
	if g.Version > 0 {
		changes = append(changes, update(typeGrant, g, g.Version))
	} else {
		changes = append(changes, create(typeGrant, g))
	}
	_, err := commit(ctx, s.repo, scope, append(changes, also...))
	return err
}
