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

// asked returns the request that the person is asked about.
func (h *harness) asked(client string, change url.Values) *storage.AuthorizationRequest {
	h.t.Helper()
	h.browser.needed = "consent"
	defer func() { h.browser.needed = "" }()
	res := h.get(pathAuthorize, with(authorizeQuery(client), change))
	if !strings.HasPrefix(res.Header.Get("Location"), "/interaction/") {
		h.t.Fatalf("got %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	return h.browser.stored
}

func TestClaimsNeedConsent(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	h.client("narrow", func(c *storage.Client) { c.Scope = []string{"openid", "profile"} })
	byName := url.Values{"scope": {"openid"}, "claims": {`{"userinfo":{"email":null,"phone_number":null},"id_token":{"name":null}}`}}

	t.Run("S1-15/claims-by-name-are-consented", func(t *testing.T) {
		ar := h.asked("rp", byName)
		if !slices.Equal(ar.ConsentScope, []string{"openid", "email", "phone", "profile"}) || !slices.Equal(ar.Scope, []string{"openid"}) {
			t.Fatalf("consent for %v, scope %v", ar.ConsentScope, ar.Scope)
		}
	})
	t.Run("S1-15/client-may-not-have-the-scope", func(t *testing.T) {
		if ar := h.asked("narrow", byName); !slices.Equal(ar.ConsentScope, []string{"openid", "profile"}) {
			t.Fatalf("consent for %v", ar.ConsentScope)
		}
		got := h.tokens("narrow", byName)
		if c := object(t, h.userinfo(got["access_token"])); c["email"] != nil || c["phone_number"] != nil {
			t.Fatalf("userinfo shows %v", c)
		}
		if c := claimsOf(t, got["id_token"]); c["name"] != "Jane Doe" {
			t.Fatalf("ID token shows %v", c)
		}
	})
	t.Run("S1-15/narrowed-at-refresh", func(t *testing.T) {
		got := h.tokens("rp", with(byName, url.Values{"scope": {"openid email"}}))
		again := object(t, h.post(pathToken, "rp", url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {got["refresh_token"].(string)}, "scope": {"openid"},
		}))
		if c := object(t, h.userinfo(again["access_token"])); len(c) != 1 {
			t.Fatalf("userinfo of a narrowed token shows %v", c)
		}
	})
}

func TestMailNeedsItsScope(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	h.user.Version, h.user.Username, h.user.UsernameKey = 1, "", ""
	h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Users.Replace(h.user)))
	for scope, want := range map[string]any{"openid": nil, "openid profile": h.user.ID, "openid profile email": h.user.Email} {
		access := h.tokens("rp", url.Values{"scope": {scope}})["access_token"]
		if got := object(t, h.userinfo(access))["preferred_username"]; got != want {
			t.Errorf("%s: preferred_username = %v", scope, got)
		}
		if got := object(t, h.post(pathIntrospect, "rp", url.Values{"token": {access.(string)}}))["username"]; got != want {
			t.Errorf("%s: username = %v", scope, got)
		}
	}
}

func TestRequiredClaims(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	t.Run("OIDC-Core-5.5.1.1/essential-acr", func(t *testing.T) {
		ar := h.asked("rp", url.Values{"claims": {`{"id_token":{"acr":{"essential":true,"values":["mfa","phr"]}}}`}})
		if !slices.Equal(ar.EssentialACR, []string{"mfa", "phr"}) || !slices.Equal(ar.ACRValues, []string{"mfa", "phr"}) {
			t.Fatalf("got %v %v", ar.EssentialACR, ar.ACRValues)
		}
		if ar := h.asked("rp", url.Values{"claims": {`{"id_token":{"acr":{"value":"mfa"}}}`}}); len(ar.EssentialACR) != 0 || !slices.Equal(ar.ACRValues, []string{"mfa"}) {
			t.Fatalf("voluntary: %v %v", ar.EssentialACR, ar.ACRValues)
		}
	})
	t.Run("OIDC-Core-3.1.2.2/sub", func(t *testing.T) {
		if ar := h.asked("rp", url.Values{"claims": {`{"id_token":{"sub":{"value":"248289761001"}}}`}}); ar.HintedSubject != "248289761001" {
			t.Fatalf("got %q", ar.HintedSubject)
		}
		hint := h.tokens("rp", nil)["id_token"].(string)
		_, q := location(t, h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"id_token_hint": {hint}, "claims": {`{"userinfo":{"sub":{"value":"x"}}}`}})))
		if q.Get("error") != "invalid_request" {
			t.Fatalf("got %v", q)
		}
	})
}

func TestSizes(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	long := strings.Repeat("a", 8000)
	for name, change := range map[string]url.Values{
		"S6-12/nonce": {"nonce": {long}}, "S6-12/state-and-claims": {"state": {long}, "claims": {`{"x":{"` + long[:7000] + `":null}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, q := location(t, h.get(pathAuthorize, with(authorizeQuery("rp"), change))); q.Get("error") != "invalid_request" {
				t.Fatalf("got %v", q.Get("error"))
			}
		})
	}
	t.Run("S6-12/preferences-are-cut", func(t *testing.T) {
		ar := h.asked("rp", url.Values{"login_hint": {long}, "display": {long}, "ui_locales": {long + strings.Repeat(" de", 50)}, "acr_values": {strings.Repeat("x ", 50)}})
		if ar.LoginHint != "" || ar.Display != "" || len(ar.UILocales) != 16 || len(ar.ACRValues) != 16 {
			t.Fatalf("got %d %d %d %d", len(ar.LoginHint), len(ar.Display), len(ar.UILocales), len(ar.ACRValues))
		}
	})
	t.Run("S6-12/flood-of-one-network", func(t *testing.T) {
		h.browser.needed = "login"
		begun, refused := 0, 0
		for range beginBurst + 50 {
			if strings.HasPrefix(h.get(pathAuthorize, authorizeQuery("rp")).Header.Get("Location"), "/interaction/") {
				begun++
			} else {
				refused++
			}
		}
		if begun > beginBurst || refused < 50 {
			t.Fatalf("%d begun, %d refused", begun, refused)
		}
		h.clock.advance(beginMemory)
		if to := h.get(pathAuthorize, authorizeQuery("rp")).Header.Get("Location"); !strings.HasPrefix(to, "/interaction/") {
			t.Fatalf("still refused: %s", to)
		}
	})
}

func TestDescriptionsAreOurs(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	_, q := location(t, h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"Call 555 now": {"a", "b"}})))
	if q.Get("error") != "invalid_request" || strings.Contains(q.Get("error_description"), "555") {
		t.Fatalf("got %v", q)
	}
}

func TestCrossSitePost(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	for site, want := range map[string]string{"cross-site": pathAuthorize + "?", "same-origin": testRedirect + "?code=", "": testRedirect + "?code="} {
		r := httptest.NewRequest(http.MethodPost, testIssuer+pathAuthorize, strings.NewReader(authorizeQuery("rp").Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", site)
		to := h.send(r).Header.Get("Location")
		if !strings.HasPrefix(to, want) {
			t.Errorf("%q: sent to %s", site, to)
			continue
		}
		if site == "cross-site" {
			if _, q := location(t, h.send(httptest.NewRequest(http.MethodGet, testIssuer+to, nil))); q.Get("code") == "" {
				t.Errorf("the GET does not go on: %v", q)
			}
		}
	}
}
