package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// WorkingGroup is a group of people and of other groups.
type WorkingGroup struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	Name        string `json:"name"`                  // unique in the project, whatever its case; what the groups claim says
	ExternalID  string `json:"external_id,omitempty"` // unique in the project when set
	Description string `json:"description,omitempty"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (g *WorkingGroup) keys() (string, []graph.Value, time.Time) {
	return g.ID, []graph.Value{graph.String(FoldName(g.Name)), graph.StringOrNull(g.ExternalID), graph.Int64(g.CreatedOrder)}, time.Time{}
}

func (g *WorkingGroup) restore(n graph.Node) { g.ID, g.Meta = n.ID, meta(n) }

// maxGroupName is in bytes: names go into tokens.
const maxGroupName = 200

func (g *WorkingGroup) check() error {
	if FoldName(g.Name) == "" || len(g.Name) > maxGroupName {
		return fmt.Errorf("%w: name: want 1 to %d bytes that are not all blank", ErrInvalidArgument, maxGroupName)
	}
	return nil
}

// WorkingGroups keeps the groups of a project.
type WorkingGroups struct{ repo graph.Repository }

// Create stores a new group. ErrAlreadyExists when the name or the external id is
// taken.
func (s *WorkingGroups) Create(ctx context.Context, scope Scope, g *WorkingGroup, also ...Change) error {
	if err := g.check(); err != nil {
		return err
	}
	return s.store(ctx, scope, g, create(typeWorkingGroup, g), also)
}

// Get returns a group.
func (s *WorkingGroups) Get(ctx context.Context, scope Scope, id string) (*WorkingGroup, error) {
	return get[WorkingGroup](ctx, s.repo, scope, typeWorkingGroup, id)
}

// ByName returns the group of this name, whatever its case.
func (s *WorkingGroups) ByName(ctx context.Context, scope Scope, name string) (*WorkingGroup, error) {
	return lookup[WorkingGroup](ctx, s.repo, scope, typeWorkingGroup, "name", graph.String(FoldName(name)))
}

// ByExternalID returns the group that another system knows by this id.
func (s *WorkingGroups) ByExternalID(ctx context.Context, scope Scope, externalID string) (*WorkingGroup, error) {
	return lookup[WorkingGroup](ctx, s.repo, scope, typeWorkingGroup, "external_id", graph.String(externalID))
}

// Update stores a changed group. ErrConflict when it was changed since it was read.
func (s *WorkingGroups) Update(ctx context.Context, scope Scope, g *WorkingGroup, also ...Change) error {
	if err := g.check(); err != nil {
		return err
	}
	return s.store(ctx, scope, g, update(typeWorkingGroup, g, g.Version), also)
}

// Delete removes a group. Its members and subgroups stay, but not in it.
func (s *WorkingGroups) Delete(ctx context.Context, scope Scope, id string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{remove(typeWorkingGroup, id)}, also...))
	return err
}

// List returns the groups whose name begins with prefix, by name; with no prefix
// all, in the order in which they were made.
func (s *WorkingGroups) List(ctx context.Context, scope Scope, prefix string, p PageRequest) (List[WorkingGroup], error) {
	q := graph.Query{Type: typeWorkingGroup, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse}
	if prefix = FoldName(prefix); prefix != "" {
		q.Index, q.Prefix = "name", prefix
	}
	return list[WorkingGroup](ctx, s.repo, scope, q)
}

func (s *WorkingGroups) store(ctx context.Context, scope Scope, g *WorkingGroup, c Change, also []Change) error {
	res, err := commit(ctx, s.repo, scope, append([]Change{c}, also...))
	if err == nil {
		g.Meta = meta(res[0].Node)
	}
	return err
}
