package op

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/elloloop/identity/storage"
)

func TestCodeGrantErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		client string
		change url.Values
		want   string
	}{
		{"RFC6749-4.1.3/code-missing", "rp", url.Values{"code": nil}, "invalid_request"},
		{"RFC6749-4.1.3/code-unknown", "rp", url.Values{"code": {"guess"}}, "invalid_grant"},
		{"RFC6749-4.1.3/redirect_uri-differs", "rp", url.Values{"redirect_uri": {testRedirect + "/"}}, "invalid_grant"},
		{"RFC6749-4.1.3/redirect_uri-missing", "rp", url.Values{"redirect_uri": nil}, "invalid_grant"},
		{"S2-03/other-client", "thief", nil, "invalid_grant"},
		{"S1-05/verifier-missing", "rp", url.Values{"code_verifier": nil}, "invalid_grant"},
		{"S1-05/verifier-differs", "rp", url.Values{"code_verifier": {strings.Repeat("a", 43)}}, "invalid_grant"},
		{"S1-05/verifier-short", "rp", url.Values{"code_verifier": {testVerifier[:42]}}, "invalid_grant"},
		{"S1-05/verifier-charset", "rp", url.Values{"code_verifier": {strings.Repeat("=", 43)}}, "invalid_grant"},
		{"RFC6749-5.2/grant_type-missing", "rp", url.Values{"grant_type": nil}, "invalid_request"},
		{"RFC6749-5.2/grant_type-unknown", "rp", url.Values{"grant_type": {"password"}}, "unsupported_grant_type"},
		{"RFC6749-5.2/grant_type-not-registered", "codeless", nil, "unauthorized_client"},
		{"S1-04/code-repeated", "rp", url.Values{"code": {"a", "b"}}, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.client("rp", nil)
			h.client("thief", nil)
			h.client("codeless", func(c *storage.Client) { c.GrantTypes = []string{"client_credentials"} })
			code := h.code("rp", nil)
			res := h.post(pathToken, tt.client, with(codeForm(code), tt.change))
			if got := object(t, res); got["error"] != tt.want || got["error_description"] == nil || res.StatusCode != http.StatusBadRequest {
				t.Fatalf("got %d %v, want %s", res.StatusCode, got, tt.want)
			}
			// Whoever failed has not burnt the code of the rightful client.
			if res := h.post(pathToken, "rp", codeForm(code)); res.StatusCode != http.StatusOK {
				t.Fatalf("the code is burnt: %d %s", res.StatusCode, text(t, res))
			}
		})
	}
}

func TestCodeGrant(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	res := h.post(pathToken, "rp", codeForm(h.code("rp", nil)))
	got := object(t, res)
	if got["token_type"] != "Bearer" || got["expires_in"] != 900.0 || got["scope"] != "openid profile email" || got["refresh_token"] == nil {
		t.Fatalf("got %v", got)
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("RFC 6749 §5.1: headers %v", res.Header)
	}
	id := claimsOf(t, got["id_token"])
	for name, want := range map[string]any{
		"iss": testIssuer, "sub": h.user.ID, "aud": "rp", "nonce": "n-0S6_WzA2Mj", "acr": "pwd", "sid": h.browser.session.ID,
		"at_hash": leftHash("RS256", got["access_token"].(string)), "auth_time": float64(h.clock.now().Unix()),
	} {
		if id[name] != want {
			t.Errorf("ID token: %s = %v, want %v", name, id[name], want)
		}
	}
	for _, name := range []string{"email", "name", "azp"} { // scope claims are for userinfo (OIDC Core §5.4)
		if id[name] != nil {
			t.Errorf("ID token: %s = %v", name, id[name])
		}
	}
	access := claimsOf(t, got["access_token"])
	for name, want := range map[string]any{"iss": testIssuer, "sub": h.user.ID, "aud": "rp", "client_id": "rp", "scope": "openid profile email"} {
		if access[name] != want {
			t.Errorf("access token: %s = %v, want %v", name, access[name], want)
		}
	}
}

