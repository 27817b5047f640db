package graphtest

import (
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func prefixTests() map[string]func(*fixture) {
	s := graph.String
	// Ordered by bytes. U+D7FF and U+E000 are neighbours: what is between them are
	// no characters. U+10FFFF is the last of all.
	slugs := []string{
		"", "a", "a ", "aa", "ab", "abc", "ab\x7f", "abé", "ab\U0010FFFF", "ab\U0010FFFF\U0010FFFFz", "ac", "b",
		"é", "éa", "é\uFFFD", "ê", "\uD7FF", "\uD7FFx", "\uE000", "\U0010FFFF", "\U0010FFFFa", "\U0010FFFF\U0010FFFF",
	}
	fill := func(f *fixture) {
		for i, slug := range slugs {
			f.commit(graph.Create{Node: thing(number(i), s(slug), graph.Value{}, graph.Int64(int64(-i)), s("in"), s(slug))})
		}
		f.commit(graph.Create{Node: thing("null")}, graph.Create{Node: thing("out", graph.Value{}, graph.Value{}, graph.Value{}, s("out"), s("ab"))})
	}
	want := func(prefix string) (ids []string) {
		for i, slug := range slugs {
			if strings.HasPrefix(slug, prefix) {
				ids = append(ids, number(i))
			}
		}
		return ids
	}
	both := func(f *fixture, q graph.Query, want []string) {
		f.Helper()
		for _, reverse := range []bool{false, true} {
			q.Reverse = reverse
			f.lists(q, want...)
			for _, size := range []int{1, 2, 3} {
				f.pages(q, size, want...)
			}
			want = slices.Clone(want)
			slices.Reverse(want)
		}
	}
	return map[string]func(*fixture){
		"every": func(f *fixture) {
			fill(f)
			prefixes := append([]string{"x", "abcd", "\x01", "\U0010FFFF\U0010FFFF\U0010FFFF", "A", "%", "_", "a%", `\`, "*", "["}, slugs[1:]...)
			for _, prefix := range prefixes {
				both(f, graph.Query{Type: Thing, Index: "slug", Prefix: prefix}, want(prefix))
			}
		},
		"after-equal": func(f *fixture) {
			fill(f)
			both(f, graph.Query{Type: Thing, Index: "realm_label", Equal: []graph.Value{s("in")}, Prefix: "ab"}, want("ab"))
			both(f, graph.Query{Type: Thing, Index: "realm_label", Equal: []graph.Value{s("out")}, Prefix: "ab"}, []string{"out"})
		},
		"ties-and-second-column": func(f *fixture) {
			f.commit(creates(ranked("a", "xa", 2), ranked("b", "xa", 1), ranked("d", "xb", 0), ranked("c", "xb", 0), ranked("e", "y", 0),
				thing("f", graph.Value{}, graph.Value{}, graph.Value{}, s("xb")))...)
			both(f, graph.Query{Type: Thing, Index: "realm_rank", Prefix: "x"}, []string{"b", "a", "f", "c", "d"})
		},
		"cursor": func(f *fixture) {
			fill(f)
			q := graph.Query{Type: Thing, Index: "slug", Prefix: "ab", Limit: 1}
			next := f.list(q).Next
			for _, other := range []string{"", "a", "abc", "b"} {
				o := q
				o.Prefix = other
				f.refuses(f.scope, o, next)
			}
			q.Prefix = ""
			whole := f.list(q).Next
			q.Prefix = "ab"
			f.refuses(f.scope, q, whole)
			f.commit(graph.Delete{Type: Thing, ID: want("ab")[0]}, graph.Create{Node: thing("new", s("aba"))})
			q.After, q.Limit = next, 2
			f.lists(q, "new", want("ab")[1])
		},
		"only-the-living-of-the-project": func(f *fixture) {
			f.commit(creates(thing("a", s("xa")), expiring(thing("b", s("xb")), f.now().Add(time.Minute)))...)
			f.in("beta", func(f *fixture) { f.commit(graph.Create{Node: thing("c", s("xc"))}) })
			f.clock.Advance(time.Minute)
			f.lists(graph.Query{Type: Thing, Index: "slug", Prefix: "x"}, "a")
		},
	}
}
