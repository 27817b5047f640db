package conformance

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// dynamicPlan is oidcc-dynamic-certification-test-plan.
func dynamicPlan() plan {
	return plan{name: "oidcc-dynamic-certification-test-plan", method: "private_key_jwt", variants: []variant{
		{"code", ""}, {"id_token", ""}, {"id_token token", ""}, {"code id_token", ""}, {"code token", ""}, {"code id_token token", ""},
	}, modules: []module{
		{"oidcc-server", coreServer, nil},
		{"oidcc-discovery-endpoint-verification", func(s *moduleRun) { s.discovery() }, nil},
		{"oidcc-idtoken-rs256", dynamicRS256, nil},
		{"oidcc-idtoken-unsigned", coreIDTokenUnsigned, withoutFrontID},
		{"oidcc-userinfo-rs256", dynamicUserinfoRS256, withAccess},
		{"oidcc-ensure-redirect-uri-in-authorization-request", dynamicNoRedirectURI, nil},
		{"oidcc-redirect-uri-query-OK", dynamicQueryOK, nil},
		{"oidcc-redirect-uri-query-mismatch", dynamicQuery("?foo=bar", "?bar=foo"), nil},
		{"oidcc-redirect-uri-query-added", dynamicQuery("", "?foo=bar"), nil},
		{"oidcc-redirect-uri-regfrag", dynamicFragment, nil},
		{"oidcc-registration-logo-uri", dynamicShown("logo_uri", atom.Img, "src"), nil},
		{"oidcc-registration-policy-uri", dynamicShown("policy_uri", atom.A, "href"), nil},
		{"oidcc-registration-tos-uri", dynamicShown("tos_uri", atom.A, "href"), nil},
		{"oidcc-registration-jwks-uri", dynamicJWKSURI, withCode},
		{"oidcc-registration-sector-uri", dynamicSector, nil},
		{"oidcc-registration-sector-bad", dynamicSectorBad, nil},
		{"oidcc-server-rotate-keys", dynamicRotateKeys, nil},
		{"oidcc-refresh-token-rp-key-rotation", dynamicClientRotates, withCode},
		{"oidcc-request-uri-unsigned", coreRequestURIUnsigned, nil},
		{"oidcc-request-uri-signed-rs256", dynamicRequestURISigned, nil},
		{"oidcc-ensure-request-object-with-redirect-uri", coreRequestObjectRedirectURI, nil},
		{"oidcc-refresh-token", coreRefreshToken, withCode},
		{"oidcc-ensure-client-assertion-with-iss-aud-succeeds", dynamicAssertion, nil},
	}}
}

func dynamicRS256(s *moduleRun) {
	s.login(s.register(map[string]any{"id_token_signed_response_alg": "RS256"}))
}

func dynamicUserinfoRS256(s *moduleRun) {
	c := s.register(map[string]any{"userinfo_signed_response_alg": "RS256"})
	l := s.login(c)
	a := s.w.userinfo(s.T, l.access)
	a.want(s.T, http.StatusOK)
	if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/jwt") {
		s.Errorf("Content-Type is %q", ct)
	}
	header, claims := s.w.jwt(s.T, string(a.raw))
	if header.Algorithm != "RS256" || claims["iss"] != s.w.issuer || !inAudience(claims["aud"], c.ID) || claims["sub"] == nil || l.claims != nil && claims["sub"] != l.sub() {
		s.Errorf("%s with iss %v, aud %v, sub %v", header.Algorithm, claims["iss"], claims["aud"], claims["sub"])
	}
}

func dynamicNoRedirectURI(s *moduleRun) {
	c := s.register(map[string]any{"redirect_uris": []string{redirectURI(), redirectURI()}})
	s.errorPage(s.authorization(c, "redirect_uri", ""))
}

func dynamicQueryOK(s *moduleRun) {
	c := s.register(map[string]any{"redirect_uris": []string{redirectURI() + "?foo=bar"}})
	r := s.authorization(c)
	p := s.visit(s.w.authorizeURL(r))
	if l := s.complete(c, r, p); l.response.target.Query().Get("foo") != "bar" {
		s.Errorf("the query of the redirect URI is gone: %s", l.response.target)
	}
}

func dynamicQuery(registeredQuery, sentQuery string) func(*moduleRun) {
	return func(s *moduleRun) {
		uri := redirectURI()
		c := s.register(map[string]any{"redirect_uris": []string{uri + registeredQuery}})
		s.errorPage(s.authorization(c, "redirect_uri", uri+sentQuery))
	}
}

func dynamicFragment(s *moduleRun) {
	_, a := s.tryRegister(map[string]any{"redirect_uris": []string{redirectURI() + "#foobar"}})
	if e := a.str("error"); e != "invalid_redirect_uri" && e != "invalid_client_metadata" {
		s.warn("the error is %q", e)
	}
	a.want(s.T, http.StatusBadRequest)
}

