package storage

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Consent is what a person allowed a client, remembered until it is withdrawn.
type Consent struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	UserID   string    `json:"user_id"`
	ClientID string    `json:"client_id"`
	Scope    []string  `json:"scope"`
	GivenAt  time.Time `json:"given_at"`
}

func (c *Consent) keys() (string, []graph.Value, time.Time) {
	return c.ID, []graph.Value{graph.String(c.UserID), graph.String(c.ClientID)}, time.Time{}
}

func (c *Consent) restore(n graph.Node) { c.ID, c.Meta = n.ID, meta(n) }

// Covers says whether every one of these scopes was allowed.
func (c *Consent) Covers(scope []string) bool {
	for _, s := range scope {
		if !slices.Contains(c.Scope, s) {
			return false
		}
	}
	return true
}

// Consents keeps what people allowed.
type Consents struct{ repo graph.Repository }

// Get returns what a person allowed a client. ErrNotFound when nothing.
func (s *Consents) Get(ctx context.Context, scope Scope, userID, clientID string) (*Consent, error) {
	return lookup[Consent](ctx, s.repo, scope, typeConsent, "user_client", graph.String(userID), graph.String(clientID))
}

// Allow returns the change that adds scopes to what a person allowed. The commit
// gets ErrConflict or ErrAlreadyExists when it raced with another: read again.
func (s *Consents) Allow(ctx context.Context, scope Scope, userID, clientID string, scopes []string, now time.Time) (Change, error) {
	c, err := s.Get(ctx, scope, userID, clientID)
	if errors.Is(err, ErrNotFound) {
		return create(typeConsent, &Consent{
			ID: NewID(), UserID: userID, ClientID: clientID, Scope: scopes, GivenAt: now,
		}), nil
	}
	if err != nil {
		return Change{}, err
	}
	for _, sc := range scopes {
		if !slices.Contains(c.Scope, sc) {
			c.Scope = append(c.Scope, sc)
		}
	}
	c.GivenAt = now
	return update(typeConsent, c, c.Version), nil
}

// Withdraw forgets what a person allowed a client and ends its grants.
func (s *Consents) Withdraw(ctx context.Context, scope Scope, c *Consent, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{
		remove(typeConsent, c.ID),
		removeBy(typeGrant, "user_client", graph.String(c.UserID), graph.String(c.ClientID)),
		removeBy(typeAuthorizationCode, "user_client", graph.String(c.UserID), graph.String(c.ClientID)),
	}, also...))
	return err
}

// OfUser lists what a person allowed.
func (s *Consents) OfUser(ctx context.Context, scope Scope, userID string, p PageRequest) (List[Consent], error) {
	return list[Consent](ctx, s.repo, scope, graph.Query{
		Type: typeConsent, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
