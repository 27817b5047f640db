package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// endSession opens the end session endpoint with these parameters.
func (b *browser) endSession(pairs ...string) *page {
	b.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return b.get(b.server.issuer + "/end_session?" + v.Encode())
}

// leave says yes where a page asks whether to sign out.
func (b *browser) leave(p *page) *page {
	b.t.Helper()
	for _, f := range p.forms {
		if f.offers("decision", "logout") {
			return b.submit(f, nil, "decision", "logout")
		}
	}
	return p
}

// signedOut wants that no session is left in the browser.
func (b *browser) signedOut(c client) {
	b.t.Helper()
	b.wantError(b.silent(c), "login_required")
}

func (b *browser) signedIn(c client) {
	b.t.Helper()
	if resp := b.silent(c); resp.Get("code") == "" {
		b.t.Errorf("the session has ended: %s", resp.Get("error"))
	}
}

func oidccLogout(t *testing.T, w *world) {
	for _, state := range []string{rand.Text(), "a b&c=ü"} {
		b := member(t, w)
		got := b.tokens(w.web)
		p := b.endSession("id_token_hint", got.id, "post_logout_redirect_uri", loggedOut, "state", state)
		if p.callback == nil {
			t.Fatalf("not redirected: %s", p.text())
		}
		q := p.callback.Query()
		if q.Get("state") != state || len(q) != 1 {
			t.Errorf("the query is %q, want state %q alone", p.callback.RawQuery, state)
		}
		if to := *p.callback; to.Scheme+"://"+to.Host+to.Path != loggedOut {
			t.Errorf("redirected to %s", p.callback)
		}
		b.signedOut(w.web)
	}
}

func oidccLogoutNoState(t *testing.T, w *world) {
	b := member(t, w)
	got := b.tokens(w.web)
	p := b.endSession("id_token_hint", got.id, "post_logout_redirect_uri", loggedOut)
	if p.callback == nil || p.callback.String() != loggedOut {
		t.Errorf("redirected to %v, want %s", p.callback, loggedOut)
	}
	b.signedOut(w.web)
}

// stays sends parameters that must not lead to the client, whatever the person says.
func stays(t *testing.T, w *world, pairs func(idToken string) []string) {
	t.Helper()
	b := member(t, w)
	got := b.tokens(w.web)
	p := b.endSession(pairs(got.id)...)
	if p.callback != nil {
		t.Fatalf("redirected to %s", p.callback)
	}
	if p = b.leave(p); p.callback != nil {
		t.Fatalf("redirected to %s after the question", p.callback)
	}
}

func oidccLogoutBadURI(t *testing.T, w *world) {
	stays(t, w, func(id string) []string {
		return []string{"id_token_hint", id, "post_logout_redirect_uri", "https://web.example.test/other", "state", "s"}
	})
}

func oidccLogoutQueryAdded(t *testing.T, w *world) {
	stays(t, w, func(id string) []string {
		return []string{"id_token_hint", id, "post_logout_redirect_uri", loggedOut + "?a=b", "state", "s"}
	})
}

func oidccLogoutNoHint(t *testing.T, w *world) {
	stays(t, w, func(string) []string { return []string{"post_logout_redirect_uri", loggedOut, "state", "s"} })
}

func oidccLogoutBadHint(t *testing.T, w *world) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stays(t, w, func(id string) []string {
		header, claims := w.jwt(t, id)
		forged := sign(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: header.KeyID}}, nil, claims)
		return []string{"id_token_hint", forged, "post_logout_redirect_uri", loggedOut}
	})
}

func oidccLogoutModifiedHint(t *testing.T, w *world) {
	for _, none := range []string{"none", "nOnE"} {
		stays(t, w, func(id string) []string {
			parts := strings.Split(id, ".")
			parts[0] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + none + `"}`))
			return []string{"id_token_hint", parts[0] + "." + parts[1] + ".", "post_logout_redirect_uri", loggedOut}
		})
	}
}

