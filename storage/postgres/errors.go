package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/elloloop/identity/storage/graph"
)

// Error codes of PostgreSQL (its documentation, appendix A).
const (
	codeDivisionByZero  = "22012" // see statement.needed
	codeUnique          = "23505"
	codeReadOnly        = "25006"
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
	codeNoStatement     = "26000" // a proxy gave us another server connection
	codeChangedPlan     = "0A000" // the schema changed under a prepared statement
	codeTooLong         = "54000" // a value that no index can hold
	codeDenied          = "42501"
	codeLockTimeout     = "55P03"
	codeCancelled       = "57014"
	codeTooMany         = "53300"
	codeDiskFull        = "53100"
	codeInvalidPassword = "28P01"
	codeNoDatabase      = "3D000"
)

func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func isClash(err error) bool {
	c := code(err)
	return c == codeUnique || c == codeDivisionByZero
}

// rolledBack: the server ended the transaction, and said that it may be repeated.
func rolledBack(err error) bool {
	switch code(err) {
	case codeSerialization, codeDeadlock, codeNoStatement, codeChangedPlan:
		return true
	}
	return false
}

// lost: the connection broke, or the server ended it.
func lost(err error) bool {
	var no *noConnection
	var e *pgconn.PgError
	switch {
	case errors.As(err, &no), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return false // it took its time already
	case errors.As(err, &e):
		return len(e.Code) == 5 && (e.Code[:2] == "08" || e.Code[:3] == "57P") // a shutdown, a crash
	}
	var broken net.Error
	return errors.As(err, &broken) || err != nil && !isContract(err)
}

// isContract: an answer of the contract, not a failure of the database.
func isContract(err error) bool {
	var op *graph.OpError
	return errors.As(err, &op) || errors.Is(err, graph.ErrNotFound) || errors.Is(err, graph.ErrInvalidArgument) ||
		errors.Is(err, graph.ErrConflict) || errors.Is(err, graph.ErrUnavailable) || errors.Is(err, errClash)
}

// unavailable makes graph.ErrUnavailable of what went wrong, with a sentence.
// Nothing of what Postgres says is repeated but its code: its texts name values.
func unavailable(err error) error {
	var no *noConnection
	var e *pgconn.PgError
	sentence := "the connection to the database broke"
	switch {
	case errors.As(err, &e):
		sentence = "Postgres failed with " + e.Code
	case errors.As(err, &no) && errors.Is(err, context.DeadlineExceeded):
		sentence = "no connection to the database in time: it cannot be reached, or all connections are in use (GATEWAY_POSTGRES_MAX_CONNS)"
	case errors.As(err, &no):
		sentence = "no connection to the database"
	case errors.Is(err, context.DeadlineExceeded):
		sentence = "the database did not answer in time"
	}
	switch code(err) {
	case codeReadOnly:
		sentence = "the database is read-only: it is a standby, or was made one"
	case codeLockTimeout:
		sentence = "another transaction held a row for too long"
	case codeCancelled:
		sentence = "a statement took too long"
	case codeTooMany:
		sentence = "the database has no connection left: GATEWAY_POSTGRES_MAX_CONNS of all replicas together must be below its max_connections"
	case codeDiskFull:
		sentence = "the disk of the database is full"
	case codeInvalidPassword:
		sentence = "the database does not take the password of this role"
	case codeNoDatabase:
		sentence = "there is no database of this name"
	case codeDenied:
		sentence = "the role may not do this: run the migration, which grants it what it needs"
	}
	var dial *net.OpError
	if errors.As(err, &dial) {
		sentence += ": " + dial.Err.Error()
	}
	return fmt.Errorf("%w: %s", graph.ErrUnavailable, sentence)
}

// translate makes the contract's errors of Postgres's, and logs those.
func (r *Repository) translate(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errClash):
		return fmt.Errorf("%w: too many others commit the same", graph.ErrConflict)
	case isContract(err):
		return err
	case r.closed.Load():
		return graph.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case code(err) == codeTooLong:
		return fmt.Errorf("%w: a value is too long for an index", graph.ErrInvalidArgument)
	}
	err = unavailable(err)
	r.log.Error("postgres: the database is unavailable", "error", err)
	return err
}
