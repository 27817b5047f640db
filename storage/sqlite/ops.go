package sqlite

import (
	"database/sql/driver"

	"github.com/elloloop/identity/storage/graph"
)

func failed(err error) error { return &graph.OpError{Err: err} }

// apply runs one operation. An *graph.OpError is its answer; anything else is
// what SQLite said.
func (w *work) apply(op graph.Op, out *graph.Outcome) error {
	switch op := op.(type) {
	case graph.Create:
		return w.create(op.Node, out)
	case graph.Update:
		return w.update(op.Node, out)
	case graph.Delete:
		return w.remove(op)
	case graph.DeleteBy:
		return w.deleteBy(op, out)
	case graph.Take:
		return w.take(op, out)
	case graph.Check:
		_, err := w.check(w.sql.tables[op.Type], op.ID, op.Version)
		return err
	case graph.Link:
		return w.link(op)
	case graph.Unlink:
		return w.unlink(op)
	case graph.Increment:
		return w.increment(op, out)
	case graph.Purge:
		return w.purge(op, out)
	case graph.Clear:
		_, err := w.conn.bind().text(w.project, op.Counter).exec(w.sql.clear)
		return err
	}
	return failed(graph.ErrInvalidArgument)
}

func (w *work) micros() int64 { return w.now.UnixMicro() }

func (w *work) changed(t *table, id string) {
	if t.info.Watched {
		w.changes = append(w.changes, graph.Change{Project: w.project, Type: t.info.ID, ID: id})
	}
}

// create inserts first and asks afterwards: the way without a clash is one
// statement.
func (w *work) create(n graph.Node, out *graph.Outcome) error {
	t := w.sql.tables[n.Type]
	n.Version, n.CreatedAt, n.UpdatedAt, n.ConsumedAt = 1, w.now, w.now, asTime(nil)
	insert := func() error {
		_, err := w.conn.bind().text(w.project, n.ID).time(w.now).time(w.now).time(n.ExpiresAt).values(n.Columns...).add(data(n)).exec(t.insert)
		return err
	}
	err := insert()
	if isConstraint(err) {
		if err = w.makeWay(t, n, true); err == nil {
			err = insert()
		}
	}
	if err != nil {
		return err
	}
	out.Node = asStored(n)
	w.changed(t, n.ID)
	return nil
}

func (w *work) update(n graph.Node, out *graph.Outcome) error {
	t := w.sql.tables[n.Type]
	n.UpdatedAt = w.now
	found := false
	update := func() error {
		c := w.conn.bind().time(w.now).time(n.ExpiresAt).values(n.Columns...).add(data(n))
		c.text(w.project, n.ID).int(n.Version).live(t, w.micros())
		return c.query(t.update, 2, func(row []driver.Value) {
			found, n.CreatedAt, n.ConsumedAt = true, asTime(row[0]), asTime(row[1])
		})
	}
	err := update()
	if isConstraint(err) {
		if err = w.makeWay(t, n, false); err == nil {
			err = update()
		}
	}
	if err != nil {
		return err
	}
	if !found {
		return w.missing(t, n.ID)
	}
	n.Version++
	out.Node = asStored(n)
	w.changed(t, n.ID)
	return nil
}

// data never binds NULL.
func data(n graph.Node) []byte {
	if n.Data == nil {
		return []byte{}
	}
	return n.Data
}

// asStored returns a node as a later read of it will.
func asStored(n graph.Node) graph.Node {
	if !n.ExpiresAt.IsZero() {
		n.ExpiresAt = asTime(n.ExpiresAt.UnixMicro())
	}
	n.Columns = append([]graph.Value(nil), n.Columns...)
	n.Data = append([]byte(nil), n.Data...)
	return n
}

// missing says why a live node of an expected version was not found.
func (w *work) missing(t *table, id string) error {
	if _, err := w.check(t, id, 0); err != nil {
		return err
	}
	return failed(graph.ErrConflict)
}

// makeWay removes dead nodes that hold the id (of a new node) or a unique key of
// n. A live one is ErrAlreadyExists.
func (w *work) makeWay(t *table, n graph.Node, isNew bool) error {
	if isNew {
		if _, err := w.check(t, n.ID, 0); err == nil {
			return &graph.OpError{Key: "id", Err: graph.ErrAlreadyExists}
		}
		if t.clear != nil {
			if err := w.bury(t, w.conn.bind().text(w.project, n.ID).int(w.micros()), t.clear); err != nil {
				return err
			}
		}
	}
	for u, at := range t.info.UniqueAt {
		key := make([]graph.Value, len(at))
		null := false
		for i, col := range at {
			key[i] = n.Columns[col]
			null = null || key[i].Kind() == graph.Null
		}
		if null {
			continue
		}
		holders, err := w.conn.bind().text(w.project).values(key...).text(n.ID).live(t, w.micros()).ids(t.holder[u])
		if err != nil {
			return err
		}
		if len(holders) > 0 {
			return &graph.OpError{Key: t.info.Unique[u].Name, Err: graph.ErrAlreadyExists}
		}
		if t.info.Expires {
			if err := w.bury(t, w.conn.bind().text(w.project).values(key...).text(n.ID).int(w.micros()), t.clearKey[u]); err != nil {
				return err
			}
		}
	}
	return nil
}

// bury runs a statement that deletes nodes and returns their ids, and removes
// their edges.
func (w *work) bury(t *table, c *conn, s *statement) error {
	ids, err := c.ids(s)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := w.removed(t, w.project, id); err != nil {
			return err
		}
	}
	return nil
}

// removed removes the edges of a node that was deleted, and tells of it.
func (w *work) removed(t *table, project, id string) error {
	for _, e := range t.info.Tails {
		if _, err := w.conn.bind().text(project).int(int64(e)).text(id).exec(w.sql.unlinkFrom); err != nil {
			return err
		}
	}
	for _, e := range t.info.Heads {
		if _, err := w.conn.bind().text(project).int(int64(e)).text(id).exec(w.sql.unlinkTo); err != nil {
			return err
		}
	}
	if t.info.Watched {
		w.changes = append(w.changes, graph.Change{Project: project, Type: t.info.ID, ID: id})
	}
	return nil
}
