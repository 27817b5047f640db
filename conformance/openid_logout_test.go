package conformance

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// afterLogin are the variants that the plans of logout, and of logins that others
// begin, are run with: the first with a response in the query, the second in the
// fragment.
var afterLogin = []variant{{"code", ""}, {"code id_token", ""}}

// rpInitiatedLogoutPlan is oidcc-rp-initiated-logout-certification-test-plan.
func rpInitiatedLogoutPlan() plan {
	const base = "oidcc-rp-initiated-logout"
	return plan{name: base + "-certification-test-plan", variants: afterLogin, modules: []module{
		{base + "-discovery-endpoint-verification", func(s *moduleRun) { s.advertises("end_session_endpoint") }, nil},
		{base, logoutDone(func(l login, uri string) []string {
			return []string{"id_token_hint", l.id, "post_logout_redirect_uri", uri, "state", rand.Text()}
		}), nil},
		{base + "-no-state", logoutDone(func(l login, uri string) []string {
			return []string{"id_token_hint", l.id, "post_logout_redirect_uri", uri}
		}), nil},
		{base + "-bad-post-logout-redirect-uri", logoutStays(func(_ *moduleRun, l login, uri string) []string {
			return []string{"id_token_hint", l.id, "post_logout_redirect_uri", uri + "x", "state", "s"}
		}), nil},
		{base + "-query-added-to-post-logout-redirect-uri", logoutStays(func(_ *moduleRun, l login, uri string) []string {
			return []string{"id_token_hint", l.id, "post_logout_redirect_uri", uri + "?foo=bar", "state", "s"}
		}), nil},
		{base + "-no-id-token-hint", logoutStays(func(_ *moduleRun, _ login, uri string) []string {
			return []string{"post_logout_redirect_uri", uri, "state", "s"}
		}), nil},
		{base + "-bad-id-token-hint", logoutStays(func(s *moduleRun, l login, uri string) []string {
			return []string{"id_token_hint", s.forged(l), "post_logout_redirect_uri", uri, "state", "s"}
		}), nil},
		{base + "-modified-id-token-hint", logoutStays(func(_ *moduleRun, l login, uri string) []string {
			unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(l.id, ".")[1] + "."
			return []string{"id_token_hint", unsigned, "post_logout_redirect_uri", uri, "state", "s"}
		}), nil},
		{base + "-no-params", logoutSays(func(login) []string { return nil }), nil},
		{base + "-no-post-logout-redirect-uri", logoutSays(func(l login) []string { return []string{"id_token_hint", l.id, "state", "s"} }), nil},
		{base + "-only-state", logoutSays(func(login) []string { return []string{"state", "s"} }), nil},
	}}
}

// advertises wants members of the discovery document that are there, and true if
// they say yes or no.
func (s *moduleRun) advertises(members ...string) {
	s.Helper()
	a := s.discovery()
	for _, name := range members {
		if v := a.body[name]; v == nil || v == false {
			s.Errorf("%s is %v", name, v)
		}
	}
}

// forged is an ID token that another key signed.
func (s *moduleRun) forged(l login) string {
	s.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.Fatal(err)
	}
	header, claims := s.w.jwt(s.T, l.id)
	return sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: header.KeyID}}, nil, claims)
}

// registerLogout registers a client with a post logout redirect URI.
func (s *moduleRun) registerLogout(change map[string]any) (registered, string) {
	s.Helper()
	uri := strings.TrimSuffix(redirectURI(), "callback") + "post_logout_redirect"
	all := map[string]any{"post_logout_redirect_uris": []string{uri}}
	maps.Copy(all, change)
	return s.register(all), uri
}

// signedOut wants that prompt=none says so.
func (s *moduleRun) signedOut(c registered) {
	s.Helper()
	r := s.authorization(c, "prompt", "none")
	s.wantError(r, s.visit(s.w.authorizeURL(r)), "login_required", "interaction_required", "consent_required", "account_selection_required")
}

// arrives wants that the browser was sent to the client with the state alone.
func (s *moduleRun) arrives(p *page, uri string, pairs []string) {
	s.Helper()
	want := uri
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "state" {
			want += "?state=" + url.QueryEscape(pairs[i+1])
		}
	}
	if p.callback == nil || p.callback.String() != want {
		s.Fatalf("the browser is at %v, want %s: %s", p.callback, want, p.text())
	}
}

func logoutDone(pairs func(login, string) []string) func(*moduleRun) {
	return func(s *moduleRun) {
		c, uri := s.registerLogout(nil)
		sent := pairs(s.login(c), uri)
		s.arrives(s.endSession(s.visit, sent...), uri, sent)
		s.signedOut(c)
	}
}

func logoutStays(pairs func(*moduleRun, login, string) []string) func(*moduleRun) {
	return func(s *moduleRun) {
		c, uri := s.registerLogout(nil)
		p := s.endSession(s.visitSeen, pairs(s, s.login(c), uri)...)
		if p.callback != nil || len(p.text()) < 20 {
			s.Fatalf("redirected to %v, or nothing is said: %q", p.callback, p.text())
		}
		if p = s.browser.leave(p); p.callback != nil {
			s.Errorf("redirected to %v after the question", p.callback)
		}
	}
}

func logoutSays(pairs func(login) []string) func(*moduleRun) {
	return func(s *moduleRun) {
		c, _ := s.registerLogout(nil)
		p := s.endSession(s.visitSeen, pairs(s.login(c))...)
		if p.callback != nil || p.status != http.StatusOK || !strings.Contains(strings.ToLower(p.text()), "signed out") {
			s.Errorf("%d, redirected to %v: %s", p.status, p.callback, p.text())
		}
		s.signedOut(c)
	}
}
