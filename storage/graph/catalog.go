package graph

import (
	"fmt"
	"slices"
)

// Catalog is a Schema that was checked and prepared for look-ups. Drivers make
// one when they open; it holds the rules that no driver should write twice.
// It does not change and is safe for concurrent use.
type Catalog struct {
	types map[TypeID]*TypeInfo
	order []*TypeInfo
	edges map[EdgeID]*EdgeInfo
}

// TypeInfo is a declared Type with the positions of its keys and indexes.
type TypeInfo struct {
	Type
	Ordinal  int     // position in the schema
	UniqueAt [][]int // for each Unique the positions of its columns
	IndexAt  [][]int // for each Index the positions of its columns
	Tails    []EdgeID
	Heads    []EdgeID
}

// EdgeInfo is a declared Edge with the types at its ends.
type EdgeInfo struct {
	Edge
	Tail, Head *TypeInfo
}

// NewCatalog checks a schema: numbers and names are unique, columns exist, kinds
// are known. The error is ErrInvalidArgument with a sentence.
func NewCatalog(s Schema) (*Catalog, error) {
	c := &Catalog{types: map[TypeID]*TypeInfo{}, edges: map[EdgeID]*EdgeInfo{}}
	names := map[string]bool{}
	for i, t := range s.Types {
		if t.ID <= 0 || t.Name == "" || !identifier(t.Table) || c.types[t.ID] != nil || names[t.Table] {
			return nil, fmt.Errorf("%w: schema: type %d (%q) has a number or table that is missing or not its own", ErrInvalidArgument, t.ID, t.Name)
		}
		names[t.Table] = true
		info, err := newTypeInfo(i, t)
		if err != nil {
			return nil, err
		}
		c.types[t.ID] = info
		c.order = append(c.order, info)
	}
	for _, e := range s.Edges {
		tail, head := c.types[e.From], c.types[e.To]
		if e.ID <= 0 || c.edges[e.ID] != nil || tail == nil || head == nil {
			return nil, fmt.Errorf("%w: schema: edge %d (%q) has a number that is not its own or an end that is not declared", ErrInvalidArgument, e.ID, e.Name)
		}
		c.edges[e.ID] = &EdgeInfo{Edge: e, Tail: tail, Head: head}
		tail.Tails = append(tail.Tails, e.ID)
		head.Heads = append(head.Heads, e.ID)
	}
	return c, nil
}

func newTypeInfo(ordinal int, t Type) (*TypeInfo, error) {
	info := &TypeInfo{Type: t, Ordinal: ordinal}
	at := map[string]int{}
	for i, col := range t.Columns {
		_, twice := at[col.Name]
		if !identifier(col.Name) || twice || slices.Contains(fixedColumns(), col.Name) || col.Kind < Text || col.Kind > Int {
			return nil, fmt.Errorf("%w: schema: column %s.%s is named twice, reserved or of no kind", ErrInvalidArgument, t.Table, col.Name)
		}
		at[col.Name] = i
	}
	positions := func(what, name string, columns []string) ([]int, error) {
		var out []int
		for _, col := range columns {
			i, ok := at[col]
			if !ok || slices.Contains(out, i) {
				return nil, fmt.Errorf("%w: schema: %s %s.%s: column %q is not declared or named twice", ErrInvalidArgument, what, t.Table, name, col)
			}
			out = append(out, i)
		}
		if len(out) == 0 || !identifier(name) {
			return nil, fmt.Errorf("%w: schema: %s %s.%s has no columns or no name", ErrInvalidArgument, what, t.Table, name)
		}
		return out, nil
	}
	for i, u := range t.Unique {
		p, err := positions("unique key", u.Name, u.Columns)
		if err != nil {
			return nil, err
		}
		if info.uniqueAt(u.Name) != i || u.Name == "id" {
			return nil, fmt.Errorf("%w: schema: unique key %s.%s is named twice or reserved", ErrInvalidArgument, t.Table, u.Name)
		}
		info.UniqueAt = append(info.UniqueAt, p)
	}
	for i, x := range t.Indexes {
		p, err := positions("index", x.Name, x.Columns)
		if err != nil {
			return nil, err
		}
		if info.indexAt(x.Name) != i {
			return nil, fmt.Errorf("%w: schema: index %s.%s is named twice", ErrInvalidArgument, t.Table, x.Name)
		}
		info.IndexAt = append(info.IndexAt, p)
	}
	return info, nil
}

func (t *TypeInfo) uniqueAt(name string) int {
	return slices.IndexFunc(t.Unique, func(u Unique) bool { return u.Name == name })
}

func (t *TypeInfo) indexAt(name string) int {
	return slices.IndexFunc(t.Indexes, func(x Index) bool { return x.Name == name })
}

// fixedColumns are the columns that every table has.
func fixedColumns() []string {
	return []string{"project_id", "id", "version", "created_at", "updated_at", "expires_at", "consumed_at", "data"}
}

// identifier says whether s can stand in SQL without quotes: drivers build their
// statements from the schema, so nothing else may come in.
func identifier(s string) bool {
	for i, r := range s {
		if !(r >= 'a' && r <= 'z' || r == '_' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}

// Types returns the declared types in their order.
func (c *Catalog) Types() []*TypeInfo { return c.order }

// Edge returns a declared edge type, nil when there is none.
func (c *Catalog) Edge(id EdgeID) *EdgeInfo { return c.edges[id] }

// Type returns a declared type after checking that the scope names a project.
func (c *Catalog) Type(s Scope, id TypeID) (*TypeInfo, error) {
	if err := checkScope(s); err != nil {
		return nil, err
	}
	t := c.types[id]
	if t == nil {
		return nil, fmt.Errorf("%w: type %d is not declared", ErrInvalidArgument, id)
	}
	return t, nil
}

// Key checks a key and returns its type and the position of the Unique.
func (c *Catalog) Key(s Scope, k Key) (*TypeInfo, int, error) {
	t, err := c.Type(s, k.Type)
	if err != nil {
		return nil, 0, err
	}
	u := t.uniqueAt(k.Name)
	if u < 0 {
		return nil, 0, fmt.Errorf("%w: %s has no unique key %q", ErrInvalidArgument, t.Name, k.Name)
	}
	if len(k.Values) != len(t.UniqueAt[u]) {
		return nil, 0, fmt.Errorf("%w: key %s.%s has %d columns, %d values were given", ErrInvalidArgument, t.Name, k.Name, len(t.UniqueAt[u]), len(k.Values))
	}
	for i, col := range t.UniqueAt[u] {
		if k.Values[i].Kind() != t.Columns[col].Kind {
			return nil, 0, fmt.Errorf("%w: key %s.%s: value %d is of the wrong kind or Null", ErrInvalidArgument, t.Name, k.Name, i)
		}
	}
	return t, u, nil
}
