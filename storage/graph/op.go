package graph

import "time"

// Op is one operation of a Commit: Create, Update, Delete, DeleteBy, Take,
// Check, Link, Unlink, Increment, Clear or Purge.
type Op interface{ op() }

// Create stores a new node. ErrAlreadyExists when the id or a unique key is
// taken by a live node; a dead one (expired, not yet swept) gives way. Columns
// that a key needs may be Null: such a node does not hold that key. What is the
// driver's own in Node (Version, CreatedAt, UpdatedAt, ConsumedAt) is ignored.
// When several keys clash, OpError.Key is the id, else the first declared one.
type Create struct{ Node Node }

// Update replaces Columns, Data and ExpiresAt of the node with this id if its
// version is still Node.Version. ErrConflict if it is not; ErrNotFound;
// ErrAlreadyExists when the new columns clash with another node's unique key,
// where a dead holder gives way. ConsumedAt stays.
type Update struct{ Node Node }

// Delete removes a node and its edges. ErrNotFound when there is none.
// Version 0 deletes whatever version is there, else ErrConflict.
type Delete struct {
	Type    TypeID
	ID      string
	Version int64
}

// DeleteBy removes every live node whose first index columns equal these
// values, with their edges. Finding none is no error; giving no value is
// ErrInvalidArgument, so that a forgotten argument does not empty a type.
type DeleteBy struct {
	Type  TypeID
	Index string
	Equal []Value
}

// Take consumes a one-time node, by id. Of any number of concurrent Takes of one
// node exactly one succeeds; the others get ErrConsumed with the node. ErrNotFound
// when there is none. It is one statement in every driver, never check-then-act.
// The node stays, with ConsumedAt set, until it expires. Its Version stays, too.
type Take struct {
	Type TypeID
	ID   string
}

// Check succeeds if the node lives and, where Version is not 0, still has this
// version; else ErrNotFound or ErrConflict. It holds for the whole commit.
type Check struct {
	Type    TypeID
	ID      string
	Version int64
}

// Link creates an edge between two live nodes. Linking twice is no error.
// ErrNotFound when an end is missing.
type Link struct {
	Edge     EdgeID
	From, To string
}

// Unlink removes an edge. ErrNotFound when there is none, or an end is dead.
type Unlink struct {
	Edge     EdgeID
	From, To string
}

// Increment adds By to the counter of this name within the project. A counter
// begins at 0 and its window of this length with the first Increment; the first
// one at or after the window's end begins a new window; until then another
// Window does not move it. By may be 0, to read it, which begins it as well.
type Increment struct {
	Counter string
	By      int64         // -MaxBy to MaxBy
	Window  time.Duration // at least a microsecond
}

// Clear removes a counter. There being none is no error.
type Clear struct{ Counter string }

// Purge removes up to Limit nodes of a type, live or dead, with their edges; Type
// 0 means counters. The outcome's Count says how many went: fewer than Limit when
// none is left. It is for removing a whole project, a bounded commit at a time.
type Purge struct {
	Type  TypeID
	Limit int // 1 to MaxLimit
}

func (Create) op()    {}
func (Update) op()    {}
func (Delete) op()    {}
func (DeleteBy) op()  {}
func (Take) op()      {}
func (Check) op()     {}
func (Link) op()      {}
func (Unlink) op()    {}
func (Increment) op() {}
func (Clear) op()     {}
func (Purge) op()     {}
