package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/sqlite"
)

// TestMigratedSchema compares what the migrations made with what the schema
// declares: tables, columns with their kinds, and indexes with their columns.
func TestMigratedSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.db")
	if _, err := sqlite.Migrate(t.Context(), sqlite.Config{Path: path}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got := map[string][]string{}
	for _, table := range rows(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'") {
		got[table] = append(got[table], rows(t, db, "SELECT name || ' ' || type || CASE WHEN \"notnull\" THEN ' NOT NULL' ELSE '' END FROM pragma_table_info(?)", table)...)
		for _, index := range rows(t, db, "SELECT name FROM pragma_index_list(?) WHERE origin = 'c' ORDER BY name", table) {
			unique := rows(t, db, "SELECT CASE WHEN \"unique\" THEN 'unique ' ELSE 'index ' END FROM pragma_index_list(?) WHERE name = ?", table, index)[0]
			columns := rows(t, db, "SELECT name FROM pragma_index_info(?)", index)
			got[table] = append(got[table], unique+index+" "+strings.Join(columns, ","))
		}
	}
	want := map[string][]string{
		"edges": {"project_id TEXT NOT NULL", "edge_id INTEGER NOT NULL", "from_id TEXT NOT NULL", "to_id TEXT NOT NULL",
			"index edges_reverse project_id,edge_id,to_id,from_id"},
		"counters": {"project_id TEXT NOT NULL", "name TEXT NOT NULL", "count INTEGER NOT NULL", "reset_at INTEGER NOT NULL",
			"index counters_expiry reset_at"},
	}
	for _, n := range storage.Schema().Types {
		want[n.Table] = declared(n)
	}
	sorted := cmp.Transformer("lines", func(lines []string) map[string]bool {
		set := map[string]bool{}
		for _, line := range lines {
			set[line] = true
		}
		return set
	})
	if d := cmp.Diff(want, got, sorted); d != "" {
		t.Errorf("migrated schema (-declared +migrated):\n%s", d)
	}
}

// declared writes a node type as the queries above show it.
func declared(n graph.Type) []string {
	lines := []string{"project_id TEXT NOT NULL", "id TEXT NOT NULL", "version INTEGER NOT NULL", "created_at INTEGER NOT NULL",
		"updated_at INTEGER NOT NULL", "expires_at INTEGER", "consumed_at INTEGER", "data BLOB NOT NULL"}
	kinds := map[graph.Kind]string{graph.Text: "TEXT", graph.Bytes: "BLOB", graph.Int: "INTEGER"}
	for _, col := range n.Columns {
		lines = append(lines, col.Name+" "+kinds[col.Kind])
	}
	for _, u := range n.Unique {
		lines = append(lines, "unique "+n.Table+"_key_"+u.Name+" project_id,"+strings.Join(u.Columns, ","))
	}
	for _, x := range n.Indexes {
		lines = append(lines, "index "+n.Table+"_by_"+x.Name+" project_id,"+strings.Join(x.Columns, ",")+",id")
	}
	if n.Expires {
		lines = append(lines, "index "+n.Table+"_expiry expires_at")
	}
	return lines
}

func rows(t *testing.T, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	r, err := db.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for r.Next() {
		var s string
		if err := r.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
