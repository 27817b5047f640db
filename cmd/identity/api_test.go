package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// shell runs commands against a running server.
type shell struct {
	t       *testing.T
	environ []string
}

func (s *shell) run(stdin string, args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, err bytes.Buffer
	code = run(s.t.Context(), args, s.environ, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// ok runs a command that has to succeed.
func (s *shell) ok(stdin string, args ...string) string {
	s.t.Helper()
	code, stdout, stderr := s.run(stdin, args...)
	if code != 0 {
		s.t.Fatalf("identity %s: exit %d\n%s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// TestCommandsOnServer runs the commands on a server: with a token of every
// source, and with every class of failure.
func TestCommandsOnServer(t *testing.T) {
	a := callers(t)
	srv := httptest.NewServer(a.handler)
	t.Cleanup(srv.Close)
	s := &shell{t, []string{"IDENTITY_SERVER=" + srv.URL, "IDENTITY_TOKEN=" + adminSecret}}

	s.ok("", "project", "create", "shop", "--name", "Shop")
	s.ok("green meadow beside the lake\n", "user", "add", "--project", "shop", "--email", "jane@example.test", "--password-stdin")
	if out := s.ok("", "user", "list", "--project", "shop", "--json"); !strings.Contains(out, `"email":"jane@example.test"`) {
		t.Errorf("user list: %s", out)
	}
	if out := s.ok("", "client", "add", "--project", "shop", "--id", "web", "--redirect-uri", "https://rp.example.test/cb"); !strings.Contains(out, adminIssuer+"/p/shop") {
		t.Errorf("client add does not tell the issuer: %s", out)
	}
	s.ok("", "client", "update", "web", "--project", "shop", "--client-name", "Web", "--sign-in", `{"second_factor":"required"}`)
	stored, err := a.p.store.Clients.Get(t.Context(), storage.In("shop"), "web")
	must(t, err)
	if stored.Name != "Web" || stored.SignIn.SecondFactor != "required" || len(stored.Secrets) != 1 {
		t.Errorf("after the update: %+v", stored)
	}
	if out := s.ok("", "audit", "list", "--project", "shop", "--json"); !strings.Contains(out, `"client.updated"`) {
		t.Errorf("audit list: %s", out)
	}

	dir := t.TempDir()
	tokenFile := filepath.Join(dir, "token")
	must(t, os.WriteFile(tokenFile, []byte(adminSecret+"\n"), 0o600))
	bare := &shell{t, []string{"IDENTITY_SERVER=" + srv.URL}}
	bare.ok("", "project", "list", "--token-file", tokenFile)
	bare.ok(adminSecret+"\n", "project", "list", "--token-file", "-")

	for name, c := range map[string]struct {
		shell *shell
		args  []string
		code  int
		text  string
	}{
		"usage":           {s, []string{"user", "list", "--nonsense"}, exitUsage, "--help"},
		"argument":        {s, []string{"user", "show"}, exitUsage, "exactly one argument, EMAIL|SUB|USERNAME"},
		"no-argument":     {s, []string{"group", "create", "editors"}, exitUsage, `takes no argument: "editors" is one`},
		"two-arguments":   {s, []string{"tenant", "member", "remove", "acme"}, exitUsage, "takes TENANT USER"},
		"command":         {s, []string{"usr", "list"}, exitUsage, `unknown command "usr" for "identity"`},
		"subcommand":      {s, []string{"user", "lst"}, exitUsage, `unknown command "lst" for "identity user"`},
		"owner":           {s, []string{"tenant", "create", "--project", "shop", "--name", "Acme"}, exitUsage, "--owner"},
		"project-of-none": {&shell{t, []string{"IDENTITY_SERVER=" + srv.URL, "IDENTITY_TOKEN=" + adminSecret}}, []string{"user", "list"}, exitUsage, "--project"},
		"invalid":         {s, []string{"user", "add", "--project", "shop", "--no-password", "--email", "none"}, exitUsage, "user.email"},
		"not-found":       {s, []string{"user", "show", "nobody", "--project", "shop"}, exitNotFound, "try: identity user list"},
		"no-project":      {s, []string{"user", "list", "--project", "nowhere"}, exitNotFound, `there is no project "nowhere"`},
		"exists":          {s, []string{"user", "add", "--project", "shop", "--no-password", "--email", "JANE@example.test"}, exitConflict, "belongs to another account"},
		"no-token":        {bare, []string{"user", "list"}, exitUsage, "a token is missing"},
		"bad-token":       {&shell{t, []string{"IDENTITY_SERVER=" + srv.URL, "IDENTITY_TOKEN=wrong"}}, []string{"user", "list"}, exitDenied, "IDENTITY_TOKEN"},
		"scope":           {&shell{t, []string{"IDENTITY_SERVER=" + srv.URL, "IDENTITY_TOKEN=" + a.callers["directory"]}}, []string{"user", "list"}, exitDenied, "identity.users:read"},
		"unreachable":     {&shell{t, []string{"IDENTITY_SERVER=http://127.0.0.1:1", "IDENTITY_TOKEN=x"}}, []string{"user", "list"}, exitUnavailable, "identity doctor"},
		"no-tls":          {&shell{t, []string{"IDENTITY_SERVER=http://login.example.test", "IDENTITY_TOKEN=x"}}, []string{"user", "list"}, exitUsage, "https alone"},
		"token-and-local": {&shell{t, nil}, []string{"user", "list", "--token-file", tokenFile}, exitUsage, "name it with --server"},
		"confirmation":    {s, []string{"user", "delete", "jane@example.test", "--project", "shop"}, exitUsage, "repeat it with --yes"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := c.shell.run("", c.args...)
			if code != c.code || !strings.Contains(stderr, c.text) || stdout != "" {
				t.Errorf("exit %d, want %d with %q\n%s%s", code, c.code, c.text, stdout, stderr)
			}
			if strings.Contains(stderr, adminSecret) {
				t.Error("S5-06: the secret is in the output")
			}
		})
	}
}

// TestCommandsAsClient gets the token with the key of a client.
func TestCommandsAsClient(t *testing.T) {
	a := administer(t)
	srv := httptest.NewServer(a.handler)
	t.Cleanup(srv.Close)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Use: "sig", Algorithm: "ES256"}}})
	must(t, err)
	must(t, a.p.store.Clients.Create(t.Context(), storage.In("default"), &storage.Client{
		ID: "ops", Name: "ops", ApplicationType: "web", GrantTypes: []string{"client_credentials"}, Scope: []string{"identity.users:read"},
		Audience: []string{adminIssuer + "/admin"}, TokenEndpointAuthMethod: "private_key_jwt", JWKS: jwks, CreatedOrder: 1,
	}, nil))
	keyFile := filepath.Join(t.TempDir(), "key.json")
	private, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: "k", Algorithm: "ES256"})
	must(t, err)
	must(t, os.WriteFile(keyFile, private, 0o600))
	s := &shell{t, []string{"IDENTITY_SERVER=" + srv.URL}}
	// The server is reached by another address than its issuer's: the assertion is
	// for the issuer, so that this client is refused, with the reason.
	code, _, stderr := s.run("", "user", "list", "--as-client", "ops", "--client-key-file", keyFile)
	if code == 0 || !strings.Contains(stderr, "invalid_client") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	must(t, os.WriteFile(keyFile, jwks, 0o600))
	code, _, stderr = s.run("", "user", "list", "--as-client", "ops", "--client-key-file", keyFile)
	if code != exitUsage || !strings.Contains(stderr, "is not a private key as JWK") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestAuditTail follows the log until it is stopped, and prints each event once.