// ends sends parameters that sign the person out, if need be after a question, and
// want a page that says so.
func ends(t *testing.T, w *world, pairs func(idToken string) []string) {
	t.Helper()
	b := member(t, w)
	got := b.tokens(w.web)
	p := b.leave(b.endSession(pairs(got.id)...))
	if p.callback != nil || p.status != 200 {
		t.Errorf("status %d, redirected to %v, want the page that says so", p.status, p.callback)
	} else if !strings.Contains(strings.ToLower(p.text()), "signed out") {
		t.Errorf("the page says: %s", p.text())
	}
	b.signedOut(w.web)
}

func oidccLogoutNoParams(t *testing.T, w *world) {
	ends(t, w, func(string) []string { return nil })
}

func oidccLogoutNoURI(t *testing.T, w *world) {
	ends(t, w, func(id string) []string { return []string{"id_token_hint", id, "state", "s"} })
}

func oidccLogoutOnlyState(t *testing.T, w *world) {
	ends(t, w, func(string) []string { return []string{"state", "s"} })
}

// TestLogout is the rest of OIDC RP-Initiated Logout §2 and §3.
func TestLogout(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"post": func(t *testing.T, w *world) {
			b := member(t, w)
			got := b.tokens(w.web)
			p := b.post(w.issuer+"/end_session", url.Values{"id_token_hint": {got.id}, "post_logout_redirect_uri": {loggedOut}, "client_id": {w.web.ID}}, "https://web.example.test")
			if p.callback == nil || p.callback.String() != loggedOut {
				t.Errorf("redirected to %v: %s", p.callback, p.text())
			}
			b.signedOut(w.web)
		},
		"client-id-of-another": func(t *testing.T, w *world) {
			b := member(t, w)
			got := b.tokens(w.web)
			b.errorPage(b.endSession("id_token_hint", got.id, "post_logout_redirect_uri", loggedOut, "client_id", w.other.ID), 400)
			b.signedIn(w.web)
		},
		"S1-12/client-id-is-no-proof": func(t *testing.T, w *world) {
			stays(t, w, func(string) []string {
				return []string{"client_id", w.web.ID, "post_logout_redirect_uri", loggedOut}
			})
		},
		"stay-keeps-the-session": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.web)
			p := b.endSession()
			f, ok := p.form("decision")
			if !ok || !f.offers("decision", "stay") {
				t.Fatalf("no question: %s", p.text())
			}
			b.submit(f, nil, "decision", "stay")
			b.signedIn(w.web)
		},
		"S1-12/open-redirect": func(t *testing.T, w *world) {
			b := member(t, w)
			got := b.tokens(w.web)
			for _, uri := range []string{
				"https://evil.example.test/", "//evil.example.test", "javascript:alert(1)", loggedOut + ".evil.example.test",
				"https://web.example.test@evil.example.test/", loggedOut + "/", "HTTPS://web.example.test/signed-out", loggedOut + "#x",
			} {
				b.errorPage(b.endSession("id_token_hint", got.id, "post_logout_redirect_uri", uri), 400)
			}
			b.signedIn(w.web)
		},
		"S3-18/forged-by-another-site": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.web)
			p := b.endSession()
			f, ok := p.form("decision")
			if !ok {
				t.Fatalf("no question: %s", p.text())
			}
			v := f.values
			v.Set("decision", "logout")
			if got := b.post(f.action.String(), v, "https://evil.example.test"); got.status != 403 {
				t.Errorf("status %d, want 403", got.status)
			}
			b.signedIn(w.web)
		},
		"S2-14/refresh-token-dies-with-the-session": func(t *testing.T, w *world) {
			b := member(t, w)
			got := b.tokens(w.web)
			if got.refresh == "" {
				t.Fatal("no refresh token")
			}
			b.endSession("id_token_hint", got.id)
			w.refresh(t, w.web, got.refresh).wantError(t, 400, "invalid_grant")
			if w.active(t, w.web, got.refresh) {
				t.Error("introspection calls the refresh token active")
			}
			if w.active(t, w.web, got.access) {
				t.Error("introspection calls the access token active")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}
