package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/sqlite"
)

func TestContractFile(t *testing.T) {
	defer goleak.VerifyNone(t)
	graphtest.Run(t, func(t *testing.T, now func() time.Time) graph.Repository {
		return open(t, sqlite.Config{Path: filepath.Join(t.TempDir(), "graph.db"), Now: now})
	})
}

func TestContractMemory(t *testing.T) {
	defer goleak.VerifyNone(t)
	graphtest.Run(t, func(t *testing.T, now func() time.Time) graph.Repository {
		return open(t, sqlite.Config{Path: ":memory:", Now: now})
	})
}

// open opens a database for the schema of graphtest. The caller closes it.
func open(t testing.TB, config sqlite.Config) *sqlite.Repository {
	t.Helper()
	config.AutoMigrate = true
	config.Migrations = ddl(graphtest.Schema())
	r, err := sqlite.Open(t.Context(), graphtest.Schema(), config)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return r
}

// ddl writes the migration that makes the tables of a schema, and those that
// every database has.
func ddl(s graph.Schema) fstest.MapFS {
	var b strings.Builder
	b.WriteString("-- +goose Up\n")
	kinds := map[graph.Kind]string{graph.Text: "TEXT", graph.Bytes: "BLOB", graph.Int: "INTEGER"}
	for _, n := range s.Types {
		fmt.Fprintf(&b, "CREATE TABLE %s (project_id TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER, consumed_at INTEGER, ", n.Table)
		for _, col := range n.Columns {
			fmt.Fprintf(&b, "%s %s, ", col.Name, kinds[col.Kind])
		}
		b.WriteString("data BLOB NOT NULL, PRIMARY KEY (project_id, id)) STRICT, WITHOUT ROWID;\n")
		for _, u := range n.Unique {
			fmt.Fprintf(&b, "CREATE UNIQUE INDEX %s_key_%s ON %s (project_id, %s);\n", n.Table, u.Name, n.Table, strings.Join(u.Columns, ", "))
		}
		for _, x := range n.Indexes {
			fmt.Fprintf(&b, "CREATE INDEX %s_by_%s ON %s (project_id, %s, id);\n", n.Table, x.Name, n.Table, strings.Join(x.Columns, ", "))
		}
		if n.Expires {
			fmt.Fprintf(&b, "CREATE INDEX %s_expiry ON %s (expires_at) WHERE expires_at IS NOT NULL;\n", n.Table, n.Table)
		}
	}
	b.WriteString(`
CREATE TABLE edges (project_id TEXT NOT NULL, edge_id INTEGER NOT NULL, from_id TEXT NOT NULL, to_id TEXT NOT NULL, PRIMARY KEY (project_id, edge_id, from_id, to_id)) STRICT, WITHOUT ROWID;
CREATE INDEX edges_reverse ON edges (project_id, edge_id, to_id, from_id);
CREATE TABLE counters (project_id TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, reset_at INTEGER NOT NULL, PRIMARY KEY (project_id, name)) STRICT, WITHOUT ROWID;
CREATE INDEX counters_expiry ON counters (reset_at);
`)
	return fstest.MapFS{"00001_graph.sql": {Data: []byte(b.String())}}
}
