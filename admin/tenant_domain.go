package admin

import (
	"context"
	"errors"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func tenantDomainMessage(d *storage.TenantDomain) *adminv1.TenantDomain {
	return &adminv1.TenantDomain{
		Id: d.ID, TenantId: d.TenantID, Domain: d.Domain, Verified: d.Status == storage.DomainVerified,
		TxtName: challengePrefix + d.Domain, TxtValue: d.Challenge, CreatedAt: stamp(d.CreatedAt),
	}
}

// tenantDomain returns a mail domain of a tenant: that of another is not found.
func (s *Server) tenantDomain(ctx context.Context, c *call, tenantID, id string) (*storage.TenantDomain, error) {
	if _, err := s.tenant(ctx, c, tenantID); err != nil {
		return nil, err
	}
	d, err := s.Store.TenantDomains.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) || err == nil && d.TenantID != tenantID {
		return nil, notFound("domain", id)
	}
	return d, err
}

func (s *Server) addTenantDomain(ctx context.Context, c *call, req *adminv1.AddTenantDomainRequest) (*adminv1.AddTenantDomainResponse, error) {
	t, err := s.tenant(ctx, c, req.GetTenantId())
	if err != nil {
		return nil, err
	}
	d, err := s.Store.TenantDomains.Claim(ctx, c.scope(), t.ID, req.GetDomain(), s.PublicMailDomains,
		s.inTenant(c, "tenant.domain_claimed", t.ID, "domain", req.GetDomain()))
	switch {
	case errors.Is(err, storage.ErrPublicMailDomain):
		return nil, invalid("domain", "is a public mail domain: everybody can have an address there")
	case errors.Is(err, storage.ErrInvalidArgument):
		return nil, invalid("domain", "is not a mail domain")
	case err != nil:
		return nil, err
	}
	return &adminv1.AddTenantDomainResponse{Domain: tenantDomainMessage(d)}, nil
}

func (s *Server) verifyTenantDomain(ctx context.Context, c *call, req *adminv1.VerifyTenantDomainRequest) (*adminv1.VerifyTenantDomainResponse, error) {
	d, err := s.tenantDomain(ctx, c, req.GetTenantId(), req.GetDomainId())
	if err != nil {
		return nil, err
	}
	if d.Status != storage.DomainVerified {
		ok, err := s.proven(ctx, d.Domain, d.Challenge)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, forbidden("domain_id", "is not proved: there is no TXT record "+challengePrefix+d.Domain+" with the value "+d.Challenge)
		}
		err = s.Store.TenantDomains.Verify(ctx, c.scope(), d, c.now, s.inTenant(c, "tenant.domain_verified", d.TenantID, "domain", d.Domain))
		if errors.Is(err, storage.ErrAlreadyExists) {
			return nil, taken("domain_id", "names a domain that another tenant has verified")
		}
		if err != nil {
			return nil, err
		}
	}
	return &adminv1.VerifyTenantDomainResponse{Domain: tenantDomainMessage(d)}, nil
}

func (s *Server) removeTenantDomain(ctx context.Context, c *call, req *adminv1.RemoveTenantDomainRequest) (*adminv1.RemoveTenantDomainResponse, error) {
	d, err := s.tenantDomain(ctx, c, req.GetTenantId(), req.GetDomainId())
	if err != nil {
		return nil, err
	}
	err = s.Store.TenantDomains.Remove(ctx, c.scope(), d.ID, s.inTenant(c, "tenant.domain_removed", d.TenantID, "domain", d.Domain))
	return &adminv1.RemoveTenantDomainResponse{}, err
}

func (s *Server) listTenantDomains(ctx context.Context, c *call, req *adminv1.ListTenantDomainsRequest) (*adminv1.ListTenantDomainsResponse, error) {
	t, err := s.tenant(ctx, c, req.GetTenantId())
	if err != nil {
		return nil, err
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.TenantDomains.OfTenant(ctx, c.scope(), t.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListTenantDomainsResponse{NextPageToken: l.Next}
	for _, d := range l.Items {
		res.Domains = append(res.Domains, tenantDomainMessage(d))
	}
	return res, nil
}
