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
	return slices.Contains(strings.Fields(publicMailDomains), domain) || slices.ContainsFunc(more, func(m string) bool {
		m, err := NormalizeHost(m)
		return err == nil && m == domain
	})
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

// Join returns the change that puts an account into the tenant of its mail domain,
// and forms the tenant, with the account as its owner, when it is the first of the
// domain. Which of the two is found out in the commit: however many do so at once,
// one tenant forms. For an address that nobody has proven, in a public mail domain
// (public, or built in), or of a member it is no change. The event is committed
// with it, as tenant.formed or tenant.joined.
func (s *TenantDomains) Join(u *User, public []string, now time.Time, ev AuditEvent) Change {
	domain, err := mailDomain(u.EmailKey[strings.LastIndexByte(u.EmailKey, '@')+1:], public)
	belongs := err == nil && u.EmailVerified && strings.Contains(u.EmailKey, "@")
	m := &TenantMember{ID: NewID(), UserID: u.ID, CreatedOrder: now.UnixMicro()}
	return Change{creates: true, plan: func(ctx context.Context, p *planning) ([]graph.Op, error) {
		if !belongs {
			return nil, nil
		}
		d, err := lookup[TenantDomain](ctx, p.repo, p.scope, typeTenantDomain, "domain", graph.String(domain))
		if errors.Is(err, ErrNotFound) {
			return m.forms(domain, now, ev)
		}
		if err == nil {
			_, err = lookup[TenantMember](ctx, p.repo, p.scope, typeTenantMember, "tenant_user", graph.String(d.TenantID), graph.String(u.ID))
		}
		if errors.Is(err, ErrNotFound) {
			return m.joins(d, ev)
		}
		return nil, err
	}}
}

// forms are the operations that make somebody the owner of a new tenant.
func (m *TenantMember) forms(domain string, now time.Time, ev AuditEvent) ([]graph.Op, error) {
	t := &Tenant{ID: NewID(), Name: domain, CreatedOrder: now.UnixMicro()}
	m.TenantID, m.Role = t.ID, TenantOwner
	return operationsOf(
		create(typeTenant, t),
		create(typeTenantDomain, &TenantDomain{ID: NewID(), Domain: domain, TenantID: t.ID, Status: DomainVerified, VerifiedAt: now}),
		Change{op: graph.Check{Type: typeUser, ID: m.UserID}}, create(typeTenantMember, m), m.tells(ev, "tenant.formed", domain),
	)
}

// joins are the operations that make somebody a member of the tenant of a domain.
func (m *TenantMember) joins(d *TenantDomain, ev AuditEvent) ([]graph.Op, error) {
	m.TenantID, m.Role = d.TenantID, TenantPlain
	return operationsOf(
		Change{op: graph.Check{Type: typeTenant, ID: m.TenantID}}, Change{op: graph.Check{Type: typeTenantDomain, ID: d.ID, Version: d.Version}},
		Change{op: graph.Check{Type: typeUser, ID: m.UserID}}, create(typeTenantMember, m), m.tells(ev, "tenant.joined", d.Domain),
	)
}

func (m *TenantMember) tells(ev AuditEvent, action, domain string) Change {
	ev.ID, ev.Action, ev.Target = NewID(), action, m.TenantID
	ev.Details = map[string]string{"domain": domain, "user_id": m.UserID, "role": string(m.Role)}
	return create(typeAuditEvent, &ev)
}

func operationsOf(changes ...Change) ([]graph.Op, error) {
	ops := make([]graph.Op, len(changes))
	for i, c := range changes {
		if c.err != nil {
			return nil, c.err
		}
		ops[i] = c.op
	}
	return ops, nil
}
