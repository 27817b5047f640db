package templates

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The bounds of a project's own files.
const (
	MaxOwnFile  = 64 << 10  // bytes of one
	MaxOwnFiles = 256 << 10 // bytes of all
	maxOwnCount = 64
	maxOwnPage  = 1 << 20 // bytes of a page that was drawn with them
)

// Theme is the own files of a project, ready to be drawn with.
type Theme struct{ own *theme }

// OwnError says what is wrong with one of a project's own files.
type OwnError struct {
	File   string // "" where it is about all of them
	Reason string // names the line, where there is one
}

// Error is the file and the reason.
func (e *OwnError) Error() string { return strings.TrimPrefix(e.File+": "+e.Reason, ": ") }

var ownImageName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}\.(png|webp|svg)$`)

// ownImage reports whether a project may have an image of this name.
func ownImage(name string) bool { return ownImageName.MatchString(name) && name != "favicon.svg" }

// protocolPages are those that no project changes: they carry the protocol's
// answers, ask for what other devices answered, or are the development server's.
var protocolPages = []string{"formpost", "frontchannel", "qr", "playground", "inbox", "gallery"}

// ownable reports whether a project may have a file of this name. Scripts are not
// among them: projects may share an origin.
func ownable(name string) bool {
	dir, base := path.Split(name)
	switch dir {
	case "html/":
		page, ok := strings.CutSuffix(base, ".html")
		return ok && (slices.Contains(pageNames[:], page) || slices.Contains(partNames[:], page)) && !slices.Contains(protocolPages, page)
	case "mail/":
		return base == "letter.html" || base == "letter.txt"
	case "locales/":
		return ownLocale.MatchString(base)
	case "static/":
		return base == "app.css" || base == "account.css" || base == "favicon.svg" || ownImage(base)
	}
	return false
}

var ownLocale = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}\.json$`)

// Compile makes a project's own files ready to be drawn with, over the server's.
// base is the path of the project's issuer, below which its images and styles are
// served. A *OwnError says what is wrong with them.
func (r *Renderer) Compile(own map[string][]byte, base string) (*Theme, error) {
	server, err := r.theme()
	if err != nil {
		return nil, err
	}
	if err := checkOwn(own); err != nil {
		return nil, err
	}
	layers, err := files(r.config.Dir)
	if err != nil {
		return nil, err
	}
	layers = append(layers, memory(own))
	t := *server
	t.pages, t.limit, t.own = maps.Clone(server.pages), maxOwnPage, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if err := t.replace(layers, name, r.config, own[name], base); err != nil {
			return nil, ownError(name, err)
		}
	}
	if err := t.checkTrees(own, server); err != nil {
		return nil, err
	}
	return &Theme{&t}, nil
}

// Try draws every page and letter with the files once, in every language, as it
// must be done before they are stored.
func (r *Renderer) Try(own map[string][]byte, base string) error {
	t, err := r.Compile(own, base)
	if err != nil {
		return err
	}
	if err := t.own.tryAll(); err != nil {
		return ownError("", err)
	}
	return nil
}

func ownError(file string, err error) error {
	var known *OwnError
	if errors.As(err, &known) {
		return known
	}
	reason := strings.TrimPrefix(err.Error(), "templates: ")
	return &OwnError{File: file, Reason: strings.TrimPrefix(reason, file+": ")}
}

// replace puts one own file into the theme.
func (t *theme) replace(layers overlay, name string, c Config, body []byte, base string) (err error) {
	dir, file := path.Split(name)
	switch dir {
	case "locales/":
		t.messages, err = loadMessages(layers, c.DefaultLocale)
	case "mail/":
		t.mails, err = parseMails(layers)
	case "static/":
		if !t.assets.own { // the server's are not to be changed
			t.assets = &assets{path: maps.Clone(t.assets.path), file: map[string]asset{}, colours: t.assets.colours, own: true, base: base}
		}
		err = t.assets.add(file, body)
	case "html/":
		page := strings.TrimSuffix(file, ".html")
		changed := []string{page}
		if slices.Contains(partNames[:], page) { // every page is made of it
			changed = slices.DeleteFunc(slices.Clone(pageNames[:]), func(p string) bool { return slices.Contains(protocolPages, p) })
		}
		for _, p := range changed {
			if t.pages[p], err = parsePage(layers, p); err != nil {
				return err
			}
			t.own[p] = true
		}
	}
	return err
}