func TestCodeReplay(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	h.client("opaque", func(c *storage.Client) { c.AccessTokenFormat = "opaque" })
	for _, client := range []string{"rp", "opaque"} {
		t.Run("S2-02/replayed-code-"+client, func(t *testing.T) {
			code := h.code(client, nil)
			first := object(t, h.post(pathToken, client, codeForm(code)))
			if res := h.userinfo(first["access_token"]); res.StatusCode != http.StatusOK {
				t.Fatalf("userinfo: %d", res.StatusCode)
			}
			if got := object(t, h.post(pathToken, client, codeForm(code))); got["error"] != "invalid_grant" {
				t.Fatalf("replay: %v", got)
			}
			if res := h.userinfo(first["access_token"]); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("the access token of a replayed code still works: %d", res.StatusCode)
			}
			if got := h.refresh(client, first["refresh_token"]); got["error"] != "invalid_grant" {
				t.Errorf("the refresh token of a replayed code still works: %v", got)
			}
		})
	}
	t.Run("S2-03/replay-by-another-client-revokes-nothing", func(t *testing.T) {
		h.client("thief", nil)
		code := h.code("rp", nil)
		first := object(t, h.post(pathToken, "rp", codeForm(code)))
		if got := object(t, h.post(pathToken, "thief", codeForm(code))); got["error"] != "invalid_grant" {
			t.Fatalf("got %v", got)
		}
		if res := h.userinfo(first["access_token"]); res.StatusCode != http.StatusOK {
			t.Errorf("revoked by another client's try: %d", res.StatusCode)
		}
	})
	t.Run("S2-02/100-at-once", func(t *testing.T) {
		code := h.code("rp", nil)
		var mu sync.Mutex
		var won []any
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if res := h.post(pathToken, "rp", codeForm(code)); res.StatusCode == http.StatusOK {
					body := object(t, res)
					mu.Lock()
					won = append(won, body["access_token"])
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d requests redeemed the code, want 1", len(won))
		}
		if res := h.userinfo(won[0]); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the code was replayed, and its access token still works: %d", res.StatusCode)
		}
	})
}

func TestCodeLife(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	t.Run("S2-01/256-bits-and-digest", func(t *testing.T) {
		code := h.code("rp", nil)
		if len(code) != 43 {
			t.Errorf("code has %d characters", len(code))
		}
		c, err := h.store.AuthorizationCodes.ByCode(t.Context(), h.project.Scope(), storage.DigestOf(code))
		if err != nil || c.CodeHash != storage.DigestOf(code) {
			t.Errorf("not found by its digest: %v", err)
		}
	})
	t.Run("S2-01/60-seconds", func(t *testing.T) {
		code := h.code("rp", nil)
		h.clock.advance(h.project.AuthorizationCodeTTL)
		if got := object(t, h.post(pathToken, "rp", codeForm(code))); got["error"] != "invalid_grant" {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("S1-05/verifier-without-challenge", func(t *testing.T) {
		no := false
		h.client("lax", func(c *storage.Client) { c.RequirePKCE = &no })
		code := h.code("lax", url.Values{"code_challenge": nil, "code_challenge_method": nil})
		if got := object(t, h.post(pathToken, "lax", codeForm(code))); got["error"] != "invalid_grant" {
			t.Fatalf("got %v", got)
		}
		if res := h.post(pathToken, "lax", with(codeForm(code), url.Values{"code_verifier": nil})); res.StatusCode != http.StatusOK {
			t.Fatalf("without a verifier: %d", res.StatusCode)
		}
	})
	t.Run("S2-14/session-ended-before-redemption", func(t *testing.T) {
		code, s := h.code("rp", nil), h.browser.session
		offline := h.code("rp", url.Values{"scope": {"openid offline_access"}})
		h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Sessions.End(s.ID)...))
		if got := object(t, h.post(pathToken, "rp", codeForm(code))); got["error"] != "invalid_grant" {
			t.Fatalf("got %v", got)
		}
		if res := h.post(pathToken, "rp", codeForm(offline)); res.StatusCode != http.StatusOK {
			t.Errorf("offline access died with the session: %d", res.StatusCode)
		}
	})
}

// A commit that fails leaves nothing half-written, and the request can be
// repeated: each in turn.
func TestCommitFails(t *testing.T) {
	h := newHarness(t)
	h.client("rp", func(c *storage.Client) { c.AccessTokenFormat = "opaque" })
	t.Run("authorize", func(t *testing.T) {
		h.repo.in.Store(1)
		_, q := location(t, h.get(pathAuthorize, authorizeQuery("rp")))
		if q.Get("error") != "temporarily_unavailable" || q.Has("code") {
			t.Fatalf("got %v", q)
		}
	})
	code := h.code("rp", nil)
	form := codeForm(code)
	var tokens map[string]any
	for _, step := range []string{"authorization_code", "refresh_token", "replay"} {
		t.Run(step, func(t *testing.T) {
			grantsBefore, err := h.store.Grants.OfUser(t.Context(), h.project.Scope(), h.user.ID, storage.PageRequest{})
			h.must(err)
			h.repo.in.Store(1)
			res := h.post(pathToken, "rp", form)
			if got := object(t, res); res.StatusCode != http.StatusServiceUnavailable || got["error"] != "temporarily_unavailable" || res.Header.Get("Retry-After") == "" {
				t.Fatalf("got %d %v", res.StatusCode, got)
			}
			grantsAfter, err := h.store.Grants.OfUser(t.Context(), h.project.Scope(), h.user.ID, storage.PageRequest{})
			h.must(err)
			if len(grantsAfter.Items) != len(grantsBefore.Items) {
				t.Fatalf("%d grants, then %d", len(grantsBefore.Items), len(grantsAfter.Items))
			}
			res = h.post(pathToken, "rp", form)
			if step == "replay" {
				if got := object(t, res); got["error"] != "invalid_grant" {
					t.Fatalf("got %v", got)
				}
				return
			}
			if res.StatusCode != http.StatusOK {
				t.Fatalf("the second try: %d %s", res.StatusCode, text(t, res))
			}
			tokens = object(t, res)
			form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}
			if step == "refresh_token" {
				form = codeForm(code)
			}
		})
	}
}

