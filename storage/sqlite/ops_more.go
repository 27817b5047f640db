package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// check returns the version of a live node. Version 0 is any.
func (w *work) check(t *table, id string, version int64) (int64, error) {
	var is int64
	err := w.conn.bind().text(w.project, id).live(t, w.micros()).query(t.version, 1, func(row []driver.Value) { is = asInt(row[0]) })
	switch {
	case err != nil:
		return 0, err
	case is == 0:
		return 0, failed(graph.ErrNotFound)
	case version != 0 && is != version:
		return 0, failed(graph.ErrConflict)
	}
	return is, nil
}

func (w *work) remove(op graph.Delete) error {
	t := w.sql.tables[op.Type]
	n, err := w.conn.bind().text(w.project, op.ID).int(op.Version).int(op.Version).live(t, w.micros()).exec(t.remove)
	if err != nil {
		return err
	}
	if n == 0 {
		return w.missing(t, op.ID)
	}
	return w.removed(t, w.project, op.ID)
}

func (w *work) deleteBy(op graph.DeleteBy, out *graph.Outcome) error {
	t := w.sql.tables[op.Type]
	x, err := t.info.Prefix(op.Index, op.Equal)
	if err != nil {
		return failed(err)
	}
	ids, err := w.conn.bind().text(w.project).values(op.Equal...).live(t, w.micros()).ids(t.deleteBy[x][len(op.Equal)])
	if err != nil {
		return err
	}
	out.Count = int64(len(ids))
	for _, id := range ids {
		if err := w.removed(t, w.project, id); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) purge(op graph.Purge, out *graph.Outcome) (err error) {
	c := w.conn.bind().text(w.project).int(int64(op.Limit))
	if op.Type == 0 {
		out.Count, err = c.exec(w.sql.purgeCounters)
		return err
	}
	t := w.sql.tables[op.Type]
	ids, err := c.ids(t.purge)
	out.Count = int64(len(ids))
	for _, id := range ids {
		if err == nil {
			err = w.removed(t, w.project, id)
		}
	}
	return err
}

// take is one UPDATE that only the first can win. Only the loser reads, to be
// given the node.
func (w *work) take(op graph.Take, out *graph.Outcome) error {
	t := w.sql.tables[op.Type]
	n, err := w.conn.bind().time(w.now).time(w.now).text(w.project, op.ID).live(t, w.micros()).one(t.take, t)
	if err == graph.ErrNotFound {
		n, err = w.conn.bind().text(w.project, op.ID).live(t, w.micros()).one(t.get, t)
		if err == nil {
			return &graph.OpError{Err: graph.ErrConsumed, Node: n}
		}
		if err == graph.ErrNotFound {
			return failed(err)
		}
	}
	if err != nil {
		return err
	}
	out.Node = n
	w.changed(t, op.ID)
	return nil
}

// ends checks that both ends of an edge live.
func (w *work) ends(id graph.EdgeID, from, to string) error {
	e := w.catalog.Edge(id)
	if _, err := w.check(w.sql.tables[e.From], from, 0); err != nil {
		return err
	}
	_, err := w.check(w.sql.tables[e.To], to, 0)
	return err
}

func (w *work) link(op graph.Link) error {
	if err := w.ends(op.Edge, op.From, op.To); err != nil {
		return err
	}
	_, err := w.conn.bind().text(w.project).int(int64(op.Edge)).text(op.From, op.To).exec(w.sql.link)
	return err
}

func (w *work) unlink(op graph.Unlink) error {
	if err := w.ends(op.Edge, op.From, op.To); err != nil {
		return err
	}
	n, err := w.conn.bind().text(w.project).int(int64(op.Edge)).text(op.From, op.To).exec(w.sql.unlink)
	if err == nil && n == 0 {
		err = failed(graph.ErrNotFound)
	}
	return err
}

func (w *work) increment(op graph.Increment, out *graph.Outcome) error {
	now := w.micros()
	c := w.conn.bind().text(w.project, op.Counter).int(op.By).time(w.now.Add(op.Window)).int(now).int(now)
	return c.query(w.sql.increment, 2, func(row []driver.Value) {
		out.Count, out.ResetAt = asInt(row[0]), asTime(row[1])
	})
}

// sweepChunk bounds how long one transaction of a sweep keeps others waiting.
const sweepChunk = 500

// Sweep implements graph.Repository.
func (r *Repository) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, fmt.Errorf("%w: a limit of %d", graph.ErrInvalidArgument, limit)
	}
	total := 0
	for total < limit {
		chunk, removed := min(limit-total, sweepChunk), 0
		err := r.do(ctx, &job{run: func(w *work) (err error) {
			removed, err = w.sweep(now, chunk)
			return err
		}})
		if err != nil {
			return total, err
		}
		total += removed
		if removed < chunk {
			break
		}
	}
	return total, nil
}

func (w *work) sweep(now time.Time, limit int) (int, error) {
	removed := 0
	for _, t := range w.sql.order {
		if t.sweep == nil || removed == limit {
			continue
		}
		type dead struct{ project, id string }
		var gone []dead
		err := w.conn.bind().int(now.UnixMicro()).int(int64(limit-removed)).query(t.sweep, 2, func(row []driver.Value) {
			gone = append(gone, dead{asText(row[0]), asText(row[1])})
		})
		if err != nil {
			return 0, err
		}
		removed += len(gone)
		for _, d := range gone {
			if err := w.removed(t, d.project, d.id); err != nil {
				return 0, err
			}
		}
	}
	if removed == limit {
		return removed, nil
	}
	n, err := w.conn.bind().int(now.UnixMicro()).int(int64(limit - removed)).exec(w.sql.sweepCounters)
	return removed + int(n), err
}
