package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestUserinfo is RFC 6750, OIDC Core §5.3 and S2-09, S2-13.
func TestUserinfo(t *testing.T) {
	w := shared(t)
	got := member(t, w).tokens(w.web, "scope", "openid email")
	machine := w.call(t, w.machine, "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
	machine.want(t, 200)
	for name, c := range map[string]struct {
		make   func() *http.Request
		status int
		code   string // "" none at all
	}{
		"RFC6750-3.1/no-token": {func() *http.Request { return get(w.issuer + "/userinfo") }, 401, ""},
		"RFC6750-3.1/unknown-token": {func() *http.Request {
			return bearer(get(w.issuer+"/userinfo"), "nobody-issued-this-access-token")
		}, 401, "invalid_token"},
		"RFC6750-3.1/modified": {func() *http.Request {
			return bearer(get(w.issuer+"/userinfo"), got.access[:len(got.access)-8]+"AAAAAAAA")
		}, 401, "invalid_token"},
		"RFC6750-2/two-ways": {func() *http.Request {
			return bearer(posted(w.issuer+"/userinfo", url.Values{"access_token": {got.access}}), got.access)
		}, 400, "invalid_request"},
		"S2-13/token-in-query": {func() *http.Request {
			return get(w.issuer + "/userinfo?access_token=" + url.QueryEscape(got.access))
		}, 400, "?"}, // says what to mend; RFC 6750 §3.1 has 401 too
		"S2-09/id-token-as-access-token": {func() *http.Request { return bearer(get(w.issuer+"/userinfo"), got.id) }, 401, "invalid_token"},
		"S2-09/refresh-token": {func() *http.Request {
			return bearer(get(w.issuer+"/userinfo"), got.refresh)
		}, 401, "invalid_token"},
		"basic-scheme": {func() *http.Request {
			r := get(w.issuer + "/userinfo")
			r.SetBasicAuth(w.web.ID, w.web.Secret)
			return r
		}, 401, "?"},
		"RFC6750-3.1/token-of-a-machine": {func() *http.Request {
			return bearer(get(w.issuer+"/userinfo"), machine.str("access_token"))
		}, 403, "insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(t, c.make())
			if a.status != c.status {
				t.Errorf("status %d, want %d", a.status, c.status)
			}
			challenge := a.header.Get("WWW-Authenticate")
			if !strings.HasPrefix(challenge, "Bearer ") {
				t.Errorf("WWW-Authenticate is %q (RFC 6750 §3)", challenge)
			}
			switch c.code {
			case "?":
			case "":
				if strings.Contains(challenge, "error") {
					t.Errorf("WWW-Authenticate is %q: no error code without a token (RFC 6750 §3.1)", challenge)
				}
			default:
				if !strings.Contains(challenge, `error="`+c.code+`"`) {
					t.Errorf("WWW-Authenticate is %q, want error %s", challenge, c.code)
				}
			}
			if strings.Contains(string(a.raw), w.alice.email) {
				t.Error("the answer has claims")
			}
		})
	}
	t.Run("RFC6750-2.1/scheme-in-any-case", func(t *testing.T) {
		r := get(w.issuer + "/userinfo")
		r.Header.Set("Authorization", "bearer "+got.access)
		checkUserinfo(t, w.do(t, r), got.sub())
	})
	t.Run("opaque", func(t *testing.T) {
		got := member(t, w).tokens(w.opaque, "scope", "openid email")
		if strings.Count(got.access, ".") == 2 {
			t.Error("the access token is a JWT")
		}
		a := w.userinfo(t, got.access)
		checkUserinfo(t, a, got.sub())
		if a.str("email") != w.alice.email {
			t.Errorf("email is %q", a.str("email"))
		}
	})
}

func get(address string) *http.Request {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		panic(err) // the address is a constant of the tests
	}
	return req
}

