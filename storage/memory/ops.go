package memory

import (
	"slices"

	"github.com/elloloop/identity/storage/graph"
)

func (c *commit) delete(op graph.Delete) *graph.OpError {
	if _, err := c.check(op.Type, op.ID, op.Version); err != nil {
		return err
	}
	c.remove(c.info(op.Type), op.ID)
	return nil
}

func (c *commit) deleteBy(op graph.DeleteBy) graph.Outcome {
	t := c.info(op.Type)
	at := t.IndexAt[slices.IndexFunc(t.Indexes, func(x graph.Index) bool { return x.Name == op.Index })]
	var out graph.Outcome
	for k, n := range c.project.nodes {
		if k.t == t.ID && !expired(n, c.now) && slices.Equal(pick(n.Columns, at[:len(op.Equal)]), op.Equal) {
			c.remove(t, k.id)
			out.Count++
		}
	}
	return out
}

func (c *commit) take(op graph.Take) (graph.Outcome, *graph.OpError) {
	n, err := c.check(op.Type, op.ID, 0)
	if err != nil {
		return graph.Outcome{}, err
	}
	if !n.ConsumedAt.IsZero() {
		return graph.Outcome{}, &graph.OpError{Err: graph.ErrConsumed, Node: clone(n)}
	}
	n.ConsumedAt, n.UpdatedAt = c.now, c.now
	return c.store(c.info(op.Type), n), nil
}

func (c *commit) link(op graph.Link) *graph.OpError {
	e := c.catalog.Edge(op.Edge)
	if _, err := c.check(e.From, op.From, 0); err != nil {
		return err
	}
	if _, err := c.check(e.To, op.To, 0); err != nil {
		return err
	}
	put(c, c.project.edges, edge{op.Edge, op.From, op.To}, struct{}{})
	return nil
}

// unlink does not find an edge one of whose ends has expired: that end, and the
// edge with it, does not exist any more.
func (c *commit) unlink(op graph.Unlink) *graph.OpError {
	e := c.catalog.Edge(op.Edge)
	if _, err := c.check(e.From, op.From, 0); err != nil {
		return err
	}
	if _, err := c.check(e.To, op.To, 0); err != nil {
		return err
	}
	at := edge{op.Edge, op.From, op.To}
	if _, ok := c.project.edges[at]; !ok {
		return failed(graph.ErrNotFound)
	}
	drop(c, c.project.edges, at)
	return nil
}

func (c *commit) increment(op graph.Increment) graph.Outcome {
	n, ok := c.project.counters[op.Counter]
	if !ok || !n.reset.After(c.now) {
		n = counter{reset: stored(c.now.Add(op.Window))}
	}
	n.count += op.By
	put(c, c.project.counters, op.Counter, n)
	return graph.Outcome{Count: n.count, ResetAt: n.reset}
}

func (c *commit) purge(op graph.Purge) (out graph.Outcome) {
	for name := range c.project.counters {
		if op.Type == 0 && out.Count < int64(op.Limit) {
			drop(c, c.project.counters, name)
			out.Count++
		}
	}
	for at := range c.project.nodes {
		if at.t == op.Type && out.Count < int64(op.Limit) {
			c.remove(c.info(at.t), at.id)
			out.Count++
		}
	}
	return out
}

// sweep removes up to limit nodes and counters that expired at or before c.now.
func (c *commit) sweep(limit int) int {
	removed := 0
	for at, n := range c.project.nodes {
		if removed == limit {
			return removed
		}
		if expired(n, c.now) {
			c.remove(c.info(at.t), at.id)
			removed++
		}
	}
	for name, n := range c.project.counters {
		if removed == limit {
			return removed
		}
		if !n.reset.After(c.now) {
			drop(c, c.project.counters, name)
			removed++
		}
	}
	return removed
}
