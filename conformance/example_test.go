package conformance

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExample runs docs/examples/project.sh: a project, an application, a group and
// people over plain JSON, and a sign-in at the project's own issuer by openid-client.
func TestExample(t *testing.T) {
	secret := rand.Text() + rand.Text()
	s := start(t, "GATEWAY_ADMIN_API_SECRET="+secret)
	s.log.secret(secret)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	need(t, "node", "apt-get install nodejs", "node")
	need(t, "openid-client", installNode, filepath.Join(suite.root, "conformance", "node", "node_modules", "openid-client", "package.json"))
	cmd := exec.CommandContext(t.Context(), need(t, "bash", "apt-get install bash", "bash"), filepath.Join(suite.root, "docs", "examples", "project.sh"))
	cmd.Dir = suite.root
	cmd.Env = append(os.Environ(), "IDENTITY_URL="+s.issuer, "IDENTITY_TOKEN_FILE="+token, "PROJECT=shop",
		"CURL_CA_BUNDLE="+suite.ca.caFile, "NODE_EXTRA_CA_CERTS="+suite.ca.caFile, "NODE_NO_WARNINGS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range []string{
		"project  shop at " + s.issuer + "/p/shop", "login    jane at " + s.issuer + "/p/shop", "refused  ", "audit    user.signed_in", "audit    project.created",
	} {
		if !strings.Contains(string(out), line) {
			t.Errorf("the example does not say %q:\n%s", line, out)
		}
	}
	if strings.Contains(string(out), secret) {
		t.Error("S5-06: the example prints the secret")
	}
}
