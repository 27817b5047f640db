package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/sqlite"
)

func TestMigrate(t *testing.T) {
	first := ddl(graphtest.Schema())
	with := func(name, sql string) fstest.MapFS {
		both := fstest.MapFS{name: {Data: []byte(sql)}}
		for name, file := range first {
			both[name] = file
		}
		return both
	}
	config := func(path string, files fstest.MapFS) sqlite.Config {
		return sqlite.Config{Path: path, Migrations: files}
	}
	t.Run("status-of-nothing", func(t *testing.T) {
		path := file(t)
		s, err := sqlite.Status(t.Context(), config(path, first))
		if d := cmp.Diff(migrations.Status{Latest: 1, Pending: []string{"00001_graph.sql"}}, s); d != "" || err != nil {
			t.Errorf("Status: %v\n%s", err, d)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("asking for the status has made the file: %v", err)
		}
	})
	t.Run("twice", func(t *testing.T) {
		path := file(t)
		for range 2 {
			s, err := sqlite.Migrate(t.Context(), config(path, first))
			if d := cmp.Diff(migrations.Status{Current: 1, Latest: 1}, s); d != "" || err != nil {
				t.Errorf("Migrate: %v\n%s", err, d)
			}
		}
	})
	t.Run("S6-07/open-without-migrating", func(t *testing.T) {
		_, err := sqlite.Open(t.Context(), graphtest.Schema(), config(file(t), first))
		if !errors.Is(err, migrations.ErrSchema) || !strings.Contains(err.Error(), "run the migration first") {
			t.Errorf("Open: %v, want ErrSchema with a sentence", err)
		}
	})
	t.Run("S6-07/newer-schema", func(t *testing.T) {
		path := file(t)
		if _, err := sqlite.Migrate(t.Context(), config(path, with("00002_more.sql", "-- +goose Up\nCREATE TABLE more (a TEXT) STRICT;"))); err != nil {
			t.Fatal(err)
		}
		old := config(path, first)
		old.AutoMigrate = true
		_, opened := sqlite.Open(t.Context(), graphtest.Schema(), old)
		_, migrated := sqlite.Migrate(t.Context(), old)
		for _, err := range []error{opened, migrated} {
			if !errors.Is(err, migrations.ErrSchema) || !strings.Contains(err.Error(), "newer release") {
				t.Errorf("error %v, want ErrSchema with a sentence", err)
			}
		}
	})
	t.Run("S6-07/fails-midway", func(t *testing.T) {
		path := file(t)
		bad := with("00002_more.sql", "-- +goose Up\nCREATE TABLE more (a TEXT) STRICT;\nINSERT INTO things (nothing) VALUES (1);")
		if _, err := sqlite.Migrate(t.Context(), config(path, bad)); err == nil {
			t.Fatal("a migration that fails was not told")
		}
		s, err := sqlite.Status(t.Context(), config(path, bad))
		if d := cmp.Diff(migrations.Status{Current: 1, Latest: 2, Pending: []string{"00002_more.sql"}}, s); d != "" || err != nil {
			t.Errorf("Status: %v\n%s", err, d)
		}
		db := raw(t, path)
		defer db.Close()
		if left := rows(t, db, "SELECT name FROM sqlite_master WHERE name = 'more'"); len(left) != 0 {
			t.Errorf("a part of the failed step is left: %v", left)
		}
		mended := with("00002_more.sql", "-- +goose Up\nCREATE TABLE more (a TEXT) STRICT;")
		if s, err := sqlite.Migrate(t.Context(), config(path, mended)); err != nil || s.Current != 2 {
			t.Errorf("Migrate after mending: %+v, %v", s, err)
		}
	})
	t.Run("S6-07/many-at-once", func(t *testing.T) {
		path := file(t)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				c := config(path, with("00002_more.sql", "-- +goose Up\nCREATE TABLE more (a TEXT) STRICT;"))
				c.BusyTimeout = time.Minute
				if s, err := sqlite.Migrate(t.Context(), c); err != nil || s.Current != 2 {
					t.Errorf("Migrate: %+v, %v", s, err)
				}
			})
		}
		all.Wait()
	})
}

func TestOpen(t *testing.T) {
	t.Run("modes", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "new", "dir", "identity.db")
		r, err := sqlite.Open(t.Context(), storage.Schema(), sqlite.Config{Path: path, AutoMigrate: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Check(t.Context()); err != nil {
			t.Errorf("Check: %v", err)
		}
		latest, err := sqlite.Status(t.Context(), sqlite.Config{Path: path})
		if err != nil || latest.Current == 0 || len(latest.Pending) > 0 {
			t.Errorf("Status = %+v, %v", latest, err)
		}
		if v, err := r.SchemaVersion(t.Context()); v != latest.Latest || err != nil {
			t.Errorf("SchemaVersion = %d, %v", v, err)
		}
		for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
			info, err := os.Stat(name)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v; want mode %o", filepath.Base(name), info, err, want)
			}
		}
	})
	t.Run("strange-names", func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{"a b.db", "a?mode=memory.db", "a%20b#c.db", "ü.db"} {
			r := open(t, sqlite.Config{Path: filepath.Join(dir, name)})
			if _, err := r.Commit(t.Context(), scope, plainNode("a", 1)); err != nil {
				t.Error(err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
				t.Errorf("%q was not written to: %v", name, err)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		notDatabase := filepath.Join(t.TempDir(), "text.db")
		if err := os.WriteFile(notDatabase, []byte(strings.Repeat("this is no database. ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			config sqlite.Config
			want   error
		}{
			"no-path": {sqlite.Config{}, graph.ErrInvalidArgument}, "synchronous": {sqlite.Config{Path: ":memory:", Synchronous: "OFF"}, graph.ErrInvalidArgument},
			"negative": {sqlite.Config{Path: ":memory:", MaxConns: -1}, graph.ErrInvalidArgument}, "a-directory": {sqlite.Config{Path: t.TempDir()}, graph.ErrUnavailable},
			"not-a-database": {sqlite.Config{Path: notDatabase}, graph.ErrUnavailable}, "under-a-file": {sqlite.Config{Path: notDatabase + "/x.db"}, graph.ErrUnavailable},
		} {
			c.config.AutoMigrate = true
			if _, err := sqlite.Open(t.Context(), graphtest.Schema(), c.config); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
	})
	t.Run("again", func(t *testing.T) {
		path := file(t)
		r := open(t, sqlite.Config{Path: path, Synchronous: "NORMAL"})
		if _, err := r.Commit(t.Context(), scope, plainNode("a", 1)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("closing left a journal: %v", err)
		}
		if !has(t, sound(t, path), "a") {
			t.Error("a node is gone after closing and opening")
		}
	})
}
