package conformance

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// planFile is a plan configuration of the suite.
type planFile struct {
	Alias   string                        `json:"alias"`
	Server  struct{ DiscoveryURL string } `json:"server"`
	Client  fileClient                    `json:"client"`
	Second  fileClient                    `json:"client2"`
	Post    fileClient                    `json:"client_secret_post"`
	Browser []browserSteps                `json:"browser"`

	Override map[string]struct {
		Browser []browserSteps `json:"browser"`
	} `json:"override"`
}

type fileClient struct{ ClientID, ClientSecret string }

// staticClients is the configuration with clients that are there already.
const staticClients = "core-static-clients"

// browserSteps are what the suite's browser does at addresses that match.
type browserSteps struct {
	Match string `json:"match"`
	Limit *int   `json:"match-limit"` // how often, from the first address on; nil: always
	Tasks []struct {
		Task     string  `json:"task"`
		Optional bool    `json:"optional"`
		Match    string  `json:"match"`
		Commands [][]any `json:"commands"`
	} `json:"tasks"`
}

// planFileOf names the configuration that a plan is run with.
var planFileOf = map[string]string{
	"config": "config", "dynamic": "dynamic", "3rdparty-init-login": "3rdparty-init-login", "rp-initiated-logout": "rp-initiated-logout",
	"session-management": "session-management", "frontchannel-rp-initiated-logout": "frontchannel-logout",
	"backchannel-rp-initiated-logout": "backchannel-logout",
}

