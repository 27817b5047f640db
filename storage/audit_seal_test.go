package storage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
)

func event(t *testing.T, s *storage.Store, at time.Time, action, actor, target string) {
	t.Helper()
	must(t, s.Commit(t.Context(), scope, s.AuditEvents.Append(storage.AuditEvent{At: at, Action: action, Actor: actor, Target: target, Outcome: "success"})))
}

func seal(t *testing.T, s *storage.Store, now time.Time) int {
	t.Helper()
	total := 0
	for {
		n, more, err := s.AuditSeals.Seal(t.Context(), scope, now)
		must(t, err)
		if total += n; !more {
			return total
		}
	}
}

func TestAuditSeal(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now().UTC()
		verify := func(sealed, unsealed, seals int64) {
			t.Helper()
			r, err := s.AuditSeals.Verify(t.Context(), scope)
			if err != nil || r.Fault != nil || r.Sealed != sealed || r.Unsealed != unsealed || r.Seals != seals {
				t.Fatalf("got %+v (%v) %v, want %d sealed, %d not, %d seals", r, r.Fault, err, sealed, unsealed, seals)
			}
		}
		if n := seal(t, s, now); n != 0 {
			t.Fatalf("sealed %d of nothing", n)
		}
		verify(0, 0, 0)
		for i := range 620 {
			event(t, s, now.Add(time.Duration(i)*time.Millisecond), "a", "x", "t")
		}
		verify(0, 620, 0)
		now = now.Add(time.Second)
		if n := seal(t, s, now); n != 620 {
			t.Fatalf("sealed %d", n)
		}
		if n := seal(t, s, now); n != 0 {
			t.Fatalf("sealed %d twice", n)
		}
		verify(620, 0, 2)
		event(t, s, now.Add(-sealLate), "late", "x", "t")        // committed after later ones were sealed
		event(t, s, now.Add(time.Hour), "from-future", "x", "t") // a clock that is wrong hides nobody
		if n := seal(t, s, now); n != 2 {
			t.Fatalf("sealed %d", n)
		}
		event(t, s, now.Add(time.Minute), "after", "x", "t")
		if n := seal(t, s, now.Add(time.Minute)); n != 1 {
			t.Fatalf("sealed %d", n)
		}
		verify(623, 0, 4)
		event(t, s, now.Add(-time.Hour), "much-too-late", "x", "t")
		seal(t, s, now.Add(time.Minute))
		verify(623, 1, 4) // never silently
	})
}

const sealLate = 5 * time.Minute

func TestAuditSealRace(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		race(t, func(i int) error {
			if i%4 == 0 {
				_, _, err := s.AuditSeals.Seal(context.Background(), scope, now)
				return err
			}
			return s.Commit(context.Background(), scope, s.AuditEvents.Append(storage.AuditEvent{At: now, Action: "a"}))
		}, storage.ErrConflict)
		seal(t, s, now)
		r, err := s.AuditSeals.Verify(t.Context(), scope)
		if err != nil || r.Fault != nil || r.Sealed != 75 || r.Unsealed != 0 {
			t.Errorf("got %+v %v", r, err)
		}
	})
}

