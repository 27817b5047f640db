package postgres_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// isolation is the function of the first migration that isolates a table.
func isolation() string {
	b, err := fs.ReadFile(migrations.Postgres(), "00001_nodes.sql")
	if err != nil {
		panic(err) // it is compiled in
	}
	const begin, end = "-- +goose StatementBegin\n", "-- +goose StatementEnd\n"
	_, rest, _ := strings.Cut(string(b), begin)
	function, _, _ := strings.Cut(rest, end)
	return begin + function + end
}

// TestMigratedSchema compares what the migrations made with what the schema
// declares: tables, columns with their kinds, indexes with their columns, and who
// may see which rows.
func TestMigratedSchema(t *testing.T) {
	d := pgtest.New(t)
	if _, err := postgres.Migrate(t.Context(), postgres.Config{DSN: d.App, MigrateDSN: d.Owner}); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, table := range pgtest.Texts(t, d.Owner, "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'goose%'") {
		for _, query := range []string{
			`SELECT column_name || ' ' || data_type || coalesce(' ' || collation_name, '') || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END FROM information_schema.columns WHERE table_name = $1`,
			`SELECT regexp_replace(pg_get_indexdef(indexrelid), '(CREATE | ON public\.\w+| USING btree)', '', 'g') FROM pg_index WHERE indrelid = $1::regclass AND NOT indisprimary`,
			`SELECT CASE WHEN relrowsecurity AND relforcerowsecurity THEN 'isolated' ELSE 'OPEN' END FROM pg_class WHERE oid = $1::regclass`,
			`SELECT 'policy ' || polname || ' ' || polcmd::text || ' ' || pg_get_expr(polqual, polrelid) || coalesce(pg_get_expr(polwithcheck, polrelid), '') FROM pg_policy WHERE polrelid = $1::regclass`,
			`SELECT 'role ' || string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM information_schema.role_table_grants WHERE grantee = 'identity_app' AND table_name = $1`,
		} {
			got[table] = append(got[table], pgtest.Texts(t, d.Owner, query, table)...)
		}
	}
	want := map[string][]string{
		"edges": append([]string{"project_id text C NOT NULL", "edge_id bigint NOT NULL", "from_id text C NOT NULL", "to_id text C NOT NULL",
			"INDEX edges_reverse (project_id, edge_id, to_id, from_id)"}, isolated("")...),
		"counters": append([]string{"project_id text C NOT NULL", "name text C NOT NULL", "count bigint NOT NULL", "reset_at bigint NOT NULL",
			"INDEX counters_expiry (reset_at)"}, isolated("reset_at")...),
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
	if got := pgtest.Texts(t, d.Owner, "SELECT privilege_type::text FROM information_schema.role_table_grants WHERE grantee = 'identity_app' AND table_name = 'goose_db_version'"); !cmp.Equal(got, []string{"SELECT"}) {
		t.Errorf("the role that works may do %v with the versions of the schema", got)
	}
}

// isolated is what keeps the rows of a table apart, and its tables from the role.
func isolated(expiry string) []string {
	lines := []string{"isolated", "policy project * (project_id = NULLIF(current_setting('identity.project'::text, true), ''::text))", "role DELETE INSERT SELECT UPDATE"}
	if expiry != "" {
		lines = append(lines, "policy sweep r ((current_setting('identity.sweep'::text, true) = 'on'::text) AND ("+expiry+" IS NOT NULL))")
	}
	return lines
}

// declared writes a node type as the queries above show it.
func declared(n graph.Type) []string {
	lines := []string{"project_id text C NOT NULL", "id text C NOT NULL", "version bigint NOT NULL", "created_at bigint NOT NULL",
		"updated_at bigint NOT NULL", "expires_at bigint", "consumed_at bigint", "data bytea NOT NULL"}
	kinds := map[graph.Kind]string{graph.Text: "text C", graph.Bytes: "bytea", graph.Int: "bigint"}
	for _, col := range n.Columns {
		lines = append(lines, col.Name+" "+kinds[col.Kind])
	}
	for _, u := range n.Unique {
		lines = append(lines, "UNIQUE INDEX "+n.Table+"_key_"+u.Name+" (project_id, "+strings.Join(u.Columns, ", ")+")")
	}
	for _, x := range n.Indexes {
		lines = append(lines, "INDEX "+n.Table+"_by_"+x.Name+" (project_id, "+strings.Join(x.Columns, " NULLS FIRST, ")+" NULLS FIRST, id)")
	}
	if n.Expires {
		lines = append(lines, "INDEX "+n.Table+"_expiry (expires_at) WHERE (expires_at IS NOT NULL)")
		return append(lines, isolated("expires_at")...)
	}
	return append(lines, isolated("")...)
}
