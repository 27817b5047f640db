// Package gallery shows every page and letter of a development server in each of
// its states, with made-up content, in each language, light and dark.
package gallery

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/templates"
)

// path is where the gallery is.
const path = "/dev/pages"

// themes are the colours that a page can be looked at in; "": as the browser prefers.
var themes = [...]string{"light", "dark"}

// Gallery shows the samples of a renderer.
type Gallery struct {
	pages   *templates.Renderer
	samples []templates.Sample
	letters []templates.Letter
}

// New makes a gallery.
func New(pages *templates.Renderer) *Gallery {
	return &Gallery{pages: pages, samples: templates.Samples(), letters: templates.SampleLetters()}
}

// Mount adds the pages below /dev/pages.
func (g *Gallery) Mount(r chi.Router) {
	r.Get(path, g.list)
	r.Get(path+"/logo.svg", logo)
	r.Get(path+"/static/{theme}/{file}", g.style)
	r.Get(path+"/mail/{name}", g.letter)
	r.Get(path+"/{name}", g.show)
}

// look is how a page is looked at.
type look struct {
	locale, theme string
	bare          bool // without the bar that leads to the others: for pictures
}

func lookOf(r *http.Request) look {
	l := look{locale: r.FormValue("locale"), theme: r.FormValue("theme"), bare: r.FormValue("bare") != ""}
	if !slices.Contains(themes[:], l.theme) {
		l.theme = ""
	}
	return l
}

// url is a page of the gallery, looked at in the same way.
func (l look) url(page string) string {
	q := url.Values{}
	for name, value := range map[string]string{"locale": l.locale, "theme": l.theme} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return strings.TrimSuffix(path+page+"?"+q.Encode(), "?")
}

func (g *Gallery) choices(l look, page string) (locales, colours []templates.GalleryChoice) {
	for _, tag := range g.pages.Languages() {
		other := l
		other.locale = tag
		locales = append(locales, templates.GalleryChoice{URL: other.url(page), Label: tag, Current: tag == l.locale})
	}
	for _, theme := range themes {
		other := l
		other.theme = theme
		colours = append(colours, templates.GalleryChoice{URL: other.url(page), Label: theme, Current: theme == l.theme})
	}
	return locales, colours
}

// list leads to all of them.
func (g *Gallery) list(w http.ResponseWriter, r *http.Request) {
	l := lookOf(r)
	view := templates.GalleryView{}
	view.Locales, view.Themes = g.choices(l, "")
	for _, s := range g.samples {
		view.Pages = append(view.Pages, templates.GalleryLine{Name: s.Name, URL: l.url("/" + s.Name)})
	}
	for _, m := range g.letters {
		at := l.url("/mail/" + m.Name)
		view.Letters = append(view.Letters, templates.GalleryLine{Name: m.Name, URL: at, TextURL: with(at, "form=text")})
	}
	g.draw(w, r, l, templates.Page{Name: "gallery", Dev: true, View: view}, "")
}

func with(at, query string) string {
	if strings.Contains(at, "?") {
		return at + "&" + query
	}
	return at + "?" + query
}

// show draws one sample.
func (g *Gallery) show(w http.ResponseWriter, r *http.Request) {
	n := slices.IndexFunc(g.samples, func(s templates.Sample) bool { return s.Name == chi.URLParam(r, "name") })
	if n < 0 {
		http.Redirect(w, r, path, http.StatusSeeOther)
		return
	}
	l := lookOf(r)
	page := g.samples[n].Page
	if page.Client != nil {
		client := *page.Client
		client.LogoURI = "http://" + r.Host + path + "/logo.svg"
		page.Client = &client
	}
	bar := ""
	if !l.bare {
		bar = g.bar(r, l, n)
	}
	g.draw(w, r, l, page, bar)
}

// drawing keeps an answer, to be changed before it is sent.
type drawing struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header returns the header of the answer.
func (d *drawing) Header() http.Header { return d.header }

// WriteHeader sets the status of the answer.
func (d *drawing) WriteHeader(code int) { d.code = code }

// Write adds to the body of the answer.
func (d *drawing) Write(b []byte) (int, error) { return d.body.Write(b) }

// bar leads from a sample to the others.
func (g *Gallery) bar(r *http.Request, l look, n int) string {
	languages := g.pages.Preferences(r, []string{l.locale})
	say := func(id string) string { return g.pages.Sentence(languages, "gallery."+id, nil) }
	var b strings.Builder
	link := func(at, text, more string) {
		_, _ = fmt.Fprintf(&b, ` <a href="%s"%s>%s</a>`, html.EscapeString(at), more, html.EscapeString(text)) // a builder takes everything
	}
	b.WriteString(`<nav class="dev gallery" aria-label="` + html.EscapeString(say("title")) + `">`)
	link(l.url(""), say("all"), "")
	if n > 0 {
		link(l.url("/"+g.samples[n-1].Name), say("previous"), ` rel="prev"`)
	}
	if n+1 < len(g.samples) {
		link(l.url("/"+g.samples[n+1].Name), say("next"), ` rel="next"`)
	}
	b.WriteString(" · " + html.EscapeString(g.samples[n].Name) + " ·")
	locales, colours := g.choices(l, "/"+g.samples[n].Name)
	for _, c := range locales {
		link(c.URL, c.Label, current(c))
	}
	b.WriteString(" ·")
	for _, c := range colours {
		link(c.URL, say(c.Label), current(c))
	}
	return b.String() + "</nav>\n"
}

