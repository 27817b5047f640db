package templates

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// folder makes an operator's folder of the files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, dir, name, content)
	}
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A file that would fail for a person fails at start, and is named.
func TestBrokenOwnFile(t *testing.T) {
	for _, row := range []struct{ name, file, content, want string }{
		{"syntax", "html/consent.html", `{{define "title"}}x{{end}}{{define "content"}}{{if}}{{end}}`, "html/consent.html"},
		{"field", "html/password.html", `{{define "title"}}x{{end}}{{define "content"}}{{.View.NoSuchField}}{{end}}`, "html/password.html"},
		{"message", "html/home.html", `{{define "title"}}x{{end}}{{define "content"}}{{.T "home.nothing"}}{{end}}`, "home.nothing"},
		{"no-content", "html/logout.html", `hello`, "html/logout.html"},
		{"layout", "html/layout.html", `{{define "layout"}}{{.Nothing}}{{end}}`, "html/layout.html"},
		{"unsafe-context", "html/error.html", `{{define "title"}}x{{end}}{{define "content"}}<a href='{{.View.Code}}" {{if .View.Code}}'{{end}}>{{end}}`, "html/error.html"},
		{"name", "html/identfy.html", `x`, "html/identfy.html"},
		{"json", "locales/de.json", `{"a": `, "locales/de.json"},
		{"sentence", "locales/de.json", `{"identify.title": "{{.Foo"}`, "locales/de.json"},
		{"language", "locales/nowhere!.json", `{}`, "locales/nowhere!.json"},
		{"kind", "static/page.exe", `x`, "static/page.exe"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := New(Config{Dir: folder(t, map[string]string{row.file: row.content})})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want one that names %s", err, row.want)
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		missing := filepath.Join(t.TempDir(), "nowhere")
		if _, err := New(Config{Dir: missing}); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("error %v, want one that names %s", err, missing)
		}
	})
	t.Run("default-language", func(t *testing.T) {
		if _, err := New(Config{DefaultLocale: language.Italian}); err == nil || !strings.Contains(err.Error(), "locales/it.json") {
			t.Errorf("error %v, want one that names locales/it.json", err)
		}
	})
	t.Run("logo", func(t *testing.T) {
		if _, err := New(Config{Brand: Brand{LogoURI: "javascript:alert(1)"}}); err == nil {
			t.Error("S1-11/brand-logo: accepted")
		}
		if _, err := New(Config{Brand: Brand{HelpURI: "javascript:alert(1)"}}); err == nil {
			t.Error("S1-11/brand-help: accepted")
		}
	})
}

func TestOwnFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"html/home.html":  `{{define "title"}}{{.T "own.title"}}{{end}}{{define "content"}}<h1>{{template "title" .}}</h1>{{.View.Issuer}}{{end}}`,
		"locales/en.json": `{"own.title": "Our house", "identify.title": "Come in"}`,
		"locales/it.json": `{"identify.title": "Accedi"}`,
		"locales/ar.json": `{"identify.title": "تسجيل الدخول"}`,
		"static/app.css":  `body{color:red}`,
	})
	r := newRenderer(t, Config{Dir: dir, DefaultLocale: language.German, Brand: Brand{Name: "Example & Co", Accent: "#0d6e6e"}})
	home := Page{Name: "home", View: HomeView{Issuer: "<b>"}}
	if body := rendered(t, r, home, "en").Body.String(); !strings.Contains(body, "<h1>Our house</h1>&lt;b&gt;") || !strings.Contains(body, "Example &amp; Co") {
		t.Errorf("own page: %s", body)
	}
	identify := Page{Name: "identify", Action: "/x", View: IdentifyView{}}
	for locale, want := range map[string]string{"en": "Come in", "it": "Accedi", "ar": "تسجيل الدخول", "": "Anmelden"} {
		if got := text(elements(parsed(t, r, identify, locale), "h1")[0]); got != want {
			t.Errorf("%q: heading %q, want %q", locale, got, want)
		}
	}
	// What a language of one's own lacks is said in English.
	if got := r.Sentence([]string{"it"}, "problem.password_missing", nil); got != "Please enter your password." {
		t.Errorf("it: %q", got)
	}
	if got := value(elements(parsed(t, r, identify, "ar"), "html")[0], "dir"); got != "rtl" {
		t.Errorf("ar: dir=%q", got)
	}
	leave := Page{Name: "logout", Action: "/logout", View: LogoutView{Account: "+436641234567"}}
	for locale, want := range map[string]string{"en": " +436641234567.", "ar": " \u2068+436641234567\u2069."} {
		if body := rendered(t, r, leave, locale).Body.String(); !strings.Contains(body, want) && !strings.Contains(body, strings.ReplaceAll(want, "+", "&#43;")) {
			t.Errorf("%s: the value does not stand apart: %s", locale, body)
		}
	}
	a := r.loaded.Load().assets
	css := string(a.file[a.path["app.css"]].body)
	if !strings.HasPrefix(css, ":root{--accent:#0d6e6e;") || !strings.HasSuffix(css, "body{color:red}") || len(a.file) != len(a.path) {
		t.Errorf("own style sheet: %q", css)
	}
}

func TestReload(t *testing.T) {
	dir := folder(t, map[string]string{"locales/en.json": `{"identify.title": "First"}`})
	page := Page{Name: "identify", View: IdentifyView{}}
	fixed, live := newRenderer(t, Config{Dir: dir}), newRenderer(t, Config{Dir: dir, Reload: true})
	write(t, dir, "locales/en.json", `{"identify.title": "Second"}`)
	for want, r := range map[string]*Renderer{"First": fixed, "Second": live} {
		if got := text(elements(parsed(t, r, page, "en"), "h1")[0]); got != want {
			t.Errorf("heading %q, want %q", got, want)
		}
	}
}
