package graphtest

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func refusedTests() map[string]func(*fixture) {
	s := graph.String
	with := func(n graph.Node, change func(*graph.Node)) graph.Node { change(&n); return n }
	tests := map[string]func(*fixture){
		"zero-scope": func(f *fixture) {
			for _, scope := range []graph.Scope{{}, graph.In(""), graph.In("a\x00")} {
				f.invalid(f.calls(f.Context(), scope))
			}
		},
		"get": func(f *fixture) {
			for _, t := range []graph.TypeID{0, -1, 99} {
				_, err := f.repo.Get(f.Context(), f.scope, t, "a")
				f.invalid(map[string]error{"Get": err})
			}
		},
		"lookup": func(f *fixture) {
			for name, k := range map[string]graph.Key{
				"type": {Type: 99, Name: "slug", Values: []graph.Value{s("x")}}, "name": {Type: Thing, Name: "none", Values: []graph.Value{s("x")}},
				"index": {Type: Thing, Name: "rank", Values: []graph.Value{graph.Int64(1)}}, "no-name": {Type: Thing, Values: []graph.Value{s("x")}},
				"few": {Type: Thing, Name: "pair", Values: []graph.Value{s("x")}}, "many": {Type: Thing, Name: "slug", Values: []graph.Value{s("x"), s("y")}},
				"kind": {Type: Thing, Name: "slug", Values: []graph.Value{graph.Int64(1)}}, "null": {Type: Thing, Name: "slug", Values: []graph.Value{{}}},
				"bytes": {Type: Thing, Name: "slug", Values: []graph.Value{graph.Binary([]byte("x"))}},
			} {
				_, err := f.repo.Lookup(f.Context(), f.scope, k)
				f.invalid(map[string]error{name: err})
			}
		},
		"list": func(f *fixture) {
			for name, q := range map[string]graph.Query{
				"type": {Type: 99}, "index": {Type: Thing, Index: "none"}, "unique": {Type: Thing, Index: "pair"}, "values": {Type: Thing, Equal: []graph.Value{s("x")}},
				"many": {Type: Thing, Index: "rank", Equal: []graph.Value{graph.Int64(1), graph.Int64(2)}}, "kind": {Type: Thing, Index: "rank", Equal: []graph.Value{s("1")}},
				"edge": {Type: Thing, Edge: 99, From: "a"}, "no-end": {Type: Thing, Edge: Knows}, "two-ends": {Type: Thing, Edge: Knows, From: "a", To: "b"},
				"end-alone": {Type: Thing, From: "a"}, "head-type": {Type: Thing, Edge: Holds, From: "a"}, "tail-type": {Type: Ticket, Edge: Holds, To: "a"},
				"edge-and-index": {Type: Thing, Edge: Knows, From: "a", Index: "rank"},
				"prefix-alone":   {Type: Thing, Prefix: "x"}, "prefix-of-edge": {Type: Thing, Edge: Knows, From: "a", Prefix: "x"},
				"prefix-of-int": {Type: Thing, Index: "rank", Prefix: "1"}, "prefix-of-bytes": {Type: Thing, Index: "code", Prefix: "x"},
				"prefix-of-all-equal": {Type: Thing, Index: "slug", Equal: []graph.Value{s("x")}, Prefix: "x"},
				"prefix-after-equal":  {Type: Thing, Index: "realm_rank", Equal: []graph.Value{s("x")}, Prefix: "1"},
				"prefix-cut":          {Type: Thing, Index: "slug", Prefix: "\xc3"}, "prefix-nul": {Type: Thing, Index: "slug", Prefix: "a\x00"},
			} {
				_, err := f.repo.List(f.Context(), f.scope, q)
				f.invalid(map[string]error{name: err})
			}
		},
		"commit": func(f *fixture) {
			f.commit(creates(thing("a"), ticket("t", "h", "x"), plain("p"))...)
			before := f.snapshot()
			for name, op := range map[string]graph.Op{
				"purge-type": graph.Purge{Type: 99, Limit: 1}, "purge-all": graph.Purge{Type: Thing}, "purge-many": graph.Purge{Limit: graph.MaxLimit + 1},
				"nil": nil, "pointer": &graph.Clear{Counter: "c"},
				"create-type": graph.Create{Node: graph.Node{Type: 99, ID: "a"}}, "create-no-id": graph.Create{Node: plain("")},
				"few-columns":  graph.Create{Node: graph.Node{Type: Thing, ID: "b", Columns: []graph.Value{s("x")}}},
				"many-columns": graph.Create{Node: graph.Node{Type: Plain, ID: "b", Columns: []graph.Value{s("x")}}},
				"column-kind":  graph.Create{Node: thing("b", graph.Int64(1))}, "column-kind-2": graph.Create{Node: thing("b", graph.Value{}, s("x"))},
				"expires":     graph.Create{Node: expiring(plain("b"), f.now().Add(time.Hour))},
				"update-type": graph.Update{Node: graph.Node{Type: 99, ID: "a", Version: 1}}, "update-columns": graph.Update{Node: with(versioned(thing("a"), 1), func(n *graph.Node) { n.Columns = nil })},
				"update-expires": graph.Update{Node: expiring(versioned(plain("p"), 1), f.now().Add(time.Hour))},
				"delete-type":    graph.Delete{Type: 99, ID: "a"}, "check-type": graph.Check{Type: 99, ID: "a"}, "take-type": graph.Take{Type: 99, ID: "a"},
				"take-not-one-time": graph.Take{Type: Thing, ID: "a"},
				"delete-by-type":    graph.DeleteBy{Type: 99, Index: "rank", Equal: []graph.Value{graph.Int64(1)}},
				"delete-by-index":   graph.DeleteBy{Type: Thing, Index: "none", Equal: []graph.Value{graph.Int64(1)}},
				"delete-by-all":     graph.DeleteBy{Type: Thing, Index: "rank"}, "delete-by-type-only": graph.DeleteBy{Type: Thing},
				"delete-by-kind": graph.DeleteBy{Type: Thing, Index: "rank", Equal: []graph.Value{s("1")}},
				"link-edge":      graph.Link{Edge: 99, From: "a", To: "a"}, "unlink-edge": graph.Unlink{Edge: 99, From: "a", To: "a"},
				"no-counter": graph.Increment{By: 1, Window: time.Hour}, "no-window": graph.Increment{Counter: "c", By: 1},
				"window-back": graph.Increment{Counter: "c", By: 1, Window: -time.Hour}, "by-min": graph.Increment{Counter: "c", By: math.MinInt64, Window: time.Hour},
				"by-max": graph.Increment{Counter: "c", By: math.MaxInt64, Window: time.Hour},
			} {
				f.Run(name, func(t *testing.T) {
					g := *f
					g.T = t
					err := g.fail(graph.ErrInvalidArgument, 1, graph.Create{Node: plain("first")}, op)
					if strings.Contains(err.Error(), "\x00") {
						g.Errorf("the error repeats the argument: %v", err)
					}
				})
			}
			f.same("what is stored", f.snapshot(), before)
		},
		"errors-show-no-values": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", s("sesame"), graph.Binary([]byte("sesame")))})
			_, one := f.repo.Commit(f.Context(), f.scope, graph.Create{Node: thing("b", s("sesame"))})
			_, two := f.lookup(Thing, "slug", s("sesame!"))
			_, three := f.lookup(Thing, "pair", s("sesame"))
			_, four := f.repo.Commit(f.Context(), f.scope, graph.Create{Node: graph.Node{Type: Plain, ID: "b", Columns: []graph.Value{s("sesame")}, Data: []byte("sesame")}})
			for _, err := range []error{one, two, three, four} {
				if err == nil || strings.Contains(err.Error(), "sesame") {
					f.Errorf("error %v", err)
				}
			}
		},
	}
	return tests
}

