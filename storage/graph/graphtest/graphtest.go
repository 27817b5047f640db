// Package graphtest is the contract of storage/graph as tests. A driver that
// passes Run keeps the contract, and nothing else says that it does.
package graphtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage/graph"
)

// The node and edge types of the suite.
const (
	Thing  graph.TypeID = 1 // has every kind of column, keys, indexes, expires, is watched
	Ticket graph.TypeID = 2 // one-time, not watched
	Plain  graph.TypeID = 3 // has an id and data, never expires

	Holds graph.EdgeID = 1 // Thing → Ticket
	Knows graph.EdgeID = 2 // Thing → Thing
)

// Schema returns the schema that Run wants the driver to be opened with.
func Schema() graph.Schema {
	return graph.Schema{
		Types: []graph.Type{
			{
				ID: Thing, Name: "Thing", Table: "things",
				Columns: []graph.Column{
					{Name: "slug", Kind: graph.Text}, {Name: "code", Kind: graph.Bytes}, {Name: "rank", Kind: graph.Int},
					{Name: "realm", Kind: graph.Text}, {Name: "label", Kind: graph.Text},
				},
				Unique: []graph.Unique{
					{Name: "slug", Columns: []string{"slug"}},
					{Name: "code", Columns: []string{"code"}},
					{Name: "pair", Columns: []string{"realm", "label"}},
				},
				Indexes: []graph.Index{
					{Name: "slug", Columns: []string{"slug"}}, {Name: "code", Columns: []string{"code"}},
					{Name: "rank", Columns: []string{"rank"}}, {Name: "realm_rank", Columns: []string{"realm", "rank"}},
					{Name: "realm_label", Columns: []string{"realm", "label"}},
				},
				Expires: true, Watched: true,
			},
			{
				ID: Ticket, Name: "Ticket", Table: "tickets",
				Columns: []graph.Column{{Name: "hash", Kind: graph.Bytes}, {Name: "family", Kind: graph.Text}},
				Unique:  []graph.Unique{{Name: "hash", Columns: []string{"hash"}}},
				Indexes: []graph.Index{{Name: "family", Columns: []string{"family"}}},
				OneTime: true, Expires: true, Secret: []string{"hash"},
			},
			{ID: Plain, Name: "Plain", Table: "plains"},
		},
		Edges: []graph.Edge{
			{ID: Holds, Name: "Holds", From: Thing, To: Ticket},
			{ID: Knows, Name: "Knows", From: Thing, To: Thing},
		},
	}
}

// Run tests a driver. open makes an empty repository with Schema and this clock;
// Run closes it.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) graph.Repository) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*fixture)
	}{
		{"nodes", nodeTests()}, {"values", valueTests()}, {"unique", uniqueTests()}, {"list", listTests()}, {"cursor", cursorTests()}, {"prefix", prefixTests()}, {"purge", purgeTests()},
		{"atomic", atomicTests()}, {"race", raceTests()}, {"counter", counterTests()}, {"edge", edgeTests()},
		{"expiry", expiryTests()}, {"sweep", sweepTests()}, {"isolation", isolationTests()}, {"refused", refusedTests()},
		{"watch", watchTests()}, {"life", lifeTests()}, {"property", propertyTests()},
	} {
		for name, test := range group.tests {
			t.Run(group.name+"/"+name, func(t *testing.T) { test(newFixture(t, open)) })
		}
	}
}

// clock is the driver's time, moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture is a fresh repository and what tests say often.
type fixture struct {
	*testing.T
	repo  graph.Repository
	clock *clock
	scope graph.Scope
}

