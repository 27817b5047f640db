package conformance

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// moduleRun is one run of a module.
type moduleRun struct {
	*testing.T
	w        *openidWorld
	variant  variant
	method   string // of client authentication, "" for client_secret_basic
	audience string // of client assertions, "" for the token endpoint
	browser  *browser
	warned   bool

	script      []browserSteps // what the suite's browser does
	placeholder bool           // a page has to be seen
	static      bool           // the clients are there already
	taken       bool           // the first of them
}

// warn is for what the suite only warns about. It fails the run too.
func (s *moduleRun) warn(format string, args ...any) {
	s.Helper()
	s.warned = true
	s.Errorf("warning: "+format, args...)
}

// registered is a client that registered itself.
type registered struct {
	client
	members map[string]any // of the answer
	keyID   string
	uri     string
	token   string
}

// redirectURI is that of a client of the suite.
func redirectURI() string {
	return "https://rp.example.test/test/a/" + strings.ToLower(rand.Text()) + "/callback"
}

// document is what the suite registers.
func (s *moduleRun) document() map[string]any {
	grants := []string{}
	if s.variant.returns("code") {
		grants = append(grants, "authorization_code")
	}
	if s.variant.returns("token") || s.variant.returns("id_token") {
		grants = append(grants, "implicit")
	}
	return map[string]any{
		"client_name": "conformance " + s.Name(), "grant_types": grants, "jwks": s.publicKeys("one"),
		"token_endpoint_auth_method": cmp.Or(s.method, "client_secret_basic"), "response_types": []string{s.variant.responseType},
		"redirect_uris": []string{redirectURI()}, "contacts": []string{"certification@example.test"},
	}
}

func (s *moduleRun) key() *rsa.PrivateKey {
	s.Helper()
	key, err := clientKey()
	if err != nil {
		s.Fatal(err)
	}
	return key
}

func (s *moduleRun) publicKeys(kid string) jose.JSONWebKeySet {
	s.Helper()
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &s.key().PublicKey, KeyID: kid, Algorithm: "RS256", Use: "sig"}}}
}

// send sends JSON to the registration endpoint or the client's own URL.
func (s *moduleRun) send(method, address, token string, document any) answer {
	s.Helper()
	body, err := json.Marshal(document)
	if err != nil {
		s.Fatal(err)
	}
	req, err := http.NewRequest(method, address, strings.NewReader(string(body)))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return s.w.do(s.T, req)
}

// tryRegister sends a registration, changed.
func (s *moduleRun) tryRegister(change map[string]any) (map[string]any, answer) {
	s.Helper()
	document := s.document()
	if s.variant.responseType == "" { // logout plans leave it to the default
		document["response_types"] = []string{"code"}
	}
	maps.Copy(document, change)
	endpoint := s.w.fetch(s.T, "/.well-known/openid-configuration").str("registration_endpoint")
	if endpoint == "" {
		s.Fatal("registration_endpoint is missing")
	}
	return document, s.send(http.MethodPost, endpoint, "", document)
}

// register registers a client as the suite does, and checks what it checks. In the
// end it is deleted.
func (s *moduleRun) register(change map[string]any) registered {
	s.Helper()
	if s.static {
		return s.standing(change)
	}
	sent, a := s.tryRegister(change)
	a.want(s.T, http.StatusCreated)
	a.wantUncached(s.T)
	c := registered{members: a.body, keyID: "one", uri: a.str("registration_client_uri"), token: a.str("registration_access_token")}
	c.ID, c.Secret, c.method = a.str("client_id"), a.str("client_secret"), sent["token_endpoint_auth_method"].(string)
	s.w.log.secret(c.Secret, c.token)
	if uris, ok := sent["redirect_uris"].([]string); ok {
		c.redirect = uris[0]
	}
	if _, has := a.body["client_secret_expires_at"]; c.ID == "" || (c.Secret != "") != strings.HasPrefix(c.method, "client_secret") || has != (c.Secret != "") {
		s.Errorf("client_id %q, a secret of %d characters, client_secret_expires_at %v", c.ID, len(c.Secret), a.body["client_secret_expires_at"])
	}
	if !strings.HasPrefix(c.uri, s.w.issuer+"/") || c.token == "" {
		s.Errorf("registration_client_uri %q with a token of %d characters", c.uri, len(c.token))
	}
	for _, name := range []string{"client_name", "contacts", "redirect_uris"} {
		if a.body[name] == nil {
			s.Errorf("the answer lacks %s", name)
		}
	}
	s.Cleanup(func() { s.send(http.MethodDelete, c.uri, c.token, nil).want(s.T, http.StatusNoContent) })
	return c
}

// authorization is an authorization request of a registered client.
func (s *moduleRun) authorization(c registered, pairs ...string) request {
	r := request{client: c.client, Values: url.Values{
		"client_id": {c.ID}, "redirect_uri": {c.redirect}, "scope": {"openid"}, "state": {rand.Text()}, "nonce": {rand.Text()},
		"response_type": {s.variant.responseType},
	}}
	if s.variant.responseMode != "" {
		r.Set("response_mode", s.variant.responseMode)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			r.Del(pairs[i])
		} else {
			r.Set(pairs[i], pairs[i+1])
		}
	}
	return r
}

