package postgres

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// TestPlans asks Postgres how it runs each statement of the real schema, on tables
// of some thousand rows, as the role that row-level security holds, once for the
// values and once for any value (a prepared statement is run so in the end): none
// may read a whole table, what it compares narrows the search, and an index has its
// order: of a few rows Postgres would choose to sort them, so that this is off.
func TestPlans(t *testing.T) {
	d := pgtest.New(t)
	config := Config{DSN: d.App, MigrateDSN: d.Owner}
	if _, err := Migrate(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), storage.Schema(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pgtest.Exec(t, d.Super, filled(r)...)
	c, err := pgx.Connect(t.Context(), d.App)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), "SELECT set_config('identity.project', 'p1', false), set_config('identity.gone', '[\"00000001\"]', false)"); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		t.Run(mode, func(t *testing.T) {
			if _, err := c.Exec(t.Context(), "SET enable_sort = off; SET plan_cache_mode = "+mode); err != nil {
				t.Fatal(err)
			}
			for _, s := range planned(t, r) {
				p := explain(t, c, s)
				for _, what := range slices.Concat(p.wrong, p.missing(s.sql.String())) {
					t.Errorf("%s\n\t%s\n\t%s", s.sql.String(), what, strings.Join(p.conditions, "; "))
				}
			}
		})
	}
}

// filled makes rows in forty projects, the first of which has the most.
func filled(r *Repository) (sql []string) {
	const rows = " FROM generate_series(1, 4000) i"
	const project = "'p' || CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + i % 39 END"
	for _, t := range r.tables {
		names, values := "", ""
		for _, col := range t.info.Columns {
			names += ", " + col.Name
			values += ", " + map[graph.Kind]string{graph.Text: "lpad(i::text, 8, '0')", graph.Bytes: "decode(lpad(i::text, 8, '0'), 'hex')", graph.Int: "i"}[col.Kind]
		}
		expires := "NULL"
		if t.info.Expires {
			expires = "i"
		}
		sql = append(sql, "INSERT INTO "+t.name+" (project_id, id, version, created_at, updated_at, expires_at, data"+names+
			") SELECT "+project+", lpad(i::text, 8, '0'), 1, 1, 1, "+expires+", ''"+values+rows)
	}
	return append(sql, "INSERT INTO edges SELECT "+project+", i % 20, lpad(i::text, 8, '0'), lpad((i % 1000)::text, 8, '0')"+rows,
		"INSERT INTO counters SELECT "+project+", lpad(i::text, 8, '0'), 1, i"+rows, "ANALYZE")
}

// value is one of the values that filled writes.
func value(kind graph.Kind) graph.Value {
	switch kind {
	case graph.Bytes:
		return graph.Binary([]byte{0, 0, 0x20, 0})
	case graph.Int:
		return graph.Int64(2000)
	}
	return graph.String("00002000")
}

// planned makes one of each statement that searches.
func planned(t *testing.T, r *Repository) (all []*statement) {
	const project, id, now = "p1", "00002000", 1000
	for _, info := range r.catalog.Types() {
		tab := r.tables[info.ID]
		n := graph.Node{Type: info.ID, ID: id, Version: 1}
		for _, col := range info.Columns {
			n.Columns = append(n.Columns, value(col.Kind))
		}
		all = append(all, tab.get(project, id, now), tab.lock(project, id, 1, now, "FOR SHARE"), tab.update(project, n, now).needed(),
			tab.remove(project, id, 1, now).needed(), tab.take(project, id, now).needed(), tab.clear(project, id, now), tab.purge(project, 100))
		all = append(all, tab.edgesOf(project, id)...)
		all = append(append(all, tab.edgesOfAll(project, []string{id})...), tab.edgesOfGone(project)...)
		for u, at := range info.UniqueAt {
			var key []graph.Value
			for _, col := range at {
				key = append(key, n.Columns[col])
			}
			all = append(all, tab.lookup(project, u, key, now), tab.holder(project, id, u, key, now), tab.clearKey(project, id, u, key, now))
		}
		if info.Expires {
			all = append(all, expired(tab, now, 500))
		}
		all = append(all, lists(t, r, graph.Query{Type: info.ID}, n)...)
		for x, index := range info.Indexes {
			for same := range len(index.Columns) + 1 {
				q := graph.Query{Type: info.ID, Index: index.Name}
				for _, col := range info.IndexAt[x][:same] {
					q.Equal = append(q.Equal, n.Columns[col])
				}
				if same > 0 {
					all = append(all, tab.deleteBy(project, x, q.Equal, now))
				}
				all = append(all, lists(t, r, q, n)...)
				if same < len(index.Columns) && info.Columns[info.IndexAt[x][same]].Kind == graph.Text {
					q.Prefix = "000020"
					all = append(all, lists(t, r, q, n)...)
				}
			}
		}
		for _, e := range info.Tails {
			all = append(all, lists(t, r, graph.Query{Type: r.catalog.Edge(e).To, Edge: e, From: id}, n)...)
		}
		for _, e := range info.Heads {
			all = append(all, lists(t, r, graph.Query{Type: r.catalog.Edge(e).From, Edge: e, To: id}, n)...)
		}
	}
	return append(all, expired(&table{name: "counters"}, now, 500), purgeCounters(project, 100), clearCounter(project, id),
		unlink(project, graph.Unlink{Edge: 1, From: id, To: id}))
}

