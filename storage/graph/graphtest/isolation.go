package graphtest

import (
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// in runs f with the scope of another project.
func (f *fixture) in(project string, run func(*fixture)) {
	f.Helper()
	other := *f
	other.scope = graph.In(project)
	run(&other)
}

func isolationTests() map[string]func(*fixture) {
	fill := func(f *fixture) {
		f.commit(creates(thing("a", graph.String("x"), graph.Binary([]byte("k")), graph.Int64(1), graph.String("r"), graph.String("l")),
			thing("b"), ticket("t", "h", "f"), plain("p"))...)
		f.commit(graph.Link{Edge: Knows, From: "a", To: "b"}, graph.Link{Edge: Holds, From: "a", To: "t"},
			graph.Increment{Counter: "n", By: 7, Window: time.Hour})
	}
	tests := map[string]func(*fixture){
		"same-ids-and-keys-in-two-projects": func(f *fixture) {
			fill(f)
			before := f.snapshot()
			f.in("beta", fill)
			f.same("alpha", f.snapshot(), before)
			f.in("beta", func(f *fixture) {
				f.commit(graph.Update{Node: versioned(thing("a", graph.String("x")), 1)}, graph.Take{Type: Ticket, ID: "t"}, graph.Unlink{Edge: Knows, From: "a", To: "b"},
					graph.Delete{Type: Plain, ID: "p"}, graph.Increment{Counter: "n", By: 1, Window: time.Hour}, graph.Clear{Counter: "m"})
				f.commit(graph.DeleteBy{Type: Thing, Index: "slug", Equal: []graph.Value{graph.String("x")}})
			})
			f.same("alpha", f.snapshot(), before)
			f.commit(graph.Take{Type: Ticket, ID: "t"})
		},
		"reads": func(f *fixture) {
			fill(f)
			f.in("beta", func(f *fixture) {
				for t, id := range map[graph.TypeID]string{Thing: "a", Ticket: "t", Plain: "p"} {
					f.gone(t, id)
					f.lists(graph.Query{Type: t})
				}
				for name, values := range map[string][]graph.Value{"slug": {graph.String("x")}, "code": {graph.Binary([]byte("k"))}, "pair": {graph.String("r"), graph.String("l")}} {
					if _, err := f.lookup(Thing, name, values...); !errors.Is(err, graph.ErrNotFound) {
						f.Errorf("Lookup by %s from another project: %v", name, err)
					}
				}
				f.lists(graph.Query{Type: Thing, Index: "rank", Equal: []graph.Value{graph.Int64(1)}})
				f.lists(graph.Query{Type: Thing, Index: "realm_rank"})
				f.lists(heads("a"))
				f.lists(tails("b"))
			})
		},
		"edges-need-both-ends-in-the-project": func(f *fixture) {
			fill(f)
			f.in("beta", func(f *fixture) {
				f.commit(graph.Create{Node: thing("c")})
				f.fail(graph.ErrNotFound, 0, graph.Link{Edge: Knows, From: "a", To: "c"})
				f.fail(graph.ErrNotFound, 0, graph.Link{Edge: Knows, From: "c", To: "a"})
				f.commit(creates(thing("a"), thing("b"))...)
				f.lists(heads("a"))
				f.commit(graph.Delete{Type: Thing, ID: "a"}, graph.Delete{Type: Thing, ID: "b"})
			})
			f.lists(heads("a"), "b")
		},
		"counters": func(f *fixture) {
			fill(f)
			f.in("beta", func(f *fixture) {
				f.same("count", f.commit(graph.Increment{Counter: "n", By: 1, Window: time.Hour})[0].Count, int64(1))
				f.commit(graph.Clear{Counter: "n"})
			})
			f.same("count", f.commit(graph.Increment{Counter: "n", Window: time.Hour})[0].Count, int64(7))
		},
		"cursors-with-the-same-keys": func(f *fixture) {
			for _, project := range []string{"alpha", "beta"} {
				f.in(project, func(f *fixture) { f.commit(creates(plain(project), plain("same"), plain("zz"))...) })
			}
			f.pages(graph.Query{Type: Plain}, 1, "alpha", "same", "zz")
			f.in("beta", func(f *fixture) { f.pages(graph.Query{Type: Plain}, 1, "beta", "same", "zz") })
		},
		"dead-holders-of-another-project-stay": func(f *fixture) {
			at := f.now().Add(time.Minute)
			for _, project := range []string{"alpha", "beta"} {
				f.in(project, func(f *fixture) { f.commit(graph.Create{Node: expiring(thing("a", graph.String("x")), at)}) })
			}
			f.clock.Advance(time.Hour)
			f.commit(graph.Create{Node: thing("b", graph.String("x"))})
			if n, err := f.repo.Sweep(f.Context(), f.now(), 10); n != 1 || err != nil {
				f.Errorf("Sweep = %d, %v; want the dead node of beta", n, err)
			}
		},
		"live-holders-of-another-project-do-not-matter": func(f *fixture) {
			f.in("beta", func(f *fixture) { f.commit(graph.Create{Node: thing("lives", graph.String("x"))}) })
			f.commit(graph.Create{Node: expiring(thing("a", graph.String("x")), f.now().Add(time.Minute))})
			f.clock.Advance(time.Hour)
			f.commit(graph.Create{Node: thing("b", graph.String("x"))})
		},
		"dead-ids-of-another-project-stay": func(f *fixture) {
			at := f.now().Add(time.Minute)
			for _, project := range []string{"alpha", "beta"} {
				f.in(project, func(f *fixture) { f.commit(graph.Create{Node: expiring(thing("a"), at)}) })
			}
			f.clock.Advance(time.Hour)
			f.commit(graph.Create{Node: thing("a")})
			if n, err := f.repo.Sweep(f.Context(), f.now(), 10); n != 1 || err != nil {
				f.Errorf("Sweep = %d, %v; want the dead node of beta", n, err)
			}
		},
		"edges-of-a-dead-end": func(f *fixture) { // the same nodes live in another project
			fill(f)
			f.in("beta", fill)
			f.commit(graph.Update{Node: expiring(versioned(thing("a"), 1), f.now().Add(time.Minute))})
			f.clock.Advance(time.Minute)
			f.lists(heads("a"))
			f.lists(tails("b"))
			f.in("beta", func(f *fixture) { f.lists(heads("a"), "b"); f.lists(tails("b"), "a") })
		},
		"projects-are-compared-exactly": func(f *fixture) {
			fill(f)
			for _, project := range []string{"Alpha", "alpha ", "alph", "alpha%", "*"} {
				f.in(project, func(f *fixture) { f.gone(Thing, "a"); f.lists(graph.Query{Type: Thing}) })
			}
		},
	}
	for name, op := range map[string]graph.Op{
		"update": graph.Update{Node: versioned(thing("a"), 1)},
		"delete": graph.Delete{Type: Thing, ID: "a"},
		"take":   graph.Take{Type: Ticket, ID: "t"},
		"check":  graph.Check{Type: Thing, ID: "a"},
		"unlink": graph.Unlink{Edge: Knows, From: "a", To: "b"},
	} {
		tests[name] = func(f *fixture) {
			fill(f)
			before := f.snapshot()
			f.in("beta", func(f *fixture) { f.fail(graph.ErrNotFound, 0, op) })
			f.same("alpha", f.snapshot(), before)
		}
	}
	for name, op := range map[string]graph.Op{
		"create":    graph.Create{Node: thing("a", graph.String("x"))},
		"delete-by": graph.DeleteBy{Type: Thing, Index: "slug", Equal: []graph.Value{graph.String("x")}},
		"clear":     graph.Clear{Counter: "n"},
		"increment": graph.Increment{Counter: "n", By: 9, Window: time.Hour},
	} {
		tests[name] = func(f *fixture) {
			fill(f)
			before := f.snapshot()
			f.in("beta", func(f *fixture) {
				if out := f.commit(op); name == "delete-by" && out[0].Count != 0 {
					f.Errorf("%d nodes of another project were deleted", out[0].Count)
				}
			})
			f.same("alpha", f.snapshot(), before)
		}
	}
	return tests
}
