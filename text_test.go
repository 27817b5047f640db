package identity

import (
	"bytes"
	"go/format"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// binary are the kinds of file that have no lines.
var binary = []string{".png", ".jpg", ".ico", ".woff2", ".gz"}

// texts are the files that people read and write. What the tests of a package
// feed to a parser (testdata/fuzz) is none.
func texts(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(tree(t), func(f string) bool {
		return slices.Contains(binary, path.Ext(f)) || strings.Contains(f, "testdata/fuzz/")
	})
}

func TestNewlineAtEnd(t *testing.T) {
	for _, f := range texts(t) {
		b := read(t, f)
		switch {
		case b == "":
			t.Errorf("%s is empty", f)
		case !strings.HasSuffix(b, "\n"):
			t.Errorf("%s does not end with a newline", f)
		case strings.Contains(b, "\r\n") && path.Ext(f) != ".txtar":
			t.Errorf("%s has carriage returns", f)
		}
	}
}

func TestFormatted(t *testing.T) {
	for _, s := range sources(t) {
		b := []byte(read(t, s.file))
		want, err := format.Source(b)
		if err != nil {
			t.Errorf("%s: %v", s.file, err)
		} else if !bytes.Equal(b, want) {
			t.Errorf("%s: run gofmt -w on it", s.file)
		}
	}
}

var everySystem = regexp.MustCompile(`^/(tmp|var|usr|opt|srv|etc|src|data|build|home)(/|$)`)

// TestNoMachine: nothing that is kept speaks of the machine that it was made on.
func TestNoMachine(t *testing.T) {
	words := []*regexp.Regexp{
		regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(root|home|Users)/[A-Za-z0-9._-]+`),
		regexp.MustCompile(`[A-Z]:\\Users\\`),
	}
	if dir, err := os.Getwd(); err == nil {
		dir = filepath.ToSlash(dir)
		if strings.Count(dir, "/") > 1 {
			words = append(words, regexp.MustCompile(regexp.QuoteMeta(dir)+`\b`))
		}
		// What lies beside the checkout is as foreign, but for the folders that every system has.
		if above := path.Dir(dir); above != "/" && !everySystem.MatchString(above) {
			words = append(words, regexp.MustCompile(`(^|[\s"'=(:`+"`"+`])`+regexp.QuoteMeta(above)+"/"))
		}
	}
	// npm writes where it found a package: that is nobody's business but npm's.
	lock := regexp.MustCompile(`"resolved": "https?://([^/"]+)/`)
	for _, f := range texts(t) {
		b := read(t, f)
		for i, line := range strings.Split(b, "\n") {
			for _, w := range words {
				if m := w.FindString(line); m != "" {
					t.Errorf("%s:%d: a path of one machine: %q", f, i+1, strings.TrimSpace(m))
				}
			}
		}
		if path.Base(f) == "package-lock.json" {
			for _, m := range lock.FindAllStringSubmatch(b, -1) {
				if m[1] != "registry.npmjs.org" {
					t.Errorf("%s: a package of the host %s", f, m[1])
				}
			}
		}
	}
}

var (
	markdownLink = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading      = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	codeBlock    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
)

// TestLinks: every link inside the repository leads to something.
func TestLinks(t *testing.T) {
	for _, f := range texts(t) {
		if path.Ext(f) != ".md" {
			continue
		}
		for _, m := range markdownLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(read(t, f), ""), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: link %q: %v", f, m[1], err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			target := f
			if u.Path != "" {
				target = path.Join(path.Dir(f), u.Path)
			}
			if _, err := os.Stat(target); err != nil || strings.HasPrefix(target, "../") {
				t.Errorf("%s: link %q leads nowhere", f, m[1])
			} else if u.Fragment != "" && !slices.Contains(anchors(read(t, target)), u.Fragment) {
				t.Errorf("%s: link %q: no such heading", f, m[1])
			}
		}
	}
}

// anchors are the fragments of a page's headings, as forges make them.
func anchors(markdown string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(markdown, -1) {
		s := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127 && r != '§' && r != '→':
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		out = append(out, s)
	}
	return out
}
