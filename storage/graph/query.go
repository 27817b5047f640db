package graph

import (
	"fmt"
	"unicode/utf8"
)

// Plan is a Query that was checked.
type Plan struct {
	Query Query
	Type  *TypeInfo
	Limit int       // 1 to MaxLimit
	Index int       // position of the index, -1 for the order by id alone
	Rest  []int     // positions of the index's columns that order, after those that are equal
	Edge  *EdgeInfo // nil without one
	After *Position // nil for the first page
	// Until is the first text after all that begin with Query.Prefix, "" when no
	// text is: they are those that are >= Prefix and < Until, in the order of bytes.
	Until string

	project string
}

// Position is where a page ended: the values of the ordering columns and the id
// of its last node.
type Position struct {
	Values []Value
	ID     string
}

// Query checks a query and decodes its cursor.
func (c *Catalog) Query(s Scope, q Query) (*Plan, error) {
	t, err := c.Type(s, q.Type)
	if err != nil {
		return nil, err
	}
	p := &Plan{Query: q, Type: t, Limit: q.Limit, Index: -1, project: s.project}
	switch {
	case q.Limit < 0 || q.Limit > MaxLimit:
		return nil, fmt.Errorf("%w: a limit of %d, it must be 1 to %d", ErrInvalidArgument, q.Limit, MaxLimit)
	case q.Limit == 0:
		p.Limit = DefaultLimit
	}
	switch {
	case q.Edge != 0:
		err = c.queryEdge(p)
	case q.From != "" || q.To != "":
		err = fmt.Errorf("%w: an end without an edge", ErrInvalidArgument)
	case q.Index != "":
		if p.Index, err = t.Prefix(q.Index, q.Equal); err == nil {
			p.Rest = t.IndexAt[p.Index][len(q.Equal):]
		}
	case len(q.Equal) != 0:
		err = fmt.Errorf("%w: values without an index", ErrInvalidArgument)
	}
	if err != nil {
		return nil, err
	}
	if q.Prefix != "" {
		if err := p.prefix(); err != nil {
			return nil, err
		}
	}
	if q.After != "" {
		if p.After, err = p.decode(q.After); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Plan) prefix() error {
	switch {
	case p.Index < 0:
		return fmt.Errorf("%w: a prefix without an index", ErrInvalidArgument)
	case len(p.Rest) == 0 || p.Type.Columns[p.Rest[0]].Kind != Text:
		return fmt.Errorf("%w: index %s.%s: a prefix where no text orders", ErrInvalidArgument, p.Type.Name, p.Query.Index)
	case !storable(p.Query.Prefix):
		return fmt.Errorf("%w: the prefix is not UTF-8 without NUL", ErrInvalidArgument)
	}
	p.Until = after(p.Query.Prefix)
	return nil
}

// after returns the first valid UTF-8 that is greater than everything that begins
// with s, "" when there is none. UTF-8 is ordered as its code points are.
func after(s string) string {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		switch {
		case r == utf8.MaxRune: // the one before it decides
		case r+1 == 0xD800: // surrogates are no text
			return s + "\uE000"
		default:
			return s + string(r+1)
		}
	}
	return ""
}

func (c *Catalog) queryEdge(p *Plan) error {
	q := p.Query
	e := c.edges[q.Edge]
	switch {
	case e == nil:
		return fmt.Errorf("%w: edge %d is not declared", ErrInvalidArgument, q.Edge)
	case q.Index != "" || len(q.Equal) != 0:
		return fmt.Errorf("%w: an edge and an index in one query", ErrInvalidArgument)
	case (q.From == "") == (q.To == ""):
		return fmt.Errorf("%w: a query by edge names one end", ErrInvalidArgument)
	case q.From != "" && e.Head != p.Type, q.To != "" && e.Tail != p.Type:
		return fmt.Errorf("%w: edge %s does not lead to %s", ErrInvalidArgument, e.Name, p.Type.Name)
	}
	p.Edge = e
	return nil
}
