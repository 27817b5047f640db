package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// HelpRequest asks the administrators of a project to help somebody who can't get
// in. Whoever wrote it has proven nothing.
type HelpRequest struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	UserID     string    `json:"user_id,omitempty"` // whose account has the address, "" for nobody's
	Email      string    `json:"email"`             // where the answer goes
	Message    string    `json:"message"`
	Origin     Origin    `json:"origin,omitzero"`
	Status     string    `json:"status"`
	Answer     string    `json:"answer,omitempty"`
	ResolvedBy string    `json:"resolved_by,omitempty"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

// The statuses of a request for help.
const (
	HelpOpen     = "open"
	HelpResolved = "resolved"
)

// helpKeep is how long a request for help is kept, answered or not.
const helpKeep = 90 * 24 * time.Hour

func (r *HelpRequest) keys() (string, []graph.Value, time.Time) {
	return r.ID, []graph.Value{graph.String(r.UserID), graph.String(r.Status), graph.Int64(r.CreatedOrder)}, time.UnixMicro(r.CreatedOrder).Add(helpKeep)
}

func (r *HelpRequest) restore(n graph.Node) { r.ID, r.Meta = n.ID, meta(n) }

// HelpRequests keeps the requests for help.
type HelpRequests struct{ repo graph.Repository }

// Ask returns the change that stores a request.
func (s *HelpRequests) Ask(r *HelpRequest) Change {
	r.ID, r.Status = NewID(), HelpOpen
	return create(typeAdminHelpRequest, r)
}

// Get returns a request.
func (s *HelpRequests) Get(ctx context.Context, scope Scope, id string) (*HelpRequest, error) {
	return get[HelpRequest](ctx, s.repo, scope, typeAdminHelpRequest, id)
}

// Resolve returns the change that answers a request. The commit gets ErrConflict
// when it was answered since it was read.
func (s *HelpRequests) Resolve(r *HelpRequest, answer, by string, now time.Time) Change {
	next := *r
	next.Status, next.Answer, next.ResolvedBy, next.ResolvedAt = HelpResolved, answer, by, now
	return update(typeAdminHelpRequest, &next, r.Version)
}

// List returns the requests of a status, oldest first; "" are all.
func (s *HelpRequests) List(ctx context.Context, scope Scope, status string, p PageRequest) (List[HelpRequest], error) {
	q := graph.Query{Type: typeAdminHelpRequest, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse}
	if status != "" {
		q.Index, q.Equal = "status", []graph.Value{graph.String(status)}
	}
	return list[HelpRequest](ctx, s.repo, scope, q)
}
