package op

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// benchClaims is a payload of the size of an access token.
var benchClaims = map[string]any{
	"iss": testIssuer, "sub": "248289761001", "aud": "https://api.example.test", "exp": 1893499200, "iat": 1893498300,
	"jti": "0190a0b0-0000-7000-8000-000000000000", "client_id": "app", "scope": "openid profile email",
}

func BenchmarkSign(b *testing.B) {
	s := newBench(b).ensured(b)
	for _, alg := range signingAlgs {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.keys.sign(b.Context(), s.project, alg, typAccessToken, benchClaims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	s := newBench(b).ensured(b)
	for _, alg := range signingAlgs {
		token, err := s.keys.sign(b.Context(), s.project, alg, typAccessToken, benchClaims)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.keys.verify(b.Context(), s.project, token, []string{typAccessToken}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJWKS(b *testing.B) {
	s := newBench(b).ensured(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.keys.JWKS(b.Context(), s.project); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClientAuthBasic(b *testing.B) {
	s := newBench(b)
	s.secretClient(b, "app", authBasic, secretOf("s3cret"))
	r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, nil)
	r.SetBasicAuth("app", "s3cret")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.op.authenticateClient(r, s.project, url.Values{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClientAuthPrivateKeyJWT(b *testing.B) {
	s := newSignatory(b)
	r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, nil)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		form := assertionForm(joseSign(b, jose.RS256, s.rsa, map[jose.HeaderKey]any{"kid": "rsa"}, s.claims("app", nil)))
		b.StartTimer()
		if _, err := s.op.authenticateClient(r, s.project, form); err != nil {
			b.Fatal(err)
		}
	}
}
