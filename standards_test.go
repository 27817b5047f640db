package identity

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A citation is a standard and a section of it: "RFC 6749 §4.1.3", "OIDC Core
// §3.1.2.1". "RFC 6749 §4.1.2.1 and §5.2" is two. A publication of NIST may be
// cited whole.
var (
	standard = `RFC [0-9]{4,5}|NIST (?:SP|FIPS) [0-9]+(?:-[0-9A-Z]+)*|OWASP ASVS|` +
		`(?:OIDC|OAuth 2\.[01]|OpenID|WebAuthn)(?: [A-Z][\w-]*)+`
	part      = `§[0-9A-Z]+(?:\.[0-9A-Za-z]+)*|Appendix [A-Z](?:\.[0-9]+)*`
	cited     = regexp.MustCompile(`(` + standard + `),? ((?:` + part + `)(?:(?:,| and|, and| or| to) (?:` + part + `))*)`)
	citedPart = regexp.MustCompile(part)
	citedNIST = regexp.MustCompile(`NIST (?:SP|FIPS) [0-9]+(?:-[0-9A-Z]+)*`)
	secured   = regexp.MustCompile(`\bS[1-7]-[0-9]{2}\b`)
	spaces    = regexp.MustCompile(`\s+`)
)

// citations finds what a text cites, without repeats, in its order.
func citations(text string) []string {
	text = spaces.ReplaceAllString(text, " ")
	var out []string
	for _, m := range cited.FindAllStringSubmatch(text, -1) {
		for _, p := range citedPart.FindAllString(m[2], -1) {
			out = append(out, m[1]+" "+p)
		}
	}
	return append(out, citedNIST.FindAllString(text, -1)...)
}

// row is one line of a table: its first cell is what others refer to.
type row struct {
	id, answer, files, tests string
	line                     int
}

// table reads the rows of four cells of a page. The header and the rule below it
// are none.
func table(t *testing.T, file string) []row {
	t.Helper()
	var rows []row
	seen := map[string]int{}
	for i, line := range strings.Split(read(t, file), "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| section") || strings.HasPrefix(line, "| id") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00"), "|")
		if len(cells) != 4 {
			t.Errorf("%s:%d: a row of %d cells, not of 4", file, i+1, len(cells))
			continue
		}
		for j := range cells {
			cells[j] = strings.TrimSpace(strings.ReplaceAll(cells[j], "\x00", "|"))
		}
		r := row{cells[0], cells[1], cells[2], cells[3], i + 1}
		if before, twice := seen[r.id]; twice {
			t.Errorf("%s:%d: %s stands in line %d too", file, i+1, r.id, before)
		}
		seen[r.id] = i + 1
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no rows", file)
	}
	return rows
}

// TestCitations: what the code says it obeys stands in docs/standards.md. A row
// for a section covers the sections below it; a row for a whole document only
// citations of the whole.
func TestCitations(t *testing.T) {
	rows := map[string]bool{}
	for _, r := range table(t, "docs/standards.md") {
		rows[r.id] = true
	}
	covered := func(c string) bool {
		for {
			if rows[c] {
				return true
			}
			i := strings.LastIndexByte(c, '.')
			if i < 0 || !strings.Contains(c[:i], "§") && !strings.Contains(c[:i], "Appendix") {
				return false
			}
			c = c[:i]
		}
	}
	missing := map[string]bool{}
	for _, s := range sources(t) {
		for _, g := range s.ast.Comments {
			for _, c := range citations(plain(g)) {
				if !covered(c) && !missing[c] {
					missing[c] = true
					t.Errorf("%s cites %s, which has no row in docs/standards.md", s.line(g), c)
				}
			}
		}
	}
}

// plain is a comment without its slashes, so that a citation may span lines.
func plain(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(strings.TrimSuffix(strings.TrimLeft(strings.TrimPrefix(c.Text, "/*"), "/"), "*/") + " ")
	}
	return b.String()
}

// TestSecurityRows: the promises that code and tests speak of stand in
// docs/security.md.
func TestSecurityRows(t *testing.T) {
	rows := map[string]bool{}
	for _, r := range table(t, "docs/security.md") {
		if !secured.MatchString(r.id) || len(r.id) != len("S1-01") {
			t.Errorf("docs/security.md:%d: %q is no id of a row", r.line, r.id)
		}
		rows[r.id] = true
	}
	missing := map[string]bool{}
	for _, s := range sources(t) {
		for _, id := range secured.FindAllString(read(t, s.file), -1) {
			if !rows[id] && !missing[id] && path.Dir(s.file) != "." {
				missing[id] = true
				t.Errorf("%s speaks of %s, which has no row in docs/security.md", s.file, id)
			}
		}
	}
}

