package conformance

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// answer is what an endpoint for clients answered.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) str(name string) string { s, _ := a.body[name].(string); return s }

func (a answer) want(t *testing.T, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s: %s", a.status, status, a.str("error"), a.str("error_description"))
	}
}

// wantError wants an error response in JSON (RFC 6749 §5.2).
func (a answer) wantError(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || a.str("error") != code {
		t.Errorf("%d %s (%s), want %d %s", a.status, a.str("error"), a.str("error_description"), status, code)
	}
	if !describes.MatchString(a.str("error_description")) {
		t.Errorf("error_description is %q, want printable ASCII", a.str("error_description"))
	}
	for name := range a.body {
		if !slices.Contains([]string{"error", "error_description", "error_uri"}, name) {
			t.Errorf("the error has a member %s", name)
		}
	}
	a.wantUncached(t)
}

// wantUncached wants JSON that no cache keeps (RFC 6749 §5.1).
func (a answer) wantUncached(t *testing.T) {
	t.Helper()
	if cc := a.header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
		t.Errorf("Cache-Control is %q, want no-store", cc)
	}
	if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		t.Errorf("Content-Type is %q, want application/json", ct)
	}
}

// do sends a request and reads what comes, JSON if it is.
func (s *server) do(t *testing.T, req *http.Request) answer {
	t.Helper()
	a, err := s.try(req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *server) try(req *http.Request) (answer, error) {
	resp, err := s.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(a.raw), []byte("{")) {
		err = json.Unmarshal(a.raw, &a.body)
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		s.log.secret(a.str(name))
	}
	return a, err
}

func posted(address string, form url.Values) *http.Request {
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err) // the address is a constant of the tests
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// authenticated makes a POST request with the client's own authentication.
func (s *server) authenticated(c client, path string, form url.Values) *http.Request {
	values := url.Values{}
	for k, v := range form {
		values[k] = v
	}
	switch c.method {
	case "none":
		values.Set("client_id", c.ID)
	case "client_secret_post":
		values.Set("client_id", c.ID)
		values.Set("client_secret", c.Secret)
	case "private_key_jwt", "client_secret_jwt":
		values.Set("client_assertion_type", assertionType)
		values.Set("client_assertion", s.assertion(c, nil))
	}
	req := posted(s.issuer+path, values)
	if c.method == "client_secret_basic" {
		req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret)) // RFC 6749 §2.3.1
	}
	return req
}

func (s *server) call(t *testing.T, c client, path string, form url.Values) answer {
	t.Helper()
	return s.do(t, s.authenticated(c, path, form))
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion signs a client assertion (RFC 7523 §3); change may spoil its claims.
func (s *server) assertion(c client, change func(claims map[string]any)) string {
	now := time.Now()
	claims := map[string]any{
		"iss": c.ID, "sub": c.ID, "aud": s.issuer, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	if change != nil {
		change(claims)
	}
	key := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(c.Secret)}
	if c.key != nil {
		key = jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.key, KeyID: "one"}}
	}
	return sign(key, nil, claims)
}

func sign(key jose.SigningKey, header map[jose.HeaderKey]any, claims any) string {
	options := (&jose.SignerOptions{ExtraHeaders: header}).WithType("JWT")
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		panic(err) // the keys are the tests' own
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return out
}

func (s *server) codeForm(r request, code string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {r.Get("redirect_uri")}}
	if r.verifier != "" {
		form.Set("code_verifier", r.verifier)
	}
	return form
}

func (s *server) redeem(t *testing.T, r request, code string) answer {
	t.Helper()
	return s.call(t, r.client, "/oauth/token", s.codeForm(r, code))
}

func (s *server) refresh(t *testing.T, c client, token string, pairs ...string) answer {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return s.call(t, c, "/oauth/token", form)
}

// tokens is a checked token response.
type tokens struct {
	answer
	access, refresh, id string
	claims              map[string]any // of the ID token
}

func (t tokens) sub() string { s, _ := t.claims["sub"].(string); return s }

func (t tokens) number(claim string) int64 { n, _ := t.claims[claim].(float64); return int64(n) }

