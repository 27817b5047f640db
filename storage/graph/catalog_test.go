package graph

import (
	"errors"
	"testing"
)

func TestNewCatalog(t *testing.T) {
	one := func(change func(*Type)) Schema {
		n := Type{ID: 1, Name: "Thing", Table: "things", Columns: []Column{{"a", Text}, {"b", Int}},
			Unique: []Unique{{"a", []string{"a"}}}, Indexes: []Index{{"b", []string{"b", "a"}}}}
		change(&n)
		return Schema{Types: []Type{n}}
	}
	if _, err := NewCatalog(one(func(*Type) {})); err != nil {
		t.Errorf("a right schema: %v", err)
	}
	twice := one(func(*Type) {})
	twice.Types = append(twice.Types, twice.Types[0])
	sameTable := one(func(*Type) {})
	sameTable.Types = append(sameTable.Types, Type{ID: 2, Name: "Other", Table: "things"})
	edge := func(e Edge) Schema {
		s := one(func(*Type) {})
		s.Edges = []Edge{e}
		return s
	}
	for name, s := range map[string]Schema{
		"type-number": one(func(n *Type) { n.ID = 0 }), "type-name": one(func(n *Type) { n.Name = "" }), "type-twice": twice, "same-table": sameTable,
		"table-is-sql":   one(func(n *Type) { n.Table = "t; DROP TABLE u" }),
		"column-is-sql":  one(func(n *Type) { n.Columns[0].Name = "a TEXT--" }),
		"column-upper":   one(func(n *Type) { n.Columns[0].Name = "A" }),
		"column-twice":   one(func(n *Type) { n.Columns[1].Name = "a" }),
		"column-is-ours": one(func(n *Type) { n.Columns[1].Name = "project_id" }),
		"column-kind":    one(func(n *Type) { n.Columns[1].Kind = Null }),
		"unique-column":  one(func(n *Type) { n.Unique[0].Columns = []string{"none"} }),
		"unique-twice":   one(func(n *Type) { n.Unique = append(n.Unique, n.Unique[0]) }),
		"unique-is-id":   one(func(n *Type) { n.Unique[0].Name = "id" }),
		"unique-empty":   one(func(n *Type) { n.Unique[0].Columns = nil }),
		"index-column":   one(func(n *Type) { n.Indexes[0].Columns = []string{"b", "b"} }),
		"index-twice":    one(func(n *Type) { n.Indexes = append(n.Indexes, n.Indexes[0]) }),
		"index-name":     one(func(n *Type) { n.Indexes[0].Name = "" }),
		"edge-number":    edge(Edge{ID: 0, From: 1, To: 1}),
		"edge-tail":      edge(Edge{ID: 1, From: 9, To: 1}),
		"edge-head":      edge(Edge{ID: 1, From: 1, To: 9}),
	} {
		if _, err := NewCatalog(s); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: %v, want ErrInvalidArgument", name, err)
		}
	}
}
