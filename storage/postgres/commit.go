package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage/graph"
)

// errClash: the commit was rolled back, and what one statement found in its way
// (a taken key, a row that is missing) has to be looked at.
var errClash = errors.New("postgres: clash")

// Commit implements graph.Repository. All of it is one round trip: the statements
// go out together and end with one Sync, before which Postgres commits nothing
// (they are one implicit transaction). Only after a clash is everything tried a
// second time, step by step, to find out what was in the way or to clear it.
func (r *Repository) Commit(ctx context.Context, s graph.Scope, ops ...graph.Op) (result graph.Result, err error) {
	if err := r.catalog.Ops(s, ops); err != nil {
		return nil, err
	}
	if len(ops) == 0 {
		return graph.Result{}, r.open(ctx)
	}
	err = r.repeated(ctx, false, func(ctx context.Context, c *pgx.Conn) error {
		w := &work{Repository: r, project: s.Project(), now: r.instant(), result: make(graph.Result, len(ops)), locks: locks(ops)}
		err := errClash
		if w.pipeline(ops) {
			err = w.send(ctx, c)
		}
		if errors.Is(err, errClash) {
			err = w.careful(ctx, c, ops)
		}
		result = w.result
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// work is one try of a commit.
type work struct {
	*Repository
	project string
	now     time.Time
	result  graph.Result
	locks   map[node]string
	batch   pgx.Batch
	read    []func(row scan) error // for each statement of the batch, nil: it has no row to read
}

type node struct {
	of graph.TypeID
	id string
}

// locks says how the nodes that a commit changes are locked in the end. A check of
// one of them locks it so at once: two that first share a row and then both want
// to change it wait for each other until Postgres ends one of them, a second later.
func locks(ops []graph.Op) map[node]string {
	out := map[node]string{}
	for _, op := range ops {
		switch op := op.(type) {
		case graph.Update:
			if at := (node{op.Node.Type, op.Node.ID}); out[at] == "" {
				out[at] = "FOR NO KEY UPDATE"
			}
		case graph.Take:
			if at := (node{op.Type, op.ID}); out[at] == "" {
				out[at] = "FOR NO KEY UPDATE"
			}
		case graph.Delete:
			out[node{op.Type, op.ID}] = "FOR UPDATE"
		}
	}
	return out
}

// how is the lock that a check takes: this one, unless it has to be stronger.
func (w *work) how(of graph.TypeID, id, otherwise string) string {
	if how := w.locks[node{of, id}]; how != "" {
		return how
	}
	return otherwise
}

// scan reads the columns of a row.
type scan func(into ...any) error

func (w *work) micros() int64 { return w.now.UnixMicro() }

// add puts a statement into the pipeline.
func (w *work) add(s *statement, read func(row scan) error) {
	w.batch.Queue(s.sql.String(), s.args...)
	w.read = append(w.read, read)
}

// need adds a statement that must have a row.
func (w *work) need(s *statement, read func(row scan) error) {
	w.add(s.needed(), func(row scan) error {
		return read(func(into ...any) error { return row(append(into, nil)...) })
	})
}

func nothing(row scan) error { return row(nil) }

// pipeline adds all operations. It says no when one of them names what cannot be
// stored: Postgres would not understand it.
func (w *work) pipeline(ops []graph.Op) bool {
	w.add(w.begin(w.project), nil)
	for i, op := range ops {
		if !w.operation(op, &w.result[i]) {
			return false
		}
	}
	return true
}

func (w *work) operation(op graph.Op, out *graph.Outcome) bool {
	switch op := op.(type) {
	case graph.Create:
		w.create(op.Node, out)
	case graph.Update:
		w.update(op.Node, out)
	case graph.Delete:
		t := w.tables[op.Type]
		w.need(t.remove(w.project, op.ID, op.Version, w.micros()), nothing)
		w.removed(t, op.ID)
		return storable(op.ID)
	case graph.DeleteBy:
		return w.deleteBy(op, out)
	case graph.Take:
		t := w.tables[op.Type]
		w.need(t.take(w.project, op.ID, w.micros()), func(row scan) (err error) {
			out.Node, err = t.node(row)
			return err
		})
		w.changed(t, op.ID)
		return storable(op.ID)
	case graph.Check:
		w.need(w.tables[op.Type].lock(w.project, op.ID, op.Version, w.micros(), w.how(op.Type, op.ID, "FOR SHARE")), nothing)
		return storable(op.ID)
	case graph.Link:
		w.ends(op.Edge, op.From, op.To)
		w.add(link(w.project, op), nil)
		return storable(op.From) && storable(op.To)
	case graph.Unlink:
		w.ends(op.Edge, op.From, op.To)
		w.need(unlink(w.project, op), nothing)
		return storable(op.From) && storable(op.To)
	case graph.Increment:
		w.add(increment(w.project, op, w.now), counted(out))
	case graph.Purge:
		w.purge(op, out)
	case graph.Clear:
		w.add(clearCounter(w.project, op.Counter), nil)
		return storable(op.Counter)
	}
	return true
}

func storable(s string) bool { return graph.Storable(graph.String(s)) }

func counted(out *graph.Outcome) func(row scan) error {
	return func(row scan) error {
		var reset int64
		err := row(&out.Count, &reset)
		out.ResetAt = time.UnixMicro(reset).UTC()
		return err
	}
}

// fresh is a new node as the driver stores it.
func (w *work) fresh(n graph.Node) graph.Node {
	n.Version, n.CreatedAt, n.UpdatedAt, n.ConsumedAt = 1, w.now, w.now, time.Time{}
	return asStored(n)
}

func (w *work) create(n graph.Node, out *graph.Outcome) {
	t := w.tables[n.Type]
	out.Node = w.fresh(n)
	w.add(t.insert(w.project, out.Node), nil)
	w.changed(t, n.ID)
}

func (w *work) update(n graph.Node, out *graph.Outcome) {
	t := w.tables[n.Type]
	w.need(t.update(w.project, n, w.micros()), w.updated(n, out))
	w.changed(t, n.ID)
}

func (w *work) updated(n graph.Node, out *graph.Outcome) func(row scan) error {
	return func(row scan) error {
		var created int64
		var consumed *int64
		if err := row(&created, &consumed); err != nil {
			return err
		}
		out.Node = asStored(n)
		out.Node.Version++
		out.Node.UpdatedAt, out.Node.CreatedAt, out.Node.ConsumedAt = w.now, asTime(&created), asTime(consumed)
		return nil
	}
}

func (w *work) deleteBy(op graph.DeleteBy, out *graph.Outcome) bool {
	t := w.tables[op.Type]
	x, err := t.info.Prefix(op.Index, op.Equal)
	if err != nil {
		return false // Catalog.Ops has checked it
	}
	for _, v := range op.Equal {
		if !graph.Storable(v) {
			return false
		}
	}
	w.gone(t, t.deleteBy(w.project, x, op.Equal, w.micros()), out)
	return true
}

func (w *work) gone(t *table, s *statement, out *graph.Outcome) {
	w.add(s, t.deleted(out))
	for _, s := range t.edgesOfGone(w.project) {
		w.add(s, nil)
	}
}

func (w *work) purge(op graph.Purge, out *graph.Outcome) {
	if op.Type == 0 {
		w.add(purgeCounters(w.project, op.Limit), func(row scan) error { return row(&out.Count) })
		return
	}
	t := w.tables[op.Type]
	w.gone(t, t.purge(w.project, op.Limit), out)
}

// deleted reads how many nodes are gone; what follows the number is
// of no use here.
func (t *table) deleted(out *graph.Outcome) func(row scan) error {
	return func(row scan) error {
		into := []any{&out.Count}
		if t.info.Watched {
			into = append(into, nil)
		}
		if len(t.tails)+len(t.heads) > 0 {
			into = append(into, nil)
		}
		return row(into...)
	}
}

// ends keeps both ends of an edge alive until the commit.
func (w *work) ends(id graph.EdgeID, from, to string) {
	e := w.catalog.Edge(id)
	w.need(w.tables[e.From].lock(w.project, from, 0, w.micros(), w.how(e.From, from, "FOR KEY SHARE")), nothing)
	w.need(w.tables[e.To].lock(w.project, to, 0, w.micros(), w.how(e.To, to, "FOR KEY SHARE")), nothing)
}

// removed removes the edges of a node that was deleted, and tells of it.
func (w *work) removed(t *table, id string) {
	for _, s := range t.edgesOf(w.project, id) {
		w.add(s, nil)
	}
	w.changed(t, id)
}

func (w *work) changed(t *table, id string) {
	if t.info.Watched {
		w.add(notify(graph.Change{Project: w.project, Type: t.info.ID, ID: id}), nil)
	}
}

// notice is a change as it is told from one process to the other.
type notice struct {
	Project string       `json:"p"`
	Type    graph.TypeID `json:"t"`
	ID      string       `json:"i"`
}

// maxNotice is what Postgres lets through, less one.
const maxNotice = 7999

// notify tells of a change when, and only if, the transaction commits. What is
// too long for Postgres is told as "anything".
func notify(c graph.Change) *statement {
	payload, err := json.Marshal(notice{c.Project, c.Type, c.ID})
	if err != nil || len(payload) > maxNotice {
		payload = nil
	}
	return say("SELECT pg_notify('" + channel + "', ").bind(string(payload)).say(")")
}

// send runs the pipeline. It is durable when the last answer came, not before.
func (w *work) send(ctx context.Context, c *pgx.Conn) error {
	answers := c.SendBatch(ctx, &w.batch)
	var failed error
	for _, read := range w.read {
		if failed = answer(answers, read); failed != nil {
			break
		}
	}
	if err := answers.Close(); failed == nil {
		failed = err
	}
	if isClash(failed) {
		return errClash
	}
	return failed
}

func answer(answers pgx.BatchResults, read func(row scan) error) error {
	rows, err := answers.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if read == nil {
			continue
		}
		if err := read(rows.Scan); err != nil {
			return err
		}
	}
	rows.Close()
	return rows.Err()
}

// asStored returns a node as a later read of it will.
func asStored(n graph.Node) graph.Node {
	if !n.ExpiresAt.IsZero() {
		n.ExpiresAt = time.UnixMicro(n.ExpiresAt.UnixMicro()).UTC()
	}
	n.Columns = append([]graph.Value(nil), n.Columns...)
	n.Data = append([]byte(nil), n.Data...)
	return n
}
