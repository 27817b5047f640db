package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var scope = graph.In("alpha")

// TestContract runs the contract as a role that owns nothing.
func TestContract(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	contract(t, postgres.Config{})
}

// TestContractTransactionPooling runs the contract through a PgBouncer that gives
// each transaction another of a few connections, as a superuser: row-level security
// does not hold one, so that a statement that forgets its project is seen.
func TestContractTransactionPooling(t *testing.T) {
	contract(t, postgres.Config{Pooling: postgres.PoolingTransaction})
}

func contract(t *testing.T, config postgres.Config) {
	d := prepared(t)
	config.DSN = d.App
	if config.Pooling == postgres.PoolingTransaction {
		config.DSN, config.ListenDSN = pgtest.Pooler(t, d.Super), d.App
	}
	graphtest.Run(t, func(t *testing.T, now func() time.Time) graph.Repository {
		pgtest.Exec(t, d.Owner, "TRUNCATE things, tickets, plains, edges, counters")
		c := config
		c.Now = now
		return open(t, c)
	})
}

// prepared makes a database with the tables of the schema of graphtest.
func prepared(t testing.TB) pgtest.Database {
	t.Helper()
	d := pgtest.New(t)
	migrate(t, d)
	return d
}

func migrate(t testing.TB, d pgtest.Database) {
	t.Helper()
	if _, err := postgres.Migrate(t.Context(), postgres.Config{DSN: d.App, MigrateDSN: d.Owner, Migrations: ddl(graphtest.Schema())}); err != nil {
		t.Fatal(err)
	}
}

// open opens a database that is prepared. The caller closes it.
func open(t testing.TB, config postgres.Config) *postgres.Repository {
	t.Helper()
	config.Migrations = ddl(graphtest.Schema())
	r, err := postgres.Open(t.Context(), graphtest.Schema(), config)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return r
}

// ddl writes the migration that makes the tables of a schema, and those that
// every database has. How a table is isolated is taken from the real migration.
func ddl(s graph.Schema) fstest.MapFS {
	const text = `TEXT COLLATE "C"`
	var b strings.Builder
	b.WriteString("-- +goose Up\n" + isolation())
	kinds := map[graph.Kind]string{graph.Text: text, graph.Bytes: "BYTEA", graph.Int: "BIGINT"}
	for _, n := range s.Types {
		fmt.Fprintf(&b, "CREATE TABLE %s (project_id "+text+" NOT NULL, id "+text+" NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, expires_at BIGINT, consumed_at BIGINT, ", n.Table)
		for _, col := range n.Columns {
			fmt.Fprintf(&b, "%s %s, ", col.Name, kinds[col.Kind])
		}
		b.WriteString("data BYTEA NOT NULL, PRIMARY KEY (project_id, id));\n")
		for _, u := range n.Unique {
			fmt.Fprintf(&b, "CREATE UNIQUE INDEX %s_key_%s ON %s (project_id, %s);\n", n.Table, u.Name, n.Table, strings.Join(u.Columns, ", "))
		}
		for _, x := range n.Indexes {
			fmt.Fprintf(&b, "CREATE INDEX %s_by_%s ON %s (project_id, %s NULLS FIRST, id);\n", n.Table, x.Name, n.Table, strings.Join(x.Columns, " NULLS FIRST, "))
		}
		expiry := "NULL"
		if n.Expires {
			fmt.Fprintf(&b, "CREATE INDEX %s_expiry ON %s (expires_at) WHERE expires_at IS NOT NULL;\n", n.Table, n.Table)
			expiry = "'expires_at'"
		}
		fmt.Fprintf(&b, "SELECT identity_isolate('%s', %s);\n", n.Table, expiry)
	}
	b.WriteString(`
CREATE TABLE edges (project_id TEXT COLLATE "C" NOT NULL, edge_id BIGINT NOT NULL, from_id TEXT COLLATE "C" NOT NULL, to_id TEXT COLLATE "C" NOT NULL, PRIMARY KEY (project_id, edge_id, from_id, to_id));
CREATE INDEX edges_reverse ON edges (project_id, edge_id, to_id, from_id);
SELECT identity_isolate('edges', NULL);
CREATE TABLE counters (project_id TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, count BIGINT NOT NULL, reset_at BIGINT NOT NULL, PRIMARY KEY (project_id, name));
CREATE INDEX counters_expiry ON counters (reset_at);
SELECT identity_isolate('counters', 'reset_at');
`)
	return fstest.MapFS{"00001_graph.sql": {Data: []byte(b.String())}}
}
