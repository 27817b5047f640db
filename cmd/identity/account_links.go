package main

import (
	"context"
	"errors"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// ownIdentities are the acts of flows/upstream, for the account pages.
type ownIdentities struct{ flow *upstream.Flow }

// Links implements account.Identities.
func (o ownIdentities) Links(ctx context.Context, m *flows.Member) ([]templates.AccountLink, error) {
	all, err := o.flow.Links(ctx, m.Project, m.User.ID)
	out := make([]templates.AccountLink, len(all))
	for i, l := range all {
		out[i] = templates.AccountLink{
			ID: l.ID, Provider: l.Provider.Name, Email: l.Email, Name: l.Name, Linked: l.LinkedAt, LastUsed: l.LastUsed, Works: l.Works,
		}
	}
	return out, err
}

// Linkable implements account.Identities.
func (o ownIdentities) Linkable(ctx context.Context, m *flows.Member) ([]templates.ProviderButton, error) {
	return o.flow.Linkable(ctx, m.Project)
}

// Begin implements account.Identities.
func (o ownIdentities) Begin(ctx context.Context, m *flows.Member, provider, back string) (*templates.AccountLeaveView, error) {
	all, err := o.flow.Linkable(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.ID != provider {
			continue
		}
		location, err := o.flow.BeginLink(ctx, m.Interaction(), m.Account, provider, back)
		return &templates.AccountLeaveView{URL: location, Name: b.Name}, stale(err)
	}
	return nil, storage.ErrNotFound
}

// Unlink implements account.Identities.
func (o ownIdentities) Unlink(ctx context.Context, m *flows.Member, id string, others int) ([]storage.Change, []storage.AuditEvent, error) {
	changes, events, err := o.flow.Unlink(ctx, m.Interaction(), m.Account, id, others)
	if errors.Is(err, upstream.ErrLastWayIn) {
		return nil, nil, &flows.Problem{Message: "problem.last_way_in"}
	}
	return changes, events, stale(err)
}

// stale sends the person to prove again who they are: the page does, when it is
// asked for anew.
func stale(err error) error {
	if errors.Is(err, upstream.ErrStale) {
		return storage.ErrConflict
	}
	return err
}
