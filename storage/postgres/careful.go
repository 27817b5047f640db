package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage/graph"
)

func failed(err error) error { return &graph.OpError{Err: err} }

// careful commits step by step, inside one transaction: each operation is asked
// what is in its way. It is the way after a clash.
func (w *work) careful(ctx context.Context, c *pgx.Conn, ops []graph.Op) error {
	w.result = make(graph.Result, len(ops))
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	one := &step{work: w, ctx: ctx, tx: tx}
	err = one.run(w.begin(w.project))
	for i, op := range ops {
		if err != nil {
			break
		}
		if err = one.apply(op, &w.result[i]); err != nil {
			var op *graph.OpError
			if errors.As(err, &op) {
				op.Index = i
			}
		}
	}
	if err != nil {
		_ = tx.Rollback(ctx) // a connection that can't do this is given up by the pool
		if isClash(err) {
			return errClash // somebody was faster than the answer: again
		}
		return err
	}
	return tx.Commit(ctx)
}

// step runs the statements of careful, one round trip each.
type step struct {
	*work
	ctx context.Context
	tx  pgx.Tx
}

func (o *step) run(s *statement) error {
	_, err := o.rows(s, nil)
	return err
}

// rows runs a statement and returns how many rows it had.
func (o *step) rows(s *statement, read func(row scan) error) (n int, err error) {
	rows, err := o.tx.Query(o.ctx, s.sql.String(), s.args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
		if read != nil {
			if err := read(rows.Scan); err != nil {
				return n, err
			}
		}
	}
	return n, rows.Err()
}

func (o *step) apply(op graph.Op, out *graph.Outcome) error {
	switch op := op.(type) {
	case graph.Create:
		return o.create(op.Node, out)
	case graph.Update:
		return o.update(op.Node, out)
	case graph.Delete:
		return o.delete(op)
	case graph.DeleteBy:
		return o.deleteBy(op, out)
	case graph.Take:
		return o.take(op, out)
	case graph.Check:
		return o.check(o.tables[op.Type], op.ID, op.Version, o.how(op.Type, op.ID, "FOR SHARE"))
	case graph.Link:
		if err := o.ends(op.Edge, op.From, op.To); err != nil {
			return err
		}
		return o.run(link(o.project, op))
	case graph.Unlink:
		if err := o.ends(op.Edge, op.From, op.To); err != nil {
			return err
		}
		n, err := o.rows(unlink(o.project, op), nil)
		if err == nil && n == 0 {
			err = failed(graph.ErrNotFound)
		}
		return err
	case graph.Increment:
		_, err := o.rows(increment(o.project, op, o.now), counted(out))
		return err
	case graph.Purge:
		return o.purge(op, out)
	case graph.Clear:
		if !storable(op.Counter) {
			return nil
		}
		return o.run(clearCounter(o.project, op.Counter))
	}
	return failed(graph.ErrInvalidArgument)
}

func (o *step) create(n graph.Node, out *graph.Outcome) error {
	t := o.tables[n.Type]
	if err := o.makeWay(t, n, true); err != nil {
		return err
	}
	out.Node = o.fresh(n)
	if err := o.run(t.insert(o.project, out.Node)); err != nil {
		return err
	}
	return o.changed(t, n.ID)
}

func (o *step) update(n graph.Node, out *graph.Outcome) error {
	t := o.tables[n.Type]
	// The version is asked before the keys are, as the other drivers do.
	if err := o.current(t, n.ID, n.Version); err != nil {
		return err
	}
	if err := o.makeWay(t, n, false); err != nil {
		return err
	}
	found, err := o.rows(t.update(o.project, n, o.micros()), o.updated(n, out))
	if err == nil && found == 0 {
		err = errClash
	}
	if err != nil {
		return err
	}
	return o.changed(t, n.ID)
}

// current says why a live node of exactly this version is not there. It locks
// the node as the update will.
func (o *step) current(t *table, id string, version int64) error {
	if !storable(id) {
		return failed(graph.ErrNotFound)
	}
	var is int64
	n, err := o.rows(t.lock(o.project, id, 0, o.micros(), "FOR NO KEY UPDATE"), func(row scan) error { return row(&is) })
	switch {
	case err != nil:
		return err
	case n == 0:
		return failed(graph.ErrNotFound)
	case is != version:
		return failed(graph.ErrConflict)
	}
	return nil
}

// check finds a live node, of this version unless that is 0.
func (o *step) check(t *table, id string, version int64, how string) error {
	if !storable(id) {
		return failed(graph.ErrNotFound)
	}
	var is int64
	n, err := o.rows(t.lock(o.project, id, 0, o.micros(), how), func(row scan) error { return row(&is) })
	switch {
	case err != nil:
		return err
	case n == 0:
		return failed(graph.ErrNotFound)
	case version != 0 && is != version:
		return failed(graph.ErrConflict)
	}
	return nil
}

