package templates

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// TestOwnFilesRefused: what a project may not have is named, with its line.
func TestOwnFilesRefused(t *testing.T) {
	r := newRenderer(t, Config{})
	page := func(content string) string {
		return "{{define \"title\"}}x{{end}}\n{{define \"content\"}}\n" + content + "{{end}}"
	}
	for _, row := range []struct{ name, file, content, want string }{
		{"unknown", "html/nothing.html", "x", "is no file"},
		{"outside", "html/../html/home.html", "x", "is no file"},
		{"protocol", "html/formpost.html", "x", "is no file"},
		{"script-file", "static/page.js", "x", "is no file"},
		{"syntax", "html/home.html", page("{{if}}"), "3"},
		{"script", "html/home.html", page(`<script>alert(1)</script>`), "line 3"},
		{"base", "html/home.html", page(`< base href="https://evil.example">`), "line 3"},
		{"refresh", "html/home.html", page(`<meta http-equiv="refresh" content="0">`), "line 3"},
		{"S1-08/referrer", "html/home.html", page(`<meta name="refe&#114;rer" content="unsafe-url">`), "line 3"},
		{"S1-08/referrerpolicy", "html/home.html", page(`<a href="https://evil.example" ReferrerPolicy=unsafe-url>x</a>`), "line 3"},
		{"S1-08/split-tag", "html/home.html", page(`<me{{template "x" .}}`) + `{{define "x"}}ta name="referrer" content="unsafe-url">{{end}}`, `"<meta"`},
		{"S1-08/split-by-comment", "html/home.html", page(`<me{{/* nothing */}}ta name="referrer" content="unsafe-url">`), `"<meta"`},
		{"S1-08/split-name", "html/home.html", page(`<me{{if .View}}ta name="referrer" content="unsafe-url"{{end}}>`), `"<meta"`},
		{"S1-08/split-attribute", "html/home.html", page(`<a href="/" referrer{{template "x" .}}>x</a>`) + `{{define "x"}}policy="unsafe-url"{{end}}`, "referrerpolicy"},
		{"frame", "html/home.html", page(`<IFRAME src="/account">`), "line 3"},
		{"field", "html/home.html", page(`{{.View.Nothing}}`), "html/home.html:3"},
		{"count", "html/home.html", page(`{{range 1000000000}}{{end}}`), "line 3"},
		{"made-count", "html/home.html", page(`{{range len .View.Issuer}}{{end}}`), "line 3"},
		{"nested", "html/home.html", page(`{{range .View.Links}}{{range $.View.Links}}{{range $.View.Links}}{{end}}{{end}}{{end}}`), "line 3"},
		{"doubled", "html/home.html", page(`{{$a := print .View.Issuer .View.Issuer}}{{$a}}`), "line 3"},
		{"doubled-by-print", "html/home.html", page(`{{with .View}}{{print . .}}{{end}}`), "line 3"},
		{"printf", "html/home.html", page(`{{printf "%999999d" 1}}`), "printf"},
		{"recursive", "html/home.html", page(`{{template "content" .}}`), "contains itself"},
		{"laughs", "html/home.html", page(`{{template "a" .}}`) + laughs(), "repeat too much"},
		{"letter-recursive", "mail/letter.txt", `{{define "letter"}}{{template "letter" .}}{{end}}`, "contains itself"},
		{"json", "locales/de.json", "{\n\"home.title\": \n}", "line 3"},
		{"sentence", "locales/de.json", `{"home.nothing": "x"}`, "home.nothing"},
		{"value", "locales/de.json", `{"layout.back_to": "{{.Client}}{{.Client}}"}`, "layout.back_to"},
		{"computing", "locales/de.json", `{"layout.back_to": "{{range 1000000}}{{end}}"}`, "layout.back_to"},
		{"language", "locales/nowhere!.json", `{}`, "is no file"},
		{"image", "static/logo.png", "<svg>", "is no image"},
		{"svg", "static/logo.svg", "<svg><foreignObject/></svg>", "line 1"},
		{"long", "html/home.html", strings.Repeat("x", MaxOwnFile+1), "at most"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := r.Try(map[string][]byte{row.file: []byte(row.content)}, "/p/acme")
			var own *OwnError
			if !errors.As(err, &own) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want one that says %q", err, row.want)
			}
		})
	}
	many := map[string][]byte{}
	for _, name := range pageNames[:5] {
		many["html/"+name+".html"] = []byte(page(strings.Repeat("x", MaxOwnFile-100)))
	}
	if err := r.Try(many, ""); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("more than all may have: %v", err)
	}
}

// laughs is a template that says the next one twenty times, five times over.
func laughs() string {
	var b strings.Builder
	for c := 'a'; c < 'g'; c++ {
		b.WriteString(`{{define "` + string(c) + `"}}` + strings.Repeat(`{{template "`+string(c+1)+`" .}}`, 20) + `{{end}}`)
	}
	return b.String() + `{{define "g"}}ha{{end}}`
}

