package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bench is a running server of its own process, on a SQLite file, with a person
// and a client for each alg. What it reports as CPU is the server's alone.
type bench struct {
	b      *testing.B
	issuer string
	pid    int
	jar    http.CookieJar

	transport *http.Transport // nil: that of everybody
}

const (
	benchPassword = "long enough for a benchmark"
	benchSecret   = "benchsecretbenchsecretbenchsecret"
	benchVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	benchSeed     = `
users: [{email: jane@example.test, password: ` + benchPassword + `, name: Jane}]
clients:
  - {client_id: RS256, client_secret: ` + benchSecret + `, client_name: R, first_party: true, id_token_signed_response_alg: RS256,
     redirect_uris: ["http://localhost/cb"], grant_types: [authorization_code, refresh_token, client_credentials]}
  - {client_id: ES256, client_secret: ` + benchSecret + `, client_name: E, first_party: true, id_token_signed_response_alg: ES256,
     redirect_uris: ["http://localhost/cb"], grant_types: [authorization_code, refresh_token, client_credentials]}
`
)

func newBench(b *testing.B) *bench {
	b.Helper()
	x := &bench{b: b}
	var err error
	x.jar, err = cookiejar.New(nil)
	x.must(err)
	seedFile := filepath.Join(b.TempDir(), "seed.yaml")
	x.must(os.WriteFile(seedFile, []byte(benchSeed), 0o600))
	binary, err := os.Executable()
	x.must(err)
	// The test binary is the command when it is called so: see TestMain.
	cmd := &exec.Cmd{Path: binary, Args: []string{"identity", "dev", "--ephemeral", "--port=0", "--print-json", "--seed=" + seedFile, "--rate-limit-login=1000000"}}
	out, err := cmd.StdoutPipe()
	x.must(err)
	x.must(cmd.Start())
	b.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	var ready struct {
		Issuer string `json:"issuer"`
	}
	x.must(json.NewDecoder(out).Decode(&ready))
	x.issuer, x.pid = ready.Issuer, cmd.Process.Pid
	return x
}

func (x *bench) must(err error) {
	x.b.Helper()
	if err != nil {
		x.b.Fatal(err)
	}
}

// browser follows no redirect by itself.
func (x *bench) browser() *http.Client {
	c := &http.Client{Jar: x.jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if x.transport != nil {
		c.Transport = x.transport
	}
	return c
}

func (x *bench) authorizeURL(alg string) string {
	sum := sha256.Sum256([]byte(benchVerifier))
	return x.issuer + "/authorize?" + url.Values{
		"client_id": {alg}, "redirect_uri": {"http://localhost/cb"}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
}

var formAction = regexp.MustCompile(`action="([^"]+)"`)

// signIn logs the person in by the pages.
func (x *bench) signIn() {
	c := x.browser()
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/cb" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	res, err := c.Get(x.authorizeURL("RS256"))
	x.must(err)
	page, err := io.ReadAll(res.Body)
	x.must(err)
	x.must(res.Body.Close())
	action := formAction.FindSubmatch(page)
	if action == nil {
		x.b.Fatalf("no form: %d %s", res.StatusCode, page)
	}
	res, err = c.PostForm(x.issuer+string(action[1]), url.Values{"identifier": {"jane@example.test"}, "password": {benchPassword}})
	x.must(err)
	x.must(res.Body.Close())
	if !strings.Contains(res.Header.Get("Location"), "code=") {
		x.b.Fatalf("not signed in: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

func (x *bench) post(c *http.Client, alg, path string, form url.Values) map[string]any {
	req, err := http.NewRequest(http.MethodPost, x.issuer+path, strings.NewReader(form.Encode()))
	x.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(alg, benchSecret)
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

// cpu reports the processor time that the server spends on each operation, in
// user mode and in the kernel.
func (x *bench) cpu(b *testing.B, run func()) {
	before := x.used()
	run()
	b.ReportMetric(float64((x.used()-before).Microseconds())/float64(b.N), "server-cpu-µs/op")
}

// used reads what the server has used so far, in ticks of 10 ms (proc(5)).
func (x *bench) used() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.pid))
	x.must(err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		x.must(err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func BenchmarkCodeFlowSSO(b *testing.B) {
	x := newBench(b)
	x.signIn()
	for _, alg := range []string{"RS256", "ES256"} {
		b.Run(alg, func(b *testing.B) {
			x.b = b
			c := x.browser()
			x.cpu(b, func() {
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
			x.cpu(b, func() {
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
			x.cpu(b, func() {
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
		x.cpu(b, func() {
			for b.Loop() {
				x.post(c, "RS256", "/oauth/introspect", url.Values{"token": {token}})
			}
		})
	})
	for name, path := range map[string]string{"userinfo": "/userinfo", "discovery": "/.well-known/openid-configuration", "JWKS": "/.well-known/jwks.json"} {
		b.Run(name, func(b *testing.B) {
			x.b = b
			x.cpu(b, func() {
				for b.Loop() {
					req, err := http.NewRequest(http.MethodGet, x.issuer+path, nil)
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
