package graphtest

import (
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func atomicTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"each-position-fails-in-turn": eachPositionFails,
		"take-with-a-failure-stays-untaken": func(f *fixture) {
			f.commit(graph.Create{Node: ticket("a", "h", "x")})
			f.fail(graph.ErrNotFound, 1, graph.Take{Type: Ticket, ID: "a"}, graph.Delete{Type: Plain, ID: "none"})
			f.same("consumed", f.get(Ticket, "a").ConsumedAt, time.Time{})
			f.fail(graph.ErrConflict, 0, graph.Update{Node: versioned(ticket("a", "h", "x"), 2)}, graph.Take{Type: Ticket, ID: "a"})
			f.commit(graph.Take{Type: Ticket, ID: "a"})
		},
		"first-failure-is-told": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			f.fail(graph.ErrAlreadyExists, 1, graph.Create{Node: plain("p")}, graph.Create{Node: thing("a")}, graph.Delete{Type: Plain, ID: "none"})
		},
		"malformed-is-told-before-anything-is-tried": func(f *fixture) {
			f.fail(graph.ErrInvalidArgument, 1, graph.Delete{Type: Plain, ID: "none"}, graph.Create{Node: graph.Node{Type: 99, ID: "a"}})
		},
		"a-failed-commit-leaves-others-alone": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			f.fail(graph.ErrAlreadyExists, 1, graph.Create{Node: plain("p")}, graph.Create{Node: thing("a")})
			f.commit(graph.Create{Node: plain("p")})
		},
		"key-goes-round": func(f *fixture) { // keys move between nodes inside one commit
			x, y := graph.String("x"), graph.String("y")
			f.commit(creates(thing("a", x), thing("b", y))...)
			f.taken("slug", 0, graph.Update{Node: versioned(thing("a", y), 1)}, graph.Update{Node: versioned(thing("b", x), 1)})
			f.commit(graph.Update{Node: versioned(thing("a"), 1)}, graph.Update{Node: versioned(thing("b", x), 1)}, graph.Update{Node: versioned(thing("a", y), 2)})
			f.found("x", "b")
			f.found("y", "a")
		},
	}
}

// eachPositionFails puts a failing operation at every position of a commit that
// has one of each kind, and finds the repository as it was.
func eachPositionFails(f *fixture) {
	f.commit(creates(thing("a", graph.String("x")), thing("b"), ranked("c", "gone", 1), ranked("d", "gone", 2), ticket("t", "h", "x"), plain("p"))...)
	f.commit(graph.Link{Edge: Knows, From: "a", To: "b"}, graph.Increment{Counter: "n", By: 3, Window: time.Hour}, graph.Increment{Counter: "m", By: 1, Window: time.Hour})
	f.clock.Advance(time.Second)
	ops := []graph.Op{
		graph.Create{Node: thing("new", graph.String("y"))},
		graph.Update{Node: versioned(thing("a", graph.String("z")), 1)},
		graph.Delete{Type: Plain, ID: "p"},
		graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("gone")}},
		graph.Take{Type: Ticket, ID: "t"},
		graph.Check{Type: Thing, ID: "b", Version: 1},
		graph.Link{Edge: Holds, From: "b", To: "t"},
		graph.Unlink{Edge: Knows, From: "a", To: "b"},
		graph.Increment{Counter: "n", By: 4, Window: time.Hour},
		graph.Increment{Counter: "fresh", By: 1, Window: time.Hour},
		graph.Clear{Counter: "m"},
	}
	failures := map[string]struct {
		op   graph.Op
		want error
	}{
		"not-found": {graph.Delete{Type: Plain, ID: "none"}, graph.ErrNotFound},
		"exists":    {graph.Create{Node: thing("b")}, graph.ErrAlreadyExists},
		"conflict":  {graph.Update{Node: versioned(thing("b"), 9)}, graph.ErrConflict},
		"link":      {graph.Link{Edge: Knows, From: "b", To: "none"}, graph.ErrNotFound},
	}
	before := f.snapshot()
	for name, failure := range failures {
		for i := 0; i <= len(ops); i++ {
			with := append(append(append([]graph.Op{}, ops[:i]...), failure.op), ops[i:]...)
			f.fail(failure.want, i, with...)
			f.same(name+": what is stored", f.snapshot(), before)
		}
	}
	f.commit(ops...)
	f.same("counter", f.commit(graph.Increment{Counter: "n", Window: time.Hour})[0].Count, int64(7))
	f.same("fresh counter", f.commit(graph.Increment{Counter: "fresh", Window: time.Hour})[0].Count, int64(1))
	f.same("cleared counter", f.commit(graph.Increment{Counter: "m", Window: time.Hour})[0].Count, int64(0))
}

// snapshot is everything that can be seen of the fixture's project.
func (f *fixture) snapshot() map[string]any {
	f.Helper()
	out := map[string]any{}
	for _, t := range []graph.TypeID{Thing, Ticket, Plain} {
		for _, n := range f.list(graph.Query{Type: t, Limit: graph.MaxLimit}).Nodes {
			out[string(rune('0'+t))+n.ID] = n
		}
	}
	for _, n := range f.list(graph.Query{Type: Thing, Limit: graph.MaxLimit}).Nodes {
		out["knows "+n.ID] = ids(f.list(graph.Query{Type: Thing, Edge: Knows, From: n.ID}))
		out["holds "+n.ID] = ids(f.list(graph.Query{Type: Ticket, Edge: Holds, From: n.ID}))
	}
	for _, name := range []string{"n", "m"} {
		out["counter "+name] = f.commit(graph.Increment{Counter: name, Window: time.Hour})[0].Count
	}
	return out
}
