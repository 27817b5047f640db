package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Counters counts within windows of time, for all replicas: attempts, sends,
// requests.
type Counters struct{ repo graph.Repository }

// Count is what a counter says after a call.
type Count struct {
	N       int64
	ResetAt time.Time // when its window ends
}

// Add adds one to each counter, in one commit, and returns what they say now, in
// the same order. A window begins with the first Add after the last one ended.
func (s *Counters) Add(ctx context.Context, scope Scope, window time.Duration, names ...string) ([]Count, error) {
	ops := make([]graph.Op, len(names))
	for i, n := range names {
		ops[i] = graph.Increment{Counter: n, By: 1, Window: window}
	}
	res, err := s.repo.Commit(ctx, scope, ops...)
	if err != nil {
		return nil, err
	}
	counts := make([]Count, len(res))
	for i, o := range res {
		counts[i] = Count{o.Count, o.ResetAt}
	}
	return counts, nil
}

// Clear returns the change that forgets a counter.
func (s *Counters) Clear(name string) Change { return Change{op: graph.Clear{Counter: name}} }
