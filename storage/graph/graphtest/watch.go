package graphtest

import (
	"context"
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// patience is how long a test waits for what has to come. It is only ever used
// up by a driver that fails.
const patience = 10 * time.Second

// awaits reads changes until this one comes; All is none of them unless it is
// what is awaited. Drivers may tell All at any time.
func (f *fixture) awaits(changes <-chan graph.Change, want graph.Change) {
	f.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case c, open := <-changes:
			switch {
			case !open:
				f.Fatalf("the watch ended, want %+v", want)
			case c == want:
				return
			case !c.All:
				f.Errorf("change %+v, want %+v", c, want)
				return
			}
		case <-timeout.C:
			f.Fatalf("no change came, want %+v", want)
		}
	}
}

func (f *fixture) ends(changes <-chan graph.Change) {
	f.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case _, open := <-changes:
			if !open {
				return
			}
		case <-timeout.C:
			f.Fatal("the watch did not end")
		}
	}
}

func watchTests() map[string]func(*fixture) {
	change := func(id string) graph.Change { return graph.Change{Project: "alpha", Type: Thing, ID: id} }
	watch := func(f *fixture) <-chan graph.Change {
		f.Helper()
		changes, err := f.repo.Watch(f.Context())
		if err != nil {
			f.Fatal(err)
		}
		return changes
	}
	return map[string]func(*fixture){
		"own-changes": func(f *fixture) {
			changes := watch(f)
			f.commit(graph.Create{Node: thing("a")})
			f.awaits(changes, change("a"))
			f.commit(graph.Update{Node: versioned(thing("a"), 1)})
			f.awaits(changes, change("a"))
			f.commit(graph.Delete{Type: Thing, ID: "a"})
			f.awaits(changes, change("a"))
			f.commit(graph.Create{Node: ranked("b", "x", 1)}, graph.Create{Node: ranked("c", "x", 1)})
			f.awaits(changes, change("b"))
			f.awaits(changes, change("c"))
			f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("x"), graph.Int64(1)}}, graph.Create{Node: expiring(thing("d"), f.now().Add(time.Minute))})
			got := map[string]bool{}
			for range 2 {
				c := <-changes
				got[c.ID] = true
			}
			f.same("deleted", got, map[string]bool{"b": true, "c": true})
			f.awaits(changes, change("d"))
			if _, err := f.repo.Sweep(f.Context(), f.now().Add(time.Hour), 10); err != nil {
				f.Fatal(err)
			}
			f.awaits(changes, change("d"))
		},
		"watched-types-only": func(f *fixture) {
			changes := watch(f)
			f.commit(graph.Create{Node: plain("p")}, graph.Create{Node: ticket("t", "h", "x")}, graph.Take{Type: Ticket, ID: "t"},
				graph.Increment{Counter: "c", By: 1, Window: time.Hour}, graph.Create{Node: thing("a")})
			f.awaits(changes, change("a"))
		},
		"failed-commits-change-nothing": func(f *fixture) {
			changes := watch(f)
			f.fail(graph.ErrNotFound, 1, graph.Create{Node: thing("a")}, graph.Check{Type: Plain, ID: "none"})
			f.commit(graph.Create{Node: thing("b")})
			f.awaits(changes, change("b"))
		},
		"other-projects": func(f *fixture) {
			changes := watch(f)
			f.in("beta", func(f *fixture) { f.commit(graph.Create{Node: thing("a")}) })
			f.awaits(changes, graph.Change{Project: "beta", Type: Thing, ID: "a"})
		},
		"two-watchers": func(f *fixture) {
			one, two := watch(f), watch(f)
			f.commit(graph.Create{Node: thing("a")})
			f.awaits(two, change("a"))
			f.awaits(one, change("a"))
		},
		"ends-with-its-context": func(f *fixture) {
			ctx, cancel := context.WithCancel(f.Context())
			changes, err := f.repo.Watch(ctx)
			if err != nil {
				f.Fatal(err)
			}
			f.commit(graph.Create{Node: thing("a")})
			f.awaits(changes, change("a"))
			cancel()
			f.ends(changes)
			f.commit(graph.Create{Node: thing("b")})
			if _, err := f.repo.Watch(ctx); !errors.Is(err, context.Canceled) {
				f.Errorf("Watch with a cancelled context: %v", err)
			}
		},
		"slow-watcher-is-told-all": func(f *fixture) {
			changes := watch(f)
			for from := range 30 {
				var ops []graph.Op
				for i := range 100 {
					ops = append(ops, graph.Create{Node: thing(number(from*100 + i))})
				}
				f.commit(ops...)
			}
			seen := 0
			timeout := time.NewTimer(patience)
			defer timeout.Stop()
			for {
				select {
				case c := <-changes:
					if c.All {
						return
					}
					if seen++; seen == 3000 {
						return // the driver kept all of them: nothing was missed
					}
				case <-timeout.C:
					f.Fatalf("%d of 3000 changes came, and no Change.All", seen)
				}
			}
		},
		"ends-with-close": func(f *fixture) {
			changes := watch(f)
			f.commit(graph.Create{Node: thing("a")})
			if err := f.repo.Close(); err != nil { // nobody reads: it must not wait for that
				f.Fatal(err)
			}
			f.ends(changes)
		},
	}
}
