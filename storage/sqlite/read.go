package sqlite

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// read lends a connection to f. A read is short and never waits for the writer
// (WAL), so ctx is only asked before it.
func (r *Repository) read(ctx context.Context, f func(c *conn) error) error {
	c, err := r.pool.take(ctx)
	if err != nil {
		return err
	}
	defer r.pool.give(c)
	return r.translate(f(c))
}

// node makes a Node of a row of table.selected.
func (t *table) node(row []driver.Value) graph.Node {
	n := graph.Node{
		Type: t.info.ID, ID: asText(row[0]), Version: asInt(row[1]),
		CreatedAt: asTime(row[2]), UpdatedAt: asTime(row[3]), ExpiresAt: asTime(row[4]), ConsumedAt: asTime(row[5]),
		Columns: make([]graph.Value, len(t.info.Columns)),
	}
	if data, _ := row[6].([]byte); len(data) > 0 {
		n.Data = data // the driver made it for this row
	}
	for i := range n.Columns {
		n.Columns[i] = asValue(row[nodeWidth+i])
	}
	return n
}

// one runs a statement that selects at most one node; ErrNotFound if it has none.
func (c *conn) one(s *statement, t *table) (n graph.Node, err error) {
	found := false
	err = c.query(s, nodeWidth+len(t.info.Columns), func(row []driver.Value) { n, found = t.node(row), true })
	if err == nil && !found {
		err = graph.ErrNotFound
	}
	return n, err
}

// Get implements graph.Repository.
func (r *Repository) Get(ctx context.Context, s graph.Scope, id graph.TypeID, node string) (n graph.Node, err error) {
	if _, err := r.catalog.Type(s, id); err != nil {
		return graph.Node{}, err
	}
	t := r.sql.tables[id]
	err = r.read(ctx, func(c *conn) error {
		n, err = c.bind().text(s.Project(), node).live(t, r.micros()).one(t.get, t)
		return err
	})
	return n, err
}

// Lookup implements graph.Repository.
func (r *Repository) Lookup(ctx context.Context, s graph.Scope, k graph.Key) (n graph.Node, err error) {
	_, u, err := r.catalog.Key(s, k)
	if err != nil {
		return graph.Node{}, err
	}
	t := r.sql.tables[k.Type]
	err = r.read(ctx, func(c *conn) error {
		n, err = c.bind().text(s.Project()).values(k.Values...).live(t, r.micros()).one(t.lookup[u], t)
		return err
	})
	return n, err
}

// List implements graph.Repository.
func (r *Repository) List(ctx context.Context, s graph.Scope, q graph.Query) (graph.Page, error) {
	plan, err := r.catalog.Query(s, q)
	if err != nil {
		return graph.Page{}, err
	}
	l := &lister{plan: plan, table: r.sql.tables[q.Type], project: s.Project(), now: r.micros()}
	err = r.read(ctx, func(c *conn) error {
		l.conn = c
		if plan.Edge != nil {
			return l.byEdge(r.sql.tables)
		}
		return l.byIndex()
	})
	if err != nil {
		return graph.Page{}, err
	}
	page := graph.Page{Nodes: l.nodes}
	if len(l.nodes) > plan.Limit {
		page.Nodes = l.nodes[:plan.Limit]
		page.Next = plan.Cursor(page.Nodes[plan.Limit-1])
	}
	return page, nil
}

// lister reads one page, and one node more to know whether there is a next.
type lister struct {
	conn    *conn
	plan    *graph.Plan
	table   *table
	project string
	now     int64
	nodes   []graph.Node
}

func (l *lister) missing() int64 { return int64(l.plan.Limit + 1 - len(l.nodes)) }

func (l *lister) run(s *statement) error {
	return l.conn.query(s, nodeWidth+len(l.table.info.Columns), func(row []driver.Value) {
		l.nodes = append(l.nodes, l.table.node(row))
	})
}

// byIndex reads the ranges that shape speaks of until the page is full.
func (l *lister) byIndex() error {
	s := shape{index: l.plan.Index, equal: len(l.plan.Query.Equal), reverse: l.plan.Query.Reverse}
	after := l.plan.After
	prefix := l.plan.Query.Prefix != ""
	if after == nil {
		s.prefix = prefix
		return l.span(s, nil)
	}
	for s.same = len(after.Values); s.same >= 0; s.same-- {
		spans := []beyond{past}
		s.prefix = prefix && s.same == 0
		switch {
		case s.prefix: // no Null has it
		case s.same == len(after.Values): // the id is never Null
		case after.Values[s.same].Kind() == graph.Null && s.reverse:
			continue // nothing is smaller
		case after.Values[s.same].Kind() == graph.Null:
			spans = []beyond{notNull}
		case s.reverse:
			spans = []beyond{past, isNull}
		}
		for _, s.beyond = range spans {
			if l.missing() == 0 {
				return nil
			}
			if err := l.span(s, after); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lister) span(s shape, after *graph.Position) error {
	c := l.conn.bind().text(l.project).values(l.plan.Query.Equal...)
	if after != nil {
		c.values(after.Values[:s.same]...)
	}
	switch {
	case s.beyond != past:
	case s.same == len(after.Values):
		c.text(after.ID)
	default:
		c.values(after.Values[s.same])
	}
	if s.prefix && !(s.beyond == past && !s.reverse) {
		c.text(l.plan.Query.Prefix)
	}
	if s.prefix && !(s.beyond == past && s.reverse) {
		if l.plan.Until == "" {
			c.add([]byte{0}) // a BLOB is greater than every text
		} else {
			c.text(l.plan.Until)
		}
	}
	c.live(l.table, l.now).int(l.missing())
	return l.run(l.table.lists[s])
}

func (l *lister) byEdge(tables map[graph.TypeID]*table) error {
	q := l.plan.Query
	s := edgeShape{edge: q.Edge, heads: q.From != "", after: l.plan.After != nil, reverse: q.Reverse}
	near, anchor := q.From, tables[l.plan.Edge.From]
	if !s.heads {
		near, anchor = q.To, tables[l.plan.Edge.To]
	}
	c := l.conn.bind().text(l.project).int(int64(q.Edge)).text(near)
	if s.after {
		c.text(l.plan.After.ID)
	}
	c.live(l.table, l.now).live(anchor, l.now).int(l.missing())
	return l.run(l.table.byEdge[s])
}

// micros is the driver's clock as it is stored.
func (r *Repository) micros() int64 { return r.now().UnixMicro() }

// instant is the driver's clock with the precision that is stored.
func (r *Repository) instant() time.Time { return time.UnixMicro(r.micros()).UTC() }
