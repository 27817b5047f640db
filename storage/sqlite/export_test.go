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

// Poison is a job that succeeds and makes the COMMIT of its transaction fail: it
// leaves a foreign key, to be checked at the end, that leads nowhere.
func (r *Repository) Poison(ctx context.Context) error {
	return r.do(ctx, &job{run: func(w *work) error {
		for _, sql := range []string{
			"CREATE TABLE parent (id INTEGER PRIMARY KEY)",
			"CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
			"INSERT INTO child (id) VALUES (1)",
		} {
			if _, err := w.conn.number(sql); !errors.Is(err, io.EOF) {
				return err
			}
		}
		return nil
	}})
}
