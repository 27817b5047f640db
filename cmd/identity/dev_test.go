package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/gallery"
	"github.com/elloloop/identity/cmd/identity/inbox"
	"github.com/elloloop/identity/cmd/identity/playground"
)

// TestDevelopmentData: what a development server has opened is never served to
// the world, whatever was seeded and whatever was removed since.
func TestDevelopmentData(t *testing.T) {
	seed := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(seed, []byte("users:\n  - email: jane@example.test\n    password: a public password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ args, remove []string }{
		"S3-02/demo-removed": {nil, []string{"demo-spa", "demo-web", "demo-machine", "playground"}},
		"S3-02/seed":         {[]string{"--seed", seed}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "dev")
			env := []string{"GATEWAY_PASSWORD_ARGON2_MEMORY_KIB=19456", "GATEWAY_PASSWORD_ARGON2_TIME=2"}
			develop(t, append([]string{"dev", "--port", "0", "--print-json", "--data", folder}, tt.args...), env)

			keys, err := os.ReadFile(filepath.Join(folder, "key-encryption-key"))
			if err != nil {
				t.Fatal(err)
			}
			env = append(env, "GATEWAY_ISSUER=https://id.example.test", "GATEWAY_SQLITE_PATH="+filepath.Join(folder, "identity.db"),
				"GATEWAY_KEY_ENCRYPTION_KEYS="+strings.TrimSpace(string(keys)), "GATEWAY_LISTEN=127.0.0.1:0")
			for _, id := range tt.remove {
				_ = run(t.Context(), []string{"client", "delete", id, "--yes"}, env, nil, io.Discard, io.Discard)
			}
			var found bytes.Buffer
			if code := run(t.Context(), []string{"doctor", "--offline"}, env, nil, &found, io.Discard); code != 1 || !strings.Contains(found.String(), "was made by identity dev") {
				t.Errorf("doctor ended with %d:\n%s", code, &found)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			var said bytes.Buffer
			if code := run(ctx, []string{"serve"}, env, nil, io.Discard, &said); code != 1 || !strings.Contains(said.String(), "was made by identity dev") {
				t.Errorf("serve ended with %d:\n%s", code, &said)
			}
		})
	}
}

// develop runs a development server until it says that it is ready.
func develop(t *testing.T, args, env []string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	var said bytes.Buffer
	done := make(chan int, 1)
	go func() {
		code := run(ctx, args, env, nil, in, &said)
		_ = in.Close() // never fails
		done <- code
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	stop()
	if code := <-done; code != 0 || err != nil {
		t.Fatalf("dev ended with %d, %v:\n%s%s", code, err, line, &said)
	}
}

// TestServedWithoutDevelopment: what shows the letters of everybody, and pages with
// made-up content, is of the development server alone.
func TestServedWithoutDevelopment(t *testing.T) {
	a := administer(t)
	c, err := config.Load(config.Input{Defaults: map[string]string{"issuer": adminIssuer, "repo.driver": "memory"},
		Environ: []string{"GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}})
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	served, err := (&serving{}).handler(t.Context(), a.p, c, log)
	must(t, err)
	box := inbox.New(a.p.renderer)
	developed := a.p.handler(c, log, func(r chi.Router) {
		playground.New(playground.Config{Issuer: adminIssuer, Renderer: a.p.renderer, Now: time.Now}).Mount(r)
		box.Mount(r)
		gallery.New(a.p.renderer).Mount(r)
	})
	for _, path := range []string{"/dev/pages", "/dev/pages/identify", "/dev/pages/mail/code", "/dev/inbox", "/dev/inbox/1", "/dev/playground"} {
		a.handler = developed
		if w := a.opens(adminIssuer + path); w.Code == http.StatusNotFound {
			t.Errorf("the development server has no %s", path)
		}
		a.handler = served
		for _, below := range []string{"", "/p/alpha"} {
			if w := a.opens(adminIssuer + below + path); w.Code != http.StatusNotFound {
				t.Errorf("%s%s is served in production: %d", below, path, w.Code)
			}
		}
	}
}

// TestBanner: who starts a development server reads where its pages are, and so
// do programs.
func TestBanner(t *testing.T) {
	const issuer = "http://localhost:8099"
	banner, described := demo().banner(issuer, ".identity", false, time.Second), demo().describe(issuer)
	for name, path := range map[string]string{"playground": "/dev/playground", "inbox": "/dev/inbox", "account": "/account"} {
		if !strings.Contains(banner, issuer+path+" ") {
			t.Errorf("the banner does not name %s:\n%s", path, banner)
		}
		if described[name] != issuer+path {
			t.Errorf("%s is %v", name, described[name])
		}
	}
}
