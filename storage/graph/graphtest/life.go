package graphtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage/graph"
)

func lifeTests() map[string]func(*fixture) {
	want := func(f *fixture, errs map[string]error, want error) {
		f.Helper()
		for name, err := range errs {
			if !errors.Is(err, want) {
				f.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
	all := func(f *fixture, ctx context.Context) map[string]error {
		errs := f.calls(ctx, f.scope)
		_, errs["Sweep"] = f.repo.Sweep(ctx, f.now(), 10)
		_, errs["Watch"] = f.repo.Watch(ctx)
		return errs
	}
	return map[string]func(*fixture){
		"cancelled-context": func(f *fixture) {
			ctx, cancel := context.WithCancel(f.Context())
			cancel()
			want(f, all(f, ctx), context.Canceled)
			f.lists(graph.Query{Type: Thing})
		},
		"deadline": func(f *fixture) {
			ctx, cancel := context.WithDeadline(f.Context(), time.Unix(1, 0))
			defer cancel()
			want(f, all(f, ctx), context.DeadlineExceeded)
			f.lists(graph.Query{Type: Thing})
		},
		// Whatever a caller whose context ends in the middle is told: a commit is
		// there whole or not at all, and one that was answered is there.
		"cancelled-in-the-middle": func(f *fixture) {
			race(func(i int) {
				ctx, cancel := context.WithCancel(f.Context())
				var cancelled sync.WaitGroup
				cancelled.Go(cancel)
				_, err := f.repo.Commit(ctx, f.scope, graph.Create{Node: plain(number(i))}, graph.Create{Node: thing(number(i))})
				cancelled.Wait()
				if err != nil && !errors.Is(err, context.Canceled) {
					f.Errorf("Commit: %v", err)
				}
				if err == nil {
					if _, err := f.repo.Get(f.Context(), f.scope, Plain, number(i)); err != nil {
						f.Errorf("Get of what was committed: %v", err)
					}
				}
			})
			f.commit(graph.Create{Node: plain("last")}) // after most of what was still under way
			f.commit(graph.Delete{Type: Plain, ID: "last"})
			// A database behind a proxy may end a commit between the two lists.
			for end := time.Now().Add(10 * time.Second); ; {
				plains, things := ids(f.list(graph.Query{Type: Plain, Limit: racers + 1})), ids(f.list(graph.Query{Type: Thing, Limit: racers + 1}))
				if cmp.Equal(plains, things) {
					return
				}
				if time.Now().After(end) {
					f.Fatalf("commits that stand by half: plains %v, things %v", plains, things)
				}
			}
		},
		"closed": func(f *fixture) {
			f.commit(graph.Create{Node: thing("a")})
			for range 2 {
				if err := f.repo.Close(); err != nil {
					f.Fatalf("Close: %v", err)
				}
				want(f, all(f, f.Context()), graph.ErrClosed)
				want(f, all(f, f.Context()), graph.ErrUnavailable)
			}
		},
		"close-under-load": func(f *fixture) {
			begun := make(chan struct{}, racers)
			var writers sync.WaitGroup
			for i := range racers {
				writers.Go(func() {
					for n := 0; ; n++ {
						_, err := f.repo.Commit(f.Context(), f.scope, graph.Increment{Counter: number(i), By: 1, Window: time.Hour})
						if n == 0 {
							begun <- struct{}{}
						}
						if errors.Is(err, graph.ErrClosed) {
							return
						}
						if err != nil {
							f.Errorf("Commit: %v", err)
							return
						}
					}
				})
			}
			for range racers {
				<-begun
			}
			if err := f.repo.Close(); err != nil {
				f.Errorf("Close: %v", err)
			}
			writers.Wait()
		},
	}
}
