package admin

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

const (
	challengePrefix = "_identity-challenge." // before the host: a host may be a CNAME, which leaves no room for TXT
	resolveTimeout  = 5 * time.Second
)

// Resolver looks up TXT records. *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

func (s *Server) domainTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.DomainService/ClaimDomain", s.claimDomain),
		rpc(s, "/identity.admin.v1.DomainService/VerifyDomain", s.verifyDomain),
		rpc(s, "/identity.admin.v1.DomainService/GetDomain", s.getDomain),
		rpc(s, "/identity.admin.v1.DomainService/ListDomains", s.listDomains),
		rpc(s, "/identity.admin.v1.DomainService/SetPrimaryDomain", s.setPrimaryDomain),
		rpc(s, "/identity.admin.v1.DomainService/DeleteDomain", s.deleteDomain),
	}
}

// proven says whether a TXT record of the host has the challenge.
func (s *Server) proven(ctx context.Context, host, challenge string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	records, err := s.Resolver.LookupTXT(ctx, challengePrefix+host+".")
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false, nil
	}
	if err != nil {
		s.Log.InfoContext(ctx, "a TXT record could not be looked up", "host", host, "cause", err)
		return false, errors.Join(storage.ErrUnavailable, errors.New("the DNS does not answer"))
	}
	return slices.ContainsFunc(records, func(r string) bool { return strings.TrimSpace(r) == challenge }), nil
}

func (c *call) domainMessage(d *storage.ProjectDomain) *adminv1.Domain {
	m := &adminv1.Domain{
		Id: d.ID, Host: d.Host, Status: adminv1.DomainStatus_DOMAIN_STATUS_PENDING, TxtName: challengePrefix + d.Host, TxtValue: d.Challenge,
		CreatedAt: stamp(d.CreatedAt), VerifiedAt: stamp(d.VerifiedAt), Etag: etagOf(d.Version),
	}
	if d.Status == storage.DomainVerified {
		if !d.Assumed {
			m.Status = adminv1.DomainStatus_DOMAIN_STATUS_VERIFIED
		}
		m.Primary = c.record.PrimaryHost == d.Host
	}
	return m
}

func (s *Server) domain(ctx context.Context, c *call, id string) (*storage.ProjectDomain, error) {
	d, err := s.Store.ProjectDomains.Get(ctx, c.project.ID, id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("domain", id)
	}
	return d, err
}

func (s *Server) claimDomain(ctx context.Context, c *call, req *adminv1.ClaimDomainRequest) (*adminv1.ClaimDomainResponse, error) {
	d, err := s.Store.ProjectDomains.Claim(ctx, c.project.ID, req.GetHost(), s.controlEvent(c, "domain.claimed", req.GetHost(), c.project.ID))
	switch {
	case errors.Is(err, storage.ErrInvalidArgument):
		return nil, invalid("host", "is not a host name")
	case errors.Is(err, storage.ErrNotFound):
		return nil, notFound("project", c.project.ID)
	case err != nil:
		return nil, err
	}
	return &adminv1.ClaimDomainResponse{Domain: c.domainMessage(d)}, nil
}

func (s *Server) verifyDomain(ctx context.Context, c *call, req *adminv1.VerifyDomainRequest) (*adminv1.VerifyDomainResponse, error) {
	d, err := s.domain(ctx, c, req.GetDomainId())
	if err != nil {
		return nil, err
	}
	if d.Status != storage.DomainVerified || d.Assumed {
		ok, err := s.proven(ctx, d.Host, d.Challenge)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, forbidden("domain_id", "is not proved: there is no TXT record "+challengePrefix+d.Host+" with the value "+d.Challenge)
		}
		err = s.Store.ProjectDomains.Verify(ctx, d, c.now, s.controlEvent(c, "domain.verified", d.Host, c.project.ID))
		if errors.Is(err, storage.ErrAlreadyExists) {
			return nil, taken("domain_id", "names a host that is verified already")
		}
		if err != nil {
			return nil, err
		}
	}
	return &adminv1.VerifyDomainResponse{Domain: c.domainMessage(d)}, nil
}

func (s *Server) getDomain(ctx context.Context, c *call, req *adminv1.GetDomainRequest) (*adminv1.GetDomainResponse, error) {
	d, err := s.domain(ctx, c, req.GetDomainId())
	if err != nil {
		return nil, err
	}
	return &adminv1.GetDomainResponse{Domain: c.domainMessage(d)}, nil
}

func (s *Server) listDomains(ctx context.Context, c *call, req *adminv1.ListDomainsRequest) (*adminv1.ListDomainsResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.ProjectDomains.OfProject(ctx, c.project.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListDomainsResponse{NextPageToken: l.Next}
	for _, d := range l.Items {
		res.Domains = append(res.Domains, c.domainMessage(d))
	}
	return res, nil
}

func (s *Server) setPrimaryDomain(ctx context.Context, c *call, req *adminv1.SetPrimaryDomainRequest) (*adminv1.SetPrimaryDomainResponse, error) {
	d, err := s.domain(ctx, c, req.GetDomainId())
	if err != nil {
		return nil, err
	}
	if d.Status != storage.DomainVerified && s.AssumeDomains {
		err = s.Store.ProjectDomains.Assume(ctx, d, c.now, s.controlEvent(c, "domain.assumed", d.Host, c.project.ID))
		if errors.Is(err, storage.ErrAlreadyExists) {
			return nil, taken("domain_id", "names a host that another project has")
		}
		if err != nil {
			return nil, err
		}
	}
	if d.Status != storage.DomainVerified || d.Assumed && !s.AssumeDomains {
		return nil, forbidden("domain_id", "is not verified")
	}
	err = s.Store.ProjectDomains.MakePrimary(ctx, d, s.controlEvent(c, "domain.made_primary", d.Host, c.project.ID))
	if err != nil {
		return nil, err
	}
	m := c.domainMessage(d)
	m.Primary = true
	return &adminv1.SetPrimaryDomainResponse{Domain: m}, nil
}

func (s *Server) deleteDomain(ctx context.Context, c *call, req *adminv1.DeleteDomainRequest) (*adminv1.DeleteDomainResponse, error) {
	d, err := s.domain(ctx, c, req.GetDomainId())
	if err != nil {
		return nil, err
	}
	err = s.Store.ProjectDomains.Remove(ctx, d, s.controlEvent(c, "domain.deleted", d.Host, c.project.ID))
	return &adminv1.DeleteDomainResponse{}, err
}