func readPlanFile(t *testing.T, name, issuer string) planFile {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("openid", "oidcc-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var f planFile
	text := strings.NewReplacer("https://identity.local:9443", issuer, `"client_id"`, `"clientid"`, `"client_secret"`, `"clientsecret"`).Replace(string(raw))
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

// scriptOf is what the suite's browser does in a module of a plan.
func (p plan) scriptOf(t *testing.T, module, issuer string) []browserSteps {
	t.Helper()
	name := cmp.Or(p.file, planFileOf[strings.TrimSuffix(strings.TrimPrefix(p.name, "oidcc-"), "-certification-test-plan")], "core-dynamic-clients")
	f := readPlanFile(t, name, issuer)
	if o, there := f.Override[module]; there {
		return o.Browser
	}
	return f.Browser
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

// visit does what the configuration says, from an address on, until there is
// nothing more to do.
func (s *moduleRun) visit(address string) *page {
	s.Helper()
	return s.walk(address, func() *page { return s.browser.get(address) })
}

// visitSeen is visit where the suite wants to see a page: the steps have to fill
// its placeholder, and may not do so anywhere else.
func (s *moduleRun) visitSeen(address string) *page {
	s.Helper()
	s.placeholder = true
	p := s.visit(address)
	if s.placeholder {
		s.Errorf("nothing fills the placeholder: the module would wait for a person")
	}
	s.placeholder = false
	return p
}

func (s *moduleRun) walk(address string, open func() *page) *page {
	s.Helper()
	i := slices.IndexFunc(s.script, func(x browserSteps) bool { return matches(x.Match, address) && (x.Limit == nil || *x.Limit > 0) })
	if i < 0 {
		s.Fatalf("no steps for %s: the suite would wait for a person", strings.SplitN(address, "?", 2)[0])
	}
	if s.script[i].Limit != nil {
		*s.script[i].Limit--
	}
	p := open()
	for _, task := range s.script[i].Tasks {
		if here := s.at(p); !matches(task.Match, here) {
			if !task.Optional {
				s.Fatalf("%s: the browser is at %s, want %s: %s", task.Task, strings.SplitN(here, "?", 2)[0], task.Match, p.text())
			}
			continue
		}
		typed := map[string]string{}
		for _, c := range task.Commands {
			p = s.command(p, task.Task, c, typed)
		}
	}
	return p
}

// at is where the browser is once the page has done what it does by itself: it posts
// a form to the client, or goes on to it.
func (s *moduleRun) at(p *page) string {
	if p.callback != nil {
		return p.callback.String()
	}
	for _, f := range p.forms {
		if f.action.Scheme+"://"+f.action.Host != s.w.issuer {
			return f.action.String()
		}
	}
	if _, next, ok := strings.Cut(p.header.Get("Refresh"), "; url="); ok {
		return next
	}
	return p.url.String()
}

// command does one command as the suite's browser does: an element that is not there,
// or cannot be typed into, ends the module.
func (s *moduleRun) command(p *page, task string, c []any, typed map[string]string) *page {
	s.Helper()
	word, kind, target := c[0].(string), c[1].(string), c[2].(string)
	here := s.at(p)
	if word == "wait" && (kind == "contains" || kind == "match") {
		if kind == "contains" && !strings.Contains(here, target) || kind == "match" && !regexp.MustCompile(target).MatchString(here) {
			s.Fatalf("%s: the browser stays at %s: %s", task, strings.SplitN(here, "?", 2)[0], p.text())
		}
		return p
	}
	if !strings.HasPrefix(here, s.w.issuer+"/") { // a page of the suite; only that of the callback has an element to wait for
		if u, err := url.Parse(here); err != nil || word != "wait" || target != "submission_complete" || !strings.HasSuffix(u.Path, "/callback") {
			s.Fatalf("%s: %s %s %q at %s", task, word, kind, target, strings.SplitN(here, "?", 2)[0])
		}
		return p
	}
	n := p.element(kind, target)
	if optional, _ := c[len(c)-1].(string); n == nil && optional == "optional" {
		return p
	}
	if n == nil {
		s.Fatalf("%s: there is no element with the %s %q on %s: %s", task, kind, target, p.url.Path, p.text())
	}
	switch word {
	case "text":
		if name := attr(n, "name"); hasAttr(n, "readonly") || attr(n, "type") == "hidden" {
			s.Fatalf("%s: %s cannot be typed into", task, name)
		} else {
			s.browser.asked = append(s.browser.asked, name)
			typed[name] = s.typed(c[3].(string))
		}
	case "click":
		f := p.forms[p.formOf(n)]
		if attr(n, "value") == "allow" {
			s.browser.asked = append(s.browser.asked, "consent")
		}
		return s.browser.submit(f, typed, attr(n, "name"), attr(n, "value"))
	case "wait":
		if len(c) > 4 && !regexp.MustCompile(c[4].(string)).MatchString(textOf(n)) {
			s.Errorf("%s: %q is not what the page says: %s", task, c[4], textOf(n))
		}
		if len(c) > 5 {
			if !s.placeholder {
				s.Errorf("%s: no placeholder waits for a page here", task)
			}
			s.placeholder = false
		}
	default:
		s.Fatalf("%s: command %q", task, word)
	}
	return p
}

// standing returns a client of the configuration: one for another method of
// authentication, or else the first, and then the second.
func (s *moduleRun) standing(change map[string]any) registered {
	s.Helper()
	f := readPlanFile(s.T, staticClients, s.w.issuer)
	from, c := f.Client, registered{members: map[string]any{"id_token_signed_response_alg": "RS256"}}
	c.method, c.redirect = "client_secret_basic", "https://rp.example.test/test/a/identity/callback"
	switch {
	case change["token_endpoint_auth_method"] == "client_secret_post":
		from, c.method = f.Post, "client_secret_post"
	case s.taken:
		from = f.Second
	}
	s.taken = true
	c.ID, c.Secret = from.ClientID, from.ClientSecret
	return c
}

// typed is what is typed: the person of the configurations is here another one.
func (s *moduleRun) typed(text string) string {
	switch text {
	case "alice@example.test":
		return s.w.alice.email
	case "alice-conformance-password":
		return s.w.alice.password
	}
	return text
}

// formOf is the index of the form that an element stands in.
func (p *page) formOf(n *html.Node) int {
	for n != nil && n.DataAtom != atom.Form {
		n = n.Parent
	}
	i := 0
	for c := range p.doc.Descendants() {
		if c == n {
			return i
		}
		if c.DataAtom == atom.Form {
			i++
		}
	}
	return -1
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

// endSession opens the end session endpoint with these parameters.
func (s *moduleRun) endSession(visit func(string) *page, pairs ...string) *page {
	s.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return visit(s.w.issuer + "/end_session?" + v.Encode())
}

// refused wants an error page that the suite sees, and no way to the client.
func (s *moduleRun) errorPage(r request) {
	s.Helper()
	s.browser.errorPage(s.visitSeen(s.w.authorizeURL(r)), http.StatusBadRequest)
}
