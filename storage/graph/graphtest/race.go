package graphtest

import (
	"errors"
	"sync"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

const racers = 100

// race runs f in 100 goroutines that begin at the same moment.
func race(f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// outcomes counts what became of racing commits.
type outcomes struct {
	mu   sync.Mutex
	won  int
	lost int
}

func (o *outcomes) add(f *fixture, err, want error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.won++
	case errors.Is(err, want):
		o.lost++
	default:
		f.Errorf("Commit: %v, want nil or %v", err, want)
	}
}

func (o *outcomes) oneWon(f *fixture) {
	f.Helper()
	if o.won != 1 || o.lost != racers-1 {
		f.Errorf("%d won and %d lost, want 1 and %d", o.won, o.lost, racers-1)
	}
}

func raceTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"take": func(f *fixture) {
			f.commit(graph.Create{Node: ticket("t", "h", "x")})
			var o outcomes
			race(func(i int) {
				_, err := f.repo.Commit(f.Context(), f.scope, graph.Create{Node: plain(number(i))}, graph.Take{Type: Ticket, ID: "t"})
				var op *graph.OpError
				if errors.As(err, &op) && (op.Node.ID != "t" || op.Node.ConsumedAt.IsZero()) {
					f.Errorf("the loser is given %+v", op.Node)
				}
				o.add(f, err, graph.ErrConsumed)
			})
			o.oneWon(f)
			if p := f.list(graph.Query{Type: Plain}); len(p.Nodes) != 1 {
				f.Errorf("%d nodes of the losers' commits were kept", len(p.Nodes)-1)
			}
		},
		"create-one-key": func(f *fixture) {
			var o outcomes
			race(func(i int) {
				_, err := f.repo.Commit(f.Context(), f.scope, graph.Create{Node: thing(number(i), graph.String("x"))})
				o.add(f, err, graph.ErrAlreadyExists)
			})
			o.oneWon(f)
		},
		"create-one-key-of-a-dead-node": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(thing("dead", graph.String("x")), f.now().Add(time.Minute))})
			f.clock.Advance(time.Hour)
			var o outcomes
			race(func(i int) {
				_, err := f.repo.Commit(f.Context(), f.scope, graph.Create{Node: thing(number(i), graph.String("x"))})
				o.add(f, err, graph.ErrAlreadyExists)
			})
			o.oneWon(f)
		},
		"create-one-id": func(f *fixture) {
			var o outcomes
			race(func(int) {
				_, err := f.repo.Commit(f.Context(), f.scope, graph.Create{Node: thing("a")})
				o.add(f, err, graph.ErrAlreadyExists)
			})
			o.oneWon(f)
		},
		"update-one-version": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			var o outcomes
			race(func(int) {
				_, err := f.repo.Commit(f.Context(), f.scope, graph.Update{Node: versioned(thing("a"), 1)})
				o.add(f, err, graph.ErrConflict)
			})
			o.oneWon(f)
			f.same("version", f.get(Thing, "a").Version, int64(2))
		},
		"delete": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			var o outcomes
			race(func(int) {
				_, err := f.repo.Commit(f.Context(), f.scope, graph.Delete{Type: Thing, ID: "a"})
				o.add(f, err, graph.ErrNotFound)
			})
			o.oneWon(f)
		},
		"increment": func(f *fixture) {
			var mu sync.Mutex
			seen := map[int64]bool{}
			race(func(int) {
				out, err := f.repo.Commit(f.Context(), f.scope, graph.Increment{Counter: "c", By: 1, Window: time.Hour})
				if err != nil {
					f.Errorf("Commit: %v", err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if seen[out[0].Count] {
					f.Errorf("%d was counted twice", out[0].Count)
				}
				seen[out[0].Count] = true
			})
			f.same("count", f.commit(graph.Increment{Counter: "c", Window: time.Hour})[0].Count, int64(racers))
		},
		"everything-at-once": func(f *fixture) { // reads beside writes: no torn node, no lost one
			race(func(i int) {
				id := number(i)
				if _, err := f.repo.Commit(f.Context(), f.scope, graph.Create{Node: ranked(id, "x", int64(i))}); err != nil {
					f.Errorf("Commit: %v", err)
				}
				if n, err := f.repo.Get(f.Context(), f.scope, Thing, id); err != nil || n.Columns[2].Int() != int64(i) {
					f.Errorf("Get of what was committed: %+v, %v", n, err)
				}
				if _, err := f.repo.List(f.Context(), f.scope, graph.Query{Type: Thing, Index: "rank"}); err != nil {
					f.Errorf("List: %v", err)
				}
			})
			if p := f.list(graph.Query{Type: Thing, Limit: 1000}); len(p.Nodes) != racers {
				f.Errorf("%d of %d nodes are there", len(p.Nodes), racers)
			}
		},
	}
}
