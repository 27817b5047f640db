package storage

import (
	"context"
	"log/slog"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// OAuthIdentity is who somebody is at a provider. Its key is the provider's
// issuer and subject together (OIDC Core §5.7), never a mail address: those are
// given to others.
type OAuthIdentity struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	Provider string `json:"provider"` // id of the Provider
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	UserID   string `json:"user_id"`

	Email    string    `json:"email,omitempty"` // as the provider told last: for people to know which account it is
	Name     string    `json:"name,omitempty"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Sealed   []byte    `json:"sealed,omitempty"` // the provider's tokens, where its settings say to keep them

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

// LogValue shows the ids alone.
func (i *OAuthIdentity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", i.ID), slog.String("provider", i.Provider), slog.String("user_id", i.UserID))
}

// identityKey: an issuer has no space in it, so no two pairs are alike.
func identityKey(issuer, subject string) graph.Value { return graph.String(issuer + " " + subject) }

func (i *OAuthIdentity) keys() (string, []graph.Value, time.Time) {
	return i.ID, []graph.Value{
		graph.String(i.Provider), identityKey(i.Issuer, i.Subject), graph.String(i.UserID), graph.Int64(i.CreatedOrder),
	}, time.Time{}
}

func (i *OAuthIdentity) restore(n graph.Node) { i.ID, i.Meta = n.ID, meta(n) }

// OAuthIdentities keeps who people are elsewhere.
type OAuthIdentities struct {
	repo graph.Repository
	keys *Keyring
}

// Add returns the change that links an identity to its account. The commit gets
// ErrAlreadyExists when it is linked already, to whomever.
func (s *OAuthIdentities) Add(i *OAuthIdentity) Change { return create(typeOAuthIdentity, i) }

// Replace returns the change that stores an identity that was used. The commit
// gets ErrConflict when it was changed since it was read.
func (s *OAuthIdentities) Replace(i *OAuthIdentity) Change {
	return update(typeOAuthIdentity, i, i.Version)
}

// Find returns the identity of a subject at a provider.
func (s *OAuthIdentities) Find(ctx context.Context, scope Scope, provider, issuer, subject string) (*OAuthIdentity, error) {
	return lookup[OAuthIdentity](ctx, s.repo, scope, typeOAuthIdentity, "provider_user", graph.String(provider), identityKey(issuer, subject))
}

// OfUser lists the identities of an account, oldest first: at most MaxIdentities.
func (s *OAuthIdentities) OfUser(ctx context.Context, scope Scope, userID string) ([]*OAuthIdentity, error) {
	page, err := list[OAuthIdentity](ctx, s.repo, scope, graph.Query{
		Type: typeOAuthIdentity, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: MaxIdentities,
	})
	return page.Items, err
}

// MaxIdentities is how many identities one account may have.
const MaxIdentities = 50

// Remove returns the change that unlinks an identity.
func (s *OAuthIdentities) Remove(id string) Change { return remove(typeOAuthIdentity, id) }

// Keep seals the provider's tokens into an identity that is about to be stored.
func (s *OAuthIdentities) Keep(scope Scope, i *OAuthIdentity, tokens []byte) {
	i.Sealed = s.keys.Seal(tokens, scope.Project(), "OAuthIdentity", i.ID)
}

// Kept opens what Keep sealed.
func (s *OAuthIdentities) Kept(scope Scope, i *OAuthIdentity) ([]byte, error) {
	return s.keys.Open(i.Sealed, scope.Project(), "OAuthIdentity", i.ID)
}