// TestTables: every file and test that the tables name exists, and every row names
// some, unless its answer begins with "Not": an open end.
func TestTables(t *testing.T) {
	names, all := map[string]map[string]bool{}, sources(t)
	for _, page := range []string{"docs/standards.md", "docs/security.md"} {
		for _, r := range table(t, page) {
			open := strings.HasPrefix(r.answer, "Not")
			if strings.TrimSpace(r.answer) == "" {
				t.Errorf("%s:%d: %s has no answer", page, r.line, r.id)
			}
			for _, f := range ticked(r.files) {
				if _, err := os.Stat(f); err != nil {
					t.Errorf("%s:%d: %s: the file %s does not exist", page, r.line, r.id, f)
				}
			}
			if len(ticked(r.files)) == 0 && !open {
				t.Errorf("%s:%d: %s names no file", page, r.line, r.id)
			}
			file, tests := "", 0
			for _, word := range ticked(r.tests) {
				if isTestFile(word) {
					file = word
					if names[file] == nil {
						names[file] = testNames(t, all, file)
					}
					continue
				}
				tests++
				if file == "" || !names[file][word] && !subtest(names[file], word) {
					t.Errorf("%s:%d: %s: there is no test %s in %q", page, r.line, r.id, word, file)
				}
			}
			if tests == 0 && !open {
				t.Errorf("%s:%d: %s names no test", page, r.line, r.id)
			}
		}
	}
}

func isTestFile(s string) bool {
	return strings.HasSuffix(s, "_test.go") || strings.HasSuffix(s, ".txtar") || strings.HasSuffix(s, ".mjs") || strings.HasPrefix(s, "storage/graph/graphtest/")
}

var backticks = regexp.MustCompile("`([^`]+)`")

func ticked(cell string) []string {
	var out []string
	for _, m := range backticks.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}

// testNames are the functions and the string literals of a Go file of tests, or
// the lines of another kind of test.
func testNames(t *testing.T, all []source, file string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	if path.Ext(file) != ".go" {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s does not exist", file)
			return names
		}
		for _, line := range strings.Split(read(t, file), "\n") {
			names[strings.Trim(line, "# ")] = true
			for _, m := range regexp.MustCompile(`["'`+"`"+`]([^"'`+"`"+`]+)["'`+"`"+`]`).FindAllStringSubmatch(line, -1) {
				names[m[1]] = true
			}
		}
		return names
	}
	for _, s := range all {
		if s.file != file {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					names[n.Name.Name] = true
				}
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					if v, err := strconv.Unquote(n.Value); err == nil {
						names["/"+v] = true
					}
				}
			}
			return true
		})
	}
	return names
}

// subtest finds TestName/sub: the function, and "sub" whole or in its parts.
func subtest(names map[string]bool, word string) bool {
	fn, sub, ok := strings.Cut(word, "/")
	if !ok || !names[fn] {
		return false
	}
	if names["/"+sub] {
		return true
	}
	for i := range sub {
		if sub[i] == '/' && names["/"+sub[:i]] && subtest(names, fn+sub[i:]) {
			return true
		}
	}
	return false
}

func TestCitationPattern(t *testing.T) {
	for text, want := range map[string]string{
		"as RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1 say":    "RFC 6749 §4.1.2.1|RFC 6749 §5.2|RFC 6750 §3.1",
		"(RFC 9700\n §4.14.2).":                               "RFC 9700 §4.14.2",
		"OIDC Core §3.1.2.1":                                  "OIDC Core §3.1.2.1",
		"OAuth 2.0 Form\nPost Response Mode §2":               "OAuth 2.0 Form Post Response Mode §2",
		"RFC 7636 Appendix B":                                 "RFC 7636 Appendix B",
		"(NIST SP 800-38D)":                                   "NIST SP 800-38D",
		"names of OIDC Dynamic Client\nRegistration §2 and x": "OIDC Dynamic Client Registration §2",
		"RFC 8176": "",
	} {
		if got := strings.Join(citations(text), "|"); got != want {
			t.Errorf("%q cites %q, want %q", text, got, want)
		}
	}
}
