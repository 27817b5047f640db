// Package upstream lets people sign in with an account that they have elsewhere:
// at an OpenID provider, or at an OAuth 2.0 service that tells who they are.
package upstream

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. Accounts, Stored, States, Identities, Client and
// Now are required.
type Config struct {
	Accounts   *flows.Accounts
	Stored     *storage.Providers
	States     *storage.ProviderStates
	Identities *storage.OAuthIdentities
	// Invitations let in who proves the address of one. nil: nobody is invited.
	Invitations *storage.UserInvitations
	// Client reaches the providers: one that reaches nothing that it must not.
	Client *http.Client
	Now    func() time.Time
	// Configured are providers that are not stored, such as those of settings.
	Configured func(*storage.Project) []Configured
	// Presets are the providers that are known by name. nil: those of today.
	Presets map[storage.ProviderKind]Preset
	// Back is the id of the flow that asks who it is. "": none.
	Back string
}

// Flow sends people to a provider and takes them back.
type Flow struct {
	config Config
	http   *http.Client
	found  discoveries
}

var (
	_ flows.Detour      = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Silencer    = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow {
	if c.Configured == nil {
		c.Configured = func(*storage.Project) []Configured { return nil }
	}
	if c.Presets == nil {
		c.Presets = Presets()
	}
	return &Flow{config: c, http: bounded(c.Client)}
}

// ID implements flows.Flow. It stands in redirect URIs that are registered with
// the providers.
func (*Flow) ID() string { return "upstream" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

// Needed implements flows.Flow: where nothing else proves who it is, and where an
// identity waits for somebody who has proven the account.
func (f *Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	if f.linking(in) {
		return true, nil
	}
	if in.Request.Subject != "" || in.Request.Identifier == "" {
		return false, nil
	}
	return f.Offered(ctx, in)
}

// linking says whether the person is to be asked whether the waiting identity is
// theirs: they have just signed in. An older session is no proof for this.
func (f *Flow) linking(in *flows.Interaction) bool {
	req := &in.Request
	return req.Link != nil && req.SessionID != "" && in.Now.Sub(req.AuthTime) <= stepUp(in.Project)
}

func stepUp(p *storage.Project) time.Duration {
	if p.SignIn.StepUp > 0 {
		return p.SignIn.StepUp
	}
	return 5 * time.Minute
}

// Offered implements flows.Alternative.
func (f *Flow) Offered(ctx context.Context, in *flows.Interaction) (bool, error) {
	if in.Request.Subject != "" || !in.First(f.ID()) {
		return false, nil
	}
	all, err := f.providers(ctx, in.Project)
	return len(all) > 0, err
}

// Buttons are the providers that the person may go to now.
func (f *Flow) Buttons(ctx context.Context, in *flows.Interaction) ([]templates.ProviderButton, error) {
	if in.Request.Subject != "" || !in.First(f.ID()) {
		return nil, nil
	}
	all, err := f.providers(ctx, in.Project)
	buttons := make([]templates.ProviderButton, len(all))
	for i, p := range all {
		buttons[i] = templates.ProviderButton{ID: p.ID, Kind: string(p.Kind), Name: p.Name, URL: in.URL(f.ID()) + "/" + url.PathEscape(p.ID)}
	}
	return buttons, err
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	v := templates.UpstreamView{BackURL: in.Offered(f.config.Back)}
	var err error
	if l := in.Request.Link; l != nil && (f.linking(in) || in.Request.Subject == "") {
		v.Link = &templates.UpstreamLink{Provider: l.Provider, Email: l.Email}
		if p, err := f.provider(ctx, in.Project, l.Provider); err == nil {
			v.Link.Provider = p.Name
		}
		if in.Request.Subject != "" {
			v.Link.Account, err = f.label(ctx, in)
		}
		return v, err
	}
	v.Providers, err = f.Buttons(ctx, in)
	return v, err
}

func (f *Flow) label(ctx context.Context, in *flows.Interaction) (string, error) {
	u, err := f.config.Accounts.Users.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return flows.Label(u), nil
}

// Submit implements flows.Flow: what the person says about an identity that waits.
func (f *Flow) Submit(_ context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	link, decision := in.Request.Link, form.Get("decision")
	switch {
	case link == nil || !slices.Contains([]string{"continue", "link", "leave"}, decision):
		return flows.Proof{}, &flows.Problem{Message: "problem.upstream_choose"}
	case decision == "leave":
		return flows.Proof{Linked: true}, nil
	case in.Request.Subject == "": // prove the account first
		return flows.Proof{Identifier: link.Email}, nil
	case decision == "link" && f.linking(in):
		return f.link(in, link), nil
	}
	return flows.Proof{}, &flows.Problem{Message: "problem.upstream_choose"}
}

// link gives the account the identity that waited: both ends are proven now
// (S3-06).
func (f *Flow) link(in *flows.Interaction, l *storage.PendingLink) flows.Proof {
	i := &storage.OAuthIdentity{
		ID: storage.NewID(), Provider: l.Provider, Issuer: l.Issuer, Subject: l.Subject, UserID: in.Request.Subject,
		Email: l.Email, Name: l.Name, LastUsed: in.Now, CreatedOrder: in.Now.UnixMicro(),
	}
	return flows.Proof{
		Linked: true, Told: linked, Changes: []storage.Change{f.config.Identities.Add(i)},
		Events: []storage.AuditEvent{told(in, "identity.linked", i)},
	}
}

// linked is what the owner is told of an identity that signs in to an account that
// was there before it.
const linked = "changed.linked"

// told is an event about an identity.
func told(in *flows.Interaction, action string, i *storage.OAuthIdentity) storage.AuditEvent {
	ev := in.Event(action)
	ev.Actor, ev.Target, ev.SessionID = i.UserID, i.UserID, in.Request.SessionID
	ev.Details = map[string]string{"provider": i.Provider, "identity": i.ID}
	return ev
}
