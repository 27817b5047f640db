package storage

import (
	"context"
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// TenantInvitation asks the person with a mail address into a tenant.
type TenantInvitation struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TokenHash Digest     `json:"token_hash"`
	TenantID  string     `json:"tenant_id"`
	EmailKey  string     `json:"email_key"` // normalised
	Role      TenantRole `json:"role"`
	InvitedBy string     `json:"invited_by,omitempty"`
	ExpiresAt time.Time  `json:"-"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (i *TenantInvitation) keys() (string, []graph.Value, time.Time) {
	return i.ID, []graph.Value{graph.Binary(i.TokenHash[:]), graph.String(i.TenantID), graph.String(i.EmailKey), graph.Int64(i.CreatedOrder)}, i.ExpiresAt
}

func (i *TenantInvitation) restore(n graph.Node) {
	i.ID, i.Meta, i.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// TenantInvitations keeps the open invitations, at most one for each tenant and
// mail address.
type TenantInvitations struct{ repo graph.Repository }

// Create stores an invitation and returns its token. One that the address has for
// this tenant is replaced: its token is good for nothing any more.
func (s *TenantInvitations) Create(ctx context.Context, scope Scope, i *TenantInvitation, also ...Change) (string, error) {
	if err := i.Role.check(); err != nil {
		return "", err
	}
	token := NewSecret()
	i.ID, i.TokenHash = NewID(), DigestOf(token)
	old, err := lookup[TenantInvitation](ctx, s.repo, scope, typeTenantInvitation, "tenant_email", graph.String(i.TenantID), graph.String(i.EmailKey))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", err
	}
	changes := []Change{{op: graph.Check{Type: typeTenant, ID: i.TenantID}}}
	if err == nil {
		changes = append(changes, Change{op: graph.Delete{Type: typeTenantInvitation, ID: old.ID, Version: old.Version}})
	}
	if _, err = commit(ctx, s.repo, scope, append(append(changes, create(typeTenantInvitation, i)), also...)); err != nil {
		return "", err
	}
	return token, nil
}

// ByToken returns an invitation. ErrConsumed when it was answered before.
func (s *TenantInvitations) ByToken(ctx context.Context, scope Scope, d Digest) (*TenantInvitation, error) {
	i, err := lookup[TenantInvitation](ctx, s.repo, scope, typeTenantInvitation, "token_hash", graph.Binary(d[:]))
	if err == nil && !i.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return i, err
}

// Accept makes a person a member by an invitation: once. ErrInvalidArgument when
// it was made for another address, or theirs is not verified; ErrAlreadyExists
// when they are a member.
func (s *TenantInvitations) Accept(ctx context.Context, scope Scope, i *TenantInvitation, u *User, now time.Time, also ...Change) (*TenantMember, error) {
	if u.EmailKey != i.EmailKey || !u.EmailVerified {
		return nil, ErrInvalidArgument
	}
	m := &TenantMember{TenantID: i.TenantID, UserID: u.ID, Role: i.Role, CreatedOrder: now.UnixMicro()}
	changes, err := joins(m)
	if err != nil {
		return nil, err
	}
	res, err := commit(ctx, s.repo, scope, append(append([]Change{{op: graph.Take{Type: typeTenantInvitation, ID: i.ID}}}, changes...), also...))
	if err != nil {
		return nil, err
	}
	m.Meta = meta(res[1].Node)
	return m, nil
}

// Revoke takes an invitation back.
func (s *TenantInvitations) Revoke(ctx context.Context, scope Scope, id string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{remove(typeTenantInvitation, id)}, also...))
	return err
}

// OfTenant lists the invitations of a tenant, oldest first, with those that were
// accepted and have not expired.
func (s *TenantInvitations) OfTenant(ctx context.Context, scope Scope, tenantID string, p PageRequest) (List[TenantInvitation], error) {
	return list[TenantInvitation](ctx, s.repo, scope, graph.Query{
		Type: typeTenantInvitation, Index: "tenant", Equal: []graph.Value{graph.String(tenantID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
