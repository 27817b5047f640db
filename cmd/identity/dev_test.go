package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
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
