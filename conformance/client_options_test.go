package conformance

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestClientOptions registers clients with what clients of the world ask for.
func TestClientOptions(t *testing.T) {
	w := shared(t)
	option := func(t *testing.T, flags ...string) client {
		t.Helper()
		c, err := w.another("option", append([]string{"--preset", "web", "--first-party", "--redirect-uri", webRedirect}, flags...)...)
		if err != nil {
			t.Fatal(err)
		}
		c.method, c.redirect = "client_secret_basic", webRedirect
		return c
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run("id-token-alg/"+alg, func(t *testing.T) {
			header, _ := w.jwt(t, member(t, w).tokens(option(t, "--id-token-alg", alg)).id)
			if header.Algorithm != alg {
				t.Errorf("alg is %s", header.Algorithm)
			}
		})
	}
	t.Run("userinfo-alg", func(t *testing.T) {
		c := option(t, "--userinfo-alg", "RS256")
		got := member(t, w).tokens(c, "scope", "openid email")
		a := w.userinfo(t, got.access)
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "application/jwt") {
			t.Fatalf("%d %s, want application/jwt", a.status, a.header.Get("Content-Type"))
		}
		_, claims := w.jwt(t, string(a.raw))
		if claims["iss"] != w.issuer || claims["aud"] != c.ID || claims["sub"] != got.sub() || claims["email"] != w.alice.email {
			t.Errorf("claims: %v", claims)
		}
		if a := w.userinfo(t, string(a.raw)); a.status != http.StatusUnauthorized {
			t.Errorf("S2-09: signed userinfo is an access token: %d", a.status)
		}
	})
	t.Run("access-token-typ", func(t *testing.T) {
		c := option(t, "--access-token-typ", "JWT")
		got := member(t, w).tokens(c)
		header, _ := w.jwt(t, got.access)
		if typ := header.ExtraHeaders["typ"]; typ != "JWT" {
			t.Errorf("typ is %v", typ)
		}
		w.userinfo(t, got.access).want(t, 200)
		if a := w.userinfo(t, got.id); a.status != http.StatusUnauthorized {
			t.Errorf("S2-09: the ID token is an access token: %d", a.status)
		}
	})
	t.Run("audience", func(t *testing.T) {
		c := option(t, "--audience", "https://api.example.test", "--audience", "https://api2.example.test")
		_, claims := w.jwt(t, member(t, w).tokens(c).access)
		aud, _ := claims["aud"].([]any)
		if !slices.Contains(aud, any("https://api.example.test")) || !slices.Contains(aud, any("https://api2.example.test")) {
			t.Errorf("aud is %v", claims["aud"])
		}
	})
	t.Run("keep-refresh-token", func(t *testing.T) {
		c := option(t, "--keep-refresh-token")
		got := member(t, w).tokens(c)
		for range 3 {
			a := w.refresh(t, c, got.refresh)
			a.want(t, 200)
			if next := a.str("refresh_token"); next != "" && next != got.refresh {
				t.Error("the refresh token was rotated")
			}
		}
	})
	t.Run("id-token-claims", func(t *testing.T) {
		c := option(t, "--id-token-claims")
		b := member(t, w)
		r := w.request(c, "scope", "openid email")
		a := w.redeem(t, r, b.code(r))
		a.want(t, 200)
		if _, claims := w.jwt(t, a.str("id_token")); claims["email"] != w.alice.email {
			t.Errorf("email is %v", claims["email"])
		}
	})
	t.Run("scope-not-allowed", func(t *testing.T) {
		c := option(t, "--scope", "openid")
		got := member(t, w).tokens(c, "scope", "openid email")
		if got.str("scope") != "openid" {
			t.Errorf("scope is %q", got.str("scope"))
		}
		if w.userinfo(t, got.access).body["email"] != nil {
			t.Error("userinfo has an email that the client may not ask for")
		}
	})
	t.Run("S5-06/lists-show-no-secret", func(t *testing.T) {
		for _, args := range [][]string{
			{"client", "list", "--json"}, {"client", "list"}, {"user", "list", "--json"}, {"user", "list"}, {"key", "list", "--json"},
			{"key", "list"}, {"config"}, {"doctor"}, {"migrate", "status"}, {"version"},
		} {
			out, err := w.identity("", args...)
			if err != nil {
				t.Error(err)
				continue
			}
			w.log.mu.Lock()
			for _, s := range w.log.seen {
				if strings.Contains(string(out), s) {
					t.Errorf("identity %s prints a secret", strings.Join(args, " "))
				}
			}
			w.log.mu.Unlock()
			if strings.Contains(string(out), "$argon2") || strings.Contains(string(out), "PRIVATE KEY") {
				t.Errorf("identity %s prints a hash or a key", strings.Join(args, " "))
			}
		}
	})
}
