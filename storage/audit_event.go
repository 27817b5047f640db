package storage

import (
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
type AuditEvents struct {
	repo    graph.Repository
	catalog *graph.Catalog
}

// Append returns the change that adds an event. It gets a new id.
func (s *AuditEvents) Append(e AuditEvent) Change {
	e.ID = NewID()
	return create(typeAuditEvent, &e)
}
