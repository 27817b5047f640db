// Command screenshots draws every page in every state and every letter with
// made-up content in a headless Chromium, in each language and from right to left,
// light and dark, at the width of a telephone and of a desktop, so that people can
// look at them. With -axe it also runs the accessibility rules of axe-core over
// each of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
	out, axe, dir, browser, accent, logo string
	locales                              []string
	only                                 *regexp.Regexp
	pictures                             bool
	sheet                                int
}

// logoPath is where the logo of the brand and of the sample's client is.
const logoPath = "/logo.svg"

func parse(args []string) (options, error) {
	var o options
	var only, locales string
	f := flag.NewFlagSet("screenshots", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "screenshots", "folder for the pictures")
	f.StringVar(&o.axe, "axe", "", "axe.min.js of the npm package axe-core; without it, accessibility is not checked")
	f.StringVar(&o.dir, "templates", "", "folder of own pages, laid over the built-in ones")
	f.StringVar(&o.browser, "browser", "/usr/bin/chromium", "the browser's program")
	f.StringVar(&o.accent, "accent", "", "colour of the brand, #rrggbb")
	f.StringVar(&o.logo, "logo", "", "SVG file, the logo of the brand and of the application")
	f.StringVar(&locales, "locales", "en,de,es,fr,ja,"+mirrored, "languages; "+mirrored+": English in Arabic letters, from right to left")
	f.IntVar(&o.sheet, "sheet", 0, "how many pictures of a kind to put on a sheet, to look at them together; 0: none")
	f.StringVar(&only, "only", "", "regular expression: only the pictures whose name it matches")
	f.BoolVar(&o.pictures, "pictures", true, "take the pictures")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.locales = strings.Split(locales, ",")
	var err error
	o.only, err = regexp.Compile(only)
	return o, err
}

// view is one way of looking at a page.
type view struct {
	locale, scheme string
	width, height  int64
}

func (v view) String() string { return fmt.Sprintf("%s-%s-%d", v.locale, v.scheme, v.width) }

func views(locales []string) []view {
	var out []view
	for _, locale := range locales {
		for _, scheme := range []string{"light", "dark"} {
			out = append(out, view{locale, scheme, 390, 844}, view{locale, scheme, 1280, 800})
		}
		out = append(out, view{locale, "light", 320, 640})
	}
	return out
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if slices.Contains(o.locales, mirrored) {
		folder, err := mirror("templates/locales/en.json", o.dir)
		defer os.RemoveAll(folder)
		if err != nil {
			return err
		}
		o.dir = folder
	}
	brand := templates.Brand{Accent: o.accent, HelpURI: "https://help.example.com/"}
	if o.logo != "" {
		brand.LogoURI = logoPath
	}
	renderer, err := templates.New(templates.Config{Dir: o.dir, Brand: brand})
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
	server := httptest.NewServer(pages(renderer, o))
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
	for _, v := range views(o.locales) {
		var taken []string
		for _, sample := range names() {
			name := sample + "-" + v.String()
			if !o.only.MatchString(name) {
				continue
			}
			script := axe
			if strings.HasPrefix(sample, mail) {
				script = "" // a mail reader puts it into a page of its own
			}
			found, err := look(tab, server.URL, sample, v, script, picture(o, name))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for _, f := range found {
				fmt.Printf("%s: %s\n", name, f)
			}
			violations += len(found)
			taken = append(taken, name)
		}
		if err := sheets(tab, server.URL, v, taken, o); err != nil {
			return fmt.Errorf("sheet of %s: %w", v, err)
		}
	}
	if violations > 0 {
		return fmt.Errorf("%d accessibility violations", violations)
	}
	return nil
}

// maxSheet is the width of a picture on a sheet: that of the widest page.
const maxSheet = 976

// sheets puts the pictures of one view beside each other.
func sheets(tab context.Context, server string, v view, taken []string, o options) error {
	if o.sheet <= 0 || !o.pictures {
		return nil
	}
	columns, width := int64(4), v.width
	if width > maxSheet {
		columns, width = 2, maxSheet // the middle of it: the rest is empty
	}
	n := 0
	for chunk := range slices.Chunk(taken, o.sheet) {
		n++
		q := url.Values{"name": chunk}
		for name, value := range map[string]int64{"columns": columns, "width": width, "aside": (v.width - width) / 2} {
			q.Set(name, strconv.FormatInt(value, 10))
		}
		file := filepath.Join(o.out, fmt.Sprintf("sheet-%s-%02d.png", v, n))
		if err := photograph(tab, server+"/sheet?"+q.Encode(), columns*(width+8)+8, 600, file); err != nil {
			return err
		}
	}
	return nil
}

func picture(o options, name string) string {
	if !o.pictures {
		return ""
	}
	return filepath.Join(o.out, name+".png")
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
		chromedp.Navigate(server+"/page/"+sample+"?locale="+strings.Replace(v.locale, mirrored, mirroredTag, 1))); err != nil {
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
		if err := save(ctx, file); err != nil {
			return nil, err
		}
	}
	if axe == "" {
		return found, nil
	}
	broken, err := accessibility(ctx, axe)
	return append(found, broken...), err
}

// photograph opens a page and saves its picture.
func photograph(tab context.Context, at string, width, height int64, file string) error {
	ctx, cancel := context.WithTimeout(tab, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate(at)); err != nil {
		return err
	}
	return save(ctx, file)
}

// save writes the picture of the whole open page.
func save(ctx context.Context, file string) error {
	long, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollHeight > innerHeight`))
	if err != nil {
		return err
	}
	take := chromedp.CaptureScreenshot() // of a page from right to left that is short, the other takes the wrong part
	if long {
		take = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(ctx, take)
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}
