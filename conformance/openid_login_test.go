package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// login is a login that came to its end: the tokens, and what the ID tokens say.
type login struct {
	request  request
	code     string
	access   string
	refresh  string
	id       string         // from the token endpoint if there is one, else from the front
	claims   map[string]any // of id
	tokens   answer         // of the token endpoint
	response response
}

func (l login) sub() string { s, _ := l.claims["sub"].(string); return s }

func (l login) number(claim string) int64 { n, _ := l.claims[claim].(float64); return int64(n) }

// login signs in at a client and takes everything that comes.
func (s *moduleRun) login(c registered, pairs ...string) login {
	s.Helper()
	r := s.authorization(c, pairs...)
	return s.complete(c, r, s.visit(s.w.authorizeURL(r)))
}

// loginSeen is login where the suite wants to see a page of it.
func (s *moduleRun) loginSeen(c registered, pairs ...string) login {
	s.Helper()
	r := s.authorization(c, pairs...)
	return s.complete(c, r, s.visitSeen(s.w.authorizeURL(r)))
}

// complete checks the answer of an authorization request, and redeems the code if
// there is one.
func (s *moduleRun) complete(c registered, r request, p *page, form ...string) login {
	s.Helper()
	l := login{request: r, response: s.receive(r, p, true)}
	l.code = l.response.Get("code")
	for word, name := range map[string]string{"code": "code", "id_token": "id_token", "token": "access_token"} {
		if s.variant.returns(word) != l.response.Has(name) {
			s.Errorf("%s is there: %v", name, l.response.Has(name))
		}
	}
	if l.access = l.response.Get("access_token"); l.access != "" && (!strings.EqualFold(l.response.Get("token_type"), "Bearer") || l.response.Get("expires_in") == "") {
		s.Errorf("token_type %q, expires_in %q", l.response.Get("token_type"), l.response.Get("expires_in"))
	}
	if id := l.response.Get("id_token"); id != "" {
		l.id, l.claims = id, s.idToken(c, r, id, l.access, l.code)
	}
	if !s.variant.returns("code") {
		return l
	}
	if len(l.code)*6 < 128 {
		s.Errorf("a code of %d characters", len(l.code))
	}
	values := url.Values{"grant_type": {"authorization_code"}, "code": {l.code}, "redirect_uri": {r.Get("redirect_uri")}}
	for i := 0; i+1 < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	l.tokens = s.post(c, "/oauth/token", values)
	s.takeTokens(c, &l)
	return l
}

// takeTokens checks a token response.
func (s *moduleRun) takeTokens(c registered, l *login) {
	s.Helper()
	a := l.tokens
	a.want(s.T, http.StatusOK)
	a.wantUncached(s.T)
	if !strings.EqualFold(a.str("token_type"), "Bearer") || a.str("access_token") == "" {
		s.Errorf("token_type %q, access_token of %d characters", a.str("token_type"), len(a.str("access_token")))
	}
	if n, ok := a.body["expires_in"].(float64); !ok || n < 1 {
		s.warn("expires_in is %v", a.body["expires_in"])
	}
	front := l.claims
	l.access, l.refresh, l.id = a.str("access_token"), a.str("refresh_token"), a.str("id_token")
	l.claims = s.idToken(c, l.request, l.id, "", "")
	for _, name := range []string{"iss", "sub"} { // OIDC Core §3.3.3.6
		if front != nil && front[name] != l.claims[name] {
			s.Errorf("%s is %v in one ID token and %v in the other", name, front[name], l.claims[name])
		}
	}
}

// protocolClaims are those that an ID token may have without being asked for.
var protocolClaims = strings.Fields("iss sub aud exp iat auth_time nonce acr amr azp at_hash c_hash s_hash sid jti")

// idToken checks an ID token. access and code are what came beside it through the
// browser.
func (s *moduleRun) idToken(c registered, r request, id, access, code string) map[string]any {
	s.Helper()
	alg, _ := c.members["id_token_signed_response_alg"].(string)
	var header jose.Header
	var claims map[string]any
	if alg == "none" {
		header, claims = jose.Header{Algorithm: "none"}, unsignedClaims(s, id)
	} else {
		header, claims = s.w.jwt(s.T, id)
	}
	if header.Algorithm != alg {
		s.Errorf("the ID token has the alg %s, registered is %s", header.Algorithm, alg)
	}
	if claims["iss"] != s.w.issuer || !inAudience(claims["aud"], c.ID) {
		s.Errorf("iss %v, aud %v", claims["iss"], claims["aud"])
	}
	now := time.Now().Unix()
	exp, _ := claims["exp"].(float64)
	iat, _ := claims["iat"].(float64)
	if int64(exp) <= now || int64(iat) > now+5 || int64(iat) < now-300 {
		s.Errorf("iat %v and exp %v, now is %d", claims["iat"], claims["exp"], now)
	}
	if nonce, sent := claims["nonce"], r.Get("nonce"); sent != "" && nonce != sent || sent == "" && nonce != nil {
		s.Errorf("nonce is %v, want %q", nonce, sent)
	}
	if sub, _ := claims["sub"].(string); sub == "" || len(sub) > 255 || strings.ContainsFunc(sub, func(c rune) bool { return c > 127 }) {
		s.Errorf("sub is %q", sub)
	}
	if access != "" && claims["at_hash"] != halfHash(header, access) { // OIDC Core §3.2.2.9
		s.Errorf("at_hash is %v", claims["at_hash"])
	}
	if code != "" && claims["c_hash"] != halfHash(header, code) { // OIDC Core §3.3.2.10
		s.Errorf("c_hash is %v", claims["c_hash"])
	}
	for name := range claims {
		if !slices.Contains(protocolClaims, name) && !s.variant.claimsInIDToken() && !strings.Contains(r.Get("claims"), `"id_token"`) {
			s.warn("the ID token has %s, which was not asked for", name)
		}
	}
	s.typesOf(claims)
	return claims
}

