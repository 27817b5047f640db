package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// AuditEvent is one line of the append-only log of what changed. It is committed
// with the change that it tells of.
type AuditEvent struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	At        time.Time         `json:"at"`
	Action    string            `json:"action"`           // "user.signed_in", "grant.revoked", …
	Outcome   string            `json:"outcome"`          // success or failure
	Actor     string            `json:"actor,omitempty"`  // user id, "client:<id>" or "operator"
	Target    string            `json:"target,omitempty"` // id of what was changed
	ClientID  string            `json:"client_id,omitempty"`
	SessionID string            `json:"session_id,omitempty"`
	Reason    string            `json:"reason,omitempty"`  // machine-readable, for failures
	Details   map[string]string `json:"details,omitempty"` // never a secret
	Origin
}

// Origin is where a request came from.
type Origin struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

func (e *AuditEvent) keys() (string, []graph.Value, time.Time) {
	return e.ID, []graph.Value{graph.Time(e.At), graph.String(e.Action), graph.String(e.Actor), graph.String(e.Target)}, time.Time{}
}

func (e *AuditEvent) restore(n graph.Node) { e.ID, e.Meta = n.ID, meta(n) }

// AuditEvents keeps the log.
type AuditEvents struct{ repo graph.Repository }

// Append returns the change that adds an event. It gets a new id.
func (s *AuditEvents) Append(e AuditEvent) Change {
	e.ID = NewID()
	return create(typeAuditEvent, &e)
}

// AuditFilter narrows a list: at most one of its fields.
type AuditFilter struct{ Action, Actor, Target string }

// List returns events in the order of their time.
func (s *AuditEvents) List(ctx context.Context, scope Scope, f AuditFilter, p PageRequest) (List[AuditEvent], error) {
	q := graph.Query{Type: typeAuditEvent, Index: "at", Limit: p.Limit, After: p.After, Reverse: p.Reverse}
	switch {
	case f.Action != "" && f.Actor == "" && f.Target == "":
		q.Index, q.Equal = "action", []graph.Value{graph.String(f.Action)}
	case f.Actor != "" && f.Action == "" && f.Target == "":
		q.Index, q.Equal = "actor", []graph.Value{graph.String(f.Actor)}
	case f.Target != "" && f.Action == "" && f.Actor == "":
		q.Index, q.Equal = "target", []graph.Value{graph.String(f.Target)}
	case f != (AuditFilter{}):
		return List[AuditEvent]{}, ErrInvalidArgument
	}
	return list[AuditEvent](ctx, s.repo, scope, q)
}