func TestIDTokenClaims(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	h.client("fat", func(c *storage.Client) { c.IDTokenClaims = true })
	t.Run("OIDC-Core-5.5/claims-in-id_token", func(t *testing.T) {
		got := h.tokens("rp", url.Values{"claims": {`{"id_token":{"email":{"essential":true},"name":{"value":"Somebody else"},"locale":{"values":["fr","de-DE"]}}}`}})
		id := claimsOf(t, got["id_token"])
		if id["email"] != "Jane@example.test" || id["name"] != nil || id["locale"] != "de-DE" {
			t.Fatalf("got %v", id)
		}
	})
	t.Run("OIDC-Core-5.4/client-wants-scope-claims", func(t *testing.T) {
		if id := claimsOf(t, h.tokens("fat", nil)["id_token"]); id["email"] != "Jane@example.test" || id["email_verified"] != true {
			t.Fatalf("got %v", id)
		}
	})
	for _, alg := range signingAlgs {
		t.Run("OIDC-Core-2/alg-"+alg, func(t *testing.T) {
			h.client("rp-"+alg, func(c *storage.Client) { c.IDTokenSignedResponseAlg = alg })
			got := h.tokens("rp-"+alg, nil)
			_, header, err := h.op.keys.verify(t.Context(), h.project, got["id_token"].(string), []string{typJWT})
			if err != nil || header.Alg != alg {
				t.Fatalf("got %v %v", header, err)
			}
			if claimsOf(t, got["id_token"])["at_hash"] != leftHash(alg, got["access_token"].(string)) {
				t.Errorf("at_hash differs")
			}
		})
	}
}

// OIDC Core §3.1.3.6 and appendix A.4: at_hash of the example access token.
func TestLeftHash(t *testing.T) {
	if got := leftHash("RS256", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Fatalf("got %s", got)
	}
}

func TestUnknownErrorIsServerError(t *testing.T) {
	e := asError(errors.New("password=hunter2"))
	if e.Code != "server_error" || strings.Contains(e.Error(), "hunter2") {
		t.Fatalf("got %v", e)
	}
}

func TestAudience(t *testing.T) {
	h := newHarness(t)
	h.client("rp", func(c *storage.Client) { c.Audience = []string{"https://api.example.test", "rp"} })
	aud, _ := claimsOf(t, h.tokens("rp", nil)["access_token"])["aud"].([]any)
	if !slices.Equal(aud, []any{"https://api.example.test", "rp"}) {
		t.Fatalf("got %v", aud)
	}
}

func (h *harness) userinfo(token any) *http.Response {
	r, err := http.NewRequest(http.MethodGet, testIssuer+pathUserinfo, nil)
	h.must(err)
	r.RemoteAddr = "192.0.2.1:1234"
	r.Header.Set("Authorization", "Bearer "+token.(string))
	return h.send(r)
}

func (h *harness) refresh(client string, token any) map[string]any {
	return object(h.t, h.post(pathToken, client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}}))
}
