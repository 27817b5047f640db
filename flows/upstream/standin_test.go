package upstream_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// standIn is a provider that answers in the wire format of a real one, and lies
// where a test wants it to.
type standIn struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	key      *ecdsa.PrivateKey
	kid      string
	issuer   string                  // in discovery; "": the server's URL
	claims   map[string]any          // of the person
	tamper   func(map[string]any)    // the ID token, before it is signed
	sign     func(any) string        // instead of the key
	token    http.HandlerFunc        // instead of the token endpoint
	pages    map[string]http.Handler // userinfo and others
	iss      string                  // in the answer
	promises bool                    // that there is an iss
	codes    map[string]url.Values   // to the authorization request
	tokens   []url.Values            // what the token endpoint got
	users    []string                // its basic authentication
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{t: t, pages: map[string]http.Handler{}, codes: map[string]url.Values{}, claims: map[string]any{
		"sub": "u-1", "email": "alice@example.test", "email_verified": true, "name": "Alice Example", "given_name": "Alice",
	}}
	s.rotate("1")
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("/authorize", s.authorize)
	mux.HandleFunc("/token", s.tokenEndpoint)
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: s.kid, Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h, ok := s.pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (s *standIn) rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.kid = key, kid
}

func (s *standIn) name() string {
	if s.issuer != "" {
		return s.issuer
	}
	return s.URL
}

func (s *standIn) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer": s.name(), "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/jwks",
		"userinfo_endpoint": s.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": s.promises,
	})
}

func (s *standIn) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back := url.Values{"code": {rand.Text()}, "state": {q.Get("state")}}
	if s.iss != "" {
		back.Set("iss", s.iss)
	}
	s.mu.Lock()
	s.codes[back.Get("code")] = q
	s.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// tokenEndpoint holds the client to PKCE and to one use, as real ones do.
func (s *standIn) tokenEndpoint(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	user, _, _ := r.BasicAuth()
	s.mu.Lock()
	s.tokens, s.users = append(s.tokens, r.PostForm), append(s.users, user)
	asked, ok := s.codes[r.PostForm.Get("code")]
	delete(s.codes, r.PostForm.Get("code"))
	s.mu.Unlock()
	if s.token != nil {
		s.token(w, r)
		return
	}
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || asked.Get("code_challenge_method") != "S256" ||
		asked.Get("redirect_uri") != r.PostForm.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"error": "invalid_grant"})
		return
	}
	body := map[string]any{"access_token": "at-" + rand.Text(), "token_type": "Bearer", "expires_in": 3600}
	if strings.Contains(asked.Get("scope"), "openid") {
		body["id_token"] = s.idToken(asked)
	}
	answer(w, body)
}

func (s *standIn) idToken(asked url.Values) string {
	c := maps.Clone(s.claims)
	c["iss"], c["aud"], c["nonce"] = s.name(), asked.Get("client_id"), asked.Get("nonce")
	c["iat"], c["exp"] = time.Now().Unix(), time.Now().Add(time.Minute).Unix()
	if s.tamper != nil {
		s.tamper(c)
	}
	if s.sign != nil {
		return s.sign(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return signed(s.t, jose.ES256, jose.JSONWebKey{Key: s.key, KeyID: s.kid}, c)
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
