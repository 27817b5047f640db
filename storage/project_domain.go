package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/elloloop/identity/storage/graph"
)

// DomainStatus says whether a domain's ownership was proved.
type DomainStatus string

// The statuses of a domain.
const (
	DomainPending  DomainStatus = "pending"  // anybody may claim any host: a claim holds nothing
	DomainVerified DomainStatus = "verified" // one project alone has it
)

// ProjectDomain is a host at which a project answers.
type ProjectDomain struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	Host       string       `json:"host"` // as NormalizeHost makes it
	ProjectID  string       `json:"project_id"`
	Status     DomainStatus `json:"status"`
	Challenge  string       `json:"challenge"` // what a TXT record of the host has to say; public
	VerifiedAt time.Time    `json:"verified_at,omitzero"`
	// Assumed: verified by nobody, and taken as if it were by a deployment that asks
	// for no proof.
	Assumed bool `json:"assumed,omitempty"`
}

func (d *ProjectDomain) keys() (string, []graph.Value, time.Time) {
	host := graph.Value{}
	if d.Status == DomainVerified {
		host = graph.String(d.Host)
	}
	return d.ID, []graph.Value{host, graph.String(d.ProjectID), graph.String(string(d.Status))}, time.Time{}
}

func (d *ProjectDomain) restore(n graph.Node) { d.ID, d.Meta = n.ID, meta(n) }

// NormalizeHost returns the one form of a host name that is stored and compared:
// lower case, ASCII (RFC 5891 §5), no port and no final dot.
func NormalizeHost(host string) (string, error) {
	h, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(host), "."))
	if err != nil || h == "" || len(h) > 253 || strings.ContainsAny(h, ":/@ []_") || strings.Contains(h, "..") {
		return "", fmt.Errorf("%w: %q is not a host name", ErrInvalidArgument, host)
	}
	return h, nil
}

// ProjectDomains keeps the hosts of projects.
type ProjectDomains struct{ repo graph.Repository }

// Claim stores that a project says a host is its own, with a fresh challenge for
// DNS. ErrNotFound when the project is not there.
func (s *ProjectDomains) Claim(ctx context.Context, projectID, host string, also ...Change) (*ProjectDomain, error) {
	host, err := NormalizeHost(host)
	if err != nil {
		return nil, err
	}
	d := &ProjectDomain{ID: NewID(), Host: host, ProjectID: projectID, Status: DomainPending, Challenge: "identity-domain-verification=" + NewSecret()}
	res, err := commit(ctx, s.repo, controlScope, append([]Change{
		create(typeProjectDomain, d), {op: graph.Check{Type: typeProject, ID: projectID}},
	}, also...))
	if err != nil {
		return nil, err
	}
	d.Meta = meta(res[0].Node)
	return d, nil
}

// Verify stores that the challenge was found, or that an operator vouches for
// the domain. ErrAlreadyExists when another domain holds the host.
func (s *ProjectDomains) Verify(ctx context.Context, d *ProjectDomain, now time.Time, also ...Change) error {
	return s.hold(ctx, d, now, false, also)
}

// Assume gives a host to a project without a proof, where the deployment asks for
// none. ErrAlreadyExists when another domain holds the host.
func (s *ProjectDomains) Assume(ctx context.Context, d *ProjectDomain, now time.Time, also ...Change) error {
	return s.hold(ctx, d, now, true, also)
}

func (s *ProjectDomains) hold(ctx context.Context, d *ProjectDomain, now time.Time, assumed bool, also []Change) error {
	next := *d
	next.Status, next.VerifiedAt, next.Assumed = DomainVerified, now, assumed
	if !d.Assumed { // nothing hangs on it yet
		res, err := commit(ctx, s.repo, controlScope, append([]Change{update(typeProjectDomain, &next, d.Version)}, also...))
		if err == nil {
			next.Meta = meta(res[0].Node)
			*d = next
		}
		return err
	}
	err := s.withProject(ctx, d, func(p *ProjectRecord) []Change {
		if p.PrimaryHost == d.Host {
			p.PrimaryAssumed = assumed
		}
		return append([]Change{update(typeProject, p, p.Version), update(typeProjectDomain, &next, d.Version)}, also...)
	})
	if err != nil {
		return err
	}
	again, err := s.Get(ctx, d.ProjectID, d.ID)
	if err == nil {
		*d = *again
	}
	return err
}

// MakePrimary makes a verified domain the one whose host stands in the project's
// issuer.
func (s *ProjectDomains) MakePrimary(ctx context.Context, d *ProjectDomain, also ...Change) error {
	if d.Status != DomainVerified {
		return fmt.Errorf("%w: %s is not verified", ErrInvalidArgument, d.Host)
	}
	return s.withProject(ctx, d, func(p *ProjectRecord) []Change {
		p.PrimaryHost, p.PrimaryAssumed = d.Host, d.Assumed
		return append([]Change{update(typeProject, p, p.Version), {op: graph.Check{Type: typeProjectDomain, ID: d.ID, Version: d.Version}}}, also...)
	})
}

// Remove takes a host from a project.
func (s *ProjectDomains) Remove(ctx context.Context, d *ProjectDomain, also ...Change) error {
	return s.withProject(ctx, d, func(p *ProjectRecord) []Change {
		c := Change{op: graph.Check{Type: typeProject, ID: p.ID, Version: p.Version}} // it does not become primary meanwhile
		if d.Status == DomainVerified && p.PrimaryHost == d.Host {
			p.PrimaryHost, p.PrimaryAssumed = "", false
			c = update(typeProject, p, p.Version)
		}
		return append([]Change{c, {op: graph.Delete{Type: typeProjectDomain, ID: d.ID, Version: d.Version}}}, also...)
	})
}

// withProject commits what f makes of the domain's project as it now is.
func (s *ProjectDomains) withProject(ctx context.Context, d *ProjectDomain, f func(*ProjectRecord) []Change) error {
	var err error
	for range 3 {
		var p *ProjectRecord
		if p, err = get[ProjectRecord](ctx, s.repo, controlScope, typeProject, d.ProjectID); err != nil {
			return err
		}
		if p.Status != ProjectActive && p.Status != ProjectDisabled {
			return ErrNotFound
		}
		if _, err = commit(ctx, s.repo, controlScope, f(p)); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return err
}

// Get returns a domain of a project: the id of another project's is not found.
func (s *ProjectDomains) Get(ctx context.Context, projectID, id string) (*ProjectDomain, error) {
	d, err := get[ProjectDomain](ctx, s.repo, controlScope, typeProjectDomain, id)
	if err == nil && d.ProjectID != projectID {
		return nil, ErrNotFound
	}
	return d, err
}

// ByHost returns the verified domain of a host that NormalizeHost made.
func (s *ProjectDomains) ByHost(ctx context.Context, host string) (*ProjectDomain, error) {
	return lookup[ProjectDomain](ctx, s.repo, controlScope, typeProjectDomain, "host", graph.String(host))
}

// OfProject lists the domains of a project.
func (s *ProjectDomains) OfProject(ctx context.Context, projectID string, p PageRequest) (List[ProjectDomain], error) {
	return list[ProjectDomain](ctx, s.repo, controlScope, graph.Query{
		Type: typeProjectDomain, Index: "owner", Equal: []graph.Value{graph.String(projectID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
