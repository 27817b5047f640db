package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// TestIdleTransaction: a transaction that its client has forgotten does not hold
// its rows for ever: the server ends it.
func TestIdleTransaction(t *testing.T) {
	d := pgtest.New(t)
	r, err := Open(t.Context(), storage.Schema(), Config{DSN: d.App, MigrateDSN: d.Owner, AutoMigrate: true, StatementTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.with(t.Context(), func(_ context.Context, c *pgx.Conn) error {
		if _, err := c.Exec(t.Context(), "BEGIN"); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.WaitForNotification(waiting) // none comes: only the end of the connection
		return err
	})
	if code(err) != "25P03" {
		t.Errorf("it ended with %v, want idle_in_transaction_session_timeout", err)
	}
}

// TestAnswerIsBounded: whoever works on a connection waits for the server as long
// as a statement may take and a little, whatever the caller's own patience.
func TestAnswerIsBounded(t *testing.T) {
	d := pgtest.New(t)
	r, err := Open(t.Context(), storage.Schema(), Config{DSN: d.App, MigrateDSN: d.Owner, AutoMigrate: true, StatementTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.with(t.Context(), func(running context.Context, _ *pgx.Conn) error {
		if until, bounded := running.Deadline(); !bounded || time.Until(until) > time.Second+slack {
			t.Errorf("it waits until %s (bounded: %v)", until, bounded)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
