package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// AuditFilter narrows a list: an event has to be as every field that is set says.
type AuditFilter struct {
	Action, Actor, Target string
	From, Until           time.Time // From is in it, Until is not
}

// maxAuditScan is how many events one call looks at.
const maxAuditScan = 2000

// List returns events in the order of their time. With more than one of action,
// actor and target a page may be shorter than its limit, even empty, and yet have
// a next one.
func (s *AuditEvents) List(ctx context.Context, scope Scope, f AuditFilter, p PageRequest) (List[AuditEvent], error) {
	q := f.query()
	q.Limit, q.Reverse = p.Limit, p.Reverse
	var err error
	if q.After, err = s.start(scope, q, f, p.After); err != nil {
		return List[AuditEvent]{}, err
	}
	for seen := 0; ; {
		page, err := list[AuditEvent](ctx, s.repo, scope, q)
		if err != nil {
			return List[AuditEvent]{}, err
		}
		seen += len(page.Items)
		var kept []*AuditEvent
		for _, e := range page.Items {
			if f.past(e.At, p.Reverse) {
				page.Next = "" // and none that follows
				break
			}
			if f.matches(e) {
				kept = append(kept, e)
			}
		}
		if page.Items = kept; len(kept) > 0 || page.Next == "" || seen >= maxAuditScan {
			return page, nil
		}
		q.After = page.Next
	}
}

// query chooses the index that leaves the fewest.
func (f AuditFilter) query() graph.Query {
	q := graph.Query{Type: typeAuditEvent, Index: "at"}
	switch {
	case f.Target != "":
		q.Index, q.Equal = "target", []graph.Value{graph.String(f.Target)}
	case f.Actor != "":
		q.Index, q.Equal = "actor", []graph.Value{graph.String(f.Actor)}
	case f.Action != "":
		q.Index, q.Equal = "action", []graph.Value{graph.String(f.Action)}
	}
	return q
}

// start returns the cursor to go on from: the one given, or that of the place
// where the range of time begins, so that nothing before it is read.
func (s *AuditEvents) start(scope Scope, q graph.Query, f AuditFilter, after string) (string, error) {
	edge, id := f.From, "\U0010FFFF" // after every id of the microsecond before
	if q.Reverse {
		edge, id = f.Until, " "
	}
	if after != "" || edge.IsZero() {
		return after, nil
	}
	step := -time.Microsecond
	if q.Reverse { // columns have whole microseconds, the range may not
		step = -step
	}
	plan, err := s.catalog.Query(scope, q)
	if err != nil {
		return "", fmt.Errorf("storage: audit events: %w", err)
	}
	n := graph.Node{ID: id, Columns: make([]graph.Value, len(plan.Type.Columns))}
	n.Columns[plan.Rest[0]] = graph.Time(edge.Add(step))
	return plan.Cursor(n), nil
}

// past says whether an event, and so every one that follows it, is beyond the
// range of time.
func (f AuditFilter) past(at time.Time, reverse bool) bool {
	if reverse {
		return !f.From.IsZero() && at.Before(f.From)
	}
	return !f.Until.IsZero() && !at.Before(f.Until)
}

func (f AuditFilter) matches(e *AuditEvent) bool {
	if e.At.Before(f.From) || !f.Until.IsZero() && !e.At.Before(f.Until) {
		return false
	}
	return (f.Action == "" || f.Action == e.Action) && (f.Actor == "" || f.Actor == e.Actor) && (f.Target == "" || f.Target == e.Target)
}
