package storage

import (
	"context"
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Lease is the right of one process to do a job that all replicas could do:
// rotating keys, sealing the audit log, removing a project.
type Lease struct {
	Name string `json:"-"`
	Meta `json:"-"`

	Holder string    `json:"holder"` // of this one taking of it: nobody else has this word
	Until  time.Time `json:"until"`
}

func (l *Lease) keys() (string, []graph.Value, time.Time) { return l.Name, nil, time.Time{} }
func (l *Lease) restore(n graph.Node)                     { l.Name, l.Meta = n.ID, meta(n) }

// Leases keeps who does which job, for all projects and replicas. Times are the
// caller's: the clocks of replicas must differ by less than a lease lasts, and
// every job stays right when two do it at once. A lease saves work; it guards
// nothing.
type Leases struct{ repo graph.Repository }

// Take takes the lease of this name until now plus ttl. ErrConflict when
// somebody holds it, or was faster.
func (s *Leases) Take(ctx context.Context, name string, now time.Time, ttl time.Duration) (*Lease, error) {
	next := &Lease{Name: name, Holder: NewID(), Until: now.Add(ttl)}
	held, err := get[Lease](ctx, s.repo, controlScope, typeLease, name)
	var c Change
	switch {
	case errors.Is(err, ErrNotFound):
		c = create(typeLease, next)
	case err != nil:
		return nil, err
	case held.Until.After(now):
		return nil, ErrConflict
	default:
		c = update(typeLease, next, held.Version)
	}
	res, err := commit(ctx, s.repo, controlScope, []Change{c})
	if errors.Is(err, ErrAlreadyExists) {
		return nil, ErrConflict
	}
	if err != nil {
		return nil, err
	}
	next.Meta = meta(res[0].Node)
	return next, nil
}

// Renew keeps a lease until now plus ttl. ErrConflict when it ended and was
// taken by somebody else.
func (s *Leases) Renew(ctx context.Context, l *Lease, now time.Time, ttl time.Duration) error {
	next := *l
	next.Until = now.Add(ttl)
	return s.store(ctx, l, next)
}

// Release gives a lease back before its time. Having lost it is no error.
func (s *Leases) Release(ctx context.Context, l *Lease) error {
	next := *l
	next.Until = time.Time{}
	if err := s.store(ctx, l, next); !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

func (s *Leases) store(ctx context.Context, l *Lease, next Lease) error {
	res, err := commit(ctx, s.repo, controlScope, []Change{update(typeLease, &next, l.Version)})
	if err == nil {
		next.Meta = meta(res[0].Node)
		*l = next
	}
	return err
}
