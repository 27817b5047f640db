package graphtest

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func nodeTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"create-and-get": func(f *fixture) {
			n := thing("a", graph.String("slug"))
			n.Version, n.CreatedAt, n.ConsumedAt = 7, time.Unix(1, 0), time.Unix(2, 0) // the driver's own, not the caller's
			out := f.commit(graph.Create{Node: n})
			want := thing("a", graph.String("slug"))
			want.Version, want.CreatedAt, want.UpdatedAt = 1, f.now(), f.now()
			f.same("outcome", out[0], graph.Outcome{Node: want})
			f.same("stored", f.get(Thing, "a"), want)
			f.gone(Thing, "b")
			f.gone(Plain, "a")
		},
		"create-takes-a-copy": func(f *fixture) {
			n := thing("a", graph.String("slug"))
			f.commit(graph.Create{Node: n})
			n.Data[0], n.Columns[0] = 'X', graph.String("other")
			got := f.get(Thing, "a")
			f.same("data", string(got.Data), "data of a")
			got.Data[0], got.Columns[0] = 'Y', graph.Value{}
			f.same("again", string(f.get(Thing, "a").Data), "data of a")
			f.same("slug", f.get(Thing, "a").Columns[0], graph.String("slug"))
		},
		"update": func(f *fixture) {
			created := f.commit(graph.Create{Node: thing("a", graph.String("one"))})[0].Node
			f.clock.Advance(time.Minute)
			n := thing("a", graph.String("two"))
			n.Version, n.Data, n.ExpiresAt = 1, []byte("new"), f.now().Add(time.Hour)
			out := f.commit(graph.Update{Node: n})[0].Node
			want := n
			want.Version, want.CreatedAt, want.UpdatedAt = 2, created.CreatedAt, f.now()
			f.same("outcome", out, want)
			f.same("stored", f.get(Thing, "a"), want)
		},
		"update-conflict": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			f.fail(graph.ErrConflict, 0, graph.Update{Node: thing("a")})
			f.fail(graph.ErrConflict, 0, graph.Update{Node: versioned(thing("a"), 2)})
			f.commit(graph.Update{Node: versioned(thing("a"), 1)})
			f.fail(graph.ErrConflict, 0, graph.Update{Node: versioned(thing("a"), 1)})
			f.fail(graph.ErrNotFound, 0, graph.Update{Node: versioned(thing("b"), 1)})
			f.same("version", f.get(Thing, "a").Version, int64(2))
		},
		"delete": func(f *fixture) {
			f.commit(creates(thing("a"), thing("b"), thing("c"))...)
			f.commit(graph.Delete{Type: Thing, ID: "a"})
			f.gone(Thing, "a")
			f.fail(graph.ErrNotFound, 0, graph.Delete{Type: Thing, ID: "a"})
			f.fail(graph.ErrConflict, 0, graph.Delete{Type: Thing, ID: "b", Version: 2})
			f.commit(graph.Delete{Type: Thing, ID: "b", Version: 1})
			f.lists(graph.Query{Type: Thing}, "c")
		},
		"delete-and-create-again": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a", graph.String("s"))})
			f.commit(graph.Update{Node: versioned(thing("a", graph.String("s")), 1)})
			f.commit(graph.Delete{Type: Thing, ID: "a"}, graph.Create{Node: thing("a", graph.String("s"))})
			f.same("version", f.get(Thing, "a").Version, int64(1))
		},
		"delete-by": func(f *fixture) {
			f.commit(creates(ranked("a", "x", 1), ranked("b", "x", 2), ranked("c", "y", 1), thing("d"))...)
			f.same("none", f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("z")}})[0].Count, int64(0))
			f.same("two columns", f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("x"), graph.Int64(2)}})[0].Count, int64(1))
			f.lists(graph.Query{Type: Thing}, "a", "c", "d")
			f.same("prefix", f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{graph.String("x")}})[0].Count, int64(1))
			f.lists(graph.Query{Type: Thing}, "c", "d")
			f.same("null", f.commit(graph.DeleteBy{Type: Thing, Index: "realm_rank", Equal: []graph.Value{{}}})[0].Count, int64(1))
			f.lists(graph.Query{Type: Thing}, "c")
		},
		"check": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			f.commit(graph.Check{Type: Thing, ID: "a"}, graph.Check{Type: Thing, ID: "a", Version: 1})
			f.fail(graph.ErrConflict, 0, graph.Check{Type: Thing, ID: "a", Version: 2})
			f.fail(graph.ErrNotFound, 1, graph.Clear{Counter: "c"}, graph.Check{Type: Thing, ID: "b"})
		},
		"take": func(f *fixture) {
			f.commit(graph.Create{Node: ticket("a", "h", "x")})
			f.clock.Advance(time.Second)
			out := f.commit(graph.Take{Type: Ticket, ID: "a"})[0].Node
			want := ticket("a", "h", "x")
			want.Version, want.CreatedAt, want.UpdatedAt, want.ConsumedAt = 1, f.now().Add(-time.Second), f.now(), f.now()
			f.same("outcome", out, want)
			f.same("stored", f.get(Ticket, "a"), want)
			f.clock.Advance(time.Second)
			f.same("the node that was taken", f.fail(graph.ErrConsumed, 0, graph.Take{Type: Ticket, ID: "a"}).Node, want)
			f.fail(graph.ErrNotFound, 0, graph.Take{Type: Ticket, ID: "b"})
			found, err := f.lookup(Ticket, "hash", graph.Binary([]byte("h")))
			if err != nil {
				f.Fatal(err)
			}
			f.same("found", found, want)
			f.fail(graph.ErrConsumed, 1, graph.Create{Node: ticket("b", "i", "x")}, graph.Take{Type: Ticket, ID: "a"})
			f.gone(Ticket, "b")
		},
		"update-keeps-consumed": func(f *fixture) {
			f.commit(graph.Create{Node: ticket("a", "h", "x")}, graph.Take{Type: Ticket, ID: "a"})
			f.commit(graph.Update{Node: versioned(ticket("a", "h2", "x"), 1)})
			f.same("consumed", f.get(Ticket, "a").ConsumedAt, f.now())
			f.fail(graph.ErrConsumed, 0, graph.Take{Type: Ticket, ID: "a"})
		},
		"empty-commit": func(f *fixture) { f.commit() },
		"operations-see-each-other": func(f *fixture) {
			f.commit(graph.Create{Node: ticket("a", "h", "x")}, graph.Take{Type: Ticket, ID: "a"},
				graph.Update{Node: versioned(ticket("a", "i", "y"), 1)}, graph.Check{Type: Ticket, ID: "a", Version: 2},
				graph.Create{Node: ticket("b", "h", "x")}, graph.Delete{Type: Ticket, ID: "a", Version: 2})
			f.lists(graph.Query{Type: Ticket}, "b")
		},
	}
}

