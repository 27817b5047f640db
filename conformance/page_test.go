package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page is what a browser shows after it followed every redirect, or the callback
// of the client that it was sent to.
type page struct {
	url      *url.URL
	status   int
	header   http.Header
	body     []byte
	doc      *html.Node
	forms    []form
	callback *url.URL // of a client: not fetched
}

// form is an HTML form as a browser without script would send it.
type form struct {
	action  *url.URL
	method  string
	values  url.Values
	fields  map[string]field
	buttons []button
}

type field struct{ kind, autocomplete string }

type button struct{ name, value, label string }

// has says whether a person can fill the field in.
func (f form) has(name string) bool {
	x, ok := f.fields[name]
	return ok && x.kind != "hidden"
}

// offers says whether the form has a button with this name and value.
func (f form) offers(name, value string) bool {
	return slices.ContainsFunc(f.buttons, func(b button) bool { return b.name == name && b.value == value })
}

func parsePage(at *url.URL, resp *http.Response, body []byte) (*page, error) {
	p := &page{url: at, status: resp.StatusCode, header: resp.Header, body: body}
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	p.doc = doc
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Form {
			p.forms = append(p.forms, parseForm(at, n))
		}
	}
	return p, nil
}

func parseForm(at *url.URL, n *html.Node) form {
	f := form{action: at, method: strings.ToUpper(attr(n, "method")), values: url.Values{}, fields: map[string]field{}}
	if a := attr(n, "action"); a != "" {
		if u, err := at.Parse(a); err == nil {
			f.action = u
		}
	}
	for c := range n.Descendants() {
		name := attr(c, "name")
		switch c.DataAtom {
		case atom.Input:
			kind := strings.ToLower(attr(c, "type"))
			switch {
			case kind == "submit":
				f.buttons = append(f.buttons, button{name, attr(c, "value"), attr(c, "value")})
				continue
			case name == "" || (kind == "checkbox" || kind == "radio") && !hasAttr(c, "checked"):
				continue
			}
			f.values.Add(name, attr(c, "value"))
			f.fields[name] = field{kind, attr(c, "autocomplete")}
		case atom.Button:
			if kind := attr(c, "type"); kind == "" || kind == "submit" {
				f.buttons = append(f.buttons, button{name, attr(c, "value"), strings.TrimSpace(textOf(c))})
			}
		default: // nothing to fill in
		}
	}
	return f
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.DataAtom != atom.Script && c.Parent.DataAtom != atom.Style {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// text is what a person reads.
func (p *page) text() string {
	if p.doc == nil {
		return string(p.body)
	}
	return textOf(p.doc)
}

// attributes returns the values of an attribute of all elements of this name.
func (p *page) attributes(element, name string) []string {
	var out []string
	if p.doc == nil {
		return nil
	}
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == element {
			out = append(out, attr(n, name))
		}
	}
	return out
}

// form returns the first form with a field, or a button, of this name.
func (p *page) form(name string) (form, bool) {
	for _, f := range p.forms {
		if _, ok := f.fields[name]; ok || slices.ContainsFunc(f.buttons, func(b button) bool { return b.name == name }) {
			return f, true
		}
	}
	return form{}, false
}

var directive = regexp.MustCompile(`(?i)frame-ancestors\s+'none'`)

// wrongs are the rules that every page of the provider obeys, whatever it is for:
// no framing (S1-10), nothing in caches or the Referer (S1-08), no inline code but
// what the policy names by hash (S1-11, S1-13).
func (p *page) wrongs() []string {
	var out []string
	want := func(ok bool, what string) {
		if !ok {
			out = append(out, p.url.Path+": "+what)
		}
	}
	h := p.header
	csp := h.Get("Content-Security-Policy")
	want(directive.MatchString(csp), "S1-10: Content-Security-Policy without frame-ancestors 'none': "+csp)
	want(h.Get("X-Frame-Options") == "DENY", "S1-10: X-Frame-Options is "+h.Get("X-Frame-Options"))
	want(strings.Contains(csp, "default-src 'none'"), "S1-11: Content-Security-Policy without default-src 'none': "+csp)
	want(!strings.Contains(csp, "unsafe-"), "S1-11: Content-Security-Policy allows "+csp)
	want(strings.Contains(h.Get("Cache-Control"), "no-store"), "S1-08: Cache-Control is "+h.Get("Cache-Control"))
	want(h.Get("Referrer-Policy") == "no-referrer", "S1-08: Referrer-Policy is "+h.Get("Referrer-Policy"))
	want(h.Get("X-Content-Type-Options") == "nosniff", "X-Content-Type-Options is "+h.Get("X-Content-Type-Options"))
	want(strings.HasPrefix(h.Get("Content-Type"), "text/html"), "Content-Type is "+h.Get("Content-Type"))
	title, lang := "", ""
	for n := range p.doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			want(!strings.HasPrefix(a.Key, "on"), "S1-11: an inline handler "+a.Key)
			want(a.Key != "style", "S1-11: an inline style")
			if a.Key == "href" || a.Key == "src" || a.Key == "action" {
				want(!strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:"), "S1-11: "+a.Key+" is javascript:")
			}
		}
		switch n.DataAtom {
		case atom.Html:
			lang = attr(n, "lang")
		case atom.Title:
			title = textOf(n)
		case atom.Script, atom.Style:
			if n.FirstChild != nil && strings.TrimSpace(n.FirstChild.Data) != "" {
				sum := sha256.Sum256([]byte(n.FirstChild.Data))
				hash := base64.StdEncoding.EncodeToString(sum[:])
				want(strings.Contains(csp, "'sha256-"+hash+"'"), "S1-11: inline "+n.Data+" that the policy does not name")
			}
		default:
		}
	}
	want(lang != "", "html has no lang")
	want(title != "", "the page has no title")
	return out
}
