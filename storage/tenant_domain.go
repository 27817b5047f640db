package storage

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// TenantDomain is a mail domain of a tenant: whose mail address is there belongs
// to the tenant.
type TenantDomain struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	Domain     string       `json:"domain"` // as NormalizeHost makes it
	TenantID   string       `json:"tenant_id"`
	Status     DomainStatus `json:"status"`
	Challenge  string       `json:"challenge,omitempty"` // what a TXT record of the domain has to say; public
	VerifiedAt time.Time    `json:"verified_at,omitzero"`
}

func (d *TenantDomain) keys() (string, []graph.Value, time.Time) {
	domain := graph.Value{}
	if d.Status == DomainVerified {
		domain = graph.String(d.Domain)
	}
	return d.ID, []graph.Value{domain, graph.String(d.TenantID)}, time.Time{}
}

func (d *TenantDomain) restore(n graph.Node) { d.ID, d.Meta = n.ID, meta(n) }

//go:embed public_mail_domains.txt
var publicMailDomains string

// ErrPublicMailDomain: everybody can have a mail address there, so it belongs to
// no tenant.
var ErrPublicMailDomain = fmt.Errorf("%w: it is a public mail domain", ErrInvalidArgument)

// IsPublicMailDomain says whether a normalised domain is one where everybody can
// have an address: it is on the built-in list or among these.
func IsPublicMailDomain(domain string, more []string) bool {
	return slices.Contains(more, domain) || slices.Contains(strings.Fields(publicMailDomains), domain)
}

// TenantDomains keeps the mail domains of tenants.
type TenantDomains struct{ repo graph.Repository }

func mailDomain(domain string, public []string) (string, error) {
	domain, err := NormalizeHost(domain)
	if err != nil {
		return "", err
	}
	if !strings.Contains(domain, ".") {
		return "", fmt.Errorf("%w: %q is not a mail domain", ErrInvalidArgument, domain)
	}
	if IsPublicMailDomain(domain, public) {
		return "", ErrPublicMailDomain
	}
	return domain, nil
}

// Claim stores that a tenant says a mail domain is its own, with a fresh challenge
// for DNS. ErrPublicMailDomain for a built-in one and for those in public.
func (s *TenantDomains) Claim(ctx context.Context, scope Scope, tenantID, domain string, public []string, also ...Change) (*TenantDomain, error) {
	domain, err := mailDomain(domain, public)
	if err != nil {
		return nil, err
	}
	d := &TenantDomain{ID: NewID(), Domain: domain, TenantID: tenantID, Status: DomainPending, Challenge: "identity-domain-verification=" + NewSecret()}
	res, err := commit(ctx, s.repo, scope, append([]Change{create(typeTenantDomain, d), {op: graph.Check{Type: typeTenant, ID: tenantID}}}, also...))
	if err != nil {
		return nil, err
	}
	d.Meta = meta(res[0].Node)
	return d, nil
}

// Verify stores that the challenge was found. ErrAlreadyExists when another tenant
// of the project holds the domain.
func (s *TenantDomains) Verify(ctx context.Context, scope Scope, d *TenantDomain, now time.Time, also ...Change) error {
	next := *d
	next.Status, next.VerifiedAt = DomainVerified, now
	res, err := commit(ctx, s.repo, scope, append([]Change{update(typeTenantDomain, &next, d.Version)}, also...))
	if err == nil {
		next.Meta = meta(res[0].Node)
		*d = next
	}
	return err
}

// Remove takes a domain from its tenant.
func (s *TenantDomains) Remove(ctx context.Context, scope Scope, id string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{remove(typeTenantDomain, id)}, also...))
	return err
}

// Get returns a domain, claimed or verified.
func (s *TenantDomains) Get(ctx context.Context, scope Scope, id string) (*TenantDomain, error) {
	return get[TenantDomain](ctx, s.repo, scope, typeTenantDomain, id)
}

// ByDomain returns the verified domain of this name.
func (s *TenantDomains) ByDomain(ctx context.Context, scope Scope, domain string) (*TenantDomain, error) {
	return lookup[TenantDomain](ctx, s.repo, scope, typeTenantDomain, "domain", graph.String(domain))
}

// OfTenant lists the domains of a tenant.
func (s *TenantDomains) OfTenant(ctx context.Context, scope Scope, tenantID string, p PageRequest) (List[TenantDomain], error) {
	return list[TenantDomain](ctx, s.repo, scope, graph.Query{
		Type: typeTenantDomain, Index: "tenant", Equal: []graph.Value{graph.String(tenantID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}

// Join puts an account into the tenant of its verified mail domain, and forms the
// tenant, with the account as its owner, when it is the first of the domain.
// However many do so at once, one tenant forms.
func (s *TenantDomains) Join(ctx context.Context, scope Scope, u *User, public []string, now time.Time, also ...Change) (*Tenant, error) {
	_, domain, _ := strings.Cut(u.EmailKey, "@")
	if !u.EmailVerified || domain == "" {
		return nil, fmt.Errorf("%w: the mail address is not verified", ErrInvalidArgument)
	}
	domain, err := mailDomain(domain, public)
	if err != nil {
		return nil, err
	}
	tenants, members := &Tenants{s.repo}, &TenantMembers{s.repo}
	for range 3 {
		d, err := s.ByDomain(ctx, scope, domain)
		switch {
		case err == nil:
			_, err = members.Add(ctx, scope, &TenantMember{TenantID: d.TenantID, UserID: u.ID, Role: TenantPlain, CreatedOrder: now.UnixMicro()}, also...)
			if err != nil && !errors.Is(err, ErrAlreadyExists) {
				return nil, err
			}
			return tenants.Get(ctx, scope, d.TenantID)
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
		t := &Tenant{ID: NewID(), Name: domain, CreatedOrder: now.UnixMicro()}
		err = tenants.Create(ctx, scope, t, u.ID, append([]Change{create(typeTenantDomain, &TenantDomain{
			ID: NewID(), Domain: domain, TenantID: t.ID, Status: DomainVerified, VerifiedAt: now,
		})}, also...)...)
		if !errors.Is(err, ErrAlreadyExists) { // else another formed it
			return t, err
		}
	}
	return nil, ErrConflict
}
