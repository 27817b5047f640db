// Package graph is the contract between the typed stores and the drivers: typed
// nodes with unique keys, indexes, edges and an optional expiry, changed by
// atomic commits. Drivers know nodes, never users or tokens.
package graph

import (
	"context"
	"time"
)

// Repository is what a driver implements. Every implementation passes
// graphtest.Run; nothing else makes it one.
//
// All methods are safe for concurrent use. They return the sentinels of this
// package (errors.go), wrapped or not, and ctx.Err() when the context ends first.
// A node whose ExpiresAt is not after the driver's clock does not exist for any
// method, whether it was swept or not, and its edges do not either. An id or text
// that cannot be stored (not UTF-8, or with a NUL) is found nowhere.
type Repository interface {
	// Get returns the node with this id. A consumed one-time node is returned
	// with its ConsumedAt set. ErrNotFound.
	Get(ctx context.Context, s Scope, t TypeID, id string) (Node, error)
	// Lookup returns the node that holds a declared unique key. ErrNotFound;
	// ErrInvalidArgument for a key that the schema does not declare.
	Lookup(ctx context.Context, s Scope, k Key) (Node, error)
	// List returns nodes by a declared index or by an edge, ordered, a page at a
	// time. ErrInvalidArgument for an undeclared index or a foreign cursor.
	List(ctx context.Context, s Scope, q Query) (Page, error)
	// Commit applies all operations or none, durably, before it returns. The
	// result has one outcome for each operation, in their order. The error of the
	// first operation that fails is returned as an *OpError; for ErrConsumed its
	// Node is the consumed node. Operations see what those before them did. A
	// malformed one is ErrInvalidArgument before any is tried. The operations must
	// not be changed before Commit returns. When ctx ends in the middle, the commit
	// may stand, whole.
	Commit(ctx context.Context, s Scope, ops ...Op) (Result, error)
	// Sweep removes up to limit nodes and counters, of every project, that
	// expired at or before now, and says how many it removed. It may do so in
	// several transactions. ErrInvalidArgument for a limit below 1.
	Sweep(ctx context.Context, now time.Time, limit int) (int, error)
	// Watch tells what was changed of the Watched types, here or by another
	// process, until ctx ends or the driver is closed; then the channel is closed.
	// A watcher that is too slow, or a driver that may have missed something, is
	// told with Change.All: drop everything cached. It may come at any time, also
	// first.
	Watch(ctx context.Context) (<-chan Change, error)
	// Close waits for what is in flight and releases the driver. Every later call
	// returns ErrClosed. Closing twice is not an error.
	Close() error
}

// Scope names the project that a call works in. The zero Scope is refused with
// ErrInvalidArgument by every method that takes one: nothing is ever looked for
// in all projects.
type Scope struct{ project string }

// In returns the scope of a project.
func In(project string) Scope { return Scope{project: project} }

// Project returns the project's id, "" for the zero Scope.
func (s Scope) Project() string { return s.project }

// TypeID is the stable number of a node type. Numbers are never reused.
type TypeID int32

// EdgeID is the stable number of an edge type.
type EdgeID int32

// Node is one thing remembered.
type Node struct {
	Type    TypeID
	ID      string // opaque UTF-8 without NUL, not empty; unique within project and type
	Version int64  // set by the driver: 1 after Create, one more after each Update
	// Columns are the values of the type's declared columns, in their order:
	// what keys and indexes are made of. Their number always equals the schema's.
	Columns []Value
	// Data is the rest, opaque to drivers, of at most MaxData bytes. Empty and nil
	// are the same and read as nil.
	Data       []byte
	CreatedAt  time.Time // set by the driver at Create; UTC, microseconds
	UpdatedAt  time.Time // set by the driver at Create, Update and Take
	ExpiresAt  time.Time // zero: never; UTC, microseconds
	ConsumedAt time.Time // set by Take; zero: not consumed
}

// Key is a declared unique key with its values.
type Key struct {
	Type   TypeID
	Name   string  // the Unique's name in the schema
	Values []Value // one for each of its columns; none may be Null
}

// Query asks for nodes by a declared index, or by an edge.
type Query struct {
	Type  TypeID
	Index string  // the Index's name; "" lists the whole type by id, or by Edge
	Equal []Value // values of the first columns of the index; the rest orders
	// Prefix keeps the nodes whose first ordering column, which must be Text,
	// begins with it. "" keeps all, also Null. Only with Index; one that is not
	// UTF-8 without NUL is ErrInvalidArgument.
	Prefix string

	Edge EdgeID // not 0: the nodes of Type at the other end of this edge, ordered by id
	From string // with Edge: the edge's tail is this node, nodes are heads
	To   string // with Edge: the edge's head is this node, nodes are tails

	Reverse bool   // descending
	Limit   int    // 1 to MaxLimit; 0 means DefaultLimit; others are ErrInvalidArgument
	After   string // a Page.Next of the same query, "" for the first page
}

// Limits of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// Page is one page of nodes. The order is that of the index's remaining columns
// and then of the id; Null sorts first. A cursor holds the position of the last
// node and not an offset: nodes created or deleted meanwhile neither repeat nor
// hide others.
type Page struct {
	Nodes []Node
	Next  string // opaque; "" when there is no more
}

// Result has one Outcome for each Op, in their order.
type Result []Outcome

// Outcome is what one Op did.
type Outcome struct {
	Node    Node      // Create, Update, Take: the node as it now is
	Count   int64     // Increment: the counter now; DeleteBy, Purge: how many went
	ResetAt time.Time // Increment: when the counter's window ends
}

// Change is a node that was created, changed or removed.
type Change struct {
	Project string
	Type    TypeID
	ID      string
	All     bool // anything may have changed: drop every cache
}
