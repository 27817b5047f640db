// Package totp proves that somebody holds the authenticator app of their account
// (RFC 6238), and sets one up.
package totp

import (
	"context"
	"encoding/base32"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// period is the time step X of RFC 6238 §4.1.
const period = 30

// skew is how many steps before and after the present one are taken: clocks
// differ, and people type slowly (RFC 6238 §5.2).
const skew = 1

// Config configures the flow. Credentials is required.
type Config struct {
	Credentials *storage.TOTPCredentials
	// Instead is the id of the flow for people who lost their app. "": none.
	Instead string
	// Help is the id of the flow for people who have nothing else either. "": none.
	Help string
}

// Flow asks for a code of the authenticator app.
type Flow struct{ config Config }

var (
	_ flows.SecondFactor = (*Flow)(nil)
	_ flows.MultiFactor  = (*Flow)(nil)
	_ flows.Silencer     = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "totp" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

// Second implements flows.SecondFactor.
func (*Flow) Second(*flows.Interaction) bool { return true }

// ReachesMultiFactor implements flows.MultiFactor.
func (*Flow) ReachesMultiFactor(*storage.Project) bool { return true }

// Needed implements flows.Flow.
func (f *Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	if in.Request.Subject == "" || in.MultiFactor() || in.PassedSecond() || !in.MaySecond(f.ID()) {
		return false, nil
	}
	c, err := f.config.Credentials.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil && in.WantsSecond(c.SetAt), err
}

// View implements flows.Flow.
func (f *Flow) View(_ context.Context, in *flows.Interaction) (any, error) {
	return templates.TOTPView{Account: in.Request.Identifier, InsteadURL: in.Offered(f.config.Instead), HelpURL: in.Offered(f.config.Help), RememberDays: in.MayRemember()}, nil
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("decision") == "restart" {
		return flows.Proof{Restart: true}, nil
	}
	code := digits(form.Get("code"))
	if code == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	c, err := f.config.Credentials.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if err != nil {
		return flows.Proof{}, err
	}
	clear, err := in.Limits.Second(ctx, c.UserID) // counted before it is judged
	if err != nil {
		return flows.Proof{}, err
	}
	seed, err := f.config.Credentials.Seed(in.Project.Scope(), c)
	if err != nil {
		return flows.Proof{}, err
	}
	step, err := match(seed, code, in.Now)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case step == 0:
		return flows.Proof{}, refuse(in, c.UserID, "wrong_code")
	case step <= c.LastStep: // RFC 6238 §5.2: never the same twice, nor an older one
		return flows.Proof{}, refuse(in, c.UserID, "replayed_code")
	}
	proof := flows.Proof{
		Subject: c.UserID, AMR: []string{"otp"},
		Changes: append(clear, f.config.Credentials.Accept(c, step, in.Now)),
	}
	if form.Get("remember") != "" && in.MayRemember() > 0 {
		proof.Remember = c.SetAt
	}
	return proof, nil
}

// refuse says one sentence whatever was wrong; the log alone tells more.
func refuse(in *flows.Interaction, userID, reason string) *flows.Problem {
	ev := in.Failure("user.second_factor_failed", reason)
	ev.Target, ev.Details = userID, map[string]string{"flow": "totp"}
	return &flows.Problem{Message: "problem.wrong_code", Field: "code", Events: []storage.AuditEvent{ev}}
}

// digits takes out what people put between digits. What is no code is returned as
// one that is never right.
func digits(typed string) string {
	if len(typed) > 32 {
		return "?"
	}
	return strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(strings.TrimSpace(typed))
}

// match returns the time step whose code this is, 0 when it is none's.
func match(seed []byte, code string, now time.Time) (int64, error) {
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed)
	present, found := now.Unix()/period, int64(0)
	for step := present - skew; step <= present+skew; step++ {
		ok, err := hotp.ValidateCustom(code, uint64(step), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil && !errors.Is(err, otp.ErrValidateInputInvalidLength) {
			return 0, err
		}
		if ok {
			found = step
		}
	}
	return found, nil
}
