package sqlite

import (
	"strings"

	"github.com/elloloop/identity/storage/graph"
)

// table holds the SQL of one node type. Names come from the schema, which
// graph.NewCatalog has checked to be plain identifiers; values are always bound.
// Every WHERE begins with project_id.
type table struct {
	info *graph.TypeInfo

	get, version, insert, update, take *statement
	remove, clear                      *statement // by id: a live node; a dead one
	purge                              *statement
	lookup, holder, clearKey           []*statement
	deleteBy                           [][]*statement // by index and number of values
	lists                              map[shape]*statement
	byEdge                             map[edgeShape]*statement
	sweep                              *statement
}

// queries is every statement of the driver.
type queries struct {
	begin, commit, rollback                *statement
	savepoint, release, rollbackTo         *statement
	link, unlink, unlinkFrom, unlinkTo     *statement
	increment, clear, sweepCounters, touch *statement
	purgeCounters                          *statement
	dataVersion                            *statement

	tables map[graph.TypeID]*table
	order  []*table
}

// What is selected of a node before its declared columns.
const (
	nodeColumns = "id, version, created_at, updated_at, expires_at, consumed_at, data"
	nodeWidth   = 7
)

func newQueries(catalog *graph.Catalog) *queries {
	b := &book{}
	q := &queries{
		begin:     b.add("BEGIN IMMEDIATE"),
		commit:    b.add("COMMIT"),
		rollback:  b.add("ROLLBACK"),
		savepoint: b.add("SAVEPOINT one"), release: b.add("RELEASE one"), rollbackTo: b.add("ROLLBACK TO one"),

		link:       b.add("INSERT INTO edges (project_id, edge_id, from_id, to_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"),
		unlink:     b.add("DELETE FROM edges WHERE project_id = ? AND edge_id = ? AND from_id = ? AND to_id = ?"),
		unlinkFrom: b.add("DELETE FROM edges WHERE project_id = ? AND edge_id = ? AND from_id = ?"),
		unlinkTo:   b.add("DELETE FROM edges WHERE project_id = ? AND edge_id = ? AND to_id = ?"),

		// One statement: two processes that count at once both count.
		increment: b.add("INSERT INTO counters (project_id, name, count, reset_at) VALUES (?, ?, ?, ?) " +
			"ON CONFLICT (project_id, name) DO UPDATE SET " +
			"count = excluded.count + CASE WHEN counters.reset_at > ? THEN counters.count ELSE 0 END, " +
			"reset_at = CASE WHEN counters.reset_at > ? THEN counters.reset_at ELSE excluded.reset_at END " +
			"RETURNING count, reset_at"),
		purgeCounters: b.add("DELETE FROM counters WHERE (project_id, name) IN " +
			"(SELECT project_id, name FROM counters WHERE project_id = ? LIMIT ?)"),
		clear: b.add("DELETE FROM counters WHERE project_id = ? AND name = ?"),
		sweepCounters: b.add("DELETE FROM counters WHERE (project_id, name) IN " +
			"(SELECT project_id, name FROM counters WHERE reset_at <= ? ORDER BY reset_at LIMIT ?)"),
		// A row of no project, which never expires: the proof that writing works.
		touch: b.add("INSERT INTO counters (project_id, name, count, reset_at) VALUES ('', 'health', 1, 9223372036854775807) " +
			"ON CONFLICT (project_id, name) DO UPDATE SET count = 1 - count"),
		dataVersion: b.add("PRAGMA data_version"),
		tables:      map[graph.TypeID]*table{},
	}
	for _, info := range catalog.Types() {
		t := newTable(b, info)
		q.tables[info.ID] = t
		q.order = append(q.order, t)
	}
	for _, t := range q.order {
		t.addEdges(b, catalog, q.tables)
	}
	return q
}

// live is the condition that a node has not expired; see conn.live.
func (t *table) live(prefix string) string {
	if !t.info.Expires {
		return ""
	}
	return " AND (" + prefix + "expires_at IS NULL OR " + prefix + "expires_at > ?)"
}

