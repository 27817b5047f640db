package op

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

func TestEndSession(t *testing.T) {
	const bye = "https://rp.example.test/bye"
	for _, tt := range []struct {
		name   string
		query  func(idToken, foreign string) url.Values
		want   string // prefix of the location or of the page
		signed bool   // still signed in afterwards
	}{
		{"OIDC-RPInitiated-3/redirect-with-state", func(id, _ string) url.Values {
			return url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {bye}, "state": {"s"}}
		}, bye + "?state=s", false},
		{"OIDC-RPInitiated-3/no-state", func(id, _ string) url.Values {
			return url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {bye}}
		}, bye, false},
		{"OIDC-RPInitiated-2/hint-alone", func(id, _ string) url.Values { return url.Values{"id_token_hint": {id}} }, "page:logged_out", false},
		{"OIDC-RPInitiated-2/no-params-asks", func(_, _ string) url.Values { return nil }, "/logout?", true},
		{"OIDC-RPInitiated-2/only-state-asks", func(_, _ string) url.Values { return url.Values{"state": {"s"}} }, "/logout?state=s", true},
		{"S1-12/unregistered", func(id, _ string) url.Values {
			return url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {"https://evil.example/"}}
		}, "page:error", true},
		{"S1-12/query-added", func(id, _ string) url.Values {
			return url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {bye + "?x=1"}}
		}, "page:error", true},
		{"S1-12/no-hint", func(_, _ string) url.Values {
			return url.Values{"post_logout_redirect_uri": {bye}, "client_id": {"rp"}}
		}, "page:error", true},
		{"S1-12/hint-of-another-issuer", func(_, foreign string) url.Values {
			return url.Values{"id_token_hint": {foreign}, "post_logout_redirect_uri": {bye}}
		}, "page:error", true},
		{"S2-16/hint-unsigned", func(id, _ string) url.Values {
			return url.Values{"id_token_hint": {"eyJhbGciOiJub25lIn0." + strings.Split(id, ".")[1] + "."}, "post_logout_redirect_uri": {bye}}
		}, "page:error", true},
		{"S2-09/userinfo-answer-as-hint", func(_, userinfo string) url.Values {
			return url.Values{"id_token_hint": {userinfo}}
		}, "page:error", true},
		{"OIDC-RPInitiated-2/client_id-of-another", func(id, _ string) url.Values {
			return url.Values{"id_token_hint": {id}, "client_id": {"other"}}
		}, "page:error", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, stranger := newHarness(t), newHarness(t)
			for _, x := range []*harness{h, stranger} {
				x.client("rp", nil)
				x.client("other", nil)
			}
			for range 2 { // keys of its own: those of the harness are alike
				_, err := stranger.op.keys.Rotate(t.Context(), stranger.project, "RS256", true)
				h.must(err)
			}
			tokens := h.tokens("rp", nil)
			h.clock.advance(h.project.IDTokenTTL) // an expired hint is still a hint
			foreign := stranger.tokens("rp", nil)["id_token"].(string)
			if tt.name == "S2-09/userinfo-answer-as-hint" {
				h.client("signed", func(c *storage.Client) { c.UserinfoSignedResponseAlg = "RS256" })
				foreign = text(t, h.userinfo(h.tokens("signed", nil)["access_token"]))
			}
			res := h.get(pathEndSession, tt.query(tokens["id_token"].(string), foreign))
			got := res.Header.Get("Location")
			if res.StatusCode != http.StatusSeeOther {
				got = text(t, res)
			}
			if !strings.HasPrefix(got, tt.want) || strings.HasPrefix(got, bye) && got != tt.want {
				t.Fatalf("got %d %q, want %q", res.StatusCode, got, tt.want)
			}
			if signed := h.browser.session != nil; signed != tt.signed {
				t.Fatalf("signed in: %v", signed)
			}
			if !tt.signed {
				if again := h.refresh("rp", tokens["refresh_token"]); again["error"] != "invalid_grant" {
					t.Errorf("the refresh token outlived the session: %v", again)
				}
			}
		})
	}
	t.Run("OIDC-RPInitiated-3/nobody-signed-in", func(t *testing.T) {
		h := newHarness(t)
		h.browser.session = nil
		if got := text(t, h.get(pathEndSession, nil)); got != "page:logged_out" {
			t.Fatalf("got %q", got)
		}
	})
	t.Run("OIDC-RPInitiated-2/logout_hint-answered", func(t *testing.T) { // another account stays signed in
		h := newHarness(t)
		hint := url.Values{"logout_hint": {"alice"}}
		if got := h.get(pathEndSession, hint).Header.Get("Location"); got != "/logout?logout_hint=alice" {
			t.Fatalf("without an answer: %q", got)
		}
		h.browser.departed = []*storage.Session{{ID: "of-alice"}}
		if got := text(t, h.get(pathEndSession, hint)); got != "page:logged_out" || h.browser.session == nil {
			t.Errorf("answered: %q", got)
		}
		h.browser.departed = []*storage.Session{{ID: "of-alice"}}
		if got := h.get(pathEndSession, nil).Header.Get("Location"); got != "/logout?" {
			t.Errorf("the answer was about all, and one is there: %q", got)
		}
	})
	t.Run("OIDC-RPInitiated-2/POST", func(t *testing.T) {
		h := newHarness(t)
		h.client("rp", nil)
		id := h.tokens("rp", nil)["id_token"].(string)
		res := h.post(pathEndSession, "", url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {bye}})
		if res.Header.Get("Location") != bye {
			t.Fatalf("got %d %s", res.StatusCode, text(t, res))
		}
	})
}
