package graph

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func cursorSchema(t testing.TB) *Catalog {
	t.Helper()
	c, err := NewCatalog(Schema{Types: []Type{{
		ID: 1, Name: "Thing", Table: "things",
		Columns: []Column{{"a", Text}, {"b", Bytes}, {"c", Int}},
		Indexes: []Index{{"abc", []string{"a", "b", "c"}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// FuzzCursor gives the decoder any text, and any position with a sum that is
// right for it. What it accepts means the same when it is written again.
func FuzzCursor(f *testing.F) {
	c := cursorSchema(f)
	plan, err := c.Query(In("p"), Query{Type: 1, Index: "abc"})
	if err != nil {
		f.Fatal(err)
	}
	for _, columns := range [][]Value{
		{String("x"), Binary([]byte{0, 255}), Int64(-1)},
		{{}, {}, {}},
		{String(""), Binary(nil), Int64(1 << 62)},
	} {
		cursor := plan.Cursor(Node{ID: "id", Columns: columns})
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(cursor, raw[cursorSum:])
	}
	f.Fuzz(func(t *testing.T, cursor string, body []byte) {
		sum := plan.sum(body)
		for _, after := range []string{cursor, base64.RawURLEncoding.EncodeToString(append(sum[:cursorSum:cursorSum], body...))} {
			if after == "" {
				continue
			}
			got, err := c.Query(In("p"), Query{Type: 1, Index: "abc", After: after})
			if errors.Is(err, ErrInvalidArgument) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := plan.decode(plan.Cursor(Node{ID: got.After.ID, Columns: got.After.Values}))
			if err != nil {
				t.Fatalf("%+v was accepted, and not again: %v", got.After, err)
			}
			if d := cmp.Diff(got.After, again, cmp.AllowUnexported(Value{})); d != "" {
				t.Error(d)
			}
		}
	})
}
