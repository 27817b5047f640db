package op

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// Errors before the client and its redirect URI are proven are shown, never
// redirected; those after it go to the client with state and iss.
func TestAuthorizationErrors(t *testing.T) {
	long := strings.Repeat("a", maxParameterLength+1)
	many := url.Values{}
	for i := range maxParameters {
		many[string(rune('a'+i%26))+strings.Repeat("x", i)] = []string{"1"}
	}
	for _, tt := range []struct {
		name   string
		change url.Values
		want   string // error code
		page   bool   // shown on a page
	}{
		{"S1-03/unknown-client", url.Values{"client_id": {"nobody"}}, "invalid_client", true},
		{"S1-03/client_id-missing", url.Values{"client_id": nil}, "invalid_request", true},
		{"S1-03/disabled-client", url.Values{"client_id": {"off"}}, "invalid_client", true},
		{"S1-01/unregistered-redirect_uri", url.Values{"redirect_uri": {"https://evil.example/cb"}}, "invalid_redirect_uri", true},
		{"S1-01/redirect_uri-query-added", url.Values{"redirect_uri": {testRedirect + "?x=1"}}, "invalid_redirect_uri", true},
		{"OIDC-Core-3.1.2.1/redirect_uri-missing", url.Values{"redirect_uri": nil}, "invalid_request", true},
		{"S1-04/client_id-repeated", url.Values{"client_id": {"rp", "rp"}}, "invalid_request", true},
		{"S1-04/redirect_uri-repeated", url.Values{"redirect_uri": {testRedirect, testRedirect}}, "invalid_request", true},
		{"S1-04/too-many", many, "invalid_request", true},
		{"S1-04/state-repeated", url.Values{"state": {"a", "b"}}, "invalid_request", false},
		{"S1-04/scope-repeated", url.Values{"scope": {"openid", "email"}}, "invalid_request", false},
		{"S1-04/oversized", url.Values{"login_hint": {long}}, "invalid_request", false},
		{"S1-04/not-utf8", url.Values{"login_hint": {"\xff"}}, "invalid_request", false},
		{"S1-04/NUL", url.Values{"login_hint": {"a\x00b"}}, "invalid_request", false},
		{"S1-04/CRLF", url.Values{"login_hint": {"a\r\nb"}}, "invalid_request", false},
		{"RFC6749-3.1.1/response_type-missing", url.Values{"response_type": nil}, "invalid_request", false},
		{"RFC6749-3.1.1/response_type-unknown", url.Values{"response_type": {"code code"}}, "unsupported_response_type", false},
		{"RFC6749-4.1.2.1/not-for-this-client", url.Values{"client_id": {"machine"}}, "unauthorized_client", false},
		{"OAuth-Multiple-2.1/response_mode-unknown", url.Values{"response_mode": {"web_message"}}, "invalid_request", false},
		{"RFC6749-3.3/scope-charset", url.Values{"scope": {"openid \x01"}}, "invalid_scope", false},
		{"RFC6749-3.3/nothing-granted", url.Values{"scope": {"unknown"}}, "invalid_scope", false},
		{"S1-05/challenge-missing", url.Values{"code_challenge": nil, "code_challenge_method": nil}, "invalid_request", false},
		{"S1-05/plain", url.Values{"code_challenge_method": {"plain"}}, "invalid_request", false},
		{"S1-05/method-missing-means-plain", url.Values{"code_challenge_method": nil}, "invalid_request", false},
		{"S1-05/challenge-short", url.Values{"code_challenge": {"abc"}}, "invalid_request", false},
		{"S1-05/challenge-charset", url.Values{"code_challenge": {strings.Repeat("+", 43)}}, "invalid_request", false},
		{"S1-05/method-without-challenge", url.Values{"client_id": {"lax"}, "code_challenge": nil}, "invalid_request", false},
		{"S1-05/public-client-always", url.Values{"client_id": {"public"}, "code_challenge": nil, "code_challenge_method": nil}, "invalid_request", false},
		{"OIDC-Core-3.1.2.1/prompt-unknown", url.Values{"prompt": {"maybe"}}, "invalid_request", false},
		{"OIDC-Core-3.1.2.1/prompt-none-and-login", url.Values{"prompt": {"none login"}}, "invalid_request", false},
		{"OIDC-Core-3.1.2.1/max_age-negative", url.Values{"max_age": {"-1"}}, "invalid_request", false},
		{"OIDC-Core-3.1.2.1/max_age-word", url.Values{"max_age": {"soon"}}, "invalid_request", false},
		{"OIDC-Core-3.1.2.1/id_token_hint-foreign", url.Values{"id_token_hint": {"e30.e30.e30"}}, "invalid_request", false},
		{"OIDC-Core-5.5/claims-no-JSON", url.Values{"claims": {"{"}}, "invalid_request", false},
		{"OIDC-Core-6.1/request", url.Values{"request": {"e30.e30."}}, "invalid_request_object", false},
		{"OIDC-Core-6.2/request_uri", url.Values{"request_uri": {"https://rp.example.test/r"}}, "invalid_request_uri", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			no := false
			h.client("rp", nil)
			h.client("off", func(c *storage.Client) { c.Disabled = true })
			h.client("machine", func(c *storage.Client) { c.GrantTypes = []string{"client_credentials"}; c.ResponseTypes = nil })
			h.client("public", func(c *storage.Client) {
				c.TokenEndpointAuthMethod, c.Secrets, c.RequirePKCE = "none", nil, &no
			})
			h.client("lax", func(c *storage.Client) { c.RequirePKCE = &no })
			res := h.get(pathAuthorize, with(authorizeQuery("rp"), tt.change))
			if tt.page {
				body := text(t, res)
				if res.StatusCode != http.StatusBadRequest || !strings.HasPrefix(body, "page:error\n"+tt.want+"\n") {
					t.Fatalf("got %d %q, want a page with %s", res.StatusCode, body, tt.want)
				}
				if res.Header.Get("Location") != "" {
					t.Fatalf("redirected to %q", res.Header.Get("Location"))
				}
				return
			}
			to, q := location(t, res)
			if to != testRedirect || q.Get("error") != tt.want || q.Has("code") {
				t.Fatalf("got %s %v, want %s", to, q, tt.want)
			}
			if q.Get("error_description") == "" || printable(q.Get("error_description")) != q.Get("error_description") {
				t.Errorf("error_description %q", q.Get("error_description"))
			}
			if q.Get("iss") != testIssuer {
				t.Errorf("S1-06: iss = %q", q.Get("iss"))
			}
			if tt.name != "S1-04/state-repeated" && q.Get("state") != "af0ifjsldkj" {
				t.Errorf("state = %q", q.Get("state"))
			}
		})
	}
}

