package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// grant is a request that any client of the code flow may make: with a code that
// is unknown it ends in invalid_grant, once the client is known.
func grant() url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {"nobody-issued-this-code"}, "redirect_uri": {webRedirect}, "code_verifier": {strings.Repeat("v", 43)}}
}

// TestClientAuthentication is RFC 6749 §2.3, §5.2 and S2-06, S2-07.
func TestClientAuthentication(t *testing.T) {
	w := shared(t)
	basic := func(id, secret string) func(*http.Request, url.Values) {
		return func(r *http.Request, _ url.Values) { r.SetBasicAuth(id, secret) }
	}
	for name, c := range map[string]struct {
		spoil func(*http.Request, url.Values)
		code  string // "" the client is accepted
		basic bool
	}{
		"basic":                      {basic(w.web.ID, w.web.Secret), "", true},
		"RFC6749-2.3.1/form-encoded": {basic("we%62", strings.ReplaceAll(w.web.Secret, w.web.Secret[:1], "%"+hex(w.web.Secret[0]))), "", true},
		"post-for-the-same-client": {func(_ *http.Request, f url.Values) {
			f.Set("client_id", w.web.ID)
			f.Set("client_secret", w.web.Secret)
		}, "", false},
		"basic-and-client-id": {func(r *http.Request, f url.Values) {
			r.SetBasicAuth(w.web.ID, w.web.Secret)
			f.Set("client_id", w.web.ID)
		}, "", true},
		"S2-06/wrong-secret":          {basic(w.web.ID, "wrong-secret-wrong-secret"), "invalid_client", true},
		"S2-06/empty-secret":          {basic(w.web.ID, ""), "invalid_client", true},
		"S2-06/secret-of-another":     {basic(w.web.ID, w.other.Secret), "invalid_client", true},
		"S2-06/secret-with-more":      {basic(w.web.ID, w.web.Secret+"x"), "invalid_client", true},
		"unknown-client":              {basic("nobody", w.web.Secret), "invalid_client", true},
		"no-authentication":           {func(*http.Request, url.Values) {}, "invalid_client", false},
		"S2-07/none-for-confidential": {func(_ *http.Request, f url.Values) { f.Set("client_id", w.web.ID) }, "invalid_client", false},
		"S2-07/secret-for-public": {func(_ *http.Request, f url.Values) {
			f.Set("client_id", w.spa.ID)
			f.Set("client_secret", "any-secret-any-secret")
		}, "invalid_client", false},
		"S2-07/basic-for-public":       {basic(w.spa.ID, "any-secret-any-secret"), "invalid_client", true},
		"S2-07/secret-for-private-key": {basic(w.signed.ID, "any-secret-any-secret"), "invalid_client", true},
		"S2-07/post-for-secret-jwt": {func(_ *http.Request, f url.Values) {
			f.Set("client_id", w.hashed.ID)
			f.Set("client_secret", w.hashed.Secret)
		}, "invalid_client", false},
		"S2-07/two-ways": {func(r *http.Request, f url.Values) {
			r.SetBasicAuth(w.web.ID, w.web.Secret)
			f.Set("client_id", w.web.ID)
			f.Set("client_secret", w.web.Secret)
		}, "invalid_client", true},
		"S2-07/assertion-and-basic": {func(r *http.Request, f url.Values) {
			r.SetBasicAuth(w.web.ID, w.web.Secret)
			f.Set("client_assertion_type", assertionType)
			f.Set("client_assertion", w.assertion(w.signed, nil))
		}, "invalid_client", true},
		"client-id-of-another": {func(r *http.Request, f url.Values) {
			r.SetBasicAuth(w.web.ID, w.web.Secret)
			f.Set("client_id", w.other.ID)
		}, "invalid_client", true},
		"basic-malformed": {func(r *http.Request, _ url.Values) { r.Header.Set("Authorization", "Basic !!!") }, "invalid_client", true},
		"basic-no-colon": {func(r *http.Request, _ url.Values) {
			r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("web")))
		}, "invalid_client", true},
		"S2-13/secret-in-query": {func(r *http.Request, f url.Values) {
			r.URL.RawQuery = url.Values{"client_id": {w.web.ID}, "client_secret": {w.web.Secret}}.Encode()
		}, "invalid_client", false},
	} {
		t.Run(name, func(t *testing.T) {
			form := grant()
			req := posted(w.issuer+"/oauth/token", nil)
			c.spoil(req, form)
			authorization, query := req.Header.Get("Authorization"), req.URL.RawQuery
			req = posted(w.issuer+"/oauth/token?"+query, form)
			if authorization != "" {
				req.Header.Set("Authorization", authorization)
			}
			a := w.do(t, req)
			if c.code == "" {
				a.wantError(t, 400, "invalid_grant") // the client was accepted, the code not
				return
			}
			if strings.HasPrefix(name, "S2-07/two") || strings.HasPrefix(name, "S2-07/assertion-and") || strings.HasPrefix(name, "client-id-of") {
				// RFC 6749 §5.2 calls more than one way invalid_request.
				if a.str("error") != "invalid_request" {
					a.wantError(t, 401, c.code)
				}
				return
			}
			a.wantError(t, 401, c.code)
			if challenge := a.header.Get("WWW-Authenticate"); c.basic && !strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("WWW-Authenticate is %q after Basic (RFC 6749 §5.2)", challenge)
			}
		})
	}
	t.Run("public-client", func(t *testing.T) {
		w.call(t, w.spa, "/oauth/token", grant()).wantError(t, 400, "invalid_grant")
	})
	t.Run("S2-06/two-secrets-while-rotating", func(t *testing.T) {
		c, err := w.another("rotating", "--preset", "web", "--redirect-uri", webRedirect)
		if err != nil {
			t.Fatal(err)
		}
		c.method = "client_secret_basic"
		out, err := w.identity("", "client", "rotate-secret", c.ID, "--json")
		if err != nil {
			t.Fatal(err)
		}
		next := c
		if err := json.Unmarshal(out, &next); err != nil || next.Secret == c.Secret {
			t.Fatalf("no new secret: %v", err)
		}
		w.log.secret(next.Secret)
		for _, c := range []client{c, next} {
			eventually(t, "the secret is accepted", func() bool { return w.call(t, c, "/oauth/token", grant()).str("error") == "invalid_grant" })
		}
	})
}

