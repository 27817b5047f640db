package conformance

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

// TestAdminClientOfTypeScript manages people through the generated client of
// proto/gen/ts, installed in a program as npm installs it.
func TestAdminClientOfTypeScript(t *testing.T) {
	secret := rand.Text() + rand.Text()
	w := start(t, "GATEWAY_ADMIN_API_SECRET="+secret)
	w.log.secret(secret)
	script := program(t)
	for _, c := range []struct {
		name, protocol string
		binary         bool
	}{{"connect", "connect", true}, {"json", "connect", false}, {"grpc", "grpc", true}} {
		t.Run(c.name, func(t *testing.T) {
			email := "jane-" + c.name + "@example.test"
			got := converse(t, newBrowser(t, w.server, person{}), script, map[string]any{
				"protocol": c.protocol, "binary": c.binary, "issuer": w.issuer, "token": secret, "project": "default", "email": email,
			})
			if id, _ := got["id"].(string); id == "" {
				t.Error("no id")
			}
			if fields, _ := got["fields"].([]any); len(fields) != 1 || fields[0] != "user.email" {
				t.Errorf("the details of the error name %v, want user.email", got["fields"])
			}
			// gRPC answers in trailers, where this field may not stand.
			if c.protocol == "connect" && got["challenge"] != `Bearer error="invalid_token"` {
				t.Errorf("WWW-Authenticate is %q", got["challenge"])
			}
		})
	}
}

// program makes a folder with the script and with what it imports, and returns the
// script.
func program(t *testing.T) string {
	t.Helper()
	node, dir := filepath.Join(suite.root, "conformance", "node"), t.TempDir()
	need(t, "connect-node", installNode, filepath.Join(node, "node_modules", "@connectrpc", "connect-node", "package.json"))
	modules := filepath.Join(dir, "node_modules")
	if err := os.CopyFS(filepath.Join(modules, "@elloloop", "identity-admin"), os.DirFS(filepath.Join(suite.root, "proto", "gen", "ts"))); err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{"@bufbuild", "@connectrpc"} {
		if err := os.Symlink(filepath.Join(node, "node_modules", scope), filepath.Join(modules, scope)); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"admin_client.mjs", "dialogue.mjs"} {
		b, err := os.ReadFile(filepath.Join(node, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "admin_client.mjs")
}
