package templates

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// lookOfAll gives every request the look that the pointer holds.
func lookOfAll(look **Look) func(*http.Request) *Look {
	return func(*http.Request) *Look { return *look }
}

func static(t *testing.T, r *Renderer, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r.Static().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

// TestCheckBrand: what can't be read or shown is refused with a reason.
func TestCheckBrand(t *testing.T) {
	for _, row := range []struct {
		name  string
		brand Brand
		field string // "": good
		says  string
	}{
		{"nothing", Brand{}, "", ""},
		{"good", Brand{Name: "Acme", LogoURI: "https://cdn.example.com/logo.png", Accent: "#0d6e6e", Dark: "#7fd6d6"}, "", ""},
		{"own-logo", Brand{LogoURI: "static/logo.svg"}, "", ""},
		{"WCAG22-1.4.3/yellow", Brand{Accent: "#ffd84d"}, "accent", "contrast of 1.27:1 with #f4f5f8; WCAG 2.2 §1.4.3 asks for 4.5:1"},
		{"WCAG22-1.4.3/dark", Brand{Dark: "#0d3e6e"}, "dark_accent", "asks for 4.5:1"},
		{"colour", Brand{Accent: "red"}, "accent", "want #rrggbb"},
		{"S1-11/javascript", Brand{LogoURI: "javascript:alert(1)"}, "logo_uri", "want an https URL"},
		{"S1-11/data", Brand{LogoURI: "data:image/png;base64,AA"}, "logo_uri", "want an https URL"},
		{"http", Brand{LogoURI: "http://cdn.example.com/logo.png"}, "logo_uri", "want an https URL"},
		{"query", Brand{LogoURI: "https://cdn.example.com/logo.png?a=b"}, "logo_uri", "want an https URL"},
		{"directive", Brand{LogoURI: "https://cdn.example.com; script-src *"}, "logo_uri", "want an https URL"},
		{"climbing", Brand{LogoURI: "static/../account"}, "logo_uri", "want an https URL"},
		{"S1-11/bidi", Brand{Name: "Acme\u202egro.evil"}, "name", "can't be shown"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := CheckBrand(row.brand)
			var bad *BrandError
			switch {
			case row.field == "" && err != nil:
				t.Error(err)
			case row.field != "" && (!errors.As(err, &bad) || bad.Field != row.field || !strings.Contains(bad.Reason, row.says)):
				t.Errorf("%v, want %s: …%s…", err, row.field, row.says)
			}
		})
	}
}

// TestLook: a project's name, logo and colours are on its pages, and its policy
// allows that image and no other.
func TestLook(t *testing.T) {
	look := NewLook(Brand{Name: "Acme", LogoURI: "https://cdn.example.com/a,b/logo.png", Accent: "#0d6e6e", Dark: "#7fd6d6"}, nil)
	r := newRenderer(t, Config{Look: lookOfAll(&look)})
	w := rendered(t, r, Page{Name: "home", View: HomeView{Issuer: "https://id.example.com"}}, "en")
	for _, want := range []string{"· Acme</title>", `src="https://cdn.example.com/a,b/logo.png"`, `href="/static/accent.0d6e6e.7fd6d6.css"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self' https://cdn.example.com/a%2Cb/logo.png;") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	sheet := static(t, r, "/static/accent.0d6e6e.7fd6d6.css")
	if !strings.Contains(sheet.Body.String(), ":root{--accent:#0d6e6e;--on-accent:#fff}") || !strings.Contains(sheet.Body.String(), "--accent:#7fd6d6") {
		t.Errorf("style sheet: %d %s", sheet.Code, sheet.Body)
	}
	for _, path := range []string{"/static/accent.0d6e6e.css", "/static/accent.0d6e6e.7fd6d6.js", "/static/accent.0D6E6E.7fd6d6.css", "/static/accent.fff.fff.css", "/static/accent.}x{.7fd6d6.css"} {
		if got := static(t, r, path); got.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	// What was stored before there was a rule is corrected, or left out.
	look = NewLook(Brand{LogoURI: "javascript:alert(1)", Accent: "#ffd84d"}, nil)
	body := rendered(t, r, Page{Name: "home", View: HomeView{}}, "en").Body.String()
	if strings.Contains(body, "javascript:") || strings.Contains(body, "accent.ffd84d") || !strings.Contains(body, "/static/accent.") {
		t.Errorf("an old brand: %s", body)
	}
}