// lists makes the statements of a first page and of one after n, both ways.
func lists(tb *testing.T, r *Repository, q graph.Query, n graph.Node) (all []*statement) {
	tb.Helper()
	for _, reverse := range []bool{false, true} {
		q.Reverse, q.After = reverse, ""
		for range 2 {
			plan, err := r.catalog.Query(graph.In("p1"), q)
			if err != nil {
				tb.Fatalf("%+v: %v", q, err)
			}
			l := &lister{plan: plan, table: r.tables[q.Type], tables: r.tables, project: "p1", now: 1000}
			if plan.Edge != nil {
				all = append(all, l.byEdge())
			} else {
				all = append(all, l.byIndex()...)
			}
			q.After = plan.Cursor(n)
		}
	}
	return all
}

// plan is what Postgres says of a statement.
type plan struct {
	conditions []string // of the searches in indexes
	wrong      []string
}

type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	Condition string     `json:"Index Cond"`
	Plans     []planNode `json:"Plans"`
}

func (p *plan) walk(n planNode) {
	switch n.Type {
	case "Seq Scan", "Sort", "Incremental Sort":
		p.wrong = append(p.wrong, "has a "+n.Type+" "+n.Relation)
	case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
		p.conditions = append(p.conditions, n.Index+": "+n.Condition)
	}
	for _, below := range n.Plans {
		p.walk(below)
	}
}

// missing says which comparison of the statement's first WHERE no index search has.
// expires_at, consumed_at and a version are looked at in the row that was found. One
// equal column is enough: filled gives each value to one row. With a list of unknown
// length Postgres may read the edges of one kind instead: here there are few.
func (p *plan) missing(sql string) (out []string) {
	_, where, _ := strings.Cut(sql, " WHERE ")
	where, _, _ = strings.Cut(where, " AND id = ANY (ARRAY(SELECT")
	for _, end := range []string{" ORDER BY", " FOR ", " RETURNING", " LIMIT", " AND EXISTS", " AND name = ANY"} {
		where, _, _ = strings.Cut(where, end)
	}
	for _, condition := range strings.Split(where, " AND ") {
		name, rest, _ := strings.Cut(strings.TrimPrefix(condition, "e."), " ")
		if strings.HasPrefix(strings.TrimLeft(name, "("), "expires_at") || strings.Contains(name, ".expires_at") || name == "version" || name == "consumed_at" || strings.HasPrefix(rest, "<>") ||
			strings.HasPrefix(rest, "= ANY (") { // of how many, Postgres can't know
			continue
		}
		found := slices.ContainsFunc(p.conditions, func(c string) bool { return strings.Contains(c, "("+name+" ") })
		if found && name != "project_id" && name != "edge_id" && (strings.HasPrefix(rest, "= ") || rest == "IS NULL") {
			return nil
		}
		if !found {
			out = append(out, "does not search by "+name)
		}
	}
	return out
}

func explain(t *testing.T, c *pgx.Conn, s *statement) plan {
	t.Helper()
	ctx := t.Context()
	if _, err := c.Exec(ctx, "PREPARE planned AS "+s.sql.String(), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", s.sql.String(), err)
	}
	values := make([]string, len(s.args))
	for i, arg := range s.args {
		values[i] = literal(arg)
	}
	execute := "EXECUTE planned"
	if len(values) > 0 {
		execute += "(" + strings.Join(values, ", ") + ")"
	}
	var text []byte
	if err := c.QueryRow(ctx, "EXPLAIN (FORMAT JSON, COSTS OFF) "+execute, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
		t.Fatalf("%s: %v", s.sql.String(), err)
	}
	if _, err := c.Exec(ctx, "DEALLOCATE planned"); err != nil {
		t.Fatal(err)
	}
	var roots []struct{ Plan planNode }
	if err := json.Unmarshal(text, &roots); err != nil {
		t.Fatal(err)
	}
	var p plan
	for _, root := range roots {
		p.walk(root.Plan)
	}
	return p
}

func literal(arg any) string {
	switch arg := arg.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(arg, 10)
	case []byte:
		return `'\x` + hex.EncodeToString(arg) + "'"
	case []string:
		return "'{" + strings.Join(arg, ",") + "}'"
	}
	return "'" + strings.ReplaceAll(fmt.Sprint(arg), "'", "''") + "'"
}
