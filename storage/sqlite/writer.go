package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

const (
	// maxBatch and maxBatchData bound one transaction: who waits in it waits for
	// all of it.
	maxBatch     = 128
	maxBatchData = 4 << 20
	// pollEvery is how often other processes' writes are looked for, while
	// somebody watches.
	pollEvery = 500 * time.Millisecond
)

// job is something to do inside a transaction, all or nothing.
type job struct {
	run   func(w *work) error
	size  int          // bytes of data
	state atomic.Int32 // queued, running or dropped
	err   error        // valid once done is closed
	done  chan struct{}
}

const (
	queued int32 = iota
	running
	dropped
)

// work is what a job sees.
type work struct {
	*Repository
	conn    *conn
	project string
	now     time.Time
	changes []graph.Change
}

// do hands a job to the writer and waits for its end. When ctx ends first, a
// job that still waits is dropped; one that the writer has begun may stand.
func (r *Repository) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.done = make(chan struct{})
	if err := r.send(ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		j.state.CompareAndSwap(queued, dropped)
		return ctx.Err()
	}
}

func (r *Repository) send(ctx context.Context, j *job) error {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return graph.ErrClosed
	}
	select {
	case r.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the one goroutine that writes. It ends when jobs is closed and empty.
func (r *Repository) write(c *conn) {
	defer close(r.stopped)
	own := !r.config.inMemory() // else the pool closes it, the one that reads too
	b := &batch{work: work{Repository: r, conn: c}}
	poll := &poller{repository: r, conn: c}
	for {
		select {
		case j, open := <-r.jobs:
			if !open {
				if own {
					if err := c.close(); err != nil {
						r.log.Error("sqlite: closing failed", "error", err)
					}
				}
				return
			}
			r.alone(func() { b.commit(j) })
		case <-r.watched:
			poll.start()
		case <-poll.tick:
			poll.look()
		}
	}
}

// alone runs f while no read uses the connection, where reads use the same.
func (r *Repository) alone(f func()) {
	if r.config.inMemory() {
		defer r.pool.give(<-r.pool.slots)
	}
	f()
}

// batch is one transaction of several jobs.
type batch struct {
	work
	jobs    []*job // those that were run, with what became of each
	size    int
	changed []graph.Change
}

// commit runs first, and whatever is waiting behind it, in one transaction. The
// jobs learn their outcome only when it is durable.
func (b *batch) commit(first *job) {
	clear(b.jobs)
	b.jobs, b.size, b.changed = b.jobs[:0], 0, nil
	err := b.inPlace()
	if err == nil {
		err = b.step(b.sql.begin)
	}
	for j, ok := first, err == nil; ok && err == nil; j, ok = b.next() {
		if j.state.CompareAndSwap(queued, running) {
			b.jobs = append(b.jobs, j)
			b.size += j.size
			err = b.runOne(j)
		}
	}
	if err == nil {
		err = b.step(b.sql.commit)
	} else if len(b.jobs) == 0 {
		// The wait for the lock was in vain. Those behind waited as long.
		for j, ok := first, true; ok; j, ok = b.next() {
			if j.state.CompareAndSwap(queued, running) {
				b.jobs = append(b.jobs, j)
			}
		}
	}
	if err == nil {
		b.wrote.Store(int64(time.Since(b.opened)))
		b.watchers.Tell(b.changed...)
	} else {
		_ = b.step(b.sql.rollback) // fails where SQLite has rolled back by itself
		err = b.translate(err)
	}
	for _, j := range b.jobs {
		if err != nil {
			j.err = err
		}
		close(j.done)
	}
}

func (b *batch) step(s *statement) error {
	_, err := b.conn.bind().exec(s)
	return err
}

// next returns a job that already waits, while there is room.
func (b *batch) next() (*job, bool) {
	if len(b.jobs) >= maxBatch || b.size >= maxBatchData {
		return nil, false
	}
	select {
	case j, open := <-b.Repository.jobs:
		return j, open
	default:
		return nil, false
	}
}

// runOne runs a job inside a savepoint. What fails takes back only itself; the
// error that is returned is one that ended the whole transaction.
func (b *batch) runOne(j *job) error {
	if err := b.step(b.sql.savepoint); err != nil {
		return err
	}
	b.now, b.changes = b.instant(), nil
	if err := j.run(&b.work); err != nil {
		// Some errors (a full disk, a failed read) make SQLite roll back the whole
		// transaction by itself. Then there is no savepoint to go back to, and no
		// job of this batch was stored.
		if back := b.step(b.sql.rollbackTo); back != nil {
			return err
		}
		j.err = b.translate(err)
		return b.step(b.sql.release)
	}
	b.changed = append(b.changed, b.changes...)
	return b.step(b.sql.release)
}

// poller looks for what other processes have written, while somebody watches.
type poller struct {
	repository *Repository
	conn       *conn
	version    int64
	ticker     *time.Ticker
	tick       <-chan time.Time
}

func (p *poller) start() {
	if p.ticker != nil || p.repository.config.inMemory() {
		return
	}
	p.version = p.read()
	p.ticker = time.NewTicker(pollEvery)
	p.tick = p.ticker.C
	// Between the call of Watch and now another process may have written.
	p.repository.watchers.Tell(graph.Change{All: true})
}

func (p *poller) look() {
	if !p.repository.watchers.Any() {
		p.ticker.Stop()
		p.ticker, p.tick = nil, nil
		return
	}
	if now := p.read(); now != p.version {
		p.version = now
		p.repository.watchers.Tell(graph.Change{All: true})
	}
}

// read returns SQLite's number that changes when another connection commits; an
// unknown number after an error, so that it looks changed.
func (p *poller) read() (version int64) {
	err := p.conn.bind().query(p.repository.sql.dataVersion, 1, func(row []driver.Value) { version = asInt(row[0]) })
	if err != nil {
		p.repository.log.Warn("sqlite: looking for other processes' changes failed", "error", err)
		return -1
	}
	return version
}

// Commit implements graph.Repository. The operations must not be changed before
// it returns. After an end of ctx it is unknown whether the commit stands, unless
// it was still waiting.
func (r *Repository) Commit(ctx context.Context, s graph.Scope, ops ...graph.Op) (graph.Result, error) {
	if err := r.catalog.Ops(s, ops); err != nil {
		return nil, err
	}
	size := 0
	for _, op := range ops {
		switch op := op.(type) {
		case graph.Create:
			size += len(op.Node.Data)
		case graph.Update:
			size += len(op.Node.Data)
		}
	}
	result := make(graph.Result, len(ops))
	err := r.do(ctx, &job{size: size, run: func(w *work) error {
		w.project = s.Project()
		for i, op := range ops {
			if err := w.apply(op, &result[i]); err != nil {
				var failed *graph.OpError
				if errors.As(err, &failed) {
					failed.Index = i
				}
				return err
			}
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return result, nil
}
