package op

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/memory"
)

// bench is a provider with keys, and nobody who signs in: for what needs neither
// pages nor people.
type bench struct {
	op      *Provider
	store   *storage.Store
	keys    *Keys
	clock   *clock
	project *storage.Project
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{clock: &clock{}, project: testProject()}
	b.clock.micros.Store(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	b.store = testStore(tb, b.clock)
	b.keys = NewKeys(b.store, b.clock.now, nil)
	b.op = &Provider{
		store: b.store, keys: b.keys, now: b.clock.now, log: slog.New(slog.DiscardHandler),
		clients:  newClientCache(b.store, b.clock.now),
		projects: func(*http.Request) (*storage.Project, error) { return b.project, nil },
	}
	return b
}

func testStore(tb testing.TB, c *clock) *storage.Store {
	tb.Helper()
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	if err != nil {
		tb.Fatal(err)
	}
	return storage.New(memory.Open(storage.Schema(), memory.Config{Now: c.now}), ring)
}

// ensured makes the keys too.
func (b *bench) ensured(tb testing.TB) *bench {
	tb.Helper()
	if err := b.keys.Ensure(context.Background(), b.project); err != nil {
		tb.Fatal(err)
	}
	return b
}

func (b *bench) create(tb testing.TB, c *storage.Client) *storage.Client {
	tb.Helper()
	if err := b.store.Clients.Create(context.Background(), b.project.Scope(), c, ClientOrigins(c)); err != nil {
		tb.Fatal(err)
	}
	return c
}

// active returns the parsed active key of an alg.
func (b *bench) active(tb testing.TB, alg string) *signingKey {
	tb.Helper()
	set, err := b.keys.current(context.Background(), b.project)
	if err != nil {
		tb.Fatal(err)
	}
	return set.active[alg]
}

// forge writes a JWS whose header and signature are whatever a test wants.
func forge(tb testing.TB, header map[string]any, payload string, signature func(input []byte) []byte) string {
	tb.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		tb.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64(h) + "." + b64([]byte(payload))
	return input + "." + b64(signature([]byte(input)))
}

func unsigned([]byte) []byte { return nil }

func hs256(key []byte) func([]byte) []byte {
	return func(input []byte) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

// joseSign signs by go-jose with any header, as a client's library does.
func joseSign(tb testing.TB, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, payload string) string {
	tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		tb.Fatal(err)
	}
	jws, err := signer.Sign([]byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func codeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
