package graph

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what can be stored.
const (
	// MaxData is the largest Data of a node, in bytes.
	MaxData = 1 << 20
	// MaxBy is the largest step of a counter, up or down: sums stay far from
	// the ends of 64 bits.
	MaxBy = 1 << 40
)

func checkScope(s Scope) error {
	if s.project == "" {
		return fmt.Errorf("%w: the scope names no project", ErrInvalidArgument)
	}
	if !storable(s.project) {
		return fmt.Errorf("%w: the scope's project is not UTF-8 without NUL", ErrInvalidArgument)
	}
	return nil
}

// storable says whether every database can hold s as text.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Storable says whether an id or a Text value can exist at all: it is UTF-8
// without NUL. Others are found nowhere, and are refused when stored; a driver
// whose database fails on them answers without asking it.
func Storable(v Value) bool { return v.kind != Text || storable(v.text) }

// Ops checks the operations of a Commit before any is tried. The error is an
// *OpError with ErrInvalidArgument, or ErrInvalidArgument for the scope.
func (c *Catalog) Ops(s Scope, ops []Op) error {
	if err := checkScope(s); err != nil {
		return err
	}
	for i, op := range ops {
		if err := c.op(s, op); err != nil {
			return &OpError{Index: i, Err: err}
		}
	}
	return nil
}

func (c *Catalog) op(s Scope, op Op) error {
	switch op := op.(type) {
	case Create:
		return c.node(s, op.Node)
	case Update:
		return c.node(s, op.Node)
	case Delete:
		_, err := c.Type(s, op.Type)
		return err
	case Check:
		_, err := c.Type(s, op.Type)
		return err
	case DeleteBy:
		return c.deleteBy(s, op)
	case Take:
		t, err := c.Type(s, op.Type)
		if err == nil && !t.OneTime {
			err = fmt.Errorf("%w: %s is not a one-time type", ErrInvalidArgument, t.Name)
		}
		return err
	case Link:
		return c.edge(op.Edge)
	case Unlink:
		return c.edge(op.Edge)
	case Increment:
		return increment(op)
	case Clear:
		return nil
	case Purge:
		return c.purge(s, op)
	}
	return fmt.Errorf("%w: %T is not an operation", ErrInvalidArgument, op)
}

func (c *Catalog) node(s Scope, n Node) error {
	t, err := c.Type(s, n.Type)
	if err != nil {
		return err
	}
	switch {
	case n.ID == "" || !storable(n.ID):
		return fmt.Errorf("%w: %s: the id is empty or not UTF-8 without NUL", ErrInvalidArgument, t.Name)
	case len(n.Columns) != len(t.Columns):
		return fmt.Errorf("%w: %s has %d columns, %d values were given", ErrInvalidArgument, t.Name, len(t.Columns), len(n.Columns))
	case len(n.Data) > MaxData:
		return fmt.Errorf("%w: %s: data of %d bytes, at most %d can be stored", ErrInvalidArgument, t.Name, len(n.Data), MaxData)
	case !n.ExpiresAt.IsZero() && !t.Expires:
		return fmt.Errorf("%w: %s does not expire", ErrInvalidArgument, t.Name)
	}
	for i, v := range n.Columns {
		if v.kind != Null && v.kind != t.Columns[i].Kind {
			return fmt.Errorf("%w: %s.%s: the value is of the wrong kind", ErrInvalidArgument, t.Name, t.Columns[i].Name)
		}
		if !Storable(v) {
			return fmt.Errorf("%w: %s.%s: the text is not UTF-8 without NUL", ErrInvalidArgument, t.Name, t.Columns[i].Name)
		}
	}
	return nil
}

// deleteBy wants at least one value: removing a whole type by a forgotten
// argument must not be possible.
func (c *Catalog) deleteBy(s Scope, op DeleteBy) error {
	t, err := c.Type(s, op.Type)
	if err != nil {
		return err
	}
	if len(op.Equal) == 0 {
		return fmt.Errorf("%w: %s: DeleteBy without a value", ErrInvalidArgument, t.Name)
	}
	_, err = t.Prefix(op.Index, op.Equal)
	return err
}

func (c *Catalog) purge(s Scope, op Purge) error {
	if op.Limit < 1 || op.Limit > MaxLimit {
		return fmt.Errorf("%w: Purge with a limit of %d, it must be 1 to %d", ErrInvalidArgument, op.Limit, MaxLimit)
	}
	if op.Type == 0 {
		return nil
	}
	_, err := c.Type(s, op.Type)
	return err
}

func (c *Catalog) edge(id EdgeID) error {
	if c.edges[id] == nil {
		return fmt.Errorf("%w: edge %d is not declared", ErrInvalidArgument, id)
	}
	return nil
}

func increment(op Increment) error {
	switch {
	case op.Counter == "" || !storable(op.Counter):
		return fmt.Errorf("%w: the counter's name is empty or not UTF-8 without NUL", ErrInvalidArgument)
	case op.Window < time.Microsecond:
		return fmt.Errorf("%w: the counter's window is %v, it must be positive", ErrInvalidArgument, op.Window)
	case op.By > MaxBy || op.By < -MaxBy:
		return fmt.Errorf("%w: a counter moves by at most %d", ErrInvalidArgument, int64(MaxBy))
	}
	return nil
}

// Prefix returns the position of a declared index after checking that the
// values are of the kinds of its first columns.
func (t *TypeInfo) Prefix(index string, equal []Value) (int, error) {
	x := t.indexAt(index)
	if x < 0 {
		return 0, fmt.Errorf("%w: %s has no index %q", ErrInvalidArgument, t.Name, index)
	}
	if len(equal) > len(t.IndexAt[x]) {
		return 0, fmt.Errorf("%w: index %s.%s has %d columns, %d values were given", ErrInvalidArgument, t.Name, index, len(t.IndexAt[x]), len(equal))
	}
	for i, v := range equal {
		if v.kind != Null && v.kind != t.Columns[t.IndexAt[x][i]].Kind {
			return 0, fmt.Errorf("%w: index %s.%s: value %d is of the wrong kind", ErrInvalidArgument, t.Name, index, i)
		}
	}
	return x, nil
}
