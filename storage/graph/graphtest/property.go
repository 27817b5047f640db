package graphtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/elloloop/identity/storage/graph"
)

func propertyTests() map[string]func(*fixture) {
	return map[string]func(*fixture){"driver-is-the-model": func(f *fixture) {
		run := 0
		rapid.Check(f.T, func(t *rapid.T) {
			run++
			g := *f
			g.scope = graph.In(fmt.Sprintf("run-%d", run)) // projects are apart, so each run begins empty
			m := &model{nodes: map[string]graph.Node{}, counters: map[string]graph.Outcome{}}
			t.Repeat(map[string]func(*rapid.T){
				"commit": func(t *rapid.T) { g.compareCommit(t, m, rapid.SliceOfN(rapid.Custom(anOp), 1, 4).Draw(t, "ops")) },
				"clock": func(t *rapid.T) {
					g.clock.Advance(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
				},
				"list": func(t *rapid.T) { g.compareList(t, m) },
				"":     func(t *rapid.T) { g.compareAll(t, m) },
			})
		})
	}}
}

// The model: things only, with a slug, a rank and an expiry, in a map.
type model struct {
	nodes    map[string]graph.Node
	counters map[string]graph.Outcome
}

func anOp(t *rapid.T) graph.Op {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id")
	node := func() graph.Node {
		n := thing(id, graph.StringOrNull(rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "slug")))
		if rapid.Bool().Draw(t, "ranked") {
			n.Columns[2] = graph.Int64(rapid.Int64Range(-1, 1).Draw(t, "rank"))
		}
		if s := rapid.IntRange(0, 60).Draw(t, "expires in seconds"); s > 30 {
			n.ExpiresAt = time.Date(2026, 3, 1, 11, 0, s, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes")) * time.Minute)
		}
		n.Version = rapid.Int64Range(0, 3).Draw(t, "version")
		return n
	}
	switch rapid.IntRange(0, 5).Draw(t, "op") {
	case 0, 1:
		return graph.Create{Node: node()}
	case 2:
		return graph.Update{Node: node()}
	case 3:
		return graph.Delete{Type: Thing, ID: id, Version: rapid.Int64Range(0, 2).Draw(t, "version")}
	case 4:
		return graph.Check{Type: Thing, ID: id, Version: rapid.Int64Range(0, 2).Draw(t, "version")}
	}
	return graph.Increment{Counter: id, By: rapid.Int64Range(0, 3).Draw(t, "by"), Window: 30 * time.Second}
}

// apply works on a copy and is kept only when every operation succeeds.
func (m *model) apply(now time.Time, ops []graph.Op) (*model, error) {
	next := &model{nodes: map[string]graph.Node{}, counters: map[string]graph.Outcome{}}
	for id, n := range m.nodes {
		if n.ExpiresAt.IsZero() || n.ExpiresAt.After(now) {
			next.nodes[id] = n
		}
	}
	for name, n := range m.counters {
		next.counters[name] = n
	}
	for _, op := range ops {
		if err := next.one(now, op); err != nil {
			return m, err
		}
	}
	return next, nil
}

func (m *model) one(now time.Time, op graph.Op) error {
	check := func(id string, version int64) error {
		n, ok := m.nodes[id]
		if !ok {
			return graph.ErrNotFound
		}
		if version != 0 && n.Version != version {
			return graph.ErrConflict
		}
		return nil
	}
	put := func(n graph.Node) error {
		for id, other := range m.nodes {
			if id != n.ID && n.Columns[0].Kind() != graph.Null && other.Columns[0] == n.Columns[0] {
				return graph.ErrAlreadyExists
			}
		}
		if n.ExpiresAt.IsZero() || n.ExpiresAt.After(now) {
			m.nodes[n.ID] = n
		} else {
			delete(m.nodes, n.ID)
		}
		return nil
	}
	switch op := op.(type) {
	case graph.Create:
		n := op.Node
		if _, ok := m.nodes[n.ID]; ok {
			return graph.ErrAlreadyExists
		}
		n.Version, n.CreatedAt, n.UpdatedAt = 1, now, now
		return put(n)
	case graph.Update:
		n := op.Node
		if err := check(n.ID, 0); err != nil {
			return err
		}
		if m.nodes[n.ID].Version != n.Version {
			return graph.ErrConflict
		}
		n.Version, n.CreatedAt, n.UpdatedAt = n.Version+1, m.nodes[n.ID].CreatedAt, now
		return put(n)
	case graph.Delete:
		if err := check(op.ID, op.Version); err != nil {
			return err
		}
		delete(m.nodes, op.ID)
	case graph.Check:
		return check(op.ID, op.Version)
	case graph.Increment:
		c := m.counters[op.Counter]
		if !c.ResetAt.After(now) {
			c = graph.Outcome{ResetAt: now.Add(op.Window)}
		}
		c.Count += op.By
		m.counters[op.Counter] = c
	}
	return nil
}

func (f *fixture) compareCommit(t *rapid.T, m *model, ops []graph.Op) {
	next, want := m.apply(f.now(), ops)
	out, got := f.repo.Commit(f.Context(), f.scope, ops...)
	if (want == nil) != (got == nil) || want != nil && !errors.Is(got, want) {
		t.Fatalf("Commit = %v, the model says %v", got, want)
	}
	*m = *next
	for i := len(ops) - 1; i >= 0 && got == nil; i-- {
		if op, ok := ops[i].(graph.Increment); ok {
			if out[i].Count != m.counters[op.Counter].Count || !out[i].ResetAt.Equal(m.counters[op.Counter].ResetAt) {
				t.Fatalf("counter %s = %+v, the model says %+v", op.Counter, out[i], m.counters[op.Counter])
			}
			return
		}
	}
}

// compareAll reads every node by id and by key.
func (f *fixture) compareAll(t *rapid.T, m *model) {
	living, _ := m.apply(f.now(), nil)
	for _, id := range []string{"a", "b", "c"} {
		got, err := f.repo.Get(f.Context(), f.scope, Thing, id)
		want, ok := living.nodes[id]
		if ok != (err == nil) || err != nil && !errors.Is(err, graph.ErrNotFound) {
			t.Fatalf("Get(%s): %v, the model has it: %v", id, err, ok)
		}
		if ok && (got.Version != want.Version || !slices.Equal(got.Columns, want.Columns) || !got.ExpiresAt.Equal(want.ExpiresAt) ||
			!got.CreatedAt.Equal(want.CreatedAt) || !got.UpdatedAt.Equal(want.UpdatedAt)) {
			t.Fatalf("Get(%s) = %+v, the model says %+v", id, got, want)
		}
	}
}

// compareList reads a list in pages.
func (f *fixture) compareList(t *rapid.T, m *model) {
	living, _ := m.apply(f.now(), nil)
	q := graph.Query{Type: Thing, Index: rapid.SampledFrom([]string{"", "slug", "rank"}).Draw(t, "index"),
		Reverse: rapid.Bool().Draw(t, "reverse"), Limit: rapid.IntRange(1, 3).Draw(t, "limit")}
	column := map[string]int{"slug": 0, "rank": 2}[q.Index]
	var want []graph.Node
	for _, n := range living.nodes {
		want = append(want, n)
	}
	slices.SortFunc(want, func(a, b graph.Node) int {
		x, y := a.Columns[column], b.Columns[column]
		switch {
		case q.Index == "" || x == y:
			return strings.Compare(a.ID, b.ID)
		case x.Kind() != y.Kind():
			return int(x.Kind()) - int(y.Kind())
		case x.Text() != y.Text():
			return strings.Compare(x.Text(), y.Text())
		}
		return int(x.Int() - y.Int())
	})
	if q.Reverse {
		slices.Reverse(want)
	}
	var got, order []string
	for _, n := range want {
		order = append(order, n.ID)
	}
	for {
		p, err := f.repo.List(f.Context(), f.scope, q)
		if err != nil {
			t.Fatalf("List(%+v): %v", q, err)
		}
		got = append(got, ids(p)...)
		if q.After = p.Next; q.After == "" || len(got) > len(order) {
			break
		}
	}
	if !slices.Equal(got, order) {
		t.Fatalf("List(%+v) = %v, the model says %v", q, got, order)
	}
}
