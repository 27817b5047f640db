package op

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
)

func TestRefresh(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	h.client("other", nil)
	h.client("keeper", func(c *storage.Client) { c.KeepRefreshToken = true })

	t.Run("RFC6749-6/rotates", func(t *testing.T) {
		first := h.tokens("rp", nil)
		next := h.refresh("rp", first["refresh_token"])
		if next["refresh_token"] == first["refresh_token"] || next["access_token"] == first["access_token"] {
			t.Fatal("not rotated")
		}
		a, b := claimsOf(t, first["id_token"]), claimsOf(t, next["id_token"])
		for _, name := range []string{"iss", "sub", "aud", "auth_time", "sid", "acr"} { // OIDC Core §12.2
			if a[name] != b[name] {
				t.Errorf("%s: %v, then %v", name, a[name], b[name])
			}
		}
		if b["nonce"] != nil {
			t.Errorf("nonce = %v", b["nonce"])
		}
	})
	t.Run("S2-04/lost-answer-gets-the-same-successor", func(t *testing.T) {
		first := h.tokens("rp", nil)
		a := h.refresh("rp", first["refresh_token"])
		h.clock.advance(h.project.RefreshGrace)
		if b := h.refresh("rp", first["refresh_token"]); b["refresh_token"] != a["refresh_token"] {
			t.Fatalf("got %v", b)
		}
	})
	t.Run("S2-04/retry-after-two-rotations-gets-the-leaf", func(t *testing.T) {
		first := h.tokens("rp", nil)
		leaf := h.refresh("rp", h.refresh("rp", first["refresh_token"])["refresh_token"])
		if b := h.refresh("rp", first["refresh_token"]); b["refresh_token"] != leaf["refresh_token"] {
			t.Fatalf("got %v", b)
		}
	})
	t.Run("S2-04/reuse-revokes-the-family", func(t *testing.T) {
		first := h.tokens("rp", nil)
		next := h.refresh("rp", first["refresh_token"])
		h.clock.advance(h.project.RefreshGrace + time.Second)
		if got := h.refresh("rp", first["refresh_token"]); got["error"] != "invalid_grant" {
			t.Fatalf("reuse: %v", got)
		}
		if got := h.refresh("rp", next["refresh_token"]); got["error"] != "invalid_grant" {
			t.Fatalf("the family lives on: %v", got)
		}
		if res := h.userinfo(next["access_token"]); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the access token lives on: %d", res.StatusCode)
		}
		l, err := h.store.AuditEvents.List(t.Context(), h.project.Scope(), storage.AuditFilter{Action: "grant.revoked"}, storage.PageRequest{})
		if err != nil || len(l.Items) != 1 || l.Items[0].Reason != "refresh_token_reused" {
			t.Errorf("audit: %v %v", l.Items, err)
		}
	})
	t.Run("S2-04/confidential-client-may-keep-it", func(t *testing.T) {
		first := h.tokens("keeper", nil)
		for range 2 {
			if got := h.refresh("keeper", first["refresh_token"]); got["refresh_token"] != first["refresh_token"] {
				t.Fatalf("got %v", got)
			}
		}
	})
	t.Run("RFC6749-6/of-another-client", func(t *testing.T) {
		first := h.tokens("rp", nil)
		if got := h.refresh("other", first["refresh_token"]); got["error"] != "invalid_grant" {
			t.Fatalf("got %v", got)
		}
		if got := h.refresh("rp", first["refresh_token"]); got["refresh_token"] == nil {
			t.Fatalf("burnt by another client: %v", got)
		}
	})
	t.Run("S1-15/scope-never-widens", func(t *testing.T) {
		first := h.tokens("rp", url.Values{"scope": {"openid email"}})
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}, "scope": {"openid email profile"}}
		if got := object(t, h.post(pathToken, "rp", form)); got["error"] != "invalid_scope" {
			t.Fatalf("got %v", got)
		}
		form.Set("scope", "openid")
		if got := object(t, h.post(pathToken, "rp", form)); got["scope"] != "openid" {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("RFC6749-6/expires-unused", func(t *testing.T) {
		first := h.tokens("rp", url.Values{"scope": {"openid offline_access"}})
		h.clock.advance(h.project.RefreshTokenTTL)
		if got := h.refresh("rp", first["refresh_token"]); got["error"] != "invalid_grant" {
			t.Fatalf("got %v", got)
		}
	})
}

func TestRefreshRace(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	t.Run("S2-05/100-at-once", func(t *testing.T) {
		first := h.tokens("rp", nil)
		var mu sync.Mutex
		leaves := map[any]int{}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				got := h.refresh("rp", first["refresh_token"])
				mu.Lock()
				defer mu.Unlock()
				leaves[got["refresh_token"]]++
			})
		}
		wg.Wait()
		if len(leaves) != 1 || leaves[nil] != 0 {
			t.Fatalf("%d different answers, %d without a token", len(leaves), leaves[nil])
		}
		for leaf := range leaves {
			if got := h.refresh("rp", leaf); got["refresh_token"] == nil {
				t.Fatalf("the chain does not go on: %v", got)
			}
		}
	})
}

