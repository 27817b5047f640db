package op

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

func TestUserinfo(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	h.client("signed", func(c *storage.Client) { c.UserinfoSignedResponseAlg = "RS256" })
	h.client("jwt", func(c *storage.Client) { c.AccessTokenType = "JWT" })
	all := h.tokens("rp", url.Values{"scope": {"openid profile email address phone"}})

	t.Run("OIDC-Core-5.4/every-claim", func(t *testing.T) {
		got := object(t, h.userinfo(all["access_token"]))
		for _, s := range []string{scopeProfile, scopeEmail, scopeAddress, scopePhone} {
			for _, name := range scopeClaims[s] {
				if got[name] == nil {
					t.Errorf("%s is missing", name)
				}
			}
		}
		if got["sub"] != h.user.ID || got["email_verified"] != true {
			t.Errorf("got %v", got)
		}
	})
	t.Run("OIDC-Core-5.4/only-the-scope", func(t *testing.T) {
		got := object(t, h.userinfo(h.tokens("rp", url.Values{"scope": {"openid"}})["access_token"]))
		if len(got) != 1 || got["sub"] != h.user.ID {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("OIDC-Core-5.5/claims-parameter", func(t *testing.T) {
		got := object(t, h.userinfo(h.tokens("rp", url.Values{"scope": {"openid"}, "claims": {`{"userinfo":{"name":{"essential":true},"nickname":null}}`}})["access_token"]))
		if got["name"] != "Jane Doe" || got["nickname"] != "J" || got["email"] != nil {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("OIDC-Core-5.3.2/signed", func(t *testing.T) {
		res := h.userinfo(h.tokens("signed", nil)["access_token"])
		if res.Header.Get("Content-Type") != "application/jwt" {
			t.Fatalf("got %v", res.Header)
		}
		if c := claimsOf(t, text(t, res)); c["iss"] != testIssuer || c["aud"] != "signed" || c["sub"] != h.user.ID {
			t.Fatalf("got %v", c)
		}
	})
	t.Run("RFC6750-2.2/token-in-body", func(t *testing.T) {
		if got := object(t, h.post(pathUserinfo, "", url.Values{"access_token": {all["access_token"].(string)}})); got["sub"] != h.user.ID {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("access-token-typ-JWT", func(t *testing.T) {
		if res := h.userinfo(h.tokens("jwt", nil)["access_token"]); res.StatusCode != http.StatusOK {
			t.Fatalf("got %d", res.StatusCode)
		}
	})
	machine := object(t, h.post(pathToken, "rp", url.Values{"grant_type": {"client_credentials"}}))
	for name, token := range map[string]any{
		"S2-09/id_token-as-access-token": all["id_token"],
		"S2-09/refresh-token":            all["refresh_token"],
		"RFC6750-3.1/garbage":            "a.b.c",
		"S2-16/other-key":                strings.Join(append(strings.Split(all["access_token"].(string), ".")[:2], "AAAA"), "."),
	} {
		t.Run(name, func(t *testing.T) {
			res := h.userinfo(token)
			if res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
				t.Fatalf("got %d %v", res.StatusCode, res.Header)
			}
		})
	}
	t.Run("RFC6750-3.1/no-person-in-it", func(t *testing.T) {
		if res := h.userinfo(machine["access_token"]); res.StatusCode != http.StatusForbidden {
			t.Fatalf("got %d", res.StatusCode)
		}
	})
	t.Run("RFC6750-3.1/no-token-no-error-code", func(t *testing.T) {
		res := h.send(httptest.NewRequest(http.MethodGet, testIssuer+pathUserinfo, nil))
		if res.StatusCode != http.StatusUnauthorized || strings.Contains(res.Header.Get("WWW-Authenticate"), "error=") {
			t.Fatalf("got %d %v", res.StatusCode, res.Header)
		}
	})
	t.Run("S2-13/token-in-query", func(t *testing.T) {
		res := h.get(pathUserinfo, url.Values{"access_token": {all["access_token"].(string)}})
		if res.StatusCode != http.StatusBadRequest {
			t.Fatalf("got %d", res.StatusCode)
		}
	})
	t.Run("RFC6750-2/two-ways", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, testIssuer+pathUserinfo, strings.NewReader("access_token="+all["access_token"].(string)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+all["access_token"].(string))
		if res := h.send(r); res.StatusCode != http.StatusBadRequest {
			t.Fatalf("got %d", res.StatusCode)
		}
	})
	t.Run("RFC9068-2.2/expired", func(t *testing.T) {
		h.clock.advance(h.project.AccessTokenTTL)
		if res := h.userinfo(all["access_token"]); res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("got %d", res.StatusCode)
		}
	})
}

func TestIntrospectionAndRevocation(t *testing.T) {
	for _, format := range []string{"jwt", "opaque"} {
		t.Run(format, func(t *testing.T) {
			h := newHarness(t)
			h.client("rp", func(c *storage.Client) { c.AccessTokenFormat, c.Audience = format, []string{"api"} })
			h.client("api", nil)
			h.client("stranger", nil)
			h.client("public", func(c *storage.Client) { c.TokenEndpointAuthMethod, c.Secrets = "none", nil })
			got := h.tokens("rp", nil)
			access := url.Values{"token": {got["access_token"].(string)}}
			refresh := url.Values{"token": {got["refresh_token"].(string)}, "token_type_hint": {"access_token"}}
			ask := func(client string, form url.Values) map[string]any {
				return object(t, h.post(pathIntrospect, client, form))
			}
			for _, client := range []string{"rp", "api"} {
				if a := ask(client, access); a["active"] != true || a["sub"] != h.user.ID || a["client_id"] != "rp" || a["scope"] != "openid profile email" || a["username"] != "jane" {
					t.Errorf("RFC 7662 §2.2, %s: %v", client, a)
				}
			}
			if a := ask("rp", refresh); a["active"] != true || a["sub"] != h.user.ID {
				t.Errorf("refresh token: %v", a)
			}
			for name, a := range map[string]map[string]any{
				"S2-12/stranger": ask("stranger", access), "S2-12/refresh-of-another": ask("api", refresh),
				"unknown": ask("rp", url.Values{"token": {"x"}}), "id_token": ask("rp", url.Values{"token": {got["id_token"].(string)}}),
			} {
				if len(a) != 1 || a["active"] != false {
					t.Errorf("%s: %v", name, a)
				}
			}
			if res := h.post(pathIntrospect, "", access); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("S2-12/unauthenticated: %d", res.StatusCode)
			}
			if res := h.post(pathIntrospect, "", with(access, url.Values{"client_id": {"public"}})); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("S2-12/public client: %d", res.StatusCode)
			}
			if a := object(t, h.post(pathRevoke, "stranger", access)); a["error"] != "invalid_grant" {
				t.Errorf("RFC 7009 §2.1, another client: %v", a)
			}
			if a := object(t, h.post(pathRevoke, "stranger", refresh)); a["error"] != "invalid_grant" || ask("rp", refresh)["active"] != true {
				t.Errorf("RFC 7009 §2.1, another client's refresh token: %v", a)
			}
			if res := h.post(pathRevoke, "rp", url.Values{"token": {"x"}}); res.StatusCode != http.StatusOK {
				t.Errorf("RFC 7009 §2.2, unknown token: %d", res.StatusCode)
			}
			for range 2 { // twice is no error
				if res := h.post(pathRevoke, "rp", access); res.StatusCode != http.StatusOK {
					t.Errorf("revoke: %d %s", res.StatusCode, text(t, res))
				}
			}
			if a := ask("rp", access); a["active"] != false {
				t.Errorf("revoked access token: %v", a)
			}
			if a := h.refresh("rp", got["refresh_token"]); a["access_token"] == nil {
				t.Errorf("revoking an access token took the refresh token: %v", a)
			}
			got = h.tokens("rp", nil)
			h.post(pathRevoke, "rp", url.Values{"token": {got["refresh_token"].(string)}})
			if a := ask("rp", url.Values{"token": {got["access_token"].(string)}}); a["active"] != false {
				t.Errorf("RFC 7009 §2.1, access token of a revoked refresh token: %v", a)
			}
		})
	}
}

func TestClientCredentials(t *testing.T) {
	h := newHarness(t)
	h.client("m", func(c *storage.Client) { c.Scope = []string{"read", "write", "openid"} })
	h.client("public", func(c *storage.Client) { c.TokenEndpointAuthMethod, c.Secrets = "none", nil })
	ask := func(client string, form url.Values) map[string]any {
		return object(t, h.post(pathToken, client, with(url.Values{"grant_type": {"client_credentials"}}, form)))
	}
	got := ask("m", url.Values{"scope": {"read openid admin"}})
	if got["scope"] != "read" || got["refresh_token"] != nil || got["id_token"] != nil {
		t.Fatalf("got %v", got)
	}
	if c := claimsOf(t, got["access_token"]); c["sub"] != "m" || c["client_id"] != "m" {
		t.Errorf("got %v", c)
	}
	if a := object(t, h.post(pathIntrospect, "m", url.Values{"token": {got["access_token"].(string)}})); a["active"] != true || a["sub"] != "m" {
		t.Errorf("got %v", a)
	}
	if got := ask("m", nil); got["scope"] != "read write" {
		t.Errorf("default scope: %v", got)
	}
	if got := ask("m", url.Values{"scope": {"admin"}}); got["error"] != "invalid_scope" {
		t.Errorf("got %v", got)
	}
	res := h.post(pathToken, "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"public"}})
	if got := object(t, res); got["error"] != "unauthorized_client" {
		t.Errorf("RFC 6749 §4.4, public client: %v", got)
	}
}