func TestAuthorizationResponse(t *testing.T) {
	h := newHarness(t)
	h.client("rp", func(c *storage.Client) { c.RedirectURIs = append(c.RedirectURIs, testRedirect+"?foo=bar") })
	t.Run("S1-06/iss-and-state", func(t *testing.T) {
		res := h.get(pathAuthorize, authorizeQuery("rp"))
		_, q := location(t, res)
		want := url.Values{"code": {q.Get("code")}, "state": {"af0ifjsldkj"}, "iss": {testIssuer}, "session_state": q["session_state"]}
		if q.Encode() != want.Encode() || len(q.Get("code")) < 43 {
			t.Fatalf("got %v", q)
		}
		if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("S1-08: headers %v", res.Header)
		}
	})
	t.Run("OAuth-Multiple-2.1/fragment", func(t *testing.T) {
		res := h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"response_mode": {"fragment"}}))
		u, err := url.Parse(res.Header.Get("Location"))
		if err != nil || u.RawQuery != "" || !strings.HasPrefix(u.Fragment, "code=") {
			t.Fatalf("got %q", res.Header.Get("Location"))
		}
	})
	t.Run("OAuth-Form-Post-2/form_post", func(t *testing.T) {
		body := text(t, h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"response_mode": {"form_post"}})))
		if !strings.HasPrefix(body, "page:form_post\n"+testRedirect+"\ncode=") {
			t.Fatalf("got %q", body)
		}
	})
	t.Run("RFC6749-3.1.2/query-of-redirect_uri-stays", func(t *testing.T) {
		to, q := location(t, h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"redirect_uri": {testRedirect + "?foo=bar"}})))
		if to != testRedirect || q.Get("foo") != "bar" || q.Get("code") == "" {
			t.Fatalf("got %s %v", to, q)
		}
	})
	t.Run("OIDC-Core-3.1.2.1/POST", func(t *testing.T) {
		_, q := location(t, h.post(pathAuthorize, "", authorizeQuery("rp")))
		if q.Get("code") == "" {
			t.Fatalf("got %v", q)
		}
	})
	t.Run("OIDC-Core-3.1.2.1/unknown-parameter-ignored", func(t *testing.T) {
		h.code("rp", url.Values{"extra": {"foobar"}, "display": {"popup"}, "claims_locales": {"de"}})
	})
}

func TestPromptNone(t *testing.T) {
	for needed, want := range map[string]string{
		"login": "login_required", "consent": "consent_required", "select_account": "account_selection_required", "interaction": "interaction_required",
	} {
		t.Run("OIDC-Core-3.1.2.6/"+needed, func(t *testing.T) {
			h := newHarness(t)
			h.client("rp", nil)
			h.browser.needed = needed
			_, q := location(t, h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"prompt": {"none"}})))
			if q.Get("error") != want || h.browser.stored != nil {
				t.Fatalf("got %v, want %s and nothing stored", q, want)
			}
		})
	}
}

