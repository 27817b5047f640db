package passkey

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// rest is how long somebody who did not want a passkey is not asked again.
const rest = 30 * 24 * time.Hour

// Add offers a passkey to somebody who just signed in without one.
type Add struct {
	config    Config
	reminders *storage.Reminders
	totp      *storage.TOTPCredentials
}

var _ flows.Flow = (*Add)(nil)

// NewAdd makes the flow.
func NewAdd(c Config, reminders *storage.Reminders, totp *storage.TOTPCredentials) *Add {
	return &Add{c, reminders, totp}
}

// ID implements flows.Flow.
func (*Add) ID() string { return "addpasskey" }

// Needed implements flows.Flow: after a sign-in with a password, on a browser that
// can keep a passkey, for who has none, was not asked lately, and proved as much
// as a passkey will (S3-14).
func (f *Add) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	req := &in.Request
	if !enabled(in.Project) || !in.First("passkey") || req.SessionID == "" || !req.CanPasskey ||
		!slices.Contains(req.AMR, "pwd") || len(req.Proven) == 0 || slices.Contains(req.Proven, f.ID()) {
		return false, nil
	}
	keys, err := f.config.Credentials.OfUser(ctx, in.Project.Scope(), req.Subject)
	if err != nil || len(keys) > 0 {
		return false, err
	}
	if !in.MultiFactor() {
		switch has, err := f.totp.Has(ctx, in.Project.Scope(), req.Subject); {
		case err != nil:
			return false, err
		case has: // whom this device remembers
			return false, nil
		}
	}
	rests, err := f.reminders.Rests(ctx, in.Project.Scope(), req.Subject, "passkey")
	return !rests, err
}

func (f *Add) registration(ctx context.Context, in *flows.Interaction) (*Registration, error) {
	bound := in.Request.BrowserHash
	return f.config.NewRegistration(ctx, in.Project, in.Request.Subject, in.Now, in.Request.ID, string(bound[:]))
}

// View implements flows.Flow.
func (f *Add) View(ctx context.Context, in *flows.Interaction) (any, error) {
	r, err := f.registration(ctx, in)
	if err != nil {
		return nil, err
	}
	options, err := r.Options(ctx)
	return templates.AddPasskeyView{Account: r.person.name, Passkey: templates.Passkey{Action: in.URL(f.ID()), Options: options}}, err
}

// Submit implements flows.Flow.
func (f *Add) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("decision") == "later" {
		return flows.Proof{Changes: f.reminders.Rest(in.Request.Subject, "passkey", in.Now.Add(rest))}, nil
	}
	if form.Get("credential") == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.passkey_missing"}
	}
	r, err := f.registration(ctx, in)
	if err != nil {
		return flows.Proof{}, err
	}
	key, changes, reason, err := r.Finish(ctx, form.Get("credential"))
	if err != nil {
		return flows.Proof{}, err
	}
	if reason != "" {
		return flows.Proof{}, refuse(in, "passkey.add_failed", in.Request.Subject, reason)
	}
	return flows.Proof{Changes: changes, Events: []storage.AuditEvent{Added(in.Event("passkey.added"), key)}}, nil
}

// Added fills in the audit event of a new passkey.
func Added(ev storage.AuditEvent, key *storage.PasskeyCredential) storage.AuditEvent {
	ev.Actor, ev.Target = key.UserID, key.UserID
	ev.Details = map[string]string{"passkey": key.ID, "name": key.Name}
	return ev
}
