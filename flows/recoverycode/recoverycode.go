// Package recoverycode lets people in who lost their second factor, with codes
// that they kept.
package recoverycode

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flows. Codes and Secrets are required.
type Config struct {
	Codes   *storage.RecoveryCodes
	Secrets *storage.ProjectSecrets
	// Back is the id of the flow that the codes stand in for. "": none.
	Back string
	// Help is the id of the flow for people who have no code either. "": none.
	Help string
	// Page is the path of the account's page that offers codes itself: who is on the
	// way there is not given others first. "": none.
	Page string
}

// Flow takes a recovery code in place of a second factor.
type Flow struct{ config Config }

var (
	_ flows.SecondFactor = (*Flow)(nil)
	_ flows.Alternative  = (*Flow)(nil)
	_ flows.Silencer     = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "recoverycode" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

// Second implements flows.SecondFactor.
func (*Flow) Second(*flows.Interaction) bool { return true }

// Needed implements flows.Flow: never, for the codes are for an emergency.
func (*Flow) Needed(context.Context, *flows.Interaction) (bool, error) { return false, nil }

// Offered implements flows.Alternative.
func (f *Flow) Offered(ctx context.Context, in *flows.Interaction) (bool, error) {
	if in.Request.Subject == "" || in.MultiFactor() || in.PassedSecond() || !in.MaySecond(f.ID()) {
		return false, nil
	}
	left, err := f.config.Codes.Left(ctx, in.Project.Scope(), in.Request.Subject)
	return left > 0, err
}

// View implements flows.Flow.
func (f *Flow) View(_ context.Context, in *flows.Interaction) (any, error) {
	v := templates.RecoveryCodeView{Account: in.Request.Identifier, HelpURL: in.Offered(f.config.Help)}
	if f.config.Back != "" {
		v.BackURL = in.URL(f.config.Back)
	}
	return v, nil
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	code := normal(form.Get("code"))
	if code == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	id := in.Request.Subject
	clear, err := in.Limits.Second(ctx, id) // counted before it is judged
	if err != nil {
		return flows.Proof{}, err
	}
	pepper, err := f.config.pepper(ctx, in.Project.Scope())
	if err != nil {
		return flows.Proof{}, err
	}
	c, err := f.config.Codes.Find(ctx, in.Project.Scope(), id, pepper, code)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return flows.Proof{}, refuse(in, id, "wrong_recovery_code")
	case err != nil:
		return flows.Proof{}, err
	case !c.ConsumedAt.IsZero():
		return flows.Proof{}, refuse(in, id, "used_recovery_code")
	}
	left, err := f.config.Codes.Left(ctx, in.Project.Scope(), id)
	if err != nil {
		return flows.Proof{}, err
	}
	// The owner sees it among what happened to their account (S3-10).
	ev := in.Event("recovery_code.used")
	ev.Actor, ev.Target = id, id
	ev.Details = map[string]string{"left": count(left - 1)}
	return flows.Proof{
		// Something they kept, used once: RFC 8176 calls it otp.
		Subject: id, AMR: []string{"otp"}, Events: []storage.AuditEvent{ev},
		Changes: append(clear, f.config.Codes.Take(c.ID)),
		Letter:  storage.Mail{Name: "recovery_used", Data: map[string]any{"Count": left - 1}},
	}, nil
}

func refuse(in *flows.Interaction, userID, reason string) *flows.Problem {
	ev := in.Failure("user.second_factor_failed", reason)
	ev.Target, ev.Details = userID, map[string]string{"flow": "recoverycode"}
	return &flows.Problem{Message: "problem.wrong_recovery_code", Field: "code", Events: []storage.AuditEvent{ev}}
}

// pepper keys the digests. It is sealed: the database alone is no help to who
// stole it.
func (c Config) pepper(ctx context.Context, scope storage.Scope) ([]byte, error) {
	return c.Secrets.Get(ctx, scope, "recovery-pepper")
}

// normal is a code as it is digested: what people mistake or add makes no
// difference.
func normal(typed string) string {
	if len(typed) > 64 {
		return "?"
	}
	return strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "0", "O", "1", "L", "I", "L").Replace(strings.ToUpper(strings.TrimSpace(typed)))
}
