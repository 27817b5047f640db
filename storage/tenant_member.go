package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// TenantRole is what a member may do in a tenant.
type TenantRole string

// The roles of members.
const (
	TenantOwner TenantRole = "owner" // there is always one
	TenantAdmin TenantRole = "admin"
	TenantPlain TenantRole = "member"
)

// ErrLastOwner: a tenant keeps at least one owner.
var ErrLastOwner = fmt.Errorf("%w: the tenant would have no owner", ErrInvalidArgument)

// TenantMember is a person in a tenant.
type TenantMember struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TenantID string     `json:"tenant_id"`
	UserID   string     `json:"user_id"`
	Role     TenantRole `json:"role"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (m *TenantMember) keys() (string, []graph.Value, time.Time) {
	return m.ID, []graph.Value{graph.String(m.TenantID), graph.String(m.UserID), graph.String(string(m.Role)), graph.Int64(m.CreatedOrder)}, time.Time{}
}

func (m *TenantMember) restore(n graph.Node) { m.ID, m.Meta = n.ID, meta(n) }

func (r TenantRole) check() error {
	if r != TenantOwner && r != TenantAdmin && r != TenantPlain {
		return fmt.Errorf("%w: role %q: want owner, admin or member", ErrInvalidArgument, string(r))
	}
	return nil
}

// TenantMembers keeps who is in which tenant.
type TenantMembers struct{ repo graph.Repository }

// Add puts a person into a tenant. ErrAlreadyExists when they are in it,
// ErrNotFound when the tenant or the person is missing.
func (s *TenantMembers) Add(ctx context.Context, scope Scope, m *TenantMember, also ...Change) (*TenantMember, error) {
	changes, err := joins(m)
	if err != nil {
		return nil, err
	}
	res, err := commit(ctx, s.repo, scope, append(changes, also...))
	if err != nil {
		return nil, err
	}
	m.Meta = meta(res[0].Node)
	return m, nil
}

// joins returns the changes that make somebody a member.
func joins(m *TenantMember) ([]Change, error) {
	if err := m.Role.check(); err != nil {
		return nil, err
	}
	m.ID = NewID()
	return []Change{
		create(typeTenantMember, m), {op: graph.Check{Type: typeTenant, ID: m.TenantID}}, {op: graph.Check{Type: typeUser, ID: m.UserID}},
	}, nil
}

// Get returns somebody's membership.
func (s *TenantMembers) Get(ctx context.Context, scope Scope, tenantID, userID string) (*TenantMember, error) {
	return lookup[TenantMember](ctx, s.repo, scope, typeTenantMember, "tenant_user", graph.String(tenantID), graph.String(userID))
}

// SetRole gives a member another role. ErrLastOwner.
func (s *TenantMembers) SetRole(ctx context.Context, scope Scope, m *TenantMember, role TenantRole, also ...Change) error {
	if err := role.check(); err != nil {
		return err
	}
	next := *m
	next.Role = role
	return s.change(ctx, scope, m, role == TenantOwner, update(typeTenantMember, &next, m.Version), also, func(n graph.Node) {
		next.Meta = meta(n)
		*m = next
	})
}

// Remove takes a member out of the tenant. ErrLastOwner.
func (s *TenantMembers) Remove(ctx context.Context, scope Scope, m *TenantMember, also ...Change) error {
	return s.change(ctx, scope, m, false, Change{op: graph.Delete{Type: typeTenantMember, ID: m.ID, Version: m.Version}}, also, func(graph.Node) {})
}

// change commits a change of a member. Where an owner goes, the tenant's row
// changes as well: of two owners who both leave, the second has to look again.
func (s *TenantMembers) change(ctx context.Context, scope Scope, m *TenantMember, stays bool, c Change, also []Change, done func(graph.Node)) error {
	for range maxTurns {
		changes := []Change{c}
		if m.Role == TenantOwner && !stays {
			t, err := get[Tenant](ctx, s.repo, scope, typeTenant, m.TenantID)
			if err != nil {
				return err
			}
			owners, err := s.OfTenant(ctx, scope, m.TenantID, TenantOwner, PageRequest{Limit: 2})
			if err != nil {
				return err
			}
			if len(owners.Items) < 2 {
				return ErrLastOwner
			}
			changes = append(changes, update(typeTenant, t, t.Version))
		}
		res, err := commit(ctx, s.repo, scope, append(changes, also...))
		if err == nil {
			done(res[0].Node)
		}
		if e := (*graph.OpError)(nil); !errors.Is(err, ErrConflict) || !errors.As(err, &e) || e.Index != 1 || len(changes) != 2 {
			return err
		}
	}
	return ErrConflict
}

// OfTenant lists the members of a tenant with a role, with any when it is "",
// oldest first.
func (s *TenantMembers) OfTenant(ctx context.Context, scope Scope, tenantID string, role TenantRole, p PageRequest) (List[TenantMember], error) {
	q := graph.Query{Type: typeTenantMember, Index: "tenant", Equal: []graph.Value{graph.String(tenantID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse}
	if role != "" {
		q.Index, q.Equal = "tenant_role", append(q.Equal, graph.String(string(role)))
	}
	return list[TenantMember](ctx, s.repo, scope, q)
}

// OfUser lists the memberships of a person, oldest first.
func (s *TenantMembers) OfUser(ctx context.Context, scope Scope, userID string, p PageRequest) (List[TenantMember], error) {
	return list[TenantMember](ctx, s.repo, scope, graph.Query{
		Type: typeTenantMember, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
