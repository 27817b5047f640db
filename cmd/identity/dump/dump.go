// Package dump writes everything that a repository holds as lines of JSON, and
// reads them into another, of whatever driver. What is sealed stays sealed.
// Counters and leases are left out: they are worth nothing elsewhere.
package dump

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
)

// Format is the number of the form of the lines.
const Format = 1

// line is one line: the head, a node, an edge, or the end with its summary.
type line struct {
	Format int `json:"identity_backup,omitempty"`

	Project   string `json:"project,omitempty"`
	Type      string `json:"type,omitempty"`
	ID        string `json:"id,omitempty"`
	Columns   []any  `json:"columns,omitempty"`
	Data      string `json:"data,omitempty"` // as it is stored, to the byte
	CreatedAt int64  `json:"created_at,omitempty"`
	ExpiresAt int64  `json:"expires_at,omitempty"` // times in microseconds since 1970
	Consumed  int64  `json:"consumed_at,omitempty"`

	Edge string `json:"edge,omitempty"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`

	End *Summary `json:"end,omitempty"`
}

// Summary says what was written or read.
type Summary struct {
	Counts map[string]int `json:"counts"` // by the names of types and edges
	SHA256 string         `json:"sha256"` // of the lines between the first and the last
}

// Equal says whether two summaries are of the same things.
func (s Summary) Equal(other Summary) bool {
	return s.SHA256 == other.SHA256 && maps.Equal(s.Counts, other.Counts)
}

type writer struct {
	ctx     context.Context
	repo    graph.Repository
	out     *bufio.Writer
	sum     hash.Hash
	summary Summary
}

// Write writes what is stored in these scopes. It reads page by page: what is
// changed meanwhile may be there in part, so nobody should write.
func Write(ctx context.Context, repo graph.Repository, scopes []storage.Scope, out io.Writer) (Summary, error) {
	w := &writer{ctx: ctx, repo: repo, out: bufio.NewWriter(out), sum: sha256.New(), summary: Summary{Counts: map[string]int{}}}
	if err := w.line(line{Format: Format}, false); err != nil {
		return Summary{}, err
	}
	for _, scope := range scopes {
		if err := w.scope(scope); err != nil {
			return Summary{}, fmt.Errorf("project %s: %w", scope.Project(), err)
		}
	}
	w.summary.SHA256 = hex.EncodeToString(w.sum.Sum(nil))
	if err := w.line(line{End: &w.summary}, false); err != nil {
		return Summary{}, err
	}
	return w.summary, w.out.Flush()
}

func (w *writer) line(l line, counts bool) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if counts {
		w.sum.Write(b)
	}
	_, err = w.out.Write(b)
	return err
}

// left says whether a type is not worth writing: leases are of the processes.
func left(t graph.Type) bool { return t.Name == "Lease" }

func (w *writer) scope(scope storage.Scope) error {
	schema := storage.Schema()
	ids := map[graph.TypeID][]string{} // of the types that edges begin at
	for _, t := range schema.Types {
		if left(t) {
			continue
		}
		begins := slices.ContainsFunc(schema.Edges, func(e graph.Edge) bool { return e.From == t.ID })
		err := w.pages(scope, graph.Query{Type: t.ID}, func(n graph.Node) error {
			if begins {
				ids[t.ID] = append(ids[t.ID], n.ID)
			}
			w.summary.Counts[t.Name]++
			return w.node(scope, t, n)
		})
		if err != nil {
			return err
		}
	}
	for _, e := range schema.Edges {
		for _, from := range ids[e.From] {
			err := w.pages(scope, graph.Query{Type: e.To, Edge: e.ID, From: from}, func(n graph.Node) error {
				w.summary.Counts[e.Name]++
				return w.line(line{Project: scope.Project(), Edge: e.Name, From: from, To: n.ID}, true)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) pages(scope storage.Scope, q graph.Query, do func(graph.Node) error) error {
	q.Limit = graph.MaxLimit / 4
	for {
		page, err := w.repo.List(w.ctx, scope, q)
		if err != nil {
			return err
		}
		for _, n := range page.Nodes {
			if err := do(n); err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

func (w *writer) node(scope storage.Scope, t graph.Type, n graph.Node) error {
	if !utf8.Valid(n.Data) {
		return fmt.Errorf("%s %s: its data is no text", t.Name, n.ID)
	}
	l := line{
		Project: scope.Project(), Type: t.Name, ID: n.ID, Data: string(n.Data),
		CreatedAt: micros(n.CreatedAt), ExpiresAt: micros(n.ExpiresAt), Consumed: micros(n.ConsumedAt),
	}
	for _, v := range n.Columns {
		switch v.Kind() {
		case graph.Text:
			l.Columns = append(l.Columns, v.Text())
		case graph.Bytes:
			l.Columns = append(l.Columns, base64.StdEncoding.EncodeToString([]byte(v.Text())))
		case graph.Int:
			l.Columns = append(l.Columns, v.Int())
		default:
			l.Columns = append(l.Columns, nil)
		}
	}
	return w.line(l, true)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

var errForm = errors.New("the file is no backup of identity, or it was changed")