// dynamicShown wants that the page where people sign in shows what was registered.
func dynamicShown(member string, tag atom.Atom, attribute string) func(*moduleRun) {
	return func(s *moduleRun) {
		address := "https://rp.example.test/" + member + ".png"
		p := s.visitSeen(s.w.authorizeURL(s.authorization(s.register(map[string]any{member: address}))))
		if _, asks := p.form("password"); !asks {
			s.Fatalf("not the page where people sign in: %s", p.text())
		}
		for n := range p.doc.Descendants() {
			if n.Type == html.ElementNode && n.DataAtom == tag && attr(n, attribute) == address {
				if csp := p.header.Get("Content-Security-Policy"); tag == atom.Img && !strings.Contains(csp, "https://rp.example.test") {
					s.Errorf("the policy of the page keeps the browser from loading it: %s", csp)
				}
				return
			}
		}
		s.Errorf("the page does not show %s", member)
	}
}

func dynamicJWKSURI(s *moduleRun) {
	place := s.w.site.publish("", s.publicKeys("one"))
	s.login(s.registerWith(map[string]any{"jwks_uri": place}))
}

// registerWith registers a client without keys of its own in the document.
func (s *moduleRun) registerWith(change map[string]any) registered {
	change["jwks"] = nil
	return s.register(change)
}

func dynamicSector(s *moduleRun) {
	if !slices.Contains(s.w.fetch(s.T, "/.well-known/openid-configuration").list("subject_types_supported"), "pairwise") {
		s.Fatal("pairwise is not advertised: the suite skips the module")
	}
	uri := redirectURI()
	place := s.w.site.publish("", []string{uri, redirectURI()})
	c := s.register(map[string]any{"sector_identifier_uri": place, "redirect_uris": []string{uri}, "subject_type": "pairwise"})
	if c.members["sector_identifier_uri"] != place || c.members["subject_type"] != "pairwise" {
		s.Errorf("registered is %v and %v", c.members["sector_identifier_uri"], c.members["subject_type"])
	}
	if l := s.login(c); l.claims != nil && l.sub() == s.w.alice.sub {
		s.Error("sub is the public one")
	}
}

func dynamicSectorBad(s *moduleRun) {
	place := s.w.site.publish("", []string{redirectURI()})
	_, a := s.tryRegister(map[string]any{"sector_identifier_uri": place, "subject_type": "pairwise"})
	a.wantError(s.T, http.StatusBadRequest, "invalid_client_metadata")
}

// dynamicRotateKeys: the operator rotates while the suite waits.
func dynamicRotateKeys(s *moduleRun) {
	before := s.keys()
	out, err := s.w.identity("", "key", "rotate", "--now", "--alg", "RS256", "--json")
	for err != nil && strings.Contains(err.Error(), "changed meanwhile") { // another run rotates at the same time
		out, err = s.w.identity("", "key", "rotate", "--now", "--alg", "RS256", "--json")
	}
	if err != nil {
		s.Fatal(err)
	}
	var rotated []struct{ Active, Retiring, Next string }
	if err := json.Unmarshal(out, &rotated); err != nil || len(rotated) != 1 {
		s.Fatalf("%s: %v", out, err)
	}
	var after map[string]bool
	eventually(s.T, "the JWKS has the new kid", func() bool {
		after = s.keys()
		return after[rotated[0].Next]
	})
	if before[rotated[0].Next] || !after[rotated[0].Active] {
		s.Errorf("the new kid was there before, or the one that signs is not there")
	}
	for _, k := range s.w.jwks(s.T).Keys { // the suite knows how to compare these two kinds alone
		switch k.Key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey:
		default:
			if !before[k.KeyID] {
				s.Errorf("the new key %s is a %T", k.KeyID, k.Key)
			}
		}
	}
	for kid := range before {
		if !after[kid] {
			s.warn("the kid %s is gone", kid)
		}
	}
}

func dynamicClientRotates(s *moduleRun) {
	place := s.w.site.publish("", s.publicKeys("one"))
	change := s.refreshDocument()
	change["jwks_uri"] = place
	c := s.registerWith(change)
	l := s.login(c, "scope", "openid offline_access", "prompt", "consent")
	if l.refresh == "" {
		s.Fatal("no refresh token")
	}
	s.w.site.publish(place, s.publicKeys("two"))
	<-time.After(10500 * time.Millisecond) // the suite waits a minute; unknown kids are asked for again after ten seconds
	c.keyID = "two"
	s.refreshed(c, l, "openid offline_access")
}

func dynamicRequestURISigned(s *moduleRun) {
	if s.w.fetch(s.T, "/.well-known/openid-configuration").body["request_uri_parameter_supported"] == false {
		s.Fatal("request_uri_parameter_supported is false")
	}
	place := s.w.site.publish("", "")
	hash := hashOf(place)
	c := s.register(map[string]any{"request_object_signing_alg": "RS256", "request_uris": []string{place + hash}})
	r := s.authorization(c)
	outside, object := s.object(c, r, "RS256", nil)
	s.w.site.publish(place, object)
	outside.Set("request_uri", place+hash)
	s.complete(c, r, s.visit(s.w.authorizeURL(outside)))
}

func dynamicAssertion(s *moduleRun) {
	s.audience = s.w.issuer
	s.login(s.register(nil))
}
