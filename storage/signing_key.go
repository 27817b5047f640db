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
	KeyRetired  KeyStatus = "retired"  // not published, reads an old id_token_hint alone
	KeyRevoked  KeyStatus = "revoked"  // believed in nothing; kept so that its kid never comes again
)

// SigningKey is a private key of the provider.
type SigningKey struct {
	ID   string `json:"-"` // kid (RFC 7517 §4.5)
	Meta `json:"-"`

	Alg    string    `json:"alg"` // JWS alg (RFC 7518 §3.1): one key, one alg (RFC 8725 §3.1)
	Status KeyStatus `json:"status"`
	// Sealed is the private key, PKCS #8. A key that signs no more loses it, and
	// keeps Public, PKIX: what was signed is verified, and nothing more can be.
	Sealed []byte `json:"sealed,omitempty"`
	Public []byte `json:"public,omitempty"`

	ActiveSince   time.Time `json:"active_since,omitzero"`
	UnpublishedAt time.Time `json:"unpublished_at,omitzero"` // of a key that signs no more: when clients lose it
	ExpiresAt     time.Time `json:"-"`                       // when the row is forgotten; zero while it may sign

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (k *SigningKey) keys() (string, []graph.Value, time.Time) {
	return k.ID, []graph.Value{graph.String(k.Alg), graph.String(string(k.Status)), graph.Int64(k.CreatedOrder)}, k.ExpiresAt
}

func (k *SigningKey) restore(n graph.Node) {
	k.ID, k.Meta, k.ExpiresAt = n.ID, meta(n), n.ExpiresAt
	if k.Status == KeyRetiring && k.UnpublishedAt.IsZero() { // older rows ended when they were unpublished
		k.UnpublishedAt = n.ExpiresAt
	}
}

// StatusAt is the status at this time: retiring ends by itself.
func (k *SigningKey) StatusAt(now time.Time) KeyStatus {
	if k.Status == KeyRetiring && !now.Before(k.UnpublishedAt) {
		return KeyRetired
	}
	return k.Status
}

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

// List returns every key, published or not, by alg and then by age.
func (s *SigningKeys) List(ctx context.Context, scope Scope) ([]*SigningKey, error) {
	var all []*SigningKey
	q := graph.Query{Type: typeSigningKey, Index: "alg", Limit: graph.MaxLimit}
	for {
		l, err := list[SigningKey](ctx, s.repo, scope, q)
		if err != nil {
			return nil, err
		}
		all = append(all, l.Items...)
		if l.Next == "" {
			return all, nil
		}
		q.After = l.Next
	}
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
