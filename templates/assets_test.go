package templates

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestStatic(t *testing.T) {
	r := newRenderer(t, Config{})
	static := r.Static()
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		static.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	paths := r.loaded.Load().assets.path
	for name, kind := range map[string]string{
		"app.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8",
		"formpost.js": "text/javascript; charset=utf-8", "favicon.svg": "image/svg+xml",
	} {
		w := get(http.MethodGet, paths[name])
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || w.Body.Len() == 0 {
			t.Errorf("%s: status %d, %q", paths[name], w.Code, w.Header().Get("Content-Type"))
		}
		if got := w.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: may be sniffed", name)
		}
		if w := get(http.MethodHead, paths[name]); w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("%s: HEAD: status %d with %d bytes", name, w.Code, w.Body.Len())
		}
	}
	for _, path := range []string{"/static/app.css", "/static/", "/static/../page.go", "/static/app.0000000000000000.css", "/static/%2e%2e/locales/en.json"} {
		if w := get(http.MethodGet, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
	if w := get(http.MethodPost, paths["app.css"]); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("POST: status %d", w.Code)
	}
}

func TestStyleSheet(t *testing.T) {
	r := newRenderer(t, Config{})
	a := r.loaded.Load().assets
	// A page loads app.css and at most one more.
	for name, path := range a.path {
		css := string(a.file[path].body)
		if !strings.HasSuffix(name, ".css") {
			continue
		}
		if len(css) >= 10<<10 {
			t.Errorf("%s: %d bytes, want less than 10 KiB", name, len(css))
		}
		if strings.Contains(css, "http:") || strings.Contains(css, "https:") || strings.Contains(css, "@import") || strings.Contains(css, "url(") {
			t.Errorf("%s loads something", name)
		}
		// Right-to-left languages need the logical properties.
		if m := regexp.MustCompile(`(?m)(margin|padding|border)-(left|right)|[\s;{](left|right):|text-align: ?(left|right)`).FindString(css); m != "" {
			t.Errorf("%s: %q is no logical property", name, m)
		}
	}
	css := string(a.file[a.path["app.css"]].body)
	for _, want := range []string{"prefers-color-scheme:dark", "prefers-color-scheme: dark", "forced-colors: active", ":focus-visible", "color-scheme: light dark"} {
		if !strings.Contains(css, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// The surfaces that the accent is measured against are those of the style sheet.
func TestSurfaces(t *testing.T) {
	raw, err := embedded.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(raw), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	for value, part := range map[string]string{
		"--page: " + lightPage: light, "--card: " + lightCard: light,
		"--page: " + darkPage: dark, "--card: " + darkCard: dark,
	} {
		if !strings.Contains(part, value+";") {
			t.Errorf("the style sheet has no %q", value)
		}
	}
}

// WCAG 2.2 §1.4.3: every other pair of text and ground of the style sheet.
func TestContrastOfThePalette(t *testing.T) {
	raw, err := embedded.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`--(\w[\w-]*): (#[0-9a-f]{6});`)
	light, dark, _ := strings.Cut(string(raw), "@media (prefers-color-scheme: dark)")
	dark, _, _ = strings.Cut(dark, "\n}\n")
	for scheme, part := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]colour{}
		for _, m := range named.FindAllStringSubmatch(part, -1) {
			c, err := parseColour(m[2])
			if err != nil {
				t.Fatal(err)
			}
			colours[m[1]] = c
		}
		for _, pair := range [][2]string{
			{"ink", "page"}, {"ink", "card"}, {"ink", "quiet"}, {"soft", "page"}, {"soft", "card"}, {"soft", "quiet"},
			{"bad", "card"}, {"bad", "bad-soft"}, {"good", "card"}, {"good", "good-soft"},
		} {
			if got := contrast(colours[pair[0]], colours[pair[1]]); got < 4.5 {
				t.Errorf("%s: %s on %s: %.2f", scheme, pair[0], pair[1], got)
			}
		}
		// §1.4.11: the edge of an input.
		if got := contrast(colours["edge"], colours["card"]); got < 3 {
			t.Errorf("%s: edge on card: %.2f", scheme, got)
		}
	}
}

func TestAccent(t *testing.T) {
	white, ink := colour{255, 255, 255}, mustColour(t, darkInk)
	for _, s := range []string{"", "#000", "#fff", "#ffff00", "#00ff00", "#ff0000", "#0000ff", "#777777", "#e91e63", "#0d6e6e", "#FFD84D", "#2f54d1", "#101216"} {
		a, err := accentFor(s)
		if err != nil {
			t.Fatal(err)
		}
		for ground, c := range map[string][2]colour{
			"light page": {a.light, mustColour(t, lightPage)}, "light card": {a.light, mustColour(t, lightCard)}, "text on light": {white, a.light},
			"dark page": {a.dark, mustColour(t, darkPage)}, "dark card": {a.dark, mustColour(t, darkCard)}, "text on dark": {ink, a.dark},
		} {
			if got := contrast(c[0], c[1]); got < 4.5 {
				t.Errorf("accent %q: %s: contrast %.2f", s, ground, got)
			}
		}
	}
	if a, err := accentFor("#0d6e6e"); err != nil || a.light.String() != "#0d6e6e" {
		t.Errorf("a readable colour became %s (%v)", a.light, err)
	}
	for _, s := range []string{"red", "#12", "#12345", "#gggggg", "123456", "#fff;}body{display:none", "#-12345"} {
		if _, err := New(Config{Brand: Brand{Accent: s}}); err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("S1-11/accent: %q: error %v, want one that names it", s, err)
		}
	}
}

func mustColour(t *testing.T, s string) colour {
	t.Helper()
	c, err := parseColour(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The ratios that WCAG itself gives for the ends of the scale.
func TestContrast(t *testing.T) {
	if got := contrast(colour{}, colour{255, 255, 255}); got < 20.99 || got > 21.01 {
		t.Errorf("black on white: %.3f, want 21", got)
	}
	if got := contrast(mustColour(t, "#777777"), colour{255, 255, 255}); got < 4.47 || got > 4.49 {
		t.Errorf("#777777 on white: %.3f, want 4.48", got)
	}
}
