package templates

import (
	"fmt"
	"net/url"
	"strings"
)

// Look is how the pages and letters of one project differ from the server's. The
// nil Look differs in nothing.
type Look struct {
	brand  Brand
	accent *accent // nil: the server's
	theme  *Theme  // the project's own files, nil for none
}

// NewLook makes a look of what is stored: what is empty, or was good once and is
// not any more, is as the server has it. CheckBrand is for what is about to be stored.
func NewLook(b Brand, theme *Theme) *Look {
	l := &Look{brand: b, theme: theme}
	if b.Accent != "" || b.Dark != "" {
		if a, err := accentFor(b.Accent); err == nil {
			if dark, err := parseColour(b.Dark); err == nil {
				a.dark = dark.until(colour{255, 255, 255}, darkPage, darkCard, darkInk)
			}
			l.accent = &a
		}
	}
	if safeLogo(b.LogoURI) == "" {
		l.brand.LogoURI = ""
	}
	return l
}

// BrandError says which part of a brand can't be used.
type BrandError struct {
	Field  string // "name", "logo_uri", "accent" or "dark_accent"
	Reason string
}

// Error is the field and the reason.
func (e *BrandError) Error() string { return e.Field + ": " + e.Reason }

// CheckBrand reports what a project's brand has that can't be shown, as a
// *BrandError: a colour that text can't be read in (WCAG 2.2 §1.4.3) among it.
func CheckBrand(b Brand) error {
	if b.Name != "" && plain(b.Name) != strings.TrimSpace(b.Name) {
		return &BrandError{"name", fmt.Sprintf("has characters that can't be shown, or more than %d", maxName)}
	}
	if b.LogoURI != "" && safeLogo(b.LogoURI) == "" {
		return &BrandError{"logo_uri", "want an https URL without user, query and fragment, or static/<file> of the project's own files"}
	}
	if reason := unreadable(b.Accent, colour{}, lightPage, lightCard); reason != "" {
		return &BrandError{"accent", reason}
	}
	if reason := unreadable(b.Dark, colour{255, 255, 255}, darkPage, darkCard, darkInk); reason != "" {
		return &BrandError{"dark_accent", reason}
	}
	return nil
}

// unreadable says why text in this colour can't be read on the surfaces, and which
// colour of its kind could. "" when it can, or there is none.
func unreadable(s string, goal colour, surfaces ...string) string {
	if s == "" {
		return ""
	}
	c, err := parseColour(s)
	if err != nil {
		return fmt.Sprintf("%q is no colour: want #rrggbb", s)
	}
	for _, name := range surfaces {
		surface, err := parseColour(name)
		if err != nil {
			return err.Error()
		}
		if got := contrast(c, surface); got < askedContrast {
			return fmt.Sprintf("%s has a contrast of %.2f:1 with %s; WCAG 2.2 §1.4.3 asks for %.1f:1, which %s has",
				c, got, name, askedContrast, c.until(goal, surfaces...))
		}
	}
	return ""
}

// safeLogo returns the address of a project's logo if a page may show it: an https
// URL that a Content-Security-Policy can name exactly, or a file of the project's own.
func safeLogo(raw string) string {
	if name, own := strings.CutPrefix(raw, "static/"); own {
		if ownImage(name) {
			return raw
		}
		return ""
	}
	u := parseWeb(raw)
	if u == nil || u.Scheme != "https" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !hostChars(u.Host) || len(raw) > 2000 {
		return ""
	}
	return u.String()
}

// imageSource is the Content-Security-Policy source of one image and no other
// (CSP3 §2.3.1): its path is in it, where a path can be said.
func imageSource(raw string) string {
	origin := source(raw)
	u, err := url.Parse(raw)
	if origin == "" || err != nil || !strings.Contains(origin, "://") {
		return origin
	}
	return origin + strings.NewReplacer(";", "%3B", ",", "%2C", "'", "%27").Replace(u.EscapedPath())
}

// hasFiles reports whether the project draws with files of its own.
func (l *Look) hasFiles() bool { return l != nil && l.theme != nil }

// dressed is the theme of the server as the look changes it.
func (t *theme) dressed(l *Look) *theme {
	if l == nil {
		return t
	}
	out := *t
	if l.theme != nil {
		out = *l.theme.own
		out.brand = t.brand
	}
	if l.brand.Name != "" {
		out.brand.Name = l.brand.Name
	}
	if own, ok := out.assets.path[strings.TrimPrefix(l.brand.LogoURI, "static/")]; ok && strings.HasPrefix(l.brand.LogoURI, "static/") {
		out.brand.LogoURI = own
	} else if strings.HasPrefix(l.brand.LogoURI, "https:") {
		out.brand.LogoURI = l.brand.LogoURI
	}
	if l.accent != nil {
		out.brand.Accent = l.accent.light.String()
		out.brand.Style = l.accent.path()
	}
	return &out
}

// accentPrefix begins the names of the style sheets that hold a project's colours
// and nothing else: they are made of their names.
const accentPrefix = "/static/accent."

// path is where the style sheet of the two colours is served.
func (a accent) path() string {
	return accentPrefix + strings.TrimPrefix(a.light.String(), "#") + "." + strings.TrimPrefix(a.dark.String(), "#") + ".css"
}

// accentSheet is the style sheet of this path.
func accentSheet(path string) (asset, bool) {
	name, ok := strings.CutPrefix(path, accentPrefix)
	light, rest, _ := strings.Cut(name, ".")
	dark, ending, _ := strings.Cut(rest, ".")
	if !ok || ending != "css" {
		return asset{}, false
	}
	var a accent
	var err error
	if a.light, err = parseColour("#" + light); err != nil {
		return asset{}, false
	}
	if a.dark, err = parseColour("#" + dark); err != nil || a.path() != path {
		return asset{}, false
	}
	return asset{contentType: contentType("accent.css"), body: []byte(a.css())}, true
}
