package graphtest

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage/graph"
)

func cursorTests() map[string]func(*fixture) {
	rank := graph.Query{Type: Thing, Index: "rank", Limit: 2}
	five := func(f *fixture) {
		f.commit(creates(ranked("a", "x", 10), ranked("b", "x", 20), ranked("c", "x", 30), ranked("d", "x", 40), ranked("e", "x", 50))...)
	}
	return map[string]func(*fixture){
		"inserts-between": func(f *fixture) {
			five(f)
			q := rank
			p := f.list(q) // a b
			f.commit(creates(ranked("before", "x", 15), ranked("at", "x", 20), ranked("c2", "x", 20), ranked("after", "x", 25))...)
			q.After, q.Limit = p.Next, 10
			f.lists(q, "c2", "after", "c", "d", "e")
		},
		"last-node-is-deleted": func(f *fixture) {
			five(f)
			q := rank
			p := f.list(q)
			f.commit(graph.Delete{Type: Thing, ID: "b"}, graph.Delete{Type: Thing, ID: "c"})
			q.After = p.Next
			f.lists(q, "d", "e")
		},
		"all-are-deleted": func(f *fixture) {
			five(f)
			q := rank
			q.After = f.list(q).Next
			f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("x")}})
			f.lists(q)
		},
		"backwards-inserts": func(f *fixture) {
			five(f)
			q := rank
			q.Reverse = true
			p := f.list(q) // e d
			f.commit(creates(ranked("new", "x", 60), ranked("c3", "x", 35), thing("null"))...)
			q.After, q.Limit = p.Next, 10
			f.lists(q, "c3", "c", "b", "a", "null")
		},
		"nulls-then-values": func(f *fixture) {
			f.commit(creates(thing("a"), thing("b"), thing("c"), ranked("d", "x", -5), ranked("e", "x", 5))...)
			q := rank
			p := f.list(q) // a b
			f.commit(graph.Delete{Type: Thing, ID: "c"}, graph.Create{Node: thing("b2")})
			q.After, q.Limit = p.Next, 10
			f.lists(q, "b2", "d", "e")
		},
		"exact-end-has-no-next": func(f *fixture) {
			f.commit(creates(ranked("a", "x", 1), ranked("b", "x", 2))...)
			if p := f.list(rank); p.Next != "" {
				f.Errorf("a full last page has a next one: %q", p.Next)
			}
		},
		"limit-may-change": func(f *fixture) {
			five(f)
			q := rank
			q.After = f.list(q).Next
			q.Limit = 1
			f.lists(q, "c")
		},
		"tampered": func(f *fixture) {
			five(f)
			next := f.list(rank).Next
			raw, err := base64.RawURLEncoding.DecodeString(next)
			if err != nil {
				f.Fatalf("a cursor goes into URLs: %v", err)
			}
			bad := []string{"x", "0", "!", " ", next + "A", next[1:], next[:len(next)-1], next + "=", strings.Repeat("A", 10_000), "\x00"}
			for i := range raw {
				flipped := slices.Clone(raw)
				flipped[i] ^= 1
				bad = append(bad, base64.RawURLEncoding.EncodeToString(flipped))
			}
			for _, after := range bad {
				f.refuses(f.scope, rank, after)
			}
		},
		"foreign": func(f *fixture) {
			five(f)
			f.commit(creates(plain("a"), plain("b"), plain("c"))...)
			next := f.list(rank).Next
			for _, q := range []graph.Query{
				{Type: Thing},
				{Type: Thing, Index: "slug"},
				{Type: Thing, Index: "rank", Reverse: true},
				{Type: Thing, Index: "rank", Equal: []graph.Value{graph.Int64(1)}},
				{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("x")}},
				{Type: Thing, Edge: Knows, From: "a"},
				{Type: Plain},
			} {
				f.refuses(f.scope, q, next)
			}
			f.refuses(graph.In("beta"), rank, next)
			realm := graph.Query{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("x")}, Limit: 1}
			next = f.list(realm).Next
			realm.Equal = []graph.Value{graph.String("y")}
			f.refuses(f.scope, realm, next)
			plains := graph.Query{Type: Plain, Limit: 1}
			f.refuses(f.scope, graph.Query{Type: Thing}, f.list(plains).Next)
		},
	}
}

func (f *fixture) refuses(s graph.Scope, q graph.Query, after string) {
	f.Helper()
	q.After = after
	if p, err := f.repo.List(f.Context(), s, q); !errors.Is(err, graph.ErrInvalidArgument) {
		f.Errorf("List(%+v) = %v, %v; want ErrInvalidArgument", q, ids(p), err)
	}
}
