package op

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

func (b *bench) kids(t *testing.T, alg string, status storage.KeyStatus) []string {
	t.Helper()
	infos, err := b.keys.List(t.Context(), b.project)
	if err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, i := range infos {
		if i.Alg == alg && i.Status == status {
			kids = append(kids, i.KID)
		}
	}
	return kids
}

func (b *bench) verifies(t *testing.T, token string) (published, hint error) {
	t.Helper()
	_, _, published = b.keys.verify(t.Context(), b.project, token, []string{typJWT})
	_, hint = b.keys.verifyHint(t.Context(), b.project, token, []string{typJWT})
	return published, hint
}

// TestRetiredKey: a key that is not published any more lets nobody in, and still
// reads an ID token that comes back as a hint, for as long as a session may last.
func TestRetiredKey(t *testing.T) {
	b := newBench(t).ensured(t)
	b.project.SessionMax = 24 * time.Hour
	token, err := b.keys.sign(t.Context(), b.project, "ES256", typJWT, map[string]int{"n": 1})
	if err != nil {
		t.Fatal(err)
	}
	old := b.active(t, "ES256").kid
	if _, err := b.keys.Rotate(t.Context(), b.project, "ES256", true); err != nil {
		t.Fatal(err)
	}
	rows, err := b.store.SigningKeys.List(t.Context(), b.project.Scope())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.ID == old && (r.Sealed != nil || r.Public == nil) {
			t.Error("S5-07: the private part of a key that signs no more is still stored")
		}
	}
	if published, hint := b.verifies(t, token); published != nil || hint != nil {
		t.Errorf("retiring: %v, %v", published, hint)
	}
	b.clock.advance(b.project.AccessTokenTTL + jwksCacheTime + clockLeeway)
	if published, hint := b.verifies(t, token); !errors.Is(published, ErrInvalidToken) || hint != nil {
		t.Errorf("retired: verify = %v, want ErrInvalidToken; as a hint = %v", published, hint)
	}
	body, _, err := b.keys.JWKS(t.Context(), b.project)
	if err != nil || bytes.Contains(body, []byte(old)) {
		t.Errorf("the JWKS has a retired key, %v", err)
	}
	b.clock.advance(b.project.SessionMax)
	if _, hint := b.verifies(t, token); !errors.Is(hint, ErrInvalidToken) {
		t.Errorf("a hint after every session has ended: %v", hint)
	}
}

func TestRetire(t *testing.T) {
	b := newBench(t).ensured(t)
	b.project.SessionMax = 24 * time.Hour
	for _, status := range []storage.KeyStatus{storage.KeyActive, storage.KeyNext} {
		if err := b.keys.Retire(t.Context(), b.project, b.kids(t, "EdDSA", status)[0]); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Retire of the %s key = %v, want ErrConflict", status, err)
		}
	}
	if err := b.keys.Retire(t.Context(), b.project, "nobody"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Retire of no key = %v", err)
	}
	token, err := b.keys.sign(t.Context(), b.project, "EdDSA", typJWT, 1)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := b.keys.Rotate(t.Context(), b.project, "EdDSA", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.keys.Retire(t.Context(), b.project, rotated[0].Retiring); err != nil {
		t.Fatal(err)
	}
	if published, hint := b.verifies(t, token); !errors.Is(published, ErrInvalidToken) || hint != nil {
		t.Errorf("retired by hand: verify = %v, as a hint = %v", published, hint)
	}
}

// TestRevoke: nothing that a revoked key signed is believed, another key signs at
// once, and its kid never comes again.
func TestRevoke(t *testing.T) {
	for _, status := range []storage.KeyStatus{storage.KeyActive, storage.KeyNext, storage.KeyRetiring} {
		t.Run(string(status), func(t *testing.T) {
			b := newBench(t).ensured(t)
			b.project.SessionMax = 24 * time.Hour
			token, err := b.keys.sign(t.Context(), b.project, "EdDSA", typJWT, 1)
			if err != nil {
				t.Fatal(err)
			}
			if status == storage.KeyRetiring {
				if _, err := b.keys.Rotate(t.Context(), b.project, "EdDSA", true); err != nil {
					t.Fatal(err)
				}
			}
			kid, next := b.kids(t, "EdDSA", status)[0], b.kids(t, "EdDSA", storage.KeyNext)[0]
			for range 2 { // the second time there is nothing left to do
				if err := b.keys.Revoke(t.Context(), b.project, kid); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.keys.Ensure(t.Context(), b.project); err != nil {
				t.Fatal(err)
			}
			published, hint := b.verifies(t, token)
			if signed := status != storage.KeyNext; signed != errors.Is(published, ErrInvalidToken) || signed != errors.Is(hint, ErrInvalidToken) {
				t.Errorf("what the %s key signed: verify = %v, as a hint = %v", status, published, hint)
			}
			got := statuses(t, b)
			if got["EdDSA active"] != 1 || got["EdDSA next"] != 1 || got["EdDSA revoked"] != 1 {
				t.Errorf("keys: %v", got)
			}
			if active := b.kids(t, "EdDSA", storage.KeyActive)[0]; status == storage.KeyActive && active != next {
				t.Errorf("%s signs, want %s, which clients know", active, next)
			}
			rows, err := b.store.SigningKeys.List(t.Context(), b.project.Scope())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.ID == kid && (r.Sealed != nil || r.Public != nil) {
					t.Error("a part of a revoked key is still stored")
				}
			}
		})
	}
}

func TestRotateDue(t *testing.T) {
	b := newBench(t).ensured(t)
	const every = 30 * 24 * time.Hour
	for _, step := range []struct {
		name string
		pass time.Duration
		want int
	}{{"too-early", every - time.Second, 0}, {"due", time.Second, len(signingAlgs) + len(decryptionAlgs)}, {"done", time.Minute, 0}} {
		b.clock.advance(step.pass)
		rotated, err := b.keys.RotateDue(t.Context(), b.project, every)
		if err != nil || len(rotated) != step.want {
			t.Errorf("%s: %d rotated, %v, want %d", step.name, len(rotated), err, step.want)
		}
	}
	if _, err := b.keys.Rotate(t.Context(), b.project, "RS256", true); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(every - time.Minute)
	rotated, err := b.keys.RotateDue(t.Context(), b.project, every)
	if err != nil || len(rotated) != 5 {
		t.Errorf("%d algs, %v, want the five that were not rotated by hand", len(rotated), err)
	}
}
