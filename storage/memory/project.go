package memory

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// project is what one project holds. Nodes in the map are never changed in
// place: an update puts a new one, so that a rollback can put the old one back.
type project struct {
	nodes    map[nodeID]*graph.Node
	keys     map[string]string // unique key → id of its holder, dead or alive
	edges    map[edge]struct{}
	counters map[string]counter
}

type nodeID struct {
	t  graph.TypeID
	id string
}

type edge struct {
	e        graph.EdgeID
	from, to string
}

type counter struct {
	count int64
	reset time.Time
}

func newProject() *project {
	return &project{
		nodes: map[nodeID]*graph.Node{}, keys: map[string]string{},
		edges: map[edge]struct{}{}, counters: map[string]counter{},
	}
}

// live returns the node if it has not expired.
func (p *project) live(t graph.TypeID, id string, now time.Time) (graph.Node, error) {
	if p == nil {
		return graph.Node{}, graph.ErrNotFound
	}
	n := p.nodes[nodeID{t, id}]
	if n == nil || expired(n, now) {
		return graph.Node{}, graph.ErrNotFound
	}
	return *n, nil
}

func expired(n *graph.Node, now time.Time) bool {
	return !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now)
}

func clone(n graph.Node) graph.Node {
	n.Columns = slices.Clone(n.Columns)
	n.Data = slices.Clone(n.Data)
	return n
}

// key writes a unique key so that different keys are different strings.
func key(t graph.TypeID, name string, values []graph.Value) string {
	b := binary.AppendVarint(nil, int64(t))
	b = append(append(b, name...), 0)
	for _, v := range values {
		b = append(b, byte(v.Kind()))
		b = binary.AppendVarint(b, v.Int())
		b = binary.AppendUvarint(b, uint64(len(v.Text())))
		b = append(b, v.Text()...)
	}
	return string(b)
}

// keysOf returns the unique keys that the columns hold, "" for one that they do
// not hold because of a Null.
func keysOf(t *graph.TypeInfo, columns []graph.Value) []string {
	keys := make([]string, len(t.Unique))
	for u, at := range t.UniqueAt {
		values := pick(columns, at)
		if !slices.Contains(values, graph.Value{}) {
			keys[u] = key(t.ID, t.Unique[u].Name, values)
		}
	}
	return keys
}

func pick(columns []graph.Value, at []int) []graph.Value {
	values := make([]graph.Value, len(at))
	for i, col := range at {
		values[i] = columns[col]
	}
	return values
}
