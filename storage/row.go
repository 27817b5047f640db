package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Meta is what the repository keeps about every row. It is not part of the data.
type Meta struct {
	Version    int64     // for compare-and-set; 0 for a row not stored yet
	CreatedAt  time.Time // UTC
	UpdatedAt  time.Time // UTC
	ConsumedAt time.Time // one-time rows: when it was taken; zero if it was not
}

// row is what a stored struct tells of itself. Its data is its JSON.
type row[T any] interface {
	*T
	keys() (id string, columns []graph.Value, expires time.Time)
	restore(n graph.Node) // the fields that the JSON does not carry
}

func meta(n graph.Node) Meta {
	return Meta{Version: n.Version, CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt, ConsumedAt: n.ConsumedAt}
}

func encode[T any, R row[T]](t graph.TypeID, v R, version int64) (graph.Node, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return graph.Node{}, fmt.Errorf("%w: type %d: %w", ErrInvalidArgument, t, err)
	}
	id, columns, expires := v.keys()
	return graph.Node{Type: t, ID: id, Version: version, Columns: columns, Data: data, ExpiresAt: expires}, nil
}

func decode[T any, R row[T]](n graph.Node) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(n.Data, v); err != nil {
		return nil, fmt.Errorf("storage: type %d: data cannot be read: %w", n.Type, err)
	}
	R(v).restore(n)
	return v, nil
}

func create[T any, R row[T]](t graph.TypeID, v R) Change {
	n, err := encode[T](t, v, 0)
	return Change{op: graph.Create{Node: n}, err: err}
}

func update[T any, R row[T]](t graph.TypeID, v R, version int64) Change {
	n, err := encode[T](t, v, version)
	return Change{op: graph.Update{Node: n}, err: err}
}

func get[T any, R row[T]](ctx context.Context, repo graph.Repository, s Scope, t graph.TypeID, id string) (*T, error) {
	n, err := repo.Get(ctx, s, t, id)
	if err != nil {
		return nil, err
	}
	return decode[T, R](n)
}

func lookup[T any, R row[T]](ctx context.Context, repo graph.Repository, s Scope, t graph.TypeID, key string, values ...graph.Value) (*T, error) {
	n, err := repo.Lookup(ctx, s, graph.Key{Type: t, Name: key, Values: values})
	if err != nil {
		return nil, err
	}
	return decode[T, R](n)
}

// List is one page of rows.
type List[T any] struct {
	Items []*T
	Next  string // cursor of the next page, "" when there is none
}

func list[T any, R row[T]](ctx context.Context, repo graph.Repository, s Scope, q graph.Query) (List[T], error) {
	page, err := repo.List(ctx, s, q)
	if err != nil {
		return List[T]{}, err
	}
	out := List[T]{Items: make([]*T, len(page.Nodes)), Next: page.Next}
	for i, n := range page.Nodes {
		if out.Items[i], err = decode[T, R](n); err != nil {
			return List[T]{}, err
		}
	}
	return out, nil
}

func remove(t graph.TypeID, id string) Change {
	return Change{op: graph.Delete{Type: t, ID: id}}
}

func removeBy(t graph.TypeID, index string, values ...graph.Value) Change {
	return Change{op: graph.DeleteBy{Type: t, Index: index, Equal: values}}
}

// PageRequest asks for a page of a list.
type PageRequest struct {
	Limit   int    // 0: 50; at most 1000
	After   string // a List.Next, "" for the first page
	Reverse bool
}

// exists turns a Get into a yes or no.
func exists(_ graph.Node, err error) (bool, error) {
	if err == nil {
		return true, nil
	}
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return false, err
}

// unlessGone forgives that what was to be removed is not there.
func unlessGone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
