package templates

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var locales = [...]string{"en", "de"}

// variants are the samples, and each of them once more with and without a
// problem, so that both branches of every page are drawn.
func variants() []Sample {
	var out []Sample
	for _, s := range Samples() {
		out = append(out, s)
		other := Sample{Name: s.Name + "/turned", Page: s.Page}
		if s.Page.Problem != nil {
			other.Page.Problem = nil
		} else {
			other.Page.Problem = &Problem{Message: "problem.busy_try_again"}
		}
		out = append(out, other)
	}
	return out
}

func TestEveryPage(t *testing.T) {
	r := newRenderer(t, Config{Brand: Brand{HelpURI: "mailto:help@example.com"}})
	for _, locale := range locales {
		for _, s := range variants() {
			t.Run(s.Name+"/"+locale, func(t *testing.T) {
				tree := parsed(t, r, s.Page, locale)
				checkFrame(t, tree, locale)
				checkReferences(t, tree)
				checkControls(t, tree)
				checkForms(t, tree, s.Page)
				checkNothingInline(t, tree)
				checkProblem(t, tree, s.Page.Problem)
			})
		}
	}
}

func checkFrame(t *testing.T, tree *html.Node, locale string) {
	t.Helper()
	root := elements(tree, "html")[0]
	if value(root, "lang") != locale || value(root, "dir") != "ltr" {
		t.Errorf("html lang=%q dir=%q, want %s ltr", value(root, "lang"), value(root, "dir"), locale)
	}
	if n := elements(tree, "title"); len(n) != 1 || text(n[0]) == "" {
		t.Error("want one title with a text")
	}
	for _, name := range []string{"main", "h1"} {
		if n := elements(tree, name); len(n) != 1 {
			t.Errorf("%d elements %s, want 1", len(n), name)
		}
	}
	for _, n := range elements(tree, "img") {
		if _, ok := attr(n, "alt"); !ok {
			t.Error("an image without alt")
		}
	}
	if body := text(elements(tree, "body")[0]); strings.Contains(body, "<no value>") || strings.Contains(body, "%!") {
		t.Errorf("a value is missing: %s", body)
	}
}

// checkReferences holds that every id that is named exists.
func checkReferences(t *testing.T, tree *html.Node) {
	t.Helper()
	known := ids(t, tree)
	for _, n := range elements(tree) {
		for _, name := range []string{"for", "aria-describedby", "aria-labelledby", "aria-controls", "data-copy", "data-reveal"} {
			for _, id := range strings.Fields(value(n, name)) {
				if known[id] == nil {
					t.Errorf("<%s %s=%q>: there is no such id", n.Data, name, id)
				}
			}
		}
		if id, ok := strings.CutPrefix(value(n, "href"), "#"); ok && known[id] == nil {
			t.Errorf("<%s href=%q>: there is no such id", n.Data, value(n, "href"))
		}
	}
}

// checkControls holds that everything that can be used has a name
// (WCAG 2.2 §4.1.2, §3.3.2).
func checkControls(t *testing.T, tree *html.Node) {
	t.Helper()
	labelled := map[string]bool{}
	for _, l := range elements(tree, "label") {
		if text(l) == "" {
			t.Error("a label without text")
		}
		labelled[value(l, "for")] = true
	}
	for _, n := range elements(tree, "input", "select", "textarea") {
		if value(n, "type") == "hidden" || labelled[value(n, "id")] {
			continue
		}
		if n.Parent.Data != "label" {
			t.Errorf("<%s name=%q> has no label", n.Data, value(n, "name"))
		}
	}
	for _, n := range elements(tree, "button", "a") {
		if text(n) == "" && value(n, "aria-label") == "" {
			t.Errorf("<%s> has no name", n.Data)
		}
	}
}

func checkForms(t *testing.T, tree *html.Node, p Page) {
	t.Helper()
	for _, f := range elements(tree, "form") {
		if a := value(f, "action"); a != p.Action && !(p.Name == "identify" && strings.HasPrefix(a, p.Action+"/")) || !strings.EqualFold(value(f, "method"), "post") {
			t.Errorf("form %s to %q, want post to %q", value(f, "method"), value(f, "action"), p.Action)
		}
		if !slices.ContainsFunc(elements(f, "button"), func(b *html.Node) bool { return value(b, "type") != "button" }) {
			// OIDC pages must be usable without script.
			if len(elements(f, "a")) == 0 {
				t.Error("a form without a button that sends it")
			}
		}
	}
}

