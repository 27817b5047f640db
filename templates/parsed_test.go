package templates

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// newRenderer makes a renderer that must work.
func newRenderer(t testing.TB, c Config) *Renderer {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rendered draws the page in the language and returns the whole answer.
func rendered(t testing.TB, r *Renderer, p Page, locale string) *httptest.ResponseRecorder {
	t.Helper()
	if locale != "" {
		p.UILocales = []string{locale}
	}
	w := httptest.NewRecorder()
	r.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, p)
	if w.Code != http.StatusOK {
		t.Fatalf("page %s: status %d: %s", p.Name, w.Code, w.Body)
	}
	return w
}

// parsed draws the page and returns its tree.
func parsed(t testing.TB, r *Renderer, p Page, locale string) *html.Node {
	t.Helper()
	tree, err := html.Parse(rendered(t, r, p, locale).Body)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// elements returns the elements with one of the names, in order; all without names.
func elements(tree *html.Node, names ...string) []*html.Node {
	var out []*html.Node
	for n := range tree.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if len(names) == 0 {
			out = append(out, n)
		}
		for _, name := range names {
			if n.Data == name {
				out = append(out, n)
			}
		}
	}
	return out
}

// attr returns the value of an attribute, and whether it is there.
func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// value returns the value of an attribute, or "".
func value(n *html.Node, name string) string {
	v, _ := attr(n, name)
	return v
}

// text returns the text inside an element.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// ids returns the elements by their id.
func ids(t *testing.T, tree *html.Node) map[string]*html.Node {
	t.Helper()
	out := map[string]*html.Node{}
	for _, n := range elements(tree) {
		id, ok := attr(n, "id")
		if !ok {
			continue
		}
		if out[id] != nil {
			t.Errorf("id %q stands twice", id)
		}
		out[id] = n
	}
	return out
}
