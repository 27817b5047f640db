package identity

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	maxLines   = 400
	maxMethods = 7
)

// nameless are words that say nothing of what a thing is.
var nameless = []string{
	"base", "common", "dto", "helper", "helpers", "misc", "models", "pkg", "shared", "util", "utils",
}

// TestFileSize: a file that can't be read in one sitting has a seam somewhere.
func TestFileSize(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(read(t, s.file), "\n"); n >= maxLines {
			t.Errorf("%s has %d lines, the limit is %d: where is its seam?", s.file, n, maxLines-1)
		}
	}
}

// TestInterfaceSize counts the methods of interfaces, embedded ones as one.
func TestInterfaceSize(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxMethods {
				t.Errorf("%s: an interface of %d methods, the limit is %d", s.line(i), i.Methods.NumFields(), maxMethods)
			}
			return true
		})
	}
}

// TestNames: a folder, file or package is called by what it is.
func TestNames(t *testing.T) {
	for _, file := range tree(t) {
		for part := range strings.SplitSeq(file, "/") {
			stem, _, _ := strings.Cut(strings.TrimPrefix(part, "."), ".")
			stem = strings.TrimSuffix(stem, "_test")
			if slices.Contains(nameless, stem) {
				t.Errorf("%s: %q names no thing", file, part)
			}
		}
	}
	for _, s := range sources(t) {
		if name := strings.TrimSuffix(s.ast.Name.Name, "_test"); slices.Contains(nameless, name) {
			t.Errorf("%s: package %q names no thing", s.file, name)
		}
	}
}

// TestNoInit: what runs, runs because main called it.
func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function", s.line(f))
			}
		}
	}
}

// blankImports that can't be had otherwise: a driver that only registers itself.
var blankImports = map[string][]string{
	"modernc.org/sqlite": {"storage/sqlite"},
	"embed":              nil, // nil: everywhere; go:embed of a string needs it
}

func TestNoBlankImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.ast.Imports {
			if s.test || spec.Name == nil || spec.Name.Name != "_" {
				continue
			}
			name, _ := strconv.Unquote(spec.Path.Value)
			if where, ok := blankImports[name]; !ok || where != nil && !slices.Contains(where, s.pkg) {
				t.Errorf("%s: imports %s for its side effects", s.line(spec), name)
			}
		}
	}
}

// TestNoHiddenState forbids calls that hide a dependency or a test.
func TestNoHiddenState(t *testing.T) {
	skips := regexp.MustCompile(`^Skip(f|Now)?$`)
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			switch {
			case !ok:
			case x.Name == "context" && sel.Sel.Name == "WithValue":
				t.Errorf("%s: context.WithValue: hand it over as an argument", s.line(sel))
			case s.test && slices.Contains([]string{"t", "b", "f", "tb"}, x.Name) && skips.MatchString(sel.Sel.Name):
				t.Errorf("%s: %s.%s: a test that does not run proves nothing", s.line(sel), x.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

// TestPackageVariables: a package variable is a constant that Go can't spell. It
// is set where it is declared, and nothing assigns to it or to a part of it later.
func TestPackageVariables(t *testing.T) {
	packages := map[string]map[string]string{} // package → variable → where
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, sp := range g.Specs {
				v := sp.(*ast.ValueSpec)
				embedded := g.Doc != nil && strings.Contains(text(g.Doc), "go:embed") || v.Doc != nil && strings.Contains(text(v.Doc), "go:embed")
				if len(v.Values) == 0 && !embedded {
					t.Errorf("%s: package variable %s has no value: it can only be one that changes", s.line(v), v.Names[0].Name)
				}
				if stateful(v) {
					t.Errorf("%s: package variable %s holds state", s.line(v), v.Names[0].Name)
				}
				for _, n := range v.Names {
					if n.Name == "_" {
						continue
					}
					if packages[s.pkg] == nil {
						packages[s.pkg] = map[string]string{}
					}
					packages[s.pkg][n.Name] = s.line(n)
				}
			}
		}
	}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			local := declared(f)
			assigned(f.Body, func(name string, at ast.Node) {
				if where, ok := packages[s.pkg][name]; ok && !local[name] {
					t.Errorf("%s: assigns to the package variable %s of %s", s.line(at), name, where)
				}
			})
		}
	}
}

func text(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List { // CommentGroup.Text leaves directives out
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

// stateful finds types whose only use is to change.
func stateful(v *ast.ValueSpec) bool {
	found := false
	look := func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "sync" && sel.Sel.Name != "OnceValue" && sel.Sel.Name != "OnceValues" || x.Name == "atomic") {
				found = true
			}
		}
		if _, ok := n.(*ast.ChanType); ok {
			found = true
		}
		_, inside := n.(*ast.FuncLit)
		return !inside
	}
	if v.Type != nil {
		ast.Inspect(v.Type, look)
	}
	for _, x := range v.Values {
		ast.Inspect(x, look)
	}
	return found
}

// declared are the names that a function declares itself, anywhere: a coarse
// scope, good enough to not take a local for a package variable.
func declared(f *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, l := range n.Lhs {
					if id, ok := l.(*ast.Ident); ok {
						names[id.Name] = true
					}
				}
			}
		case *ast.RangeStmt:
			for _, l := range []ast.Expr{n.Key, n.Value} {
				if id, ok := l.(*ast.Ident); ok && n.Tok == token.DEFINE {
					names[id.Name] = true
				}
			}
		}
		return true
	})
	return names
}

// assigned calls back for the root name of everything that is assigned to.
func assigned(body ast.Node, call func(name string, at ast.Node)) {
	root := func(x ast.Expr) {
		for {
			switch y := x.(type) {
			case *ast.IndexExpr:
				x = y.X
			case *ast.SelectorExpr:
				x = y.X
			case *ast.StarExpr:
				x = y.X
			case *ast.ParenExpr:
				x = y.X
			case *ast.Ident:
				call(y.Name, y)
				return
			default:
				return
			}
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					root(l)
				}
			}
		case *ast.IncDecStmt:
			root(n.X)
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
				root(n.Args[0])
			}
		}
		return true
	})
}

// TestShapes keeps the folders of docs/architecture.md: a new one is a decision.
func TestShapes(t *testing.T) {
	for _, s := range sources(t) {
		top, _, below := strings.Cut(s.file, "/")
		if _, known := mayImport[top]; below && !known {
			t.Errorf("%s: the folder %s is not in docs/architecture.md", s.file, top)
		}
		if !below && !s.test && path.Base(s.file) != "doc.go" {
			t.Errorf("%s: the root holds tests alone", s.file)
		}
	}
}
