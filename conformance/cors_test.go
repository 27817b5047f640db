package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestCORS is S2-15: what a browser would let a page of an origin read.
func TestCORS(t *testing.T) {
	w := shared(t)
	preflight := func(path, origin, method, headers string) *http.Request {
		req, err := http.NewRequest(http.MethodOptions, w.issuer+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", method)
		req.Header.Set("Access-Control-Request-Headers", headers)
		return req
	}
	noCredentials := func(t *testing.T, a answer) {
		t.Helper()
		if a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("credentials are allowed")
		}
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"} {
		t.Run("S2-15/public"+path, func(t *testing.T) {
			a := w.fetch(t, path, "Origin", "https://anybody.example.test")
			if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("Access-Control-Allow-Origin is %q, want *", got)
			}
			noCredentials(t, a)
			a = w.do(t, preflight(path, "https://anybody.example.test", "GET", "accept"))
			if a.status >= 300 || a.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("preflight: %d, %q", a.status, a.header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
	for _, path := range []string{"/oauth/token", "/userinfo", "/oauth/revoke"} {
		t.Run("S2-15/registered"+path, func(t *testing.T) {
			a := w.do(t, preflight(path, spaOrigin, "POST", "authorization,content-type"))
			if a.status >= 300 {
				t.Errorf("preflight: %d", a.status)
			}
			if got := a.header.Get("Access-Control-Allow-Origin"); got != spaOrigin {
				t.Errorf("Access-Control-Allow-Origin is %q", got)
			}
			for _, h := range []string{"authorization", "content-type"} {
				if !slices.Contains(tokensOf(a.header.Get("Access-Control-Allow-Headers")), h) {
					t.Errorf("Access-Control-Allow-Headers is %q, want %s", a.header.Get("Access-Control-Allow-Headers"), h)
				}
			}
			if !slices.Contains(tokensOf(a.header.Get("Access-Control-Allow-Methods")), "post") {
				t.Errorf("Access-Control-Allow-Methods is %q", a.header.Get("Access-Control-Allow-Methods"))
			}
			noCredentials(t, a)
			req := posted(w.issuer+path, url.Values{"client_id": {w.spa.ID}})
			req.Header.Set("Origin", spaOrigin)
			a = w.do(t, req) // an error: the page must be able to read it
			if a.status < 400 || a.header.Get("Access-Control-Allow-Origin") != spaOrigin {
				t.Errorf("%d: Access-Control-Allow-Origin is %q", a.status, a.header.Get("Access-Control-Allow-Origin"))
			}
			noCredentials(t, a)
		})
		t.Run("S2-15/vary"+path, func(t *testing.T) {
			for _, origin := range []string{spaOrigin, "https://evil.example.test", ""} {
				req := posted(w.issuer+path, nil)
				if origin != "" {
					req.Header.Set("Origin", origin)
				}
				if a := w.do(t, req); !slices.Contains(tokensOf(strings.Join(a.header.Values("Vary"), ",")), "origin") {
					t.Errorf("Vary is %q for origin %q", a.header.Values("Vary"), origin)
				}
			}
		})
		for _, origin := range []string{
			"https://evil.example.test", "null", "http://spa.example.test", "https://spa.example.test:8443",
			"https://spa.example.test.evil.example.test", "https://evilspa.example.test", "https://SPA.example.test",
		} {
			t.Run("S2-15/stranger"+path+"/"+origin, func(t *testing.T) {
				a := w.do(t, preflight(path, origin, "POST", "authorization"))
				if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
					t.Errorf("preflight: Access-Control-Allow-Origin is %q", got)
				}
				req := posted(w.issuer+path, nil)
				req.Header.Set("Origin", origin)
				if got := w.do(t, req).header.Get("Access-Control-Allow-Origin"); got != "" {
					t.Errorf("Access-Control-Allow-Origin is %q", got)
				}
			})
		}
	}
	for _, path := range []string{"/authorize", "/end_session", "/authorize/resume"} {
		t.Run("S2-15/never"+path, func(t *testing.T) {
			a := w.fetch(t, path, "Origin", spaOrigin)
			if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("Access-Control-Allow-Origin is %q", got)
			}
		})
	}
}

// tokensOf splits a header that is a list, in lower case.
func tokensOf(value string) []string {
	var out []string
	for v := range strings.SplitSeq(value, ",") {
		out = append(out, strings.ToLower(strings.TrimSpace(v)))
	}
	return out
}
