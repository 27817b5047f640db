package storage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestAuditConcerning: a project's own events and what operators did to it are one
// list, in order, whatever the size of the pages; another project's are not in it.
func TestAuditConcerning(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		start := time.Now().UTC().Truncate(time.Second)
		at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
		own, other := scope.Project(), "another"
		put := func(in storage.Scope, i int, action, project string) {
			e := storage.AuditEvent{At: at(i), Action: action, Actor: "operator", Target: fmt.Sprint("t", i%2)}
			if project != "" {
				e.Details = map[string]string{"project_id": project}
			}
			must(t, s.Commit(t.Context(), in, s.AuditEvents.Append(e)))
		}
		for i := range 8 { // several at each second, of both logs
			put(scope, i, "own", "")
			put(storage.ControlScope(), i, "done", own)
			put(storage.ControlScope(), i, "hidden", other)
			put(storage.ControlScope(), i, "hidden", "")
			put(storage.In(other), i, "hidden", own)
		}
		for i := range 20 { // many of others, between two of ours
			put(storage.ControlScope(), 8, "hidden", fmt.Sprint("p", i))
		}
		put(storage.ControlScope(), 9, "done", own)
		for _, c := range []struct {
			f storage.AuditFilter
			n int
		}{
			{storage.AuditFilter{}, 17}, {storage.AuditFilter{Action: "done"}, 9}, {storage.AuditFilter{Action: "own"}, 8}, {storage.AuditFilter{Action: "hidden"}, 0},
			{storage.AuditFilter{Target: "t1"}, 9}, {storage.AuditFilter{Target: "t0", Action: "done"}, 4}, {storage.AuditFilter{Actor: "operator"}, 17},
			{storage.AuditFilter{From: at(2)}, 13}, {storage.AuditFilter{Until: at(2)}, 4}, {storage.AuditFilter{From: at(1), Until: at(3)}, 4},
			{storage.AuditFilter{From: at(3), Until: at(1)}, 0}, {storage.AuditFilter{From: at(9)}, 1},
		} {
			for _, reverse := range []bool{false, true} {
				for _, size := range []int{1, 2, 3, 7, 17, 50} {
					var got []*storage.AuditEvent
					p := storage.PageRequest{Limit: size, Reverse: reverse}
					for range 100 {
						l, err := s.AuditEvents.Concerning(t.Context(), own, c.f, p)
						must(t, err)
						if len(l.Items) > size {
							t.Fatalf("%d events in a page of %d", len(l.Items), size)
						}
						got = append(got, l.Items...)
						if p.After = l.Next; p.After == "" {
							break
						}
					}
					seen := map[string]bool{}
					for _, e := range got {
						if e.Action == "hidden" || seen[e.ID] {
							t.Errorf("%+v: %s, twice %v", c.f, e.Action, seen[e.ID])
						}
						seen[e.ID] = true
					}
					if reverse {
						slices.Reverse(got)
					}
					if !slices.IsSortedFunc(got, func(a, b *storage.AuditEvent) int { return a.At.Compare(b.At) }) {
						t.Errorf("%+v in pages of %d, backwards %v: out of order", c.f, size, reverse)
					}
					if len(got) != c.n {
						t.Errorf("%+v in pages of %d, backwards %v: %d, want %d", c.f, size, reverse, len(got), c.n)
					}
				}
			}
		}
		first, err := s.AuditEvents.Concerning(t.Context(), own, storage.AuditFilter{}, storage.PageRequest{Limit: 1})
		must(t, err)
		_, err = s.AuditEvents.Concerning(t.Context(), other, storage.AuditFilter{}, storage.PageRequest{Limit: 1, After: first.Next})
		want(t, err, storage.ErrInvalidArgument) // the cursor is this project's
	})
}