func (o *step) ends(id graph.EdgeID, from, to string) error {
	e := o.catalog.Edge(id)
	if err := o.check(o.tables[e.From], from, 0, o.how(e.From, from, "FOR KEY SHARE")); err != nil {
		return err
	}
	return o.check(o.tables[e.To], to, 0, o.how(e.To, to, "FOR KEY SHARE"))
}

func (o *step) delete(op graph.Delete) error {
	t := o.tables[op.Type]
	if err := o.check(t, op.ID, op.Version, "FOR UPDATE"); err != nil {
		return err
	}
	if err := o.run(t.remove(o.project, op.ID, op.Version, o.micros())); err != nil {
		return err
	}
	return o.removed(t, op.ID)
}

func (o *step) deleteBy(op graph.DeleteBy, out *graph.Outcome) error {
	t := o.tables[op.Type]
	x, err := t.info.Prefix(op.Index, op.Equal)
	if err != nil {
		return failed(err)
	}
	for _, v := range op.Equal {
		if !graph.Storable(v) {
			return nil
		}
	}
	return o.gone(t, t.deleteBy(o.project, x, op.Equal, o.micros()), out)
}

func (o *step) gone(t *table, s *statement, out *graph.Outcome) error {
	if _, err := o.rows(s, t.deleted(out)); err != nil {
		return err
	}
	return o.all(t.edgesOfGone(o.project))
}

func (o *step) purge(op graph.Purge, out *graph.Outcome) error {
	if op.Type == 0 {
		_, err := o.rows(purgeCounters(o.project, op.Limit), func(row scan) error { return row(&out.Count) })
		return err
	}
	t := o.tables[op.Type]
	return o.gone(t, t.purge(o.project, op.Limit), out)
}

// take is one UPDATE that only the first can win. Only the loser reads, to be
// given the node.
func (o *step) take(op graph.Take, out *graph.Outcome) error {
	t := o.tables[op.Type]
	if !storable(op.ID) {
		return failed(graph.ErrNotFound)
	}
	var n graph.Node
	read := func(row scan) (err error) {
		n, err = t.node(row)
		return err
	}
	took, err := o.rows(t.take(o.project, op.ID, o.micros()), read)
	if err != nil {
		return err
	}
	if took == 1 {
		out.Node = n
		return o.changed(t, op.ID)
	}
	there, err := o.rows(t.get(o.project, op.ID, o.micros()), read)
	switch {
	case err != nil:
		return err
	case there == 0:
		return failed(graph.ErrNotFound)
	case n.ConsumedAt.IsZero():
		return errClash // it came between the two statements
	}
	return &graph.OpError{Err: graph.ErrConsumed, Node: n}
}

// makeWay removes dead nodes that hold the id (of a new node) or a unique key of
// n. A live one is ErrAlreadyExists.
func (o *step) makeWay(t *table, n graph.Node, isNew bool) error {
	now := o.micros()
	if isNew {
		live, err := o.rows(t.get(o.project, n.ID, now), nil)
		if err != nil {
			return err
		}
		if live > 0 {
			return &graph.OpError{Key: "id", Err: graph.ErrAlreadyExists}
		}
		if t.info.Expires {
			if err := o.bury(t, t.clear(o.project, n.ID, now)); err != nil {
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
		holders, err := o.rows(t.holder(o.project, n.ID, u, key, now), nil)
		if err != nil {
			return err
		}
		if holders > 0 {
			return &graph.OpError{Key: t.info.Unique[u].Name, Err: graph.ErrAlreadyExists}
		}
		if t.info.Expires {
			if err := o.bury(t, t.clearKey(o.project, n.ID, u, key, now)); err != nil {
				return err
			}
		}
	}
	return nil
}

// bury runs a statement that deletes nodes and returns their ids, and removes
// their edges.
func (o *step) bury(t *table, s *statement) error {
	var ids []string
	_, err := o.rows(s, func(row scan) error {
		var id string
		err := row(&id)
		ids = append(ids, id)
		return err
	})
	for _, id := range ids {
		if err != nil {
			return err
		}
		err = o.removed(t, id)
	}
	return err
}

func (o *step) removed(t *table, id string) error {
	if err := o.all(t.edgesOf(o.project, id)); err != nil {
		return err
	}
	return o.changed(t, id)
}

func (o *step) changed(t *table, id string) error {
	if !t.info.Watched {
		return nil
	}
	return o.run(notify(graph.Change{Project: o.project, Type: t.info.ID, ID: id}))
}

func (o *step) all(statements []*statement) error {
	for _, s := range statements {
		if err := o.run(s); err != nil {
			return err
		}
	}
	return nil
}
