package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// configPlan is oidcc-config-certification-test-plan.
func configPlan() plan {
	return plan{name: "oidcc-config-certification-test-plan", variants: []variant{{}}, modules: []module{
		{"oidcc-discovery-endpoint-verification", func(s *moduleRun) { s.discovery() }, nil},
	}}
}

// logoutMetadata are members of the logout standards, which the suite knows too.
var logoutMetadata = strings.Fields(`check_session_iframe frontchannel_logout_supported frontchannel_logout_session_supported
	backchannel_logout_supported backchannel_logout_session_supported`)

// discovery is what the suite checks of the document, in every plan that has it.
func (s *moduleRun) discovery() answer {
	s.Helper()
	a := s.w.fetch(s.T, "/.well-known/openid-configuration")
	a.want(s.T, http.StatusOK)
	if ct := a.header.Get("Content-Type"); ct != "application/json" {
		s.Errorf("Content-Type is %q", ct)
	}
	if a.str("issuer") != s.w.issuer {
		s.Errorf("issuer is %q, want %q", a.str("issuer"), s.w.issuer)
	}
	for name, v := range a.body {
		if !slices.Contains(knownMetadata, name) && !slices.Contains(logoutMetadata, name) {
			s.warn("unknown member %s", name)
		}
		if strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri") || name == "check_session_iframe" {
			if u, err := url.Parse(a.str(name)); err != nil || u.Scheme != "https" || u.Host == "" {
				s.Errorf("%s is %v, want an https URL", name, v)
			}
		}
		if list, is := v.([]any); strings.HasSuffix(name, "_supported") && !is && !isBool(v) || is && len(list) == 0 {
			s.Errorf("%s is %v: want a list that is not empty, or true or false", name, v)
		}
	}
	for name, want := range map[string][]string{
		"id_token_signing_alg_values_supported": {"RS256"}, "scopes_supported": {"openid"}, "claims_supported": {"sub"},
		"subject_types_supported": {"public", "pairwise"}, "code_challenge_methods_supported": {"S256"},
		"request_object_signing_alg_values_supported": {"RS256", "none"}, "acr_values_supported": nil,
		"response_types_supported":              {"code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"},
		"grant_types_supported":                 {"authorization_code", "implicit", "refresh_token"},
		"response_modes_supported":              {"query", "fragment", "form_post"},
		"token_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post", "private_key_jwt"},
	} {
		for _, value := range want {
			if !slices.Contains(a.list(name), value) {
				s.Errorf("%s lacks %q", name, value)
			}
		}
		if len(a.list(name)) == 0 {
			s.warn("%s is missing", name)
		}
	}
	for _, name := range []string{"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"} {
		if !isBool(a.body[name]) {
			s.Errorf("%s is %v", name, a.body[name])
		}
	}
	for _, l := range append(a.list("ui_locales_supported"), a.list("claims_locales_supported")...) {
		if tag, err := language.Parse(l); err != nil || tag.String() != l {
			s.warn("the locale %q is not in its canonical form", l)
		}
	}
	s.keys()
	return a
}

func isBool(v any) bool { _, is := v.(bool); return is }

// keys are the checks of the JWKS (RFC 7517 §4, §5), and the kids.
func (s *moduleRun) keys() map[string]bool {
	s.Helper()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	a := s.w.fetch(s.T, "/.well-known/jwks.json")
	if err := json.Unmarshal(a.raw, &set); err != nil || len(set.Keys) == 0 {
		s.Fatalf("JWKS: %v: %s", err, a.raw)
	}
	kids := map[string]bool{}
	for _, k := range set.Keys {
		kid, _ := k["kid"].(string)
		if kid == "" || kids[kid] {
			s.Errorf("the kid %q is empty or there twice", kid)
		}
		kids[kid] = true
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, has := k[private]; has {
				s.Errorf("the key %s has the private member %s", kid, private)
			}
		}
	}
	for _, k := range s.w.jwks(s.T).Keys {
		if !k.Valid() || !k.IsPublic() {
			s.Errorf("the key %s is not valid", k.KeyID)
		}
	}
	return kids
}
