package graph

import (
	"errors"
	"fmt"
)

// Sentinels, the same from every driver. Compare with errors.Is.
var (
	// ErrNotFound: no live node. Expired and never-existed look the same.
	ErrNotFound = errors.New("storage: not found")
	// ErrAlreadyExists: the id or a unique key is taken.
	ErrAlreadyExists = errors.New("storage: already exists")
	// ErrConflict: the version is not the expected one; read again.
	ErrConflict = errors.New("storage: changed meanwhile")
	// ErrConsumed: a one-time node was taken before.
	ErrConsumed = errors.New("storage: already consumed")
	// ErrInvalidArgument: the call itself is wrong; repeating it is useless.
	ErrInvalidArgument = errors.New("storage: invalid argument")
	// ErrUnavailable: the database cannot answer now; nothing was changed as far
	// as is known, and a later try may succeed.
	ErrUnavailable = errors.New("storage: unavailable")
	// ErrClosed: the repository was closed. It is an ErrUnavailable.
	ErrClosed = fmt.Errorf("%w: closed", ErrUnavailable)
)

// OpError says which operation of a Commit failed. It never prints column
// values or data: they may be secret.
type OpError struct {
	Index int    // of the operation in the call
	Key   string // ErrAlreadyExists: name of the unique key that clashed, "id" for the id
	Node  Node   // ErrConsumed: the node that was taken before
	Err   error  // a sentinel, or wraps one
}

func (e *OpError) Error() string {
	if e.Key != "" {
		return fmt.Sprintf("operation %d: %v (%s)", e.Index, e.Err, e.Key)
	}
	return fmt.Sprintf("operation %d: %v", e.Index, e.Err)
}

// Unwrap returns the sentinel.
func (e *OpError) Unwrap() error { return e.Err }
