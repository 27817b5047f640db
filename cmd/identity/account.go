package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/account"
	"github.com/elloloop/identity/flows/identifier"
	"github.com/elloloop/identity/flows/passkey"
	"github.com/elloloop/identity/flows/recoverycode"
	"github.com/elloloop/identity/flows/totp"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// accountRooms are the pages of people's own accounts.
func accountRooms(p *parts) []flows.Room {
	return account.Rooms(account.Config{
		Store: p.store, Hasher: p.hashing, Passkeys: ownPasskeys{p.passkeys()}, Username: identifier.Username, Policy: p.rules.judge, MaxLength: 1024, Mailbox: p.mailbox(),
		Factors: ownFactors{
			apps: p.store.TOTPCredentials, secrets: p.store.ProjectSecrets, codes: p.recovery(),
		},
		Identities: ownIdentities{p.upstream},
	})
}

// ownPasskeys are the acts of flows/passkey, for the account pages.
type ownPasskeys struct{ passkey.Config }

func (o ownPasskeys) registration(ctx context.Context, m *flows.Member) (*passkey.Registration, error) {
	return o.NewRegistration(ctx, m.Project, m.User.ID, m.Now, m.Occasion()...)
}

// Offer implements account.Passkeys.
func (o ownPasskeys) Offer(ctx context.Context, m *flows.Member) (json.RawMessage, error) {
	r, err := o.registration(ctx, m)
	if err != nil {
		return nil, err
	}
	return r.Options(ctx)
}

// Add implements account.Passkeys.
func (o ownPasskeys) Add(ctx context.Context, m *flows.Member, credential string) (*storage.PasskeyCredential, []storage.Change, string, error) {
	r, err := o.registration(ctx, m)
	if err != nil {
		return nil, nil, "", err
	}
	return r.Finish(ctx, credential)
}

// Signal implements account.Passkeys.
func (o ownPasskeys) Signal(ctx context.Context, m *flows.Member) (json.RawMessage, error) {
	s, err := o.Config.Signal(ctx, m.Project, m.User)
	if err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// ownFactors are the acts of flows/totp and flows/recoverycode, for the account
// pages.
type ownFactors struct {
	apps    *storage.TOTPCredentials
	secrets *storage.ProjectSecrets
	codes   recoverycode.Config
}

func (o ownFactors) enrolment(ctx context.Context, m *flows.Member) (totp.Enrolment, error) {
	key, err := o.secrets.Get(ctx, m.Project.Scope(), totp.EnrolmentSecret)
	return totp.NewEnrolment(key, m.User.ID, m.Occasion()...), err
}

// App implements account.SecondFactors.
func (o ownFactors) App(ctx context.Context, m *flows.Member) (templates.TOTPEnrolment, error) {
	e, err := o.enrolment(ctx, m)
	if err != nil {
		return templates.TOTPEnrolment{}, err
	}
	return e.View(totp.Issuer(m.Project), flows.Label(m.User))
}

// Match implements account.SecondFactors.
func (o ownFactors) Match(ctx context.Context, m *flows.Member, code string) ([]storage.Change, error) {
	e, err := o.enrolment(ctx, m)
	if err != nil {
		return nil, err
	}
	step, err := e.Match(code, m.Now)
	if err != nil || step == 0 {
		return nil, err
	}
	return e.Store(o.apps, m.Project.Scope(), m.User.ID, step, m.Now), nil
}

func (o ownFactors) set(ctx context.Context, m *flows.Member) (recoverycode.Set, error) {
	key, err := o.secrets.Get(ctx, m.Project.Scope(), recoverycode.IssueSecret)
	return recoverycode.NewSet(key, m.User.ID, m.Occasion()...), err
}

// Codes implements account.SecondFactors.
func (o ownFactors) Codes(ctx context.Context, m *flows.Member) ([]string, error) {
	s, err := o.set(ctx, m)
	return s.Shown(), err
}

// Keep implements account.SecondFactors.
func (o ownFactors) Keep(ctx context.Context, m *flows.Member) ([]storage.Change, error) {
	s, err := o.set(ctx, m)
	if err != nil {
		return nil, err
	}
	return o.codes.Store(ctx, m.Project.Scope(), m.User.ID, s)
}

// changePassword leads password managers to the page where it is changed (A
// Well-Known URL for Changing Passwords).
func changePassword(projects func(*http.Request) (*storage.Project, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := projects(r)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", p.Issuer+account.PathPassword)
		w.WriteHeader(http.StatusSeeOther)
	}
}
