package account

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// ways are the ways into the account that can be gone now: an identity whose
// provider is not there any more is none.
func (p *pages) ways(ctx context.Context, m *flows.Member) (flows.Ways, error) {
	ways, err := m.Ways(ctx)
	if err != nil || ways.Upstream == 0 {
		return ways, err
	}
	links, err := p.links(ctx, m)
	ways.Upstream = 0
	for _, l := range links {
		if l.Works {
			ways.Upstream++
		}
	}
	return ways, err
}

func (p *pages) links(ctx context.Context, m *flows.Member) ([]templates.AccountLink, error) {
	if p.Identities == nil {
		return nil, nil
	}
	return p.Identities.Links(ctx, m)
}

// identities fills in what the page shows of other providers.
func (p *pages) identities(ctx context.Context, m *flows.Member, v *templates.AccountSecurityView) error {
	if p.Identities == nil {
		return nil
	}
	var err error
	if v.Links, err = p.Identities.Links(ctx, m); err != nil {
		return err
	}
	v.Providers, err = p.Identities.Linkable(ctx, m)
	return err
}

// link sends the person to a provider. What comes of it is told when they are back.
func (p *pages) link(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	if p.Identities == nil {
		return flows.Outcome{}, storage.ErrNotFound
	}
	to, err := p.Identities.Begin(ctx, m, form.Get("provider"), PathSecurity)
	return flows.Outcome{Leave: to}, err
}

// unlink takes an identity away. The last way in stays (S3-15).
func (p *pages) unlink(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	if p.Identities == nil {
		return flows.Outcome{}, storage.ErrNotFound
	}
	ways, err := m.Ways(ctx)
	if err != nil {
		return flows.Outcome{}, err
	}
	ways.Upstream = 0
	changes, events, err := p.Identities.Unlink(ctx, m, form.Get("identity"), ways.Count())
	return flows.Outcome{Changes: changes, Events: events, Told: "changed.unlinked", Done: "removed"}, err
}

// returned is the sentence for somebody who comes back from a provider without a
// link. The address is anybody's to write: it names one of ours.
func (p *pages) returned(ctx context.Context, m *flows.Member) (*flows.Problem, error) {
	message := m.Query.Get("problem")
	if p.Identities == nil || !slices.Contains([]string{
		"problem.upstream_down", "problem.upstream_refused", "problem.upstream_cancelled", "problem.upstream_taken",
	}, message) {
		return nil, nil
	}
	all, err := p.Identities.Linkable(ctx, m)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.ID == m.Query.Get("provider") {
			return &flows.Problem{Message: message, Data: map[string]any{"Name": b.Name}, Status: http.StatusOK}, nil
		}
	}
	return nil, nil
}
