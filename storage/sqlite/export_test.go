package sqlite

import (
	"context"
	"errors"
	"io"
)

// Queued is how many jobs wait for the writer.
func (r *Repository) Queued() int { return len(r.jobs) }

// Pragma runs a pragma on the connection that writes.
func (r *Repository) Pragma(ctx context.Context, sql string) error {
	return r.do(ctx, &job{run: func(w *work) error {
		if _, err := w.conn.number("PRAGMA " + sql); !errors.Is(err, io.EOF) { // some answer nothing
			return err
		}
		return nil
	}})
}