// calls makes every call of the contract once.
func (f *fixture) calls(ctx context.Context, s graph.Scope) map[string]error {
	errs := map[string]error{}
	_, errs["Get"] = f.repo.Get(ctx, s, Thing, "a")
	_, errs["Lookup"] = f.repo.Lookup(ctx, s, graph.Key{Type: Thing, Name: "slug", Values: []graph.Value{graph.String("x")}})
	_, errs["List"] = f.repo.List(ctx, s, graph.Query{Type: Thing})
	_, errs["Commit of nothing"] = f.repo.Commit(ctx, s)
	for name, op := range map[string]graph.Op{
		"Create": graph.Create{Node: thing("a")}, "Update": graph.Update{Node: versioned(thing("a"), 1)}, "Delete": graph.Delete{Type: Thing, ID: "a"},
		"DeleteBy": graph.DeleteBy{Type: Thing, Index: "rank", Equal: []graph.Value{{}}}, "Take": graph.Take{Type: Ticket, ID: "a"},
		"Check": graph.Check{Type: Thing, ID: "a"}, "Link": graph.Link{Edge: Knows, From: "a", To: "a"}, "Unlink": graph.Unlink{Edge: Knows, From: "a", To: "a"},
		"Increment": graph.Increment{Counter: "c", By: 1, Window: time.Hour}, "Clear": graph.Clear{Counter: "c"},
	} {
		_, errs[name] = f.repo.Commit(ctx, s, op)
	}
	return errs
}

func (f *fixture) invalid(errs map[string]error) {
	f.Helper()
	for name, err := range errs {
		if !errors.Is(err, graph.ErrInvalidArgument) {
			f.Errorf("%s: %v, want ErrInvalidArgument", name, err)
		}
	}
}
