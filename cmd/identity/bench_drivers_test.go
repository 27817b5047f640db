package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// newServedBench is a bench whose server runs as in production, on the database
// of these settings, behind a proxy that ended TLS: the client says https, and
// sends none.
func newServedBench(b *testing.B, stored ...string) *bench {
	b.Helper()
	x := &bench{b: b, issuer: "https://id.example.test"}
	var err error
	x.jar, err = cookiejar.New(nil)
	x.must(err)
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	x.must(err)
	addr := l.Addr().String()
	x.must(l.Close())
	x.transport = &http.Transport{DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}}
	environ := backupEnv(append(stored, "GATEWAY_LISTEN="+addr, "GATEWAY_LOG_LEVEL=warn", "GATEWAY_RATE_LIMIT_LOGIN=1000000")...)

	file := filepath.Join(b.TempDir(), "seed.yaml")
	x.must(os.WriteFile(file, []byte(benchSeed), 0o600))
	data, err := readSeed(file)
	x.must(err)
	c, err := config.Load(config.Input{Environ: environ})
	x.must(err)
	hash, err := newHashing(c)
	x.must(err)
	d, err := openDatabase(b.Context(), c, slog.New(slog.DiscardHandler))
	x.must(err)
	x.must(data.store(b.Context(), d, &settings{hasher: hash}))
	x.must(d.close())

	binary, err := os.Executable()
	x.must(err)
	cmd := &exec.Cmd{Path: binary, Args: []string{"identity", "serve"}, Env: environ, Stderr: os.Stderr}
	x.must(cmd.Start())
	b.Cleanup(func() {
		x.transport.CloseIdleConnections()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	x.pid = cmd.Process.Pid
	x.ready()
	return x
}

// ready waits until the server is.
func (x *bench) ready() {
	ctx, cancel := context.WithTimeout(x.b.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		res, err := x.browser().Get(x.issuer + "/readyz")
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body) // only the status counts
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			x.b.Fatal(fmt.Sprint("the server is not ready: ", err))
		}
	}
}

// BenchmarkFlows runs the whole single sign-on, from the request to the tokens,
// and a refresh, on a SQLite file and on Postgres, at the same server as in
// production. What Postgres itself spends is in the time alone.
func BenchmarkFlows(b *testing.B) {
	drivers := []struct {
		name   string
		stored func(b *testing.B) []string
	}{
		{"sqlite", func(b *testing.B) []string {
			return []string{"GATEWAY_SQLITE_PATH=" + filepath.Join(b.TempDir(), "identity.db")}
		}},
		{"postgres", func(b *testing.B) []string {
			db := pgtest.On(b, postgresServer(b))
			return []string{"GATEWAY_POSTGRES_DSN=" + db.App, "GATEWAY_POSTGRES_MIGRATE_DSN=" + db.Owner}
		}},
	}
	for _, driver := range drivers {
		b.Run(driver.name, func(b *testing.B) {
			x := newServedBench(b, driver.stored(b)...)
			x.signIn()
			for _, alg := range []string{"RS256", "ES256"} {
				b.Run("code-flow-SSO/"+alg, func(b *testing.B) {
					x.b = b
					c := x.browser()
					x.cpu(b, func() {
						for b.Loop() {
							x.codeFlow(c, alg)
						}
					})
				})
				b.Run("refresh/"+alg, func(b *testing.B) {
					x.b = b
					c := x.browser()
					token := x.codeFlow(c, alg)["refresh_token"]
					x.cpu(b, func() {
						for b.Loop() {
							token = x.post(c, alg, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {fmt.Sprint(token)}})["refresh_token"]
						}
					})
				})
			}
			x.b = b
		})
	}
}

// postgresServer is the DSN of a superuser: of the server that make has started,
// or of one of this test's own.
func postgresServer(t testing.TB) string {
	t.Helper()
	if dsn := os.Getenv(pgtest.Env); dsn != "" {
		return dsn
	}
	s, err := pgtest.Start(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s.DSN
}
