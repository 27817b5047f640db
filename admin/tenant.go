package admin

import (
	"context"
	"errors"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (s *Server) tenantTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.TenantService/CreateTenant", s.createTenant),
		rpc(s, "/identity.admin.v1.TenantService/GetTenant", s.getTenant),
		rpc(s, "/identity.admin.v1.TenantService/ListTenants", s.listTenants),
		rpc(s, "/identity.admin.v1.TenantService/UpdateTenant", s.updateTenant),
		rpc(s, "/identity.admin.v1.TenantService/DeleteTenant", s.deleteTenant),
		rpc(s, "/identity.admin.v1.TenantService/AddTenantDomain", s.addTenantDomain),
		rpc(s, "/identity.admin.v1.TenantService/VerifyTenantDomain", s.verifyTenantDomain),
		rpc(s, "/identity.admin.v1.TenantService/RemoveTenantDomain", s.removeTenantDomain),
		rpc(s, "/identity.admin.v1.TenantService/ListTenantDomains", s.listTenantDomains),
		rpc(s, "/identity.admin.v1.TenantService/SetTenantMember", s.setTenantMember),
		rpc(s, "/identity.admin.v1.TenantService/RemoveTenantMember", s.removeTenantMember),
		rpc(s, "/identity.admin.v1.TenantService/ListTenantMembers", s.listTenantMembers),
		rpc(s, "/identity.admin.v1.TenantService/ListUserTenants", s.listUserTenants),
	}
}

func tenantMessage(t *storage.Tenant) *adminv1.Tenant {
	return &adminv1.Tenant{
		Id: t.ID, Name: t.Name, LoginPolicy: loginPolicyMessage(t.Login),
		CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt), Etag: etagOf(t.Version),
	}
}

func (s *Server) tenant(ctx context.Context, c *call, id string) (*storage.Tenant, error) {
	t, err := s.Store.Tenants.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("tenant", id)
	}
	return t, err
}

func tenantFault(err error) error {
	if errors.Is(err, storage.ErrInvalidArgument) {
		return invalid("tenant.name", "has to be 1 to 200 bytes that are not all blank")
	}
	return err
}

func (s *Server) createTenant(ctx context.Context, c *call, req *adminv1.CreateTenantRequest) (*adminv1.CreateTenantResponse, error) {
	once, err := s.once(c, c.scope(), req.GetIdempotencyKey(), req)
	if err != nil {
		return nil, err
	}
	if was, err := once.before(ctx); err != nil || was != nil {
		return s.createdTenant(ctx, c, was, err)
	}
	in := req.GetTenant()
	if in.GetId() != "" {
		return nil, invalid("tenant.id", "is set by the server")
	}
	owner, err := s.user(ctx, c, req.GetOwnerUserId())
	if err != nil {
		return nil, err
	}
	t := &storage.Tenant{ID: storage.NewID(), Name: in.GetName(), Login: loginPolicyOf(in.GetLoginPolicy()), CreatedOrder: c.now.UnixMicro()}
	also, err := once.remember(outcome{ID: t.ID})
	if err != nil {
		return nil, err
	}
	if err := s.Store.Tenants.Create(ctx, c.scope(), t, owner.ID, append(also, s.event(c, "tenant.created", t.ID))...); err != nil {
		if was, err := once.raced(ctx, err); err != nil || was != nil {
			return s.createdTenant(ctx, c, was, err)
		}
		return nil, tenantFault(err)
	}
	return &adminv1.CreateTenantResponse{Tenant: tenantMessage(t)}, nil
}

func (s *Server) createdTenant(ctx context.Context, c *call, was *outcome, err error) (*adminv1.CreateTenantResponse, error) {
	if err != nil {
		return nil, err
	}
	t, err := s.tenant(ctx, c, was.ID)
	if err != nil {
		return nil, err
	}
	return &adminv1.CreateTenantResponse{Tenant: tenantMessage(t)}, nil
}

func (s *Server) getTenant(ctx context.Context, c *call, req *adminv1.GetTenantRequest) (*adminv1.GetTenantResponse, error) {
	t, err := s.tenant(ctx, c, req.GetTenantId())
	if err != nil {
		return nil, err
	}
	return &adminv1.GetTenantResponse{Tenant: tenantMessage(t)}, nil
}

func (s *Server) listTenants(ctx context.Context, c *call, req *adminv1.ListTenantsRequest) (*adminv1.ListTenantsResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.Tenants.List(ctx, c.scope(), req.GetSearch(), page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListTenantsResponse{NextPageToken: l.Next}
	for _, t := range l.Items {
		res.Tenants = append(res.Tenants, tenantMessage(t))
	}
	return res, nil
}

func (s *Server) updateTenant(ctx context.Context, c *call, req *adminv1.UpdateTenantRequest) (*adminv1.UpdateTenantResponse, error) {
	t, err := s.tenant(ctx, c, req.GetTenant().GetId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetTenant().GetEtag(), t.Version); err != nil {
		return nil, err
	}
	before, after := tenantMessage(t), tenantMessage(t)
	if err := merge(after, req.GetTenant(), req.GetUpdateMask()); err != nil {
		return nil, err
	}
	t.Name, t.Login = after.GetName(), loginPolicyOf(after.GetLoginPolicy())
	e := s.eventOf(c, "tenant.updated", t.ID)
	e.Details = map[string]string{"fields": changed(before, after)}
	if err := s.Store.Tenants.Update(ctx, c.scope(), t, s.Store.AuditEvents.Append(e)); err != nil {
		return nil, tenantFault(err)
	}
	return &adminv1.UpdateTenantResponse{Tenant: tenantMessage(t)}, nil
}

func (s *Server) deleteTenant(ctx context.Context, c *call, req *adminv1.DeleteTenantRequest) (*adminv1.DeleteTenantResponse, error) {
	t, err := s.tenant(ctx, c, req.GetTenantId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetEtag(), t.Version); err != nil {
		return nil, err
	}
	err = s.Store.Tenants.Delete(ctx, c.scope(), t.ID, s.event(c, "tenant.deleted", t.ID))
	return &adminv1.DeleteTenantResponse{}, err
}
