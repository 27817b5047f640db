// Package consent asks a person whether a client may have what it asks for.
package consent

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. Both fields are required.
type Config struct {
	Consents *storage.Consents
	Users    *storage.Users
}

// Flow asks for consent (OIDC Core §3.1.2.4), and remembers it for the account,
// the client and the scopes.
type Flow struct{ config Config }

var (
	_ flows.Flow     = (*Flow)(nil)
	_ flows.Silencer = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "consent" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "consent" }

// Needed implements flows.Flow. The operator's own clients need none; another's
// need one that covers all that they ask for, offline_access included
// (OIDC Core §11). prompt=consent asks whatever was allowed before
// (OIDC Core §3.1.2.1), and so does each request of a native application.
func (f *Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	req := &in.Request
	if req.Subject == "" || req.ConsentGiven {
		return false, nil
	}
	if in.Prompts("consent") {
		return true, nil
	}
	if req.Client.FirstParty {
		return false, nil
	}
	if req.Native && !in.Project.InsecureDevelopment {
		return true, nil // RFC 8252 §8.6: another program may pose as it, so nothing is answered unseen
	}
	given, err := f.given(ctx, in)
	return err == nil && (given == nil || !given.Covers(asked(req))), err
}

// asked is what the person has to allow: the scopes, and those of the claims that
// the client asks for by name.
func asked(req *storage.AuthorizationRequest) []string {
	if len(req.ConsentScope) > 0 {
		return req.ConsentScope
	}
	return req.Scope
}

// given returns what the person allowed the client before, nil when nothing.
func (f *Flow) given(ctx context.Context, in *flows.Interaction) (*storage.Consent, error) {
	c, err := f.config.Consents.Get(ctx, in.Project.Scope(), in.Request.Subject, in.Request.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	u, err := f.config.Users.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if err != nil {
		return nil, err
	}
	given, err := f.given(ctx, in)
	if err != nil {
		return nil, err
	}
	v := templates.ConsentView{Account: flows.Label(u), RedirectHost: target(in.Request.RedirectURI)}
	for _, s := range asked(&in.Request) {
		v.Scopes = append(v.Scopes, templates.ConsentScope{
			Scope: s, New: given == nil || !given.Covers([]string{s}),
		})
	}
	return v, nil
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	req := &in.Request
	ev := in.Event("consent.allowed")
	ev.Actor, ev.Target, ev.SessionID = req.Subject, req.ClientID, req.SessionID
	ev.Details = map[string]string{"scope": strings.Join(asked(req), " ")}
	switch form.Get("decision") {
	case "allow":
		change, err := f.config.Consents.Allow(ctx, in.Project.Scope(), req.Subject, req.ClientID, asked(req), in.Now)
		if err != nil {
			return flows.Proof{}, err
		}
		return flows.Proof{Consent: true, Changes: []storage.Change{change}, Events: []storage.AuditEvent{ev}}, nil
	case "deny":
		ev.Action = "consent.denied"
		// OIDC Core §3.1.2.6: RFC 6749 §4.1.2.1 access_denied.
		return flows.Proof{Denied: "access_denied", Events: []storage.AuditEvent{ev}}, nil
	}
	return flows.Proof{}, &flows.Problem{Message: "problem.consent_decision_missing"}
}

// target is where the answer goes, as a person can judge it: the host, or the
// application's own scheme (RFC 8252 §7.1).
func target(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "https" || u.Scheme == "http":
		return u.Host
	}
	return u.Scheme
}
