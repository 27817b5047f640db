// Package terms has people accept the terms of the service before they go on, and
// again when there is a new version.
package terms

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Flow is a required action of somebody who is signed in. Which version they
// accepted, and when, is kept with the account.
type Flow struct{ users *storage.Users }

var _ flows.Flow = (*Flow)(nil)

// New makes the flow.
func New(users *storage.Users) *Flow { return &Flow{users} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "terms" }

// Needed implements flows.Flow.
func (f *Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	u, err := f.account(ctx, in)
	return u != nil, err
}

// account is who has to accept them now, nil for nobody.
func (f *Flow) account(ctx context.Context, in *flows.Interaction) (*storage.User, error) {
	version := in.Project.Terms.Version
	if in.Request.SessionID == "" || version == "" || slices.Contains(in.Request.Proven, f.ID()) {
		return nil, nil
	}
	u, err := f.users.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if errors.Is(err, storage.ErrNotFound) || err == nil && u.Terms != nil && u.Terms.Version == version {
		return nil, nil
	}
	return u, err
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	v := templates.TermsView{Version: in.Project.Terms.Version, URL: in.Project.Terms.URL}
	u, err := f.account(ctx, in)
	if u != nil {
		v.Account, v.Changed = flows.Label(u), u.Terms != nil
	}
	return v, err
}

// Submit implements flows.Flow. What is accepted is the version that the page
// showed: if there is a newer one meanwhile, it is shown.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	u, err := f.account(ctx, in)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case form.Get("decision") == "deny":
		return flows.Proof{Denied: "access_denied", Events: []storage.AuditEvent{f.event(in, "terms.declined")}}, nil
	case form.Get("decision") != "accept" || form.Get("version") != in.Project.Terms.Version:
		return flows.Proof{}, &flows.Problem{Message: "problem.terms_decision"}
	case u == nil: // in another tab
		return flows.Proof{}, nil
	}
	next := *u
	next.Terms = &storage.TermsAccepted{Version: in.Project.Terms.Version, At: in.Now}
	return flows.Proof{
		Changes: []storage.Change{f.users.Replace(&next)}, Events: []storage.AuditEvent{f.event(in, "terms.accepted")},
	}, nil
}

func (f *Flow) event(in *flows.Interaction, action string) storage.AuditEvent {
	ev := in.Event(action)
	ev.Actor, ev.Target, ev.Details = in.Request.Subject, in.Request.Subject, map[string]string{"version": in.Project.Terms.Version}
	return ev
}
