package identity

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestRedaction: what holds a secret can't be logged by accident. slog calls
// LogValue of the value that it is given and of no field inside: its JSON handler
// marshals the exported ones, its text handler prints all that are no pointers.
// So every type on the way from a secret to the outside has a LogValue of its own:
//
//   - a named string or byte type whose name is that of a secret,
//   - a struct with a string or bytes in a field whose name is that of a secret,
//   - a struct with a field of such a type, or of a type with a LogValue.
func TestRedaction(t *testing.T) {
	types := secretTypes(t)
	used := map[string]bool{}
	required := map[string]string{} // type → why
	for changed := true; changed; {
		changed = false
		for _, name := range slices.Sorted(maps.Keys(types)) {
			if required[name] != "" {
				continue
			}
			if why := types[name].secret(types, required, used); why != "" {
				required[name], changed = why, true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(required)) {
		if !types[name].redacts {
			t.Errorf("%s: %s needs a LogValue that hides it: %s", types[name].where, name, required[name])
		}
	}
	for name, reason := range notSecret {
		if !used[name] {
			t.Errorf("notSecret: %s (%s) is not needed any more", name, reason)
		}
	}
}

// notSecret are fields that a name or a type accuses wrongly, with the reason.
var notSecret = map[string]string{
	"storage.AuditSeal.Hash":     "of the chain: shown to be kept elsewhere",
	"storage.SealedEvent.Digest": "of an event, which is shown as well",
	"storage/graph.Type.Secret":  "names of columns, not their values",
}

var (
	secretName = regexp.MustCompile(`(?i)(secret|password|passwd|passphrase|privatekey|private|hash|token|digest|sealed|verifier|cookie|assertion|pkcs8|seed)s?$`)
	keyName    = regexp.MustCompile(`(?i)^(key|keys)$|[a-z](Key|Keys)$`) // of bytes alone: a key in a string is mostly a name
)

// declaredType is a type of ours, with the little that the rule needs of it.
type declaredType struct {
	name    string // package.Type
	where   string
	expr    ast.Expr
	imports map[string]string // name in the file → package of ours
	pkg     string
	redacts bool // has a method LogValue
}

// secretTypes reads the declarations of what handles secrets.
func secretTypes(t *testing.T) map[string]*declaredType {
	types := map[string]*declaredType{}
	redacting := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || !in(s, "op", "flows", "storage", "cmd", "admin") {
			continue
		}
		imports := map[string]string{}
		for _, spec := range s.ast.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			if to, ours := strings.CutPrefix(p, module+"/"); ours {
				imports[path.Base(to)] = to
				if spec.Name != nil {
					imports[spec.Name.Name] = to
				}
			}
		}
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, sp := range d.Specs {
					if ts, ok := sp.(*ast.TypeSpec); ok && d.Tok == token.TYPE {
						name := s.pkg + "." + ts.Name.Name
						types[name] = &declaredType{name, s.line(ts), ts.Type, imports, s.pkg, false}
					}
				}
			case *ast.FuncDecl:
				if d.Name.Name == "LogValue" && d.Recv != nil {
					redacting[s.pkg+"."+receiver(d.Recv.List[0].Type)] = true
				}
			}
		}
	}
	for name := range redacting {
		if ty := types[name]; ty != nil {
			ty.redacts = true
		}
	}
	return types
}

func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// secret says why a type must hide itself, "" when it need not.
func (d *declaredType) secret(types map[string]*declaredType, required map[string]string, used map[string]bool) string {
	allowed := func(name string) bool {
		if _, ok := notSecret[name]; ok {
			used[name] = true
			return true
		}
		return false
	}
	if short := d.name[strings.LastIndexByte(d.name, '.')+1:]; raw(d.expr) && secretName.MatchString(short) && !allowed(d.name) {
		return "its name says that it is a secret"
	}
	st, ok := d.expr.(*ast.StructType)
	if !ok {
		return ""
	}
	for _, f := range st.Fields.List {
		for _, id := range f.Names {
			field := d.name + "." + id.Name
			switch {
			case raw(f.Type) && secretName.MatchString(id.Name), bytesType(f.Type) && keyName.MatchString(id.Name), private(f.Type):
				if !allowed(field) {
					return "the field " + id.Name
				}
			default:
				inner := d.named(f.Type, id.IsExported())
				if ty := types[inner]; ty != nil && (ty.redacts || required[inner] != "") && !allowed(field) {
					return "the field " + id.Name + " of type " + inner
				}
			}
		}
	}
	return ""
}

// raw is text or bytes, or a slice, a map or a pointer of them.
func raw(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "string"
	case *ast.StarExpr:
		return raw(x.X)
	case *ast.MapType:
		return raw(x.Value)
	case *ast.ArrayType:
		return bytesType(x) || raw(x.Elt)
	case *ast.SelectorExpr:
		return x.Sel.Name == "RawMessage"
	}
	return false
}

func bytesType(x ast.Expr) bool {
	a, ok := x.(*ast.ArrayType)
	if !ok {
		return false
	}
	id, ok := a.Elt.(*ast.Ident)
	return ok && id.Name == "byte" || bytesType(a.Elt)
}

// private is a private key of the standard library.
func private(x ast.Expr) bool {
	if p, ok := x.(*ast.StarExpr); ok {
		x = p.X
	}
	sel, ok := x.(*ast.SelectorExpr)
	return ok && (sel.Sel.Name == "PrivateKey" || sel.Sel.Name == "Signer")
}

// named is the type of ours that a field shows: behind a pointer only when the
// field is exported, for then it is marshalled.
func (d *declaredType) named(x ast.Expr, exported bool) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		if exported {
			return d.named(x.X, exported)
		}
	case *ast.ArrayType:
		return d.named(x.Elt, exported)
	case *ast.MapType:
		return d.named(x.Value, exported)
	case *ast.Ident:
		return d.pkg + "." + x.Name
	case *ast.SelectorExpr:
		if p, ok := x.X.(*ast.Ident); ok && d.imports[p.Name] != "" {
			return d.imports[p.Name] + "." + x.Sel.Name
		}
	}
	return ""
}
