package storage

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Concerning lists a project's events together with those of the control scope
// that speak of it: what operators did to the project, its hosts and credentials.
// Events of the control scope name their project in the detail project_id; those
// of another, or of none, are never among them. Like List, a page may be shorter
// than its limit and yet have a next one.
func (s *AuditEvents) Concerning(ctx context.Context, project string, f AuditFilter, p PageRequest) (List[AuditEvent], error) {
	q := f.query()
	q.Limit, q.Reverse = graph.DefaultLimit, p.Reverse
	if p.Limit != 0 {
		q.Limit = p.Limit
	}
	var err error
	if q.After, err = s.start(In(project), q, f, p.After); err != nil {
		return List[AuditEvent]{}, err
	}
	var out List[AuditEvent]
	for seen := 0; ; {
		page, n, err := s.together(ctx, project, q, f)
		if err != nil {
			return List[AuditEvent]{}, err
		}
		if room := q.Limit - len(out.Items); len(page.Items) > room {
			page.Items = page.Items[:room]
			if page.Next, err = s.after(In(project), q, page.Items[room-1]); err != nil {
				return List[AuditEvent]{}, err
			}
		}
		out.Items, out.Next = append(out.Items, page.Items...), page.Next
		if seen += n; len(out.Items) >= q.Limit || out.Next == "" || seen >= maxAuditScan {
			return out, nil
		}
		q.After = out.Next
	}
}

// together reads one page of each of the two logs from the same place on, and
// returns what is known to be in order: all up to where the shorter one ends.
func (s *AuditEvents) together(ctx context.Context, project string, q graph.Query, f AuditFilter) (List[AuditEvent], int, error) {
	above := q
	var err error
	if above.After, err = s.moved(In(project), controlScope, q); err != nil {
		return List[AuditEvent]{}, 0, err
	}
	own, err := list[AuditEvent](ctx, s.repo, In(project), q)
	if err != nil {
		return List[AuditEvent]{}, 0, err
	}
	operators, err := list[AuditEvent](ctx, s.repo, controlScope, above)
	if err != nil {
		return List[AuditEvent]{}, 0, err
	}
	end := earliestEnd(q.Reverse, own, operators)
	var out List[AuditEvent]
	for a, b := own.Items, operators.Items; len(a)+len(b) > 0; {
		var e *AuditEvent
		own := len(b) == 0 || len(a) > 0 && inOrder(q.Reverse, a[0], b[0]) < 0
		if own {
			e, a = a[0], a[1:]
		} else {
			e, b = b[0], b[1:]
		}
		switch {
		case end != nil && inOrder(q.Reverse, e, end) > 0:
			a, b = nil, nil // what the other log has before it is not read yet
			continue
		case f.past(e.At, q.Reverse):
			return out, 0, nil // and none that follows
		case f.matches(e) && (own || e.Details["project_id"] == project):
			out.Items = append(out.Items, e)
		}
	}
	if end != nil {
		out.Next, err = s.after(In(project), q, end)
	}
	return out, len(own.Items) + len(operators.Items), err
}

// earliestEnd is the last event of the log that goes on and was read less far, nil
// when neither goes on.
func earliestEnd(reverse bool, logs ...List[AuditEvent]) *AuditEvent {
	var end *AuditEvent
	for _, l := range logs {
		if l.Next == "" {
			continue
		}
		if last := l.Items[len(l.Items)-1]; end == nil || inOrder(reverse, last, end) < 0 {
			end = last
		}
	}
	return end
}

// inOrder compares events as the index does: by time, in whole microseconds, and id.
func inOrder(reverse bool, a, b *AuditEvent) int {
	c := cmp.Or(a.At.Truncate(time.Microsecond).Compare(b.At.Truncate(time.Microsecond)), strings.Compare(a.ID, b.ID))
	if reverse {
		return -c
	}
	return c
}

// after is the cursor of the place behind an event, whichever log has it.
func (s *AuditEvents) after(scope Scope, q graph.Query, e *AuditEvent) (string, error) {
	plan, err := s.catalog.Query(scope, q)
	if err != nil {
		return "", err
	}
	_, columns, _ := e.keys()
	return plan.Cursor(graph.Node{ID: e.ID, Columns: columns}), nil
}

// moved is a cursor of one log as one of the other.
func (s *AuditEvents) moved(from, to Scope, q graph.Query) (string, error) {
	plan, err := s.catalog.Query(from, q)
	if err != nil || plan.After == nil {
		return "", err
	}
	n := graph.Node{ID: plan.After.ID, Columns: make([]graph.Value, len(plan.Type.Columns))}
	for i, column := range plan.Rest {
		n.Columns[column] = plan.After.Values[i]
	}
	q.After = ""
	if plan, err = s.catalog.Query(to, q); err != nil {
		return "", err
	}
	return plan.Cursor(n), nil
}
