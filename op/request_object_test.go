package op

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// object signs a request object as the client rp does.
func requestObject(t testing.TB, alg, kid string, key any, claims map[string]any, header map[jose.HeaderKey]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	if alg == algNone {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: key, KeyID: kid}},
		&jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func signedObject(t testing.TB, claims map[string]any) string {
	rsaKey, _ := clientTestKeys()
	return requestObject(t, "RS256", "rsa-sig", rsaKey, claims, nil)
}

// objectHarness has the client rp with keys, and others without.
func objectHarness(t testing.TB) *harness {
	h := newHarness(t)
	no := false
	keys := func(c *storage.Client) {
		c.JWKS, c.RequirePKCE = clientJWKS(t), &no
		c.RequestURIs = []string{"https://rp.example.test/r#hash", "https://rp.example.test/any"}
		c.RedirectURIs = append(c.RedirectURIs, "https://rp.example.test/second")
	}
	h.client("rp", keys)
	h.client("only", func(c *storage.Client) { keys(c); c.RequestObjectSigningAlg = "ES256" })
	h.client("none", func(c *storage.Client) { keys(c); c.JWKS, c.RequestObjectSigningAlg = nil, algNone })
	h.client("bare", func(c *storage.Client) { c.RequirePKCE = &no })
	return h
}

// outer is a request whose parameters are inside a request object.
func outer(client, object string) url.Values {
	return url.Values{"client_id": {client}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {testRedirect}, "request": {object}}
}

func inner() map[string]any {
	return map[string]any{
		"iss": "rp", "aud": testIssuer, "client_id": "rp", "response_type": "code", "scope": "openid email", "state": "inside",
		"nonce": "inside-nonce", "max_age": 10000, "claims": map[string]any{"userinfo": map[string]any{"name": map[string]any{"essential": true}}},
	}
}

func changed(change map[string]any) map[string]any {
	m := inner()
	maps.Copy(m, change)
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	return m
}

// TestRequestObject: what is inside counts (OIDC Core §6).
func TestRequestObject(t *testing.T) {
	rsaKey, ecKey := clientTestKeys()
	for _, tt := range []struct {
		alg, kid string
		key      any
	}{{"RS256", "rsa-sig", rsaKey}, {"PS256", "rsa-sig", rsaKey}, {"ES256", "ec-sig", ecKey}, {"RS256", "", rsaKey}} {
		t.Run("OIDC-Core-6.1/"+tt.alg+tt.kid, func(t *testing.T) {
			h := objectHarness(t)
			h.browser.needed = "login"
			location(t, h.get(pathAuthorize, outer("rp", requestObject(t, tt.alg, tt.kid, tt.key, inner(), nil))))
			ar := h.browser.stored
			if ar.State != "inside" || ar.Nonce != "inside-nonce" || *ar.MaxAge != 10000 || !strings.Contains(string(ar.Claims), "essential") || len(ar.Scope) != 2 {
				t.Errorf("stored %+v", ar)
			}
		})
	}
	t.Run("OIDC-Core-6.1/EdDSA", func(t *testing.T) {
		h := objectHarness(t)
		public, private, err := ed25519.GenerateKey(rand.Reader)
		h.must(err)
		jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "ed"}}})
		h.must(err)
		h.client("ed", func(c *storage.Client) { c.JWKS = jwks; no := false; c.RequirePKCE = &no })
		object := requestObject(t, "EdDSA", "ed", private, changed(map[string]any{"iss": "ed", "client_id": "ed"}), nil)
		if _, q := location(t, h.get(pathAuthorize, outer("ed", object))); !q.Has("code") {
			t.Errorf("got %v", q)
		}
	})
	t.Run("OIDC-Core-6.1/redirect_uri-inside-wins", func(t *testing.T) {
		h := objectHarness(t)
		to, q := location(t, h.get(pathAuthorize, outer("rp", signedObject(t, changed(map[string]any{"redirect_uri": "https://rp.example.test/second"})))))
		if to != "https://rp.example.test/second" || q.Get("state") != "inside" {
			t.Errorf("sent to %s %v", to, q)
		}
	})
	t.Run("OIDC-Core-6.1/redirect_uri-only-inside", func(t *testing.T) {
		h := objectHarness(t)
		object := signedObject(t, changed(map[string]any{"redirect_uri": testRedirect}))
		if to, q := location(t, h.get(pathAuthorize, with(outer("rp", object), url.Values{"redirect_uri": nil}))); to != testRedirect || !q.Has("code") {
			t.Errorf("sent to %s %v", to, q)
		}
	})
	t.Run("S1-01/redirect_uri-inside-is-checked", func(t *testing.T) {
		h := objectHarness(t)
		res := h.get(pathAuthorize, outer("rp", signedObject(t, changed(map[string]any{"redirect_uri": "https://evil.example/cb"}))))
		if res.Header.Get("Location") != "" || !strings.HasPrefix(text(t, res), "page:error\ninvalid_redirect_uri") {
			t.Errorf("answered %d %s", res.StatusCode, res.Header.Get("Location"))
		}
	})
	t.Run("OIDC-Core-6.1/unsigned-where-registered", func(t *testing.T) {
		h := objectHarness(t)
		h.project.InsecureUnsigned = true
		for _, client := range []string{"none", "rp"} {
			object := requestObject(t, algNone, "", nil, changed(map[string]any{"iss": nil, "client_id": client}), nil)
			if _, q := location(t, h.get(pathAuthorize, outer(client, object))); !q.Has("code") || q.Get("state") != "inside" {
				t.Errorf("%s: %v", client, q)
			}
		}
		object := requestObject(t, algNone, "", nil, changed(map[string]any{"iss": nil, "client_id": nil}), nil)
		if _, q := location(t, h.get(pathAuthorize, outer("only", object))); q.Get("error") != "invalid_request_object" {
			t.Errorf("a client that registered ES256: %v", q)
		}
	})
}

