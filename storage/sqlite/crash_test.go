package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/sqlite"
)

var (
	background = context.Background()
	scope      = graph.In("alpha")
)

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// TestKill kills a process that commits under load, several times on one file.
func TestKill(t *testing.T) {
	path := file(t)
	if err := open(t, sqlite.Config{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	created, taken := map[string]bool{}, map[string]bool{}
	for round := range 4 {
		cmd, lines := spawn(t, "write", path, strconv.Itoa(round))
		enough := len(created) + 200 + rand.IntN(500)
		killed := false
		for line := range lines {
			kind, id, _ := strings.Cut(line, " ")
			if kind == "C" {
				created[id] = true
			} else if taken[id] {
				t.Errorf("S6-03/taken-twice: %s", id)
			} else {
				taken[id] = true
			}
			if !killed && len(created) >= enough {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || !killed {
			t.Fatalf("the child ended by itself: %v", err)
		}
		t.Run(fmt.Sprintf("S6-03/killed-%d", round), func(t *testing.T) { survived(t, path, created, taken) })
	}
}

// survived looks for everything that was acknowledged before the kill.
func survived(t *testing.T, path string, created, taken map[string]bool) {
	r := sound(t, path)
	var pairs [2]map[string]bool
	consumed := map[string]bool{}
	for i, n := range []graph.TypeID{graphtest.Ticket, graphtest.Plain} {
		pairs[i] = map[string]bool{}
		for q := (graph.Query{Type: n, Limit: 1000}); ; {
			page, err := r.List(t.Context(), scope, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range page.Nodes {
				pairs[i][n.ID] = true
				consumed[n.ID] = consumed[n.ID] || !n.ConsumedAt.IsZero()
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	if d := cmp.Diff(pairs[0], pairs[1]); d != "" {
		t.Errorf("half of a commit is there:\n%s", d)
	}
	for id := range created {
		if !pairs[0][id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	for id := range taken {
		if !consumed[id] {
			t.Errorf("%s was taken and is not", id)
		}
		if _, err := r.Commit(t.Context(), scope, graph.Take{Type: graphtest.Ticket, ID: id}); !errors.Is(err, graph.ErrConsumed) {
			t.Errorf("%s is taken a second time: %v", id, err)
		}
	}
	t.Logf("%d nodes acknowledged, %d stored, %d taken", len(created), len(pairs[0]), len(taken))
}

// TestTwoProcesses lets two processes write to one file.
func TestTwoProcesses(t *testing.T) {
	path := file(t)
	r := open(t, sqlite.Config{Path: path})
	changes, err := r.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-changes // the first one says only that the watch has begun
	one, oneLines := spawn(t, "count", path, "one")
	two, twoLines := spawn(t, "count", path, "two")
	t.Run("S6-06/every-count-once", func(t *testing.T) {
		seen := map[string]bool{}
		for _, lines := range []<-chan string{oneLines, twoLines} {
			for line := range lines {
				if seen[line] {
					t.Errorf("%s was counted twice", line)
				}
				seen[line] = true
			}
		}
		if err := errors.Join(one.Wait(), two.Wait()); err != nil {
			t.Fatal(err)
		}
		out, err := r.Commit(t.Context(), scope, graph.Increment{Counter: "n", Window: time.Hour})
		if err != nil || out[0].Count != 400 || len(seen) != 400 {
			t.Errorf("the counter is at %v, %d numbers were given, %v; want 400", out, len(seen), err)
		}
	})
	t.Run("S6-09/the-other-process-is-noticed", func(t *testing.T) {
		select {
		case c := <-changes:
			if !c.All {
				t.Errorf("change %+v, want All", c)
			}
		case <-time.After(time.Minute):
			t.Error("nothing was noticed of what other processes wrote")
		}
	})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	sound(t, path)
}

// TestBusy holds the write lock as another process would.
func TestBusy(t *testing.T) {
	path := file(t)
	r := open(t, sqlite.Config{Path: path, BusyTimeout: 50 * time.Millisecond})
	defer r.Close()
	db := raw(t, path)
	defer db.Close()
	lock, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	t.Run("S6-06/locked", func(t *testing.T) {
		_, err := r.Commit(t.Context(), scope, tickets("a")...)
		if !errors.Is(err, graph.ErrUnavailable) || !strings.Contains(err.Error(), "another process is writing") {
			t.Errorf("Commit: %v, want ErrUnavailable with a sentence", err)
		}
		if err := r.Check(t.Context()); !errors.Is(err, graph.ErrUnavailable) {
			t.Errorf("Check: %v, want ErrUnavailable", err)
		}
		if _, err := r.Get(t.Context(), scope, graphtest.Plain, "a"); !errors.Is(err, graph.ErrNotFound) {
			t.Errorf("Get: %v, reading goes on", err)
		}
	})
	if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	t.Run("S6-06/free-again", func(t *testing.T) {
		if _, err := r.Commit(t.Context(), scope, tickets("a")...); err != nil {
			t.Errorf("Commit: %v", err)
		}
		if err := r.Check(t.Context()); err != nil {
			t.Errorf("Check: %v", err)
		}
	})
}

func TestDisk(t *testing.T) {
	t.Run("S6-04/no-room", func(t *testing.T) {
		path := file(t)
		if err := open(t, sqlite.Config{Path: path}).Close(); err != nil {
			t.Fatal(err)
		}
		cmd, lines := spawn(t, "limit", path, "")
		var got string
		for line := range lines {
			got = line
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		var stored, refused int
		if _, err := fmt.Sscan(got, &stored, &refused); err != nil || refused == 0 {
			t.Fatalf("the child says %q", got)
		}
		page, err := sound(t, path).List(t.Context(), scope, graph.Query{Type: graphtest.Plain, Limit: 100})
		if err != nil || len(page.Nodes) != stored+2 {
			t.Errorf("%d nodes are there, %d were stored; %v", len(page.Nodes), stored+2, err)
		}
	})
	t.Run("S6-04/read-only-file", func(t *testing.T) {
		path := file(t)
		if err := open(t, sqlite.Config{Path: path}).Close(); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(path)
		for name, mode := range map[string]os.FileMode{path: 0o444, dir: 0o555, filepath.Dir(dir): 0o755} {
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
		defer os.Chmod(dir, 0o755)
		cmd, lines := spawn(t, "read-only", path, "")
		for line := range lines {
			t.Log(line)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	for name, change := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
	} {
		t.Run("S6-04/"+name, func(t *testing.T) {
			path := file(t)
			r := open(t, sqlite.Config{Path: path})
			defer r.Close()
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			_, err := r.Commit(t.Context(), scope, tickets("a")...)
			if !errors.Is(err, graph.ErrUnavailable) || !strings.Contains(err.Error(), "removed or replaced") {
				t.Errorf("Commit: %v, want ErrUnavailable with a sentence", err)
			}
		})
	}
}