// checkNothingInline holds that the page needs no exception from its policy.
func checkNothingInline(t *testing.T, tree *html.Node) {
	t.Helper()
	for _, n := range elements(tree) {
		switch n.Data {
		case "iframe":
			// OIDC Front-Channel Logout §3: the one page that has frames.
			if s := scheme(value(n, "src")); value(elements(tree, "body")[0], "class") != "page-frontchannel" || s != "https" && s != "http" && s != "" {
				t.Errorf("<iframe src=%q> on a page", value(n, "src"))
			}
		case "style", "object", "embed", "base", "frame", "template":
			t.Errorf("<%s> on a page", n.Data)
		case "script":
			if !strings.HasPrefix(value(n, "src"), "/static/") || n.FirstChild != nil {
				t.Error("a script that is not a file of ours")
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "http-equiv" {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

func checkProblem(t *testing.T, tree *html.Node, p *Problem) {
	t.Helper()
	summary := ids(t, tree)["problem"]
	title := text(elements(tree, "title")[0])
	marked := strings.HasPrefix(title, "Error: ") || strings.HasPrefix(title, "Fehler: ")
	if p == nil {
		if summary != nil || marked {
			t.Error("a problem is shown where there is none")
		}
		return
	}
	if summary == nil || value(summary, "role") != "alert" || text(summary) == "" || !marked {
		t.Fatal("the problem is not announced")
	}
	for _, n := range elements(tree, "input") {
		wrong := p.Field != "" && value(n, "name") == p.Field
		if got := value(n, "aria-invalid") == "true"; got != wrong {
			t.Errorf("input %s: aria-invalid %v, want %v", value(n, "name"), got, wrong)
		}
		if wrong && !slices.Contains(strings.Fields(value(n, "aria-describedby")), "problem") {
			t.Errorf("input %s is not described by the problem", value(n, "name"))
		}
	}
}

// WCAG 2.2 §2.4.2: a title tells one page from the other.
func TestTitlesAreUnique(t *testing.T) {
	r := newRenderer(t, Config{})
	for _, locale := range locales {
		seen := map[string]string{}
		for _, s := range Samples() {
			s.Page.Problem = nil
			title := text(elements(parsed(t, r, s.Page, locale), "title")[0])
			if other, ok := seen[title]; ok && other != s.Page.Name {
				t.Errorf("%s: %s and %s have the title %q", locale, other, s.Page.Name, title)
			}
			seen[title] = s.Page.Name
		}
	}
}

// The names that password managers and the flows rely on.
func TestFormFields(t *testing.T) {
	r := newRenderer(t, Config{})
	fields := map[string]map[string]string{ // page → input → autocomplete
		"identify":          {"identifier": "username webauthn"},
		"identify-password": {"identifier": "username webauthn", "password": "current-password"},
		"password":          {"identifier": "username", "password": "current-password"},
		"register":          {"email": "username", "name": "name", "password": "new-password"},
	}
	buttons := map[string]map[string][]string{
		"consent":       {"decision": {"allow", "deny"}},
		"selectaccount": {"account": {"1", "2", "other"}},
		"logout":        {"decision": {"logout", "stay"}},
	}
	for _, s := range Samples() {
		tree := parsed(t, r, s.Page, "en")
		got := map[string]string{}
		for _, n := range elements(tree, "input") {
			got[value(n, "name")] = value(n, "autocomplete")
		}
		for name, token := range fields[s.Name] {
			if v, ok := got[name]; !ok || v != token {
				t.Errorf("%s: input %s autocomplete=%q, want %q", s.Name, name, v, token)
			}
		}
		chosen := map[string][]string{}
		for _, n := range elements(tree, "button") {
			chosen[value(n, "name")] = append(chosen[value(n, "name")], value(n, "value"))
		}
		for name, values := range buttons[s.Name] {
			if !slices.Equal(chosen[name], values) {
				t.Errorf("%s: buttons %s send %q, want %q", s.Name, name, chosen[name], values)
			}
		}
	}
}

// OIDC Dynamic Client Registration §2: logo_uri, policy_uri and tos_uri are
// there to be shown to the person before they sign in.
func TestClientIsShown(t *testing.T) {
	r := newRenderer(t, Config{})
	for _, s := range Samples() {
		switch s.Page.Name {
		case "identify", "password", "register", "consent", "selectaccount":
		default:
			continue
		}
		c := s.Page.Client
		w := rendered(t, r, s.Page, "en")
		tree, err := html.Parse(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if body := text(elements(tree, "main")[0]); !strings.Contains(body, c.Name) {
			t.Errorf("%s: the client's name is not shown", s.Name)
		}
		var images, links []string
		for _, n := range elements(tree, "img") {
			images = append(images, value(n, "src"))
		}
		for _, n := range elements(tree, "a") {
			links = append(links, value(n, "href"))
		}
		if !slices.Contains(images, c.LogoURI) || !slices.Contains(links, c.PolicyURI) || !slices.Contains(links, c.TOSURI) {
			t.Errorf("%s: images %q, links %q: want logo, policy and terms of %+v", s.Name, images, links, c)
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "img-src 'self' https://notes.example.com;") {
			t.Errorf("%s: the policy does not let the logo in", s.Name)
		}
	}
}

// Links and images that a client has no business with are not on the page.
func TestClientMetadataIsChecked(t *testing.T) {
	r := newRenderer(t, Config{})
	for _, bad := range []string{"javascript:alert(1)", "data:text/html,x", "mailto:a@a.example", "//a.example/", "https://bank.example@evil.example/", "ftp://a.example/"} {
		for _, s := range Samples() {
			if s.Page.Client == nil {
				continue
			}
			s.Page.Client = &Client{ID: "demo", Name: "Demo", URI: bad, LogoURI: bad, PolicyURI: bad, TOSURI: bad}
			w := rendered(t, r, s.Page, "en")
			if strings.Contains(w.Body.String(), "ZgotmplZ") || strings.Contains(w.Body.String(), bad) {
				t.Errorf("S1-11/client-metadata: %s: %q is on the page", s.Name, bad)
			}
			if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self';") {
				t.Errorf("S1-11/client-metadata: %s: %q widens the policy: %s", s.Name, bad, csp)
			}
		}
	}
}

// What an operator's files are tried with at the start goes through with ours.
func TestBuiltInFiles(t *testing.T) {
	if err := newRenderer(t, Config{}).loaded.Load().tryAll(); err != nil {
		t.Error(err)
	}
}
