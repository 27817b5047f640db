package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
)

// bench is a provider on a SQLite file behind a real listener, with a person and
// a client for each alg.
type bench struct {
	b      *testing.B
	srv    *httptest.Server
	jar    http.CookieJar
	secret string
}

const (
	benchPassword = "long enough for a benchmark"
	benchVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func newBench(b *testing.B) *bench {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	srv := httptest.NewUnstartedServer(nil)
	issuer := "http://" + srv.Listener.Addr().String()
	c, err := config.Load(config.Input{Dev: true, Defaults: map[string]string{
		"issuer": issuer, "sqlite.path": filepath.Join(b.TempDir(), "identity.db"), "password.argon2.memory_kib": "19456", "password.argon2.time": "2",
		"rate_limit.login": "1000000",
	}, Environ: []string{"GATEWAY_KEY_ENCRYPTION_KEYS=k=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}})
	if err != nil {
		b.Fatal(err)
	}
	p, err := assemble(b.Context(), c, log)
	if err != nil {
		b.Fatal(err)
	}
	p.project.InsecureDevelopment = true
	srv.Config.Handler = p.handler(c, log, nil)
	srv.Start()
	b.Cleanup(func() { srv.Close(); _ = p.close() })
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	x := &bench{b: b, srv: srv, jar: jar}
	x.seed(p)
	return x
}

func (x *bench) seed(p *provider) {
	ctx := x.b.Context()
	hash, err := newHashing(mustLoad(x.b))
	x.must(err)
	u := seedUser{Email: "jane@example.test", Password: benchPassword, Name: "Jane"}
	x.must(u.store(ctx, p.database, &settings{hasher: hash}))
	for _, alg := range []string{"RS256", "ES256"} {
		secret, stored := op.NewClientSecret(time.Now())
		x.secret += alg + ":" + secret + " "
		x.must(p.createClient(ctx, &storage.Client{
			ID: alg, Name: alg, ApplicationType: "web", FirstParty: true, RedirectURIs: []string{"http://localhost/cb"},
			GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}, ResponseTypes: []string{"code"},
			IDTokenSignedResponseAlg: alg, AccessTokenSignedAlg: alg, Secrets: []storage.ClientSecret{stored},
		}, "test"))
	}
}

func mustLoad(b *testing.B) *config.Config {
	c, err := config.Load(config.Input{Dev: true, Defaults: map[string]string{
		"issuer": "http://localhost:1", "password.argon2.memory_kib": "19456", "password.argon2.time": "2",
	}, Environ: []string{"GATEWAY_KEY_ENCRYPTION_KEYS=k=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func (x *bench) must(err error) {
	x.b.Helper()
	if err != nil {
		x.b.Fatal(err)
	}
}

func (x *bench) secretOf(alg string) string {
	_, rest, _ := strings.Cut(x.secret, alg+":")
	s, _, _ := strings.Cut(rest, " ")
	return s
}

// browser follows no redirect by itself.
func (x *bench) browser() *http.Client {
	return &http.Client{Jar: x.jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (x *bench) authorizeURL(alg string) string {
	sum := sha256.Sum256([]byte(benchVerifier))
	return x.srv.URL + "/authorize?" + url.Values{
		"client_id": {alg}, "redirect_uri": {"http://localhost/cb"}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
}

var formAction = regexp.MustCompile(`action="([^"]+)"`)

// signIn logs the person in by the pages.
func (x *bench) signIn() {
	c := &http.Client{Jar: x.jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "localhost" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := c.Get(x.authorizeURL("RS256"))
	x.must(err)
	page, err := io.ReadAll(res.Body)
	x.must(err)
	x.must(res.Body.Close())
	action := formAction.FindSubmatch(page)
	if action == nil {
		x.b.Fatalf("no form: %d %s", res.StatusCode, page)
	}
	res, err = c.PostForm(x.srv.URL+string(action[1]), url.Values{"identifier": {"jane@example.test"}, "password": {benchPassword}})
	x.must(err)
	x.must(res.Body.Close())
	if !strings.Contains(res.Header.Get("Location"), "code=") {
		x.b.Fatalf("not signed in: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

func (x *bench) post(c *http.Client, alg, path string, form url.Values) map[string]any {
	req, err := http.NewRequest(http.MethodPost, x.srv.URL+path, strings.NewReader(form.Encode()))
	x.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(alg, x.secretOf(alg))
	res, err := c.Do(req)
	x.must(err)
	defer res.Body.Close()
	var buf bytes.Buffer
	_, err = buf.ReadFrom(res.Body)
	x.must(err)
	var out map[string]any
	if res.StatusCode != http.StatusOK || json.Unmarshal(buf.Bytes(), &out) != nil {
		x.b.Fatalf("%s: %d %s", path, res.StatusCode, buf.String())
	}
	return out
}

func (x *bench) codeFlow(c *http.Client, alg string) map[string]any {
	res, err := c.Get(x.authorizeURL(alg))
	x.must(err)
	x.must(res.Body.Close())
	u, err := url.Parse(res.Header.Get("Location"))
	x.must(err)
	return x.post(c, alg, "/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {"http://localhost/cb"}, "code_verifier": {benchVerifier},
	})
}

// cpu reports the processor time of this process, client included, for each
// operation: the server's own is less.
func cpu(b *testing.B, run func()) {
	b.ReportAllocs()
	before := used(b)
	run()
	b.ReportMetric(float64((used(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

func used(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func BenchmarkCodeFlowSSO(b *testing.B) {
	x := newBench(b)
	x.signIn()
	for _, alg := range []string{"RS256", "ES256"} {
		b.Run(alg, func(b *testing.B) {
			x.b = b
			c := x.browser()
			cpu(b, func() {
				for b.Loop() {
					x.codeFlow(c, alg)
				}
			})
		})
	}
}

func BenchmarkRefresh(b *testing.B) {
	x := newBench(b)
	x.signIn()
	for _, alg := range []string{"RS256", "ES256"} {
		b.Run(alg, func(b *testing.B) {
			x.b = b
			c := x.browser()
			token := x.codeFlow(c, alg)["refresh_token"].(string)
			cpu(b, func() {
				for b.Loop() {
					token = x.post(c, alg, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})["refresh_token"].(string)
				}
			})
		})
	}
}

func BenchmarkClientCredentials(b *testing.B) {
	x := newBench(b)
	for _, alg := range []string{"RS256", "ES256"} {
		b.Run(alg, func(b *testing.B) {
			x.b = b
			c := x.browser()
			cpu(b, func() {
				for b.Loop() {
					x.post(c, alg, "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
				}
			})
		})
	}
}

func BenchmarkResources(b *testing.B) {
	x := newBench(b)
	x.signIn()
	c := x.browser()
	token := x.codeFlow(c, "RS256")["access_token"].(string)
	b.Run("introspection", func(b *testing.B) {
		x.b = b
		cpu(b, func() {
			for b.Loop() {
				x.post(c, "RS256", "/oauth/introspect", url.Values{"token": {token}})
			}
		})
	})
	for name, path := range map[string]string{"userinfo": "/userinfo", "discovery": "/.well-known/openid-configuration", "JWKS": "/.well-known/jwks.json"} {
		b.Run(name, func(b *testing.B) {
			cpu(b, func() {
				for b.Loop() {
					req, err := http.NewRequest(http.MethodGet, x.srv.URL+path, nil)
					if err != nil {
						b.Fatal(err)
					}
					req.Header.Set("Authorization", "Bearer "+token)
					res, err := c.Do(req)
					if err != nil || res.StatusCode != http.StatusOK {
						b.Fatal(fmt.Sprint(err, res))
					}
					_, err = io.Copy(io.Discard, res.Body)
					if err != nil {
						b.Fatal(err)
					}
					_ = res.Body.Close()
				}
			})
		})
	}
}
