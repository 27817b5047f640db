package graphtest

import (
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func expiryTests() map[string]func(*fixture) {
	// dead has a Thing and a Ticket that have just expired, beside living ones.
	dead := func(f *fixture) {
		at := f.now().Add(time.Minute)
		f.commit(creates(expiring(thing("a", graph.String("x"), graph.Value{}, graph.Int64(1), graph.String("r")), at),
			expiring(ranked("b", "r", 2), at.Add(time.Microsecond)), ranked("c", "r", 3), expiring(ticket("t", "h", "f"), at))...)
		f.commit(graph.Link{Edge: Knows, From: "c", To: "a"})
		f.clock.Advance(time.Minute)
	}
	gone := func(op graph.Op) func(*fixture) {
		return func(f *fixture) {
			dead(f)
			f.fail(graph.ErrNotFound, 0, op)
		}
	}
	return map[string]func(*fixture){
		"a-moment-before": func(f *fixture) {
			dead(f)
			f.clock.Advance(-time.Microsecond)
			f.get(Thing, "a")
			f.found("x", "a")
			f.lists(graph.Query{Type: Thing}, "a", "b", "c")
			f.commit(graph.Take{Type: Ticket, ID: "t"})
		},
		"get":    func(f *fixture) { dead(f); f.gone(Thing, "a"); f.get(Thing, "b") },
		"lookup": func(f *fixture) { dead(f); f.found("x", "") },
		"list": func(f *fixture) {
			dead(f)
			f.lists(graph.Query{Type: Thing}, "b", "c")
			f.lists(graph.Query{Type: Thing, Index: "rank"}, "b", "c")
			f.pages(graph.Query{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("r")}}, 1, "b", "c")
			f.lists(heads("c"))
		},
		"update": gone(graph.Update{Node: versioned(thing("a"), 1)}),
		"delete": gone(graph.Delete{Type: Thing, ID: "a"}),
		"take":   gone(graph.Take{Type: Ticket, ID: "t"}),
		"check":  gone(graph.Check{Type: Thing, ID: "a"}),
		"link":   gone(graph.Link{Edge: Knows, From: "a", To: "c"}),
		"consumed-then-expired": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(ticket("t", "h", "f"), f.now().Add(time.Minute))}, graph.Take{Type: Ticket, ID: "t"})
			f.fail(graph.ErrConsumed, 0, graph.Take{Type: Ticket, ID: "t"})
			f.clock.Advance(time.Minute)
			f.fail(graph.ErrNotFound, 0, graph.Take{Type: Ticket, ID: "t"})
		},
		"delete-by-counts-the-living": func(f *fixture) {
			dead(f)
			f.same("count", f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("r")}})[0].Count, int64(2))
		},
		"update-prolongs": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(thing("a"), f.now().Add(time.Minute))})
			f.commit(graph.Update{Node: expiring(versioned(thing("a"), 1), f.now().Add(time.Hour))})
			f.clock.Advance(time.Minute)
			f.commit(graph.Update{Node: versioned(thing("a"), 2)})
			f.clock.Advance(1000 * time.Hour)
			f.same("never", f.get(Thing, "a").ExpiresAt, time.Time{})
		},
		// S6-08: what the clock said when a node was stored does not matter later.
		"S6-08/clock-goes-back": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(thing("a", graph.String("x")), f.now().Add(time.Minute))})
			f.clock.Advance(-time.Hour)
			f.get(Thing, "a")
			f.taken("slug", 0, graph.Create{Node: thing("b", graph.String("x"))})
			f.clock.Advance(time.Hour + time.Minute)
			f.gone(Thing, "a")
		},
	}
}

func sweepTests() map[string]func(*fixture) {
	sweep := func(f *fixture, now time.Time, limit, want int) {
		f.Helper()
		if n, err := f.repo.Sweep(f.Context(), now, limit); n != want || err != nil {
			f.Errorf("Sweep = %d, %v; want %d", n, err, want)
		}
	}
	return map[string]func(*fixture){
		"removes-what-expired": func(f *fixture) {
			at := f.now().Add(time.Minute)
			f.commit(creates(expiring(thing("a"), at), expiring(thing("b"), at.Add(time.Microsecond)), thing("c"), expiring(ticket("t", "h", ""), at))...)
			f.commit(graph.Increment{Counter: "n", By: 1, Window: time.Minute}, graph.Increment{Counter: "m", By: 1, Window: time.Hour})
			sweep(f, at.Add(-time.Microsecond), 100, 0)
			sweep(f, at, 100, 3)
			sweep(f, at, 100, 0)
			f.lists(graph.Query{Type: Thing}, "b", "c")
			f.gone(Ticket, "t")
			f.same("m", f.commit(graph.Increment{Counter: "m", By: 1, Window: time.Hour})[0].Count, int64(2))
		},
		"bounded": func(f *fixture) {
			var ops []graph.Op
			for i := range 30 {
				ops = append(ops, graph.Create{Node: expiring(thing(number(i)), f.now().Add(time.Minute))},
					graph.Increment{Counter: number(i), By: 1, Window: time.Minute})
			}
			f.commit(ops...)
			for range 5 {
				sweep(f, f.now().Add(time.Hour), 11, 11)
			}
			sweep(f, f.now().Add(time.Hour), 11, 5)
			f.lists(graph.Query{Type: Thing})
		},
		"many": func(f *fixture) {
			for from := range 12 {
				var ops []graph.Op
				for i := range 100 {
					ops = append(ops, graph.Create{Node: expiring(ticket(number(from*100+i), number(from*100+i), ""), f.now().Add(time.Minute))})
				}
				f.commit(ops...)
			}
			sweep(f, f.now().Add(time.Hour), 1100, 1100)
			sweep(f, f.now().Add(time.Hour), 1100, 100)
		},
		"every-project": func(f *fixture) {
			for _, project := range []string{"alpha", "beta", "gamma"} {
				if _, err := f.repo.Commit(f.Context(), graph.In(project), graph.Create{Node: expiring(thing("a"), f.now().Add(time.Minute))}); err != nil {
					f.Fatal(err)
				}
			}
			sweep(f, f.now().Add(time.Minute), 2, 2)
			sweep(f, f.now().Add(time.Minute), 2, 1)
		},
		"limit": func(f *fixture) {
			for _, limit := range []int{0, -1} {
				if _, err := f.repo.Sweep(f.Context(), f.now(), limit); !errors.Is(err, graph.ErrInvalidArgument) {
					f.Errorf("Sweep with a limit of %d: %v, want ErrInvalidArgument", limit, err)
				}
			}
		},
	}
}
