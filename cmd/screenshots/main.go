// Command screenshots draws every page with made-up content in a headless
// Chromium, in each language, light and dark, at the width of a telephone and of
// a desktop, so that people can look at them. With -axe it also runs the
// accessibility rules of axe-core over each of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/elloloop/identity/templates"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

type options struct {
	out, axe, dir, browser, accent string
	only                           *regexp.Regexp
	pictures                       bool
}

func parse(args []string) (options, error) {
	var o options
	var only string
	f := flag.NewFlagSet("screenshots", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "screenshots", "folder for the pictures")
	f.StringVar(&o.axe, "axe", "", "axe.min.js of the npm package axe-core; without it, accessibility is not checked")
	f.StringVar(&o.dir, "templates", "", "folder of own pages, laid over the built-in ones")
	f.StringVar(&o.browser, "browser", "/usr/bin/chromium", "the browser's program")
	f.StringVar(&o.accent, "accent", "", "colour of the brand, #rrggbb")
	f.StringVar(&only, "only", "", "regular expression: only the pictures whose name it matches")
	f.BoolVar(&o.pictures, "pictures", true, "take the pictures")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	o.only, err = regexp.Compile(only)
	return o, err
}

// view is one way of looking at a page.
type view struct {
	locale, scheme string
	width, height  int64
}

func views() []view {
	var out []view
	for _, locale := range []string{"en", "de"} {
		for _, scheme := range []string{"light", "dark"} {
			out = append(out, view{locale, scheme, 390, 844}, view{locale, scheme, 1280, 800})
		}
	}
	return append(out, view{"en", "light", 320, 640})
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	renderer, err := templates.New(templates.Config{Dir: o.dir, Brand: templates.Brand{Accent: o.accent, HelpURI: "https://help.example.com/"}})
	if err != nil {
		return err
	}
	var axe string
	if o.axe != "" {
		script, err := os.ReadFile(o.axe)
		if err != nil {
			return err
		}
		axe = string(script)
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	server := httptest.NewServer(pages(renderer))
	defer server.Close()

	allocator, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(o.browser), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true))...)
	defer stop()
	tab, closeTab := chromedp.NewContext(allocator)
	defer closeTab()

	// The browser lives as long as the context that it was started with.
	if err := chromedp.Do(tab, chromedp.Navigate("about:blank")); err != nil {
		return err
	}
	violations := 0
	for _, sample := range templates.Samples() {
		for _, v := range views() {
			name := fmt.Sprintf("%s-%s-%s-%d", sample.Name, v.locale, v.scheme, v.width)
			if !o.only.MatchString(name) {
				continue
			}
			found, err := look(tab, server.URL, sample.Name, v, axe, picture(o, name))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for _, f := range found {
				fmt.Printf("%s: %s\n", name, f)
			}
			violations += len(found)
		}
	}
	if violations > 0 {
		return fmt.Errorf("%d accessibility violations", violations)
	}
	return nil
}

func picture(o options, name string) string {
	if !o.pictures {
		return ""
	}
	return filepath.Join(o.out, name+".png")
}

// pages serves each sample at /page/<name>, and a logo for the sample's client.
func pages(renderer *templates.Renderer) http.Handler {
	mux := http.NewServeMux()
	static := renderer.Static()
	mux.HandleFunc("/static/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/static/formpost.") {
			http.NotFound(w, r) // it would send the page away before it is seen
			return
		}
		static.ServeHTTP(w, r)
	})
	mux.HandleFunc("/logo.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="10" fill="#0d6e6e"/><path d="M24 8v24M24 12l12 18H24M24 16l-9 14h9M9 36c5 4 10 4 15 0 5 4 10 4 15 0" fill="none" stroke="#fff" stroke-width="3" stroke-linejoin="round"/></svg>`)
	})
	mux.HandleFunc("/page/{name}", func(w http.ResponseWriter, r *http.Request) {
		for _, s := range templates.Samples() {
			if s.Name != r.PathValue("name") {
				continue
			}
			page := s.Page
			page.UILocales = []string{r.FormValue("locale")}
			if page.Client != nil {
				client := *page.Client
				client.LogoURI = "http://" + r.Host + "/logo.svg"
				page.Client = &client
			}
			renderer.Render(w, r, http.StatusOK, page)
			return
		}
		http.NotFound(w, r)
	})
	return mux
}

// look opens the page in one view, saves its picture, and returns what axe-core
// found wrong with it.
func look(tab context.Context, server, sample string, v view, axe, file string) ([]string, error) {
	ctx, cancel := context.WithTimeout(tab, 30*time.Second)
	defer cancel()
	scheme := emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}},
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, scheme); err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(v.width, v.height),
		chromedp.Navigate(server+"/page/"+sample+"?locale="+v.locale)); err != nil {
		return nil, err
	}
	var found []string
	overflow, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
		`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
	if err != nil {
		return nil, err
	}
	if overflow {
		found = append(found, "wider than the window (WCAG 2.2 §1.4.10)")
	}
	if file != "" {
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, png, 0o644); err != nil {
			return nil, err
		}
	}
	if axe == "" {
		return found, nil
	}
	broken, err := accessibility(ctx, axe)
	return append(found, broken...), err
}
