package main

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/elloloop/identity/cmd/identity/config"
)

// newLocalBench is a bench whose server runs in this process, so that its
// allocations are counted, with those of the client.
func newLocalBench(b *testing.B) *bench {
	b.Helper()
	x := &bench{b: b}
	var err error
	x.jar, err = cookiejar.New(nil)
	x.must(err)
	srv := httptest.NewUnstartedServer(nil)
	x.issuer = "http://" + srv.Listener.Addr().String()
	c, err := config.Load(config.Input{Dev: true, Defaults: map[string]string{
		"issuer": x.issuer, "sqlite.path": filepath.Join(b.TempDir(), "identity.db"), "rate_limit.login": "1000000",
	}, Environ: []string{"GATEWAY_KEY_ENCRYPTION_KEYS=k=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}})
	x.must(err)
	log := slog.New(slog.DiscardHandler)
	p, err := assemble(b.Context(), c, log)
	x.must(err)
	b.Cleanup(func() {
		srv.Close()
		x.must(p.close())
	})
	file := filepath.Join(b.TempDir(), "seed.yaml")
	x.must(os.WriteFile(file, []byte(benchSeed), 0o600))
	data, err := readSeed(file)
	x.must(err)
	hash, err := newHashing(c)
	x.must(err)
	x.must(data.store(b.Context(), p.database, &settings{hasher: hash}))
	srv.Config.Handler = p.handler(c, log, nil)
	srv.Start()
	return x
}

func BenchmarkAllocations(b *testing.B) {
	x := newLocalBench(b)
	x.signIn()
	c := x.browser()
	tokens := x.codeFlow(c, "RS256")
	token, access := tokens["refresh_token"].(string), tokens["access_token"].(string)
	get := func(path string) {
		req, err := http.NewRequest(http.MethodGet, x.issuer+path, nil)
		x.must(err)
		req.Header.Set("Authorization", "Bearer "+access)
		res, err := c.Do(req)
		x.must(err)
		_, err = io.Copy(io.Discard, res.Body)
		x.must(err)
		x.must(res.Body.Close())
	}
	for _, op := range []struct {
		name string
		run  func()
	}{
		{"code flow SSO", func() { x.codeFlow(c, "RS256") }},
		{"refresh", func() {
			token = x.post(c, "RS256", "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})["refresh_token"].(string)
		}},
		{"client credentials", func() { x.post(c, "RS256", "/oauth/token", url.Values{"grant_type": {"client_credentials"}}) }},
		{"introspection", func() { x.post(c, "RS256", "/oauth/introspect", url.Values{"token": {access}}) }},
		{"userinfo", func() { get("/userinfo") }},
		{"discovery", func() { get("/.well-known/openid-configuration") }},
		{"JWKS", func() { get("/.well-known/jwks.json") }},
	} {
		b.Run(op.name, func(b *testing.B) {
			x.b = b
			b.ReportAllocs()
			for b.Loop() {
				op.run()
			}
		})
	}
}
