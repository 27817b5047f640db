package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// client is a registered client, as its developer knows it.
type client struct {
	ID       string `json:"client_id"`
	Secret   string `json:"client_secret"`
	method   string // how it authenticates
	redirect string
	key      *ecdsa.PrivateKey // private_key_jwt
}

// person is somebody with a password.
type person struct{ email, password, sub string }

const (
	webRedirect    = "https://web.example.test/callback"
	otherRedirect  = "https://other.example.test/callback?fixed=1" // its own query stays
	plainRedirect  = "https://other.example.test/plain"
	spaOrigin      = "https://spa.example.test"
	nativeRedirect = "http://127.0.0.1/callback"
	loggedOut      = "https://web.example.test/signed-out"
)

// newWorld starts a server on a copy of the pattern: over a file of its own, or over
// a database of its own on PostgreSQL.
func newWorld(dir string, onPostgres bool, env ...string) (*world, error) {
	of := onSQLite
	if onPostgres {
		of = onPostgreSQL
	}
	p, err := of()
	if err != nil {
		return nil, err
	}
	settings, err := p.copy(dir)
	if err != nil {
		return nil, err
	}
	s, err := newServer(dir, append(settings, env...)...)
	if err != nil {
		return nil, err
	}
	w := p.world(s)
	return w, w.start()
}

func (w *world) register() error {
	code := []string{"--grant-type", "authorization_code", "--grant-type", "refresh_token"}
	scope := []string{"--scope", "openid profile email address phone offline_access"}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	jwks := filepath.Join(w.dir, "client.jwks")
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(jwks, b, 0o600); err != nil {
		return err
	}
	for _, c := range []struct {
		into             *client
		id, method, back string
		flags            []string
	}{
		{&w.web, "web", "client_secret_basic", webRedirect, join(code, scope, "--preset", "web", "--first-party", "--post-logout-redirect-uri", loggedOut)},
		{&w.other, "other", "client_secret_post", otherRedirect, join(code, scope, "--preset", "web", "--first-party", "--redirect-uri", plainRedirect)},
		{&w.third, "third", "client_secret_basic", webRedirect, join(code, scope, "--preset", "web")},
		{&w.spa, "spa", "none", spaOrigin + "/callback", join(code, scope, "--preset", "spa", "--first-party", "--web-origin", spaOrigin)},
		{&w.native, "native", "none", nativeRedirect, join(code, scope, "--preset", "native", "--first-party", "--redirect-uri", "http://[::1]/callback", "--redirect-uri", "com.example.app:/callback", "--redirect-uri", "http://localhost:8400/callback")},
		{&w.machine, "machine", "client_secret_basic", "", []string{"--preset", "machine", "--grant-type", "client_credentials"}},
		{&w.opaque, "opaque", "client_secret_basic", webRedirect, join(code, scope, "--preset", "web", "--first-party", "--access-token-format", "opaque")},
		{&w.signed, "signed", "private_key_jwt", webRedirect, join(code, scope, "--first-party", "--preset", "web", "--auth-method", "private_key_jwt", "--jwks-file", jwks)},
		{&w.hashed, "hashed", "client_secret_jwt", webRedirect, join(code, scope, "--first-party", "--preset", "web", "--auth-method", "client_secret_jwt")},
		{&w.es256, "es256", "client_secret_basic", webRedirect, join(code, scope, "--first-party", "--preset", "web", "--id-token-alg", "ES256")},
		{&w.legacy, "legacy", "client_secret_basic", webRedirect, join(code, scope, "--first-party", "--preset", "web", "--without-pkce")},
	} {
		flags := c.flags
		if c.back != "" {
			flags = append(flags, "--redirect-uri", c.back)
		}
		if *c.into, err = w.addClient(c.id, flags...); err != nil {
			return err
		}
		c.into.method, c.into.redirect = c.method, c.back
	}
	w.signed.key = key
	w.native.redirect = "http://127.0.0.1:49152/callback"
	w.alice, err = w.addPerson("alice", "Alice Archer")
	return err
}

func join(a, b []string, c ...string) []string {
	return append(append(append([]string{}, a...), b...), c...)
}

// another registers a client of one test, with an id that begins like this.
func (s *server) another(word string, flags ...string) (client, error) {
	return s.addClient(word+"-"+strings.ToLower(rand.Text()[:8]), flags...)
}

func (s *server) addClient(id string, flags ...string) (client, error) {
	var c client
	out, err := s.identity("", append([]string{"client", "add", "--id", id, "--name", "Client " + id, "--json"}, flags...)...)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(out, &c); err != nil {
		return c, fmt.Errorf("client add --json: %w", err)
	}
	if c.ID == "" {
		return c, errors.New("client add --json printed no client_id")
	}
	s.log.secret(c.Secret)
	return c, nil
}

// addPerson makes an account. word is how its address begins: a test may run twice.
func (s *server) addPerson(word, name string) (person, error) {
	email := word + "-" + strings.ToLower(rand.Text()[:8]) + "@example.test"
	p := person{email: email, password: "pw-" + rand.Text()}
	s.log.secret(p.password)
	out, err := s.identity(p.password+"\n", "user", "add", "--email", email, "--name", name, "--email-verified", "--password-stdin", "--json")
	if err != nil {
		return p, err
	}
	var u struct {
		Sub string `json:"sub"`
	}
	if err := json.Unmarshal(out, &u); err != nil {
		return p, fmt.Errorf("user add --json: %w: %s", err, out)
	}
	if u.Sub == "" {
		return p, fmt.Errorf("user add --json printed no sub: %s", out)
	}
	p.sub = u.Sub
	return p, nil
}
