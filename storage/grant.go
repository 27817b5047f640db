package storage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Grant is one authorization of a client by a person: the root of every token
// that comes of it. Without its grant no token is good any more.
type Grant struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	UserID    string          `json:"user_id"`
	Subject   string          `json:"subject,omitempty"` // sub that this client knows, where it is not the UserID
	ClientID  string          `json:"client_id"`
	SessionID string          `json:"session_id"`        // sid of its ID tokens
	Offline   bool            `json:"offline,omitempty"` // offline_access: outlives the session (OIDC Core §11)
	Scope     []string        `json:"scope"`
	Claims    json.RawMessage `json:"claims,omitempty"`
	AuthTime  time.Time       `json:"auth_time"`
	AMR       []string        `json:"amr,omitempty"`
	ACR       string          `json:"acr,omitempty"`
	ExpiresAt time.Time       `json:"-"` // not before the last token under it
}

func (g *Grant) keys() (string, []graph.Value, time.Time) {
	session := graph.String(g.SessionID)
	if g.Offline {
		session = graph.Value{} // not found by Sessions.End
	}
	return g.ID, []graph.Value{graph.String(g.UserID), graph.String(g.ClientID), session}, g.ExpiresAt
}

func (g *Grant) restore(n graph.Node) { g.ID, g.Meta, g.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// Sub is who the client is told that the person is (OIDC Core §8).
func (g *Grant) Sub() string {
	if g.Subject != "" {
		return g.Subject
	}
	return g.UserID
}

// Grants keeps authorizations.
type Grants struct{ repo graph.Repository }

// Start stores a new grant of which tokens are issued at once. The commit gets
// ErrNotFound when the account or the session is gone.
func (s *Grants) Start(ctx context.Context, scope Scope, g *Grant, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{
		{op: graph.Check{Type: typeUser, ID: g.UserID}},
		{op: graph.Check{Type: typeSession, ID: g.SessionID}},
		create(typeGrant, g),
	}, also...))
	return err
}

// Get returns a live grant. ErrNotFound when it was revoked.
func (s *Grants) Get(ctx context.Context, scope Scope, id string) (*Grant, error) {
	return get[Grant](ctx, s.repo, scope, typeGrant, id)
}

// Revoke ends a grant and every token under it. It being gone is no error.
func (s *Grants) Revoke(ctx context.Context, scope Scope, id string, also ...Change) error {
	grant := graph.String(id)
	changes := []Change{
		removeBy(typeRefreshToken, "grant", grant),
		removeBy(typeAccessToken, "grant", grant),
		remove(typeGrant, id),
	}
	_, err := commit(ctx, s.repo, scope, append(changes, also...))
	return unlessGone(err)
}

// RevokeClient returns the change that ends every grant of a person to a client.
func (s *Grants) RevokeClient(userID, clientID string) Change {
	return removeBy(typeGrant, "user_client", graph.String(userID), graph.String(clientID))
}

// OfUser lists the live grants of a person.
func (s *Grants) OfUser(ctx context.Context, scope Scope, userID string, p PageRequest) (List[Grant], error) {
	return list[Grant](ctx, s.repo, scope, graph.Query{
		Type: typeGrant, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
