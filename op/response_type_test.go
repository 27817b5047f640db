package op

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// frontHarness is a harness whose project allows tokens through the browser, with
// a client that is registered for all of it.
func frontHarness(t testing.TB, change func(*storage.Client)) *harness {
	h := newHarness(t)
	h.project.FrontChannel = true
	no := false
	h.client("rp", func(c *storage.Client) {
		c.GrantTypes = append(c.GrantTypes, grantImplicit)
		c.ResponseTypes = append([]string{"code", "token id_token"}, frontChannelTypes...)
		c.RequirePKCE = &no
		if change != nil {
			change(c)
		}
	})
	return h
}

func frontQuery(responseType string) url.Values {
	return with(authorizeQuery("rp"), url.Values{"response_type": {responseType}, "code_challenge": nil, "code_challenge_method": nil})
}

// fragment returns what a redirect carries in its fragment.
func fragment(t testing.TB, res *http.Response) url.Values {
	t.Helper()
	u, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("no 303: %d %q %s", res.StatusCode, res.Header.Get("Location"), text(t, res))
	}
	if u.RawQuery != "" {
		t.Errorf("S1-08: the query has %q", u.RawQuery)
	}
	q, err := url.ParseQuery(u.EscapedFragment())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestResponseTypes: what each response type brings, by the fragment, and that it
// is tied together.
func TestResponseTypes(t *testing.T) {
	for _, tt := range []struct{ name, responseType, want string }{
		{"OIDC-Core-3.2/id_token", "id_token", "id_token"},
		{"OIDC-Core-3.2/id_token-token", "id_token token", "access_token token_type expires_in id_token"},
		{"OAuth-Multiple-3/token-id_token", "token id_token", "access_token token_type expires_in id_token"},
		{"OIDC-Core-3.3/code-id_token", "code id_token", "code id_token"},
		{"OIDC-Core-3.3/code-token", "code token", "code access_token token_type expires_in"},
		{"OIDC-Core-3.3/code-id_token-token", "token code id_token", "code access_token token_type expires_in id_token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := frontHarness(t, nil)
			q := fragment(t, h.get(pathAuthorize, frontQuery(tt.responseType)))
			want := append(strings.Fields(tt.want), "state", "iss", "session_state")
			var got []string
			for name := range q {
				got = append(got, name)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			if q.Get("state") != "af0ifjsldkj" || q.Get("iss") != testIssuer {
				t.Errorf("state %q, iss %q", q.Get("state"), q.Get("iss"))
			}
			if q.Has("id_token") {
				h.checkFrontIDToken(q, tt.responseType == "id_token")
			}
			if q.Has("access_token") {
				r := userinfoRequest(q.Get("access_token"))
				if got := object(t, h.send(r)); got["sub"] != h.user.ID || got["name"] != "Jane Doe" {
					t.Errorf("userinfo %v", got)
				}
			}
			if q.Has("code") {
				res := h.post(pathToken, "rp", with(codeForm(q.Get("code")), url.Values{"code_verifier": nil}))
				tokens := object(t, res)
				if res.StatusCode != http.StatusOK || tokens["refresh_token"] == nil {
					t.Fatalf("token: %d %v", res.StatusCode, tokens)
				}
				again := claimsOf(t, tokens["id_token"])
				if again["sub"] != h.user.ID || again["iss"] != testIssuer || again["nonce"] != "n-0S6_WzA2Mj" {
					t.Errorf("OIDC-Core-3.3.3.6: %v", again)
				}
			}
			grants, err := h.store.Grants.OfUser(t.Context(), h.project.Scope(), h.user.ID, storage.PageRequest{})
			if err != nil || len(grants.Items) != 1 || grants.Items[0].SessionID != h.browser.session.ID {
				t.Errorf("%d grants, %v, want one of this session", len(grants.Items), err)
			}
		})
	}
}

func userinfoRequest(token string) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, testIssuer+pathUserinfo, nil) //nolint:errcheck,gosec // a constant URL
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// checkFrontIDToken checks the hashes of OIDC Core §3.3.2.11, and that the claims
// of the scopes are there where no access token could ask for them.
func (h *harness) checkFrontIDToken(q url.Values, alone bool) {
	h.t.Helper()
	claims := claimsOf(h.t, q.Get("id_token"))
	for _, hash := range []struct{ claim, of string }{
		{"at_hash", q.Get("access_token")}, {"c_hash", q.Get("code")},
	} {
		var want any
		if hash.of != "" {
			want = leftHash("RS256", hash.of)
		}
		if claims[hash.claim] != want {
			h.t.Errorf("%s %v, want %v", hash.claim, claims[hash.claim], want)
		}
	}
	if _, there := claims["s_hash"]; there != q.Has("code") {
		h.t.Errorf("s_hash %v", claims["s_hash"])
	}
	if claims["nonce"] != "n-0S6_WzA2Mj" || claims["aud"] != "rp" || claims["sub"] != h.user.ID {
		h.t.Errorf("claims %v", claims)
	}
	if _, there := claims["name"]; there != alone {
		h.t.Errorf("OIDC-Core-5.4: name %v", claims["name"])
	}
}

