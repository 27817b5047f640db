package identity

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport says, for each top-level folder, which of the others it may import.
// What is not listed is forbidden. docs/architecture.md draws it.
var mayImport = map[string][]string{
	"op":          {"storage"},
	"flows":       {"storage", "templates"},
	"storage":     {"migrations"}, // the drivers alone: see within
	"admin":       {"storage", "proto", "templates"},
	"proto":       {},
	"templates":   {},
	"migrations":  {},
	"conformance": {},
	"cmd":         {"op", "flows", "storage", "admin", "proto", "templates", "migrations"},
}

// libraries are folders that a sibling may import: they have no part of their own
// in a sign-in, and import nothing of ours.
var libraries = []string{"flows/passhash", "flows/passpolicy", "flows/identifier"}

// refusal says why a package may not import another of ours, "" when it may.
func refusal(from, to string) string {
	fromTop, _, _ := strings.Cut(from, "/")
	toTop, _, _ := strings.Cut(to, "/")
	switch {
	case slices.Contains(libraries, from):
		return "a library of the flows imports nothing of ours"
	case fromTop != toTop:
		if _, known := mayImport[fromTop]; !known {
			return "the folder " + fromTop + " stands in no row of mayImport"
		}
		if !slices.Contains(mayImport[fromTop], toTop) {
			return "there is no arrow from " + fromTop + " to " + toTop
		}
		if toTop == "migrations" && fromTop == "storage" && strings.Count(from, "/") == 0 {
			return "only a driver runs migrations"
		}
		if toTop == "storage" && fromTop != "cmd" && to != "storage" {
			return "above the typed stores nobody knows the repository or a driver"
		}
		return ""
	case fromTop == "cmd":
		return "" // the wiring
	case fromTop == "storage" && to == "storage":
		return "the contract and its drivers know nodes, never what is stored in them"
	case fromTop == "storage" && to == "storage/graph":
		return "" // the typed stores and every driver stand on the contract
	case path.Dir(to) == from:
		return "a parent never imports its child"
	case path.Dir(from) == to, slices.Contains(libraries, to):
		return ""
	}
	return "siblings do not know each other"
}

// TestImports keeps the arrows of docs/architecture.md true. Inside one folder a
// child may import its parent; a parent never imports a child, nor a child its
// sibling. Tests may open drivers; those of conformance stay strangers.
func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.ast.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			to, ours := strings.CutPrefix(name, module+"/")
			switch {
			case name == module:
				t.Errorf("%s imports the root, which holds tests alone", s.file)
			case !ours || to == s.pkg: // the package's own external test
			case s.test && !strings.HasPrefix(s.file, "conformance/"):
			default:
				if why := refusal(s.pkg, to); why != "" {
					t.Errorf("%s must not import %s: %s", s.file, to, why)
				}
			}
		}
	}
}

// TestForeignImports keeps libraries where their words do not leak: the OpenID
// toolkit behind files of one name, SQL in its driver, JOSE out of storage.
func TestForeignImports(t *testing.T) {
	rules := []struct {
		library string
		allowed func(s source) bool
	}{
		{"github.com/zitadel/oidc", func(s source) bool {
			return s.pkg == "op" && strings.HasPrefix(path.Base(s.file), "zitadel_") || strings.HasPrefix(s.file, "cmd/") || strings.HasPrefix(s.file, "conformance/")
		}},
		{"database/sql", func(s source) bool { return in(s, "storage/sqlite", "storage/postgres") }},
		{"modernc.org/sqlite", func(s source) bool { return in(s, "storage/sqlite") }},
		{"github.com/jackc/pgx", func(s source) bool { return in(s, "storage/postgres") }},
		{"github.com/pressly/goose", func(s source) bool { return in(s, "storage/sqlite", "storage/postgres") }},
		// Who signs in upstream is a client of others: it reads their tokens, and signs
		// what one of them takes for a secret. No other flow knows of OAuth or JOSE.
		{"github.com/go-jose/go-jose", func(s source) bool {
			return s.pkg == "flows/upstream" || !in(s, "storage", "flows", "templates", "migrations")
		}},
		{"github.com/coreos/go-oidc", func(s source) bool { return in(s, "flows/upstream", "cmd", "conformance") }},
		{"golang.org/x/oauth2", func(s source) bool { return in(s, "flows/upstream", "cmd", "conformance") }},
		{"net/http", func(s source) bool { return !in(s, "storage", "migrations") }},
	}
	for _, s := range sources(t) {
		for _, spec := range s.ast.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			for _, r := range rules {
				if (name == r.library || strings.HasPrefix(name, r.library+"/")) && !r.allowed(s) && !s.test {
					t.Errorf("%s must not import %s", s.file, name)
				}
			}
		}
	}
}

// in says whether a file is in one of these folders or below.
func in(s source, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return s.pkg == f || strings.HasPrefix(s.pkg, f+"/") })
}

// TestRefusal keeps the rule itself honest.
func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"op", "storage", true},
		{"op", "flows", false},
		{"op", "storage/graph", false},
		{"flows", "op", false},
		{"flows/password", "flows", true},
		{"flows/password", "flows/consent", false},
		{"flows", "flows/password", false},
		{"flows/password", "flows/passhash", true},
		{"flows", "flows/passhash", false},
		{"flows/passhash", "storage", false},
		{"flows", "templates", true},
		{"templates", "storage", false},
		{"storage", "storage/graph", true},
		{"storage", "storage/memory", false},
		{"storage", "migrations", false},
		{"storage/graph", "storage", false},
		{"storage/memory", "storage", false},
		{"storage/graph/graphtest", "storage/graph", true},
		{"storage/sqlite", "migrations", true},
		{"storage/sqlite", "storage/graph", true},
		{"storage/sqlite", "storage/memory", false},
		{"migrations", "storage", false},
		{"conformance", "op", false},
		{"cmd/identity", "op", true},
		{"cmd/identity", "cmd/identity/config", true},
		{"unheard", "op", false},
	} {
		if why := refusal(c.from, c.to); (why == "") != c.allowed {
			t.Errorf("%s → %s: %q, want allowed %v", c.from, c.to, why, c.allowed)
		}
	}
}
