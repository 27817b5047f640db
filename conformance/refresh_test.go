package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func oidccRefreshToken(t *testing.T, w *world) {
	b := member(t, w)
	r := w.request(w.web, "scope", "openid offline_access", "prompt", "consent")
	first := b.redeem(r, b.code(r))
	if first.refresh == "" {
		t.Fatal("no refresh token")
	}
	w.refresh(t, w.other, first.refresh).wantError(t, 400, "invalid_grant")
	a := w.refresh(t, w.web, first.refresh)
	a.want(t, http.StatusOK)
	a.wantUncached(t)
	if a.str("refresh_token") == "" || a.str("refresh_token") == first.refresh {
		t.Error("the refresh token was not rotated")
	}
	// OIDC Core §12.2
	r.Del("nonce")
	second := w.verify(t, r, a)
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "azp", "sid", "acr"} {
		if first.claims[name] != second.claims[name] {
			t.Errorf("ID token: %s is %v, then %v", name, first.claims[name], second.claims[name])
		}
	}
	if n, has := second.claims["nonce"]; has && n != first.claims["nonce"] {
		t.Errorf("ID token: the nonce is another: %v", n)
	}
	w.userinfo(t, second.access).want(t, http.StatusOK)
}

// TestRefreshToken is RFC 6749 §6, RFC 9700 §4.14.2, S2-04, S2-05 and S1-15.
func TestRefreshToken(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"S2-05/raced-by-100": func(t *testing.T, w *world) {
			first := member(t, w).tokens(w.spa)
			answers := race(t, w.server, 100, func() *http.Request {
				return w.authenticated(w.spa, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.refresh}})
			})
			leaves := map[string]bool{}
			for _, a := range answers {
				if a.status == http.StatusServiceUnavailable {
					a.wantError(t, 503, "temporarily_unavailable")
					continue
				}
				a.want(t, http.StatusOK)
				leaves[a.str("refresh_token")] = true
			}
			if len(leaves) != 1 {
				t.Fatalf("%d successors, want 1 chain", len(leaves))
			}
			for leaf := range leaves { // no family was killed
				w.refresh(t, w.spa, leaf).want(t, http.StatusOK)
			}
		},
		"S2-04/answer-lost-within-the-grace": func(t *testing.T, w *world) {
			first := member(t, w).tokens(w.web)
			lost, again := w.refresh(t, w.web, first.refresh), w.refresh(t, w.web, first.refresh)
			lost.want(t, 200)
			again.want(t, 200)
			if lost.str("refresh_token") != again.str("refresh_token") {
				t.Error("the retry got another successor: two live leaves")
			}
			w.refresh(t, w.web, again.str("refresh_token")).want(t, 200)
		},
		"RFC6749-6/narrower-scope": func(t *testing.T, w *world) {
			first := member(t, w).tokens(w.web, "scope", "openid profile email")
			a := w.refresh(t, w.web, first.refresh, "scope", "openid email")
			a.want(t, 200)
			if scope := a.str("scope"); scope != "openid email" {
				t.Errorf("scope is %q", scope)
			}
			if name := w.userinfo(t, a.str("access_token")).str("name"); name != "" {
				t.Error("the narrower token still shows the profile")
			}
			a = w.refresh(t, w.web, a.str("refresh_token")) // the grant is as wide as before
			a.want(t, 200)
			if scope := a.str("scope"); scope != "" && !strings.Contains(scope, "profile") {
				t.Errorf("scope is %q after a narrower one", scope)
			}
		},
		"S1-15/refresh-never-widens": func(t *testing.T, w *world) {
			first := member(t, w).tokens(w.web, "scope", "openid")
			w.refresh(t, w.web, first.refresh, "scope", "openid email").wantError(t, 400, "invalid_scope")
			w.refresh(t, w.web, first.refresh).want(t, 200) // the mistake burned nothing
		},
		"RFC6749-6/another-client": func(t *testing.T, w *world) {
			first := member(t, w).tokens(w.web)
			for _, c := range []client{w.other, w.spa, w.third} {
				w.refresh(t, c, first.refresh).wantError(t, 400, "invalid_grant")
			}
			w.refresh(t, w.web, first.refresh).want(t, 200)
		},
		"RFC6749-6/missing": func(t *testing.T, w *world) {
			w.call(t, w.web, "/oauth/token", url.Values{"grant_type": {"refresh_token"}}).wantError(t, 400, "invalid_request")
		},
		"RFC6749-6/unknown": func(t *testing.T, w *world) {
			w.refresh(t, w.web, "nobody-issued-this-refresh-token").wantError(t, 400, "invalid_grant")
		},
		"S2-09/access-token-as-refresh-token": func(t *testing.T, w *world) {
			got := member(t, w).tokens(w.web)
			w.refresh(t, w.web, got.access).wantError(t, 400, "invalid_grant")
			w.refresh(t, w.web, got.id).wantError(t, 400, "invalid_grant")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}

// TestRefreshTokenReuse is S2-04 after the grace, on a server whose grace is short.
func TestRefreshTokenReuse(t *testing.T) {
	t.Parallel()
	w := start(t, "GATEWAY_REFRESH_GRACE_SECONDS=1")
	for _, c := range []client{w.web, w.spa} {
		first := member(t, w).tokens(c)
		second := w.refresh(t, c, first.refresh)
		second.want(t, 200)
		<-time.After(1500 * time.Millisecond)
		w.refresh(t, c, first.refresh).wantError(t, 400, "invalid_grant")
		wantDead(t, w, c, tokens{answer: second, access: second.str("access_token"), refresh: second.str("refresh_token")})
	}
}
