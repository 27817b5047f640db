package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/elloloop/identity/storage/graph"
)

// List implements graph.Repository. A page after a cursor is read as ranges of
// the index: first what has the same ordering values and a larger id, then what
// has the same values but for the last column, and so on. Each is a plain range,
// also where values are Null, which no comparison of rows could do. All of them
// are asked in one round trip, and read until the page is full.
func (r *Repository) List(ctx context.Context, s graph.Scope, q graph.Query) (graph.Page, error) {
	plan, err := r.catalog.Query(s, q)
	if err != nil {
		return graph.Page{}, err
	}
	for _, v := range append([]graph.Value{graph.String(q.From), graph.String(q.To)}, q.Equal...) {
		if !graph.Storable(v) {
			return graph.Page{}, r.open(ctx)
		}
	}
	l := &lister{plan: plan, table: r.tables[q.Type], tables: r.tables, project: s.Project(), now: r.instant().UnixMicro()}
	statements := l.byIndex()
	if plan.Edge != nil {
		statements = []*statement{l.byEdge()}
	}
	var page graph.Page
	err = r.ask(ctx, s.Project(), statements, func(row scan) error {
		if len(page.Nodes) > plan.Limit {
			return nil
		}
		n, err := l.table.node(row)
		page.Nodes = append(page.Nodes, n)
		return err
	})
	if err != nil {
		return graph.Page{}, err
	}
	if len(page.Nodes) > plan.Limit {
		page.Nodes = page.Nodes[:plan.Limit]
		page.Next = plan.Cursor(page.Nodes[plan.Limit-1])
	}
	return page, nil
}

// lister makes the statements of one page, each for one node more than the page
// holds, to know whether there is a next.
type lister struct {
	plan    *graph.Plan
	table   *table
	tables  map[graph.TypeID]*table
	project string
	now     int64
}

// byIndex makes the statements for the ranges.
func (l *lister) byIndex() []*statement {
	after, reverse := l.plan.After, l.plan.Query.Reverse
	if after == nil {
		return []*statement{l.span(0, nil)}
	}
	var out []*statement
	for same := len(after.Values); same >= 0; same-- {
		isNull := same < len(after.Values) && after.Values[same].Kind() == graph.Null
		switch {
		case same == len(after.Values): // the id is never Null
			out = append(out, l.span(same, func(s *statement) { s.say(" AND id ", beyond(reverse)).bind(after.ID) }))
		case isNull && reverse: // nothing is smaller
		case isNull:
			out = append(out, l.span(same, func(s *statement) { s.say(" AND ", l.ordering(same), " IS NOT NULL") }))
		default:
			out = append(out, l.span(same, func(s *statement) {
				s.say(" AND ", l.ordering(same), " ", beyond(reverse)).bind(asArg(after.Values[same]))
			}))
			if reverse { // smaller than any value is Null
				out = append(out, l.span(same, func(s *statement) { s.say(" AND ", l.ordering(same), " IS NULL") }))
			}
		}
	}
	return out
}

func beyond(reverse bool) string {
	if reverse {
		return "< "
	}
	return "> "
}

func (l *lister) ordering(i int) string { return l.table.column(l.plan.Rest[i]) }

// span selects a range: the first so many ordering columns are as in the cursor.
func (l *lister) span(same int, condition func(*statement)) *statement {
	s := say("SELECT ", l.table.nodes, " FROM ", l.table.name).project(l.project)
	if l.plan.Index >= 0 {
		for i, v := range l.plan.Query.Equal {
			s.equal(l.table.column(l.table.info.IndexAt[l.plan.Index][i]), v)
		}
	}
	for i := range same {
		s.equal(l.ordering(i), l.plan.After.Values[i])
	}
	if condition != nil {
		condition(s)
	}
	l.prefix(s)
	return s.live(l.table, "", l.now).say(" ORDER BY ", l.order(), " LIMIT ", strconv.Itoa(l.plan.Limit+1))
}

// prefix keeps what begins with the query's prefix: a range, since text is
// ordered by its bytes.
func (l *lister) prefix(s *statement) {
	p := l.plan.Query.Prefix
	if p == "" {
		return
	}
	s.say(" AND ", l.ordering(0), " >= ").bind(p)
	if l.plan.Until != "" {
		s.say(" AND ", l.ordering(0), " < ").bind(l.plan.Until)
	}
}

// order names all columns of the index, also those that the query fixes: Postgres
// drops a column that equals a value, but not one that is Null, and would sort.
func (l *lister) order() string {
	direction, nulls := "", " NULLS FIRST"
	if l.plan.Query.Reverse {
		direction, nulls = " DESC", " DESC NULLS LAST"
	}
	var out []string
	if l.plan.Index >= 0 {
		for _, col := range l.table.info.IndexAt[l.plan.Index] {
			out = append(out, l.table.column(col)+nulls)
		}
	}
	return strings.Join(append(out, "id"+direction), ", ")
}

// byEdge selects the nodes at an end of an edge. The other end has to live too.
func (l *lister) byEdge() *statement {
	q := l.plan.Query
	near, far, id, anchor := "from_id", "to_id", q.From, l.tables[l.plan.Edge.From]
	if q.From == "" {
		near, far, id, anchor = "to_id", "from_id", q.To, l.tables[l.plan.Edge.To]
	}
	s := say("SELECT ", l.table.selected("n."), " FROM edges e JOIN ", l.table.name, " n ON n.project_id = e.project_id AND n.id = e.", far,
		" WHERE e.project_id = ").bind(l.project).say(" AND e.edge_id = ").bind(int64(q.Edge)).say(" AND e.", near, " = ").bind(id)
	if l.plan.After != nil {
		s.say(" AND e.", far, " ", beyond(q.Reverse)).bind(l.plan.After.ID)
	}
	s.live(l.table, "n.", l.now).say(" AND EXISTS (SELECT 1 FROM ", anchor.name, " a WHERE a.project_id = e.project_id AND a.id = e.", near).live(anchor, "a.", l.now)
	s.say(") ORDER BY e.", far)
	if q.Reverse {
		s.say(" DESC")
	}
	return s.say(" LIMIT ", strconv.Itoa(l.plan.Limit+1))
}