func valueTests() map[string]func(*fixture) {
	roundTrip := func(columns ...graph.Value) func(*fixture) {
		return func(f *fixture) {
			f.same("outcome", f.commit(graph.Create{Node: thing("a", columns...)})[0].Node.Columns, thing("", columns...).Columns)
			f.same("stored", f.get(Thing, "a").Columns, thing("", columns...).Columns)
			for i, name := range []string{"slug", "code"} {
				if columns[i].Kind() == graph.Null {
					continue
				}
				if _, err := f.lookup(Thing, name, columns[i]); err != nil {
					f.Errorf("Lookup by %s: %v", name, err)
				}
				f.lists(graph.Query{Type: Thing, Index: name, Equal: columns[i : i+1]}, "a")
			}
		}
	}
	data := func(data []byte) func(*fixture) {
		return func(f *fixture) {
			n := plain("a")
			n.Data = data
			f.commit(graph.Create{Node: n})
			if got := f.get(Plain, "a").Data; !bytes.Equal(got, data) {
				f.Errorf("%d bytes were stored, %d came back or differ", len(data), len(got))
			}
			n.Version = 1
			f.commit(graph.Update{Node: n})
			if got := f.get(Plain, "a").Data; !bytes.Equal(got, data) {
				f.Errorf("after an update %d bytes came back or differ", len(got))
			}
		}
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return map[string]func(*fixture){
		"null":         roundTrip(graph.Value{}, graph.Value{}, graph.Value{}),
		"empty":        roundTrip(graph.String(""), graph.Binary(nil), graph.Int64(0), graph.String(""), graph.String("")),
		"binary":       roundTrip(graph.String("1"), graph.Binary(all), graph.Int64(-1)),
		"nul-in-bytes": roundTrip(graph.Value{}, graph.Binary([]byte{0, 'a', 0}), graph.Int64(1)),
		"unicode":      roundTrip(graph.String("Ünïcødé 漢字 🂡 e\u0301"), graph.Binary([]byte("\xff\xfe")), graph.Int64(1)),
		"quotes":       roundTrip(graph.String(`'"\; -- ?%_`), graph.Binary([]byte(`'`)), graph.Int64(1)),
		"int-min":      roundTrip(graph.Value{}, graph.Value{}, graph.Int64(math.MinInt64)),
		"int-max":      roundTrip(graph.Value{}, graph.Value{}, graph.Int64(math.MaxInt64)),
		"looks-like-a-number": func(f *fixture) {
			f.commit(creates(thing("a", graph.String("1")), thing("b", graph.String("1.0")), thing("c", graph.String("01")))...)
			f.lists(graph.Query{Type: Thing, Index: "slug"}, "c", "a", "b")
		},
		"text-is-compared-by-bytes": func(f *fixture) {
			f.commit(creates(thing("a", graph.String("Ä")), thing("b", graph.String("a")), thing("c", graph.String("A")), thing("d", graph.String("a ")))...)
			f.lists(graph.Query{Type: Thing, Index: "slug"}, "c", "b", "d", "a")
		},
		"ids": func(f *fixture) {
			for _, id := range []string{"ä 漢字", "a'b", "A", "a", " ", strings.Repeat("x", 500)} {
				f.commit(graph.Create{Node: plain(id)})
				f.same("id", f.get(Plain, id).ID, id)
			}
		},
		"data-none":   data(nil),
		"data-binary": data(all),
		"data-1-MiB":  data(bytes.Repeat(all, graph.MaxData/256)),
		"data-larger": func(f *fixture) {
			n := plain("a")
			n.Data = make([]byte, graph.MaxData+1)
			f.fail(graph.ErrInvalidArgument, 0, graph.Create{Node: n})
		},
		"times-are-whole": timesAreWhole,
		"not-storable": func(f *fixture) {
			for _, text := range []string{"a\x00b", "\xff", "\x00"} {
				f.gone(Plain, text)
				if _, err := f.lookup(Thing, "slug", graph.String(text)); !errors.Is(err, graph.ErrNotFound) {
					f.Errorf("Lookup(%q) = %v, want ErrNotFound", text, err)
				}
				f.lists(graph.Query{Type: Thing, Index: "slug", Equal: []graph.Value{graph.String(text)}})
				f.fail(graph.ErrNotFound, 0, graph.Delete{Type: Plain, ID: text})
				f.fail(graph.ErrNotFound, 0, graph.Take{Type: Ticket, ID: text})
				f.fail(graph.ErrInvalidArgument, 0, graph.Create{Node: plain(text)})
				f.fail(graph.ErrInvalidArgument, 0, graph.Create{Node: thing("a", graph.String(text))})
			}
			f.gone(Plain, "")
		},
	}
}

func timesAreWhole(f *fixture) {
	at := f.clock.Now().Add(time.Hour) // with nanoseconds, in another zone
	out := f.commit(graph.Create{Node: expiring(thing("a"), at)})[0].Node
	want := time.UnixMicro(at.UnixMicro()).UTC()
	f.same("outcome", out.ExpiresAt, want)
	got := f.get(Thing, "a")
	f.same("expires", got.ExpiresAt, want)
	for name, at := range map[string]time.Time{"created": got.CreatedAt, "updated": got.UpdatedAt, "expires": got.ExpiresAt} {
		if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
			f.Errorf("%s is %v, not UTC in whole microseconds", name, at)
		}
	}
	old := expiring(thing("old"), time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)) // before 1970: it is past, not never
	f.commit(graph.Create{Node: old})
	f.gone(Thing, "old")
	far := expiring(thing("far"), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	f.commit(graph.Create{Node: far})
	f.same("far", f.get(Thing, "far").ExpiresAt, far.ExpiresAt)
}
