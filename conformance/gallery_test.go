package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGallery looks at every page in every state in a real browser, as the
// development server shows them: axe-core finds nothing against WCAG 2.2 AA, on a
// telephone and on a desktop, in light and dark, and nothing scrolls sideways, from
// right to left neither.
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
	c := newTab(t, d.server, phone)
	c.open(d.Issuer + "/dev/pages?locale=en")
	c.accessible("gallery")
	c.must(&pages, "[...document.querySelectorAll('.rows a')].map((a) => a.href).filter((h) => !h.includes('/mail/'))")
	c.must(&letters, "[...document.querySelectorAll('.rows a')].map((a) => a.href).filter((h) => h.includes('/mail/') && !h.includes('form=text'))")
	if len(pages) < 80 || len(letters) < 15 {
		t.Fatalf("%d pages, %d letters", len(pages), len(letters))
	}
	for _, page := range pages {
		name := strings.TrimPrefix(page, d.Issuer+"/dev/pages/")
		c.size(phone)
		c.open(page + "&theme=light&bare=1")
		c.accessible(name + ", phone, light")
		c.size(desktop)
		c.open(page + "&theme=dark&bare=1")
		c.accessible(name + ", desktop, dark")
		c.size(phone)
		c.open(strings.Replace(page, "locale=en", "locale=ar", 1) + "&bare=1")
		c.within(name + ", right to left")
		var dir string
		if c.must(&dir, "getComputedStyle(document.querySelector('main')).direction"); dir != "rtl" {
			t.Errorf("%s: written %s", name, dir)
		}
	}
	for _, letter := range letters {
		for _, locale := range []string{"ar", "fr"} {
			c.open(strings.Replace(letter, "locale=en", "locale="+locale, 1))
			c.within(letter + " in " + locale)
		}
	}
}
