package op

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
)

// revokedLife is how long the kid of a revoked key is remembered, so that no
// client that still holds the JWKS with it meets another key under it.
const revokedLife = 400 * 24 * time.Hour

// Retire unpublishes a retiring key before its time: what it signed is worth
// nothing from then on, but for an ID token that comes back as a hint. A key that
// signs, or is the next to, is storage.ErrConflict: rotate or revoke it.
func (k *Keys) Retire(ctx context.Context, p *storage.Project, kid string, also ...storage.Change) error {
	_, key, err := k.find(ctx, p, kid)
	if err != nil {
		return err
	}
	if key.Status != storage.KeyRetiring {
		return fmt.Errorf("%w: the key %s is %s, and only a retiring key can be retired: rotate first, or revoke it", storage.ErrConflict, kid, key.Status)
	}
	key.Status, key.UnpublishedAt = storage.KeyRetired, k.now().UTC().Truncate(time.Microsecond)
	return k.commit(ctx, p, &rotation{
		changed: []*storage.SigningKey{key}, events: append(also, k.event("operator", "signing_key.unpublished", key)),
	})
}

// Revoke ends a key that is compromised: it is unpublished, its private part is
// gone, and nothing that it signed is believed, not even as a hint. If it signed,
// the next key signs from now on, and a new next one is published.
func (k *Keys) Revoke(ctx context.Context, p *storage.Project, kid string, also ...storage.Change) error {
	return k.RevokeAs(ctx, "operator", p, kid, also...)
}

// RevokeAs is Revoke with the name of who does it, and with what is committed
// beside it.
func (k *Keys) RevokeAs(ctx context.Context, actor string, p *storage.Project, kid string, also ...storage.Change) error {
	rows, key, err := k.find(ctx, p, kid)
	if err != nil {
		return err
	}
	if key.Status == storage.KeyRevoked {
		return nil
	}
	now := k.now().UTC().Truncate(time.Microsecond)
	key.Status, key.Sealed, key.Public = storage.KeyRevoked, nil, nil
	key.UnpublishedAt, key.ExpiresAt = now, now.Add(revokedLife)
	step := rotation{
		actor: actor, changed: []*storage.SigningKey{key},
		events: append([]storage.Change{k.event(actor, "signing_key.revoked", key)}, also...),
	}
	if err := k.complete(ctx, p, rows, &step); err != nil {
		return err
	}
	return raced(k.commit(ctx, p, &step))
}

func (k *Keys) find(ctx context.Context, p *storage.Project, kid string) ([]*storage.SigningKey, *storage.SigningKey, error) {
	rows, err := k.store.SigningKeys.List(ctx, p.Scope())
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(rows, func(r *storage.SigningKey) bool { return r.ID == kid })
	if i < 0 {
		return nil, nil, fmt.Errorf("%w: the project %s has no signing key %q", storage.ErrNotFound, p.ID, kid)
	}
	return rows, rows[i], nil
}

// leave takes the private part from a key that signs no more. The public one
// stays as long as a session may last that began while it signed: until then an
// ID token may come back as a hint.
func (k *Keys) leave(p *storage.Project, key *storage.SigningKey, status storage.KeyStatus, until time.Time) error {
	parsed, err := k.parse(p, key)
	if err != nil {
		return err
	}
	if key.Public, err = x509.MarshalPKIXPublicKey(parsed.public); err != nil {
		return fmt.Errorf("signing key %s: %w", key.ID, err)
	}
	key.Sealed, key.Status, key.UnpublishedAt, key.ExpiresAt = nil, status, until, until.Add(p.SessionMax)
	return nil
}