// TestRefreshSessionMax: a client that takes no old sign-in refreshes with none,
// unless it is there for when the person is away.
func TestRefreshSessionMax(t *testing.T) {
	h := newHarness(t)
	h.client("rp", func(c *storage.Client) { c.SignIn.SessionMax = 120 })
	h.client("other", nil)
	strict, other := h.tokens("rp", nil), h.tokens("other", nil)
	strict = h.refresh("rp", strict["refresh_token"])
	if strict["refresh_token"] == nil {
		t.Fatalf("got %v", strict)
	}
	h.clock.advance(121 * time.Second)
	if got := h.refresh("rp", strict["refresh_token"]); got["error"] != "invalid_grant" {
		t.Errorf("got %v", got)
	}
	if got := h.refresh("other", other["refresh_token"]); got["access_token"] == nil {
		t.Errorf("another client: %v", got)
	}
}

// What ends a session or an account ends what hangs on it, at once.
func TestRefreshAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(h *harness){
		"session-signed-out": func(h *harness) {
			h.must(h.store.Commit(h.t.Context(), h.project.Scope(), h.store.Sessions.End(h.browser.session.ID)...))
		},
		"session-idle": func(h *harness) { h.clock.advance(h.project.SessionIdle) },
		"session-gone": func(h *harness) { // its grant and its tokens are there still: 35 is the type of sessions
			_, err := h.repo.Commit(h.t.Context(), h.project.Scope(), graph.Delete{Type: 35, ID: h.browser.session.ID})
			h.must(err)
		},
		"user-suspended": func(h *harness) {
			h.user.Version, h.user.Status = 1, storage.UserSuspended
			h.must(h.store.Commit(h.t.Context(), h.project.Scope(), h.store.Users.Replace(h.user)))
		},
		"user-deleted": func(h *harness) { h.must(h.store.Users.Delete(h.t.Context(), h.project.Scope(), h.user.ID)) },
		"password-changed": func(h *harness) {
			h.must(h.store.PasswordCredentials.Set(h.t.Context(), h.project.Scope(), &storage.PasswordCredential{UserID: h.user.ID}))
		},
		"consent-withdrawn": func(h *harness) {
			c, err := h.store.Consents.Allow(h.t.Context(), h.project.Scope(), h.user.ID, "rp", []string{"openid"}, h.clock.now())
			h.must(err)
			h.must(h.store.Commit(h.t.Context(), h.project.Scope(), c))
			stored, err := h.store.Consents.Get(h.t.Context(), h.project.Scope(), h.user.ID, "rp")
			h.must(err)
			h.must(h.store.Consents.Withdraw(h.t.Context(), h.project.Scope(), stored))
		},
		"client-deleted": func(h *harness) {
			h.must(h.store.Clients.Delete(h.t.Context(), h.project.Scope(), "rp"))
			h.op.clients.invalidate(storage.Notice{All: true})
		},
	} {
		t.Run("S2-14/"+name, func(t *testing.T) {
			h := newHarness(t)
			h.client("rp", nil)
			h.client("rs", nil)
			got := h.tokens("rp", nil)
			end(h)
			if again := h.refresh("rp", got["refresh_token"]); again["error"] != "invalid_grant" && again["error"] != "invalid_client" {
				t.Errorf("refresh: %v", again)
			}
			if res := h.userinfo(got["access_token"]); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("userinfo: %d", res.StatusCode)
			}
		})
	}
	t.Run("S3-13/code-of-before-a-password-change", func(t *testing.T) {
		h := newHarness(t)
		h.client("rp", nil)
		code := h.code("rp", url.Values{"scope": {"openid offline_access"}})
		h.must(h.store.PasswordCredentials.Set(t.Context(), h.project.Scope(), &storage.PasswordCredential{UserID: h.user.ID}))
		if got := object(t, h.post(pathToken, "rp", codeForm(code))); got["error"] != "invalid_grant" {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("OIDC-Core-11/offline-access-outlives-the-session", func(t *testing.T) {
		h := newHarness(t)
		h.client("rp", nil)
		got := h.tokens("rp", url.Values{"scope": {"openid offline_access"}})
		h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Sessions.End(h.browser.session.ID)...))
		if again := h.refresh("rp", got["refresh_token"]); again["access_token"] == nil {
			t.Fatalf("got %v", again)
		}
	})
	t.Run("use-keeps-the-session-alive", func(t *testing.T) {
		h := newHarness(t)
		h.client("rp", nil)
		token := h.tokens("rp", nil)["refresh_token"]
		for range 5 {
			h.clock.advance(h.project.SessionIdle / 2)
			token = h.refresh("rp", token)["refresh_token"]
			if token == nil {
				t.Fatal("the session ended though it was used")
			}
		}
		h.clock.advance(h.project.SessionMax)
		if again := h.refresh("rp", token); again["error"] != "invalid_grant" {
			t.Fatalf("the session outlived its absolute end: %v", again)
		}
	})
}
