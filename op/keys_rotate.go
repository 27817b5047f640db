package op

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	step := rotation{actor: "system"}
	if err := k.complete(ctx, p, rows, &step); err != nil || step.empty() {
		return err
	}
	return k.commit(ctx, p, &step)
}

// rotation is what one commit changes of the keys.
type rotation struct {
	actor          string
	added, changed []*storage.SigningKey
	events         []storage.Change
}

func (r *rotation) empty() bool { return len(r.added)+len(r.changed) == 0 }

// complete adds what the project lacks for signing.
func (k *Keys) complete(ctx context.Context, p *storage.Project, rows []*storage.SigningKey, step *rotation) error {
	for _, alg := range signingAlgs {
		active, next := find(rows, alg, storage.KeyActive), find(rows, alg, storage.KeyNext)
		switch {
		case active == nil && next != nil: // the active one was lost: the one that clients know takes over
			next.Status, next.ActiveSince = storage.KeyActive, k.now().UTC()
			step.changed = append(step.changed, next)
			step.events = append(step.events, k.event(step.actor, "signing_key.activated", next))
			active, next = next, nil
		case active == nil:
			kid, err := k.newKID(ctx, p, rows, alg, "")
			if err != nil {
				return err
			}
			active = &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyActive}
			step.add(k, active)
		}
		if next == nil {
			kid, err := k.newKID(ctx, p, rows, alg, active.ID)
			if err != nil {
				return err
			}
			step.add(k, &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyNext})
		}
	}
	return k.completeEncryption(ctx, p, rows, step)
}

func (r *rotation) add(k *Keys, key *storage.SigningKey) {
	r.added = append(r.added, key)
	r.events = append(r.events, k.event(r.actor, "signing_key.created", key))
}

// commit makes the new keys and stores everything at once.
func (k *Keys) commit(ctx context.Context, p *storage.Project, step *rotation) error {
	if err := k.generate(p, step.added); err != nil {
		return err
	}
	if err := k.store.SigningKeys.Rotate(ctx, p.Scope(), step.added, step.changed, step.events...); err != nil {
		return err
	}
	k.project(p.ID).notices.Add(1)
	return nil
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
func (k *Keys) Rotate(ctx context.Context, p *storage.Project, alg string, force bool, also ...storage.Change) ([]Rotated, error) {
	return k.RotateAs(ctx, "operator", p, alg, force, also...)
}

// RotateAs is Rotate with the name of who does it, and with what is committed
// beside it.
func (k *Keys) RotateAs(ctx context.Context, actor string, p *storage.Project, alg string, force bool, also ...storage.Change) ([]Rotated, error) {
	algs := slices.Concat(signingAlgs[:], decryptionAlgs[:])
	if alg != "" {
		if !slices.Contains(algs, alg) {
			return nil, fmt.Errorf("%w: alg %q is not one of %s", storage.ErrInvalidArgument, alg, strings.Join(algs, ", "))
		}
		algs = []string{alg}
	}
	return k.rotate(ctx, p, algs, actor, force, also...)
}

// RotateDue rotates the algs whose key has signed for this long. Nothing is due:
// nothing is changed. storage.ErrConflict when another process was faster.
func (k *Keys) RotateDue(ctx context.Context, p *storage.Project, every time.Duration) ([]Rotated, error) {
	rows, err := k.store.SigningKeys.List(ctx, p.Scope())
	if err != nil {
		return nil, err
	}
	var due []string
	for _, alg := range slices.Concat(signingAlgs[:], decryptionAlgs[:]) {
		active := find(rows, alg, storage.KeyActive)
		if active != nil && k.now().Sub(active.ActiveSince) >= every {
			due = append(due, alg)
		}
	}
	if due == nil {
		return nil, nil
	}
	return k.rotate(ctx, p, due, "system", false)
}

func (k *Keys) rotate(ctx context.Context, p *storage.Project, algs []string, actor string, force bool, also ...storage.Change) ([]Rotated, error) {
	if err := k.Ensure(ctx, p); err != nil {
		return nil, err
	}
	rows, err := k.store.SigningKeys.List(ctx, p.Scope())
	if err != nil {
		return nil, err
	}
	now := k.now().UTC()
	until := now.Add(max(p.AccessTokenTTL, p.IDTokenTTL) + jwksCacheTime + clockLeeway).Truncate(time.Microsecond)
	step := rotation{actor: actor, events: also}
	var out []Rotated
	for _, alg := range algs {
		if isDecryptionAlg(alg) {
			rotated, err := k.rotateEncryption(ctx, p, rows, alg, &step)
			if err != nil {
				return nil, err
			}
			out = append(out, rotated)
			continue
		}
		active, next := find(rows, alg, storage.KeyActive), find(rows, alg, storage.KeyNext)
		if active == nil || next == nil {
			return nil, storage.ErrConflict
		}
		if age := now.Sub(publishedSince(next)); age < jwksCacheTime && !force {
			return nil, fmt.Errorf("%w: %s key %s is published since %s, and clients may keep the JWKS for %s; try again in %s, or force it",
				ErrKeyTooNew, alg, next.ID, publishedSince(next).Format(time.RFC3339), jwksCacheTime, (jwksCacheTime - age).Round(time.Second))
		}
		kid, err := k.newKID(ctx, p, rows, alg, next.ID)
		if err != nil {
			return nil, err
		}
		if err := k.leave(p, active, storage.KeyRetiring, until); err != nil {
			return nil, err
		}
		next.Status, next.ActiveSince = storage.KeyActive, now
		step.changed = append(step.changed, active, next)
		step.events = append(step.events, k.event(actor, "signing_key.retired", active), k.event(actor, "signing_key.activated", next))
		step.add(k, &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyNext})
		out = append(out, Rotated{Alg: alg, Active: next.ID, Retiring: active.ID, RetiringUntil: until, Next: kid})
	}
	if err := k.commit(ctx, p, &step); err != nil {
		return nil, raced(err)
	}
	return out, nil
}

// raced is what a lost race is, whichever step of it the database saw first: the
// same kid made twice, or a row that changed.
func raced(err error) error {
	if errors.Is(err, storage.ErrAlreadyExists) {
		return storage.ErrConflict
	}
	return err
}