// mode is how the answer has to come.
func (s *moduleRun) mode() string {
	switch {
	case s.variant.responseMode != "":
		return s.variant.responseMode
	case s.variant.responseType == "code", s.variant.responseType == "":
		return "query"
	}
	return "fragment"
}

// receive reads an authorization response, as the suite's callback does.
func (s *moduleRun) receive(r request, p *page, success bool) response {
	s.Helper()
	resp, ok := p.response(s.w.issuer)
	if !ok {
		s.Fatalf("%s %d: want an authorization response, got: %s", p.url.Path, p.status, p.text())
	}
	for _, name := range []string{"code", "id_token", "access_token"} {
		s.w.log.secret(resp.Get(name))
	}
	registered, err := url.Parse(r.Get("redirect_uri"))
	if err != nil {
		s.Fatal(err)
	}
	if resp.mode != s.mode() {
		s.Errorf("the response came by %s, want %s", resp.mode, s.mode())
	}
	allowed := []string{"state", "iss", "session_state", "error", "error_description", "error_uri"}
	if success {
		allowed = append([]string{"state", "iss", "session_state"}, strings.Fields(s.variant.responseType)...)
		if s.variant.returns("token") {
			allowed = append(allowed, "access_token", "token_type", "expires_in", "scope")
		}
	}
	if resp.mode == "query" {
		allowed = append(allowed, slices.Collect(maps.Keys(registered.Query()))...)
	} else if resp.target.RawQuery != registered.RawQuery {
		s.Errorf("the query is %q, want %q: nothing of the response may be in it", resp.target.RawQuery, registered.RawQuery)
	}
	if resp.target.Host+resp.target.Path != registered.Host+registered.Path {
		s.Errorf("the response goes to %s, want %s", resp.target, registered)
	}
	if !slices.Equal(resp.Values["state"], r.Values["state"]) || !slices.Equal(resp.Values["iss"], []string{s.w.issuer}) {
		s.Errorf("state %q and iss %q, want %q and %q", resp.Values["state"], resp.Values["iss"], r.Values["state"], s.w.issuer)
	}
	for name, values := range resp.Values {
		if !slices.Contains(allowed, name) || len(values) != 1 {
			s.warn("the response has the parameter %s %d times", name, len(values))
		}
	}
	if success && resp.Has("error") {
		s.Fatalf("%s: %s", resp.Get("error"), resp.Get("error_description"))
	}
	return resp
}

// wantError wants an error in an authorization response.
func (s *moduleRun) wantError(r request, p *page, codes ...string) {
	s.Helper()
	resp := s.receive(r, p, false)
	if !slices.Contains(codes, resp.Get("error")) {
		s.Errorf("error is %q, want %s", resp.Get("error"), strings.Join(codes, " or "))
	}
	for _, name := range []string{"code", "id_token", "access_token"} {
		if resp.Has(name) {
			s.Errorf("an error response has %s", name)
		}
	}
	if d := resp.Get("error_description"); d != "" && !describes.MatchString(d) {
		s.Errorf("error_description is %q", d)
	}
}

// post calls an endpoint as the client.
func (s *moduleRun) post(c registered, path string, form url.Values) answer {
	s.Helper()
	if c.method != "private_key_jwt" {
		return s.w.call(s.T, c.client, path, form)
	}
	now := time.Now()
	values := maps.Clone(form)
	values.Set("client_assertion_type", assertionType)
	values.Set("client_assertion", sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.key(), KeyID: c.keyID}}, nil, map[string]any{
		"iss": c.ID, "sub": c.ID, "aud": cmp.Or(s.audience, s.w.issuer+"/oauth/token"), "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}))
	return s.w.do(s.T, posted(s.w.issuer+path, values))
}

// site is where clients publish documents, over TLS on this machine.
type site struct {
	origin string
	mu     sync.Mutex
	bodies map[string]string
	asked  map[string]int
}

func newSite(t *testing.T) *site {
	t.Helper()
	w := &site{bodies: map[string]string{}, asked: map[string]int{}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		body, there := w.bodies[r.URL.Path]
		w.asked[r.URL.Path]++
		if !there {
			http.NotFound(rw, r)
			return
		}
		_, _ = io.WriteString(rw, body) // the provider is gone
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{suite.ca.certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	w.origin = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	return w
}

// publish puts a document at a path of its own, or at one that publish gave.
func (w *site) publish(at string, document any) string {
	body, ok := document.(string)
	if !ok {
		b, err := json.Marshal(document)
		if err != nil {
			panic(err) // the documents are the tests' own
		}
		body = string(b)
	}
	path := strings.TrimPrefix(at, w.origin)
	if at == "" {
		path = "/" + rand.Text()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodies[path] = body
	return w.origin + path
}
