package conformance

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// planFile is a plan configuration of the suite.
type planFile struct {
	Alias   string                        `json:"alias"`
	Server  struct{ DiscoveryURL string } `json:"server"`
	Client  struct{ ClientID, ClientSecret string }
	Browser []browserSteps `json:"browser"`

	Override map[string]struct {
		Browser []browserSteps `json:"browser"`
	} `json:"override"`
}

// browserSteps are what the suite's browser does at addresses that match.
type browserSteps struct {
	Match string `json:"match"`
	Tasks []struct {
		Task     string  `json:"task"`
		Optional bool    `json:"optional"`
		Match    string  `json:"match"`
		Commands [][]any `json:"commands"`
	} `json:"tasks"`
}

func planFiles(t *testing.T, issuer string) map[string]planFile {
	t.Helper()
	files, err := filepath.Glob("openid/oidcc-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plan configurations: %v", err)
	}
	out := map[string]planFile{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f planFile
		text := strings.NewReplacer("https://identity.local:9443", issuer, `"client_id"`, `"clientid"`, `"client_secret"`, `"clientsecret"`).Replace(string(raw))
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[filepath.Base(file)] = f
	}
	return out
}

// matches says whether an address matches a pattern of the suite: * stands for
// anything.
func matches(pattern, address string) bool {
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(address)
}

// walk does what the configuration says until the browser is at the client, or at a
// page that the suite looks at.
func (b *browser) walk(steps []browserSteps, at string) *page {
	b.t.Helper()
	i := slices.IndexFunc(steps, func(s browserSteps) bool { return matches(s.Match, at) })
	if i < 0 {
		b.t.Fatalf("no steps for %s", strings.SplitN(at, "?", 2)[0])
	}
	p := b.get(at)
	for _, task := range steps[i].Tasks {
		here := p.url.String()
		if p.callback != nil {
			here = p.callback.String()
		}
		if !matches(task.Match, here) {
			if !task.Optional {
				b.t.Fatalf("%s: the browser is at %s, want %s", task.Task, strings.SplitN(here, "?", 2)[0], task.Match)
			}
			continue
		}
		p = b.commands(p, task.Task, task.Commands)
	}
	return p
}

func (b *browser) commands(p *page, task string, commands [][]any) *page {
	b.t.Helper()
	typed := map[string]string{}
	for _, c := range commands {
		word, kind, target := c[0].(string), c[1].(string), c[2].(string)
		if p.callback != nil { // a page of the suite
			continue
		}
		n := p.element(kind, target)
		if n == nil {
			b.t.Fatalf("%s: there is no element with the %s %q on %s: %s", task, kind, target, p.url.Path, p.text())
		}
		switch word {
		case "text":
			typed[attr(n, "name")] = c[3].(string)
		case "click":
			for _, f := range p.forms {
				for name := range typed {
					if !f.has(name) {
						b.t.Fatalf("%s: no field %s", task, name)
					}
				}
				if attr(n, "name") == "" || f.offers(attr(n, "name"), attr(n, "value")) {
					p = b.submit(f, typed, attr(n, "name"), attr(n, "value"))
					break
				}
			}
		case "wait":
			if len(c) > 4 && !regexp.MustCompile(c[4].(string)).MatchString(textOf(n)) {
				b.t.Errorf("%s: %q is not what the page says: %s", task, c[4], textOf(n))
			}
		default:
			b.t.Fatalf("%s: command %q", task, word)
		}
	}
	return p
}

// element finds an element as the suite's browser does, by the few selectors that
// the configurations have.
func (p *page) element(kind, target string) *html.Node {
	selector := regexp.MustCompile(`^(?:[a-z]+\.?[a-z]* )?([a-z]+)(?:\.([a-z]+))?(?:\[name='([a-z]+)'\]\[value='([a-z]+)'\])?$`)
	m := selector.FindStringSubmatch(target)
	for n := range p.doc.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case kind == "id" && attr(n, "id") == target:
			return n
		case kind == "css" && m != nil && n.Data == m[1] && (m[2] == "" || slices.Contains(strings.Fields(attr(n, "class")), m[2])) &&
			(m[3] == "" || attr(n, "name") == m[3] && attr(n, "value") == m[4]):
			return n
		}
	}
	return nil
}

// TestPlanConfigurations: what conformance/openid says is there, module by module.
func TestPlanConfigurations(t *testing.T) {
	var names []string
	for _, p := range plans() {
		for _, m := range p.modules {
			names = append(names, m.name)
		}
	}
	for file, f := range planFiles(t, "https://identity.local:9443") {
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
	if err := s.ready(60 * time.Second); err != nil {
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

// TestConformanceServer: the provider of `make conformance-server` is what the
// configurations expect. Its static clients sign in by the steps of the suite's
// browser, and then a plan runs with clients that register themselves.
func TestConformanceServer(t *testing.T) {
	w := startConformanceServer(t)
	files := planFiles(t, w.issuer)
	static := files["oidcc-core-static-clients.json"]
	t.Run("static", func(t *testing.T) {
		for _, responseType := range []string{"code", "id_token", "code id_token token"} {
			b := newBrowser(t, w.server, w.alice)
			c := registered{members: map[string]any{"id_token_signed_response_alg": "RS256"}}
			c.ID, c.Secret, c.method, c.redirect = static.Client.ClientID, static.Client.ClientSecret, "client_secret_basic", "https://rp.example.test/test/a/identity/callback"
			s := &moduleRun{T: t, w: w, variant: variant{responseType, ""}, browser: b}
			r := s.authorization(c, "scope", "openid profile")
			l := s.complete(c, r, b.walk(static.Browser, w.authorizeURL(r)))
			if l.sub() == "" {
				t.Error("no sub")
			}
			bad := r
			bad.Values = url.Values{"client_id": {c.ID}, "redirect_uri": {"https://rp.example.test/other"}, "response_type": {responseType}, "scope": {"openid"}}
			b.walk(static.Override["oidcc-ensure-registered-redirect-uri"].Browser, w.authorizeURL(bad))
			if responseType == "code" {
				again := s.authorization(c, "prompt", "login")
				s.complete(c, again, b.walk(static.Override["oidcc-prompt-login"].Browser[1:], w.authorizeURL(again)))
				out := files["oidcc-rp-initiated-logout.json"]
				b.walk(out.Override["oidcc-rp-initiated-logout-no-params"].Browser, w.issuer+"/end_session")
			}
		}
	})
	for _, member := range []string{"logo", "policy", "tos"} {
		t.Run(member+"_uri", func(t *testing.T) {
			s := &moduleRun{T: t, w: w, variant: variant{"code", ""}, browser: newBrowser(t, w.server, w.alice)}
			c := s.register(map[string]any{member + "_uri": "https://rp.example.test/" + member})
			s.browser.walk(files["oidcc-dynamic.json"].Override["oidcc-registration-"+member+"-uri"].Browser, w.authorizeURL(s.authorization(c)))
		})
	}
	runPlans(t, w, []plan{basicPlan(), configPlan()}, nil)
}
