package templates

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"

	"golang.org/x/text/language"
)

//go:embed html/*.html mail/* static/* locales/*.json
var embedded embed.FS

// Config says how the pages look and where an operator's own files are.
type Config struct {
	// Dir is a folder that is laid over the built-in files: html/<page>.html and
	// static/<file> replace the built-in file of that name, locales/<tag>.json
	// replaces single messages or adds a language. "" for none.
	Dir string
	// DefaultLocale is used for people whose languages we have not. The zero tag
	// means English.
	DefaultLocale language.Tag
	Brand         Brand
	// Look returns what the project of a request has of its own, nil for nothing.
	// nil: no project has anything.
	Look   func(*http.Request) *Look
	Dev    bool // shows the "development" banner on every page
	Reload bool // reads Dir again for every page: for development only
	// Logger hears of pages that could not be rendered. nil means slog.Default().
	Logger *slog.Logger
}

// Brand is how the operator presents the service.
type Brand struct {
	Name    string // shown on every page and in its title; "" means "identity"
	Accent  string // colour of buttons and links, "#rgb" or "#rrggbb"; "" means the built-in one. Corrected where its contrast is below WCAG 2.2 §1.4.3
	Dark    string // the same on dark surfaces; "" means Accent, corrected
	LogoURI string // https URL or local absolute path of an image; "" shows the built-in sign
	HelpURI string // http(s) or mailto link shown as "Help" on every page (WCAG 2.2 §3.2.6); "" for none
}

const defaultBrandName = "identity"

// overlay serves files of several layers: the built-in ones first, and what lies
// above them before it.
type overlay []fs.FS

// Open opens the file of the highest layer that has it.
func (o overlay) Open(name string) (fs.File, error) {
	for i := len(o) - 1; i > 0; i-- {
		f, err := o[i].Open(name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return o[0].Open(name)
}

// files returns the built-in files with the folder dir laid over them.
func files(dir string) (overlay, error) {
	if dir == "" {
		return overlay{embedded}, nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("templates: folder of own pages: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("templates: folder of own pages: %s is not a folder", dir)
	}
	return overlay{embedded, os.DirFS(dir)}, nil
}
