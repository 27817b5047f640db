package graphtest

import (
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func heads(from string) graph.Query { return graph.Query{Type: Thing, Edge: Knows, From: from} }
func tails(to string) graph.Query   { return graph.Query{Type: Thing, Edge: Knows, To: to} }

func edgeTests() map[string]func(*fixture) {
	knows := func(from, to string) graph.Op { return graph.Link{Edge: Knows, From: from, To: to} }
	setup := func(f *fixture) {
		f.commit(creates(thing("a"), thing("b"), thing("c"), thing("d"), ticket("t", "1", ""), ticket("b", "2", ""))...)
		f.commit(knows("a", "d"), knows("a", "b"), knows("a", "c"), knows("b", "c"), graph.Link{Edge: Holds, From: "a", To: "t"})
	}
	return map[string]func(*fixture){
		"both-ways": func(f *fixture) {
			setup(f)
			f.lists(heads("a"), "b", "c", "d")
			f.lists(tails("c"), "a", "b")
			f.lists(tails("a"))
			f.lists(heads("none"))
			f.lists(graph.Query{Type: Ticket, Edge: Holds, From: "a"}, "t")
			f.lists(graph.Query{Type: Thing, Edge: Holds, To: "t"}, "a")
			f.lists(graph.Query{Type: Ticket, Edge: Holds, From: "b"})
		},
		"pages": func(f *fixture) {
			setup(f)
			f.pages(heads("a"), 1, "b", "c", "d")
			q := heads("a")
			q.Reverse = true
			f.pages(q, 2, "d", "c", "b")
			f.pages(tails("c"), 1, "a", "b")
		},
		"cursor-after-unlink": func(f *fixture) {
			setup(f)
			q := heads("a")
			q.Limit = 1
			q.After = f.list(q).Next
			f.commit(graph.Unlink{Edge: Knows, From: "a", To: "b"}, graph.Unlink{Edge: Knows, From: "a", To: "c"})
			f.lists(q, "d")
		},
		"twice-is-no-error": func(f *fixture) {
			setup(f)
			f.commit(knows("a", "b"), knows("a", "b"))
			f.lists(heads("a"), "b", "c", "d")
			f.commit(graph.Unlink{Edge: Knows, From: "a", To: "b"})
			f.lists(heads("a"), "c", "d")
			f.fail(graph.ErrNotFound, 0, graph.Unlink{Edge: Knows, From: "a", To: "b"})
		},
		"direction": func(f *fixture) {
			setup(f)
			f.fail(graph.ErrNotFound, 0, graph.Unlink{Edge: Knows, From: "b", To: "a"})
			f.commit(knows("b", "a"), knows("a", "a"))
			f.lists(tails("a"), "a", "b")
		},
		"missing-ends": func(f *fixture) {
			setup(f)
			f.fail(graph.ErrNotFound, 0, knows("a", "none"))
			f.fail(graph.ErrNotFound, 0, knows("none", "a"))
			f.fail(graph.ErrNotFound, 0, graph.Link{Edge: Holds, From: "a", To: "c"}) // a Thing, not a Ticket
			f.fail(graph.ErrNotFound, 1, graph.Delete{Type: Thing, ID: "b"}, knows("a", "b"))
		},
		"deleted-ends": func(f *fixture) {
			setup(f)
			f.commit(graph.Delete{Type: Thing, ID: "b"})
			f.lists(heads("a"), "c", "d")
			f.lists(tails("c"), "a")
			f.commit(graph.Create{Node: thing("b")}) // a new one: nobody knows it
			f.lists(heads("a"), "c", "d")
			f.lists(heads("b"))
			f.commit(graph.Delete{Type: Thing, ID: "a"}, graph.Create{Node: thing("a")})
			f.lists(heads("a"))
			f.lists(graph.Query{Type: Ticket, Edge: Holds, From: "a"})
		},
		"an-id-of-another-type": func(f *fixture) {
			setup(f)
			f.commit(graph.Delete{Type: Ticket, ID: "b"}) // the Thing b keeps its edges
			f.lists(heads("b"), "c")
			f.lists(heads("a"), "b", "c", "d")
		},
		"delete-by": func(f *fixture) {
			setup(f)
			f.commit(graph.Create{Node: ranked("x", "r", 1)}, knows("a", "x"))
			f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("r")}}, graph.Create{Node: thing("x")})
			f.lists(heads("a"), "b", "c", "d")
		},
		"expired-ends": func(f *fixture) {
			setup(f)
			f.commit(graph.Update{Node: expiring(versioned(thing("a"), 1), f.now().Add(time.Minute))}, graph.Update{Node: expiring(versioned(thing("d"), 1), f.now().Add(time.Hour))})
			f.lists(heads("a"), "b", "c", "d")
			f.clock.Advance(time.Minute)
			f.lists(heads("a"))
			f.lists(tails("c"), "b")
			f.fail(graph.ErrNotFound, 0, knows("b", "a"))
			f.fail(graph.ErrNotFound, 0, graph.Unlink{Edge: Knows, From: "a", To: "c"})
			f.commit(graph.Create{Node: thing("a")}) // gives way, with its edges
			f.lists(heads("a"))
			f.lists(tails("c"), "b")
		},
		"swept-ends": func(f *fixture) {
			setup(f)
			f.commit(graph.Update{Node: expiring(versioned(thing("a"), 1), f.now().Add(time.Minute))})
			if n, err := f.repo.Sweep(f.Context(), f.now().Add(time.Minute), 10); n != 1 || err != nil {
				f.Fatalf("Sweep = %d, %v", n, err)
			}
			f.commit(graph.Create{Node: thing("a")})
			f.lists(heads("a"))
			f.lists(tails("c"), "b")
		},
	}
}
