package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

const installNode = "npm ci --prefix conformance/node"

// task is what a script of conformance/node is asked to do.
type task struct {
	Flow                  string           `json:"flow"`
	Issuer                string           `json:"issuer"`
	ClientID              string           `json:"client_id"`
	ClientSecret          string           `json:"client_secret,omitempty"`
	Method                string           `json:"method"`
	Key                   *jose.JSONWebKey `json:"key,omitempty"`
	IDTokenAlg            string           `json:"id_token_alg,omitempty"`
	RedirectURI           string           `json:"redirect_uri,omitempty"`
	PostLogoutRedirectURI string           `json:"post_logout_redirect_uri,omitempty"`
	Scope                 string           `json:"scope"`
	Email                 string           `json:"email"`
}

// converse runs a script; what it wants to have visited, the browser visits.
func converse(t *testing.T, b *browser, script string, what any) map[string]any {
	t.Helper()
	node := need(t, "node", "apt-get install nodejs", "node")
	need(t, "openid-client", installNode, filepath.Join(suite.root, "conformance", "node", "node_modules", "openid-client", "package.json"))
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Dir = filepath.Join(suite.root, "conformance", "node")
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+suite.ca.caFile, "NODE_NO_WARNINGS=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	say := func(v any) {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stdin, string(line)+"\n"); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, stderr.String())
		}
	}
	say(what)
	var end struct {
		Visit   string
		Result  map[string]any
		Failure string
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		end.Visit = ""
		if err := json.Unmarshal(lines.Bytes(), &end); err != nil {
			t.Fatalf("%s said %q: %v", script, lines.Text(), err)
		}
		if end.Visit == "" {
			break
		}
		p := b.finish(b.get(end.Visit))
		if p.callback == nil {
			t.Fatalf("%s %d: the client gets nothing: %s", p.url.Path, p.status, p.text())
		}
		b.server.log.secret(p.callback.Query().Get("code"))
		say(map[string]string{"callback": p.callback.String()})
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.String())
	}
	if end.Failure != "" || end.Result == nil {
		t.Fatalf("%s: %s\n%s", script, end.Failure, stderr.String())
	}
	return end.Result
}

// TestOpenIDClient logs in through openid-client for node.
func TestOpenIDClient(t *testing.T) {
	for _, c := range []struct {
		name, flow string
		client     func(*world) client
		alg        string
	}{
		{"code/client_secret_basic", "code", func(w *world) client { return w.web }, ""},
		{"code/client_secret_post", "code", func(w *world) client { return w.other }, ""},
		{"code/client_secret_jwt", "code", func(w *world) client { return w.hashed }, ""},
		{"code/private_key_jwt", "code", func(w *world) client { return w.signed }, ""},
		{"code/none", "code", func(w *world) client { return w.spa }, ""},
		{"code/ES256", "code", func(w *world) client { return w.es256 }, "ES256"},
		{"code/opaque", "code", func(w *world) client { return w.opaque }, ""},
		{"client_credentials", "client_credentials", func(w *world) client { return w.machine }, ""},
		{"refused", "refused", func(w *world) client { return w.web }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			who := c.client(w)
			what := task{
				Flow: c.flow, Issuer: w.issuer, ClientID: who.ID, ClientSecret: who.Secret, Method: who.method, IDTokenAlg: c.alg,
				RedirectURI: who.redirect, Scope: "openid profile email", Email: w.alice.email,
			}
			if who.ID == w.web.ID {
				what.PostLogoutRedirectURI = loggedOut
			}
			if who.ID == w.other.ID { // the library takes the callback's query off to get the redirect URI
				what.RedirectURI = plainRedirect
			}
			if who.key != nil {
				what.Key = &jose.JSONWebKey{Key: who.key, KeyID: "one", Algorithm: "ES256"}
			}
			got := converse(t, member(t, w), "openid_client.mjs", what)
			if sub := got["sub"]; c.flow == "code" && sub != w.alice.sub {
				t.Errorf("sub is %v, want %s", sub, w.alice.sub)
			}
		})
	}
}