// verify checks a token response of an OpenID Connect request as OIDC Core
// §3.1.3.3, §3.1.3.6 and §3.1.3.7 say.
func (s *server) verify(t *testing.T, r request, a answer) tokens {
	t.Helper()
	out := tokens{answer: a, access: a.str("access_token"), refresh: a.str("refresh_token"), id: a.str("id_token")}
	a.wantUncached(t)
	if a.header.Get("Pragma") != "no-cache" {
		t.Errorf("Pragma is %q, want no-cache", a.header.Get("Pragma"))
	}
	if out.access == "" || !strings.EqualFold(a.str("token_type"), "Bearer") {
		t.Errorf("access_token of %d characters, token_type %q", len(out.access), a.str("token_type"))
	}
	if n, ok := a.body["expires_in"].(float64); !ok || n < 1 || n > 900 {
		t.Errorf("expires_in is %v, want 1 to 900", a.body["expires_in"])
	}
	if !slices.Contains(strings.Fields(r.Get("scope")), "openid") {
		if out.id != "" {
			t.Error("an ID token without scope openid")
		}
		return out
	}
	header, claims := s.jwt(t, out.id)
	out.claims = claims
	for name, want := range map[string]any{"iss": s.issuer, "aud": r.client.ID} {
		if claims[name] != want {
			t.Errorf("ID token: %s is %v, want %v", name, claims[name], want)
		}
	}
	if nonce, sent := claims["nonce"], r.Get("nonce"); sent != "" && nonce != sent {
		t.Errorf("ID token: nonce is %v, want %s", nonce, sent)
	}
	now := time.Now().Unix()
	if exp := out.number("exp"); exp <= now {
		t.Errorf("ID token: exp is %d, now is %d", exp, now)
	}
	if iat := out.number("iat"); iat > now+5 || iat < now-300 {
		t.Errorf("ID token: iat is %d, now is %d", iat, now)
	}
	if sub := out.sub(); sub == "" || len(sub) > 255 {
		t.Errorf("ID token: sub is %q", sub)
	}
	if got, want := claims["at_hash"], halfHash(header, out.access); got != want {
		t.Errorf("ID token: at_hash is %v, want %s", got, want)
	}
	for _, name := range []string{"name", "email", "given_name", "phone_number", "address"} {
		if _, leaked := claims[name]; leaked && !strings.Contains(r.Get("claims"), "id_token") {
			t.Errorf("ID token: has %s, which belongs into userinfo (OIDC Core §5.4)", name)
		}
	}
	return out
}

// halfHash is at_hash (OIDC Core §3.1.3.6).
func halfHash(header jose.Header, token string) string {
	var h hash.Hash
	switch header.Algorithm {
	case "RS256", "ES256", "PS256":
		h = sha256.New()
	default: // EdDSA with Ed25519
		h = sha512.New()
	}
	h.Write([]byte(token))
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// signingAlgorithms are those that the provider may use.
var signingAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

// jwt verifies a JWT with the published keys, by its kid.
func (s *server) jwt(t *testing.T, token string) (jose.Header, map[string]any) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, signingAlgorithms)
	if err != nil {
		t.Fatalf("not a JWT of ours: %v", err)
	}
	header := jws.Signatures[0].Header
	set := s.jwks(t)
	keys := set.Key(header.KeyID)
	if header.KeyID == "" || len(keys) != 1 {
		t.Fatalf("kid %q: the JWKS has %d such keys", header.KeyID, len(keys))
	}
	payload, err := jws.Verify(keys[0])
	if err != nil {
		t.Fatalf("signature: %v", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return header, claims
}

func (s *server) jwks(t *testing.T) jose.JSONWebKeySet {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.issuer+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := s.do(t, req)
	a.want(t, http.StatusOK)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(a.raw, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

// userinfo asks with the token in the header.
func (s *server) userinfo(t *testing.T, access string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.issuer+"/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	return s.do(t, req)
}

// active introspects a token as a client.
func (s *server) active(t *testing.T, c client, token string) bool {
	t.Helper()
	a := s.call(t, c, "/oauth/introspect", url.Values{"token": {token}})
	a.want(t, http.StatusOK)
	a.wantUncached(t)
	active, _ := a.body["active"].(bool)
	if !active && len(a.body) != 1 {
		t.Errorf("S2-12: an inactive token is described: %d members", len(a.body))
	}
	return active
}
