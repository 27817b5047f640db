package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tableVariable names the variable with which a run writes docs/conformance.md:
// a plain run leaves the tree as it is.
const tableVariable = "CONFORMANCE_TABLE"

const (
	tableBegin = "<!-- results: made by `make conformance-table` -->\n"
	tableEnd   = "<!-- end of the results -->\n"
)

// tableOf is the part of docs/conformance.md that a run writes.
func tableOf(of map[string]outcome) string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) } // a strings.Builder does not fail
	line("| plan | modules | runs | passed | warned | failed |\n|---|---|---|---|---|---|")
	var sum outcome
	runs := 0
	for _, p := range plans() {
		o := of[p.name]
		line("| `%s` | %d | %d | %d | %d | %d |", p.name, p.applying(), p.runs(), o.passed, o.warned, o.failed)
		runs, sum = runs+p.runs(), outcome{sum.passed + o.passed, sum.warned + o.warned, sum.failed + o.failed}
	}
	line("| together | | %d | %d | %d | %d |", runs, sum.passed, sum.warned, sum.failed)
	line("\n### Modules\n")
	seen := []string{}
	for _, p := range plans() {
		var names []string
		for _, m := range p.modules {
			names = append(names, "`"+m.name+"`")
		}
		variants := make([]string, len(p.variants))
		for i, v := range p.variants {
			variants[i] = "`" + v.String() + "`"
		}
		list := strings.Join(names, ", ")
		if i := slices.Index(seen, list); i >= 0 {
			list = "those of `" + plans()[i].name + "`, where they apply"
		}
		seen = append(seen, strings.Join(names, ", "))
		line("- **%s** (%s): %s", p.name, strings.Join(variants, ", "), list)
	}
	return b.String()
}

func tablePage() string { return filepath.Join(suite.root, "docs", "conformance.md") }

// writeTable writes what came of a run into docs/conformance.md.
func writeTable(t *testing.T, r *results) {
	t.Helper()
	if os.Getenv(tableVariable) == "" {
		return
	}
	page, err := os.ReadFile(tablePage())
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(page), tableBegin)
	_, after, closed := strings.Cut(string(page), tableEnd)
	if !ok || !closed {
		t.Fatal("docs/conformance.md has no place for the results")
	}
	text := before + tableBegin + "\n" + tableOf(r.of) + "\n" + tableEnd + after
	if err := os.WriteFile(tablePage(), []byte(text), 0o644); err != nil { //nolint:gosec // a page for people
		t.Fatal(err)
	}
}

// TestTable: docs/conformance.md speaks of the modules that there are, and all of
// their runs passed.
func TestTable(t *testing.T) {
	page, err := os.ReadFile(tablePage())
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), tableBegin)
	got, _, _ := strings.Cut(rest, tableEnd)
	all := map[string]outcome{}
	for _, p := range plans() {
		all[p.name] = outcome{passed: p.runs()}
	}
	if want := tableOf(all); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("docs/conformance.md is not what a run with all modules passed writes: make conformance-table\nwant\n%s", want)
	}
	for _, p := range plans() {
		names := map[string]bool{}
		for _, m := range p.modules {
			if names[m.name] || !regexp.MustCompile(`^oidcc-[\w-]+$`).MatchString(m.name) {
				t.Errorf("%s: %q is there twice, or is no name of a module", p.name, m.name)
			}
			names[m.name] = true
		}
	}
}
