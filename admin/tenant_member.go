package admin

import (
	"context"
	"errors"
	"strings"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func tenantRoleOf(m adminv1.TenantRole) storage.TenantRole {
	if m == adminv1.TenantRole_TENANT_ROLE_UNSPECIFIED {
		return ""
	}
	return storage.TenantRole(strings.ToLower(strings.TrimPrefix(m.String(), "TENANT_ROLE_")))
}

func memberMessage(m *storage.TenantMember) *adminv1.TenantMember {
	role := adminv1.TenantRole(adminv1.TenantRole_value["TENANT_ROLE_"+strings.ToUpper(string(m.Role))])
	return &adminv1.TenantMember{TenantId: m.TenantID, UserId: m.UserID, Role: role, CreatedAt: stamp(m.CreatedAt)}
}

// inTenant is an event of something in a tenant.
func (s *Server) inTenant(c *call, action, tenantID, what, id string) storage.Change {
	e := s.eventOf(c, action, tenantID)
	e.Details = map[string]string{what: id}
	return s.Store.AuditEvents.Append(e)
}

func (s *Server) setTenantMember(ctx context.Context, c *call, req *adminv1.SetTenantMemberRequest) (*adminv1.SetTenantMemberResponse, error) {
	if _, err := s.tenant(ctx, c, req.GetTenantId()); err != nil {
		return nil, err
	}
	if _, err := s.user(ctx, c, req.GetUserId()); err != nil {
		return nil, err
	}
	role := tenantRoleOf(req.GetRole())
	e := s.eventOf(c, "tenant.member_set", req.GetTenantId())
	e.Details = map[string]string{"user_id": req.GetUserId(), "role": string(role)}
	event := s.Store.AuditEvents.Append(e)
	m, err := s.Store.TenantMembers.Get(ctx, c.scope(), req.GetTenantId(), req.GetUserId())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		m = &storage.TenantMember{TenantID: req.GetTenantId(), UserID: req.GetUserId(), Role: role, CreatedOrder: c.now.UnixMicro()}
		_, err = s.Store.TenantMembers.Add(ctx, c.scope(), m, event)
		if errors.Is(err, storage.ErrAlreadyExists) { // they joined meanwhile
			err = storage.ErrConflict
		}
	case err == nil:
		err = s.Store.TenantMembers.SetRole(ctx, c.scope(), m, role, event)
	}
	if errors.Is(err, storage.ErrLastOwner) {
		return nil, forbidden("role", "can't be taken from the last owner of the tenant")
	}
	if err != nil {
		return nil, err
	}
	return &adminv1.SetTenantMemberResponse{Member: memberMessage(m)}, nil
}

func (s *Server) removeTenantMember(ctx context.Context, c *call, req *adminv1.RemoveTenantMemberRequest) (*adminv1.RemoveTenantMemberResponse, error) {
	if _, err := s.tenant(ctx, c, req.GetTenantId()); err != nil {
		return nil, err
	}
	m, err := s.Store.TenantMembers.Get(ctx, c.scope(), req.GetTenantId(), req.GetUserId())
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("tenant member", req.GetUserId())
	}
	if err != nil {
		return nil, err
	}
	err = s.Store.TenantMembers.Remove(ctx, c.scope(), m, s.inTenant(c, "tenant.member_removed", m.TenantID, "user_id", m.UserID))
	if errors.Is(err, storage.ErrLastOwner) {
		return nil, forbidden("user_id", "is the last owner of the tenant")
	}
	return &adminv1.RemoveTenantMemberResponse{}, err
}

func (s *Server) listTenantMembers(ctx context.Context, c *call, req *adminv1.ListTenantMembersRequest) (*adminv1.ListTenantMembersResponse, error) {
	t, err := s.tenant(ctx, c, req.GetTenantId())
	if err != nil {
		return nil, err
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.TenantMembers.OfTenant(ctx, c.scope(), t.ID, tenantRoleOf(req.GetRole()), page)
	if err != nil {
		return nil, badPage(err)
	}
	return &adminv1.ListTenantMembersResponse{Members: memberMessages(l.Items), NextPageToken: l.Next}, nil
}

func memberMessages(members []*storage.TenantMember) []*adminv1.TenantMember {
	out := make([]*adminv1.TenantMember, len(members))
	for i, m := range members {
		out[i] = memberMessage(m)
	}
	return out
}

func (s *Server) listUserTenants(ctx context.Context, c *call, req *adminv1.ListUserTenantsRequest) (*adminv1.ListUserTenantsResponse, error) {
	u, err := s.user(ctx, c, req.GetUserId())
	if err != nil {
		return nil, err
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.TenantMembers.OfUser(ctx, c.scope(), u.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	return &adminv1.ListUserTenantsResponse{Members: memberMessages(l.Items), NextPageToken: l.Next}, nil
}
