package outbound

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimits(t *testing.T) {
	resolver := names{"example.com": always(publicAddress)}
	const url = "https://example.com/"
	t.Run("S4-12/size", func(t *testing.T) {
		w := newWorld(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 65<<10))
		}, resolver)
		if _, err := w.Fetch(t.Context(), url, 64<<10); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v", err)
		}
		if body, err := w.Fetch(t.Context(), url, 65<<10); err != nil || len(body) != 65<<10 {
			t.Errorf("%d %v", len(body), err)
		}
	})
	t.Run("S4-12/size-of-all", func(t *testing.T) { // whoever reads without a limit has one
		w := newWorld(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = io.WriteString(w, strings.Repeat("x", 64<<10))
			}
		}, resolver)
		res, err := w.HTTP().Get(url)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		if !errors.Is(err, ErrTooLarge) || n > maxAnswer {
			t.Errorf("%d %v", n, err)
		}
		_ = res.Body.Close()
	})
	t.Run("S4-12/compressed", func(t *testing.T) {
		w := newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" {
				t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, strings.Repeat("x", 10<<20))
			_ = z.Close()
		}, resolver)
		if body, err := w.Fetch(t.Context(), url, 64<<10); !errors.Is(err, ErrRefused) {
			t.Errorf("%d %v", len(body), err)
		}
	})
	t.Run("S4-12/status", func(t *testing.T) {
		w := newWorld(t, Config{}, http.NotFound, resolver)
		if body, err := w.Fetch(t.Context(), url, 100); err == nil {
			t.Errorf("%q", body)
		}
	})
	t.Run("S4-12/time", func(t *testing.T) { // a body that drips does not hold us
		end := make(chan struct{})
		w := newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-end:
			case <-r.Context().Done():
			}
		}, resolver)
		defer close(end)
		w.timeout = 50 * time.Millisecond
		if _, err := w.Fetch(t.Context(), url, 100); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if timeout != 5*time.Second || New(Config{}).timeout != timeout || w.http.Timeout != timeout {
			t.Error("not 5 s")
		}
	})
	t.Run("S4-12/no-cookies-no-credentials", func(t *testing.T) {
		w := newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie")+r.Header.Get("Authorization")+r.Header.Get("Referer") != "" || r.UserAgent() != "identity" {
				t.Errorf("headers %v", r.Header)
			}
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			if r.URL.Path == "/" {
				http.Redirect(w, r, "/again", http.StatusFound)
			}
		}, resolver)
		for range 2 {
			if _, err := w.Fetch(t.Context(), url, 100); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("S4-12/no-proxy", func(t *testing.T) {
		if tr := New(Config{}).http.Transport.(*guard).next.(*http.Transport); tr.Proxy != nil {
			t.Error("a proxy may be taken from the environment")
		}
	})
}

func TestSlots(t *testing.T) {
	t.Run("S4-12/at-most-N-for-a-host", func(t *testing.T) {
		var now, most atomic.Int32
		release := make(chan struct{})
		w := newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			for n := now.Add(1); ; {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			<-release
			now.Add(-1)
			hello(w, r)
		}, names{"example.com": always(publicAddress)})
		var all sync.WaitGroup
		for range 3 * perHost {
			all.Go(func() {
				if _, err := w.Fetch(t.Context(), "https://example.com/", 100); err != nil {
					t.Error(err)
				}
			})
		}
		for range 3 * perHost {
			release <- struct{}{}
		}
		all.Wait()
		if most.Load() > perHost {
			t.Errorf("%d at once", most.Load())
		}
		if s := w.http.Transport.(*guard).slots; len(s.hosts) != 0 || len(s.all) != 0 {
			t.Errorf("slots were not given back: %v %d", s.hosts, len(s.all))
		}
	})
	t.Run("S4-12/waiting-ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSlots(1, 2)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for _, host := range []string{"a", "b"} {
				if err := s.take(ctx, host); err != nil {
					t.Fatal(err)
				}
			}
			for _, host := range []string{"a", "c"} { // no room at the host; none in all
				if err := s.take(ctx, host); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", host, err)
				}
			}
			s.give("a")
			s.give("b")
			if len(s.hosts) != 0 {
				t.Errorf("%v", s.hosts)
			}
		})
	})
}

// TestSystemRoots runs itself again: a process reads SSL_CERT_FILE once.
func TestSystemRoots(t *testing.T) {
	if url := os.Getenv("OUTBOUND_TEST_URL"); url != "" {
		if _, err := New(Config{InsecureAllowLoopback: true}).Fetch(t.Context(), url, 100); err != nil {
			t.Error(err)
		}
		return
	}
	server := httptest.NewTLSServer(http.HandlerFunc(hello))
	defer server.Close()
	file := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(file, pemOf(server.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, trusted := range []bool{true, false} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSystemRoots$")
		cmd.Env = append(os.Environ(), "OUTBOUND_TEST_URL="+server.URL, "HTTPS_PROXY=http://127.0.0.1:1", "SSL_CERT_DIR="+t.TempDir())
		if trusted {
			cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+file)
		}
		if out, err := cmd.CombinedOutput(); trusted != (err == nil) {
			t.Errorf("trusted %v: %v\n%s", trusted, err, out)
		}
	}
}

func pemOf(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