// claimsInIDToken: there is no userinfo to ask (OIDC Core §5.4).
func (v variant) claimsInIDToken() bool { return v.responseType == "id_token" }

func inAudience(aud any, id string) bool {
	list, ok := aud.([]any)
	return aud == id || ok && slices.Contains(list, any(id))
}

func unsignedClaims(s *moduleRun, id string) map[string]any {
	s.Helper()
	parts := strings.Split(id, ".")
	var claims map[string]any
	if len(parts) != 3 || parts[2] != "" {
		s.Fatalf("no unsigned JWT: %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		s.Fatalf("the payload cannot be read: %v", err)
	}
	return claims
}

// typesOf checks the JSON types of the standard claims (OIDC Core §5.1).
func (s *moduleRun) typesOf(claims map[string]any) {
	s.Helper()
	for name, v := range claims {
		ok := true
		switch name {
		case "email_verified", "phone_number_verified":
			_, ok = v.(bool)
		case "updated_at", "auth_time":
			_, ok = v.(float64)
		case "address":
			_, ok = v.(map[string]any)
		case "name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender", "birthdate", "zoneinfo",
			"locale", "preferred_username", "email", "phone_number", "sub", "acr":
			text, is := v.(string)
			ok = is && text != ""
		case "_claim_names", "_claim_sources":
			ok = false
		default:
		}
		if !ok {
			s.Errorf("%s is %T, %v", name, v, v)
		}
	}
}

// userinfo asks for it, and checks it.
func (s *moduleRun) userinfo(l login) map[string]any {
	s.Helper()
	return s.checkUserinfo(l, s.w.userinfo(s.T, l.access))
}

func (s *moduleRun) checkUserinfo(l login, a answer) map[string]any {
	s.Helper()
	a.want(s.T, http.StatusOK)
	if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		s.Errorf("userinfo: Content-Type is %q", ct)
	}
	if l.claims != nil && a.str("sub") != l.sub() || a.str("sub") == "" {
		s.Errorf("userinfo: sub is %q, the ID token's is %q", a.str("sub"), l.sub())
	}
	s.typesOf(a.body)
	return a.body
}

// personal are the claims of a login, where the variant has them.
func (s *moduleRun) personal(l login) map[string]any {
	s.Helper()
	if s.variant.accessToken() {
		return s.userinfo(l)
	}
	return l.claims
}

// quiet wants that a request is answered without a page.
func (s *moduleRun) quiet(c registered, pairs ...string) login {
	s.Helper()
	s.browser.reset()
	r := s.authorization(c, pairs...)
	l := s.complete(c, r, s.visit(s.w.authorizeURL(r)))
	if len(s.browser.asked) != 0 {
		s.Errorf("the person was asked for %q", s.browser.asked)
	}
	return l
}

// object is a request object with the parameters of a request. What is inside is
// not outside, but what has to be in both (OIDC Core §6.1).
func (s *moduleRun) object(c registered, r request, alg string, change map[string]any) (request, string) {
	s.Helper()
	claims := map[string]any{}
	for name := range r.Values {
		claims[name] = r.Get(name)
	}
	if alg != "none" {
		claims["iss"], claims["aud"] = c.ID, s.w.issuer
	}
	maps.Copy(claims, change)
	outside := url.Values{}
	for _, name := range []string{"client_id", "response_type", "scope", "redirect_uri"} {
		outside.Set(name, r.Get(name))
	}
	if alg == "none" {
		payload, err := json.Marshal(claims)
		if err != nil {
			s.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		return request{Values: outside, client: c.client}, encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
	}
	key := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: s.key(), KeyID: "one"}}
	return request{Values: outside, client: c.client}, sign(key, nil, claims)
}

// hashOf is the fragment of a request_uri (OIDC Core §6.2).
func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return "#" + base64.RawURLEncoding.EncodeToString(sum[:])
}