func TestResume(t *testing.T) {
	begin := func(t *testing.T) (*harness, *storage.AuthorizationRequest) {
		h := newHarness(t)
		h.client("rp", nil)
		h.browser.needed = "login"
		to, _ := location(t, h.get(pathAuthorize, authorizeQuery("rp")))
		if to != "/interaction/"+h.browser.stored.ID {
			t.Fatalf("sent to %s", to)
		}
		ar, err := h.store.AuthorizationRequests.Get(t.Context(), h.project.Scope(), h.browser.stored.ID)
		h.must(err)
		return h, ar
	}
	t.Run("S3-19/not-before-it-is-done", func(t *testing.T) {
		h, ar := begin(t)
		ar.Subject = h.user.ID // a first factor was proven, and no more
		h.must(h.store.AuthorizationRequests.Advance(t.Context(), h.project.Scope(), ar))
		if body := text(t, h.get(pathResume, url.Values{"id": {ar.ID}})); !strings.HasPrefix(body, "page:error") {
			t.Fatalf("got %q", body)
		}
	})
	t.Run("RFC6749-4.1.2/done-once", func(t *testing.T) {
		h, ar := begin(t)
		h.browser.fill(ar)
		h.must(h.store.AuthorizationRequests.Advance(t.Context(), h.project.Scope(), ar))
		_, q := location(t, h.get(pathResume, url.Values{"id": {ar.ID}}))
		if q.Get("code") == "" || q.Get("state") != "af0ifjsldkj" {
			t.Fatalf("got %v", q)
		}
		if body := text(t, h.get(pathResume, url.Values{"id": {ar.ID}})); !strings.HasPrefix(body, "page:error") {
			t.Fatalf("second resume: %q", body)
		}
	})
	t.Run("RFC6749-4.1.2.1/denied", func(t *testing.T) {
		h, ar := begin(t)
		ar.Denied = "access_denied"
		h.must(h.store.AuthorizationRequests.Advance(t.Context(), h.project.Scope(), ar))
		_, q := location(t, h.get(pathResume, url.Values{"id": {ar.ID}}))
		if q.Get("error") != "access_denied" || q.Get("iss") != testIssuer {
			t.Fatalf("got %v", q)
		}
	})
	t.Run("OIDC-Core-5.5.1.1/essential-acr-not-reached", func(t *testing.T) {
		h, ar := begin(t)
		ar.Denied = "unmet_authentication_requirements"
		h.must(h.store.AuthorizationRequests.Advance(t.Context(), h.project.Scope(), ar))
		_, q := location(t, h.get(pathResume, url.Values{"id": {ar.ID}}))
		if q.Get("error") != "unmet_authentication_requirements" || !strings.Contains(q.Get("error_description"), "acr") {
			t.Fatalf("got %v", q)
		}
	})
	t.Run("RFC6749-4.1.2.1/denied-twice-at-once", func(t *testing.T) {
		h, ar := begin(t)
		ar.Denied = "access_denied"
		h.must(h.store.AuthorizationRequests.Advance(t.Context(), h.project.Scope(), ar))
		h.browser.stored, h.browser.stale = ar, true // both read the row before either takes it
		location(t, h.get(pathResume, url.Values{"id": {ar.ID}}))
		if res := h.get(pathResume, url.Values{"id": {ar.ID}}); res.StatusCode != http.StatusBadRequest {
			t.Fatalf("got %d %s", res.StatusCode, text(t, res))
		}
	})
	t.Run("S1-01/redirect_uri-removed-meanwhile", func(t *testing.T) {
		h, ar := begin(t)
		h.browser.fill(ar)
		h.must(h.store.AuthorizationRequests.Advance(t.Context(), h.project.Scope(), ar))
		c, err := h.store.Clients.Get(t.Context(), h.project.Scope(), "rp")
		h.must(err)
		c.RedirectURIs = []string{"https://rp.example.test/other"}
		h.must(h.store.Clients.Replace(t.Context(), h.project.Scope(), c, nil))
		h.op.clients.invalidate(storage.Notice{All: true})
		if body := text(t, h.get(pathResume, url.Values{"id": {ar.ID}})); !strings.HasPrefix(body, "page:error") {
			t.Fatalf("got %q", body)
		}
	})
	t.Run("S2-14/session-ended-meanwhile", func(t *testing.T) {
		h, ar := begin(t)
		h.browser.fill(ar)
		h.must(h.store.AuthorizationRequests.Advance(t.Context(), h.project.Scope(), ar))
		h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Sessions.End(h.browser.session.ID)...))
		_, q := location(t, h.get(pathResume, url.Values{"id": {ar.ID}}))
		if q.Get("error") != "login_required" {
			t.Fatalf("got %v", q)
		}
	})
}

func TestMetadata(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{pathDiscovery, pathDiscovery + "/", pathOAuthServer} {
		res := h.get(path, nil)
		doc := object(t, res)
		if doc["issuer"] != testIssuer || doc["authorization_response_iss_parameter_supported"] != true {
			t.Fatalf("%s: %v", path, doc)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no CORS", path)
		}
		r := httptest.NewRequest(http.MethodGet, testIssuer+path, nil)
		r.Header.Set("If-None-Match", res.Header.Get("ETag"))
		if again := h.send(r); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %d with its own ETag", path, again.StatusCode)
		}
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"} {
			if s, _ := doc[name].(string); !strings.HasPrefix(s, testIssuer+"/") {
				t.Errorf("%s = %v", name, doc[name])
			}
		}
		algs, _ := doc["id_token_signing_alg_values_supported"].([]any)
		if !slices.Contains(algs, any("RS256")) {
			t.Errorf("RS256 is not in %v", algs)
		}
	}
}
