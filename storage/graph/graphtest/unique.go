package graphtest

import (
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func uniqueTests() map[string]func(*fixture) {
	s, b := graph.String, func(x string) graph.Value { return graph.Binary([]byte(x)) }
	null := graph.Value{}
	pair := func(id, realm, label string) graph.Node {
		return thing(id, null, null, null, graph.StringOrNull(realm), graph.StringOrNull(label))
	}
	return map[string]func(*fixture){
		"id": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			f.taken("id", 0, graph.Create{Node: thing("a")})
			f.taken("id", 1, graph.Create{Node: plain("a")}, graph.Create{Node: thing("a")})
			f.gone(Plain, "a")
			f.commit(graph.Create{Node: plain("a")}) // another type
		},
		"id-before-keys": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", s("x"))})
			f.taken("id", 0, graph.Create{Node: thing("a", s("x"))})
		},
		"single": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", s("x"), b("x"))})
			f.taken("slug", 0, graph.Create{Node: thing("b", s("x"), b("y"))})
			f.taken("code", 0, graph.Create{Node: thing("b", s("y"), b("x"))})
			f.taken("slug", 0, graph.Create{Node: thing("b", s("x"), b("x"))}) // the first declared one
			f.taken("slug", 1, creates(thing("b", s("z")), thing("c", s("z")))...)
			f.gone(Thing, "b")
			f.commit(creates(thing("b", s("y"), b("z")), thing("c", s("X")))...)
		},
		"composite": func(f *fixture) {
			f.commit(creates(pair("a", "r", "l"), pair("b", "r", "m"), pair("c", "q", "l"))...)
			f.taken("pair", 0, graph.Create{Node: pair("d", "r", "l")})
			f.commit(graph.Create{Node: pair("d", "rl", "")}, graph.Create{Node: pair("e", "", "rl")})
			n, err := f.lookup(Thing, "pair", s("q"), s("l"))
			if err != nil || n.ID != "c" {
				f.Errorf("Lookup = %q, %v; want c", n.ID, err)
			}
			if _, err := f.lookup(Thing, "pair", s("q"), s("m")); !errors.Is(err, graph.ErrNotFound) {
				f.Errorf("Lookup of a pair that nobody has: %v", err)
			}
		},
		"composite-is-not-concatenated": func(f *fixture) {
			f.commit(creates(pair("a", "ab", "c"), pair("b", "a", "bc"))...)
		},
		"null-holds-nothing": func(f *fixture) {
			f.commit(creates(thing("a"), thing("b"), pair("c", "r", ""), pair("d", "r", ""), pair("e", "", "l"), pair("f", "", "l"))...)
			f.lists(graph.Query{Type: Thing, Index: "slug", Equal: []graph.Value{null}}, "a", "b", "c", "d", "e", "f")
		},
		"empty-is-a-value": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", s(""), b(""))})
			f.taken("slug", 0, graph.Create{Node: thing("b", s(""))})
			f.taken("code", 0, graph.Create{Node: thing("b", null, b(""))})
		},
		"update": func(f *fixture) {
			f.commit(creates(thing("a", s("x")), thing("b", s("y")))...)
			f.taken("slug", 0, graph.Update{Node: versioned(thing("b", s("x")), 1)})
			f.same("unchanged", f.get(Thing, "b").Version, int64(1))
			f.fail(graph.ErrConflict, 0, graph.Update{Node: versioned(thing("b", s("x")), 9)}) // a stale version is told first
			f.fail(graph.ErrNotFound, 0, graph.Update{Node: versioned(thing("c", s("x")), 1)})
			f.commit(graph.Update{Node: versioned(thing("b", s("y")), 1)}) // its own key
			f.commit(graph.Update{Node: versioned(thing("a", s("z")), 1)}) // frees x
			f.commit(graph.Update{Node: versioned(thing("b", s("x")), 2)})
			f.found("x", "b")
			f.found("z", "a")
			f.found("y", "")
		},
		"reuse-after-delete": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", s("x"))})
			f.commit(graph.Delete{Type: Thing, ID: "a"})
			f.found("x", "")
			f.commit(graph.Create{Node: thing("b", s("x"))})
			f.found("x", "b")
		},
		"reuse-after-null": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", s("x"))})
			f.commit(graph.Update{Node: versioned(thing("a"), 1)}, graph.Create{Node: thing("b", s("x"))})
			f.found("x", "b")
		},
		"reuse-after-expiry": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(thing("a", s("x"), b("k")), f.now().Add(time.Minute))}, graph.Create{Node: thing("c")})
			f.clock.Advance(time.Minute)
			f.found("x", "")
			f.commit(graph.Create{Node: thing("b", s("x"))})
			f.found("x", "b")
			f.commit(graph.Update{Node: versioned(thing("c", s("y"), b("k")), 1)})
			f.gone(Thing, "a")
		},
		"reuse-by-update-after-expiry": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(thing("a", s("x")), f.now().Add(time.Minute))}, graph.Create{Node: thing("b", s("y"))})
			f.clock.Advance(time.Minute)
			f.commit(graph.Update{Node: versioned(thing("b", s("x")), 1)})
			f.found("x", "b")
		},
		"id-again-after-expiry": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(thing("a", s("x")), f.now().Add(time.Minute))})
			f.clock.Advance(time.Minute)
			f.commit(graph.Create{Node: thing("a", s("y"))})
			f.found("x", "")
			f.same("version", f.get(Thing, "a").Version, int64(1))
		},
		"dead-holder-survives-a-failed-commit": func(f *fixture) {
			f.commit(graph.Create{Node: expiring(thing("a", s("x")), f.now().Add(time.Minute))})
			f.clock.Advance(time.Minute)
			f.fail(graph.ErrNotFound, 1, graph.Create{Node: thing("b", s("x"))}, graph.Check{Type: Plain, ID: "none"})
			f.found("x", "")
			if n, err := f.repo.Sweep(f.Context(), f.now(), 10); n != 1 || err != nil {
				f.Errorf("Sweep = %d, %v; want the dead holder", n, err)
			}
		},
		"per-type": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", null, b("k"))}, graph.Create{Node: ticket("a", "k", "x")})
		},
	}
}

// taken wants ErrAlreadyExists with the name of the key.
func (f *fixture) taken(key string, index int, ops ...graph.Op) {
	f.Helper()
	if err := f.fail(graph.ErrAlreadyExists, index, ops...); err.Key != key {
		f.Errorf("the key that clashed is %q, want %q", err.Key, key)
	}
}

// found wants the holder of a slug, "" for nobody.
func (f *fixture) found(slug, want string) {
	f.Helper()
	n, err := f.lookup(Thing, "slug", graph.String(slug))
	if want == "" && errors.Is(err, graph.ErrNotFound) {
		return
	}
	if err != nil || n.ID != want {
		f.Errorf("the holder of %q is %q, %v; want %q", slug, n.ID, err, want)
	}
}
