package op

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
)

// unavailable is a database that does not answer while away is set.
type unavailable struct {
	graph.Repository
	away bool
}

func (u *unavailable) List(ctx context.Context, s graph.Scope, q graph.Query) (graph.Page, error) {
	if u.away {
		return graph.Page{}, graph.ErrUnavailable
	}
	return u.Repository.List(ctx, s, q)
}

func brokenStore(t *testing.T) *storage.Store {
	t.Helper()
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return storage.New(&unavailable{away: true}, ring)
}

func statuses(t *testing.T, b *bench) map[string]int {
	t.Helper()
	infos, err := b.keys.List(t.Context(), b.project)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, i := range infos {
		count[i.Alg+" "+string(i.Status)]++
	}
	return count
}

var wholeSet = map[string]int{
	"RS256 active": 1, "PS256 active": 1, "ES256 active": 1, "EdDSA active": 1,
	"RS256 next": 1, "PS256 next": 1, "ES256 next": 1, "EdDSA next": 1,
	"RSA-OAEP-256 active": 1, "ECDH-ES active": 1,
}

func TestEnsureRaced(t *testing.T) {
	b := newBench(t)
	var all sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs { // three processes on one database
		keys := NewKeys(b.store, b.clock.now, nil)
		all.Go(func() { errs[i] = keys.Ensure(t.Context(), b.project) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wholeSet, statuses(t, b)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if err := b.keys.Ensure(t.Context(), b.project); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wholeSet, statuses(t, b)); diff != "" {
		t.Errorf("keys after another Ensure (-want +got):\n%s", diff)
	}
	events, err := b.store.AuditEvents.List(t.Context(), b.project.Scope(), storage.AuditFilter{Action: "signing_key.created"}, storage.PageRequest{})
	if err != nil || len(events.Items) != 10 {
		t.Errorf("%d audit events, %v, want one for each key", len(events.Items), err)
	}
}

func TestReady(t *testing.T) {
	b := newBench(t)
	t.Run("S6-11/no-key", func(t *testing.T) {
		if err := b.keys.Ready(t.Context(), b.project); err == nil || !strings.Contains(err.Error(), "no active RS256") {
			t.Errorf("Ready = %v", err)
		}
		if _, err := b.keys.sign(t.Context(), b.project, "RS256", "JWT", 1); !errors.Is(err, ErrServerError) {
			t.Errorf("sign = %v, want server_error", err)
		}
	})
	b.ensured(t)
	b.clock.advance(keySetLife)
	if err := b.keys.Ready(t.Context(), b.project); err != nil {
		t.Error(err)
	}
	t.Run("S6-11/clock-before-the-keys-start", func(t *testing.T) {
		b.clock.advance(-time.Hour)
		if err := b.keys.Ready(t.Context(), b.project); err == nil || !strings.Contains(err.Error(), "clock is behind") {
			t.Errorf("Ready = %v", err)
		}
	})
}

func TestRotate(t *testing.T) {
	b := newBench(t).ensured(t)
	ctx := t.Context()
	before, err := b.keys.sign(ctx, b.project, "ES256", "JWT", map[string]int{"n": 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.keys.Rotate(ctx, b.project, "ES256", false); !errors.Is(err, ErrKeyTooNew) {
		t.Fatalf("Rotate of a new key = %v, want ErrKeyTooNew", err)
	}
	if _, err := b.keys.Rotate(ctx, b.project, "HS256", false); !errors.Is(err, storage.ErrInvalidArgument) {
		t.Fatalf("Rotate of HS256 = %v, want ErrInvalidArgument", err)
	}
	b.clock.advance(jwksCacheTime)
	published, _, err := b.keys.JWKS(ctx, b.project)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := b.keys.Rotate(ctx, b.project, "ES256", false)
	if err != nil || len(rotated) != 1 {
		t.Fatalf("Rotate = %v, %v", rotated, err)
	}
	r := rotated[0]
	if want := b.clock.now().Add(15*time.Minute + jwksCacheTime + clockLeeway); !r.RetiringUntil.Equal(want) {
		t.Errorf("retiring until %v, want %v", r.RetiringUntil, want)
	}
	after, err := b.keys.sign(ctx, b.project, "ES256", "JWT", map[string]int{"n": 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{before, after} {
		if _, _, err := b.keys.verify(ctx, b.project, token, []string{"JWT"}); err != nil {
			t.Errorf("a token around the rotation: %v", err)
		}
	}
	if h, _ := ownHeader(after); h.KID != r.Active || !bytes.Contains(published, []byte(r.Active)) {
		t.Errorf("signed by %s, want %s, which was published before it signed", h.KID, r.Active)
	}
	want := map[string]int{"ES256 retiring": 1}
	for k, v := range wholeSet {
		want[k] = v
	}
	if diff := cmp.Diff(want, statuses(t, b)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if _, err := b.keys.Rotate(ctx, b.project, "ES256", true); err != nil {
		t.Errorf("forced Rotate = %v", err)
	}
	b.clock.advance(r.RetiringUntil.Sub(b.clock.now()))
	delete(want, "ES256 retiring")
	want["ES256 retired"] = 2
	if diff := cmp.Diff(want, statuses(t, b)); diff != "" {
		t.Errorf("keys when the old ones are unpublished (-want +got):\n%s", diff)
	}
	b.clock.advance(b.project.SessionMax + time.Minute)
	if diff := cmp.Diff(wholeSet, statuses(t, b)); diff != "" {
		t.Errorf("keys when nobody can hold an ID token of the old ones (-want +got):\n%s", diff)
	}
}

// TestRotateRaced: of two processes that rotate at once one wins.
func TestRotateRaced(t *testing.T) {
	b := newBench(t).ensured(t)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		keys := NewKeys(b.store, b.clock.now, nil)
		all.Go(func() { _, errs[i] = keys.Rotate(t.Context(), b.project, "EdDSA", true) })
	}
	all.Wait()
	won := int64(0)
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Rotate = %v, want nil or ErrConflict", err)
		}
	}
	got := statuses(t, b)
	if won == 0 || got["EdDSA active"] != 1 || got["EdDSA next"] != 1 || int64(got["EdDSA retiring"]) != won {
		t.Errorf("%d rotations gave %v", won, got)
	}
}

func TestJWKS(t *testing.T) {
	b := newBench(t).ensured(t)
	body, etag, err := b.keys.JWKS(t.Context(), b.project)
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) != 10 {
		t.Fatalf("%d keys, %v", len(set.Keys), err)
	}
	kids := map[any]bool{}
	for _, k := range set.Keys {
		kids[k["kid"]] = true
		encrypts := k["use"] == "enc" && (k["alg"] == "RSA-OAEP-256" || k["kty"] == "EC")
		if !encrypts && (k["use"] != "sig" || !isSigningAlg(fmt.Sprint(k["alg"]))) {
			t.Errorf("key %v: use %v, alg %v", k["kid"], k["use"], k["alg"])
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth"} {
			if k[private] != nil {
				t.Errorf("key %v publishes %s", k["kid"], private)
			}
		}
	}
	if len(kids) != 10 || set.Keys[0]["alg"] != "RS256" {
		t.Errorf("kids %v, first alg %v", kids, set.Keys[0]["alg"])
	}
	again, same, err := b.keys.JWKS(t.Context(), b.project)
	if err != nil || same != etag || &again[0] != &body[0] {
		t.Error("the body was made twice")
	}
}

// TestKeysInvalidate: a rotation by another process is seen at a notice, and
// without one when the cached set is old.
func TestKeysInvalidate(t *testing.T) {
	b := newBench(t).ensured(t)
	old := b.active(t, "EdDSA").kid
	other := NewKeys(b.store, b.clock.now, nil)
	rotated, err := other.Rotate(t.Context(), b.project, "EdDSA", true)
	if err != nil {
		t.Fatal(err)
	}
	if kid := b.active(t, "EdDSA").kid; kid != old {
		t.Fatalf("the set was not cached: %s", kid)
	}
	b.keys.Invalidate(storage.Notice{Project: "another", All: false, Type: 107})
	if kid := b.active(t, "EdDSA").kid; kid != old {
		t.Errorf("a notice of another project dropped the set")
	}
	b.keys.Invalidate(storage.Notice{All: true})
	if kid := b.active(t, "EdDSA").kid; kid != rotated[0].Active {
		t.Errorf("after a notice: %s, want %s", kid, rotated[0].Active)
	}
	if rotated, err = other.Rotate(t.Context(), b.project, "EdDSA", true); err != nil {
		t.Fatal(err)
	}
	t.Run("S6-09/notice-lost", func(t *testing.T) {
		b.clock.advance(keySetLife)
		if kid := b.active(t, "EdDSA").kid; kid != rotated[0].Active {
			t.Errorf("after half a minute: %s, want %s", kid, rotated[0].Active)
		}
	})
}

// noticing is a repository whose notices a test sends.
type noticing struct {
	graph.Repository
	notices chan graph.Change
}

func (n *noticing) Watch(context.Context) (<-chan graph.Change, error) { return n.notices, nil }

func TestKeysWatch(t *testing.T) {
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	repo := &noticing{notices: make(chan graph.Change)}
	keys := NewKeys(storage.New(repo, ring), time.Now, nil)
	pk := keys.project("default")
	done := make(chan error)
	go func() { done <- keys.Watch(t.Context()) }()
	repo.notices <- graph.Change{All: true}
	close(repo.notices)
	if err := <-done; err != nil || pk.notices.Load() != 1 {
		t.Errorf("Watch = %v, and %d notices", err, pk.notices.Load())
	}
}

func TestKeysWhileTheDatabaseIsAway(t *testing.T) {
	b := newBench(t)
	repo := &unavailable{Repository: memory.Open(storage.Schema(), memory.Config{Now: b.clock.now})}
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	b.store = storage.New(repo, ring)
	b.keys = NewKeys(b.store, b.clock.now, nil)
	b.ensured(t)
	if _, _, err := b.keys.JWKS(t.Context(), b.project); err != nil {
		t.Fatal(err)
	}
	repo.away = true
	b.clock.advance(keySetLife)
	if _, _, err := b.keys.JWKS(t.Context(), b.project); err != nil {
		t.Errorf("published keys are gone with the database: %v", err)
	}
	b.clock.advance(jwksCacheTime)
	if _, _, err := b.keys.JWKS(t.Context(), b.project); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("JWKS = %v, want ErrUnavailable when the keys are old", err)
	}
}

func TestParseSigningKey(t *testing.T) {
	pkcs8 := func(key any, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	rsa2048 := pkcs8(rsa.GenerateKey(rand.Reader, 2048))
	for _, test := range []struct {
		name, alg string
		der       []byte
		want      string // part of the sentence
	}{
		{"rsa-1024", "RS256", weakRSA(t), "2048 bits or more"},
		{"p-384", "ES256", pkcs8(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), "holds a key on P-384"},
		{"rsa-for-es256", "ES256", rsa2048, "holds an RSA key"},
		{"ed25519-for-rs256", "RS256", pkcs8(edKey, err), "holds an Ed25519 key"},
		{"rsa-for-eddsa", "EdDSA", rsa2048, "needs an Ed25519 key"},
		{"hs256", "HS256", rsa2048, `alg "HS256" is not one of`},
		{"garbage", "RS256", []byte("MIIE"), "can't be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseSigningKey(&storage.SigningKey{ID: "kid-1", Alg: test.alg}, test.der)
			if err == nil || !strings.Contains(err.Error(), "kid-1") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want a sentence with kid-1 and %q", err, test.want)
			}
		})
	}
	key, err := parseSigningKey(&storage.SigningKey{ID: "kid-1", Alg: "RS256"}, rsa2048)
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", key, key, key, key.LogValue()); strings.Count(shown, "[redacted]") != 4 {
		t.Errorf("a key shows itself: %s", shown)
	}
}

func TestKeysHolding(t *testing.T) {
	b := newBench(t).ensured(t)
	b.active(t, "EdDSA")
	other := NewKeys(b.store, b.clock.now, nil)
	for range 2 { // the second next key is one that b has never seen
		if _, err := other.Rotate(t.Context(), b.project, "EdDSA", true); err != nil {
			t.Fatal(err)
		}
	}
	token, err := other.sign(t.Context(), b.project, "EdDSA", "JWT", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.keys.verify(t.Context(), b.project, token, []string{"JWT"}); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("verify = %v: the database was asked for an unknown kid right after it was read", err)
	}
	b.clock.advance(keySetRetry)
	if _, _, err := b.keys.verify(t.Context(), b.project, token, []string{"JWT"}); err != nil {
		t.Errorf("verify of a kid that another process made = %v", err)
	}
}
