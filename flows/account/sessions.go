package account

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

func (p *pages) sessions(ctx context.Context, m *flows.Member) (any, error) {
	found, err := all(ctx, m, m.User.ID, p.Store.Sessions.OfUser)
	if err != nil {
		return nil, err
	}
	v := templates.AccountSessionsView{}
	for _, s := range found {
		v.Sessions = append(v.Sessions, templates.AccountSession{
			ID: s.ID, Browser: flows.BrowserName(s.UserAgent), IP: s.IP, SignedIn: s.AuthTime, LastSeen: s.LastSeen, Current: s.ID == m.Session.ID,
		})
	}
	slices.SortStableFunc(v.Sessions, func(a, b templates.AccountSession) int {
		if a.Current != b.Current {
			if a.Current {
				return -1
			}
			return 1
		}
		return b.LastSeen.Compare(a.LastSeen)
	})
	return v, nil
}

func (p *pages) endSessions(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	if form.Get("do") == "everywhere" {
		return flows.Outcome{
			EndAll: true, Events: []storage.AuditEvent{m.Event("user.signed_out_everywhere")}, Told: "changed.signed_out", To: pathLeft,
		}, nil
	}
	id := form.Get("session")
	if id == m.Session.ID {
		return flows.Outcome{}, &flows.Problem{Message: "problem.session_current"}
	}
	s, err := p.Store.Sessions.Get(ctx, m.Project.Scope(), id)
	if err != nil && !errors.Is(err, storage.ErrInvalidArgument) {
		return flows.Outcome{}, err
	}
	if err != nil || s.UserID != m.User.ID { // another person's is none
		return flows.Outcome{}, storage.ErrNotFound
	}
	ev := m.Event("session.ended")
	ev.Target, ev.SessionID, ev.Reason = id, id, "ended_by_owner"
	return flows.Outcome{Changes: p.Store.Sessions.End(id), Events: []storage.AuditEvent{ev}, Done: "session"}, nil
}

// apps are the clients that the person allowed something, or that hold a grant.
func (p *pages) apps(ctx context.Context, m *flows.Member) ([]templates.AccountClient, error) {
	consents, err := all(ctx, m, m.User.ID, p.Store.Consents.OfUser)
	if err != nil {
		return nil, err
	}
	grants, err := all(ctx, m, m.User.ID, p.Store.Grants.OfUser)
	if err != nil {
		return nil, err
	}
	found := map[string]*templates.AccountClient{}
	of := func(id string) *templates.AccountClient {
		if found[id] == nil {
			found[id] = &templates.AccountClient{ID: id, Name: id}
		}
		return found[id]
	}
	for _, c := range consents {
		a := of(c.ClientID)
		a.Since, a.Scopes = c.GivenAt, slices.Clone(c.Scope)
	}
	for _, g := range grants {
		a := of(g.ClientID)
		a.Grants++
		if a.LastUsed.Before(g.UpdatedAt) {
			a.LastUsed = g.UpdatedAt
		}
		if a.Since.IsZero() || g.CreatedAt.Before(a.Since) {
			a.Since = g.CreatedAt
		}
		for _, s := range g.Scope {
			if !slices.Contains(a.Scopes, s) {
				a.Scopes = append(a.Scopes, s)
			}
		}
	}
	out := make([]templates.AccountClient, 0, len(found))
	for id, a := range found {
		c, err := p.Store.Clients.Get(ctx, m.Project.Scope(), id)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		if err == nil && c.Name != "" {
			a.Name = c.Name
		}
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b templates.AccountClient) int {
		if n := strings.Compare(storage.FoldName(a.Name), storage.FoldName(b.Name)); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

func (p *pages) clients(ctx context.Context, m *flows.Member) (any, error) {
	apps, err := p.apps(ctx, m)
	return templates.AccountClientsView{Clients: apps}, err
}

// revokeClient forgets what the person allowed a client, and ends what it holds.
func (p *pages) revokeClient(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	id := form.Get("client")
	ev := m.Event("consent.withdrawn")
	ev.ClientID = id
	c, err := p.Store.Consents.Get(ctx, m.Project.Scope(), m.User.ID, id)
	if errors.Is(err, storage.ErrNotFound) { // the operator's own need no consent
		c = &storage.Consent{UserID: m.User.ID, ClientID: id}
	} else if err != nil {
		return flows.Outcome{}, err
	}
	return flows.Outcome{
		Act: func(ctx context.Context, changes ...storage.Change) error {
			if c.ID != "" {
				return p.Store.Consents.Withdraw(ctx, m.Project.Scope(), c, changes...)
			}
			return p.Store.Commit(ctx, m.Project.Scope(), append(changes, p.Store.Grants.RevokeClient(m.User.ID, id))...)
		},
		Events: []storage.AuditEvent{ev}, Done: "client",
	}, nil
}