// TestResponseTypeErrors: they go where the answer would have gone.
func TestResponseTypeErrors(t *testing.T) {
	code := []string{"code"}
	for _, tt := range []struct {
		name   string
		front  bool
		types  []string // registered; nil: all
		change url.Values
		want   string
	}{
		{"RFC9700-2.1.2/off-by-default", false, nil, url.Values{"response_type": {"id_token"}}, "unsupported_response_type"},
		{"RFC6749-4.2/token-alone", true, nil, url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		{"RFC6749-4.1.2.1/not-for-this-client", true, code, url.Values{"response_type": {"code token"}}, "unauthorized_client"},
		{"OIDC-Core-3.2.2.1/no-nonce", true, nil, url.Values{"response_type": {"id_token"}, "nonce": nil}, "invalid_request"},
		{"OIDC-Core-3.2.2.1/no-nonce-token", true, nil, url.Values{"response_type": {"id_token token"}, "nonce": nil}, "invalid_request"},
		{"OIDC-Core-3.3.2.11/no-nonce", true, nil, url.Values{"response_type": {"code id_token"}, "nonce": nil}, "invalid_request"},
		{"OIDC-Core-3.3.2.11/no-nonce-token", true, nil, url.Values{"response_type": {"code id_token token"}, "nonce": nil}, "invalid_request"},
		{"OAuth-Multiple-5/query", true, nil, url.Values{"response_type": {"code token"}, "response_mode": {"query"}}, "invalid_request"},
		{"OIDC-Core-3.1.2.1/no-openid", true, nil, url.Values{"response_type": {"id_token"}, "scope": {"email"}}, "invalid_scope"},
		{"RFC9700-2.1.1/hybrid-needs-PKCE", true, nil, url.Values{"client_id": {"strict"}, "response_type": {"code id_token"}}, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := frontHarness(t, func(c *storage.Client) {
				if tt.types != nil {
					c.ResponseTypes = tt.types
				}
			})
			h.project.FrontChannel = tt.front
			h.client("strict", func(c *storage.Client) {
				c.GrantTypes, c.ResponseTypes = append(c.GrantTypes, grantImplicit), []string{"code id_token"}
			})
			q := fragment(t, h.get(pathAuthorize, with(frontQuery(""), tt.change)))
			if q.Get("error") != tt.want || q.Get("state") != "af0ifjsldkj" || q.Get("iss") != testIssuer || q.Has("code") || q.Has("id_token") {
				t.Fatalf("got %v, want %s", q, tt.want)
			}
		})
	}
	t.Run("OIDC-Core-3.3.2.1/code-token-without-nonce", func(t *testing.T) {
		h := frontHarness(t, nil)
		if q := fragment(t, h.get(pathAuthorize, with(frontQuery("code token"), url.Values{"nonce": nil}))); !q.Has("code") {
			t.Fatalf("got %v", q)
		}
	})
	t.Run("OAuth-Form-Post-2/hybrid", func(t *testing.T) {
		h := frontHarness(t, nil)
		body := text(t, h.get(pathAuthorize, with(frontQuery("code id_token token"), url.Values{"response_mode": {"form_post"}})))
		if !strings.HasPrefix(body, "page:form_post\n"+testRedirect+"\ncode=") || !strings.Contains(body, "&id_token=") {
			t.Fatalf("got %q", body)
		}
	})
	t.Run("RFC6749-4.2.2/narrowed-scope-is-told", func(t *testing.T) {
		h := frontHarness(t, nil)
		q := fragment(t, h.get(pathAuthorize, with(frontQuery("id_token token"), url.Values{"scope": {"openid email offline_access unknown"}})))
		if q.Get("scope") != "openid email" {
			t.Fatalf("scope %q", q.Get("scope"))
		}
	})
}

// TestFrontChannelGrant: what the browser brought ends as everything else does.
func TestFrontChannelGrant(t *testing.T) {
	front := func(t *testing.T) (*harness, url.Values) {
		h := frontHarness(t, nil)
		return h, fragment(t, h.get(pathAuthorize, frontQuery("code id_token token")))
	}
	redeem := func(h *harness, q url.Values) *http.Response {
		return h.post(pathToken, "rp", with(codeForm(q.Get("code")), url.Values{"code_verifier": nil}))
	}
	t.Run("S2-14/session-ended", func(t *testing.T) {
		h, q := front(t)
		h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Sessions.End(h.browser.session.ID)...))
		if res := h.send(userinfoRequest(q.Get("access_token"))); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d", res.StatusCode)
		}
		if res := redeem(h, q); object(t, res)["error"] != "invalid_grant" {
			t.Errorf("the code is answered with %d", res.StatusCode)
		}
	})
	t.Run("S2-02/replayed-code", func(t *testing.T) {
		h, q := front(t)
		if res := redeem(h, q); res.StatusCode != http.StatusOK {
			t.Fatalf("the code is answered with %d", res.StatusCode)
		}
		if got := object(t, redeem(h, q)); got["error"] != "invalid_grant" {
			t.Fatalf("the second time: %v", got)
		}
		if res := h.send(userinfoRequest(q.Get("access_token"))); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the token of the response still answers %d", res.StatusCode)
		}
	})
	t.Run("S3-19/session-gone-before-the-answer", func(t *testing.T) {
		h := frontHarness(t, nil)
		h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Sessions.End(h.browser.session.ID)...))
		q := fragment(t, h.get(pathAuthorize, frontQuery("id_token token")))
		if q.Get("error") != "login_required" || q.Has("access_token") {
			t.Errorf("got %v", q)
		}
	})
}
