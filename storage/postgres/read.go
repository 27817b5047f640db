package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/elloloop/identity/storage/graph"
)

// node reads a row of table.nodes.
func (t *table) node(row scan) (graph.Node, error) {
	n := graph.Node{Type: t.info.ID, Columns: make([]graph.Value, len(t.info.Columns))}
	var created, updated int64
	var expires, consumed *int64
	into := make([]any, 7, 8+len(n.Columns))
	into[0], into[1], into[2], into[3], into[4], into[5], into[6] = &n.ID, &n.Version, &created, &updated, &expires, &consumed, &n.Data
	for i, col := range t.info.Columns {
		into = append(into, reader(col.Kind, &n.Columns[i]))
	}
	if err := row(into...); err != nil {
		return graph.Node{}, err
	}
	if len(n.Data) == 0 {
		n.Data = nil
	}
	n.CreatedAt, n.UpdatedAt, n.ExpiresAt, n.ConsumedAt = asTime(&created), asTime(&updated), asTime(expires), asTime(consumed)
	return n, nil
}

// reader reads a declared column of its kind.
func reader(kind graph.Kind, into *graph.Value) any {
	switch kind {
	case graph.Bytes:
		return &bytesColumn{into}
	case graph.Int:
		return &intColumn{into}
	default:
		return &textColumn{into}
	}
}

type (
	textColumn  struct{ into *graph.Value }
	bytesColumn struct{ into *graph.Value }
	intColumn   struct{ into *graph.Value }
)

// ScanText implements pgtype.TextScanner.
func (c *textColumn) ScanText(s pgtype.Text) error {
	if s.Valid {
		*c.into = graph.String(s.String)
	}
	return nil
}

// ScanInt64 implements pgtype.Int64Scanner.
func (c *intColumn) ScanInt64(n pgtype.Int8) error {
	if n.Valid {
		*c.into = graph.Int64(n.Int64)
	}
	return nil
}

// ScanBytes implements pgtype.BytesScanner.
func (c *bytesColumn) ScanBytes(b []byte) error {
	if b != nil {
		*c.into = graph.Binary(b)
	}
	return nil
}

func asTime(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return time.UnixMicro(*micros).UTC()
}

// one reads the node that a statement selects; ErrNotFound if it has none.
func (r *Repository) one(ctx context.Context, project string, t *table, s *statement) (n graph.Node, err error) {
	for _, arg := range s.args {
		if text, ok := arg.(string); ok && !storable(text) {
			if err := r.open(ctx); err != nil {
				return graph.Node{}, err
			}
			return graph.Node{}, graph.ErrNotFound
		}
	}
	found := false
	err = r.ask(ctx, project, []*statement{s}, func(row scan) (err error) {
		n, err = t.node(row)
		found = true
		return err
	})
	if err == nil && !found {
		err = graph.ErrNotFound
	}
	return n, err
}

// ask runs statements that only read, in one round trip and one transaction. It
// is repeated when a connection breaks: that is always safe.
func (r *Repository) ask(ctx context.Context, project string, statements []*statement, read func(row scan) error) error {
	return r.repeated(ctx, true, func(ctx context.Context, c *pgx.Conn) error {
		w := &work{Repository: r}
		w.add(r.begin(project), nil)
		for _, s := range statements {
			w.add(s, read)
		}
		return w.send(ctx, c)
	})
}

// Get implements graph.Repository.
func (r *Repository) Get(ctx context.Context, s graph.Scope, id graph.TypeID, node string) (graph.Node, error) {
	if _, err := r.catalog.Type(s, id); err != nil {
		return graph.Node{}, err
	}
	t := r.tables[id]
	return r.one(ctx, s.Project(), t, t.get(s.Project(), node, r.instant().UnixMicro()))
}

// Lookup implements graph.Repository.
func (r *Repository) Lookup(ctx context.Context, s graph.Scope, k graph.Key) (graph.Node, error) {
	_, u, err := r.catalog.Key(s, k)
	if err != nil {
		return graph.Node{}, err
	}
	t := r.tables[k.Type]
	return r.one(ctx, s.Project(), t, t.lookup(s.Project(), u, k.Values, r.instant().UnixMicro()))
}
