package op

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// clientTestKeys are keys of a client, made once: an RSA key takes time.
var clientTestKeys = sync.OnceValues(func() (*rsa.PrivateKey, *ecdsa.PrivateKey) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return rsaKey, ecKey
})

// clientJWKS is what a client registers: a key of each kind to sign with and one
// to encrypt to.
func clientJWKS(t testing.TB) json.RawMessage {
	t.Helper()
	rsaKey, ecKey := clientTestKeys()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: rsaKey.Public(), KeyID: "rsa-sig", Use: "sig"}, {Key: ecKey.Public(), KeyID: "ec-sig", Use: "sig"},
		{Key: rsaKey.Public(), KeyID: "rsa-enc", Use: "enc"}, {Key: ecKey.Public(), KeyID: "ec-enc", Use: "enc"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decrypted opens a JWE with the client's key, and returns its header.
func decrypted(t testing.TB, jwe string, alg, enc string) (string, jose.Header) {
	t.Helper()
	parsed, err := jose.ParseEncryptedCompact(jwe, []jose.KeyAlgorithm{jose.KeyAlgorithm(alg)}, []jose.ContentEncryption{jose.ContentEncryption(enc)})
	if err != nil {
		t.Fatalf("%q is no JWE of %s and %s: %v", jwe, alg, enc, err)
	}
	rsaKey, ecKey := clientTestKeys()
	var key any = ecKey
	if strings.HasPrefix(alg, "RSA") {
		key = rsaKey
	}
	plain, err := parsed.Decrypt(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain), parsed.Header
}

// TestEncryptedAnswers: ID tokens and userinfo are signed and then encrypted, with
// each pair of algorithms (OIDC Core §10.2).
func TestEncryptedAnswers(t *testing.T) {
	for _, alg := range encryptionAlgs {
		for _, enc := range encryptionEncs {
			t.Run(alg+"/"+enc, func(t *testing.T) {
				h := newHarness(t)
				h.client("rp", func(c *storage.Client) {
					c.JWKS = clientJWKS(t)
					c.IDTokenEncryptedResponseAlg, c.IDTokenEncryptedResponseEnc = alg, enc
					c.UserinfoEncryptedResponseAlg, c.UserinfoEncryptedResponseEnc = alg, enc
					c.UserinfoSignedResponseAlg = "ES256"
				})
				tokens := h.tokens("rp", nil)
				jws, header := decrypted(t, tokens["id_token"].(string), alg, enc)
				kid := map[bool]string{true: "rsa-enc", false: "ec-enc"}[strings.HasPrefix(alg, "RSA")]
				if header.ExtraHeaders["cty"] != "JWT" || header.KeyID != kid {
					t.Errorf("header %+v", header)
				}
				if _, _, err := h.op.keys.verify(t.Context(), h.project, jws, []string{typJWT}); err != nil {
					t.Errorf("the ID token inside: %v", err)
				}
				res := h.send(userinfoRequest(tokens["access_token"].(string)))
				if res.Header.Get("Content-Type") != "application/jwt" {
					t.Errorf("Content-Type %q", res.Header.Get("Content-Type"))
				}
				inner, _ := decrypted(t, text(t, res), alg, enc)
				claims := claimsOf(t, inner)
				if claims["sub"] != h.user.ID || claims["aud"] != "rp" || claims["iss"] != testIssuer {
					t.Errorf("userinfo %v", claims)
				}
			})
		}
	}
	t.Run("userinfo-encrypted-alone", func(t *testing.T) {
		h := newHarness(t)
		h.client("rp", func(c *storage.Client) { c.JWKS, c.UserinfoEncryptedResponseAlg = clientJWKS(t), "ECDH-ES" })
		plain, header := decrypted(t, text(t, h.send(userinfoRequest(h.tokens("rp", nil)["access_token"].(string)))), "ECDH-ES", "A128CBC-HS256")
		var claims map[string]any
		if json.Unmarshal([]byte(plain), &claims) != nil || claims["sub"] != h.user.ID || header.ExtraHeaders["cty"] != nil {
			t.Errorf("got %q, header %+v", plain, header)
		}
	})
	t.Run("no-key", func(t *testing.T) {
		h := newHarness(t)
		h.client("rp", func(c *storage.Client) { c.IDTokenEncryptedResponseAlg = "RSA-OAEP-256" })
		res := h.post(pathToken, "rp", codeForm(h.code("rp", nil)))
		if got := object(t, res); got["error"] != "invalid_request" || got["id_token"] != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("OIDC-Core-10.2/front-channel", func(t *testing.T) {
		h := frontHarness(t, func(c *storage.Client) { c.JWKS, c.IDTokenEncryptedResponseAlg = clientJWKS(t), "RSA-OAEP-256" })
		q := fragment(t, h.get(pathAuthorize, frontQuery("id_token")))
		jws, _ := decrypted(t, q.Get("id_token"), "RSA-OAEP-256", "A128CBC-HS256")
		if claimsOf(t, jws)["nonce"] != "n-0S6_WzA2Mj" {
			t.Errorf("got %v", claimsOf(t, jws))
		}
	})
}

// TestUnsignedIDToken: without a signature only where client and project say so,
// and never through the browser.
func TestUnsignedIDToken(t *testing.T) {
	unsigned := func(token string) bool {
		return strings.HasSuffix(token, ".") && claimsOf(t, token)["iss"] == testIssuer
	}
	start := func(t *testing.T, allowed bool) *harness {
		h := frontHarness(t, func(c *storage.Client) { c.IDTokenSignedResponseAlg = algNone })
		h.project.InsecureUnsigned = allowed
		return h
	}
	t.Run("OIDC-Core-3.1.3.7/allowed", func(t *testing.T) {
		tokens := start(t, true).tokens("rp", nil)
		if !unsigned(tokens["id_token"].(string)) {
			t.Errorf("got %v", tokens["id_token"])
		}
		if strings.HasSuffix(tokens["access_token"].(string), ".") {
			t.Error("the access token has no signature")
		}
	})
	t.Run("S2-16/not-allowed", func(t *testing.T) {
		if tokens := start(t, false).tokens("rp", nil); unsigned(tokens["id_token"].(string)) {
			t.Error("an ID token without a signature")
		}
	})
	t.Run("S2-16/front-channel", func(t *testing.T) {
		q := fragment(t, start(t, true).get(pathAuthorize, frontQuery("code id_token")))
		if unsigned(q.Get("id_token")) {
			t.Error("an ID token without a signature in the fragment")
		}
	})
	t.Run("S2-16/is-no-hint", func(t *testing.T) {
		h := start(t, true)
		res := h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"id_token_hint": {h.tokens("rp", nil)["id_token"].(string)}}))
		if _, q := location(t, res); q.Get("error") != "invalid_request" || res.StatusCode != http.StatusSeeOther {
			t.Errorf("got %v", q)
		}
	})
}
