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
	"sync"
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

var benchTime = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{clock: &clock{}, project: testProject()}
	b.clock.micros.Store(benchTime.UnixMicro())
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
	return storage.New(openRepository(tb, c.now), ring)
}

// benchKeys are made once, at the time of every bench: RSA keys take time.
var benchKeys = sync.OnceValues(func() ([]*storage.SigningKey, error) {
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	if err != nil {
		return nil, err
	}
	began := func() time.Time { return benchTime }
	store := storage.New(memory.Open(storage.Schema(), memory.Config{Now: began}), ring)
	if err := NewKeys(store, began, nil).Ensure(context.Background(), testProject()); err != nil {
		return nil, err
	}
	return store.SigningKeys.List(context.Background(), testProject().Scope())
})

// ensured makes the keys too.
func (b *bench) ensured(tb testing.TB) *bench {
	tb.Helper()
	if b.clock.now().Equal(benchTime) {
		keys, err := benchKeys()
		if err == nil {
			err = b.store.SigningKeys.Rotate(context.Background(), b.project.Scope(), keys, nil)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
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

// weakRSA is a key of 1024 bits, which the standard library no longer makes.
func weakRSA(t *testing.T) []byte {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(weakRSAPKCS8)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

const weakRSAPKCS8 = `MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBANLMCdvsaiuCVV00
e/i+v7RRAbCqpcfxMCvv5QWQjh7CtRwVIbncg1v9wXgR+fimAXN/2AMMdDbhyKDF
OUs/waQjOsR+pwu+wxqzRM9QMjwYG/TYmnQapY/pvytlisFUk3M4P71V/7eqvN/c
l4WvrL4SOv46P1/9QhyXPSLKKzrlAgMBAAECgYEAxpp6h3v8o7WOG9yBGOEO2SKh
RwPgYbq5uguxaUbCv/SOkkDOn8BE+vzftPKq4zv0jg9bQ7QOIk8jqWVoD5+oHffd
dJTiBDSZH/JedRTZaGNgIYK9NIT67f27DQNR5DbObmw9KbauRdKQ1Pg7TU3wEyXb
5xcLj/5qyHAHrRbrXlkCQQD8Y/Zei2uEwT/GRhevo1TLYEhUC4W6j7Z9lc6nEOXs
oCXW3Fvlcx8GOEgYqRjK3wwf/o6qz9H1Ju0vRWyl/2/PAkEA1c/L6xguICnrh0y/
ZDLOmlHMKjawvWf8dj+oDx7e2CfRpNZbsaRI1i0dIUpNk/EwVW3pEV6G5o2rdbtf
vn4DCwJAASjAX+zKAKEWluWJhE/+urRlgKVQ5ut0Dh2bBl9ofu65XcRDU8l0kgW+
JwbXy0688oSryRMNRs/39OifuB91NwJAcx2m59Oj+fM3+SesIDFupQ2HQ+8gJ0oW
VkAdps5zIqQFrp8uzSzrfkzZ0zOjIxUHdedwRcbEENuTxhZ1DSXhUwJAIDwGwF4d
hXrdAIzSCbdMCbGtWNeT9bTRL34HqG52FHpxpuVx2FAkVGjlYjA8JFn0ejPFNUMq
rJnY0mCHU93J0Q==`
