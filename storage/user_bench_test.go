package storage_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
	"github.com/elloloop/identity/storage/sqlite"
)

// people is the statement that makes accounts, every other one suspended: one
// commit for each of a million would take an hour.
func people(numbers, padded, blob string) string {
	person := `'{"email":"u' || n || '@example.test","email_key":"u' || n || '@example.test","username":"u' || n || '","username_key":"u' || n ||
		'","status":"' || status || '","role":"member","name":"Name ' || n || ' of a person","name_key":"name ' || n ||
		' of a person","profile_updated_at":"2030-01-01T00:00:00Z","created":' || i || '}'`
	return `INSERT INTO users (project_id, id, version, created_at, updated_at, email_key, username_key, status, created, name_key, role, data)
		SELECT 'default', 'u' || n, 1, i, i, 'u' || n || '@example.test', 'u' || n, status, i, 'name ' || n || ' of a person', 'member', ` + fmt.Sprintf(blob, person) + `
		FROM (SELECT i, ` + padded + ` AS n, CASE i % 2 WHEN 0 THEN 'suspended' ELSE 'active' END AS status FROM ` + numbers + `) AS people`
}

func peopleInSQLite(b *testing.B, size int) graph.Repository {
	b.Helper()
	path := filepath.Join(b.TempDir(), "i.db")
	repo, err := sqlite.Open(b.Context(), storage.Schema(), sqlite.Config{Path: path, AutoMigrate: true, Synchronous: "NORMAL"})
	if err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	numbers := fmt.Sprintf("(WITH RECURSIVE numbers (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM numbers WHERE i < %d) SELECT i FROM numbers)", size-1)
	for _, statement := range []string{people(numbers, "printf('%07d', i)", "CAST(%s AS BLOB)"), "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	return repo
}

func peopleInPostgres(b *testing.B, size int) graph.Repository {
	b.Helper()
	d := pgtest.New(b)
	repo, err := postgres.Open(b.Context(), storage.Schema(), postgres.Config{DSN: d.App, MigrateDSN: d.Owner, AutoMigrate: true})
	if err != nil {
		b.Fatal(err)
	}
	numbers := fmt.Sprintf("generate_series(0, %d) AS i", size-1)
	pgtest.Exec(b, d.Super, people(numbers, "lpad(i::text, 7, '0')", "convert_to(%s, 'UTF8')"), "VACUUM ANALYZE users")
	return repo
}

// BenchmarkUserDirectory reads a page of 50 accounts of a thousand and of a
// million: by the order of making, by a prefix, from the middle, by a status.
func BenchmarkUserDirectory(b *testing.B) {
	for driver, open := range map[string]func(*testing.B, int) graph.Repository{"sqlite": peopleInSQLite, "postgres": peopleInPostgres} {
		for _, size := range []int{1_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/users=%d", driver, size), func(b *testing.B) {
				repo := open(b, size)
				b.Cleanup(func() {
					if err := repo.Close(); err != nil {
						b.Error(err)
					}
				})
				s := storage.New(repo, ring(b, key("k", 7)))
				for name, q := range map[string]storage.UserQuery{
					"created": {}, "name": {Order: storage.ByName}, "status": {Status: storage.UserSuspended},
					"prefix": {Prefix: "NAME 00004"}, "email-prefix": {Order: storage.ByEmail, Prefix: "u00004"}, "prefix-and-status": {Prefix: "name 0000", Status: storage.UserSuspended},
				} {
					b.Run(name, func(b *testing.B) { pages(b, s, q) })
				}
			})
		}
	}
}

func pages(b *testing.B, s *storage.Store, q storage.UserQuery) {
	p := storage.PageRequest{Limit: 50}
	l, err := s.UserDirectory.Search(b.Context(), scope, q, p)
	if err != nil || len(l.Items) == 0 || l.Items[0].Name == "" {
		b.Fatal(len(l.Items), err)
	}
	p.After = l.Next // not the first page
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.UserDirectory.Search(b.Context(), scope, q, p); err != nil {
			b.Fatal(err)
		}
	}
}
