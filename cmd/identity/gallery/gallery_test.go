package gallery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/cmd/identity/gallery"
	"github.com/elloloop/identity/templates"
)

func served(t *testing.T) func(target string) *httptest.ResponseRecorder {
	t.Helper()
	pages, err := templates.New(templates.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	gallery.New(pages).Mount(r)
	return func(target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		return w
	}
}

// TestEverySample: the list leads to every page and letter, in the language and the
// theme that were chosen.
func TestEverySample(t *testing.T) {
	get := served(t)
	list := get("/dev/pages?locale=fr&theme=dark").Body.String()
	for _, s := range templates.Samples() {
		at := "/dev/pages/" + s.Name + "?locale=fr&theme=dark"
		if !strings.Contains(list, `href="`+strings.ReplaceAll(at, "&", "&amp;")+`"`) {
			t.Errorf("the list does not lead to %s", at)
		}
		w := get(at)
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, `<html lang="fr"`) || !strings.Contains(body, "/dev/pages/static/dark/app.") {
			t.Errorf("%s: %d\n%s", at, w.Code, body)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: Content-Security-Policy %q", at, w.Header().Get("Content-Security-Policy"))
		}
		if strings.Contains(body, `src="/static/formpost`) || strings.Contains(body, `src="/static/frontchannel`) || strings.Contains(body, "data-auto") {
			t.Errorf("%s leaves before it is seen", at)
		}
	}
	for _, l := range templates.SampleLetters() {
		for _, form := range []string{"", "&form=text"} {
			at := "/dev/pages/mail/" + l.Name + "?locale=ja" + form
			if w := get(at); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), l.Code) || w.Body.Len() < 100 {
				t.Errorf("%s: %d %s", at, w.Code, w.Body)
			}
		}
	}
	if w := get("/dev/pages/nothing"); w.Code != http.StatusSeeOther {
		t.Errorf("an unknown page: %d", w.Code)
	}
}

// TestThemes: a theme holds whatever the browser prefers.
func TestThemes(t *testing.T) {
	get := served(t)
	for theme, want := range map[string][2]string{
		"light": {"@media not all", "color-scheme: light;"}, "dark": {"@media all", "color-scheme: dark;"}, "any": {"@media (prefers-color-scheme:dark)", "color-scheme: light dark;"},
	} {
		page := get("/dev/pages/identify?theme=" + theme).Body.String()
		_, rest, ok := strings.Cut(page, `rel="stylesheet" href="`)
		sheet, _, _ := strings.Cut(rest, `"`)
		if !ok || !strings.HasPrefix(sheet, "/dev/pages/static/"+theme+"/app.") {
			t.Fatalf("%s: style sheet %q", theme, sheet)
		}
		css := get(sheet).Body.String()
		if !strings.Contains(css, want[0]) || !strings.Contains(css, want[1]) || (theme != "any" && strings.Contains(css, "prefers-color-scheme")) {
			t.Errorf("%s: %.400s", theme, css)
		}
	}
	if w := get("/dev/pages/static/dark/nothing.css"); w.Code != http.StatusNotFound {
		t.Errorf("no such sheet: %d", w.Code)
	}
}
