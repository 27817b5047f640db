package op

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzAuthorizationParameters sends any query to the authorization endpoint: it
// never panics, never redirects anywhere but to the registered URI, and never
// gives a code to a request whose challenge is not S256.
func FuzzAuthorizationParameters(f *testing.F) {
	f.Add(authorizeQuery("rp").Encode())
	f.Add("client_id=rp&client_id=rp")
	f.Add("client_id=rp&redirect_uri=https://rp.example.test/cb%0d%0a&response_type=code")
	f.Add(with(authorizeQuery("rp"), url.Values{"claims": {`{"userinfo":{"name":null}}`}, "max_age": {"0"}}).Encode())
	f.Add("%zz&;=%00")
	h := fuzzHarness(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, testIssuer+pathAuthorize, nil)
		r.URL.RawQuery = query
		res := h.send(r)
		to := res.Header.Get("Location")
		if to != "" && !strings.HasPrefix(to, testRedirect+"?") && !strings.HasPrefix(to, testRedirect+"#") {
			t.Fatalf("redirected to %q", to)
		}
		if strings.Contains(to, "code=") && !strings.Contains(query, "S256") {
			t.Fatalf("a code without PKCE for %q", query)
		}
		if strings.ContainsAny(to, "\r\n") || res.StatusCode >= http.StatusInternalServerError {
			t.Fatalf("got %d %q", res.StatusCode, to)
		}
	})
}

// FuzzClaimsParameter parses any claims parameter.
func FuzzClaimsParameter(f *testing.F) {
	f.Add([]byte(`{"userinfo":{"email":{"essential":true}},"id_token":{"acr":{"values":["a","b"]}}}`))
	f.Add([]byte(`{"userinfo":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseClaimsRequest(raw)
		if err != nil {
			return
		}
		for _, req := range c.UserInfo {
			req.wants("x")
		}
	})
}

// FuzzCodeVerifier compares any challenge and verifier: only the S256 of the
// verifier is accepted.
func FuzzCodeVerifier(f *testing.F) {
	f.Add("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", testVerifier)
	f.Add("", "")
	f.Add(strings.Repeat("A", 43), strings.Repeat("a", 128))
	f.Fuzz(func(t *testing.T, challenge, verifier string) {
		if verifyCodeVerifier(challenge, verifier) != nil || challenge == "" && verifier == "" {
			return
		}
		if !challengeS256(challenge) || !verifierForm(verifier) || challenge == verifier {
			t.Fatalf("%q accepted for %q", verifier, challenge)
		}
	})
}

// RFC 7636 appendix B.
func TestCodeVerifierExample(t *testing.T) {
	if err := verifyCodeVerifier("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"); err != nil {
		t.Fatal(err)
	}
}

// RFC 6749 §5.2: what an error description may hold.
func TestPrintable(t *testing.T) {
	got := ErrInvalidRequest.Say("a \"quoted\" \\ \r\n\t é value").Description
	if got != "a 'quoted' ? ??? ? value" || !utf8.ValidString(got) {
		t.Fatalf("got %q", got)
	}
}

func TestFormParams(t *testing.T) {
	for name, send := range map[string]func(*http.Request){
		"RFC6749-3.2/JSON":    func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		"RFC6749-3.2/no-type": func(r *http.Request) { r.Header.Del("Content-Type") },
		"S2-13/secret-in-query": func(r *http.Request) {
			r.URL.RawQuery = "client_id=rp&client_secret=" + testSecret
			r.Header.Del("Authorization")
		},
		"S2-13/grant_type-in-query": func(r *http.Request) { r.URL.RawQuery = "grant_type=client_credentials" },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.client("rp", nil)
			r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, strings.NewReader(""))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth("rp", testSecret)
			send(r)
			if res := h.send(r); res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusUnauthorized {
				t.Fatalf("got %d %s", res.StatusCode, text(t, res))
			}
		})
	}
	t.Run("RFC6749-3.2/GET", func(t *testing.T) {
		h := newHarness(t)
		res := h.get(pathToken, url.Values{"grant_type": {"client_credentials"}})
		if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "POST" {
			t.Fatalf("got %d", res.StatusCode)
		}
	})
}