// TestRequestObjectRefused: each fault goes to the client, with what was sent
// beside the object.
func TestRequestObjectRefused(t *testing.T) {
	rsaKey, _ := clientTestKeys()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := newHarness(t).clock.now().Unix()
	sign := func(change map[string]any) string { return signedObject(t, changed(change)) }
	header := func(name jose.HeaderKey, value any) string {
		return requestObject(t, "RS256", "rsa-sig", rsaKey, inner(), map[jose.HeaderKey]any{name: value})
	}
	for _, tt := range []struct {
		name, client, object string
		want                 string
	}{
		{"S2-16/alg-none", "rp", requestObject(t, algNone, "", nil, inner(), nil), "request_not_supported"},
		{"S2-16/alg-none-registered-but-not-allowed", "none", requestObject(t, algNone, "", nil, inner(), nil), "request_not_supported"},
		{"S2-16/alg-nOnE", "rp", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"nOnE"}`)) + ".e30.", "invalid_request_object"},
		{"S2-16/hs256-with-public-key", "rp", requestObject(t, "HS256", "rsa-sig", []byte(strings.Repeat("k", 64)), inner(), nil), "invalid_request_object"},
		{"S2-16/other-key", "rp", requestObject(t, "ES256", "ec-sig", stranger, inner(), nil), "invalid_request_object"},
		{"S2-16/unknown-kid", "rp", requestObject(t, "RS256", "gone", rsaKey, inner(), nil), "invalid_request_object"},
		{"S2-16/not-the-registered-alg", "only", signedObject(t, inner()), "invalid_request_object"},
		{"S2-16/no-keys", "bare", signedObject(t, changed(map[string]any{"iss": "bare", "client_id": "bare"})), "invalid_request_object"},
		{"S2-16/signature-cut", "rp", func() string { o := sign(nil); return o[:strings.LastIndex(o, ".")+1] }(), "invalid_request_object"},
		{"S2-09/typ-assertion", "rp", header("typ", "client-authentication+jwt"), "invalid_request_object"},
		{"S2-09/typ-access-token", "rp", header("typ", "at+jwt"), "invalid_request_object"},
		{"S2-09/assertion", "rp", sign(map[string]any{"sub": "rp", "jti": "x", "exp": now + 60}), "invalid_request_object"},
		{"S2-09/jku", "rp", header("jku", "https://evil.example/jwks"), "invalid_request_object"},
		{"S2-10/zip", "rp", header("zip", "DEF"), "invalid_request_object"},
		{"OIDC-Core-6.1/iss", "rp", sign(map[string]any{"iss": "another"}), "invalid_request_object"},
		{"OIDC-Core-6.1/aud", "rp", sign(map[string]any{"aud": []string{"https://another.example"}}), "invalid_request_object"},
		{"OIDC-Core-6.1/client_id", "rp", sign(map[string]any{"client_id": "another"}), "invalid_request_object"},
		{"OIDC-Core-6.1/response_type", "rp", sign(map[string]any{"response_type": "id_token"}), "invalid_request_object"},
		{"RFC9101-4/request-inside", "rp", sign(map[string]any{"request": "e30.e30."}), "invalid_request_object"},
		{"RFC9101-4/request_uri-inside", "rp", sign(map[string]any{"request_uri": "https://rp.example.test/any"}), "invalid_request_object"},
		{"S1-16/expired", "rp", sign(map[string]any{"exp": now - 61}), "invalid_request_object"},
		{"S1-16/old-without-exp", "rp", sign(map[string]any{"iat": now - 90000}), "invalid_request_object"},
		{"S2-17/nbf", "rp", sign(map[string]any{"nbf": now + 120}), "invalid_request_object"},
		{"S2-17/iat", "rp", sign(map[string]any{"iat": now + 120}), "invalid_request_object"},
		{"S1-04/array", "rp", sign(map[string]any{"prompt": []string{"login"}}), "invalid_request_object"},
		{"S1-04/line-break", "rp", sign(map[string]any{"state": "a\r\nb"}), "invalid_request_object"},
		{"RFC9101-4/no-JWS", "rp", "nonsense", "invalid_request_object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := objectHarness(t)
			to, q := location(t, h.get(pathAuthorize, with(outer(tt.client, tt.object), url.Values{"state": {"beside"}})))
			if to != testRedirect || q.Get("error") != tt.want || q.Get("state") != "beside" || q.Has("code") {
				t.Errorf("got %s %v, want %s", to, q, tt.want)
			}
		})
	}
	t.Run("OIDC-Core-6/error-without-redirect_uri-is-shown", func(t *testing.T) {
		h := objectHarness(t)
		res := h.get(pathAuthorize, with(outer("rp", "nonsense"), url.Values{"redirect_uri": nil}))
		if body := text(t, res); !strings.HasPrefix(body, "page:error\ninvalid_request_object") {
			t.Errorf("got %q", body)
		}
	})
}

// TestRequestURI: by reference, from where the client registered (OIDC Core §6.2).
func TestRequestURI(t *testing.T) {
	ask := func(t *testing.T, h *harness, client, uri string) url.Values {
		t.Helper()
		_, q := location(t, h.get(pathAuthorize, with(outer(client, ""), url.Values{"request": nil, "request_uri": {uri}})))
		return q
	}
	start := func(t *testing.T) *harness {
		h := objectHarness(t)
		h.fetched.bodies = map[string]string{"https://rp.example.test/r": signedObject(t, inner()) + "\n", "https://rp.example.test/any": signedObject(t, inner())}
		return h
	}
	t.Run("OIDC-Core-6.2/fragment-is-a-version", func(t *testing.T) {
		h := start(t)
		for range 2 {
			if q := ask(t, h, "rp", "https://rp.example.test/r#hash"); q.Get("state") != "inside" || !q.Has("code") {
				t.Fatalf("got %v", q)
			}
		}
		if len(h.fetched.asked) != 1 || h.fetched.asked[0] != "https://rp.example.test/r" {
			t.Errorf("fetched %v, want once and without the fragment", h.fetched.asked)
		}
		h.clock.advance(requestObjectKept)
		if ask(t, h, "rp", "https://rp.example.test/r#hash"); len(h.fetched.asked) != 2 {
			t.Errorf("fetched %d times after its life", len(h.fetched.asked))
		}
	})
	t.Run("OIDC-Core-6.2/without-a-fragment-it-is-fetched-again", func(t *testing.T) {
		h := start(t)
		ask(t, h, "rp", "https://rp.example.test/any")
		ask(t, h, "rp", "https://rp.example.test/any")
		if q := ask(t, h, "rp", "https://rp.example.test/any#new"); !q.Has("code") || len(h.fetched.asked) != 3 {
			t.Errorf("fetched %d times: %v", len(h.fetched.asked), q)
		}
	})
	for name, tt := range map[string]struct{ client, uri, want string }{
		"S1-16/not-registered":      {"rp", "https://rp.example.test/other", "invalid_request_uri"},
		"S1-16/other-fragment":      {"rp", "https://rp.example.test/r#other", "invalid_request_uri"},
		"S1-16/of-another-client":   {"bare", "https://rp.example.test/any", "invalid_request_uri"},
		"S1-16/signed-for-another":  {"only", "https://rp.example.test/any", "invalid_request_object"},
		"OIDC-Core-6.2/unreachable": {"rp", "https://rp.example.test/any", "invalid_request_uri"},
		"S2-10/too-large":           {"rp", "https://rp.example.test/any", "invalid_request_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			switch name {
			case "OIDC-Core-6.2/unreachable":
				h.fetched.bodies = nil
			case "S2-10/too-large":
				h.fetched.bodies[tt.uri] = strings.Repeat("a", maxRequestObject+1)
			}
			if q := ask(t, h, tt.client, tt.uri); q.Get("error") != tt.want || q.Has("code") {
				t.Errorf("got %v, want %s", q, tt.want)
			}
			if strings.HasPrefix(name, "S1-16") && tt.want == "invalid_request_uri" && len(h.fetched.asked) > 0 {
				t.Errorf("fetched %v", h.fetched.asked)
			}
		})
	}
	t.Run("OIDC-Core-6.1/both", func(t *testing.T) {
		h := start(t)
		_, q := location(t, h.get(pathAuthorize, with(outer("rp", signedObject(t, inner())), url.Values{"request_uri": {"https://rp.example.test/any"}})))
		if q.Get("error") != "invalid_request" || len(h.fetched.asked) > 0 {
			t.Errorf("got %v", q)
		}
	})
	t.Run("OIDC-Core-6.2/nothing-to-fetch-with", func(t *testing.T) {
		h := start(t)
		h.op.fetch = noFetcher{}
		if q := ask(t, h, "rp", "https://rp.example.test/any"); q.Get("error") != "request_uri_not_supported" {
			t.Errorf("got %v", q)
		}
		if m := object(t, h.get(pathDiscovery, nil)); m["request_uri_parameter_supported"] != false {
			t.Errorf("discovery says %v", m["request_uri_parameter_supported"])
		}
	})
	t.Run("OIDC-Core-6.2/POST-of-another-site", func(t *testing.T) {
		h := start(t)
		form := with(outer("rp", ""), url.Values{"request": nil, "request_uri": {"https://rp.example.test/any"}})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, testIssuer+pathAuthorize, strings.NewReader(form.Encode()))
		h.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if _, q := location(t, h.send(r)); q.Get("request_uri") != "https://rp.example.test/any" || q.Get("nonce") != "" {
			t.Errorf("goes on as %v", q)
		}
	})
}

// TestMetadataOfProfiles: discovery says what the project allows, and no more.
func TestMetadataOfProfiles(t *testing.T) {
	h := newHarness(t)
	has := func(m map[string]any, field, value string) bool {
		list, _ := m[field].([]any)
		for _, v := range list {
			if v == value {
				return true
			}
		}
		return false
	}
	m := object(t, h.get(pathDiscovery, nil))
	for _, f := range [][2]string{{"response_types_supported", "id_token"}, {"grant_types_supported", "implicit"},
		{"id_token_signing_alg_values_supported", "none"}, {"request_object_signing_alg_values_supported", "none"}} {
		if has(m, f[0], f[1]) {
			t.Errorf("%s has %s, which the project does not allow", f[0], f[1])
		}
	}
	p := *h.project // a project that is changed is another value
	p.FrontChannel, p.InsecureUnsigned = true, true
	h.project = &p
	m = object(t, h.get(pathDiscovery, nil))
	for _, f := range [][2]string{
		{"response_types_supported", "code"}, {"response_types_supported", "id_token"}, {"response_types_supported", "id_token token"},
		{"response_types_supported", "code id_token"}, {"response_types_supported", "code token"}, {"response_types_supported", "code id_token token"},
		{"grant_types_supported", "implicit"}, {"subject_types_supported", "public"}, {"subject_types_supported", "pairwise"},
		{"id_token_signing_alg_values_supported", "none"}, {"request_object_signing_alg_values_supported", "none"},
		{"request_object_signing_alg_values_supported", "RS256"}, {"id_token_encryption_alg_values_supported", "RSA-OAEP-256"},
		{"userinfo_encryption_enc_values_supported", "A128CBC-HS256"}, {"response_modes_supported", "form_post"},
	} {
		if !has(m, f[0], f[1]) {
			t.Errorf("%s lacks %s: %v", f[0], f[1], m[f[0]])
		}
	}
	for _, f := range []string{"request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration", "claims_parameter_supported"} {
		if m[f] != true {
			t.Errorf("%s is %v", f, m[f])
		}
	}
}

// FuzzRequestObject: nobody's object is followed, and nothing breaks.
func FuzzRequestObject(f *testing.F) {
	h := newHarness(f)
	h.client("rp", func(c *storage.Client) { c.JWKS = clientJWKS(f) })
	for _, seed := range []string{
		signedObject(f, inner()), requestObject(f, algNone, "", nil, inner(), nil), "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.",
		base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RSA-OAEP-256","enc":"A128GCM","zip":"DEF"}`)) + ".a.a.a.a",
		base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"PBES2-HS256+A128KW","p2c":2000000000,"enc":"A128GCM"}`)) + ".a.a.a.a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a := &authorization{ctx: t.Context(), project: h.project, client: &storage.Client{ID: "rp", JWKS: clientJWKS(t)}, request: &storage.AuthorizationRequest{}, params: params{}}
		claims, err := h.op.openRequestObject(a, raw, ErrRequestNotSupported)
		if err == nil && raw != signedObject(t, inner()) && !strings.HasPrefix(raw, signedObject(t, inner())[:20]) {
			t.Errorf("%q is believed: %v", raw, claims)
		}
	})
}
