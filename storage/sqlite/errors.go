package sqlite

import (
	"context"
	"errors"
	"fmt"

	lib "modernc.org/sqlite"

	"github.com/elloloop/identity/storage/graph"
)

// Result codes of SQLite (https://www.sqlite.org/rescode.html), the low byte.
const (
	codeBusy       = 5
	codeLocked     = 6
	codeReadOnly   = 8
	codeIO         = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCantOpen   = 14
	codeConstraint = 19
	codeNotADB     = 26
)

func code(err error) int {
	var e *lib.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func isConstraint(err error) bool { return err != nil && code(err) == codeConstraint }

// unavailable makes graph.ErrUnavailable of what SQLite said, with a sentence.
// SQLite's own text names tables and columns, never values.
func unavailable(err error) error {
	sentence := "SQLite failed"
	switch code(err) {
	case codeBusy, codeLocked:
		sentence = "another process is writing to the database file and did not finish in time"
	case codeReadOnly:
		sentence = "the database file cannot be written to, look at its permissions and those of its directory"
	case codeIO:
		sentence = "reading or writing the database file failed, look at the disk"
	case codeFull:
		sentence = "the disk is full"
	case codeCantOpen:
		sentence = "the database file cannot be opened, look at its directory and permissions"
	case codeCorrupt, codeNotADB:
		sentence = "the database file is damaged or not a database, restore a backup"
	}
	return fmt.Errorf("%w: %s: %w", graph.ErrUnavailable, sentence, err)
}

// translate makes the contract's errors of SQLite's, and logs those.
func (r *Repository) translate(err error) error {
	var op *graph.OpError
	switch {
	case err == nil, errors.As(err, &op),
		errors.Is(err, graph.ErrNotFound), errors.Is(err, graph.ErrInvalidArgument), errors.Is(err, graph.ErrUnavailable),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	err = unavailable(err)
	r.log.Error("sqlite: the database is unavailable", "error", err)
	return err
}