// TestOwnFilesAsBuiltIn: every built-in file could be a project's own.
func TestOwnFilesAsBuiltIn(t *testing.T) {
	r := newRenderer(t, Config{})
	tried := 0
	for _, pattern := range []string{"html/*", "mail/*", "locales/*", "static/*.css"} {
		names, err := fs.Glob(embedded, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			body, err := embedded.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !ownable(name) || len(body) > MaxOwnFile {
				continue
			}
			tried++
			if _, err := r.Compile(map[string][]byte{name: body}, ""); err != nil {
				t.Errorf("%v", err)
			}
		}
	}
	if tried < 40 {
		t.Errorf("%d files were tried", tried)
	}
	all, size := map[string][]byte{}, 0
	for _, page := range pageNames { // what they come to is no more refused than the files
		name := "html/" + page + ".html"
		body, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if size += len(body); ownable(name) && len(all) < maxOwnCount && size < MaxOwnFiles {
			all[name] = body
		}
	}
	if err := r.Try(all, ""); err != nil || len(all) < 40 {
		t.Errorf("%d pages: %v", len(all), err)
	}
}

// TestOwnFilesDrawn: a project's files are drawn with, keep the headers, and are
// nobody else's; a page that can't be drawn is the server's.
func TestOwnFilesDrawn(t *testing.T) {
	var look *Look
	r := newRenderer(t, Config{Look: lookOfAll(&look)})
	home := Page{Name: "home", View: HomeView{Issuer: "https://id.example.com"}}
	plainPage := rendered(t, r, home, "en")
	logo := "\x89PNG\r\n\x1a\nlogo"
	theme, err := r.Compile(map[string][]byte{
		"html/home.html":  []byte(`{{define "title"}}{{.T "home.title"}}{{end}}{{define "content"}}<h1>Acme</h1>{{.View.Issuer}}{{end}}`),
		"locales/en.json": []byte(`{"home.title": "The Acme door", "mail.code.subject": "{{.Brand}}: your code"}`),
		"static/logo.png": []byte(logo),
	}, "/p/acme")
	if err != nil {
		t.Fatal(err)
	}
	look = NewLook(Brand{Name: "Acme & Co", LogoURI: "static/logo.png", Accent: "#0d6e6e"}, theme)
	w := rendered(t, r, home, "en")
	body := w.Body.String()
	for _, want := range []string{"<h1>Acme</h1>", "<title>The Acme door · Acme &amp; Co</title>", `src="/p/acme/static/logo.`, `href="/static/accent.0d6e6e.`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s:\n%s", want, body)
		}
	}
	for name, values := range plainPage.Header() {
		if name != "Content-Length" && strings.Join(w.Header()[name], "|") != strings.Join(values, "|") {
			t.Errorf("%s: %q, without own files %q", name, w.Header()[name], values)
		}
	}
	_, rest, _ := strings.Cut(body, `src="/p/acme`)
	path, _, _ := strings.Cut(rest, `"`)
	if got := static(t, r, path); got.Code != 200 || got.Body.String() != logo || got.Header().Get("Content-Type") != "image/png" {
		t.Errorf("%s: %d %q", path, got.Code, got.Body)
	}
	letter, err := r.Letter([]string{"en"}, Letter{Name: "code", Code: "381942", Data: map[string]any{"Minutes": 5}, Look: look})
	if err != nil || letter.Subject != "Acme & Co: your code" || !strings.Contains(letter.HTML, "Acme &amp; Co") {
		t.Errorf("%+v, %v", letter, err)
	}
	look = nil
	if body := rendered(t, r, home, "en").Body.String(); strings.Contains(body, "Acme") {
		t.Errorf("another project's page: %s", body)
	}
	if got := static(t, r, path); got.Code != 404 {
		t.Errorf("another project's logo: %d", got.Code)
	}

	broken, err := r.Compile(map[string][]byte{"html/home.html": []byte(`{{define "title"}}x{{end}}{{define "content"}}{{.View.Gone}}{{end}}`)}, "")
	if err != nil {
		t.Fatal(err)
	}
	look = NewLook(Brand{Name: "Acme"}, broken)
	if body := rendered(t, r, home, "en").Body.String(); !strings.Contains(body, "Sign-in service · Acme") {
		t.Errorf("the server's page is not shown: %s", body)
	}

	sly := map[string][]byte{"html/home.html": []byte(`{{define "title"}}x{{end}}{{define "content"}}{{if eq .View.Issuer "https://id.example.com"}}<me{{template "x" .}}{{end}}{{end}}` +
		`{{define "x"}}ta name="referrer" content="unsafe-url">{{end}}`)}
	split, err := r.Compile(sly, "")
	if err != nil {
		t.Fatal(err)
	}
	look = NewLook(Brand{Name: "Acme"}, split)
	if body := rendered(t, r, home, "en").Body.String(); strings.Contains(body, "unsafe-url") || !strings.Contains(body, "Sign-in service · Acme") {
		t.Errorf("S1-08: what is put together for one page alone: %s", body)
	}
}
