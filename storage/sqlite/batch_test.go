package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/sqlite"
)

// holdLock holds the write lock of a database file until the function that it
// returns is called.
func holdLock(t *testing.T, path string) (release func()) {
	t.Helper()
	db := raw(t, path)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// waitQueued waits until n commits wait behind the one that the writer has begun.
func waitQueued(t *testing.T, r *sqlite.Repository, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); r.Queued() < n; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d commits wait, want %d", r.Queued(), n)
		}
	}
}

func plainNode(id string, size int) graph.Op {
	return graph.Create{Node: graph.Node{Type: graphtest.Plain, ID: id, Data: make([]byte, size)}}
}

func has(t *testing.T, r *sqlite.Repository, id string) bool {
	t.Helper()
	_, err := r.Get(t.Context(), scope, graphtest.Plain, id)
	if err != nil && !errors.Is(err, graph.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestBatch lets many commits wait, so that they become one transaction. Every
// third fails at its last operation and must take back the ones before, and
// nothing of its neighbours.
func TestBatch(t *testing.T) {
	path := file(t)
	r := open(t, sqlite.Config{Path: path, BusyTimeout: time.Minute})
	defer r.Close()
	release := holdLock(t, path)
	const commits = 60
	errs := make([]error, commits)
	var all sync.WaitGroup
	for i := range commits {
		all.Go(func() {
			id := fmt.Sprintf("n%02d", i)
			ops := []graph.Op{plainNode(id, 10), graph.Increment{Counter: "n", By: 1, Window: time.Hour}}
			if i%3 == 0 {
				ops = append(ops, graph.Delete{Type: graphtest.Plain, ID: "none"})
			}
			_, errs[i] = r.Commit(t.Context(), scope, ops...)
		})
	}
	waitQueued(t, r, commits-1)
	release()
	all.Wait()
	for i, err := range errs {
		if fails := i%3 == 0; fails != errors.Is(err, graph.ErrNotFound) || !fails && err != nil {
			t.Errorf("commit %d: %v", i, err)
		} else if has(t, r, fmt.Sprintf("n%02d", i)) == fails {
			t.Errorf("commit %d (%v) is stored: %v", i, err, fails)
		}
	}
	out, err := r.Commit(t.Context(), scope, graph.Increment{Counter: "n", Window: time.Hour})
	if err != nil || out[0].Count != commits*2/3 {
		t.Errorf("the counter is at %v, %v; want %d", out, err, commits*2/3)
	}
}

// TestCommitFails lets the COMMIT of many fail: all of them are told, none is
// stored, and the next transaction is a new one.
func TestCommitFails(t *testing.T) {
	path := file(t)
	r := open(t, sqlite.Config{Path: path, BusyTimeout: time.Minute})
	defer r.Close()
	release := holdLock(t, path)
	const commits = 20
	var all sync.WaitGroup
	all.Go(func() {
		if err := r.Poison(t.Context()); !errors.Is(err, graph.ErrUnavailable) {
			t.Errorf("the commit that makes it fail: %v, want ErrUnavailable", err)
		}
	})
	for i := range commits {
		all.Go(func() {
			if _, err := r.Commit(t.Context(), scope, plainNode(fmt.Sprint(i), 10)); !errors.Is(err, graph.ErrUnavailable) {
				t.Errorf("commit %d: %v, want ErrUnavailable", i, err)
			}
		})
	}
	waitQueued(t, r, commits)
	release()
	all.Wait()
	for i := range commits {
		if has(t, r, fmt.Sprint(i)) {
			t.Errorf("commit %d was refused and is stored", i)
		}
	}
	if _, err := r.Commit(t.Context(), scope, plainNode("after", 10)); err != nil || !has(t, r, "after") {
		t.Errorf("the next commit: %v", err)
	}
}

// TestCancelledWhileQueued drops a commit whose caller has gone.
func TestCancelledWhileQueued(t *testing.T) {
	path := file(t)
	r := open(t, sqlite.Config{Path: path, BusyTimeout: time.Minute})
	defer r.Close()
	release := holdLock(t, path)
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := r.Commit(t.Context(), scope, plainNode("first", 1)); err != nil {
			t.Errorf("Commit: %v", err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var second sync.WaitGroup
	second.Go(func() {
		if _, err := r.Commit(ctx, scope, plainNode("second", 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("Commit: %v, want context.Canceled", err)
		}
	})
	waitQueued(t, r, 1)
	cancel()
	second.Wait()
	release()
	first.Wait()
	if _, err := r.Commit(t.Context(), scope, plainNode("third", 1)); err != nil {
		t.Fatal(err)
	}
	if both := has(t, r, "first") && has(t, r, "second"); both {
		t.Error("a commit was applied whose caller had gone while it was queued")
	}
}

// TestFull bounds the database to what it has, as a full disk does.
func TestFull(t *testing.T) {
	for _, path := range []string{":memory:", file(t)} {
		r := open(t, sqlite.Config{Path: path})
		defer r.Close()
		if err := r.Pragma(t.Context(), "max_page_count = 60"); err != nil {
			t.Fatal(err)
		}
		stored := 0
		var err error
		for ; err == nil && stored < 100; stored++ {
			_, err = r.Commit(t.Context(), scope, plainNode(fmt.Sprint(stored), 20_000))
		}
		t.Run("S6-04/full", func(t *testing.T) {
			if !errors.Is(err, graph.ErrUnavailable) {
				t.Errorf("Commit: %v, want ErrUnavailable", err)
			}
			if has(t, r, fmt.Sprint(stored-1)) || !has(t, r, "0") {
				t.Error("the commit that failed is stored, or one before it is not")
			}
			// What fits still goes: one large commit does not stop small ones.
			if _, err := r.Commit(t.Context(), scope, graph.Increment{Counter: "c", By: 1, Window: time.Hour}); err != nil {
				t.Errorf("a small commit: %v", err)
			}
		})
		t.Run("S6-04/room-again", func(t *testing.T) {
			if err := r.Pragma(t.Context(), "max_page_count = 100000"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Commit(t.Context(), scope, plainNode("after", 20_000)); err != nil {
				t.Errorf("Commit: %v", err)
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	r := open(t, sqlite.Config{Path: file(t)})
	defer r.Close()
	if err := r.Pragma(t.Context(), "query_only = 1"); err != nil {
		t.Fatal(err)
	}
	t.Run("S6-04/read-only", func(t *testing.T) {
		if _, err := r.Commit(t.Context(), scope, plainNode("a", 1)); !errors.Is(err, graph.ErrUnavailable) {
			t.Errorf("Commit: %v, want ErrUnavailable", err)
		}
	})
}
