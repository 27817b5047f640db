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
	s.complete(c, r, s.browser.finish(s.browser.post(s.w.issuer+"/authorize", r.Values, "https://rp.example.test")))
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
	c := s.register(map[string]any{"request_object_signing_alg": "none", "request_uris": []string{place}})
	r := s.authorization(c)
	outside, object := s.object(c, r, "none", nil)
	s.w.site.publish(place, object)
	outside.Set("request_uri", place)
	s.complete(c, r, s.browser.finish(s.browser.get(s.w.authorizeURL(outside)))) // state and nonce are inside alone
}

func coreRequestUnsigned(s *moduleRun) {
	s.unsignedAdvertised()
	c := s.register(map[string]any{"request_object_signing_alg": "none"})
	r := s.authorization(c)
	outside, object := s.object(c, r, "none", nil)
	outside.Set("request", object)
	s.complete(c, r, s.browser.finish(s.browser.get(s.w.authorizeURL(outside))))
}

// coreRequestObjectRedirectURI: of two registered redirect URIs the one inside counts.
func coreRequestObjectRedirectURI(s *moduleRun) {
	first, second := redirectURI(), redirectURI()
	c := s.register(map[string]any{"request_object_signing_alg": "none", "redirect_uris": []string{first, second}})
	r := s.authorization(c, "redirect_uri", second)
	outside, object := s.object(c, r, "none", nil)
	outside.Set("redirect_uri", first)
	outside.Set("request", object)
	s.complete(c, r, s.browser.finish(s.browser.get(s.w.authorizeURL(outside))))
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
	l := s.login(c, "scope", "openid offline_access", "prompt", "consent")
	if l.refresh == "" {
		s.Fatal("no refresh token: the suite skips the module")
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.refresh}}
	s.post(other, "/oauth/token", form).wantError(s.T, http.StatusBadRequest, "invalid_grant")
	again := l
	again.tokens = s.post(c, "/oauth/token", form)
	again.tokens.want(s.T, http.StatusOK)
	again.tokens.wantUncached(s.T)
	if again.access = again.tokens.str("access_token"); again.access == "" || again.access == l.access {
		s.Error("no new access token")
	}
	if id := again.tokens.str("id_token"); id != "" { // OIDC Core §12.2
		_, claims := s.w.jwt(s.T, id)
		for _, name := range []string{"iss", "sub", "aud", "auth_time"} {
			if claims[name] != nil && l.claims[name] != nil && claims[name] != l.claims[name] {
				s.Errorf("%s is %v, and was %v", name, claims[name], l.claims[name])
			}
		}
	}
	s.userinfo(again)
}

func corePKCE(s *moduleRun) {
	c := s.register(nil)
	verifier := rand.Text() + rand.Text()
	s.w.log.secret(verifier)
	sum := sha256.Sum256([]byte(verifier))
	r := s.authorization(c, "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256")
	s.complete(c, r, s.browser.finish(s.browser.get(s.w.authorizeURL(r))), "code_verifier", verifier)
}
