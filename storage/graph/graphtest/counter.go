package graphtest

import (
	"time"

	"github.com/elloloop/identity/storage/graph"
)

func counterTests() map[string]func(*fixture) {
	inc := func(by int64, window time.Duration) graph.Op {
		return graph.Increment{Counter: "c", By: by, Window: window}
	}
	return map[string]func(*fixture){
		"window": func(f *fixture) {
			start := f.now()
			end := start.Add(time.Minute)
			f.same("first", f.commit(inc(1, time.Minute))[0], graph.Outcome{Count: 1, ResetAt: end})
			f.clock.Advance(59 * time.Second)
			f.same("second", f.commit(inc(2, time.Minute))[0], graph.Outcome{Count: 3, ResetAt: end})
			f.same("read", f.commit(inc(0, time.Minute))[0], graph.Outcome{Count: 3, ResetAt: end})
			f.clock.Advance(time.Second)
			f.same("next window", f.commit(inc(5, time.Minute))[0], graph.Outcome{Count: 5, ResetAt: f.now().Add(time.Minute)})
		},
		"read-begins-at-0": func(f *fixture) {
			f.same("count", f.commit(inc(0, time.Minute))[0], graph.Outcome{ResetAt: f.now().Add(time.Minute)})
		},
		"running-window-keeps-its-end": func(f *fixture) {
			end := f.commit(inc(1, time.Minute))[0].ResetAt
			f.same("end", f.commit(inc(1, time.Hour))[0].ResetAt, end)
		},
		"down": func(f *fixture) {
			f.commit(inc(3, time.Minute))
			f.same("count", f.commit(inc(-5, time.Minute))[0].Count, int64(-2))
		},
		"clear": func(f *fixture) {
			f.commit(inc(3, time.Minute), graph.Increment{Counter: "other", By: 1, Window: time.Minute})
			f.commit(graph.Clear{Counter: "c"})
			f.commit(graph.Clear{Counter: "c"}) // none is no error
			f.same("count", f.commit(inc(1, time.Minute))[0].Count, int64(1))
			f.same("other", f.commit(graph.Increment{Counter: "other", By: 1, Window: time.Minute})[0].Count, int64(2))
		},
		"in-a-failed-commit": func(f *fixture) {
			f.commit(inc(1, time.Minute))
			f.fail(graph.ErrNotFound, 1, inc(1, time.Minute), graph.Check{Type: Plain, ID: "none"})
			f.same("count", f.commit(inc(0, time.Minute))[0].Count, int64(1))
		},
		"twice-in-a-commit": func(f *fixture) {
			f.same("second", f.commit(inc(1, time.Minute), inc(1, time.Minute))[1].Count, int64(2))
		},
	}
}
