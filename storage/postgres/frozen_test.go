package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// TestFrozenServer: the server takes connections and bytes, and answers nothing.
// More callers than there are connections get ErrUnavailable in a bounded time; one
// who has less patience is not kept; when the server goes on, so do we.
func TestFrozenServer(t *testing.T) {
	s, err := pgtest.Start(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Freeze(false), s.Stop()); err != nil {
			t.Error(err)
		}
	})
	d := pgtest.On(t, s.DSN)
	migrate(t, d)
	r := open(t, postgres.Config{DSN: d.App, MaxConns: 3, ConnTimeout: time.Second, StatementTimeout: 500 * time.Millisecond})
	defer r.Close()
	if _, err := r.Commit(t.Context(), scope, plain("before"), plain("before-twin")); err != nil {
		t.Fatal(err)
	}
	if err := s.Freeze(true); err != nil {
		t.Fatal(err)
	}
	// ConnTimeout, StatementTimeout and the five seconds in which the server itself
	// should have said that it was too long; the rest is for a busy machine.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			id := fmt.Sprintf("frozen-%d", i)
			if _, err := r.Commit(ctx, scope, plain(id), plain(id+"-twin")); !errors.Is(err, graph.ErrUnavailable) {
				t.Errorf("Commit: %v, want ErrUnavailable", err)
			}
			if _, err := r.Get(ctx, scope, graphtest.Plain, "before"); !errors.Is(err, graph.ErrUnavailable) {
				t.Errorf("Get: %v, want ErrUnavailable", err)
			}
		})
	}
	hurried, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Get(hurried, scope, graphtest.Plain, "before"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller in a hurry: %v", err)
	}
	all.Wait()
	if err := s.Freeze(false); err != nil {
		t.Fatal(err)
	}
	back, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		_, err := r.Commit(back, scope, plain("after"), plain("after-twin"))
		if err == nil || errors.Is(err, graph.ErrAlreadyExists) { // an earlier try was not answered, and stands
			break
		}
		if !errors.Is(err, graph.ErrUnavailable) {
			t.Fatalf("when it goes on: %v", err)
		}
	}
	kept(t, r, d.Super, nil)
}

// TestTimeouts: the server itself ends what takes too long, also where no session
// is ours to set a limit in.
func TestTimeouts(t *testing.T) {
	d := prepared(t)
	pgtest.Exec(t, d.Owner, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$`,
		`CREATE TRIGGER slow BEFORE INSERT ON plains FOR EACH ROW WHEN (NEW.id = 'slow') EXECUTE FUNCTION slow()`)
	for name, config := range map[string]postgres.Config{
		"session":     {DSN: d.App},
		"transaction": {DSN: d.App, Pooling: postgres.PoolingTransaction},
		"proxy":       {DSN: pgtest.Pooler(t, d.App), Pooling: postgres.PoolingTransaction},
	} {
		t.Run(name, func(t *testing.T) {
			config.StatementTimeout, config.LockTimeout = 500*time.Millisecond, 100*time.Millisecond
			r := open(t, config)
			defer r.Close()
			if _, err := r.Commit(t.Context(), scope, plain("slow")); !errors.Is(err, graph.ErrUnavailable) || !contains(err, "a statement took too long") {
				t.Errorf("a slow statement: %v", err)
			}
			unlock := pgtest.Begin(t, d.Super, "LOCK TABLE plains IN ACCESS EXCLUSIVE MODE")
			_, err := r.Commit(t.Context(), scope, plain("locked"))
			if !errors.Is(err, graph.ErrUnavailable) || !contains(err, "held a row for too long") {
				t.Errorf("a lock: %v", err)
			}
			unlock()
			for end := time.Now().Add(time.Minute); ; { // half a second is little for a machine that stalls
				_, err := r.Commit(t.Context(), scope, plain("then-"+name))
				if err == nil || errors.Is(err, graph.ErrAlreadyExists) {
					break
				}
				if !errors.Is(err, graph.ErrUnavailable) || time.Now().After(end) {
					t.Fatalf("after the lock: %v", err)
				}
			}
		})
	}
}

// TestChecksDoNotDeadlock: commits that check a node and change it wait in a row,
// not for each other. No deadlock is looked for here, so that one would show.
func TestChecksDoNotDeadlock(t *testing.T) {
	d := prepared(t)
	pgtest.Exec(t, d.Super, "ALTER DATABASE "+d.Name+" SET deadlock_timeout = '1h'")
	r := open(t, postgres.Config{DSN: d.App, LockTimeout: 10 * time.Second, StatementTimeout: 30 * time.Second})
	defer r.Close()
	if _, err := r.Commit(t.Context(), scope, plain("contended")); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				n, err := r.Get(t.Context(), scope, graphtest.Plain, "contended")
				if err != nil {
					t.Error(err)
					return
				}
				check := graph.Check{Type: graphtest.Plain, ID: n.ID}
				if _, err = r.Commit(t.Context(), scope, check, plain(rand.Text()), graph.Update{Node: n}); err != nil && !errors.Is(err, graph.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