func hex(c byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// TestClientAssertion is RFC 7523 §3 and S2-08.
func TestClientAssertion(t *testing.T) {
	w := shared(t)
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: w.signed.key, KeyID: "one"}}
	send := func(t *testing.T, assertion string) answer {
		form := grant()
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
		return w.do(t, posted(w.issuer+"/oauth/token", form))
	}
	claims := func(c client, pairs ...any) map[string]any {
		m := map[string]any{"iss": c.ID, "sub": c.ID, "aud": w.issuer, "jti": rand.Text(), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
		for i := 0; i+1 < len(pairs); i += 2 {
			if m[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
				delete(m, pairs[i].(string))
			}
		}
		return m
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&w.signed.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	now := time.Now()
	none := func(alg string) string {
		body, err := json.Marshal(claims(w.signed))
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`","kid":"one"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
	}
	with := func(key jose.SigningKey, header map[jose.HeaderKey]any, m map[string]any) string {
		return sign(key, header, m)
	}
	for name, assertion := range map[string]string{
		"S2-08/exp-missing":             with(key, nil, claims(w.signed, "exp", nil)),
		"S2-08/exp-past":                with(key, nil, claims(w.signed, "exp", now.Add(-2*time.Minute).Unix())),
		"S2-08/exp-far-away":            with(key, nil, claims(w.signed, "exp", now.Add(365*24*time.Hour).Unix())),
		"S2-08/nbf-future":              with(key, nil, claims(w.signed, "nbf", now.Add(10*time.Minute).Unix())),
		"S2-08/aud-missing":             with(key, nil, claims(w.signed, "aud", nil)),
		"S2-08/aud-other-issuer":        with(key, nil, claims(w.signed, "aud", "https://other-issuer.example.test")),
		"S2-08/aud-array-with-stranger": with(key, nil, claims(w.signed, "aud", []string{w.issuer, "https://other-issuer.example.test"})),
		"S2-08/iss-not-sub":             with(key, nil, claims(w.signed, "iss", "web")),
		"S2-08/sub-of-another":          with(key, nil, claims(w.signed, "iss", "web", "sub", "web")),
		"S2-08/jti-missing":             with(key, nil, claims(w.signed, "jti", nil)),
		"S2-08/alg-none":                none("none"),
		"S2-08/alg-nOnE":                none("nOnE"),
		"S2-08/HS256-with-public-key":   with(jose.SigningKey{Algorithm: jose.HS256, Key: public}, nil, claims(w.signed)),
		"S2-08/key-of-nobody":           with(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger, KeyID: "one"}}, nil, claims(w.signed)),
		"S2-08/key-of-another-client":   with(key, nil, claims(w.hashed)),
		"S2-08/kid-path":                with(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger, KeyID: "../../etc/passwd"}}, nil, claims(w.signed)),
		"S2-08/jku":                     with(jose.SigningKey{Algorithm: jose.ES256, Key: stranger}, map[jose.HeaderKey]any{"jku": "https://evil.example.test/jwks"}, claims(w.signed)),
		"S2-08/x5u":                     with(jose.SigningKey{Algorithm: jose.ES256, Key: stranger}, map[jose.HeaderKey]any{"x5u": "https://evil.example.test/x"}, claims(w.signed)),
		"S2-08/jwk":                     with(jose.SigningKey{Algorithm: jose.ES256, Key: stranger}, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: &stranger.PublicKey}}, claims(w.signed)),
		"S2-08/wrong-secret":            with(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("wrong", 10))}, nil, claims(w.hashed)),
		"S2-08/empty":                   "",
		"S2-08/no-JWT":                  "a.b",
		"S2-08/huge":                    strings.Repeat("a", 7000) + "." + strings.Repeat("b", 500) + ".c",
	} {
		t.Run(name, func(t *testing.T) { send(t, assertion).wantError(t, 401, "invalid_client") })
	}
	for name, assertion := range map[string]func() string{
		"aud-issuer":         func() string { return with(key, nil, claims(w.signed)) },
		"aud-token-endpoint": func() string { return with(key, nil, claims(w.signed, "aud", w.issuer+"/oauth/token")) },
		"aud-array-of-one":   func() string { return with(key, nil, claims(w.signed, "aud", []string{w.issuer})) },
		"S2-17/clock-ahead": func() string {
			return with(key, nil, claims(w.signed, "iat", now.Add(50*time.Second).Unix(), "nbf", now.Add(50*time.Second).Unix()))
		},
		"S2-17/clock-behind": func() string { return with(key, nil, claims(w.signed, "exp", time.Now().Add(-50*time.Second).Unix())) },
		"client_secret_jwt":  func() string { return w.assertion(w.hashed, nil) },
	} {
		t.Run(name, func(t *testing.T) { send(t, assertion()).wantError(t, 400, "invalid_grant") })
	}
	t.Run("S2-08/replayed-jti", func(t *testing.T) {
		once := with(key, nil, claims(w.signed))
		send(t, once).wantError(t, 400, "invalid_grant")
		send(t, once).wantError(t, 401, "invalid_client")
	})
	t.Run("S2-08/replayed-jti-raced", func(t *testing.T) {
		form := grant()
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", with(key, nil, claims(w.signed)))
		accepted := 0
		for _, a := range race(t, w.server, 20, func() *http.Request { return posted(w.issuer+"/oauth/token", form) }) {
			if a.str("error") == "invalid_grant" {
				accepted++
			} else {
				a.wantError(t, 401, "invalid_client")
			}
		}
		if accepted != 1 {
			t.Errorf("accepted %d times, want once", accepted)
		}
	})
	t.Run("type-unknown", func(t *testing.T) {
		form := grant()
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
		form.Set("client_assertion", with(key, nil, claims(w.signed)))
		if a := w.do(t, posted(w.issuer+"/oauth/token", form)); a.str("error") != "invalid_client" && a.str("error") != "invalid_request" {
			t.Errorf("error is %q", a.str("error"))
		}
	})
}