// TestAuditTampering changes the log as somebody would who can write to the
// database (S5-05).
func TestAuditTampering(t *testing.T) {
	const auditEvent, auditSeal graph.TypeID = 26, 122
	now := time.Now().UTC()
	for name, c := range map[string]struct {
		tamper  func(edit func(graph.TypeID, int, func(*graph.Node)), drop func(graph.TypeID, int))
		problem string
		at      int64
		event   bool
	}{
		"S5-05/event-edited": {func(edit func(graph.TypeID, int, func(*graph.Node)), _ func(graph.TypeID, int)) {
			edit(auditEvent, 3, func(n *graph.Node) { n.Data = replace(n.Data, "actor", "somebody else") })
		}, storage.AuditEventAltered, 2, true},
		"S5-05/event-hidden-from-a-filter": {func(edit func(graph.TypeID, int, func(*graph.Node)), _ func(graph.TypeID, int)) {
			edit(auditEvent, 3, func(n *graph.Node) { n.Columns[2] = graph.String("nobody") })
		}, storage.AuditEventAltered, 2, true},
		"S5-05/event-removed": {func(_ func(graph.TypeID, int, func(*graph.Node)), drop func(graph.TypeID, int)) { drop(auditEvent, 0) }, storage.AuditEventMissing, 1, true},
		"S5-05/seal-removed":  {func(_ func(graph.TypeID, int, func(*graph.Node)), drop func(graph.TypeID, int)) { drop(auditSeal, 1) }, storage.AuditSealMissing, 2, false},
		"S5-05/seal-edited": {func(edit func(graph.TypeID, int, func(*graph.Node)), _ func(graph.TypeID, int)) {
			edit(auditSeal, 1, func(n *graph.Node) { n.Data = replace(n.Data, "events", []any{}) })
		}, storage.AuditSealAltered, 2, false},
		"S5-05/seal-of-another-chain": {func(edit func(graph.TypeID, int, func(*graph.Node)), _ func(graph.TypeID, int)) {
			edit(auditSeal, 2, func(n *graph.Node) { n.Data = replace(n.Data, "previous", "00") })
		}, storage.AuditSealUnlinked, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			repo := memory.Open(storage.Schema(), memory.Config{})
			s := storage.New(repo, ring(t, key("k", 7)))
			for i := range 4 {
				event(t, s, now.Add(time.Duration(i)*time.Second), "a", fmt.Sprint("actor-", i), "t")
				if i > 0 {
					seal(t, s, now.Add(time.Minute)) // the first seal has two events
				}
			}
			nodes := func(ty graph.TypeID) []graph.Node {
				page, err := repo.List(t.Context(), scope, graph.Query{Type: ty, Index: map[graph.TypeID]string{auditEvent: "at", auditSeal: "sequence"}[ty]})
				must(t, err)
				return page.Nodes
			}
			var touched string
			c.tamper(func(ty graph.TypeID, i int, change func(*graph.Node)) {
				n := nodes(ty)[min(i, len(nodes(ty))-1)]
				touched = n.ID
				change(&n)
				_, err := repo.Commit(t.Context(), scope, graph.Update{Node: n})
				must(t, err)
			}, func(ty graph.TypeID, i int) {
				touched = nodes(ty)[i].ID
				_, err := repo.Commit(t.Context(), scope, graph.Delete{Type: ty, ID: touched})
				must(t, err)
			})
			r, err := s.AuditSeals.Verify(t.Context(), scope)
			must(t, err)
			if r.Fault == nil || r.Fault.Problem != c.problem || (r.Fault.EventID != "") != c.event || c.event && r.Fault.EventID != touched {
				t.Fatalf("got %+v, want %s of %s", r.Fault, c.problem, touched)
			}
			if !c.event && r.Fault.Sequence != c.at {
				t.Errorf("the fault is at %d, want %d", r.Fault.Sequence, c.at)
			}
		})
	}
}

func replace(data []byte, name string, value any) []byte {
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		panic(err)
	}
	m[name] = value
	out, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return out
}

func TestAuditFilters(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		start := time.Now().UTC().Truncate(time.Second)
		at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
		for i := range 12 {
			event(t, s, at(i/2), fmt.Sprint("action-", i%2), fmt.Sprint("actor-", i%3), fmt.Sprint("target-", i%4)) // two at each second
		}
		for _, c := range []struct {
			f storage.AuditFilter
			n int
		}{
			{storage.AuditFilter{}, 12}, {storage.AuditFilter{Action: "action-0"}, 6}, {storage.AuditFilter{Action: "action-0", Actor: "actor-0"}, 2},
			{storage.AuditFilter{Action: "action-0", Target: "target-1"}, 0}, {storage.AuditFilter{Action: "action-1", Actor: "actor-0", Target: "target-3"}, 1},
			{storage.AuditFilter{From: at(2)}, 8}, {storage.AuditFilter{Until: at(2)}, 4}, {storage.AuditFilter{From: at(1), Until: at(3)}, 4},
			{storage.AuditFilter{From: at(2).Add(1), Until: at(2).Add(2)}, 0}, {storage.AuditFilter{From: at(3), Until: at(1)}, 0},
			{storage.AuditFilter{Target: "target-0", From: at(2), Until: at(4)}, 1}, {storage.AuditFilter{Actor: "actor-0", From: at(1)}, 3},
		} {
			for _, reverse := range []bool{false, true} {
				for _, size := range []int{1, 3, 50} {
					n, p := 0, storage.PageRequest{Limit: size, Reverse: reverse}
					var last time.Time
					for {
						l, err := s.AuditEvents.List(t.Context(), scope, c.f, p)
						must(t, err)
						for _, e := range l.Items {
							if !last.IsZero() && (reverse && e.At.After(last) || !reverse && e.At.Before(last)) {
								t.Errorf("%+v: out of order", c.f)
							}
							last = e.At
							n++
						}
						if p.After = l.Next; p.After == "" {
							break
						}
					}
					if n != c.n {
						t.Errorf("%+v in pages of %d, backwards %v: %d, want %d", c.f, size, reverse, n, c.n)
					}
				}
			}
		}
	})
}
