package graphtest

import (
	"errors"
	"math"
	"slices"

	"github.com/elloloop/identity/storage/graph"
)

func listTests() map[string]func(*fixture) {
	s, b, i := graph.String, func(x string) graph.Value { return graph.Binary([]byte(x)) }, graph.Int64
	null := graph.Value{}
	// order creates things with these values of one column and wants this order,
	// forwards and backwards, as one page and as pages of one node.
	order := func(index string, column int, values map[string]graph.Value, want ...string) func(*fixture) {
		return func(f *fixture) {
			for id, v := range values {
				columns := make([]graph.Value, 5)
				columns[column] = v
				f.commit(graph.Create{Node: thing(id, columns...)})
			}
			for range 2 {
				q := graph.Query{Type: Thing, Index: index, Reverse: false}
				f.lists(q, want...)
				f.pages(q, 1, want...)
				back := slices.Clone(want)
				slices.Reverse(back)
				q.Reverse = true
				f.lists(q, back...)
				f.pages(q, 1, back...)
			}
		}
	}
	return map[string]func(*fixture){
		"nothing":       func(f *fixture) { f.lists(graph.Query{Type: Thing}); f.lists(graph.Query{Type: Thing, Index: "rank"}) },
		"order-by-text": order("slug", 0, map[string]graph.Value{"1": s("b"), "2": s("a"), "3": s("é"), "4": s(""), "5": s("B"), "6": null}, "6", "4", "5", "2", "1", "3"),
		"order-by-bytes": order("code", 1, map[string]graph.Value{"1": b("\xff"), "2": b("\x00"), "3": b(""), "4": b("\x00\x01"), "5": null},
			"5", "3", "2", "4", "1"),
		"order-by-int": order("rank", 2, map[string]graph.Value{"1": i(math.MaxInt64), "2": i(math.MinInt64), "3": i(-1), "4": i(0), "5": null, "6": i(10), "7": i(9)},
			"5", "2", "3", "4", "7", "6", "1"),
		"ties-by-id":   order("rank", 2, map[string]graph.Value{"c": i(1), "a": i(1), "b": i(1), "z": i(0), "y": null, "x": null}, "x", "y", "z", "a", "b", "c"),
		"ids-by-bytes": order("", 2, map[string]graph.Value{"b": i(1), "a": null, "B": i(1), "ä": i(1), "10": i(1), "9": i(1)}, "10", "9", "B", "a", "b", "ä"),
		"two-columns":  twoColumns,
		"limit":        limits,
		"equal-everything": func(f *fixture) {
			f.commit(creates(ranked("a", "x", 1), ranked("c", "x", 1), ranked("b", "x", 1), ranked("d", "x", 2))...)
			q := graph.Query{Type: Thing, Index: "realm_rank", Equal: []graph.Value{s("x"), i(1)}}
			f.lists(q, "a", "b", "c")
			f.pages(q, 2, "a", "b", "c")
			q.Reverse = true
			f.pages(q, 2, "c", "b", "a")
		},
		"node-is-whole": func(f *fixture) {
			n := f.commit(graph.Create{Node: ranked("a", "x", 1)})[0].Node
			f.same("node", f.list(graph.Query{Type: Thing, Index: "rank"}).Nodes, []graph.Node{n})
		},
	}
}

func twoColumns(f *fixture) {
	null := graph.Value{}
	f.commit(creates(ranked("a", "x", 3), ranked("b", "x", 1), ranked("c", "y", 2), ranked("d", "x", 2),
		thing("e"), thing("f", null, null, graph.Int64(1)), thing("g", null, null, null, graph.String("x")))...)
	all := []string{"e", "f", "g", "b", "d", "a", "c"}
	q := graph.Query{Type: Thing, Index: "realm_rank"}
	f.lists(q, all...)
	for size := 1; size < 8; size++ {
		f.pages(q, size, all...)
	}
	x := graph.Query{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("x")}}
	f.pages(x, 2, "g", "b", "d", "a")
	none := graph.Query{Type: Thing, Index: "realm_rank", Equal: []graph.Value{null}}
	f.pages(none, 1, "e", "f")
	slices.Reverse(all)
	q.Reverse, x.Reverse, none.Reverse = true, true, true
	for size := 1; size < 8; size++ {
		f.pages(q, size, all...)
	}
	f.pages(x, 2, "a", "d", "b", "g")
	f.pages(none, 1, "f", "e")
}

// pages reads a list in pages of this size.
func (f *fixture) pages(q graph.Query, size int, want ...string) {
	f.Helper()
	q.Limit = size
	var got []string
	for range len(want) + 2 {
		p := f.list(q)
		if len(p.Nodes) > size || p.Next != "" && len(p.Nodes) != size {
			f.Fatalf("a page of %d has %d nodes, next is %q", size, len(p.Nodes), p.Next)
		}
		got = append(got, ids(p)...)
		if p.Next == "" {
			break
		}
		q.After = p.Next
	}
	if !slices.Equal(got, want) {
		f.Errorf("pages of %d of %+v = %v, want %v", size, q, got, want)
	}
}

func limits(f *fixture) {
	for from := 0; from < graph.MaxLimit+1; from += 143 {
		var ops []graph.Op
		for i := from; i < min(from+143, graph.MaxLimit+1); i++ {
			ops = append(ops, graph.Create{Node: plain(number(i))})
		}
		f.commit(ops...)
	}
	for limit, want := range map[int]int{0: graph.DefaultLimit, 1: 1, 49: 49, graph.MaxLimit: graph.MaxLimit} {
		if p := f.list(graph.Query{Type: Plain, Limit: limit}); len(p.Nodes) != want || p.Next == "" {
			f.Errorf("a limit of %d gives %d nodes, next %q", limit, len(p.Nodes), p.Next)
		}
	}
	first := f.list(graph.Query{Type: Plain, Limit: graph.MaxLimit})
	if p := f.list(graph.Query{Type: Plain, Limit: graph.MaxLimit, After: first.Next}); len(p.Nodes) != 1 || p.Next != "" {
		f.Errorf("the last page has %d nodes, next %q", len(p.Nodes), p.Next)
	}
	for _, limit := range []int{-1, graph.MaxLimit + 1, 1_000_000_000, math.MinInt} {
		if _, err := f.repo.List(f.Context(), f.scope, graph.Query{Type: Plain, Limit: limit}); !errors.Is(err, graph.ErrInvalidArgument) {
			f.Errorf("a limit of %d: %v, want ErrInvalidArgument", limit, err)
		}
	}
}
