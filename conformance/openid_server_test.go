package conformance

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPlanConfigurations: what conformance/openid says is there, module by module.
func TestPlanConfigurations(t *testing.T) {
	var names []string
	for _, p := range plans() {
		for _, m := range p.modules {
			names = append(names, m.name)
		}
	}
	files, err := filepath.Glob("openid/oidcc-*.json")
	if err != nil || len(files) != 9 {
		t.Fatalf("%d plan configurations: %v", len(files), err)
	}
	for _, file := range files {
		f := readPlanFile(t, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "oidcc-"), ".json"), "https://identity.local:9443")
		if f.Alias != "identity" || f.Server.DiscoveryURL != "https://identity.local:9443/.well-known/openid-configuration" {
			t.Errorf("%s: alias %q, discoveryUrl %q", file, f.Alias, f.Server.DiscoveryURL)
		}
		for name := range f.Override {
			if !slices.Contains(names, name) {
				t.Errorf("%s: there is no module %s", file, name)
			}
		}
	}
}

// startConformanceServer runs what `make conformance-server` runs, on a free port.
func startConformanceServer(t *testing.T) *openidWorld {
	t.Helper()
	need(t, "openssl", "apt-get install openssl", "openssl")
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &server{issuer: fmt.Sprintf("https://localhost:%d", port), dir: dir, log: new(logged)}
	cmd := exec.Command("bash", filepath.Join(suite.root, ".ci", "conformance-server"))
	cmd.Env = append(os.Environ(), "HOST=localhost", fmt.Sprintf("PORT=%d", port), "DIR="+dir, "BIN="+suite.binary, "SUITE_CA="+suite.ca.caFile,
		"SUITE=https://rp.example.test")
	cmd.Dir = suite.root
	if err := s.launch(cmd); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	trusted := func(c *http.Client) *http.Client {
		c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
		return c
	}
	eventually(t, "the authority is made", func() bool {
		ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		return err == nil && pool.AppendCertsFromPEM(ca)
	})
	s.trust = trusted
	s.http = trusted(newHTTPClient())
	if err := s.ready(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	watch(t, s)
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	who := person{email: "alice@example.test", password: "alice-conformance-password"}
	return &openidWorld{world: &world{server: s, alice: who}, site: newSite(t)}
}

// notStatic are the modules that the suite leaves out where clients do not register
// themselves.
var notStatic = []string{
	"oidcc-idtoken-signature", "oidcc-idtoken-unsigned",
	"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
}

// TestConformanceServer: the provider of `make conformance-server` is what the
// configurations expect. Its static clients run a plan by the steps of the suite's
// browser, and then plans run with clients that register themselves.
func TestConformanceServer(t *testing.T) {
	w := startConformanceServer(t)
	static := basicPlan()
	static.file = staticClients
	static.modules = slices.DeleteFunc(static.modules, func(m module) bool { return slices.Contains(notStatic, m.name) })
	t.Run("static", func(t *testing.T) { runPlans(t, w, []plan{static}, nil) })
	shown := dynamicPlan()
	shown.variants = shown.variants[:1]
	shown.modules = slices.DeleteFunc(shown.modules, func(m module) bool { return !strings.HasPrefix(m.name, "oidcc-registration-") })
	runPlans(t, w, []plan{configPlan(), shown, rpInitiatedLogoutPlan()}, nil)
}