// checkOwn looks at names and sizes, and at what no file may hold.
func checkOwn(files map[string][]byte) error {
	total := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		body := files[name]
		total += len(body)
		switch {
		case !ownable(name):
			return &OwnError{name, "is no file that a project can have of its own"}
		case len(body) > MaxOwnFile:
			return &OwnError{name, fmt.Sprintf("has %d bytes; at most %d", len(body), MaxOwnFile)}
		}
		if err := checkKind(name, body); err != nil {
			return err
		}
	}
	if total > MaxOwnFiles || len(files) > maxOwnCount {
		return &OwnError{"", fmt.Sprintf("%d files of %d bytes; at most %d of %d", len(files), total, maxOwnCount, MaxOwnFiles)}
	}
	return nil
}

// magic is how images begin.
var magic = map[string]string{".png": "\x89PNG\r\n\x1a\n", ".webp": "RIFF"}

func checkKind(name string, body []byte) error {
	switch ext := path.Ext(name); ext {
	case ".png", ".webp":
		if !bytes.HasPrefix(body, []byte(magic[ext])) {
			return &OwnError{name, "is no image of this kind"}
		}
	case ".json":
		return checkSentences(name, body)
	case ".html", ".svg":
		if ext == ".svg" && !bytes.Contains(body, []byte("<svg")) {
			return &OwnError{name, "is no image of this kind"}
		}
		text := body
		for _, good := range ownTags {
			text = bytes.ReplaceAll(text, []byte(good), bytes.Repeat([]byte("x"), len(good)))
		}
		if at := forbiddenTag.FindIndex(text); at != nil {
			return &OwnError{name, fmt.Sprintf("line %d: %q can't be used in a project's own files", lineAt(body, int64(at[0])), body[at[0]:at[1]])}
		}
	}
	return nil
}

// forbiddenTag is what takes a page elsewhere or runs: the policy of every page
// (its Content-Security-Policy) refuses it in the browser as well, but for what
// would send the address of a page, which may have a token, along (S1-08).
var forbiddenTag = regexp.MustCompile(`(?i)<\s*(base|iframe|frame|object|embed|portal|foreignobject|script|meta)\b|http-equiv|referrerpolicy`)

// ownTags are those of the built-in files that may stay.
var ownTags = []string{
	`<script src="{{.Asset "page.js"}}" defer></script>`,
	`<meta charset="utf-8">`,
	`<meta name="viewport" content="width=device-width, initial-scale=1">`,
	`<meta name="color-scheme" content="light dark">`,
	`<meta name="supported-color-schemes" content="light dark">`,
	`referrerpolicy="no-referrer"`,
}

// ownScript is the one script of a page that was drawn.
var ownScript = regexp.MustCompile(`<script src="[^"<>]*/static/page\.[0-9a-f]{16}\.js" defer></script>`)

// checkDrawn looks at the page itself: what no file holds may have been put together
// of several, or of what stands before and behind a {{template}}.
func checkDrawn(page []byte) error {
	text := ownScript.ReplaceAll(page, nil)
	for _, good := range ownTags {
		text = bytes.ReplaceAll(text, []byte(good), nil)
	}
	if at := forbiddenTag.FindIndex(text); at != nil {
		return fmt.Errorf("the page that comes of it has %q, which can't be used in a project's own files", text[at[0]:at[1]])
	}
	return nil
}

func lineAt(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}

// memory is a file system of a project's own files.
type memory map[string][]byte

// Open opens a file.
func (m memory) Open(name string) (fs.File, error) {
	body, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{Reader: bytes.NewReader(body), name: path.Base(name)}, nil
}

// Glob returns the names that match, in order.
func (m memory) Glob(pattern string) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if ok, err := path.Match(pattern, name); err != nil {
			return nil, err
		} else if ok {
			out = append(out, name)
		}
	}
	return out, nil
}

type memoryFile struct {
	*bytes.Reader
	name string
}

// Stat describes the file.
func (f *memoryFile) Stat() (fs.FileInfo, error) { return memoryInfo{f.name, f.Size()}, nil }

// Close does nothing.
func (f *memoryFile) Close() error { return nil }

type memoryInfo struct {
	name string
	size int64
}

func (i memoryInfo) Name() string     { return i.name }
func (i memoryInfo) Size() int64      { return i.size }
func (memoryInfo) Mode() fs.FileMode  { return 0o444 }
func (memoryInfo) ModTime() time.Time { return time.Time{} }
func (memoryInfo) IsDir() bool        { return false }
func (memoryInfo) Sys() any           { return nil }

// limited stops a page that grows without end. No limit: 0.
type limited struct {
	w    io.Writer
	left int
}

// Write writes what there is room for.
func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, errors.New("the page is too long")
	}
	return l.w.Write(b)
}
