package memory_test

import (
	"fmt"
	"testing"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/memory"
)

// BenchmarkCommit commits what a code exchange does: take one node, create two.
func BenchmarkCommit(b *testing.B) {
	r := memory.Open(graphtest.Schema(), memory.Config{})
	defer r.Close()
	scope := graph.In("bench")
	node := func(i int) graph.Op {
		id := fmt.Sprintf("%032d", i)
		return graph.Create{Node: graph.Node{
			Type: graphtest.Ticket, ID: id, Data: make([]byte, 400),
			Columns: []graph.Value{graph.Binary([]byte(id)), graph.String(fmt.Sprintf("family-%d", i%1000))},
		}}
	}
	ops := make([][]graph.Op, b.N)
	for i := range ops {
		if _, err := r.Commit(b.Context(), scope, node(3*i)); err != nil {
			b.Fatal(err)
		}
		ops[i] = []graph.Op{graph.Take{Type: graphtest.Ticket, ID: fmt.Sprintf("%032d", 3*i)}, node(3*i + 1), node(3*i + 2)}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, err := r.Commit(b.Context(), scope, ops[i]...); err != nil {
			b.Fatal(err)
		}
	}
}