// names returns the names of the columns at these positions.
func (t *table) names(at []int) []string {
	names := make([]string, len(at))
	for i, col := range at {
		names[i] = t.info.Columns[col].Name
	}
	return names
}

func (t *table) selected(prefix string) string {
	columns := strings.Split(nodeColumns, ", ")
	for _, col := range t.info.Columns {
		columns = append(columns, col.Name)
	}
	return prefix + strings.Join(columns, ", "+prefix)
}

// each writes a condition for each name, with AND before it.
func each(names []string, condition string) string {
	var out strings.Builder
	for _, name := range names {
		out.WriteString(" AND " + name + condition)
	}
	return out.String()
}

func newTable(b *book, info *graph.TypeInfo) *table {
	t := &table{info: info, lists: map[shape]*statement{}, byEdge: map[edgeShape]*statement{}}
	var into, set, marks strings.Builder
	for _, col := range info.Columns {
		into.WriteString(col.Name + ", ")
		set.WriteString(col.Name + " = ?, ")
		marks.WriteString("?, ")
	}
	name, live := info.Table, t.live("")

	t.get = b.add("SELECT %s FROM %s WHERE project_id = ? AND id = ?%s", t.selected(""), name, live)
	t.version = b.add("SELECT version FROM %s WHERE project_id = ? AND id = ?%s", name, live)
	t.insert = b.add("INSERT INTO %s (project_id, id, version, created_at, updated_at, expires_at, %sdata) VALUES (?, ?, 1, ?, ?, ?, %s?)", name, &into, &marks)
	t.update = b.add("UPDATE %s SET version = version + 1, updated_at = ?, expires_at = ?, %sdata = ? WHERE project_id = ? AND id = ? AND version = ?%s RETURNING created_at, consumed_at", name, &set, live)
	t.remove = b.add("DELETE FROM %s WHERE project_id = ? AND id = ? AND (? = 0 OR version = ?)%s", name, live)
	t.purge = b.add("DELETE FROM %s WHERE (project_id, id) IN (SELECT project_id, id FROM %s WHERE project_id = ? LIMIT ?) RETURNING id", name, name)
	if info.OneTime {
		// One statement decides who was first; nothing is read before it.
		t.take = b.add("UPDATE %s SET consumed_at = ?, updated_at = ? WHERE project_id = ? AND id = ? AND consumed_at IS NULL%s RETURNING %s", name, live, t.selected(""))
	}
	if info.Expires {
		t.clear = b.add("DELETE FROM %s WHERE project_id = ? AND id = ? AND expires_at <= ? RETURNING id", name)
		t.sweep = b.add("DELETE FROM %s WHERE (project_id, id) IN (SELECT project_id, id FROM %s INDEXED BY %s_expiry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?) RETURNING project_id, id", name, name, name)
	}
	for _, at := range info.UniqueAt {
		where := each(t.names(at), " = ?")
		t.lookup = append(t.lookup, b.add("SELECT %s FROM %s WHERE project_id = ?%s%s", t.selected(""), name, where, live))
		t.holder = append(t.holder, b.add("SELECT id FROM %s WHERE project_id = ?%s AND id <> ?%s", name, where, live))
		if info.Expires {
			t.clearKey = append(t.clearKey, b.add("DELETE FROM %s WHERE project_id = ?%s AND id <> ? AND expires_at <= ? RETURNING id", name, where))
		}
	}
	t.addLists(b, -1, nil)
	for x, at := range info.IndexAt {
		t.addLists(b, x, at)
		by := make([]*statement, len(at)+1)
		for n := 1; n <= len(at); n++ {
			by[n] = b.add("DELETE FROM %s%s WHERE project_id = ?%s%s RETURNING id", name, t.indexedBy(x), each(t.names(at[:n]), " IS ?"), live)
		}
		t.deleteBy = append(t.deleteBy, by)
	}
	return t
}
