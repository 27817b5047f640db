package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// KeyStatus is where a signing key is in its life.
type KeyStatus string

// A key is published before it signs and after it signed, so that no client
// ever meets a kid that its copy of the JWKS lacks.
const (
	KeyNext     KeyStatus = "next"     // published, does not sign yet
	KeyActive   KeyStatus = "active"   // signs
	KeyRetiring KeyStatus = "retiring" // published until what it signed has expired
)

// SigningKey is a private key of the provider.
type SigningKey struct {
	ID   string `json:"-"` // kid (RFC 7517 §4.5)
	Meta `json:"-"`

	Alg    string    `json:"alg"` // JWS alg (RFC 7518 §3.1): one key, one alg (RFC 8725 §3.1)
	Status KeyStatus `json:"status"`
	Sealed []byte    `json:"sealed"` // PKCS #8, sealed

	ActiveSince time.Time `json:"active_since,omitzero"`
	ExpiresAt   time.Time `json:"-"` // when a retiring key is unpublished; zero otherwise

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (k *SigningKey) keys() (string, []graph.Value, time.Time) {
	return k.ID, []graph.Value{graph.String(k.Alg), graph.String(string(k.Status)), graph.Int64(k.CreatedOrder)}, k.ExpiresAt
}

func (k *SigningKey) restore(n graph.Node) { k.ID, k.Meta, k.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// SigningKeys keeps the provider's keys.
type SigningKeys struct {
	repo graph.Repository
	keys *Keyring
}

// Seal puts the PKCS #8 form of the private key into k, sealed.
func (s *SigningKeys) Seal(scope Scope, k *SigningKey, pkcs8 []byte) {
	k.Sealed = s.keys.Seal(pkcs8, scope.Project(), "SigningKey", k.ID)
}

// Open returns the PKCS #8 form of the private key.
func (s *SigningKeys) Open(scope Scope, k *SigningKey) ([]byte, error) {
	return s.keys.Open(k.Sealed, scope.Project(), "SigningKey", k.ID)
}

// List returns every published key, by alg and then by age.
func (s *SigningKeys) List(ctx context.Context, scope Scope) ([]*SigningKey, error) {
	l, err := list[SigningKey](ctx, s.repo, scope, graph.Query{Type: typeSigningKey, Index: "alg", Limit: graph.MaxLimit})
	return l.Items, err
}

// Rotate stores new keys and the new status of old ones in one commit.
// ErrConflict when another process rotated meanwhile: nothing was changed.
func (s *SigningKeys) Rotate(ctx context.Context, scope Scope, added, changed []*SigningKey, also ...Change) error {
	changes := make([]Change, 0, len(added)+len(changed)+len(also))
	for _, k := range changed {
		changes = append(changes, update(typeSigningKey, k, k.Version))
	}
	for _, k := range added {
		changes = append(changes, create(typeSigningKey, k))
	}
	_, err := commit(ctx, s.repo, scope, append(changes, also...))
	return err
}
