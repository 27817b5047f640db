package identity

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/elloloop/identity"

// skipped are folders that hold nothing of the project: see .gitignore.
var skipped = []string{".git", ".identity", "bin", "node_modules", "screenshots"}

// tree returns the project's files, slash-separated, relative to the root.
func tree(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skipped, d.Name()):
			return filepath.SkipDir
		case d.Type().IsRegular():
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// source is one parsed Go file.
type source struct {
	file string // relative to the root
	pkg  string // its folder
	test bool
	ast  *ast.File
	set  *token.FileSet
}

// line says where a node is, for messages.
func (s source) line(n ast.Node) string {
	p := s.set.Position(n.Pos())
	return s.file + ":" + strconv.Itoa(p.Line)
}

// parsed are the sources, which the first test that asks for them parses.
var parsed struct {
	sync.Mutex
	all []source
}

// sources parses every Go file of the project but the generated ones.
func sources(t *testing.T) []source {
	t.Helper()
	parsed.Lock()
	defer parsed.Unlock()
	if parsed.all != nil {
		return parsed.all
	}
	var out []source
	for _, file := range tree(t) {
		if path.Ext(file) != ".go" || generated(file) {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, source{file, path.Dir(file), strings.HasSuffix(file, "_test.go"), f, set})
	}
	if len(out) < 10 {
		t.Fatalf("only %d Go files found: the tests must run in the root of the module", len(out))
	}
	parsed.all = out
	return out
}

func generated(file string) bool { return strings.HasPrefix(file, "proto/gen/") }
