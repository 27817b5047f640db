package conformance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGallery looks at every page in every state in a real browser, as the
// development server shows them: nothing scrolls sideways from right to left, and
// axe-core finds nothing against WCAG 2.2 AA, on a telephone in light colours in
// each page once for each layout that it has, on a desktop in dark ones in one page
// of each layout. The command screenshots, with -axe, looks at all in all ways.
func TestGallery(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "locales"), 0o700); err != nil {
		t.Fatal(err)
	}
	// A language that is written from right to left, most of it in English.
	arabic := `{"identify.title": "تسجيل الدخول", "identify.submit": "متابعة", "password.title": "أدخل كلمة المرور"}`
	if err := os.WriteFile(filepath.Join(folder, "locales", "ar.json"), []byte(arabic), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDev(t, "GATEWAY_TEMPLATES_DIR="+folder)
	var pages, letters []string
	t.Run("list", func(t *testing.T) {
		c := newTab(t, d.server, phone)
		c.open(d.Issuer + "/dev/pages?locale=en")
		c.accessible("gallery")
		c.must(&pages, "[...document.querySelectorAll('.rows a')].map((a) => a.href).filter((h) => !h.includes('/mail/'))")
		c.must(&letters, "[...document.querySelectorAll('.rows a')].map((a) => a.href).filter((h) => h.includes('/mail/') && !h.includes('form=text'))")
	})
	if len(pages) < 80 || len(letters) < 15 {
		t.Fatalf("%d pages, %d letters", len(pages), len(letters))
	}
	layouts := map[string]bool{}
	for chunk := range slices.Chunk(pages, 20) { // a browser has its time
		t.Run(strings.TrimPrefix(chunk[0], d.Issuer+"/dev/pages/"), func(t *testing.T) {
			c := newTab(t, d.server, phone)
			for _, page := range chunk {
				c.sample(page, strings.TrimPrefix(page, d.Issuer+"/dev/pages/"), layouts)
			}
		})
	}
	if len(layouts) < 3 {
		t.Errorf("layouts: %v", layouts)
	}
	t.Run("letters", func(t *testing.T) {
		c := newTab(t, d.server, phone)
		for _, letter := range letters {
			c.open(strings.Replace(letter, "locale=en", "locale=ar", 1))
			c.within(letter + ", right to left")
		}
	})
}

// sample looks at one page in one state; on the desktop if it is the first of its
// layout: of its style sheets, and of the kinds of its parts.
func (c *tab) sample(page, name string, layouts map[string]bool) {
	c.t.Helper()
	c.open(page + "&theme=light&bare=1")
	var layout string
	c.must(&layout, `[...document.querySelectorAll("link[rel=stylesheet]")].map((l) => l.href.split("/").pop().split(".")[0]).join() + ": " + [...new Set([...document.querySelector("main").children].map((e) => e.localName))].sort().join()`)
	if own := layout + " of " + strings.Split(name, "-")[0]; !layouts[own] {
		layouts[own] = true
		c.accessible(name + ", phone, light")
	}
	if !layouts[layout] {
		layouts[layout] = true
		c.size(desktop)
		c.open(page + "&theme=dark&bare=1")
		c.accessible(name + ", desktop, dark")
		c.size(phone)
	}
	c.open(strings.Replace(page, "locale=en", "locale=ar", 1) + "&bare=1")
	c.within(name + ", right to left")
	var dir string
	if c.must(&dir, "getComputedStyle(document.querySelector('main')).direction"); dir != "rtl" {
		c.t.Errorf("%s: written %s", name, dir)
	}
}
