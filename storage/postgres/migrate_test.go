package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

func TestMigrate(t *testing.T) {
	first := ddl(graphtest.Schema())
	with := func(sql string) fstest.MapFS {
		both := fstest.MapFS{"00002_more.sql": {Data: []byte("-- +goose Up\n" + sql)}}
		for name, file := range first {
			both[name] = file
		}
		return both
	}
	config := func(d pgtest.Database, files fstest.MapFS) postgres.Config {
		return postgres.Config{DSN: d.App, MigrateDSN: d.Owner, Migrations: files}
	}
	t.Run("S6-07/open-without-migrating", func(t *testing.T) {
		d := pgtest.New(t)
		s, err := postgres.Status(t.Context(), config(d, first))
		if diff := cmp.Diff(migrations.Status{Latest: 1, Pending: []string{"00001_graph.sql"}}, s); diff != "" || err != nil {
			t.Errorf("Status: %v\n%s", err, diff)
		}
		_, err = postgres.Open(t.Context(), graphtest.Schema(), config(d, first))
		if !errors.Is(err, migrations.ErrSchema) || !strings.Contains(err.Error(), "run the migration first") {
			t.Errorf("Open: %v, want ErrSchema with a sentence", err)
		}
	})
	t.Run("S6-07/newer-schema", func(t *testing.T) {
		d := pgtest.New(t)
		if _, err := postgres.Migrate(t.Context(), config(d, with("CREATE TABLE more (a TEXT);"))); err != nil {
			t.Fatal(err)
		}
		old := config(d, first)
		old.AutoMigrate = true
		_, opened := postgres.Open(t.Context(), graphtest.Schema(), old)
		_, migrated := postgres.Migrate(t.Context(), old)
		for _, err := range []error{opened, migrated} {
			if !errors.Is(err, migrations.ErrSchema) || !strings.Contains(err.Error(), "newer release") {
				t.Errorf("error %v, want ErrSchema with a sentence", err)
			}
		}
	})
	t.Run("S6-07/fails-midway", func(t *testing.T) {
		d := pgtest.New(t)
		bad := with("CREATE TABLE more (a TEXT);\nINSERT INTO things (nothing) VALUES (1);")
		if _, err := postgres.Migrate(t.Context(), config(d, bad)); err == nil {
			t.Fatal("a migration that fails was not told")
		}
		s, err := postgres.Status(t.Context(), config(d, bad))
		if diff := cmp.Diff(migrations.Status{Current: 1, Latest: 2, Pending: []string{"00002_more.sql"}}, s); diff != "" || err != nil {
			t.Errorf("Status: %v\n%s", err, diff)
		}
		if left := pgtest.Texts(t, d.Owner, "SELECT relname::text FROM pg_class WHERE relname = 'more'"); len(left) != 0 {
			t.Errorf("a part of the failed step is left: %v", left)
		}
		if s, err := postgres.Migrate(t.Context(), config(d, with("CREATE TABLE more (a TEXT);"))); err != nil || s.Current != 2 {
			t.Errorf("Migrate after mending: %+v, %v", s, err)
		}
	})
	t.Run("S6-07/many-at-once", func(t *testing.T) {
		d := pgtest.New(t)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if s, err := postgres.Migrate(t.Context(), config(d, with("CREATE TABLE more (a TEXT);"))); err != nil || s.Current != 2 {
					t.Errorf("Migrate: %+v, %v", s, err)
				}
			})
		}
		all.Wait()
	})
}
