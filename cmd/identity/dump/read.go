package dump

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
)

// Check reads lines to their end, and says what they hold. It wants the whole
// file: the counts and the sum of its last line.
func Check(in io.Reader) (Summary, error) { return each(in, func(line) error { return nil }) }

// each calls do with every node and edge.
func each(in io.Reader, do func(line) error) (Summary, error) {
	found, sum := Summary{Counts: map[string]int{}}, sha256.New()
	r := bufio.NewReaderSize(in, 1<<16)
	for number := 1; ; number++ {
		b, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return found, fmt.Errorf("%w: it ends too early", errForm)
		}
		if err != nil {
			return found, err
		}
		var l line
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber() // 64 bits do not fit into a float
		if d.Decode(&l) != nil || (l.Format == Format) != (number == 1) {
			return found, fmt.Errorf("%w: line %d", errForm, number)
		}
		switch {
		case number == 1:
			continue
		case l.End != nil:
			found.SHA256 = hex.EncodeToString(sum.Sum(nil))
			if _, err := r.ReadByte(); !found.Equal(*l.End) || !errors.Is(err, io.EOF) {
				return found, fmt.Errorf("%w: its sum is another", errForm)
			}
			return found, nil
		}
		sum.Write(b)
		found.Counts[l.Type+l.Edge]++
		if err := do(l); err != nil {
			return found, fmt.Errorf("line %d: %w", number, err)
		}
	}
}

// Read stores what the lines hold in an empty repository. The repository's clock
// must be what at sets: each node is made at the time at which it was made first.
// Versions begin anew.
func Read(ctx context.Context, in io.Reader, repo graph.Repository, at func(time.Time)) (Summary, error) {
	schema := storage.Schema()
	return each(in, func(l line) error {
		if l.Edge != "" {
			i := slices.IndexFunc(schema.Edges, func(e graph.Edge) bool { return e.Name == l.Edge })
			if i < 0 {
				return fmt.Errorf("this release knows no edge %q", l.Edge)
			}
			at(time.Now())
			_, err := repo.Commit(ctx, graph.In(l.Project), graph.Link{Edge: schema.Edges[i].ID, From: l.From, To: l.To})
			return err
		}
		i := slices.IndexFunc(schema.Types, func(t graph.Type) bool { return t.Name == l.Type })
		if i < 0 {
			return fmt.Errorf("this release knows no type %q", l.Type)
		}
		n, err := l.node(schema.Types[i])
		if err != nil {
			return err
		}
		at(time.UnixMicro(l.CreatedAt))
		if _, err = repo.Commit(ctx, graph.In(l.Project), graph.Create{Node: n}); err != nil || l.Consumed == 0 {
			return err
		}
		at(time.UnixMicro(l.Consumed))
		_, err = repo.Commit(ctx, graph.In(l.Project), graph.Take{Type: n.Type, ID: n.ID})
		return err
	})
}

func (l line) node(t graph.Type) (graph.Node, error) {
	n := graph.Node{Type: t.ID, ID: l.ID, Data: []byte(l.Data)}
	if l.ExpiresAt != 0 {
		n.ExpiresAt = time.UnixMicro(l.ExpiresAt).UTC()
	}
	if len(l.Columns) != len(t.Columns) {
		return n, fmt.Errorf("%s %s has %d columns, want %d: read it with the release that wrote it", t.Name, l.ID, len(l.Columns), len(t.Columns))
	}
	for i, c := range l.Columns {
		v, err := value(c, t.Columns[i].Kind)
		if err != nil {
			return n, fmt.Errorf("%s %s: %s: %w", t.Name, l.ID, t.Columns[i].Name, err)
		}
		n.Columns = append(n.Columns, v)
	}
	return n, nil
}

func value(c any, kind graph.Kind) (graph.Value, error) {
	switch c := c.(type) {
	case nil:
		return graph.Value{}, nil
	case string:
		if kind == graph.Bytes {
			b, err := base64.StdEncoding.DecodeString(c)
			return graph.Binary(b), err
		}
		if kind == graph.Text {
			return graph.String(c), nil
		}
	case json.Number:
		if kind == graph.Int {
			n, err := c.Int64()
			return graph.Int64(n), err
		}
	}
	return graph.Value{}, errors.New("a value of the wrong kind")
}
