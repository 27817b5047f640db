package main

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"

	"github.com/elloloop/identity/templates"
)

// mail begins the names of letters.
const mail = "mail-"

// names are the pages in all their states, and the letters.
func names() []string {
	var out []string
	for _, s := range templates.Samples() {
		out = append(out, s.Name)
	}
	for _, l := range templates.SampleLetters() {
		out = append(out, mail+l.Name)
	}
	return out
}

const exampleLogo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="10" fill="#0d6e6e"/><path d="M24 8v24M24 12l12 18H24M24 16l-9 14h9M9 36c5 4 10 4 15 0 5 4 10 4 15 0" fill="none" stroke="#fff" stroke-width="3" stroke-linejoin="round"/></svg>`

// pages serves each sample at /page/<name>, a logo for the sample's client, and
// the sheets of the pictures.
func pages(renderer *templates.Renderer, o options) http.Handler {
	mux := http.NewServeMux()
	static := renderer.Static()
	mux.HandleFunc("/static/", func(w http.ResponseWriter, r *http.Request) {
		for _, script := range []string{"formpost.", "frontchannel."} {
			if strings.HasPrefix(r.URL.Path, "/static/"+script) {
				http.NotFound(w, r) // it would send the page away before it is seen
				return
			}
		}
		static.ServeHTTP(w, r)
	})
	mux.HandleFunc(logoPath, func(w http.ResponseWriter, r *http.Request) {
		if o.logo != "" {
			http.ServeFile(w, r, o.logo)
			return
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, exampleLogo)
	})
	mux.HandleFunc("/page/{name}", func(w http.ResponseWriter, r *http.Request) {
		samples := templates.Samples()
		n := slices.IndexFunc(samples, func(s templates.Sample) bool { return s.Name == r.PathValue("name") })
		if n < 0 {
			letter(w, r, renderer)
			return
		}
		page := samples[n].Page
		page.UILocales = []string{r.FormValue("locale")}
		if page.Client != nil {
			client := *page.Client
			client.LogoURI = "http://" + r.Host + logoPath
			page.Client = &client
		}
		drawn := httptest.NewRecorder()
		renderer.Render(drawn, r, http.StatusOK, page)
		maps.Copy(w.Header(), drawn.Header())
		w.Header().Del("Content-Length")
		// As above: what goes by itself stays.
		stays := strings.NewReplacer(" data-auto", "", " data-go", "")
		fmt.Fprint(w, stays.Replace(drawn.Body.String()))
	})
	mux.Handle("/picture/", http.StripPrefix("/picture/", http.FileServerFS(os.DirFS(o.out))))
	mux.HandleFunc("/sheet", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 8px; background: #888; font: 16px/24px sans-serif; display: grid; gap: 8px; align-items: start;
grid-template-columns: repeat(`+r.FormValue("columns")+`, max-content) }
figure { margin: 0; inline-size: `+r.FormValue("width")+`px; overflow: hidden } img { display: block; margin-inline-start: -`+r.FormValue("aside")+`px }
figcaption { background: #ffd84d; padding-inline: 6px }</style>`)
		for _, name := range r.Form["name"] {
			fmt.Fprintf(w, `<figure><figcaption>%[1]s</figcaption><img src="/picture/%[1]s.png" alt=""></figure>`, html.EscapeString(name))
		}
	})
	return mux
}

// letter draws one as a mail reader would.
func letter(w http.ResponseWriter, r *http.Request, renderer *templates.Renderer) {
	for _, l := range templates.SampleLetters() {
		if mail+l.Name != r.PathValue("name") {
			continue
		}
		written, err := renderer.Letter([]string{r.FormValue("locale")}, l)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, written.HTML)
		return
	}
	http.NotFound(w, r)
}
