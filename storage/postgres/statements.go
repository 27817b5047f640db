package postgres

import (
	"strconv"
	"strings"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// statement is a piece of SQL with what is bound to it. Names come from the
// schema, which graph.NewCatalog has checked to be plain identifiers; values are
// always bound. Every WHERE begins with project_id.
type statement struct {
	sql  strings.Builder
	args []any
}

func say(parts ...string) *statement { return new(statement).say(parts...) }

func (s *statement) say(parts ...string) *statement {
	for _, p := range parts {
		s.sql.WriteString(p)
	}
	return s
}

// bind writes the place of a value.
func (s *statement) bind(v any) *statement {
	s.args = append(s.args, v)
	s.sql.WriteByte('$')
	s.sql.WriteString(strconv.Itoa(len(s.args)))
	return s
}

func (s *statement) project(id string) *statement { return s.say(" WHERE project_id = ").bind(id) }

// equal writes a condition on a column that an index can be used for, also where
// the value is Null.
func (s *statement) equal(column string, v graph.Value) *statement {
	if v.Kind() == graph.Null {
		return s.say(" AND ", column, " IS NULL")
	}
	return s.say(" AND ", column, " = ").bind(asArg(v))
}

// live writes the condition that a node has not expired.
func (s *statement) live(t *table, prefix string, now int64) *statement {
	if !t.info.Expires {
		return s
	}
	return s.say(" AND (", prefix, "expires_at IS NULL OR ", prefix, "expires_at > ").bind(now).say(")")
}

// needed makes a statement fail that has no row: dividing by the number of rows
// ends the pipeline there, and with it the transaction, without asking anybody.
func (s *statement) needed() *statement {
	out := say("WITH done AS (", s.sql.String(), ") SELECT done.*, 1 / (SELECT count(*) FROM done) FROM (VALUES (1)) AS one (n) LEFT JOIN done ON true")
	out.args = s.args
	return out
}

func asArg(v graph.Value) any {
	switch v.Kind() {
	case graph.Text:
		return v.Text()
	case graph.Bytes:
		return []byte(v.Text())
	case graph.Int:
		return v.Int()
	}
	return nil
}

// asMicros is a time as it is stored, NULL for the zero time.
func asMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// table holds what the statements of one node type are made of.
type table struct {
	info  *graph.TypeInfo
	name  string
	nodes string // what is selected of a node
	tails []int64
	heads []int64
}

// What is selected of a node before its declared columns.
const nodeColumns = "id, version, created_at, updated_at, expires_at, consumed_at, data"

func newTable(info *graph.TypeInfo) *table {
	t := &table{info: info, name: info.Table}
	t.nodes = t.selected("")
	for _, e := range info.Tails {
		t.tails = append(t.tails, int64(e))
	}
	for _, e := range info.Heads {
		t.heads = append(t.heads, int64(e))
	}
	return t
}

func (t *table) selected(prefix string) string {
	columns := strings.Split(nodeColumns, ", ")
	for _, col := range t.info.Columns {
		columns = append(columns, col.Name)
	}
	return prefix + strings.Join(columns, ", "+prefix)
}

func (t *table) column(at int) string { return t.info.Columns[at].Name }

func (t *table) get(project, id string, now int64) *statement {
	return say("SELECT ", t.nodes, " FROM ", t.name).project(project).say(" AND id = ").bind(id).live(t, "", now)
}

func (t *table) lookup(project string, u int, values []graph.Value, now int64) *statement {
	return t.holds(say("SELECT ", t.nodes, " FROM ", t.name).project(project), u, values).live(t, "", now)
}

func (t *table) holds(s *statement, u int, values []graph.Value) *statement {
	for i, col := range t.info.UniqueAt[u] {
		s.equal(t.column(col), values[i])
	}
	return s
}

// holder finds the live node, other than id, that holds a unique key.
func (t *table) holder(project, id string, u int, values []graph.Value, now int64) *statement {
	return t.holds(say("SELECT id FROM ", t.name).project(project), u, values).say(" AND id <> ").bind(id).live(t, "", now)
}

// clearKey removes a dead node, other than id, that holds a unique key.
func (t *table) clearKey(project, id string, u int, values []graph.Value, now int64) *statement {
	return t.holds(say("DELETE FROM ", t.name).project(project), u, values).
		say(" AND id <> ").bind(id).say(" AND expires_at <= ").bind(now).say(" RETURNING id")
}

// clear removes a dead node.
func (t *table) clear(project, id string, now int64) *statement {
	return say("DELETE FROM ", t.name).project(project).say(" AND id = ").bind(id).say(" AND expires_at <= ").bind(now).say(" RETURNING id")
}

// lock finds a live node, of this version unless that is 0, and keeps it so
// until the commit: nobody changes it (FOR SHARE), or removes it (FOR KEY SHARE).
func (t *table) lock(project, id string, version, now int64, how string) *statement {
	s := say("SELECT version FROM ", t.name).project(project).say(" AND id = ").bind(id).live(t, "", now)
	if version != 0 {
		s.say(" AND version = ").bind(version)
	}
	return s.say(" ", how)
}

func (t *table) insert(project string, n graph.Node) *statement {
	s := say("INSERT INTO ", t.name, " (project_id, id, version, created_at, updated_at, expires_at, ")
	for _, col := range t.info.Columns {
		s.say(col.Name, ", ")
	}
	s.say("data) VALUES (").bind(project).say(", ").bind(n.ID).say(", 1, ").bind(n.CreatedAt.UnixMicro()).say(", ").bind(n.UpdatedAt.UnixMicro())
	s.say(", ").bind(asMicros(n.ExpiresAt)).say(", ")
	for _, v := range n.Columns {
		s.bind(asArg(v)).say(", ")
	}
	return s.bind(asData(n)).say(")")
}

func (t *table) update(project string, n graph.Node, now int64) *statement {
	s := say("UPDATE ", t.name, " SET version = version + 1, updated_at = ").bind(now).say(", expires_at = ").bind(asMicros(n.ExpiresAt)).say(", ")
	for i, v := range n.Columns {
		s.say(t.column(i), " = ").bind(asArg(v)).say(", ")
	}
	return s.say("data = ").bind(asData(n)).project(project).say(" AND id = ").bind(n.ID).say(" AND version = ").bind(n.Version).
		live(t, "", now).say(" RETURNING created_at, consumed_at")
}

// asData never binds NULL.
func asData(n graph.Node) []byte {
	if n.Data == nil {
		return []byte{}
	}
	return n.Data
}

func (t *table) remove(project, id string, version, now int64) *statement {
	s := say("DELETE FROM ", t.name).project(project).say(" AND id = ").bind(id)
	if version != 0 {
		s.say(" AND version = ").bind(version)
	}
	return s.live(t, "", now).say(" RETURNING id")
}

// take is the one statement that decides who was first; nothing is read before.
func (t *table) take(project, id string, now int64) *statement {
	return say("UPDATE ", t.name, " SET consumed_at = ").bind(now).say(", updated_at = ").bind(now).
		project(project).say(" AND id = ").bind(id).say(" AND consumed_at IS NULL").live(t, "", now).say(" RETURNING ", t.nodes)
}

func (t *table) deleteBy(project string, x int, equal []graph.Value, now int64) *statement {
	s := say("WITH gone AS (DELETE FROM ", t.name).project(project)
	for i, v := range equal {
		s.equal(t.column(t.info.IndexAt[x][i]), v)
	}
	return t.gone(s.live(t, "", now), project)
}

// purge removes nodes, live or dead.
func (t *table) purge(project string, limit int) *statement {
	s := say("WITH gone AS (DELETE FROM ", t.name).project(project).say(" AND id = ANY (ARRAY(SELECT id FROM ", t.name).project(project)
	return t.gone(s.say(" ORDER BY id LIMIT ").bind(int64(limit)).say("))"), project)
}

// gone counts the nodes that a statement removes, tells of them if they are
// watched, and keeps their ids for edgesOfGone: a statement of its own, since only
// a later one sees the edges of those who held a node until now.
func (t *table) gone(s *statement, project string) *statement {
	s.say(" RETURNING id) SELECT count(*)")
	if t.info.Watched {
		s.say(", string_agg(").told(t, project).say("::text, '')")
	}
	if len(t.tails)+len(t.heads) > 0 {
		s.say(", set_config('identity.gone', coalesce(json_agg(id)::text, '[]'), true)")
	}
	return s.say(" FROM gone")
}

// told writes the call that tells of the node with the id of the row.
func (s *statement) told(t *table, project string) *statement {
	return s.say("pg_notify('"+channel+"', CASE WHEN octet_length(id) < 2000 THEN json_build_object('p', ").bind(project).
		say("::text, 't', ", strconv.Itoa(int(t.info.ID)), ", 'i', id)::text ELSE '' END)")
}

// edgesOf removes the edges of a node; edgesOfGone those of the nodes that
// deleteBy and purge have removed. Nothing where the type has no edges.
func (t *table) edgesOf(project, id string) []*statement {
	return t.edges(func(s *statement, end string) { s.say(" AND ", end, " = ").bind(id) }, project)
}

func (t *table) edgesOfAll(project string, ids []string) []*statement {
	return t.edges(func(s *statement, end string) { s.say(" AND ", end, " = ANY (").bind(ids).say("::text[])") }, project)
}

func (t *table) edgesOfGone(project string) []*statement {
	return t.edges(func(s *statement, end string) {
		s.say(" AND ", end, " = ANY (ARRAY(SELECT json_array_elements_text(current_setting('identity.gone')::json)))")
	}, project)
}

func (t *table) edges(which func(s *statement, end string), project string) (out []*statement) {
	for _, side := range []struct {
		end   string
		types []int64
	}{{"from_id", t.tails}, {"to_id", t.heads}} {
		for _, edge := range side.types {
			s := say("DELETE FROM edges").project(project).say(" AND edge_id = ").bind(edge)
			which(s, side.end)
			out = append(out, s)
		}
	}
	return out
}

func link(project string, op graph.Link) *statement {
	return say("INSERT INTO edges (project_id, edge_id, from_id, to_id) VALUES (").bind(project).say(", ").bind(int64(op.Edge)).
		say(", ").bind(op.From).say(", ").bind(op.To).say(") ON CONFLICT DO NOTHING")
}

func unlink(project string, op graph.Unlink) *statement {
	return say("DELETE FROM edges").project(project).say(" AND edge_id = ").bind(int64(op.Edge)).
		say(" AND from_id = ").bind(op.From).say(" AND to_id = ").bind(op.To).say(" RETURNING edge_id")
}

// increment is one statement: two who count at once both count.
func increment(project string, op graph.Increment, now time.Time) *statement {
	return say("INSERT INTO counters AS c (project_id, name, count, reset_at) VALUES (").bind(project).say(", ").bind(op.Counter).
		say(", ").bind(op.By).say(", ").bind(now.Add(op.Window).UnixMicro()).
		say(") ON CONFLICT (project_id, name) DO UPDATE SET count = excluded.count + CASE WHEN c.reset_at > ").bind(now.UnixMicro()).
		say(" THEN c.count ELSE 0 END, reset_at = CASE WHEN c.reset_at > ").bind(now.UnixMicro()).
		say(" THEN c.reset_at ELSE excluded.reset_at END RETURNING count, reset_at")
}

func purgeCounters(project string, limit int) *statement {
	s := say("WITH gone AS (DELETE FROM counters").project(project).say(" AND name = ANY (ARRAY(SELECT name FROM counters").project(project)
	return s.say(" ORDER BY name LIMIT ").bind(int64(limit)).say(")) RETURNING name) SELECT count(*) FROM gone")
}

func clearCounter(project, name string) *statement {
	return say("DELETE FROM counters").project(project).say(" AND name = ").bind(name)
}
