package op

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elloloop/identity/storage"
)

// ErrKeyTooNew: a next key was not published long enough to sign.
var ErrKeyTooNew = errors.New("the next signing key is too new")

// Ensure makes the keys that a project lacks: one that signs and one that is
// published to sign next, for each algorithm. Of several processes that do it at
// once one wins, and all use its keys.
func (k *Keys) Ensure(ctx context.Context, p *storage.Project) error {
	for range 3 {
		rows, err := k.store.SigningKeys.List(ctx, p.Scope())
		if err != nil {
			return err
		}
		err = k.ensure(ctx, p, rows)
		if err == nil || !errors.Is(err, storage.ErrAlreadyExists) && !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
	return storage.ErrConflict
}

func (k *Keys) ensure(ctx context.Context, p *storage.Project, rows []*storage.SigningKey) error {
	var added, changed []*storage.SigningKey
	for _, alg := range signingAlgs {
		active, next := find(rows, alg, storage.KeyActive), find(rows, alg, storage.KeyNext)
		switch {
		case active == nil && next != nil: // the active one was lost: the one that clients know takes over
			next.Status, next.ActiveSince = storage.KeyActive, k.now().UTC()
			changed, active, next = append(changed, next), next, nil
		case active == nil:
			kid, err := k.newKID(ctx, p, alg, "")
			if err != nil {
				return err
			}
			active = &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyActive}
			added = append(added, active)
		}
		if next == nil {
			kid, err := k.newKID(ctx, p, alg, active.ID)
			if err != nil {
				return err
			}
			added = append(added, &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyNext})
		}
	}
	if len(added)+len(changed) == 0 {
		return nil
	}
	if err := k.generate(p, added); err != nil {
		return err
	}
	var events []storage.Change
	for _, a := range added {
		events = append(events, k.event("signing_key.created", a))
	}
	for _, c := range changed {
		events = append(events, k.event("signing_key.activated", c))
	}
	return k.store.SigningKeys.Rotate(ctx, p.Scope(), added, changed, events...)
}

// Rotated tells of one rotation.
type Rotated struct {
	Alg           string
	Active        string    // kid of the key that signs now
	Retiring      string    // kid of the key that signed until now
	RetiringUntil time.Time // when it is unpublished
	Next          string    // kid of the key that is published to sign next
}

// Rotate lets the next key sign, keeps the one that signed published until all
// that it signed has expired, and publishes a new next key; for one alg, or for
// all if alg is "". Without force it refuses with ErrKeyTooNew while a client may
// still hold a JWKS without the next key. storage.ErrConflict when another
// process rotated meanwhile. On an error nothing was changed.
func (k *Keys) Rotate(ctx context.Context, p *storage.Project, alg string, force bool) ([]Rotated, error) {
	algs := signingAlgs[:]
	if alg != "" {
		if !isSigningAlg(alg) {
			return nil, fmt.Errorf("%w: alg %q is not one of %s", storage.ErrInvalidArgument, alg, strings.Join(signingAlgs[:], ", "))
		}
		algs = []string{alg}
	}
	if err := k.Ensure(ctx, p); err != nil {
		return nil, err
	}
	rows, err := k.store.SigningKeys.List(ctx, p.Scope())
	if err != nil {
		return nil, err
	}
	now := k.now().UTC()
	until := now.Add(max(p.AccessTokenTTL, p.IDTokenTTL) + jwksCacheTime + clockLeeway).Truncate(time.Microsecond)
	var added, changed []*storage.SigningKey
	var events []storage.Change
	var out []Rotated
	for _, alg := range algs {
		active, next := find(rows, alg, storage.KeyActive), find(rows, alg, storage.KeyNext)
		if active == nil || next == nil {
			return nil, storage.ErrConflict
		}
		if age := now.Sub(publishedSince(next)); age < jwksCacheTime && !force {
			return nil, fmt.Errorf("%w: %s key %s is published since %s, and clients may keep the JWKS for %s; try again in %s, or force it",
				ErrKeyTooNew, alg, next.ID, publishedSince(next).Format(time.RFC3339), jwksCacheTime, (jwksCacheTime - age).Round(time.Second))
		}
		kid, err := k.newKID(ctx, p, alg, next.ID)
		if err != nil {
			return nil, err
		}
		fresh := &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyNext}
		active.Status, active.ExpiresAt = storage.KeyRetiring, until
		next.Status, next.ActiveSince = storage.KeyActive, now
		added, changed = append(added, fresh), append(changed, active, next)
		events = append(events, k.event("signing_key.retired", active), k.event("signing_key.activated", next), k.event("signing_key.created", fresh))
		out = append(out, Rotated{Alg: alg, Active: next.ID, Retiring: active.ID, RetiringUntil: until, Next: kid})
	}
	if err := k.generate(p, added); err != nil {
		return nil, err
	}
	if err := k.store.SigningKeys.Rotate(ctx, p.Scope(), added, changed, events...); err != nil {
		if errors.Is(err, storage.ErrAlreadyExists) { // the same step of the chain of kids
			err = storage.ErrConflict
		}
		return nil, err
	}
	k.project(p.ID).notices.Add(1)
	return out, nil
}

func find(rows []*storage.SigningKey, alg string, status storage.KeyStatus) *storage.SigningKey {
	i := slices.IndexFunc(rows, func(r *storage.SigningKey) bool { return r.Alg == alg && r.Status == status })
	if i < 0 {
		return nil
	}
	return rows[i]
}

// newKID returns the kid of the key that follows another. It is the same in
// every process, so that of two that make the key at once the database refuses
// one; and it differs between databases, so that no client that remembers a kid
// meets another key under it.
func (k *Keys) newKID(ctx context.Context, p *storage.Project, alg, after string) (string, error) {
	secret, err := k.store.ProjectSecrets.Get(ctx, p.Scope(), "kid")
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s after %s", alg, after)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:15]), nil
}

// generate makes and seals the keys, on all processors: RSA takes its time.
func (k *Keys) generate(p *storage.Project, keys []*storage.SigningKey) error {
	now := k.now().UTC()
	errs := make([]error, len(keys))
	var all sync.WaitGroup
	for i, key := range keys {
		key.CreatedOrder = now.UnixMicro()
		if key.Status == storage.KeyActive {
			key.ActiveSince = now
		}
		all.Go(func() {
			pkcs8, err := newPrivateKey(key.Alg)
			if err != nil {
				errs[i] = fmt.Errorf("%s signing key can't be made: %w", key.Alg, err)
				return
			}
			k.store.SigningKeys.Seal(p.Scope(), key, pkcs8)
			clear(pkcs8)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func newPrivateKey(alg string) ([]byte, error) {
	var key crypto.Signer
	var err error
	switch alg {
	case "RS256", "PS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func (k *Keys) event(action string, key *storage.SigningKey) storage.Change {
	return k.store.AuditEvents.Append(storage.AuditEvent{
		At: k.now().UTC(), Action: action, Outcome: "success", Actor: "operator", Target: key.ID,
		Details: map[string]string{"alg": key.Alg},
	})
}
