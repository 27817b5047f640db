package storage_test

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the scan of every table

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
	"github.com/elloloop/identity/storage/sqlite"
	"github.com/elloloop/identity/storage/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// opened is an empty repository of one driver.
type opened struct {
	graph.Repository
	// rows counts the rows of a project in each table that has any, past the driver;
	// there are as many tables.
	rows   func(t *testing.T, project string) map[string]int
	tables int
}

// drivers opens each driver. The repository is closed when the test ends.
func drivers() map[string]func(t *testing.T) opened {
	all := len(storage.Schema().Types) + 2 // edges and counters
	closing := func(t *testing.T, r graph.Repository) graph.Repository {
		t.Cleanup(func() { must(t, r.Close()) })
		return r
	}
	return map[string]func(t *testing.T) opened{
		"memory": func(t *testing.T) opened {
			r := closing(t, memory.Open(storage.Schema(), memory.Config{}))
			return opened{r, func(t *testing.T, project string) map[string]int { return listed(t, r, project) }, all - 2}
		},
		"sqlite": func(t *testing.T) opened {
			path := sqlitetest.File(t)
			r, err := sqlite.Open(t.Context(), storage.Schema(), sqlite.Config{Path: path})
			must(t, err)
			return opened{closing(t, r), func(t *testing.T, project string) map[string]int { return countRows(t, path, project) }, all}
		},
		"postgres": func(t *testing.T) opened {
			d := pgtest.Shared(t, func(d pgtest.Database) error {
				_, err := postgres.Migrate(t.Context(), postgres.Config{DSN: d.App, MigrateDSN: d.Owner})
				return err
			})
			r, err := postgres.Open(t.Context(), storage.Schema(), postgres.Config{DSN: d.App})
			must(t, err)
			return opened{closing(t, r), func(t *testing.T, project string) map[string]int { return countPostgres(t, d, project) }, all}
		},
	}
}

// onDrivers runs a test on every driver.
func onDrivers(t *testing.T, test func(t *testing.T, s *storage.Store)) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) { test(t, storage.New(open(t).Repository, ring(t, key("k", 7)))) })
	}
}

// listed counts what the memory driver lists: it has no other way in.
func listed(t *testing.T, r graph.Repository, project string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, ty := range storage.Schema().Types {
		p, err := r.List(t.Context(), storage.In(project), graph.Query{Type: ty.ID, Limit: graph.MaxLimit})
		must(t, err)
		if n := len(p.Nodes); n > 0 {
			counts[ty.Table] = n
		}
	}
	return counts
}

// countRows counts the rows of a project in every table of the file.
func countRows(t *testing.T, path, project string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	rows, err := db.QueryContext(t.Context(), "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'project_id' WHERE m.type = 'table'")
	must(t, err)
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	must(t, rows.Err())
	counts := map[string]int{}
	for _, table := range tables {
		var n int
		must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table+" WHERE project_id = ?", project).Scan(&n))
		if n > 0 {
			counts[table] = n
		}
	}
	return counts
}

// countPostgres counts as a superuser, whom row-level security does not hold.
func countPostgres(t *testing.T, d pgtest.Database, project string) map[string]int {
	t.Helper()
	var each []string
	for _, table := range pgtest.Texts(t, d.Super, "SELECT attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE attname = 'project_id' AND relkind = 'r'") {
		each = append(each, fmt.Sprintf("SELECT '%s ' || count(*) AS n FROM %s WHERE project_id = $1 HAVING count(*) > 0", table, table))
	}
	counts := map[string]int{}
	for _, row := range pgtest.Texts(t, d.Super, strings.Join(each, " UNION ALL "), project) {
		table, n, _ := strings.Cut(row, " ")
		var err error
		counts[table], err = strconv.Atoi(n)
		must(t, err)
	}
	return counts
}
