package op

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

const forgedClaims = `{"iss":"https://id.example.test","sub":"admin"}`

// TestVerify tries what a stranger can send where a token of ours is expected.
func TestVerify(t *testing.T) {
	b := newBench(t).ensured(t)
	rs, ps, es, ed := b.active(t, "RS256"), b.active(t, "PS256"), b.active(t, "ES256"), b.active(t, "EdDSA")
	der, err := x509.MarshalPKIXPublicKey(rs.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	pub, err := json.Marshal(jose.JSONWebKey{Key: rs.private.Public(), KeyID: rs.kid})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own := func(alg string, key *signingKey, extra map[jose.HeaderKey]any) string {
		header := map[jose.HeaderKey]any{"kid": key.kid, "typ": "JWT"}
		for k, v := range extra {
			if header[k] = v; v == nil {
				delete(header, k)
			}
		}
		return joseSign(t, jose.SignatureAlgorithm(alg), key.private, header, forgedClaims)
	}
	head := func(alg, kid string) map[string]any { return map[string]any{"alg": alg, "kid": kid, "typ": "JWT"} }
	good, err := b.keys.sign(t.Context(), b.project, "RS256", "JWT", map[string]string{"sub": "jane"})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	es256, err := b.keys.sign(t.Context(), b.project, "ES256", "JWT", map[string]string{"sub": "jane"})
	if err != nil {
		t.Fatal(err)
	}
	accessToken, err := b.keys.sign(t.Context(), b.project, "RS256", "at+jwt", map[string]string{"sub": "jane"})
	if err != nil {
		t.Fatal(err)
	}
	asn1, err := ecdsa.SignASN1(rand.Reader, es.private.(*ecdsa.PrivateKey), make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString

	for name, token := range map[string]string{
		"S2-16/alg-none":                 forge(t, head("none", rs.kid), forgedClaims, unsigned),
		"S2-16/alg-nOnE":                 forge(t, head("nOnE", rs.kid), forgedClaims, unsigned),
		"S2-16/alg-empty":                forge(t, head("", rs.kid), forgedClaims, unsigned),
		"S2-16/alg-rs256-in-lower-case":  forge(t, head("rs256", rs.kid), forgedClaims, unsigned),
		"S2-16/alg-missing":              forge(t, map[string]any{"kid": rs.kid, "typ": "JWT"}, forgedClaims, unsigned),
		"S2-16/alg-number":               forge(t, map[string]any{"alg": 1, "kid": rs.kid, "typ": "JWT"}, forgedClaims, unsigned),
		"S2-16/hs256-public-key-der":     forge(t, head("HS256", rs.kid), forgedClaims, hs256(der)),
		"S2-16/hs256-public-key-pem":     forge(t, head("HS256", rs.kid), forgedClaims, hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))),
		"S2-16/hs256-public-key-jwk":     forge(t, head("HS256", rs.kid), forgedClaims, hs256(pub)),
		"S2-16/hs256-signature-as-rs256": forge(t, head("RS256", rs.kid), forgedClaims, hs256(der)),
		"S2-16/ps256-by-key-for-rs256":   own("PS256", rs, nil),
		"S2-16/rs256-by-key-for-ps256":   own("RS256", ps, nil),
		"S2-16/rs512-by-our-key":         own("RS512", rs, nil),
		"S2-16/kid-of-another-key":       own("EdDSA", ed, map[jose.HeaderKey]any{"kid": es.kid}),
		"S2-16/kid-missing":              own("RS256", rs, map[jose.HeaderKey]any{"kid": nil}),
		"S2-16/kid-path":                 own("RS256", rs, map[jose.HeaderKey]any{"kid": "../../../dev/null"}),
		"S2-16/kid-sql":                  own("RS256", rs, map[jose.HeaderKey]any{"kid": "' OR '1'='1"}),
		"S2-16/kid-array":                forge(t, map[string]any{"alg": "RS256", "kid": []string{rs.kid}, "typ": "JWT"}, forgedClaims, unsigned),
		"S2-16/strangers-key":            joseSign(t, jose.RS256, stranger, map[jose.HeaderKey]any{"kid": rs.kid, "typ": "JWT"}, forgedClaims),
		"S2-16/jwk-in-header":            own("RS256", rs, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: stranger.Public()}}),
		"S2-16/jku-in-header":            own("RS256", rs, map[jose.HeaderKey]any{"jku": "https://evil.example/jwks"}),
		"S2-16/x5u-in-header":            own("RS256", rs, map[jose.HeaderKey]any{"x5u": "https://evil.example/cert"}),
		"S2-16/x5c-in-header":            own("RS256", rs, map[jose.HeaderKey]any{"x5c": []string{}}),
		"S2-16/crit-in-header":           own("RS256", rs, map[jose.HeaderKey]any{"crit": []string{"exp"}, "exp": 1}),
		"S2-16/zip-in-header":            own("RS256", rs, map[jose.HeaderKey]any{"zip": "DEF"}),
		"S2-16/payload-changed":          parts[0] + "." + b64([]byte(forgedClaims)) + "." + parts[2],
		"S2-16/signature-cut":            good[:len(good)-4],
		"S2-16/signature-removed":        parts[0] + "." + parts[1] + ".",
		"S2-16/ecdsa-zero":               forge(t, head("ES256", es.kid), forgedClaims, func([]byte) []byte { return make([]byte, 64) }),
		"S2-16/ecdsa-empty":              forge(t, head("ES256", es.kid), forgedClaims, unsigned),
		"S2-16/ecdsa-asn1":               forge(t, head("ES256", es.kid), forgedClaims, func([]byte) []byte { return asn1 }),
		"S2-16/ecdsa-n":                  forge(t, head("ES256", es.kid), forgedClaims, func([]byte) []byte { return curveOrderTwice(es) }),
		"S2-16/eddsa-zero":               forge(t, head("EdDSA", ed.kid), forgedClaims, func([]byte) []byte { return make([]byte, ed25519.SignatureSize) }),
		"S2-16/line-break":               parts[0] + "." + parts[1] + "." + parts[2][:10] + "\n" + parts[2][10:],
		"S2-16/padding":                  good + "=",
		"S2-16/json-serialization":       `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"S2-10/five-parts":               good + ".a.b",
		"S2-10/too-large":                joseSign(t, jose.RS256, rs.private, map[jose.HeaderKey]any{"kid": rs.kid, "typ": "JWT"}, strings.Repeat(" ", maxOwnJWT)+forgedClaims),
		"S2-16/empty":                    "",
		"S2-16/dots":                     "..",
		"S2-09/access-token-as-id-token": accessToken,
		"S2-09/typ-missing":              own("RS256", rs, map[jose.HeaderKey]any{"typ": nil}),
		"S2-09/logout-token":             own("RS256", rs, map[jose.HeaderKey]any{"typ": "logout+jwt"}),
		"S2-09/typ-number":               forge(t, map[string]any{"alg": "RS256", "kid": rs.kid, "typ": 7}, forgedClaims, unsigned),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := b.keys.verify(t.Context(), b.project, token, []string{"JWT"}); !errors.Is(err, ErrInvalidToken) {
				t.Errorf("verify = %v, want invalid_token", err)
			}
		})
	}
	for name, token := range map[string]string{"RS256": good, "ES256": es256} {
		t.Run("good/"+name, func(t *testing.T) {
			payload, h, err := b.keys.verify(t.Context(), b.project, token, []string{"JWT"})
			if err != nil || string(payload) != `{"sub":"jane"}` || h.Alg != name || h.Typ != "JWT" || h.KID == "" {
				t.Errorf("verify = %s, %+v, %v", payload, h, err)
			}
		})
	}
	t.Run("S2-16/other-project", func(t *testing.T) {
		other := testProject()
		other.ID = "other"
		if err := b.keys.Ensure(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.keys.verify(t.Context(), other, good, []string{"JWT"}); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("verify = %v, want invalid_token", err)
		}
	})
	t.Run("S2-16/key-unpublished", func(t *testing.T) {
		b.clock.advance(jwksCacheTime)
		rotated, err := b.keys.Rotate(t.Context(), b.project, "RS256", false)
		if err != nil {
			t.Fatal(err)
		}
		b.clock.advance(rotated[0].RetiringUntil.Sub(b.clock.now()) - time.Second)
		if _, _, err := b.keys.verify(t.Context(), b.project, good, []string{"JWT"}); err != nil {
			t.Errorf("a second before its key is unpublished: %v", err)
		}
		b.clock.advance(time.Second) // within the life of the cached set
		if _, _, err := b.keys.verify(t.Context(), b.project, good, []string{"JWT"}); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("after its key is unpublished: %v, want invalid_token", err)
		}
	})
}

// curveOrderTwice is a signature whose r and s are the order of the curve.
func curveOrderTwice(k *signingKey) []byte {
	n := k.private.(*ecdsa.PrivateKey).Params().N
	return append(n.FillBytes(make([]byte, 32)), new(big.Int).Set(n).FillBytes(make([]byte, 32))...)
}

func TestVerifyUnavailable(t *testing.T) {
	b := newBench(t).ensured(t)
	token, err := b.keys.sign(t.Context(), b.project, "EdDSA", "JWT", map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	fresh := NewKeys(brokenStore(t), b.clock.now, nil)
	if _, _, err := fresh.verify(t.Context(), b.project, token, []string{"JWT"}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("verify = %v, want an error that is not the token's", err)
	}
}

// FuzzVerify holds that what is accepted is what was signed.
func FuzzVerify(f *testing.F) {
	b := newBench(f).ensured(f)
	accepted := map[string]bool{}
	for _, alg := range signingAlgs {
		token, err := b.keys.sign(f.Context(), b.project, alg, "JWT", map[string]string{"sub": "jane"})
		if err != nil {
			f.Fatal(err)
		}
		accepted[token[:strings.LastIndex(token, ".")]] = true
		f.Add(token)
	}
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIiwidHlwIjoiSldUIn0.e30.AA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		_, _, err := b.keys.verify(t.Context(), b.project, token, []string{"JWT"})
		switch {
		case err == nil:
			if !accepted[token[:strings.LastIndex(token, ".")]] {
				t.Errorf("accepted what was not signed: %q", token)
			}
		case !errors.Is(err, ErrInvalidToken):
			t.Errorf("%q: %v, want invalid_token", token, err)
		}
	})
}
