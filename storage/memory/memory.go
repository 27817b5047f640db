// Package memory is the driver that keeps everything in the process: for tests
// and for a server that may forget. It is the plainest reading of the contract
// in storage/graph; where the drivers differ, this one is meant to be right.
package memory

import (
	"context"
	"sync"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Config configures the driver.
type Config struct {
	// Now is the clock, for CreatedAt and for what has expired. Nil: time.Now.
	Now func() time.Time
}

// Repository is a graph.Repository in memory.
type Repository struct {
	catalog  *graph.Catalog
	now      func() time.Time
	watchers graph.Watchers

	mu       sync.RWMutex
	closed   bool
	projects map[string]*project
}

var _ graph.Repository = (*Repository)(nil)

// Open makes an empty repository. It panics if the schema contradicts itself:
// the schema is a constant of the program.
func Open(schema graph.Schema, config Config) *Repository {
	catalog, err := graph.NewCatalog(schema)
	if err != nil {
		panic(err)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Repository{catalog: catalog, now: config.Now, projects: map[string]*project{}}
}

// instant is the time as it is stored: UTC, whole microseconds.
func (r *Repository) instant() time.Time { return stored(r.now()) }

func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// view holds the lock for reading while f looks at a project, nil when nothing
// was ever stored in it.
func (r *Repository) view(ctx context.Context, s graph.Scope, f func(*project) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return graph.ErrClosed
	}
	return f(r.projects[s.Project()])
}

// Get implements graph.Repository.
func (r *Repository) Get(ctx context.Context, s graph.Scope, t graph.TypeID, id string) (n graph.Node, err error) {
	if _, err := r.catalog.Type(s, t); err != nil {
		return graph.Node{}, err
	}
	err = r.view(ctx, s, func(p *project) error {
		n, err = p.live(t, id, r.instant())
		return err
	})
	return clone(n), err
}

// Lookup implements graph.Repository.
func (r *Repository) Lookup(ctx context.Context, s graph.Scope, k graph.Key) (n graph.Node, err error) {
	if _, _, err := r.catalog.Key(s, k); err != nil {
		return graph.Node{}, err
	}
	err = r.view(ctx, s, func(p *project) error {
		if p == nil {
			return graph.ErrNotFound
		}
		id, ok := p.keys[key(k.Type, k.Name, k.Values)]
		if !ok {
			return graph.ErrNotFound
		}
		n, err = p.live(k.Type, id, r.instant())
		return err
	})
	return clone(n), err
}

// Commit implements graph.Repository.
func (r *Repository) Commit(ctx context.Context, s graph.Scope, ops ...graph.Op) (graph.Result, error) {
	if err := r.catalog.Ops(s, ops); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, graph.ErrClosed
	}
	p := r.projects[s.Project()]
	if p == nil {
		p = newProject()
		r.projects[s.Project()] = p
	}
	tx := &commit{project: p, name: s.Project(), catalog: r.catalog, now: r.instant()}
	result := make(graph.Result, len(ops))
	for i, op := range ops {
		outcome, err := tx.apply(op)
		if err != nil {
			tx.rollback()
			err.Index = i
			return nil, err
		}
		result[i] = outcome
	}
	r.watchers.Tell(tx.changes...)
	return result, nil
}

// Sweep implements graph.Repository.
func (r *Repository) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, graph.ErrInvalidArgument
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, graph.ErrClosed
	}
	removed := 0
	for name, p := range r.projects {
		tx := &commit{project: p, name: name, catalog: r.catalog, now: stored(now)}
		removed += tx.sweep(limit - removed)
		r.watchers.Tell(tx.changes...)
	}
	return removed, nil
}

// Watch implements graph.Repository.
func (r *Repository) Watch(ctx context.Context) (<-chan graph.Change, error) {
	return r.watchers.Add(ctx)
}

// Close implements graph.Repository.
func (r *Repository) Close() error {
	r.mu.Lock()
	r.closed = true
	r.projects = nil
	r.mu.Unlock()
	r.watchers.Close()
	return nil
}