func bearer(r *http.Request, token string) *http.Request {
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// TestAccessToken is RFC 9068 §2.1 and §2.2.
func TestAccessToken(t *testing.T) {
	w := shared(t)
	got := member(t, w).tokens(w.web, "scope", "openid email", "max_age", "1000")
	header, claims := w.jwt(t, got.access)
	if typ := header.ExtraHeaders["typ"]; typ != "at+jwt" {
		t.Errorf("typ is %v, want at+jwt", typ)
	}
	for name, want := range map[string]any{"iss": w.issuer, "sub": got.sub(), "client_id": w.web.ID, "scope": "openid email"} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	for _, name := range []string{"aud", "exp", "iat", "jti", "auth_time"} {
		if claims[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if life := claims["exp"].(float64) - claims["iat"].(float64); life > 900 {
		t.Errorf("S2-14: it lives for %v s, at most 900", life)
	}
	for _, name := range []string{"email", "name"} {
		if claims[name] != nil {
			t.Errorf("it has %s", name)
		}
	}
	t.Run("client-credentials", func(t *testing.T) {
		a := w.call(t, w.machine, "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
		a.want(t, 200)
		a.wantUncached(t)
		if a.str("refresh_token") != "" || a.str("id_token") != "" {
			t.Error("RFC 6749 §4.4.3: a refresh token or an ID token")
		}
		_, claims := w.jwt(t, a.str("access_token"))
		if claims["sub"] != w.machine.ID || claims["client_id"] != w.machine.ID {
			t.Errorf("sub is %v, client_id is %v", claims["sub"], claims["client_id"])
		}
	})
}

// TestIntrospection is RFC 7662 and S2-12.
func TestIntrospection(t *testing.T) {
	w := shared(t)
	for name, c := range map[string]client{"jwt": w.web, "opaque": w.opaque} {
		t.Run("RFC7662-2.2/"+name, func(t *testing.T) {
			got := member(t, w).tokens(c, "scope", "openid email")
			a := w.call(t, c, "/oauth/introspect", url.Values{"token": {got.access}, "token_type_hint": {"refresh_token"}}) // a wrong hint
			a.want(t, 200)
			a.wantUncached(t)
			for name, want := range map[string]any{"active": true, "client_id": c.ID, "sub": got.sub(), "iss": w.issuer, "scope": "openid email", "token_type": "Bearer"} {
				if a.body[name] != want {
					t.Errorf("%s is %v, want %v", name, a.body[name], want)
				}
			}
			if a.body["exp"] == nil || a.body["iat"] == nil {
				t.Error("no exp or iat")
			}
			if !w.active(t, c, got.refresh) {
				t.Error("the refresh token is not active")
			}
			for _, stranger := range []client{w.other, w.machine, w.third} {
				if w.active(t, stranger, got.access) || w.active(t, stranger, got.refresh) {
					t.Errorf("S2-12: %s learns of the token of %s", stranger.ID, c.ID)
				}
			}
			if w.active(t, c, got.id) {
				t.Error("S2-09: an ID token is active")
			}
		})
	}
	t.Run("S2-12/nobody", func(t *testing.T) {
		got := member(t, w).tokens(w.web)
		w.do(t, posted(w.issuer+"/oauth/introspect", url.Values{"token": {got.access}})).wantError(t, 401, "invalid_client")
		w.do(t, posted(w.issuer+"/oauth/introspect", url.Values{"token": {got.access}, "client_id": {w.spa.ID}})).wantError(t, 401, "invalid_client")
		req := posted(w.issuer+"/oauth/introspect", url.Values{"token": {got.access}})
		req.SetBasicAuth(w.web.ID, "wrong-secret-wrong-secret")
		a := w.do(t, req)
		a.wantError(t, 401, "invalid_client")
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
			t.Error("no WWW-Authenticate")
		}
	})
	t.Run("S2-12/unknown", func(t *testing.T) {
		for _, token := range []string{"nobody-issued-this-token", "a.b.c", strings.Repeat("x", 8000)} {
			if w.active(t, w.web, token) {
				t.Errorf("%.20s is active", token)
			}
		}
	})
	t.Run("no-token", func(t *testing.T) {
		w.call(t, w.web, "/oauth/introspect", nil).wantError(t, 400, "invalid_request")
	})
	t.Run("S2-13/token-in-query", func(t *testing.T) {
		got := member(t, w).tokens(w.web)
		w.call(t, w.web, "/oauth/introspect?token="+url.QueryEscape(got.access), nil).wantError(t, 400, "invalid_request")
	})
}

// TestRevocation is RFC 7009 and S2-14.
func TestRevocation(t *testing.T) {
	w := shared(t)
	for _, c := range []client{w.web, w.opaque, w.spa} {
		t.Run("RFC7009-2.1/access-token/"+c.ID, func(t *testing.T) {
			got := member(t, w).tokens(c)
			a := w.call(t, c, "/oauth/revoke", url.Values{"token": {got.access}, "token_type_hint": {"access_token"}})
			a.want(t, 200)
			if a := w.userinfo(t, got.access); a.status != 401 {
				t.Errorf("userinfo answers with %d, want 401", a.status)
			}
			if c.method != "none" && w.active(t, c, got.access) {
				t.Error("the token is active")
			}
		})
		t.Run("RFC7009-2.1/refresh-token/"+c.ID, func(t *testing.T) {
			got := member(t, w).tokens(c)
			w.call(t, c, "/oauth/revoke", url.Values{"token": {got.refresh}}).want(t, 200)
			wantDead(t, w, c, got)
		})
		t.Run("RFC7009-2.1/rotated-refresh-token/"+c.ID, func(t *testing.T) {
			got := member(t, w).tokens(c)
			next := w.refresh(t, c, got.refresh)
			next.want(t, 200)
			w.call(t, c, "/oauth/revoke", url.Values{"token": {next.str("refresh_token")}, "token_type_hint": {"pigeon"}}).want(t, 200)
			wantDead(t, w, c, got)
			wantDead(t, w, c, tokens{answer: next, access: next.str("access_token"), refresh: next.str("refresh_token")})
		})
	}
	t.Run("RFC7009-2.2/unknown-token", func(t *testing.T) {
		w.call(t, w.web, "/oauth/revoke", url.Values{"token": {"nobody-issued-this-token"}}).want(t, 200)
	})
	t.Run("RFC7009-2.1/token-of-another", func(t *testing.T) {
		got := member(t, w).tokens(w.web)
		for _, token := range []string{got.refresh, got.access} {
			a := w.call(t, w.other, "/oauth/revoke", url.Values{"token": {token}})
			if !slices.Contains([]int{200, 400}, a.status) {
				t.Errorf("status %d", a.status)
			}
		}
		w.userinfo(t, got.access).want(t, 200)
		w.refresh(t, w.web, got.refresh).want(t, 200)
	})
	t.Run("RFC7009-2.1/nobody", func(t *testing.T) {
		w.do(t, posted(w.issuer+"/oauth/revoke", url.Values{"token": {"x"}})).wantError(t, 401, "invalid_client")
	})
	t.Run("no-token", func(t *testing.T) {
		w.call(t, w.web, "/oauth/revoke", nil).wantError(t, 400, "invalid_request")
	})
	t.Run("S2-14/account-deleted", func(t *testing.T) {
		bob, err := w.addPerson("leaver", "Lea Leaver")
		if err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t, w.server, bob)
		got := b.tokens(w.web, "scope", "openid offline_access", "prompt", "consent")
		if _, err := w.identity("", "user", "delete", bob.email, "--yes"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the refresh token is dead", func() bool { return w.refresh(t, w.web, got.refresh).str("error") == "invalid_grant" })
		eventually(t, "introspection says inactive", func() bool { return !w.active(t, w.web, got.access) })
		eventually(t, "userinfo refuses", func() bool { return w.userinfo(t, got.access).status == 401 })
		b.signedOut(w.web)
	})
	t.Run("S2-14/client-deleted", func(t *testing.T) {
		c, err := w.another("leaver", "--preset", "web", "--first-party", "--redirect-uri", webRedirect)
		if err != nil {
			t.Fatal(err)
		}
		c.method, c.redirect = "client_secret_basic", webRedirect
		b := member(t, w)
		got := b.tokens(c)
		if _, err := w.identity("", "client", "delete", c.ID, "--yes"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the client is unknown", func() bool { return w.refresh(t, c, got.refresh).str("error") == "invalid_client" })
		b.errorPage(b.get(w.authorizeURL(w.request(c))), 400)
		eventually(t, "userinfo refuses", func() bool { return w.userinfo(t, got.access).status == 401 })
	})
	t.Run("S2-14/password-changed", func(t *testing.T) {
		bob, err := w.addPerson("changer", "Cha Changer")
		if err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t, w.server, bob)
		got := b.tokens(w.web)
		w.log.secret("a-new-password-for-cha")
		if _, err := w.identity("a-new-password-for-cha\n", "user", "set-password", bob.email, "--password-stdin"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "S3-13: the refresh token is dead", func() bool { return w.refresh(t, w.web, got.refresh).str("error") == "invalid_grant" })
		b.signedOut(w.web)
		bob.password = "a-new-password-for-cha"
		newBrowser(t, w.server, bob).tokens(w.web)
	})
}
