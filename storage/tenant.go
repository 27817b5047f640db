package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Tenant is an organisation inside a project, with a login policy of its own.
type Tenant struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	Name  string      `json:"name"`
	Login LoginPolicy `json:"login,omitzero"` // beside that of the project: what both allow

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (t *Tenant) keys() (string, []graph.Value, time.Time) {
	return t.ID, []graph.Value{graph.String(FoldName(t.Name)), graph.Int64(t.CreatedOrder)}, time.Time{}
}

func (t *Tenant) restore(n graph.Node) { t.ID, t.Meta = n.ID, meta(n) }

func (t *Tenant) check() error {
	if FoldName(t.Name) == "" || len(t.Name) > maxProjectName {
		return fmt.Errorf("%w: name: want 1 to %d bytes that are not all blank", ErrInvalidArgument, maxProjectName)
	}
	return nil
}

// Tenants keeps the tenants of a project.
type Tenants struct{ repo graph.Repository }

// Create stores a new tenant with its first owner. ErrNotFound when there is no
// such account.
func (s *Tenants) Create(ctx context.Context, scope Scope, t *Tenant, ownerID string, also ...Change) error {
	if err := t.check(); err != nil {
		return err
	}
	res, err := commit(ctx, s.repo, scope, append([]Change{
		create(typeTenant, t), {op: graph.Check{Type: typeUser, ID: ownerID}},
		create(typeTenantMember, &TenantMember{ID: NewID(), TenantID: t.ID, UserID: ownerID, Role: TenantOwner, CreatedOrder: t.CreatedOrder}),
	}, also...))
	if err == nil {
		t.Meta = meta(res[0].Node)
	}
	return err
}

// Get returns a tenant.
func (s *Tenants) Get(ctx context.Context, scope Scope, id string) (*Tenant, error) {
	return get[Tenant](ctx, s.repo, scope, typeTenant, id)
}

// Update stores a changed tenant. ErrConflict when it, or who owns it, was changed
// since it was read.
func (s *Tenants) Update(ctx context.Context, scope Scope, t *Tenant, also ...Change) error {
	if err := t.check(); err != nil {
		return err
	}
	res, err := commit(ctx, s.repo, scope, append([]Change{update(typeTenant, t, t.Version)}, also...))
	if err == nil {
		t.Meta = meta(res[0].Node)
	}
	return err
}

// Delete removes a tenant with its domains, memberships and invitations. The
// accounts of its members stay.
func (s *Tenants) Delete(ctx context.Context, scope Scope, id string, also ...Change) error {
	tenant := graph.String(id)
	_, err := commit(ctx, s.repo, scope, append([]Change{
		remove(typeTenant, id), removeBy(typeTenantDomain, "tenant", tenant),
		removeBy(typeTenantMember, "tenant", tenant), removeBy(typeTenantInvitation, "tenant", tenant),
	}, also...))
	return err
}

// List returns the tenants whose name begins with prefix, by name; with no prefix
// all, in the order in which they were made.
func (s *Tenants) List(ctx context.Context, scope Scope, prefix string, p PageRequest) (List[Tenant], error) {
	q := graph.Query{Type: typeTenant, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse}
	if prefix = FoldName(prefix); prefix != "" {
		q.Index, q.Prefix = "name", prefix
	}
	return list[Tenant](ctx, s.repo, scope, q)
}
