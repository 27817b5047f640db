package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// reuse redeems a code once more.
func (s *moduleRun) reuse(c registered, l login) {
	s.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {l.code}, "redirect_uri": {l.request.Get("redirect_uri")}}
	s.post(c, "/oauth/token", form).wantError(s.T, http.StatusBadRequest, "invalid_grant")
}

func coreCodeReuse(s *moduleRun) {
	c := s.register(nil)
	s.reuse(c, s.login(c))
}

// coreCodeReuseLater waits two seconds and not thirty: there is no grace for codes,
// a second use is refused at any time.
func coreCodeReuseLater(s *moduleRun) {
	c := s.register(nil)
	l := s.login(c)
	s.userinfo(l)
	<-time.After(2 * time.Second)
	s.reuse(c, l)
	if a := s.w.userinfo(s.T, l.access); a.status != http.StatusUnauthorized {
		s.warn("userinfo answers the access token of a code that was used twice with %d", a.status)
	}
}

func coreUnregisteredRedirectURI(s *moduleRun) {
	s.errorPage(s.authorization(s.register(nil), "redirect_uri", redirectURI()))
}

func corePostRequest(s *moduleRun) {
	c := s.register(nil)
	r := s.authorization(c)
	s.complete(c, r, s.walk(s.w.authorizeURL(r), func() *page { return s.browser.post(s.w.issuer+"/authorize", r.Values, "https://rp.example.test") }))
}

func coreSecretPost(s *moduleRun) {
	s.login(s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"}))
}

// unsignedAdvertised: otherwise the suite skips.
func (s *moduleRun) unsignedAdvertised() {
	s.Helper()
	d := s.w.fetch(s.T, "/.well-known/openid-configuration")
	if !slices.Contains(d.list("request_object_signing_alg_values_supported"), "none") {
		s.Error("request_object_signing_alg_values_supported lacks none: the suite skips the module")
	}
	if d.body["request_parameter_supported"] != true || d.body["request_uri_parameter_supported"] != true {
		s.Error("request objects are not advertised")
	}
}

func coreRequestURIUnsigned(s *moduleRun) {
	s.unsignedAdvertised()
	place := s.w.site.publish("", "")
	c := s.register(map[string]any{"request_uris": []string{place}}) // and no request_object_signing_alg: any that is advertised
	r := s.authorization(c)
	outside, object := s.object(c, r, "none", nil)
	s.w.site.publish(place, object)
	outside.Set("request_uri", place)
	s.complete(c, r, s.visit(s.w.authorizeURL(outside))) // state and nonce are inside alone
}

func coreRequestUnsigned(s *moduleRun) {
	s.unsignedAdvertised()
	c := s.register(nil)
	r := s.authorization(c)
	outside, object := s.object(c, r, "none", nil)
	outside.Set("request", object)
	s.complete(c, r, s.visit(s.w.authorizeURL(outside)))
}

// coreRequestObjectRedirectURI: the redirect URI inside counts, that outside is none
// of the client's.
func coreRequestObjectRedirectURI(s *moduleRun) {
	s.unsignedAdvertised()
	c := s.register(nil)
	r := s.authorization(c)
	outside, object := s.object(c, r, "none", nil)
	outside.Set("redirect_uri", redirectURI())
	outside.Set("request", object)
	s.complete(c, r, s.visit(s.w.authorizeURL(outside)))
}

func coreClaimsEssential(s *moduleRun) {
	claims := `{"userinfo":{"name":{"essential":true}}}`
	if s.variant.claimsInIDToken() {
		claims = `{"id_token":{"name":{"essential":true}}}`
	}
	l := s.login(s.register(nil), "claims", claims)
	if got := s.personal(l)["name"]; got == nil {
		s.warn("name is missing")
	}
	if _, has := l.claims["name"]; has && !s.variant.claimsInIDToken() {
		s.warn("name is in the ID token")
	}
}

func (s *moduleRun) refreshDocument() map[string]any {
	grants := append(s.document()["grant_types"].([]string), "refresh_token")
	return map[string]any{"grant_types": grants}
}

func coreRefreshToken(s *moduleRun) {
	d := s.w.fetch(s.T, "/.well-known/openid-configuration")
	if !slices.Contains(d.list("grant_types_supported"), "refresh_token") || !slices.Contains(d.list("scopes_supported"), "offline_access") {
		s.Error("refresh_token or offline_access is not advertised")
	}
	c, other := s.register(s.refreshDocument()), s.register(s.refreshDocument())
	s.refreshed(c, s.login(c, "scope", "openid offline_access", "prompt", "consent"), "openid offline_access")
	// The second client shows the page that asks for consent, and no other.
	theirs := s.refreshed(other, s.login(other, "scope", "openid offline_access", "prompt", "consent"), "")
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {theirs}}
	s.post(c, "/oauth/token", form).wantError(s.T, http.StatusBadRequest, "invalid_grant")
}

// refreshed uses the refresh token of a login, and returns the one to use next.
func (s *moduleRun) refreshed(c registered, l login, scope string) string {
	s.Helper()
	if l.refresh == "" {
		s.Fatal("no refresh token: the suite skips the module")
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.refresh}}
	if scope != "" {
		form.Set("scope", scope)
	}
	<-time.After(1100 * time.Millisecond) // iat counts whole seconds, and has to be another one
	again := l
	again.tokens = s.post(c, "/oauth/token", form)
	again.tokens.want(s.T, http.StatusOK)
	again.tokens.wantUncached(s.T)
	if again.access = again.tokens.str("access_token"); again.access == "" || again.access == l.access || again.tokens.str("token_type") != "Bearer" {
		s.Errorf("no new access token, or its token_type is %q", again.tokens.str("token_type"))
	}
	if n, ok := again.tokens.body["expires_in"].(float64); !ok || n < 1 {
		s.warn("expires_in is %v", again.tokens.body["expires_in"])
	}
	if id := again.tokens.str("id_token"); id != "" { // OIDC Core §12.2
		_, claims := s.w.jwt(s.T, id)
		for _, name := range []string{"iss", "sub", "aud", "auth_time", "azp"} {
			if claims[name] != l.claims[name] {
				s.Errorf("%s is %v, and was %v", name, claims[name], l.claims[name])
			}
		}
		if claims["iat"] == l.claims["iat"] {
			s.Error("iat is that of the first ID token")
		}
	}
	s.userinfo(again)
	if next := again.tokens.str("refresh_token"); next != "" {
		return next
	}
	return l.refresh
}

func corePKCE(s *moduleRun) {
	c := s.register(nil)
	verifier := rand.Text() + rand.Text()
	s.w.log.secret(verifier)
	sum := sha256.Sum256([]byte(verifier))
	r := s.authorization(c, "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256")
	s.complete(c, r, s.visit(s.w.authorizeURL(r)), "code_verifier", verifier)
}