func TestAuditTail(t *testing.T) {
	a := callers(t)
	srv := httptest.NewServer(a.handler)
	t.Cleanup(srv.Close)
	ctx, stop := context.WithCancel(t.Context())
	out, done := &lines{arrived: make(chan string, 100)}, make(chan int)
	go func() {
		done <- run(ctx, []string{"audit", "tail", "--project", "alpha", "--follow", "--interval", "100ms", "--action", "group.created", "--json"},
			[]string{"IDENTITY_SERVER=" + srv.URL, "IDENTITY_TOKEN=" + adminSecret}, strings.NewReader(""), out, out)
	}()
	for _, name := range []string{"one", "two"} {
		a.do("operator", "GroupService/CreateGroup", &adminv1.CreateGroupRequest{ProjectId: "alpha", Group: &adminv1.Group{Name: name}}, &adminv1.CreateGroupResponse{})
	}
	first, second := <-out.arrived, <-out.arrived
	if first == second || !strings.Contains(first, "group.created") {
		t.Errorf("followed:\n%s%s", first, second)
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit %d when it was stopped", code)
	}
	if len(out.arrived) != 0 {
		t.Errorf("printed again: %s", <-out.arrived)
	}
}

// lines hands over what is written, line by line.
type lines struct{ arrived chan string }

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.arrived <- string(b)
	return len(b), nil
}
