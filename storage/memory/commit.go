package memory

import (
	"slices"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// commit applies operations to a project and can take all of them back.
type commit struct {
	project *project
	name    string
	catalog *graph.Catalog
	now     time.Time
	undo    []func() // of every change of a map, in order
	changes []graph.Change
}

func (c *commit) rollback() {
	for _, f := range slices.Backward(c.undo) {
		f()
	}
}

// put sets a map's entry, and remembers how it was.
func put[K comparable, V any](c *commit, m map[K]V, k K, v V) {
	old, was := m[k]
	c.undo = append(c.undo, func() { restore(m, k, old, was) })
	m[k] = v
}

// drop deletes a map's entry, and remembers how it was.
func drop[K comparable, V any](c *commit, m map[K]V, k K) {
	old, was := m[k]
	c.undo = append(c.undo, func() { restore(m, k, old, was) })
	delete(m, k)
}

func restore[K comparable, V any](m map[K]V, k K, old V, was bool) {
	if was {
		m[k] = old
	} else {
		delete(m, k)
	}
}

func failed(err error) *graph.OpError { return &graph.OpError{Err: err} }

func (c *commit) apply(op graph.Op) (graph.Outcome, *graph.OpError) {
	switch op := op.(type) {
	case graph.Create:
		return c.create(op.Node)
	case graph.Update:
		return c.update(op.Node)
	case graph.Delete:
		return graph.Outcome{}, c.delete(op)
	case graph.DeleteBy:
		return c.deleteBy(op), nil
	case graph.Take:
		return c.take(op)
	case graph.Check:
		_, err := c.check(op.Type, op.ID, op.Version)
		return graph.Outcome{}, err
	case graph.Link:
		return graph.Outcome{}, c.link(op)
	case graph.Unlink:
		return graph.Outcome{}, c.unlink(op)
	case graph.Increment:
		return c.increment(op), nil
	case graph.Clear:
		drop(c, c.project.counters, op.Counter)
		return graph.Outcome{}, nil
	case graph.Purge:
		return c.purge(op), nil
	}
	return graph.Outcome{}, failed(graph.ErrInvalidArgument)
}

// info returns a declared type; Catalog.Ops has checked that it is declared.
func (c *commit) info(t graph.TypeID) *graph.TypeInfo {
	info, _ := c.catalog.Type(graph.In(c.name), t)
	return info
}

func (c *commit) changed(t *graph.TypeInfo, id string) {
	if t.Watched {
		c.changes = append(c.changes, graph.Change{Project: c.name, Type: t.ID, ID: id})
	}
}

// create stores a node; whoever is dead and in its way is removed.
func (c *commit) create(n graph.Node) (graph.Outcome, *graph.OpError) {
	t := c.info(n.Type)
	if old := c.project.nodes[nodeID{t.ID, n.ID}]; old != nil {
		if !expired(old, c.now) {
			return graph.Outcome{}, &graph.OpError{Key: "id", Err: graph.ErrAlreadyExists}
		}
		c.remove(t, n.ID)
	}
	if err := c.makeWay(t, n); err != nil {
		return graph.Outcome{}, err
	}
	n = clone(n)
	n.Version, n.CreatedAt, n.UpdatedAt, n.ConsumedAt = 1, c.now, c.now, time.Time{}
	return c.store(t, n), nil
}

func (c *commit) update(n graph.Node) (graph.Outcome, *graph.OpError) {
	t := c.info(n.Type)
	old, err := c.check(t.ID, n.ID, n.Version)
	if err != nil {
		return graph.Outcome{}, err
	}
	if old.Version != n.Version {
		return graph.Outcome{}, failed(graph.ErrConflict)
	}
	if err := c.makeWay(t, n); err != nil {
		return graph.Outcome{}, err
	}
	for _, k := range keysOf(t, old.Columns) {
		if k != "" {
			drop(c, c.project.keys, k)
		}
	}
	n = clone(n)
	n.Version, n.CreatedAt, n.UpdatedAt, n.ConsumedAt = old.Version+1, old.CreatedAt, c.now, old.ConsumedAt
	return c.store(t, n), nil
}

// makeWay removes dead holders of the node's keys; a live one is an error.
func (c *commit) makeWay(t *graph.TypeInfo, n graph.Node) *graph.OpError {
	for u, k := range keysOf(t, n.Columns) {
		holder, taken := c.project.keys[k]
		if k == "" || !taken || holder == n.ID {
			continue
		}
		if !expired(c.project.nodes[nodeID{t.ID, holder}], c.now) {
			return &graph.OpError{Key: t.Unique[u].Name, Err: graph.ErrAlreadyExists}
		}
		c.remove(t, holder)
	}
	return nil
}

func (c *commit) store(t *graph.TypeInfo, n graph.Node) graph.Outcome {
	n.ExpiresAt = stored(n.ExpiresAt)
	if len(n.Data) == 0 {
		n.Data = nil
	}
	put(c, c.project.nodes, nodeID{t.ID, n.ID}, &n)
	for _, k := range keysOf(t, n.Columns) {
		if k != "" {
			put(c, c.project.keys, k, n.ID)
		}
	}
	c.changed(t, n.ID)
	return graph.Outcome{Node: clone(n)}
}

// remove deletes a node, its keys and its edges.
func (c *commit) remove(t *graph.TypeInfo, id string) {
	at := nodeID{t.ID, id}
	for _, k := range keysOf(t, c.project.nodes[at].Columns) {
		if k != "" {
			drop(c, c.project.keys, k)
		}
	}
	drop(c, c.project.nodes, at)
	for e := range c.project.edges {
		if slices.Contains(t.Tails, e.e) && e.from == id || slices.Contains(t.Heads, e.e) && e.to == id {
			drop(c, c.project.edges, e)
		}
	}
	c.changed(t, id)
}

// check finds a live node, of this version unless that is 0.
func (c *commit) check(t graph.TypeID, id string, version int64) (graph.Node, *graph.OpError) {
	n, err := c.project.live(t, id, c.now)
	if err != nil {
		return graph.Node{}, failed(err)
	}
	if version != 0 && n.Version != version {
		return graph.Node{}, failed(graph.ErrConflict)
	}
	return n, nil
}
