package conformance

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"
)

// fetch gets a public document of the provider.
func (s *server) fetch(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.issuer+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return s.do(t, req)
}

func (a answer) list(name string) []string {
	values, _ := a.body[name].([]any)
	out := []string{}
	for _, v := range values {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

// knownMetadata are the members that the suite knows: others are warned about.
var knownMetadata = strings.Fields(`issuer authorization_endpoint token_endpoint userinfo_endpoint jwks_uri registration_endpoint
	scopes_supported response_types_supported response_modes_supported grant_types_supported acr_values_supported
	subject_types_supported id_token_signing_alg_values_supported userinfo_signing_alg_values_supported
	id_token_encryption_alg_values_supported id_token_encryption_enc_values_supported
	userinfo_encryption_alg_values_supported userinfo_encryption_enc_values_supported
	request_object_encryption_alg_values_supported request_object_encryption_enc_values_supported
	request_object_signing_alg_values_supported token_endpoint_auth_methods_supported
	token_endpoint_auth_signing_alg_values_supported display_values_supported claim_types_supported claims_supported
	service_documentation claims_locales_supported ui_locales_supported claims_parameter_supported
	request_parameter_supported request_uri_parameter_supported require_request_uri_registration op_policy_uri op_tos_uri
	revocation_endpoint revocation_endpoint_auth_methods_supported revocation_endpoint_auth_signing_alg_values_supported
	introspection_endpoint introspection_endpoint_auth_methods_supported introspection_endpoint_auth_signing_alg_values_supported
	code_challenge_methods_supported end_session_endpoint authorization_response_iss_parameter_supported prompt_values_supported
	protected_resources check_session_iframe frontchannel_logout_supported frontchannel_logout_session_supported
	backchannel_logout_supported backchannel_logout_session_supported`)

func oidccDiscovery(t *testing.T, w *world) {
	a := w.fetch(t, "/.well-known/openid-configuration")
	a.want(t, http.StatusOK)
	if ct := a.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type is %q", ct)
	}
	if a.str("issuer") != w.issuer {
		t.Errorf("issuer is %q, want %q", a.str("issuer"), w.issuer)
	}
	for name, v := range a.body {
		if !slices.Contains(knownMetadata, name) {
			t.Errorf("unknown member %s", name)
		}
		if strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri") {
			if u, err := url.Parse(a.str(name)); err != nil || u.Scheme != "https" || u.Fragment != "" {
				t.Errorf("%s is %v, want an https URL", name, v)
			}
		}
		if values, ok := v.([]any); ok {
			if len(values) == 0 { // OIDC Discovery §4.2: with zero elements it must be omitted
				t.Errorf("%s is empty", name)
			}
		}
	}
	contains := map[string][]string{
		"response_types_supported":                         {"code"},
		"response_modes_supported":                         {"query", "fragment", "form_post"},
		"grant_types_supported":                            {"authorization_code", "refresh_token", "client_credentials"},
		"subject_types_supported":                          {"public", "pairwise"},
		"request_object_signing_alg_values_supported":      {"RS256", "PS256", "ES256", "EdDSA"},
		"request_object_encryption_alg_values_supported":   {"RSA-OAEP-256", "ECDH-ES"},
		"id_token_encryption_enc_values_supported":         {"A128CBC-HS256", "A256GCM"},
		"id_token_signing_alg_values_supported":            {"RS256", "ES256", "PS256", "EdDSA"},
		"token_endpoint_auth_methods_supported":            {"client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt", "none"},
		"token_endpoint_auth_signing_alg_values_supported": {"RS256", "ES256", "HS256"},
		"scopes_supported":                                 {"openid", "profile", "email", "address", "phone", "offline_access"},
		"claims_supported":                                 {"sub", "iss", "name", "email", "email_verified", "auth_time", "acr"},
		"code_challenge_methods_supported":                 {"S256"},
		"acr_values_supported":                             nil,
		"prompt_values_supported":                          {"none", "login", "consent", "select_account", "create"},
		"ui_locales_supported":                             {"en", "de", "es", "fr", "ja"},
		"revocation_endpoint_auth_methods_supported":       {"client_secret_basic"},
		"introspection_endpoint_auth_methods_supported":    {"client_secret_basic"},
	}
	for name, values := range contains {
		have := a.list(name)
		if len(have) == 0 {
			t.Errorf("%s is missing", name)
		}
		for _, v := range values {
			if !slices.Contains(have, v) {
				t.Errorf("%s is %q, want %q in it", name, have, v)
			}
		}
	}
	for _, name := range []string{"code_challenge_methods_supported", "id_token_signing_alg_values_supported", "token_endpoint_auth_signing_alg_values_supported", "request_object_signing_alg_values_supported"} {
		for _, bad := range []string{"plain", "none"} {
			if slices.Contains(a.list(name), bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
	}
	if got := a.list("response_types_supported"); !cmp.Equal(got, []string{"code"}) {
		t.Errorf("response_types_supported is %q: nothing else unless the project allows it", got)
	}
	for name, want := range map[string]any{
		"claims_parameter_supported": true, "authorization_response_iss_parameter_supported": true,
		"request_parameter_supported": true, "request_uri_parameter_supported": true, "require_request_uri_registration": true,
	} {
		if a.body[name] != want {
			t.Errorf("%s is %v, want %v", name, a.body[name], want)
		}
	}
	for _, l := range append(a.list("ui_locales_supported"), a.list("claims_locales_supported")...) {
		if tag, err := language.Parse(l); err != nil || tag.String() != l {
			t.Errorf("the locale %q is not in its canonical form (%v)", l, tag)
		}
	}
	checkJWKS(t, w)
}

// checkJWKS wants keys as every module of the suite does: a kid each, distinct,
// nothing private, all algorithms that are advertised.
func checkJWKS(t *testing.T, w *world) {
	t.Helper()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	a := w.fetch(t, "/.well-known/jwks.json")
	if err := json.Unmarshal(a.raw, &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("JWKS: %v: %s", err, a.raw)
	}
	kids, algs := map[any]bool{}, map[any]bool{}
	for _, k := range set.Keys {
		if k["kid"] == nil || k["kid"] == "" || kids[k["kid"]] {
			t.Errorf("kid %v is missing or there twice", k["kid"])
		}
		kids[k["kid"]], algs[k["alg"]] = true, true
		if k["use"] != "sig" && k["use"] != "enc" {
			t.Errorf("use is %v, want sig or enc", k["use"])
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth"} {
			if _, has := k[private]; has {
				t.Errorf("a key has the private member %s", private)
			}
		}
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		if !algs[alg] {
			t.Errorf("no key for %s", alg)
		}
	}
	for _, k := range w.jwks(t).Keys {
		switch public := k.Key.(type) {
		case *rsa.PublicKey:
			if public.N.BitLen() < 2048 {
				t.Errorf("an RSA key of %d bits", public.N.BitLen())
			}
		case *ecdsa.PublicKey:
			if public.Curve.Params().Name != "P-256" {
				t.Errorf("a key on %s for %s", public.Curve.Params().Name, k.Algorithm)
			}
		}
	}
}

func oidccLogoutDiscovery(t *testing.T, w *world) {
	if a := w.fetch(t, "/.well-known/openid-configuration"); a.str("end_session_endpoint") == "" {
		t.Error("end_session_endpoint is missing")
	}
}

// TestMetadata is RFC 8414 and what clients get wrong about the address.
func TestMetadata(t *testing.T) {
	w := shared(t)
	want := w.fetch(t, "/.well-known/openid-configuration")
	for name, path := range map[string]string{
		"RFC8414-3/oauth-authorization-server": "/.well-known/oauth-authorization-server",
		"slash-at-its-end":                     "/.well-known/openid-configuration/",
		"two-slashes-before-it":                "//.well-known/openid-configuration",
	} {
		t.Run(name, func(t *testing.T) {
			a := w.fetch(t, path)
			a.want(t, http.StatusOK)
			if diff := cmp.Diff(want.body, a.body); diff != "" {
				t.Errorf("another document (-openid-configuration +%s):\n%s", path, diff)
			}
		})
	}
	t.Run("S1-17/host-header", func(t *testing.T) {
		req, err := http.NewRequest(http.MethodGet, w.issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "evil.example.test"
		req.Header.Set("X-Forwarded-Host", "evil.example.test")
		if a := w.do(t, req); strings.Contains(string(a.raw), "evil") {
			t.Error("the Host header is in the document")
		}
	})
	for name, path := range map[string]string{"discovery": "/.well-known/openid-configuration", "jwks": "/.well-known/jwks.json"} {
		t.Run("ETag/"+name, func(t *testing.T) {
			first := w.fetch(t, path)
			if first.header.Get("ETag") == "" || !strings.Contains(first.header.Get("Cache-Control"), "max-age=") {
				t.Errorf("ETag %q, Cache-Control %q: clients can't keep it", first.header.Get("ETag"), first.header.Get("Cache-Control"))
			}
			if again := w.fetch(t, path, "If-None-Match", first.header.Get("ETag")); again.status != http.StatusNotModified || len(again.raw) != 0 {
				t.Errorf("status %d, want 304", again.status)
			}
		})
		t.Run("POST/"+name, func(t *testing.T) {
			if a := w.do(t, posted(w.issuer+path, nil)); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") == "" {
				t.Errorf("status %d, Allow %q, want 405", a.status, a.header.Get("Allow"))
			}
		})
	}
}
