package conformance

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// coreModules are the modules of the plans of OIDC Core: basic, implicit, hybrid
// and form post.
func coreModules() []module {
	const all = "profile email address phone"
	return []module{
		{"oidcc-server", coreServer, nil},
		{"oidcc-response-type-missing", coreResponseTypeMissing, nil},
		{"oidcc-idtoken-signature", coreIDTokenSignature, nil},
		{"oidcc-idtoken-unsigned", coreIDTokenUnsigned, withoutFrontID},
		{"oidcc-userinfo-get", coreUserinfoGet, withAccess},
		{"oidcc-userinfo-post-header", coreUserinfoPostHeader, withAccess},
		{"oidcc-userinfo-post-body", coreUserinfoPostBody, withAccess},
		{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", coreWithoutNonce, withoutFrontID},
		{"oidcc-ensure-request-without-nonce-fails", coreWithoutNonceFails, withFrontID},
		{"oidcc-scope-profile", coreScope("profile"), nil},
		{"oidcc-scope-email", coreScope("email"), nil},
		{"oidcc-scope-address", coreScope("address"), nil},
		{"oidcc-scope-phone", coreScope("phone"), nil},
		{"oidcc-scope-all", coreScope(all), nil},
		{"oidcc-alternate-happy-flow", coreAlternate, nil},
		{"oidcc-display-page", coreParameter("display", "page"), nil},
		{"oidcc-display-popup", coreParameter("display", "popup"), nil},
		{"oidcc-ui-locales", coreParameter("ui_locales", "se de"), nil},
		{"oidcc-claims-locales", coreParameter("claims_locales", "se"), nil},
		{"oidcc-login-hint", coreLoginHint, nil},
		{"oidcc-prompt-login", corePromptLogin, nil},
		{"oidcc-max-age-1", coreMaxAge1, nil},
		{"oidcc-max-age-10000", coreMaxAge10000, nil},
		{"oidcc-prompt-none-not-logged-in", corePromptNoneNotLoggedIn, nil},
		{"oidcc-prompt-none-logged-in", corePromptNoneLoggedIn, nil},
		{"oidcc-id-token-hint", coreIDTokenHint, nil},
		{"oidcc-ensure-request-with-unknown-parameter-succeeds", coreParameter("extra", "foobar"), nil},
		{"oidcc-ensure-request-with-acr-values-succeeds", coreACRValues, nil},
		{"oidcc-codereuse", coreCodeReuse, withCode},
		{"oidcc-codereuse-30seconds", coreCodeReuseLater, withCode},
		{"oidcc-ensure-registered-redirect-uri", coreUnregisteredRedirectURI, nil},
		{"oidcc-ensure-post-request-succeeds", corePostRequest, nil},
		{"oidcc-server-client-secret-post", coreSecretPost, withCode},
		{"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", coreRequestURIUnsigned, nil},
		{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", coreRequestUnsigned, nil},
		{"oidcc-ensure-request-object-with-redirect-uri", coreRequestObjectRedirectURI, nil},
		{"oidcc-claims-essential", coreClaimsEssential, nil},
		{"oidcc-refresh-token", coreRefreshToken, withCode},
		{"oidcc-ensure-request-with-valid-pkce-succeeds", corePKCE, withCode},
	}
}

func coreServer(s *moduleRun) {
	c := s.register(nil)
	first := s.login(c)
	if s.w.alice.sub != "" && first.sub() != s.w.alice.sub {
		s.Errorf("sub is %q", first.sub())
	}
	if s.variant.accessToken() {
		s.userinfo(first)
	}
	if second := s.login(s.register(nil)); second.sub() != first.sub() || second.code != "" && second.code == first.code {
		s.Errorf("a second client: sub %q, want %q", second.sub(), first.sub())
	}
}

func coreResponseTypeMissing(s *moduleRun) {
	c := s.register(nil)
	r := s.authorization(c, "response_type", "")
	// Without a response type there is no other default than the query.
	s.variant.responseType = ""
	s.wantError(r, s.visit(s.w.authorizeURL(r)), "unsupported_response_type", "invalid_request")
}

func coreIDTokenSignature(s *moduleRun) {
	c := s.register(nil) // no alg: RS256
	if c.members["id_token_signed_response_alg"] != "RS256" {
		s.Errorf("registered is %v, the default is RS256", c.members["id_token_signed_response_alg"])
	}
	s.login(c)
}

func coreIDTokenUnsigned(s *moduleRun) {
	if !slices.Contains(s.w.fetch(s.T, "/.well-known/openid-configuration").list("id_token_signing_alg_values_supported"), "none") {
		s.Fatal("none is not advertised: the suite skips the module")
	}
	s.login(s.register(map[string]any{"id_token_signed_response_alg": "none"}))
}

func coreUserinfoGet(s *moduleRun) { s.userinfo(s.login(s.register(nil))) }

func coreUserinfoPostHeader(s *moduleRun) {
	l := s.login(s.register(nil))
	req := posted(s.w.issuer+"/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+l.access)
	s.checkUserinfo(l, s.w.do(s.T, req))
}

func coreUserinfoPostBody(s *moduleRun) {
	l := s.login(s.register(nil))
	s.checkUserinfo(l, s.w.do(s.T, posted(s.w.issuer+"/userinfo", url.Values{"access_token": {l.access}})))
}

func coreWithoutNonce(s *moduleRun) { s.login(s.register(nil), "nonce", "") }

func coreWithoutNonceFails(s *moduleRun) {
	r := s.authorization(s.register(nil), "nonce", "")
	s.wantError(r, s.visit(s.w.authorizeURL(r)), "invalid_request")
}

// scopeClaims are the claims of each scope (OIDC Core §5.4): the person has all.
var scopeClaims = map[string]string{
	"profile": "name family_name given_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo locale updated_at",
	"email":   "email email_verified", "address": "address", "phone": "phone_number phone_number_verified",
}

func coreScope(scopes string) func(*moduleRun) {
	return func(s *moduleRun) {
		supported := s.w.fetch(s.T, "/.well-known/openid-configuration").list("scopes_supported")
		got := s.personal(s.login(s.register(nil), "scope", "openid "+scopes))
		want := []string{"sub"}
		for scope := range strings.FieldsSeq(scopes) {
			if !slices.Contains(supported, scope) {
				s.Errorf("scopes_supported lacks %s: the suite skips the module", scope)
			}
			want = append(want, strings.Fields(scopeClaims[scope])...)
		}
		for _, name := range want {
			if _, has := got[name]; !has {
				s.warn("%s is missing", name)
			}
		}
		for name := range got {
			if !slices.Contains(want, name) && !slices.Contains(protocolClaims, name) {
				s.warn("%s was not asked for", name)
			}
		}
	}
}

func coreAlternate(s *moduleRun) {
	c := s.register(nil)
	r := s.authorization(c, "scope", "email profile openid")
	query := strings.Split(r.Encode(), "&")
	slices.Reverse(query)
	l := s.complete(c, r, s.visit(s.w.issuer+"/authorize?"+strings.Join(query, "&")))
	if got := s.personal(l); got["name"] == nil || got["email"] == nil {
		s.warn("name %v, email %v", got["name"], got["email"])
	}
}

func coreParameter(name, value string) func(*moduleRun) {
	return func(s *moduleRun) { s.login(s.register(nil), name, value) }
}

func coreLoginHint(s *moduleRun) {
	u, err := url.Parse(s.w.issuer)
	if err != nil {
		s.Fatal(err)
	}
	s.login(s.register(nil), "login_hint", "buffy@"+u.Hostname())
}

func corePromptLogin(s *moduleRun) {
	c := s.register(nil)
	first := s.login(c)
	s.browser.reset()
	<-time.After(1100 * time.Millisecond) // auth_time counts whole seconds
	second := s.loginSeen(c, "prompt", "login")
	if !s.browser.asks("password") {
		s.Error("the person was not asked for the password")
	}
	if a, b := first.number("auth_time"), second.number("auth_time"); a != 0 && b <= a || first.sub() != second.sub() {
		s.Errorf("auth_time %d, then %d; sub %q and %q", a, b, first.sub(), second.sub())
	}
}

func coreMaxAge1(s *moduleRun) {
	c := s.register(nil)
	first := s.login(c)
	s.browser.reset()
	<-time.After(2100 * time.Millisecond)
	began := time.Now().Unix()
	second := s.loginSeen(c, "max_age", "1")
	if !s.browser.asks("password") {
		s.Error("the person was not asked for the password")
	}
	now, at := time.Now().Unix(), second.number("auth_time")
	if at < began || at > now || first.number("auth_time") >= at {
		s.Errorf("auth_time is %d, then %d, now is %d", first.number("auth_time"), at, now)
	}
}

func coreMaxAge10000(s *moduleRun) {
	c := s.register(nil)
	first := s.login(c, "max_age", "15000")
	second := s.quiet(c, "max_age", "10000")
	if a, b := first.number("auth_time"), second.number("auth_time"); a == 0 || a != b || first.sub() != second.sub() {
		s.Errorf("auth_time %d and %d, sub %q and %q", a, b, first.sub(), second.sub())
	}
}

func corePromptNoneNotLoggedIn(s *moduleRun) {
	r := s.authorization(s.register(nil), "prompt", "none", "state", strings.Repeat("0123456789abcdef", 8))
	s.wantError(r, s.visit(s.w.authorizeURL(r)), "login_required", "interaction_required", "consent_required", "account_selection_required")
}

func corePromptNoneLoggedIn(s *moduleRun) {
	c := s.register(nil)
	first := s.login(c)
	second := s.quiet(c, "prompt", "none")
	if a, b := first.number("auth_time"), second.number("auth_time"); a != b || first.sub() != second.sub() {
		s.Errorf("auth_time %d and %d, sub %q and %q", a, b, first.sub(), second.sub())
	}
}

func coreIDTokenHint(s *moduleRun) {
	c := s.register(nil)
	first := s.login(c)
	if second := s.quiet(c, "prompt", "none", "id_token_hint", first.id); first.sub() != second.sub() {
		s.Errorf("sub %q and %q", first.sub(), second.sub())
	}
}

func coreACRValues(s *moduleRun) {
	supported := s.w.fetch(s.T, "/.well-known/openid-configuration").list("acr_values_supported")
	l := s.login(s.register(nil), "acr_values", strings.Join(supported, " "))
	if acr, _ := l.claims["acr"].(string); !slices.Contains(supported, acr) {
		s.warn("acr is %q, asked for was one of %q", acr, supported)
	}
}
