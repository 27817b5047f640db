package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage/graph"
)

// channel is where changes are told. It is the database's: two schemas in one
// hear each other, which costs a cache something but is no error.
const channel = "identity"

const (
	pollEvery = 500 * time.Millisecond // see PoolingTransaction
	// proveEvery is how often a silent connection has to prove that it lives.
	proveEvery   = 15 * time.Second
	longestPause = 5 * time.Second
)

// listener is the one connection that listens, from the first Watch on.
type listener struct {
	mu     sync.Mutex
	cancel context.CancelFunc // nil: not started
	ended  chan struct{}
	ready  chan struct{} // closed when it listened for the first time
	over   bool
}

// Watch implements graph.Repository. It returns once what is committed from now
// on will be told, or ConnTimeout is over. Whenever the connection that listens
// is made, watchers are told Change.All, for it may have missed something.
func (r *Repository) Watch(ctx context.Context) (<-chan graph.Change, error) {
	changes, err := r.watchers.Add(ctx)
	if err != nil {
		return nil, err
	}
	patience := time.NewTimer(r.config.ConnTimeout)
	defer patience.Stop()
	select {
	case <-r.listener.start(r):
	case <-patience.C:
	case <-ctx.Done():
	}
	return changes, nil
}

func (l *listener) start(r *Repository) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel == nil {
		l.ready, l.ended = make(chan struct{}), make(chan struct{})
		if l.over {
			close(l.ready)
			return l.ready
		}
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(context.Background())
		go func() {
			defer close(l.ended)
			r.listen(ctx, sync.OnceFunc(func() { close(l.ready) }))
		}()
	}
	return l.ready
}

func (l *listener) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.cancel != nil {
		l.cancel()
		<-l.ended
	}
}

// listen goes on until ctx ends.
func (r *Repository) listen(ctx context.Context, ready func()) {
	if r.config.Pooling == PoolingTransaction && r.config.ListenDSN == "" {
		r.poll(ctx, ready)
		return
	}
	pause := 50 * time.Millisecond
	for ctx.Err() == nil {
		err := r.hear(ctx, func() {
			ready()
			pause = 50 * time.Millisecond
		})
		if ctx.Err() != nil {
			return
		}
		r.log.Warn("postgres: other replicas' changes are not heard, trying again", "error", unavailable(err))
		wait(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (r *Repository) poll(ctx context.Context, ready func()) {
	for ctx.Err() == nil {
		r.watchers.Tell(graph.Change{All: true})
		ready()
		wait(ctx, pollEvery)
	}
}

// hear listens on one connection until it breaks.
func (r *Repository) hear(ctx context.Context, ready func()) error {
	c, err := pgx.ConnectConfig(ctx, r.listens)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(closing) // it breaks, or we end
	}()
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	r.watchers.Tell(graph.Change{All: true})
	ready()
	for {
		if err := r.next(ctx, c); err != nil {
			return err
		}
	}
}

// next waits for one notice; when none comes, it asks whether the server is there.
func (r *Repository) next(ctx context.Context, c *pgx.Conn) error {
	silent, cancel := context.WithTimeout(ctx, proveEvery)
	defer cancel()
	told, err := c.WaitForNotification(silent)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		proving, cancel := context.WithTimeout(ctx, r.config.ConnTimeout)
		defer cancel()
		return c.Ping(proving)
	}
	if err != nil {
		return err
	}
	r.watchers.Tell(changeOf(told.Payload))
	return nil
}

// changeOf reads a notice. What is not understood, from a newer replica or too
// long to be told, may be anything.
func changeOf(payload string) graph.Change {
	var n notice
	if json.Unmarshal([]byte(payload), &n) != nil || n.Project == "" || n.ID == "" {
		return graph.Change{All: true}
	}
	return graph.Change{Project: n.Project, Type: n.Type, ID: n.ID}
}
