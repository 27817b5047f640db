package op

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// keyServer is a jwks_uri.
type keyServer struct {
	body  []byte // nil: it does not answer
	life  time.Duration
	asked atomic.Int32
}

func (s *keyServer) Fetch(context.Context, string, int64) ([]byte, error) {
	return nil, errors.New("FetchFresh is there")
}

func (s *keyServer) FetchFresh(context.Context, string, int64) ([]byte, time.Duration, error) {
	s.asked.Add(1)
	if s.body == nil {
		return nil, 0, errors.New("no answer")
	}
	return s.body, s.life, nil
}

func (s *keyServer) publish(t *testing.T, kids ...string) {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, kid := range kids {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: public, KeyID: kid})
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	s.body = body
}

func TestClientKeys(t *testing.T) {
	h, s := newHarness(t), &keyServer{life: -1}
	h.op.fetch = s
	s.publish(t, "one")
	c := &storage.Client{ID: "rp", JWKSURI: "https://rp.example.test/jwks"}
	want := func(kid string, found bool, asked int32) {
		t.Helper()
		keys, err := h.op.clientKeysWith(t.Context(), h.project, c, kid)
		has := false
		for _, k := range keys {
			has = has || k.KeyID == kid
		}
		if err != nil || has != found || s.asked.Load() != asked {
			t.Errorf("%s: found %v, asked %d times, %v", kid, has, s.asked.Load(), err)
		}
	}
	var all sync.WaitGroup
	for range 20 { // many at once ask once
		all.Go(func() { _, _ = h.op.clientKeys(t.Context(), h.project, c) })
	}
	all.Wait()
	want("one", true, 1)
	s.publish(t, "one", "two")
	want("two", false, 1) // just asked
	h.clock.advance(clientKeysRetry)
	want("two", true, 2)    // an unknown kid asks again
	want("three", false, 2) // but not at once
	h.clock.advance(clientKeysLeast)
	want("one", true, 3) // its age asks again
	s.body = nil
	h.clock.advance(clientKeysLeast)
	want("one", true, 4) // it does not answer: what is known is used
	h.clock.advance(2 * clientKeysMost)
	if _, err := h.op.clientKeys(t.Context(), h.project, c); !errors.Is(err, ErrInvalidClient) {
		t.Errorf("keys that are too old: %v", err)
	}
}
