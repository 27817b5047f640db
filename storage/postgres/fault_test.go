package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// load commits nodes in several goroutines while faults happen, and returns the
// ids of those that were answered. Any other answer must be ErrUnavailable.
func load(t *testing.T, r *postgres.Repository, faults func()) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var mu sync.Mutex
	var answered []string
	begun, once := make(chan struct{}), sync.Once{}
	for worker := range 8 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("n-%d-%d", worker, i)
				_, err := r.Commit(t.Context(), scope, plain(id), plain(id+"-twin"))
				switch {
				case err == nil:
					mu.Lock()
					answered = append(answered, id)
					mu.Unlock()
					once.Do(func() { close(begun) })
				case !errors.Is(err, graph.ErrUnavailable):
					t.Errorf("Commit: %v, want ErrUnavailable", err)
				}
			}
		})
	}
	<-begun
	faults()
	cancel()
	all.Wait()
	return answered
}

// kept wants every answered commit to be there, and none by half.
func kept(t *testing.T, r *postgres.Repository, super string, answered []string) {
	t.Helper()
	for _, id := range answered {
		if _, err := r.Get(t.Context(), scope, graphtest.Plain, id+"-twin"); err != nil {
			t.Errorf("%s was answered and is lost: %v", id, err)
		}
	}
	half := "SELECT id FROM plains a WHERE id NOT LIKE '%twin' AND NOT EXISTS (SELECT 1 FROM plains b WHERE b.id = a.id || '-twin')"
	if got := pgtest.Texts(t, super, half); len(got) > 0 {
		t.Errorf("commits that stand by half: %v", got)
	}
}

func TestKilledConnections(t *testing.T) {
	d := prepared(t)
	r := open(t, postgres.Config{DSN: d.App})
	defer r.Close()
	answered := load(t, r, func() {
		for range 30 {
			pgtest.Exec(t, d.Super, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'identity_app' AND datname = current_database()")
		}
	})
	kept(t, r, d.Super, answered)
}

func TestCrashUnderLoad(t *testing.T) {
	s, err := pgtest.Start(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	d := pgtest.On(t, s.DSN)
	migrate(t, d)
	r := open(t, postgres.Config{DSN: d.App})
	defer r.Close()
	changes, err := r.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answered := load(t, r, func() {
		for range 3 {
			if err := errors.Join(s.Crash(), s.Run()); err != nil {
				t.Error(err)
			}
		}
	})
	kept(t, r, d.Super, answered)
	if c := <-changes; !c.All {
		t.Errorf("after a crash watchers are told %+v, want All", c)
	}
}

func TestWaitsAreBounded(t *testing.T) {
	d := prepared(t)
	unavailable := func(t *testing.T, what string, err error) {
		t.Helper()
		if !errors.Is(err, graph.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", what, err)
		}
	}
	t.Run("pool-exhausted", func(t *testing.T) {
		r := open(t, postgres.Config{DSN: d.App, MaxConns: 1, ConnTimeout: 2 * time.Second})
		defer r.Close()
		release := r.Hold(t)
		_, err := r.Commit(t.Context(), scope, plain("waits"))
		unavailable(t, "no connection", err)
		release()
		if _, err := r.Commit(t.Context(), scope, plain("waits")); err != nil {
			t.Errorf("with a connection: %v", err)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		r := open(t, postgres.Config{DSN: d.App})
		defer r.Close()
		pgtest.Exec(t, d.Super, "ALTER DATABASE "+d.Name+" SET default_transaction_read_only = on",
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'identity_app' AND datname = current_database()")
		var err error
		for range 3 { // the first may still meet a killed connection
			_, err = r.Commit(t.Context(), scope, plain("standby"))
		}
		unavailable(t, "read-only", err)
		pgtest.Exec(t, os.Getenv(pgtest.Env), "ALTER DATABASE "+d.Name+" RESET default_transaction_read_only")
		if _, err := r.Commit(t.Context(), scope, plain("standby")); err != nil {
			t.Errorf("after the failover: %v", err)
		}
	})
}
