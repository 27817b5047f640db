package upstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// ErrLastWayIn: what was to be removed is the only way into the account.
var ErrLastWayIn = errors.New("upstream: it is the last way in")

// ErrStale: the sign-in is too old for changing how the account is signed in to.
var ErrStale = errors.New("upstream: the sign-in is too old")

// Link is an identity of an account, as its owner sees it.
type Link struct {
	ID       string // of the identity
	Provider templates.ProviderButton
	Email    string
	Name     string
	LinkedAt time.Time
	LastUsed time.Time
	Works    bool // the provider is still there to sign in with
}

// Links returns the identities of an account.
func (f *Flow) Links(ctx context.Context, p *storage.Project, userID string) ([]Link, error) {
	all, err := f.config.Identities.OfUser(ctx, p.Scope(), userID)
	links := make([]Link, len(all))
	for i, id := range all {
		links[i] = Link{
			ID: id.ID, Provider: templates.ProviderButton{ID: id.Provider, Name: id.Provider}, Email: id.Email, Name: id.Name,
			LinkedAt: id.CreatedAt, LastUsed: id.LastUsed,
		}
		if pr, err := f.provider(ctx, p, id.Provider); err == nil {
			links[i].Provider.Kind, links[i].Provider.Name, links[i].Works = string(pr.Kind), pr.Name, true
		}
	}
	return links, err
}

// Linkable are the providers that an account may be linked to, without URLs.
func (f *Flow) Linkable(ctx context.Context, p *storage.Project) ([]templates.ProviderButton, error) {
	all, err := f.providers(ctx, p)
	buttons := make([]templates.ProviderButton, len(all))
	for i, pr := range all {
		buttons[i] = templates.ProviderButton{ID: pr.ID, Kind: string(pr.Kind), Name: pr.Name}
	}
	return buttons, err
}

// BeginLink returns where somebody who is signed in goes to link an identity. back
// is a path of ours, where they go on with the query "linked" or "problem".
// ErrStale when they must prove again who they are; a *flows.Problem when the
// provider does not answer.
func (f *Flow) BeginLink(ctx context.Context, in *flows.Interaction, a flows.Account, provider, back string) (string, error) {
	if in.Now.Sub(a.Session.AuthTime) > stepUp(in.Project) {
		return "", ErrStale
	}
	if !local(back) {
		return "", fmt.Errorf("%w: back must be a path of ours", storage.ErrInvalidArgument)
	}
	p, err := f.provider(ctx, in.Project, provider)
	if err != nil {
		return "", err
	}
	return f.depart(ctx, in, p, &storage.ProviderState{UserID: a.User.ID, SessionID: a.Session.ID, Back: back}, false)
}

// local says whether a path can only be ours: no browser reads another host into
// it (S1-12).
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\?#") &&
		!strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f })
}

// Unlink returns the changes that take an identity away from its account.
// otherWays is how many ways in the account has beside its identities, such as a
// password or passkeys: the last way in is never removed (S3-15).
func (f *Flow) Unlink(ctx context.Context, in *flows.Interaction, a flows.Account, id string, otherWays int) ([]storage.Change, []storage.AuditEvent, error) {
	if in.Now.Sub(a.Session.AuthTime) > stepUp(in.Project) {
		return nil, nil, ErrStale
	}
	all, err := f.config.Identities.OfUser(ctx, in.Project.Scope(), a.User.ID)
	if err != nil {
		return nil, nil, err
	}
	var gone *storage.OAuthIdentity
	usable := 0
	for _, i := range all {
		if i.ID == id {
			gone = i
			continue
		}
		if _, err := f.provider(ctx, in.Project, i.Provider); err == nil {
			usable++
		}
	}
	switch {
	case gone == nil:
		return nil, nil, storage.ErrNotFound
	case otherWays+usable == 0:
		return nil, nil, ErrLastWayIn
	}
	ev := told(in, "identity.unlinked", gone)
	ev.SessionID = a.Session.ID
	// Of two unlinked at once the second finds its account changed.
	u := *a.User
	return []storage.Change{f.config.Accounts.Users.Replace(&u), f.config.Identities.Remove(id)}, []storage.AuditEvent{ev}, nil
}
