package templates

import (
	"fmt"
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// document is what a template sees as ".".
type document struct {
	Name      string
	Action    string
	View      any
	Problem   *Problem
	Account   *AccountFrame
	Client    *shownClient
	RequestID string
	Dev       bool
	Lang, Dir string // of the <html> element
	Brand     brand

	tag   language.Tag
	theme *theme
}

// shownClient is a Client made fit to be shown: links that are not http(s) are
// gone, and so is what could make its name read as something else.
type shownClient struct {
	Name, URI, LogoURI, PolicyURI, TOSURI string
}

// present makes a client fit to be shown.
func present(c Client) *shownClient {
	name := plain(c.Name)
	if name == "" {
		name = plain(c.ID)
	}
	return &shownClient{
		Name:      name,
		URI:       safeLink(c.URI),
		LogoURI:   safeImage(c.LogoURI),
		PolicyURI: safeLink(c.PolicyURI),
		TOSURI:    safeLink(c.TOSURI),
	}
}

// maxName is the longest client name shown, in runes: a longer one could push
// the page's own words out of sight.
const maxName = 80

// plain removes control and format characters, such as the bidirectional
// overrides that let a name rewrite the sentence around it, and shortens.
func plain(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.TrimSpace(s) {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			continue
		}
		if n++; n > maxName {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// Values names the values of a sentence.
func (d *document) Values(name string, value any) map[string]any { return map[string]any{name: value} }

// T is the text of a message that the page needs; a missing one is an error,
// found when the sample is drawn at start. The pairs are names and values.
func (d *document) T(id string, pairs ...any) (string, error) {
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("message %s: a name without a value", id)
	}
	var data map[string]any
	if len(pairs) > 0 {
		data = make(map[string]any, len(pairs)/2)
		for i := 0; i < len(pairs); i += 2 {
			data[fmt.Sprint(pairs[i])] = d.apart(pairs[i+1])
		}
	}
	s, ok := d.theme.messages.text(d.tag, id, data)
	if !ok {
		return "", fmt.Errorf("message %s is missing", id)
	}
	return s, nil
}

// Say is the text of a message that code chose; it never fails.
func (d *document) Say(id string, data map[string]any) string {
	if d.Dir == "rtl" && len(data) > 0 {
		apart := make(map[string]any, len(data))
		for name, v := range data {
			apart[name] = d.apart(v)
		}
		data = apart
	}
	return d.theme.messages.say(d.tag, id, data)
}

// apart keeps the direction of a value in a sentence from right to left to the
// value: the + of a telephone number stays before it (UAX #9 §2.4.2).
func (d *document) apart(v any) any {
	if s, ok := v.(string); ok && d.Dir == "rtl" {
		return "\u2068" + s + "\u2069"
	}
	return v
}

// Plain is text of others without what could make it read as something else.
func (d *document) Plain(s string) string { return plain(s) }

// Wrong reports whether the problem belongs to the input of this name.
func (d *document) Wrong(field string) bool { return d.Problem != nil && d.Problem.Field == field }

// Scope is the sentence for a scope, or its wire name where there is none.
func (d *document) Scope(scope string) string {
	return d.or("scope.", scope, plain(scope))
}

// Explain is the sentence for a parameter or claim of the playground, or "".
func (d *document) Explain(kind, name string) string {
	return d.or("playground."+kind+".", name, "")
}

func (d *document) or(prefix, name, otherwise string) string {
	if s, ok := d.theme.messages.text(d.tag, prefix+name, nil); ok {
		return s
	}
	return otherwise
}

// Onward is a link to an address that was proven to be its client's, which may
// have a scheme of a native application; "" for one that would run script.
func (d *document) Onward(address string) template.URL {
	if source(address) == "" {
		return ""
	}
	return template.URL(address) //nolint:gosec // see above
}

// Asset is the path of a static file with its hash.
func (d *document) Asset(name string) (string, error) {
	p, ok := d.theme.assets.path[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	return p, nil
}

// Initial is the letter shown for an account that has no picture.
func (d *document) Initial(names ...string) string {
	for _, n := range names {
		for _, r := range n {
			if unicode.IsLetter(r) || unicode.IsNumber(r) {
				return strings.ToUpper(string(r))
			}
		}
	}
	return "•"
}

// copyButton is a button that copies the text of the element with this id.
type copyButton struct{ ID, Label, Done string }

// CopyOf is the copy button for the element with this id; it appears only where
// script runs.
func (d *document) CopyOf(id string) copyButton {
	return copyButton{ID: id, Label: d.Say("layout.copy", nil), Done: d.Say("layout.copied", nil)}
}

// part is a value with the document that it is shown in.
type part struct {
	Document *document
	Value    any
}

// With hands a value and the document to a nested template.
func (d *document) With(v any) part { return part{d, v} }

// table is a list of parameters or claims with their explanations.
type table struct {
	Document      *document
	Kind, Heading string
	Rows          []PlaygroundParameter
}

// Table hands parameters to the nested template that shows and explains them.
func (d *document) Table(kind, heading string, rows []PlaygroundParameter) table {
	return table{d, kind, heading, rows}
}

// Label is the heading for a token or exchange of the playground.
func (d *document) Label(kind, name string) string {
	return d.or("playground."+kind+".", name, name)
}