func newFixture(t *testing.T, open func(t *testing.T, now func() time.Time) graph.Repository) *fixture {
	// Not whole microseconds, and not UTC: what is stored has to be both.
	start := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	c := &clock{now: start}
	f := &fixture{T: t, clock: c, repo: open(t, c.Now), scope: graph.In("alpha")}
	t.Cleanup(func() {
		if err := f.repo.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return f
}

// now is the clock as it is stored.
func (f *fixture) now() time.Time { return time.UnixMicro(f.clock.Now().UnixMicro()).UTC() }

func (f *fixture) commit(ops ...graph.Op) graph.Result {
	f.Helper()
	result, err := f.repo.Commit(f.Context(), f.scope, ops...)
	if err != nil {
		f.Fatalf("Commit: %v", err)
	}
	if len(result) != len(ops) {
		f.Fatalf("Commit of %d operations has %d outcomes", len(ops), len(result))
	}
	return result
}

// fail wants a commit to fail with this sentinel at this operation.
func (f *fixture) fail(want error, index int, ops ...graph.Op) *graph.OpError {
	f.Helper()
	result, err := f.repo.Commit(f.Context(), f.scope, ops...)
	var op *graph.OpError
	if !errors.Is(err, want) || !errors.As(err, &op) || op.Index != index || result != nil {
		f.Fatalf("Commit = %v, %v (%T); want an OpError of operation %d: %v", result, err, err, index, want)
	}
	return op
}

func (f *fixture) get(t graph.TypeID, id string) graph.Node {
	f.Helper()
	n, err := f.repo.Get(f.Context(), f.scope, t, id)
	if err != nil {
		f.Fatalf("Get(%d, %q): %v", t, id, err)
	}
	return n
}

func (f *fixture) gone(t graph.TypeID, id string) {
	f.Helper()
	if n, err := f.repo.Get(f.Context(), f.scope, t, id); !errors.Is(err, graph.ErrNotFound) {
		f.Errorf("Get(%d, %q) = %v, %v; want ErrNotFound", t, id, n, err)
	}
}

func (f *fixture) lookup(t graph.TypeID, name string, values ...graph.Value) (graph.Node, error) {
	return f.repo.Lookup(f.Context(), f.scope, graph.Key{Type: t, Name: name, Values: values})
}

func (f *fixture) list(q graph.Query) graph.Page {
	f.Helper()
	p, err := f.repo.List(f.Context(), f.scope, q)
	if err != nil {
		f.Fatalf("List: %v", err)
	}
	return p
}

// lists wants the nodes with these ids, in this order.
func (f *fixture) lists(q graph.Query, want ...string) {
	f.Helper()
	if got := ids(f.list(q)); !cmp.Equal(got, append([]string{}, want...)) {
		f.Errorf("List(%+v) = %v, want %v", q, got, want)
	}
}

func (f *fixture) same(what string, got, want any) {
	f.Helper()
	if d := cmp.Diff(want, got, cmp.AllowUnexported(graph.Value{})); d != "" {
		f.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func ids(p graph.Page) []string {
	out := []string{}
	for _, n := range p.Nodes {
		out = append(out, n.ID)
	}
	return out
}

// thing makes a Thing of these values; those that are missing are Null.
func thing(id string, columns ...graph.Value) graph.Node {
	return graph.Node{Type: Thing, ID: id, Columns: append(columns, make([]graph.Value, 5-len(columns))...), Data: []byte("data of " + id)}
}

// ranked makes a Thing with a rank and a realm.
func ranked(id, realm string, rank int64) graph.Node {
	return thing(id, graph.Value{}, graph.Value{}, graph.Int64(rank), graph.String(realm))
}

func ticket(id, hash, family string) graph.Node {
	return graph.Node{Type: Ticket, ID: id, Columns: []graph.Value{graph.Binary([]byte(hash)), graph.String(family)}, Data: []byte("{}")}
}

func plain(id string) graph.Node { return graph.Node{Type: Plain, ID: id, Data: []byte(id)} }

func expiring(n graph.Node, at time.Time) graph.Node {
	n.ExpiresAt = at
	return n
}

func versioned(n graph.Node, version int64) graph.Node {
	n.Version = version
	return n
}

func creates(nodes ...graph.Node) []graph.Op {
	ops := make([]graph.Op, len(nodes))
	for i, n := range nodes {
		ops[i] = graph.Create{Node: n}
	}
	return ops
}

func number(i int) string { return fmt.Sprintf("n%04d", i) }
