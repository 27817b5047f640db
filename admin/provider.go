package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"connectrpc.com/connect"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// ProviderRules are what signing in with other providers knows of them: what it
// could not use is refused when it is stored.
type ProviderRules interface {
	// Faults lists every mistake: the field, and what is wrong with it. was is what is
	// stored, nil for a new one; secret is a new one, "" leaves that which is sealed.
	Faults(p, was *storage.Provider, secret string) [][2]string
	// TrustsEmail says whether addresses from this kind are believed where nobody says
	// otherwise: it is one and the same service for everybody.
	TrustsEmail(kind storage.ProviderKind) bool
	// Configured says whether the server's configuration has a provider of this id for
	// the project: it takes the place of a stored one.
	Configured(p *storage.Project, id string) bool
	RedirectURI(p *storage.Project, id string) string
}

func (s *Server) providerTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.ProviderService/CreateProvider", s.createProvider),
		rpc(s, "/identity.admin.v1.ProviderService/GetProvider", s.getProvider),
		rpc(s, "/identity.admin.v1.ProviderService/ListProviders", s.listProviders),
		rpc(s, "/identity.admin.v1.ProviderService/UpdateProvider", s.updateProvider),
		rpc(s, "/identity.admin.v1.ProviderService/DeleteProvider", s.deleteProvider),
	}
}

// providerOutput are the fields of a provider that the server sets.
var providerOutput = []string{"redirect_uri", "has_client_secret", "hidden_by_configuration"}

// providerMessage shows a provider without its secret.
func (s *Server) providerMessage(c *call, p *storage.Provider) *adminv1.Provider {
	trust := p.TrustEmail
	return &adminv1.Provider{
		Id: p.ID, Kind: string(p.Kind), Name: p.Name, ClientId: p.ClientID, AuthMethod: p.AuthMethod, Scopes: p.Scopes,
		Issuer: p.Issuer, DiscoveryUrl: p.DiscoveryURL, AuthorizationEndpoint: p.AuthorizationEndpoint, TokenEndpoint: p.TokenEndpoint,
		UserinfoEndpoint: p.UserinfoEndpoint, SubjectClaim: p.SubjectClaim, Tenant: p.Tenant, TeamId: p.TeamID, KeyId: p.KeyID,
		TrustEmail: &trust, TrustMfa: p.TrustMFA, NoSignup: p.NoSignup, KeepTokens: p.KeepTokens, Disabled: p.Disabled,
		RedirectUri: s.Providers.RedirectURI(c.project, p.ID), HasClientSecret: len(p.Sealed) > 0, HiddenByConfiguration: s.Providers.Configured(c.project, p.ID),
		CreatedAt: stamp(p.CreatedAt), UpdatedAt: stamp(p.UpdatedAt), Etag: etagOf(p.Version),
	}
}

// fillProvider sets what callers set. What a kind alone knows stays as it was.
func (s *Server) fillProvider(p *storage.Provider, m *adminv1.Provider) {
	p.Kind, p.Name, p.ClientID, p.AuthMethod, p.Scopes = storage.ProviderKind(m.GetKind()), m.GetName(), m.GetClientId(), m.GetAuthMethod(), m.GetScopes()
	p.Issuer, p.DiscoveryURL, p.AuthorizationEndpoint, p.TokenEndpoint = m.GetIssuer(), m.GetDiscoveryUrl(), m.GetAuthorizationEndpoint(), m.GetTokenEndpoint()
	p.UserinfoEndpoint, p.SubjectClaim, p.Tenant, p.TeamID, p.KeyID = m.GetUserinfoEndpoint(), m.GetSubjectClaim(), m.GetTenant(), m.GetTeamId(), m.GetKeyId()
	p.TrustMFA, p.NoSignup, p.KeepTokens, p.Disabled = m.GetTrustMfa(), m.GetNoSignup(), m.GetKeepTokens(), m.GetDisabled()
	if p.TrustEmail = m.GetTrustEmail(); m.TrustEmail == nil {
		p.TrustEmail = s.Providers.TrustsEmail(p.Kind)
	}
}

// checkProvider lists every mistake of a provider that is about to be stored.
func (s *Server) checkProvider(ctx context.Context, c *call, p, was *storage.Provider, secret string) error {
	var faults []fault
	for _, f := range s.Providers.Faults(p, was, secret) {
		field := f[0]
		if field != "client_secret" { // which stands beside the provider
			field = "provider." + field
		}
		faults = append(faults, fault{field, f[1]})
	}
	if len(faults) > 0 {
		return invalidAll(connect.CodeInvalidArgument, faults...)
	}
	return s.mayTrust(ctx, c, p, was)
}

// mayTrust: a provider whose word opens accounts that others have is as good as
// their passwords. Nobody gives it that word who may not do everything (S5-03).
func (s *Server) mayTrust(ctx context.Context, c *call, p, was *storage.Provider) error {
	if c.caller.has(scopeAdmin) {
		return nil
	}
	before := was
	if was == nil {
		before = &storage.Provider{}
	}
	why := ""
	switch {
	case p.TrustEmail && !before.TrustEmail && !s.Providers.TrustsEmail(p.Kind):
		why = "trust_email"
	case p.TrustMFA && !before.TrustMFA:
		why = "trust_mfa"
	case was != nil && !slices.Equal(endpointsOf(p), endpointsOf(was)):
		why = "endpoints"
	case was == nil: // people may be linked to one of the configuration, or to one that it had
		linked, err := s.Store.Providers.Linked(ctx, c.scope(), p.ID)
		if err != nil {
			return err
		}
		if linked {
			why = "links"
		}
	}
	if why == "" {
		return nil
	}
	s.remember(ctx, c, p.ID, "provider "+why)
	return insufficient(scopeAdmin)
}

