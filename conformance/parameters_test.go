package conformance

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// requestID is how a page names the request, for whoever reads the log.
var requestID = regexp.MustCompile(`(?i)request[ -]?id|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}`)

// TestParameters is S1-04 at the authorization endpoint and the token endpoint.
func TestParameters(t *testing.T) {
	w := shared(t)
	long := strings.Repeat("a", 8<<10+1)
	for name, spoil := range map[string]func(url.Values){
		"S1-04/repeated-scope":         func(v url.Values) { v.Add("scope", "openid") },
		"S1-04/repeated-nonce":         func(v url.Values) { v.Add("nonce", "other") },
		"S1-04/repeated-response-type": func(v url.Values) { v.Add("response_type", "code") },
		"S1-04/repeated-unknown":       func(v url.Values) { v["extra"] = []string{"a", "b"} },
		"S1-04/oversized":              func(v url.Values) { v.Set("login_hint", long) },
		"S1-04/oversized-unknown":      func(v url.Values) { v.Set("extra", long) },
		"S1-04/invalid-UTF-8":          func(v url.Values) { v.Set("login_hint", "a\xff\xfe") },
		"S1-04/NUL":                    func(v url.Values) { v.Set("nonce", "a\x00b") },
		"S1-04/CR-LF":                  func(v url.Values) { v.Set("nonce", "a\r\nb") },
		"S1-04/claims-no-JSON":         func(v url.Values) { v.Set("claims", "{") },
		"S1-04/claims-no-object":       func(v url.Values) { v.Set("claims", `["name"]`) },
		"S1-04/response-mode-unknown":  func(v url.Values) { v.Set("response_mode", "carrier_pigeon") },
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+"/"+method, func(t *testing.T) {
				b := member(t, w)
				r := w.request(w.web)
				spoil(r.Values)
				var p *page
				if method == http.MethodGet {
					p = b.get(w.authorizeURL(r))
				} else {
					p = b.post(w.issuer+"/authorize", r.Values, "https://web.example.test")
				}
				b.wantError(b.answer(r, p), "invalid_request")
			})
		}
	}
	t.Run("S1-04/more-than-100", func(t *testing.T) {
		b := member(t, w)
		r := w.request(w.web)
		for i := range 100 {
			r.Set("p"+strconv.Itoa(i), "x")
		}
		p := b.get(w.authorizeURL(r))
		if resp, ok := p.response(w.issuer); ok {
			b.wantError(resp, "invalid_request")
		} else {
			b.errorPage(p, 400)
		}
	})
	for _, name := range []string{"client_id", "redirect_uri", "state"} {
		t.Run("S1-04/repeated-"+name, func(t *testing.T) {
			b := member(t, w)
			r := w.request(w.web)
			r.Add(name, r.Get(name))
			p := b.get(w.authorizeURL(r))
			if resp, ok := p.response(w.issuer); ok && name == "state" {
				b.wantError(resp, "invalid_request")
			} else {
				b.errorPage(p, 400)
			}
		})
	}
	for name, spoil := range map[string]func(url.Values){
		"S1-04/token-repeated":  func(v url.Values) { v.Add("grant_type", v.Get("grant_type")) },
		"S1-04/token-oversized": func(v url.Values) { v.Set("scope", long) },
		"S1-04/token-NUL":       func(v url.Values) { v.Set("scope", "a\x00") },
		"S1-04/token-UTF-8":     func(v url.Values) { v.Set("scope", "a\xff") },
		"RFC6749-5.2/no-grant":  func(v url.Values) { v.Del("grant_type") },
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"grant_type": {"client_credentials"}}
			spoil(form)
			w.call(t, w.machine, "/oauth/token", form).wantError(t, 400, "invalid_request")
		})
	}
	t.Run("RFC6749-5.2/unknown-grant", func(t *testing.T) {
		w.call(t, w.machine, "/oauth/token", url.Values{"grant_type": {"password"}}).wantError(t, 400, "unsupported_grant_type")
	})
	t.Run("RFC6749-5.2/grant-not-for-this-client", func(t *testing.T) {
		w.call(t, w.web, "/oauth/token", url.Values{"grant_type": {"client_credentials"}}).wantError(t, 400, "unauthorized_client")
	})
	t.Run("RFC6749-4.1.2.1/response-type-unknown", func(t *testing.T) {
		b := member(t, w)
		b.refused(w.request(w.web, "response_type", "carrier"), "unsupported_response_type", "invalid_request")
	})
	for _, typ := range []string{"token", "id_token", "code id_token", "none"} {
		t.Run("response-type-off-by-default/"+typ, func(t *testing.T) {
			b := member(t, w)
			r := w.request(w.web, "response_type", typ)
			resp, ok := b.get(w.authorizeURL(r)).response(w.issuer)
			if !ok {
				t.Fatal("no response")
			}
			b.wantError(resp, "unsupported_response_type")
		})
	}
	t.Run("RFC6749-3.3/unknown-scope-is-left-out", func(t *testing.T) {
		got := member(t, w).tokens(w.web, "scope", "openid carrier_pigeon email")
		if scope := got.str("scope"); strings.Contains(scope, "pigeon") || !strings.Contains(scope, "email") {
			t.Errorf("scope is %q: a scope that differs from the request must be said", scope)
		}
	})
	t.Run("token-endpoint-by-GET", func(t *testing.T) {
		if a := w.fetch(t, "/oauth/token?grant_type=client_credentials"); a.status != http.StatusMethodNotAllowed {
			t.Errorf("status %d, want 405", a.status)
		}
	})
	t.Run("token-endpoint-by-JSON", func(t *testing.T) {
		req := w.authenticated(w.machine, "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
		req.Header.Set("Content-Type", "application/json")
		w.do(t, req).wantError(t, 400, "invalid_request")
	})
}

// TestResponseMode is OAuth 2.0 Multiple Response Types §2.1 and OAuth 2.0 Form
// Post Response Mode §2, for codes and for errors.
func TestResponseMode(t *testing.T) {
	for _, mode := range []string{"query", "fragment", "form_post"} {
		t.Run(mode, func(t *testing.T) {
			w := shared(t)
			b := member(t, w)
			for _, c := range []client{w.web, w.other} {
				r := w.request(c, "response_mode", mode, "state", `"><script>alert(1)</script>&a=b`)
				resp := b.authorize(r)
				if resp.mode != mode {
					t.Errorf("the response came by %s", resp.mode)
				}
				if mode != "query" && strings.Contains(resp.target.RawQuery, "code=") {
					t.Error("S1-08: the code is in the query")
				}
				b.redeem(r, resp.Get("code"))
				r = w.request(c, "response_mode", mode, "prompt", "login none")
				resp = b.refused(r, "invalid_request")
				if resp.mode != mode {
					t.Errorf("the error came by %s", resp.mode)
				}
			}
		})
	}
	t.Run("form_post/without-script", func(t *testing.T) {
		w := shared(t)
		b := member(t, w)
		p := b.finish(b.get(w.authorizeURL(w.request(w.web, "response_mode", "form_post"))))
		if len(p.forms) != 1 || p.forms[0].method != http.MethodPost || len(p.forms[0].buttons) == 0 {
			t.Errorf("want one form with a button that posts: %s", p.body)
		}
		if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action") {
			t.Errorf("S1-13: the policy does not say where the form may go: %s", csp)
		}
	})
}
