package graphtest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func purgeTests() map[string]func(*fixture) {
	fill := func(f *fixture) {
		f.commit(creates(thing("a", graph.String("x")), thing("b"), expiring(thing("dead"), f.now().Add(time.Minute)), ticket("t", "h", "f"), plain("p"))...)
		f.commit(graph.Link{Edge: Knows, From: "a", To: "b"}, graph.Link{Edge: Holds, From: "a", To: "t"}, graph.Link{Edge: Holds, From: "b", To: "t"},
			graph.Increment{Counter: "n", By: 7, Window: time.Hour}, graph.Increment{Counter: "m", By: 7, Window: time.Minute})
		f.clock.Advance(time.Minute)
	}
	count := func(f *fixture, op graph.Purge) int64 { f.Helper(); return f.commit(op)[0].Count }
	return map[string]func(*fixture){
		"a-type": func(f *fixture) {
			fill(f)
			f.same("things", count(f, graph.Purge{Type: Thing, Limit: 10}), int64(3)) // the dead one too
			f.same("none left", count(f, graph.Purge{Type: Thing, Limit: 10}), int64(0))
			f.lists(graph.Query{Type: Thing})
			f.lists(graph.Query{Type: Ticket}, "t")
			f.lists(graph.Query{Type: Plain}, "p")
			// Keys and edges went with the nodes: new ones of the same name have none.
			f.commit(graph.Create{Node: thing("a", graph.String("x"))}, graph.Create{Node: thing("b")})
			f.lists(heads("a"))
			f.lists(tails("b"))
			f.lists(graph.Query{Type: Ticket, Edge: Holds, From: "a"})
			f.fail(graph.ErrNotFound, 0, graph.Unlink{Edge: Holds, From: "b", To: "t"})
		},
		"heads": func(f *fixture) {
			fill(f)
			f.same("tickets", count(f, graph.Purge{Type: Ticket, Limit: 10}), int64(1))
			f.commit(graph.Create{Node: ticket("t", "h", "f")})
			f.lists(graph.Query{Type: Ticket, Edge: Holds, From: "a"})
			f.lists(heads("a"), "b")
		},
		"counters": func(f *fixture) {
			fill(f)
			f.same("counters", count(f, graph.Purge{Limit: 10}), int64(2)) // one had ended
			f.same("begins anew", f.commit(graph.Increment{Counter: "n", By: 1, Window: time.Hour})[0].Count, int64(1))
			f.lists(graph.Query{Type: Thing}, "a", "b")
		},
		"limit": func(f *fixture) {
			for i := range 5 {
				f.commit(graph.Create{Node: plain(number(i))}, graph.Increment{Counter: number(i), By: 1, Window: time.Hour})
			}
			for _, t := range []graph.TypeID{Plain, 0} {
				var got []int64
				for range 4 {
					got = append(got, count(f, graph.Purge{Type: t, Limit: 2}))
				}
				f.same("counts", got, []int64{2, 2, 1, 0})
			}
		},
		"another-project": func(f *fixture) {
			fill(f)
			f.in("beta", fill)
			before := f.snapshot()
			f.in("beta", func(f *fixture) {
				for _, t := range []graph.TypeID{Thing, Ticket, Plain, 0} {
					f.commit(graph.Purge{Type: t, Limit: graph.MaxLimit})
				}
				f.lists(graph.Query{Type: Plain})
			})
			f.same("alpha", f.snapshot(), before)
			f.lists(heads("a"), "b")
			f.same("counter", f.commit(graph.Increment{Counter: "n", Window: time.Hour})[0].Count, int64(7))
		},
		"another-project-comes-first": func(f *fixture) { // and fills no limit of this one
			f.in("beta", func(f *fixture) {
				f.commit(graph.Create{Node: plain("a")}, graph.Create{Node: plain("b")}, graph.Increment{Counter: "a", By: 1, Window: time.Hour})
			})
			f.commit(graph.Create{Node: plain("p")}, graph.Increment{Counter: "n", By: 1, Window: time.Hour})
			for _, t := range []graph.TypeID{Plain, 0} {
				f.same("count", count(f, graph.Purge{Type: t, Limit: 1}), int64(1))
			}
		},
		"rolled-back": func(f *fixture) {
			fill(f)
			before := f.snapshot()
			f.fail(graph.ErrNotFound, 2, graph.Purge{Type: Thing, Limit: 10}, graph.Purge{Limit: 10}, graph.Check{Type: Thing, ID: "a"})
			f.same("project", f.snapshot(), before)
			f.lists(heads("a"), "b")
		},
		"concurrent": func(f *fixture) {
			for i := range 100 {
				f.commit(graph.Create{Node: plain(number(i))})
			}
			var total atomic.Int64
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() { // who chose what another removes meanwhile gets less, and asks again
					for tries := 0; total.Load() < 100 && tries < 100; tries++ {
						res, err := f.repo.Commit(context.Background(), f.scope, graph.Purge{Type: Plain, Limit: 7})
						if err != nil {
							f.Errorf("Purge: %v", err)
							return
						}
						total.Add(res[0].Count)
					}
				})
			}
			wg.Wait()
			f.same("each is counted once", total.Load(), int64(100))
			f.lists(graph.Query{Type: Plain})
		},
	}
}
