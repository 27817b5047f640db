package sqlite

import (
	"strings"

	"github.com/elloloop/identity/storage/graph"
)

// A page after a cursor is read as ranges of the index, one after the other:
// first what has the same ordering values and a larger id, then what has the same
// values but for the last column, and so on. Each is a plain range of the index,
// also where values are Null, which no comparison of rows could do.
type shape struct {
	index   int // -1: by id
	equal   int // how many columns the query fixes
	same    int // how many ordering columns equal those of the cursor; the next one is beyond it
	beyond  beyond
	reverse bool
	prefix  bool // of the first ordering column; only where none of them equals the cursor's
}

type beyond uint8

const (
	anything beyond = iota // no cursor
	past                   // larger, or smaller when in reverse, than the cursor's value
	notNull                // the cursor's value is Null: larger is what is not
	isNull                 // in reverse: smaller than any value is Null
)

// addLists makes the statements for an order of these columns and the id.
func (t *table) addLists(b *book, index int, at []int) {
	for _, reverse := range []bool{false, true} {
		for equal := 0; equal <= len(at); equal++ {
			t.addList(b, at, shape{index, equal, 0, anything, reverse, false})
			if equal < len(at) && t.info.Columns[at[equal]].Kind == graph.Text {
				t.addList(b, at, shape{index, equal, 0, anything, reverse, true})
				t.addList(b, at, shape{index, equal, 0, past, reverse, true})
			}
			for same := 0; same <= len(at)-equal; same++ {
				t.addList(b, at, shape{index, equal, same, past, reverse, false})
				if same < len(at)-equal && !reverse {
					t.addList(b, at, shape{index, equal, same, notNull, reverse, false})
				}
				if same < len(at)-equal && reverse {
					t.addList(b, at, shape{index, equal, same, isNull, reverse, false})
				}
			}
		}
	}
}

func (t *table) addList(b *book, at []int, s shape) {
	names := append(t.names(at), "id")
	fixed, rest := names[:s.equal+s.same], names[s.equal+s.same:]
	where := each(fixed, " IS ?")
	switch {
	case s.beyond == past && s.reverse:
		where += " AND " + rest[0] + " < ?"
	case s.beyond == past:
		where += " AND " + rest[0] + " > ?"
	case s.beyond == notNull:
		where += " AND " + rest[0] + " IS NOT NULL"
	case s.beyond == isNull:
		where += " AND " + rest[0] + " IS NULL"
	}
	if s.prefix && !(s.beyond == past && !s.reverse) { // there the cursor is the lower end
		where += " AND " + rest[0] + " >= ?"
	}
	if s.prefix && !(s.beyond == past && s.reverse) {
		where += " AND " + rest[0] + " < ?"
	}
	t.lists[s] = b.add("SELECT %s FROM %s%s WHERE project_id = ?%s%s ORDER BY %s LIMIT ?",
		t.selected(""), t.info.Table, t.indexedBy(s.index), where, t.live(""), ordered(rest, s.reverse))
}

// indexedBy names the index to be used. Left alone, SQLite reads a whole project
// in the order of its ids rather than look for a few nodes and sort nothing.
func (t *table) indexedBy(index int) string {
	if index < 0 {
		return ""
	}
	return " INDEXED BY " + t.info.Table + "_by_" + t.info.Indexes[index].Name
}

func ordered(names []string, reverse bool) string {
	direction := ""
	if reverse {
		direction = " DESC"
	}
	return strings.Join(names, direction+", ") + direction
}

type edgeShape struct {
	edge    graph.EdgeID
	heads   bool // the nodes asked for are heads, the query names the tail
	after   bool
	reverse bool
}

// addEdges makes the statements that list the nodes of t at an end of an edge.
// The other end has to live as well.
func (t *table) addEdges(b *book, catalog *graph.Catalog, tables map[graph.TypeID]*table) {
	add := func(s edgeShape, near, far string, anchor *table) {
		beyond, indexed := "", ""
		if !s.heads {
			indexed = " INDEXED BY edges_reverse"
		}
		if s.after {
			beyond = " AND e." + far + " > ?"
			if s.reverse {
				beyond = " AND e." + far + " < ?"
			}
		}
		t.byEdge[s] = b.add("SELECT %s FROM edges e%s CROSS JOIN %s n ON n.project_id = e.project_id AND n.id = e.%s "+
			"WHERE e.project_id = ? AND e.edge_id = ? AND e.%s = ?%s%s "+
			"AND EXISTS (SELECT 1 FROM %s a WHERE a.project_id = e.project_id AND a.id = e.%s%s) ORDER BY %s LIMIT ?",
			t.selected("n."), indexed, t.info.Table, far, near, beyond, t.live("n."),
			anchor.info.Table, near, anchor.live("a."), ordered([]string{"e." + far}, s.reverse))
	}
	for _, after := range []bool{false, true} {
		for _, reverse := range []bool{false, true} {
			for _, id := range t.info.Heads {
				add(edgeShape{id, true, after, reverse}, "from_id", "to_id", tables[catalog.Edge(id).From])
			}
			for _, id := range t.info.Tails {
				add(edgeShape{id, false, after, reverse}, "to_id", "from_id", tables[catalog.Edge(id).To])
			}
		}
	}
}
