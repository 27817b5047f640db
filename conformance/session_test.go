package conformance

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// cookie returns a cookie that the browser holds for the provider.
func (b *browser) cookie(part string) string {
	b.t.Helper()
	u, err := url.Parse(b.server.issuer)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if strings.Contains(c.Name, part) {
			return c.Value
		}
	}
	return ""
}

// TestSession is what a browser's session promises: S2-14, S3-13 and OIDC Core
// §3.1.2.3.
func TestSession(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"claims-of-the-session": func(t *testing.T, w *world) {
			got := member(t, w).tokens(w.web)
			for _, claim := range []string{"sid", "amr", "acr", "auth_time"} {
				if _, has := got.claims[claim]; !has {
					t.Errorf("the ID token has no %s", claim)
				}
			}
			if _, has := got.claims["azp"]; has {
				t.Error("the ID token has azp, with one audience")
			}
		},
		"S3-13/new-id-when-trust-rises": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.web)
			before := b.cookie("session")
			b.tokens(w.web, "prompt", "login")
			if after := b.cookie("session"); before == "" || after == before {
				t.Error("the session's cookie is the same after a new sign-in")
			}
		},
		"S3-13/planted-cookie": func(t *testing.T, w *world) {
			victim, attacker := member(t, w), member(t, w)
			attacker.get(w.authorizeURL(w.request(w.web)))
			u, err := url.Parse(w.issuer)
			if err != nil {
				t.Fatal(err)
			}
			victim.client.Jar.SetCookies(u, attacker.client.Jar.Cookies(u))
			victim.tokens(w.web)
			attacker.signedOut(w.web)
		},
		"max-age-with-prompt-none": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.web)
			b.wantError(b.silent(w.web, "max_age", "0"), "login_required")
		},
		"two-tabs": func(t *testing.T, w *world) {
			b := member(t, w)
			one, two := w.request(w.web), w.request(w.other)
			first, second := b.get(w.authorizeURL(one)), b.get(w.authorizeURL(two))
			got := b.redeem(two, b.answer(two, b.finish(second)).Get("code"))
			again := b.redeem(one, b.answer(one, b.finish(b.get(first.url.String()))).Get("code"))
			if got.sub() != again.sub() {
				t.Error("another sub")
			}
		},
		"back-button": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.web)
			p := b.get(w.authorizeURL(r))
			b.redeem(r, b.answer(r, b.finish(p)).Get("code"))
			if again := b.get(p.url.String()); again.callback != nil || again.status != http.StatusBadRequest && again.status != http.StatusGone && again.status != http.StatusNotFound {
				t.Errorf("status %d, redirected to %v, want a page that says to start again", again.status, again.callback)
			}
		},
		"S2-14/one-browser-signs-out": func(t *testing.T, w *world) {
			one, two := member(t, w), member(t, w)
			a, b := one.tokens(w.web), two.tokens(w.web)
			one.endSession("id_token_hint", a.id)
			one.signedOut(w.web)
			two.signedIn(w.web)
			w.refresh(t, w.web, b.refresh).want(t, 200)
		},
		"OIDC-Core-11/offline-access-outlives-the-session": func(t *testing.T, w *world) {
			b := member(t, w)
			got := b.tokens(w.web, "scope", "openid offline_access", "prompt", "consent")
			b.endSession("id_token_hint", got.id)
			b.signedOut(w.web)
			w.refresh(t, w.web, got.refresh).want(t, 200)
		},
		"S1-18/cookie-twice": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.web)
			req := get(w.authorizeURL(w.request(w.web, "prompt", "none")))
			name := "__Host-identity_session"
			req.Header.Set("Cookie", name+"="+b.cookie("session")+"; "+name+"=tossed")
			a := w.do(t, req)
			if to, err := url.Parse(a.header.Get("Location")); err != nil || to.Query().Has("code") {
				t.Error("one of two cookies was believed")
			}
		},
		"json": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.third, "scope", "openid", "prompt", "consent")
			at := b.get(w.authorizeURL(r)).url.String()
			type step struct {
				Action     string `json:"action"`
				Flow       string `json:"flow"`
				RedirectTo string `json:"redirect_to"`
			}
			ask := func(method, address, body string) (s step) {
				req := httptest.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
				req.RequestURI = ""
				req.Header.Set("Accept", "application/json")
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Origin", w.issuer)
				resp, err := b.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b.cookies(resp)
				if err := json.NewDecoder(resp.Body).Decode(&s); err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%s %s: %d %v", method, resp.Request.URL.Path, resp.StatusCode, err)
				}
				return s
			}
			for range 5 {
				s := ask(http.MethodGet, at, "")
				body, err := json.Marshal(map[string]string{"identifier": w.alice.email, "password": w.alice.password})
				if err != nil {
					t.Fatal(err)
				}
				if s.Flow == "consent" {
					body = []byte(`{"decision": "allow"}`)
				}
				s = ask(http.MethodPost, absolute(w, s.Action), string(body))
				if at = absolute(w, s.RedirectTo); !strings.Contains(at, "/interaction/") {
					break
				}
			}
			b.redeem(r, b.answer(r, b.get(at)).Get("code"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}

// absolute resolves what the provider calls one of its addresses.
func absolute(w *world, reference string) string {
	if strings.HasPrefix(reference, "/") {
		return w.issuer + reference
	}
	return reference
}
