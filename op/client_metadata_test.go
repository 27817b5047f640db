package op

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// validClient is a client without a mistake.
func validClient() *storage.Client {
	return &storage.Client{
		ID: NewClientID(), Name: "Example", ApplicationType: "web", RedirectURIs: []string{"https://rp.example/cb", "http://localhost:3000/cb"},
		PostLogoutRedirectURIs: []string{"https://rp.example/bye"}, WebOrigins: []string{"https://app.example"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, Scope: []string{"openid"},
		LogoURI: "https://rp.example/logo.png", PolicyURI: "https://rp.example/policy#en", Contacts: []string{"ops@rp.example"},
		Secrets: []storage.ClientSecret{{Digest: storage.DigestOf("x")}},
	}
}

func TestValidateClient(t *testing.T) {
	yes, no, negative, long := true, false, int64(-1), int64(1<<31)
	if faults := ValidateClient(validClient()); faults != nil {
		t.Fatalf("a valid client has faults: %v", faults)
	}
	native := validClient()
	native.ApplicationType, native.TokenEndpointAuthMethod, native.Secrets, native.RequirePKCE = "native", "none", nil, &yes
	native.RedirectURIs = []string{"com.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]/cb"}
	if faults := ValidateClient(native); faults != nil {
		t.Fatalf("a valid native client has faults: %v", faults)
	}
	for name, test := range map[string]struct {
		change func(*storage.Client)
		want   []string // the beginning of each description
	}{
		"S1-02/wildcard-host":     {func(c *storage.Client) { c.RedirectURIs = []string{"https://*.rp.example/cb"} }, []string{"redirect_uris[0] has a wildcard"}},
		"S1-02/wildcard-path":     {func(c *storage.Client) { c.RedirectURIs = []string{"https://rp.example/*"} }, []string{"redirect_uris[0] has a wildcard"}},
		"S1-02/wildcard-port":     {func(c *storage.Client) { c.RedirectURIs = []string{"http://localhost:*/cb"} }, []string{"redirect_uris[0] has a wildcard"}},
		"S1-02/wildcard-origin":   {func(c *storage.Client) { c.WebOrigins = []string{"https://*.rp.example"} }, []string{"web_origins[0] is no origin"}},
		"S1-02/wildcard-logout":   {func(c *storage.Client) { c.PostLogoutRedirectURIs = []string{"https://rp.example/*"} }, []string{"post_logout_redirect_uris[0] has a wildcard"}},
		"redirect/fragment":       {func(c *storage.Client) { c.RedirectURIs = []string{"https://rp.example/cb#x"} }, []string{"redirect_uris[0] has a fragment"}},
		"redirect/relative":       {func(c *storage.Client) { c.RedirectURIs = []string{"/cb"} }, []string{"redirect_uris[0] is not absolute"}},
		"redirect/http":           {func(c *storage.Client) { c.RedirectURIs = []string{"http://rp.example/cb"} }, []string{"redirect_uris[0] has the scheme http"}},
		"redirect/http-suffix":    {func(c *storage.Client) { c.RedirectURIs = []string{"http://localhost.rp.example/cb"} }, []string{"redirect_uris[0] has the scheme http"}},
		"redirect/userinfo":       {func(c *storage.Client) { c.RedirectURIs = []string{"https://a:b@rp.example/cb"} }, []string{"redirect_uris[0] has user information"}},
		"redirect/javascript":     {func(c *storage.Client) { c.RedirectURIs = []string{"javascript:alert(1)"} }, []string{"redirect_uris[0] has the scheme javascript"}},
		"redirect/javascript-up":  {func(c *storage.Client) { c.RedirectURIs = []string{"JavaScript:alert(1)"} }, []string{"redirect_uris[0] has the scheme javascript"}},
		"redirect/data":           {func(c *storage.Client) { c.RedirectURIs = []string{"data:text/html,x"} }, []string{"redirect_uris[0] has the scheme data"}},
		"redirect/vbscript":       {func(c *storage.Client) { c.RedirectURIs = []string{"vbscript:x"} }, []string{"redirect_uris[0] has the scheme vbscript"}},
		"redirect/file":           {func(c *storage.Client) { c.RedirectURIs = []string{"file:///etc/passwd"} }, []string{"redirect_uris[0] has the scheme file"}},
		"redirect/control":        {func(c *storage.Client) { c.RedirectURIs = []string{"https://rp.example/\tcb"} }, []string{"redirect_uris[0] has a space or a control"}},
		"redirect/dot-dot":        {func(c *storage.Client) { c.RedirectURIs = []string{"https://rp.example/a/../cb"} }, []string{"redirect_uris[0] has a . or .."}},
		"redirect/no-host":        {func(c *storage.Client) { c.RedirectURIs = []string{"https:///cb"} }, []string{"redirect_uris[0] has no host"}},
		"redirect/opaque":         {func(c *storage.Client) { c.RedirectURIs = []string{"https:rp.example/cb"} }, []string{"redirect_uris[0] has no host"}},
		"redirect/twice":          {func(c *storage.Client) { c.RedirectURIs = []string{"https://rp.example/cb", "https://rp.example/cb"} }, []string{"redirect_uris[1] is there twice"}},
		"redirect/private-web":    {func(c *storage.Client) { c.RedirectURIs = []string{"com.example.app:/cb"} }, []string{"redirect_uris[0] has a scheme of its own, which is for"}},
		"redirect/private-no-dot": {func(c *storage.Client) { c.ApplicationType, c.RedirectURIs = "native", []string{"myapp:/cb"} }, []string{"redirect_uris[0] has a scheme of its own without a dot"}},
		"redirect/none":           {func(c *storage.Client) { c.RedirectURIs = nil }, []string{"redirect_uris is empty"}},
		"redirect/too-long":       {func(c *storage.Client) { c.RedirectURIs = []string{"https://rp.example/" + strings.Repeat("a", 2048)} }, []string{"redirect_uris[0] is longer"}},
		"redirect/too-many":       {func(c *storage.Client) { c.RedirectURIs = slices.Repeat([]string{"https://rp.example/cb"}, 101) }, []string{"redirect_uris has 101 entries"}},
		"logout/javascript":       {func(c *storage.Client) { c.PostLogoutRedirectURIs = []string{"javascript:x"} }, []string{"post_logout_redirect_uris[0] has the scheme"}},
		"origin/path":             {func(c *storage.Client) { c.WebOrigins = []string{"https://app.example/"} }, []string{"web_origins[0] is no origin"}},
		"origin/default-port":     {func(c *storage.Client) { c.WebOrigins = []string{"https://app.example:443"} }, []string{"web_origins[0] is no origin"}},
		"origin/upper-case":       {func(c *storage.Client) { c.WebOrigins = []string{"https://App.example"} }, []string{"web_origins[0] is no origin"}},
		"origin/null":             {func(c *storage.Client) { c.WebOrigins = []string{"null"} }, []string{"web_origins[0] is no origin"}},
		"origin/http":             {func(c *storage.Client) { c.WebOrigins = []string{"http://app.example"} }, []string{"web_origins[0] has the scheme http"}},
		"S1-11/logo-javascript":   {func(c *storage.Client) { c.LogoURI = "javascript:alert(1)" }, []string{"logo_uri has the scheme javascript"}},
		"S1-11/logo-data":         {func(c *storage.Client) { c.LogoURI = "data:image/svg+xml,<svg onload=alert(1)>" }, []string{"logo_uri has"}},
		"S1-11/policy-javascript": {func(c *storage.Client) { c.PolicyURI = "java#script:alert(1)" }, []string{"policy_uri has the scheme javascript"}},
		"S1-11/tos-ftp":           {func(c *storage.Client) { c.TOSURI = "ftp://rp.example/tos" }, []string{"tos_uri needs the scheme"}},
		"S1-11/uri-userinfo":      {func(c *storage.Client) { c.URI = "https://bank.example@rp.example/" }, []string{"client_uri has user information"}},
		"name/empty":              {func(c *storage.Client) { c.Name = " " }, []string{"client_name is empty"}},
		"name/direction":          {func(c *storage.Client) { c.Name = "Bank\u202egpj.exe" }, []string{"client_name needs"}},
		"name/long":               {func(c *storage.Client) { c.Name = strings.Repeat("x", 201) }, []string{"client_name needs"}},
		"id/space":                {func(c *storage.Client) { c.ID = "a b" }, []string{"client_id needs"}},
		"type/unknown":            {func(c *storage.Client) { c.ApplicationType = "spa" }, []string{"application_type is 'spa'"}},
		"grant/none":              {func(c *storage.Client) { c.GrantTypes, c.ResponseTypes = nil, nil }, []string{"grant_types is empty"}},
		"grant/unknown":           {func(c *storage.Client) { c.GrantTypes = append(c.GrantTypes, "password") }, []string{"grant_types is 'password'"}},
		"grant/response":          {func(c *storage.Client) { c.ResponseTypes = nil }, []string{"response_types has code if"}},
		"grant/token-alone":       {func(c *storage.Client) { c.ResponseTypes = []string{"code", "token"} }, []string{"response_types is 'token'"}},
		"grant/implicit":          {func(c *storage.Client) { c.GrantTypes = append(c.GrantTypes, "implicit") }, []string{"response_types has id_token or token if"}},
		"grant/hybrid": {func(c *storage.Client) {
			c.ResponseTypes, c.RedirectURIs = []string{"code", "token code"}, c.RedirectURIs[:1]
		}, []string{"response_types has id_token or token if"}},
		"grant/hybrid-http": {func(c *storage.Client) {
			c.GrantTypes, c.ResponseTypes = append(c.GrantTypes, "implicit"), []string{"code", "token id_token"}
		}, []string{"redirect_uris[1] has the scheme http, and a web client"}},
		"grant/refresh-alone": {func(c *storage.Client) { c.GrantTypes, c.ResponseTypes = []string{"refresh_token"}, nil }, []string{"grant_types has refresh_token without"}},
		"auth/unknown":        {func(c *storage.Client) { c.TokenEndpointAuthMethod = "tls_client_auth" }, []string{"token_endpoint_auth_method is"}},
		"auth/no-secret":      {func(c *storage.Client) { c.Secrets = nil }, []string{"secrets is empty"}},
		"auth/three-secrets":  {func(c *storage.Client) { c.Secrets = slices.Repeat(c.Secrets, 3) }, []string{"secrets has 3"}},
		"auth/secret-jwt":     {func(c *storage.Client) { c.TokenEndpointAuthMethod = "client_secret_jwt" }, []string{"secrets has none that is sealed"}},
		"auth/key-jwt":        {func(c *storage.Client) { c.TokenEndpointAuthMethod = "private_key_jwt" }, []string{"jwks is missing"}},
		"public": {func(c *storage.Client) {
			c.TokenEndpointAuthMethod, c.RequirePKCE, c.KeepRefreshToken = "none", &no, true
			c.GrantTypes = append(c.GrantTypes, "client_credentials")
		}, []string{"grant_types has client_credentials", "secrets belongs to a public", "require_pkce is false", "keep_refresh_token is true"}},
		"alg/hs256": {func(c *storage.Client) { c.UserinfoSignedResponseAlg = "HS256" }, []string{"userinfo_signed_response_alg is 'HS256'"}},
		"alg/none-front": {func(c *storage.Client) {
			c.IDTokenSignedResponseAlg, c.RedirectURIs = "none", c.RedirectURIs[:1]
			c.GrantTypes, c.ResponseTypes = append(c.GrantTypes, "implicit"), []string{"code id_token"}
		}, []string{"id_token_signed_response_alg is none"}},
		"subject/unknown":    {func(c *storage.Client) { c.SubjectType = "hashed" }, []string{"subject_type is 'hashed'"}},
		"subject/two-hosts":  {func(c *storage.Client) { c.SubjectType = "pairwise" }, []string{"sector_identifier_uri is missing"}},
		"subject/sector":     {func(c *storage.Client) { c.SectorIdentifierURI = "http://rp.example/sector" }, []string{"sector_identifier_uri needs the scheme https"}},
		"request/uri-http":   {func(c *storage.Client) { c.RequestURIs = []string{"https://rp.example/r#hash", "http://rp.example/r"} }, []string{"request_uris[1] needs the scheme https"}},
		"request/alg":        {func(c *storage.Client) { c.RequestObjectSigningAlg = "HS256" }, []string{"request_object_signing_alg is 'HS256'", "request_object_signing_alg needs jwks"}},
		"request/encryption": {func(c *storage.Client) { c.RequestObjectEncryptionAlg = "RSA1_5" }, []string{"request_object_encryption_alg is 'RSA1_5'"}},
		"request/enc-alone":  {func(c *storage.Client) { c.RequestObjectEncryptionEnc = "A128GCM" }, []string{"request_object_encryption_enc is there without"}},
		"encrypted/no-key":   {func(c *storage.Client) { c.IDTokenEncryptedResponseAlg = "ECDH-ES" }, []string{"id_token_encrypted_response_alg needs jwks with a key"}},
		"encrypted/enc": {func(c *storage.Client) {
			c.UserinfoEncryptedResponseAlg, c.UserinfoEncryptedResponseEnc, c.JWKSURI = "ECDH-ES", "A192GCM", "https://rp.example/jwks"
		}, []string{"userinfo_encrypted_response_enc is 'A192GCM'"}},
		"token/format":  {func(c *storage.Client) { c.AccessTokenFormat = "jwe" }, []string{"access_token_format is"}},
		"token/typ":     {func(c *storage.Client) { c.AccessTokenType = "logout+jwt" }, []string{"access_token_typ is"}},
		"scope/charset": {func(c *storage.Client) { c.Scope = []string{"open id"} }, []string{"scope[0] is empty, longer"}},
		"max-age":       {func(c *storage.Client) { c.DefaultMaxAge = &negative }, []string{"default_max_age is negative"}},
		"max-age-long":  {func(c *storage.Client) { c.DefaultMaxAge = &long }, []string{"default_max_age is negative, or longer"}},
		"every-mistake": {func(c *storage.Client) { c.Name, c.RedirectURIs, c.LogoURI = "", []string{"http://a/*", "x"}, "x:y" }, []string{"client_name", "logo_uri", "redirect_uris[0]", "redirect_uris[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := validClient()
			test.change(c)
			faults := ValidateClient(c)
			if len(faults) != len(test.want) {
				t.Fatalf("faults %q, want %q", faults, test.want)
			}
			for i, f := range faults {
				code := "invalid_client_metadata"
				if strings.HasPrefix(test.want[i], "redirect_uris") {
					code = "invalid_redirect_uri"
				}
				if !strings.HasPrefix(f.Description, test.want[i]) || f.Code != code {
					t.Errorf("fault %q, want %s: %q", f, code, test.want[i])
				}
			}
		})
	}
}

// TestValidateClientFor: what a project does not allow is refused there alone.
func TestValidateClientFor(t *testing.T) {
	c := validClient()
	c.RedirectURIs, c.RequestObjectSigningAlg = c.RedirectURIs[:1], "none"
	c.GrantTypes, c.ResponseTypes = append(c.GrantTypes, "implicit"), []string{"code", "token id_token", "code id_token"}
	p := testProject()
	faults := ValidateClientFor(p, c)
	if len(faults) != 3 || !strings.HasPrefix(faults[0].Description, "response_types[1] brings tokens") ||
		!strings.HasPrefix(faults[1].Description, "response_types[2]") || !strings.HasPrefix(faults[2].Description, "request_object_signing_alg is none") {
		t.Errorf("faults %q", faults)
	}
	p.FrontChannel, p.InsecureUnsigned = true, true
	if faults := ValidateClientFor(p, c); len(faults) != 0 {
		t.Errorf("where it is allowed: %q", faults)
	}
}

func publicJWK(t *testing.T, kid string, key any) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: kid})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReadJWKS tries the keys that must not be registered.
func TestReadJWKS(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edKey, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := publicJWK(t, "a", rsaKey.Public()) + "," + publicJWK(t, "b", ecKey.Public()) + "," + publicJWK(t, "c", edKey)
	if keys, faults := readJWKS(json.RawMessage(`{"keys":[` + good + `]}`)); len(keys) != 3 || faults != nil {
		t.Fatalf("good keys: %d, %q", len(keys), faults)
	}
	weak := &rsa.PublicKey{N: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1024), big.NewInt(105)), E: 65537}
	even := &rsa.PublicKey{N: rsaKey.N, E: 65536}
	huge := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16384, 1), E: 65537}
	onCurve := publicJWK(t, "bad", ecKey.Public())
	for name, test := range map[string]struct{ jwk, want string }{
		"S2-11/rsa-1024":          {publicJWK(t, "bad", weak), "2048 bits or more"},
		"S2-11/rsa-16384":         {publicJWK(t, "bad", huge), "modulus size"},
		"S2-11/even-exponent":     {publicJWK(t, "bad", even), "exponent"},
		"S2-11/duplicate-kid":     {publicJWK(t, "a", ecKey.Public()), "same kid"},
		"S2-11/private-rsa":       {publicJWK(t, "bad", rsaKey), "private part"},
		"S2-11/private-ec":        {publicJWK(t, "bad", ecKey), "private part"},
		"S2-11/private-okp":       {publicJWK(t, "bad", edPrivate), "private part"},
		"S2-11/symmetric":         {`{"kty":"oct","kid":"bad","k":"c2VjcmV0"}`, "symmetric"},
		"S2-11/p-224":             {`{"kty":"EC","kid":"bad","crv":"P-224","x":"` + b64(p224.X) + `","y":"` + b64(p224.Y) + `"}`, "can't be read"},
		"S2-11/secp256k1":         {`{"kty":"EC","kid":"bad","crv":"secp256k1","x":"AQ","y":"AQ"}`, "can't be read"},
		"S2-11/not-on-curve":      {`{"kty":"EC","kid":"bad","crv":"P-256","x":"` + b64(ecKey.X) + `","y":"` + b64(ecKey.X) + `"}`, "can't be read"},
		"S2-11/x25519":            {`{"kty":"OKP","kid":"bad","crv":"X25519","x":"AQ"}`, "can't be read"},
		"S2-11/alg-of-another":    {strings.Replace(onCurve, "{", `{"alg":"RS256","use":"sig",`, 1), "does not fit"},
		"S2-11/alg-hs256":         {strings.Replace(onCurve, "{", `{"alg":"HS256","use":"sig",`, 1), "does not fit"},
		"S2-11/use":               {strings.Replace(onCurve, "{", `{"use":"both",`, 1), "use is neither"},
		"S2-11/no-kty":            {`{"kid":"bad"}`, "no kty"},
		"S2-11/kty-unknown":       {`{"kty":"LMS","kid":"bad"}`, "can't be read"},
		"S2-11/kid-too-long":      {publicJWK(t, strings.Repeat("k", 256), edKey), "longer than 255"},
		"S2-11/not-an-object":     {`"key"`, "not a JSON object"},
		"S2-11/ed25519-too-short": {`{"kty":"OKP","kid":"bad","crv":"Ed25519","x":"AQ"}`, "can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := readJWKS(json.RawMessage(`{"keys":[` + good + "," + test.jwk + `]}`))
			if len(faults) != 1 || !strings.Contains(faults[0], test.want) || !strings.HasPrefix(faults[0], "key 4") {
				t.Errorf("faults %q, want key 4 and %q", faults, test.want)
			}
		})
	}
	for name, raw := range map[string]string{
		"empty": `{}`, "no-keys": `{"keys":[]}`, "array": `[]`, "garbage": `{"keys":`, "too-large": strings.Repeat(" ", maxClientJWKS+1),
		"too-many": `{"keys":[` + strings.TrimSuffix(strings.Repeat(`{},`, 21), ",") + `]}`,
	} {
		if keys, faults := readJWKS(json.RawMessage(raw)); len(keys) != 0 || len(faults) != 1 {
			t.Errorf("%s: %d keys, faults %q", name, len(keys), faults)
		}
	}
}

func b64(n *big.Int) string {
	s, _ := json.Marshal(n.Bytes())
	return strings.NewReplacer("+", "-", "/", "_", "=", "", `"`, "").Replace(string(s))
}
