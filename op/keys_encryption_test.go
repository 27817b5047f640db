package op

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// encryptedTo encrypts to the provider's published key for alg, as a client does.
func (h *harness) encryptedTo(alg, enc, payload string, withKID bool) string {
	h.t.Helper()
	body, _, err := h.op.keys.JWKS(h.t.Context(), h.project)
	h.must(err)
	var set jose.JSONWebKeySet
	h.must(json.Unmarshal(body, &set))
	key := encryptionKey(set.Keys, alg)
	to := jose.Recipient{Algorithm: jose.KeyAlgorithm(alg), Key: key.Key}
	if withKID {
		to.KeyID = key.KeyID
	}
	encrypter, err := jose.NewEncrypter(jose.ContentEncryption(enc), to, (&jose.EncrypterOptions{}).WithContentType("JWT"))
	h.must(err)
	jwe, err := encrypter.Encrypt([]byte(payload))
	h.must(err)
	compact, err := jwe.CompactSerialize()
	h.must(err)
	return compact
}

// TestEncryptedRequestObject: encrypted to a published key, and signed inside.
func TestEncryptedRequestObject(t *testing.T) {
	for _, alg := range encryptionAlgs {
		for _, enc := range encryptionEncs {
			t.Run(alg+"/"+enc, func(t *testing.T) {
				h := objectHarness(t)
				for _, kid := range []bool{true, false} {
					object := h.encryptedTo(alg, enc, signedObject(t, inner()), kid)
					if _, q := location(t, h.get(pathAuthorize, outer("rp", object))); !q.Has("code") || q.Get("state") != "inside" {
						t.Errorf("kid %v: %v", kid, q)
					}
				}
			})
		}
	}
	t.Run("S2-16/unsigned-inside", func(t *testing.T) {
		h := objectHarness(t)
		object := h.encryptedTo("ECDH-ES", "A128GCM", requestObject(t, algNone, "", nil, inner(), nil), true)
		if _, q := location(t, h.get(pathAuthorize, outer("rp", object))); q.Get("error") != "request_not_supported" {
			t.Errorf("got %v", q)
		}
	})
	t.Run("S2-10/nested", func(t *testing.T) {
		h := objectHarness(t)
		object := h.encryptedTo("ECDH-ES", "A128GCM", h.encryptedTo("ECDH-ES", "A128GCM", signedObject(t, inner()), true), true)
		if _, q := location(t, h.get(pathAuthorize, outer("rp", object))); q.Get("error") != "invalid_request_object" {
			t.Errorf("got %v", q)
		}
	})
	t.Run("RFC7517-4.2/key-after-a-rotation", func(t *testing.T) {
		h := objectHarness(t)
		old := h.encryptedTo("RSA-OAEP-256", "A256GCM", signedObject(t, inner()), true)
		before, _, err := h.op.keys.JWKS(t.Context(), h.project)
		h.must(err)
		rotated, err := h.op.keys.Rotate(t.Context(), h.project, "RSA-OAEP-256", false)
		h.must(err)
		after, _, err := h.op.keys.JWKS(t.Context(), h.project)
		h.must(err)
		index := func(kid string) int { return strings.Index(string(after), kid) }
		if !strings.Contains(string(before), rotated[0].Retiring) || index(rotated[0].Active) < 0 || index(rotated[0].Retiring) < index(rotated[0].Active) {
			t.Errorf("published before %s, after %s; rotated %+v", before, after, rotated)
		}
		for _, object := range []string{old, h.encryptedTo("RSA-OAEP-256", "A256GCM", signedObject(t, inner()), true)} {
			if _, q := location(t, h.get(pathAuthorize, outer("rp", object))); !q.Has("code") {
				t.Errorf("around a rotation: %v", q)
			}
		}
		h.clock.advance(rotated[0].RetiringUntil.Sub(h.clock.now()))
		unpublished, _, err := h.op.keys.JWKS(t.Context(), h.project)
		h.must(err)
		if strings.Contains(string(unpublished), rotated[0].Retiring) {
			t.Error("an old key is published for ever")
		}
		if _, err := h.op.keys.decrypt(t.Context(), h.project, old); err != nil {
			t.Errorf("for one who holds the old JWKS: %v", err)
		}
		h.clock.advance(jwksCacheTime + decryptionGrace)
		h.op.keys.Invalidate(storage.Notice{All: true})
		if _, err := h.op.keys.decrypt(t.Context(), h.project, old); err == nil {
			t.Error("an old key opens for ever")
		}
	})
}

// TestDecryptRefused: what costs is refused by its header, before anything is
// decrypted.
func TestDecryptRefused(t *testing.T) {
	jwe := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + ".AAAA.AAAA.AAAA.AAAA"
	}
	for name, raw := range map[string]string{
		"S2-10/p2c":             jwe(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}`),
		"S2-10/p2c-beside":      jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM","p2c":2147483647}`),
		"S2-10/zip":             jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM","zip":"DEF"}`),
		"S2-10/RSA1_5":          jwe(`{"alg":"RSA1_5","enc":"A128GCM"}`),
		"S2-10/RSA-OAEP-SHA1":   jwe(`{"alg":"RSA-OAEP","enc":"A128GCM"}`),
		"S2-10/dir":             jwe(`{"alg":"dir","enc":"A128GCM"}`),
		"S2-10/enc":             jwe(`{"alg":"RSA-OAEP-256","enc":"A192CBC-HS384"}`),
		"S2-10/crit":            jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM","crit":["x"]}`),
		"S2-10/jwk":             jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM","jwk":{}}`),
		"S2-10/cty-is-a-JWE":    jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM","cty":"JWE"}`),
		"S2-10/too-large":       jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM"}`) + strings.Repeat("A", maxRequestObject),
		"S2-10/no-header":       "e30.AAAA.AAAA.AAAA.AAAA",
		"RFC7516-5.2/line-feed": jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM"}`) + "\n",
		"RFC7516-5.2/four-dots": "....",
	} {
		t.Run(name, func(t *testing.T) {
			if h, err := readEncryptedHeader(raw); err == nil {
				t.Errorf("header %+v is taken", h)
			}
		})
	}
	t.Run("RFC7516-5.2/kid-of-nobody", func(t *testing.T) {
		h := objectHarness(t)
		object := jwe(`{"alg":"RSA-OAEP-256","enc":"A128GCM","kid":"../../etc/passwd"}`)
		if _, q := location(t, h.get(pathAuthorize, with(outer("rp", object), url.Values{"state": {"s"}}))); q.Get("error") != "invalid_request_object" {
			t.Errorf("got %v", q)
		}
	})
	t.Run("RFC7516-5.2/tampered", func(t *testing.T) {
		h := objectHarness(t)
		object := h.encryptedTo("ECDH-ES+A256KW", "A128CBC-HS256", signedObject(t, inner()), true)
		object = object[:len(object)-4] + "AAAA"
		if _, q := location(t, h.get(pathAuthorize, outer("rp", object))); q.Get("error") != "invalid_request_object" || strings.Contains(q.Get("error_description"), "go-jose") {
			t.Errorf("got %v", q)
		}
	})
}