func current(c templates.GalleryChoice) string {
	if c.Current {
		return ` aria-current="true"`
	}
	return ""
}

// leaving are scripts that would take the page away before it is seen.
var leaving = [...]string{"/static/formpost.", "/static/frontchannel."}

// draw draws a page as people see it, with the colours of the theme, and no
// script that leaves it.
func (g *Gallery) draw(w http.ResponseWriter, r *http.Request, l look, p templates.Page, bar string) {
	if l.locale != "" {
		p.UILocales = []string{l.locale}
	}
	drawn := &drawing{code: http.StatusOK, header: http.Header{}}
	g.pages.Render(drawn, r, http.StatusOK, p)
	body := drawn.body.String()
	for _, script := range leaving {
		body = strings.ReplaceAll(body, script, path+"/none/")
	}
	for _, leaves := range [...]string{" data-auto", " data-go"} { // nor a form or a link that goes by itself
		body = strings.ReplaceAll(body, leaves, " data-stays")
	}
	theme := l.theme
	if theme == "" {
		theme = "any"
	}
	for _, sheet := range [...]string{"app.", "account.", "dev.", "accent."} {
		body = strings.ReplaceAll(body, `href="/static/`+sheet, `href="`+path+"/static/"+theme+"/"+sheet)
	}
	if head, rest, ok := strings.Cut(body, "<body"); ok {
		tag, inside, _ := strings.Cut(rest, ">")
		body = head + "<body" + tag + ">\n" + bar + inside
	}
	h := w.Header()
	for name, values := range drawn.header {
		h[name] = values
	}
	h.Del("Content-Length")
	w.WriteHeader(drawn.code)
	_, _ = w.Write([]byte(body)) // the client is gone: nobody is left to tell
}

// barStyle is what the bar needs beside the banner's style.
const barStyle = "\n.gallery a{display:inline-block;padding:.25rem .375rem;color:inherit}.gallery [aria-current]{font-weight:700}\n"

// style is a style sheet in which one theme holds whatever the browser prefers.
func (g *Gallery) style(w http.ResponseWriter, r *http.Request) {
	sheet := r.Clone(r.Context())
	sheet.URL.Path = "/static/" + chi.URLParam(r, "file")
	drawn := &drawing{code: http.StatusOK, header: http.Header{}}
	g.pages.Static().ServeHTTP(drawn, sheet)
	if drawn.code != http.StatusOK {
		http.NotFound(w, r)
		return
	}
	css := drawn.body.String()
	const dark, both = "@media (prefers-color-scheme:dark)", "color-scheme: light dark"
	css = strings.ReplaceAll(css, "@media (prefers-color-scheme: dark)", dark)
	switch chi.URLParam(r, "theme") {
	case "light":
		css = strings.ReplaceAll(strings.ReplaceAll(css, dark, "@media not all"), both, "color-scheme: light")
	case "dark":
		css = strings.ReplaceAll(strings.ReplaceAll(css, dark, "@media all"), both, "color-scheme: dark")
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(css + barStyle)) // as above
}

// letter shows a letter as a mail reader would: nothing in it runs or is loaded.
func (g *Gallery) letter(w http.ResponseWriter, r *http.Request) {
	n := slices.IndexFunc(g.letters, func(m templates.Letter) bool { return m.Name == chi.URLParam(r, "name") })
	if n < 0 {
		http.Redirect(w, r, path, http.StatusSeeOther)
		return
	}
	var asked []string
	if l := lookOf(r); l.locale != "" {
		asked = []string{l.locale}
	}
	m := g.letters[n]
	m.Look = g.pages.LookOf(r)
	written, err := g.pages.Letter(g.pages.Preferences(r, asked), m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox allow-popups allow-top-navigation-by-user-activation")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if r.FormValue("form") == "text" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(written.Text)) // as above
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(written.HTML)) // as above
}

// logo is that of the samples' application.
func logo(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="10" fill="#0d6e6e"/><path d="M24 8v24M24 12l12 18H24M24 16l-9 14h9M9 36c5 4 10 4 15 0 5 4 10 4 15 0" fill="none" stroke="#fff" stroke-width="3" stroke-linejoin="round"/></svg>`)) // as above
}