// endpointsOf say who answers for a provider.
func endpointsOf(p *storage.Provider) []string {
	return []string{p.DiscoveryURL, p.AuthorizationEndpoint, p.TokenEndpoint, p.UserinfoEndpoint}
}

func (s *Server) provider(ctx context.Context, c *call, id string) (*storage.Provider, error) {
	p, err := s.Store.Providers.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("provider", id)
	}
	return p, err
}

func (s *Server) providerNow(ctx context.Context, c *call, id string) (*adminv1.Provider, error) {
	p, err := s.provider(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return s.providerMessage(c, p), nil
}

func (s *Server) createProvider(ctx context.Context, c *call, req *adminv1.CreateProviderRequest) (*adminv1.CreateProviderResponse, error) {
	once, err := s.once(c, c.scope(), req.GetIdempotencyKey(), req)
	if err != nil {
		return nil, err
	}
	if was, err := once.before(ctx); err != nil || was != nil {
		return s.createdProvider(ctx, c, was, err)
	}
	in := req.GetProvider()
	p := &storage.Provider{ID: in.GetId(), CreatedOrder: c.now.UnixMicro()}
	if s.fillProvider(p, in); p.ID == "" {
		p.ID = in.GetKind()
	}
	if err := s.checkProvider(ctx, c, p, nil, req.GetClientSecret()); err != nil {
		return nil, err
	}
	all, err := s.Store.Providers.List(ctx, c.scope(), storage.PageRequest{Limit: storage.MaxProviders})
	if err != nil {
		return nil, err
	}
	if len(all.Items) >= storage.MaxProviders { // each is a button on one page
		return nil, forbidden("provider", "is one too many: a project has 50 at most")
	}
	also, err := once.remember(outcome{ID: p.ID})
	if err != nil {
		return nil, err
	}
	err = s.Store.Providers.Add(ctx, c.scope(), p, req.GetClientSecret(), append(also, s.event(c, "provider.created", p.ID))...)
	if errors.Is(err, storage.ErrAlreadyExists) {
		if was, err := once.raced(ctx, err); err != nil || was != nil {
			return s.createdProvider(ctx, c, was, err)
		}
		return nil, taken("provider.id", "belongs to another provider")
	}
	return s.createdProvider(ctx, c, &outcome{ID: p.ID}, err)
}

func (s *Server) createdProvider(ctx context.Context, c *call, was *outcome, err error) (*adminv1.CreateProviderResponse, error) {
	if err != nil {
		return nil, err
	}
	m, err := s.providerNow(ctx, c, was.ID)
	return &adminv1.CreateProviderResponse{Provider: m}, err
}

func (s *Server) getProvider(ctx context.Context, c *call, req *adminv1.GetProviderRequest) (*adminv1.GetProviderResponse, error) {
	m, err := s.providerNow(ctx, c, req.GetProviderId())
	return &adminv1.GetProviderResponse{Provider: m}, err
}

func (s *Server) listProviders(ctx context.Context, c *call, req *adminv1.ListProvidersRequest) (*adminv1.ListProvidersResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.Providers.List(ctx, c.scope(), page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListProvidersResponse{NextPageToken: l.Next}
	for _, p := range l.Items {
		res.Providers = append(res.Providers, s.providerMessage(c, p))
	}
	return res, nil
}

func (s *Server) updateProvider(ctx context.Context, c *call, req *adminv1.UpdateProviderRequest) (*adminv1.UpdateProviderResponse, error) {
	was, err := s.provider(ctx, c, req.GetProvider().GetId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetProvider().GetEtag(), was.Version); err != nil {
		return nil, err
	}
	before, after := s.providerMessage(c, was), s.providerMessage(c, was)
	if secret := req.GetClientSecret(); secret == "" || len(req.GetUpdateMask().GetPaths()) > 0 {
		if err := merge(after, req.GetProvider(), req.GetUpdateMask(), providerOutput...); err != nil {
			return nil, err
		}
	}
	next := *was
	s.fillProvider(&next, after)
	if next.AuthMethod == "none" { // nothing is kept that is of no use
		next.Sealed = nil
	}
	if err := s.checkProvider(ctx, c, &next, was, req.GetClientSecret()); err != nil {
		return nil, err
	}
	fields := strings.Fields(changed(before, s.providerMessage(c, &next)))
	if req.GetClientSecret() != "" {
		fields = append(fields, "client_secret")
	}
	e := s.eventOf(c, "provider.updated", next.ID)
	e.Details = map[string]string{"fields": strings.Join(fields, " ")}
	if err := s.Store.Providers.Replace(ctx, c.scope(), &next, req.GetClientSecret(), s.Store.AuditEvents.Append(e)); err != nil {
		return nil, err
	}
	m, err := s.providerNow(ctx, c, next.ID)
	return &adminv1.UpdateProviderResponse{Provider: m}, err
}

func (s *Server) deleteProvider(ctx context.Context, c *call, req *adminv1.DeleteProviderRequest) (*adminv1.DeleteProviderResponse, error) {
	p, err := s.provider(ctx, c, req.GetProviderId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetEtag(), p.Version); err != nil {
		return nil, err
	}
	// People are linked to the one of the configuration then, which stays.
	unlink := !s.Providers.Configured(c.project, p.ID)
	if unlink && !req.GetUnlink() {
		linked, err := s.Store.Providers.Linked(ctx, c.scope(), p.ID)
		if err != nil {
			return nil, err
		}
		if linked {
			return nil, forbidden("unlink", "has to be true: people are linked to it, and lose this way in; disabled keeps the links")
		}
	}
	err = s.Store.Providers.Delete(ctx, c.scope(), p.ID, unlink, s.event(c, "provider.deleted", p.ID))
	return &adminv1.DeleteProviderResponse{}, err
}
