package templates

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/text/language"
)

// pageNames are the pages that there are: html/<name>.html each.
var pageNames = [...]string{
	"identify", "password", "register", "consent", "selectaccount",
	"passkey", "addpasskey", "totp", "enroltotp", "recoverycode", "recoverycodes", "qr", "qrcode", "qrapprove", "qrdone", "upstream",
	"account", "accountprofile", "accountemail", "accountphone", "emailchange", "accountsecurity", "accountpassword", "accountpasskey", "accountapp", "accountcodes",
	"accountsessions", "accountclients", "accountactivity", "accountdata", "accountleave", "accountleft", "accountproof",
	"emailcode", "phonecode", "magiclink", "recover", "newpassword", "link", "linkdone", "verify", "terms", "invite", "help",
	"logout", "loggedout", "frontchannel", "error", "formpost", "home", "playground", "inbox", "gallery",
}

// partNames are the files that every page is made of.
var partNames = [...]string{"layout", "parts", "account-parts"}

// Renderer draws pages. It is safe for concurrent use.
type Renderer struct {
	config Config
	log    *slog.Logger
	loaded atomic.Pointer[theme]
}

// theme is everything that was read from files; it does not change once made.
type theme struct {
	brand    brand
	pages    map[string]*template.Template
	messages *messages
	assets   *assets
	mails    *mails
	limit    int             // of a page in bytes, 0 for none
	own      map[string]bool // pages that a project's own files are part of
}

// brand is the operator's Brand, checked.
type brand struct {
	Name    string
	LogoURI string
	HelpURI string
	Accent  string // for light surfaces, as letters use it
	Style   string // path of a style sheet with a project's colours, "" for none
}

// New reads every page, style and message file. Where the operator has files of
// their own it draws each page with a sample in every language, so that a broken
// one stops the start with its name and not a person's sign-in.
func New(c Config) (*Renderer, error) {
	r := &Renderer{config: c, log: c.Logger}
	if r.log == nil {
		r.log = slog.Default()
	}
	t, err := load(c)
	if err != nil {
		return nil, err
	}
	r.loaded.Store(t)
	return r, nil
}

// LookOf is what the project of a request has of its own, nil for nothing.
func (r *Renderer) LookOf(req *http.Request) *Look {
	if req == nil || r.config.Look == nil {
		return nil
	}
	return r.config.Look(req)
}

// theme returns the files as they are now.
func (r *Renderer) theme() (*theme, error) {
	if !r.config.Reload {
		return r.loaded.Load(), nil
	}
	t, err := load(r.config)
	if err != nil {
		return nil, err
	}
	r.loaded.Store(t)
	return t, nil
}

func load(c Config) (*theme, error) {
	fsys, err := files(c.Dir)
	if err != nil {
		return nil, err
	}
	if len(fsys) > 1 {
		if err := checkNames(fsys[1]); err != nil {
			return nil, err
		}
	}
	t := &theme{pages: make(map[string]*template.Template, len(pageNames))}
	if t.brand, err = checkBrand(c.Brand); err != nil {
		return nil, err
	}
	if t.messages, err = loadMessages(fsys, c.DefaultLocale); err != nil {
		return nil, err
	}
	if t.assets, err = loadAssets(fsys, c.Brand.Accent); err != nil {
		return nil, err
	}
	t.brand.Accent = t.assets.colours.light.String()
	for _, name := range pageNames {
		if t.pages[name], err = parsePage(fsys, name); err != nil {
			return nil, err
		}
	}
	if t.mails, err = parseMails(fsys); err != nil {
		return nil, err
	}
	if len(fsys) == 1 { // the built-in files are tried by the tests
		return t, nil
	}
	return t, t.tryAll()
}

// checkNames refuses files that nothing would ever read: most likely a typing
// error of the operator, whose page would silently not be used.
func checkNames(upper fs.FS) error {
	own, err := fs.Glob(upper, "html/*")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	letters, err := fs.Glob(upper, "mail/*")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	for _, file := range letters {
		if file != "mail/letter.html" && file != "mail/letter.txt" {
			return fmt.Errorf("templates: %s: want letter.html or letter.txt", file)
		}
	}
	for _, file := range own {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if !slices.Contains(pageNames[:], name) && !slices.Contains(partNames[:], name) {
			return fmt.Errorf("templates: %s: there is no page of this name", file)
		}
	}
	return nil
}

func checkBrand(b Brand) (brand, error) {
	out := brand{Name: b.Name, LogoURI: b.LogoURI, HelpURI: b.HelpURI}
	if out.Name == "" {
		out.Name = defaultBrandName
	}
	if b.LogoURI != "" && safeImage(b.LogoURI) == "" && !localPath(b.LogoURI) {
		return brand{}, fmt.Errorf("templates: brand logo %q: want an https URL or an absolute path", b.LogoURI)
	}
	if b.HelpURI != "" && safeLink(b.HelpURI) == "" {
		u, err := url.Parse(b.HelpURI)
		if err != nil || u.Scheme != "mailto" {
			return brand{}, fmt.Errorf("templates: brand help %q: want an http, https or mailto URL", b.HelpURI)
		}
	}
	return out, nil
}

func parsePage(fsys fs.FS, name string) (*template.Template, error) {
	t := template.New(name).Option("missingkey=error")
	for _, part := range append(partNames[:], name) {
		file := "html/" + part + ".html"
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("templates: %s: %w", file, err)
		}
		// Named by its file, so that every later error names it too.
		if _, err := t.New(file).Parse(string(text)); err != nil {
			return nil, fmt.Errorf("templates: %s: %w", file, err)
		}
	}
	return t, nil
}

// tryAll draws every sample in every language.
func (t *theme) tryAll() error {
	for _, tag := range t.messages.tags {
		for _, l := range SampleLetters() {
			if _, err := t.write(tag, l); err != nil {
				return fmt.Errorf("%w (letter %s in %s)", err, l.Name, tag)
			}
		}
		for _, s := range Samples() {
			d := t.document(s.Page, tag)
			if err := t.draw(io.Discard, d); err != nil {
				return fmt.Errorf("templates: html/%s.html in %s: %w", s.Page.Name, tag, err)
			}
		}
	}
	return nil
}

func (t *theme) draw(w io.Writer, d *document) error {
	page, ok := t.pages[d.Name]
	if !ok {
		return fmt.Errorf("there is no page %q", d.Name)
	}
	if t.limit == 0 {
		return page.ExecuteTemplate(w, "layout", d)
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&limited{&b, t.limit}, "layout", d); err != nil {
		return err
	}
	if t.own[d.Name] {
		if err := checkDrawn(b.Bytes()); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// document gathers what the templates see.
func (t *theme) document(p Page, tag language.Tag) *document {
	d := &document{
		Name: p.Name, Action: p.Action, View: p.View, Dev: p.Dev, Account: p.Account,
		Problem: p.Problem, RequestID: p.RequestID,
		Lang: tag.String(), Dir: direction(tag),
		Brand: t.brand, tag: tag, theme: t,
	}
	if p.Client != nil {
		d.Client = present(*p.Client)
	}
	return d
}

// bytes draws a page into memory, so that an error never leaves half a page.
func (t *theme) bytes(p Page, tag language.Tag) ([]byte, *document, error) {
	var b bytes.Buffer
	b.Grow(8 << 10)
	d := t.document(p, tag)
	if err := t.draw(&b, d); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), d, nil
}
