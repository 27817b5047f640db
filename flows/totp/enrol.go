package totp

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// EnrolConfig configures the flow that sets an app up. All are required.
type EnrolConfig struct {
	Credentials *storage.TOTPCredentials
	Secrets     *storage.ProjectSecrets
	Users       *storage.Users
}

// Enrol sets up an authenticator app for somebody who must have a second factor
// and has none.
type Enrol struct{ config EnrolConfig }

var (
	_ flows.SecondFactor = (*Enrol)(nil)
	_ flows.Silencer     = (*Enrol)(nil)
)

// NewEnrol makes the flow.
func NewEnrol(c EnrolConfig) *Enrol { return &Enrol{c} }

// ID implements flows.Flow.
func (*Enrol) ID() string { return "enroltotp" }

// Requires implements flows.Silencer.
func (*Enrol) Requires() string { return "login" }

// Second implements flows.SecondFactor.
func (*Enrol) Second(*flows.Interaction) bool { return true }

// Needed implements flows.Flow. It never replaces an app: who has the password
// alone must not.
func (f *Enrol) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	if !in.NeedsSetup() || !in.MaySecond("totp") {
		return false, nil
	}
	_, err := f.config.Credentials.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return false, err
}

func (f *Enrol) offer(ctx context.Context, in *flows.Interaction) (Enrolment, error) {
	key, err := f.config.Secrets.Get(ctx, in.Project.Scope(), EnrolmentSecret)
	if err != nil {
		return Enrolment{}, err
	}
	bound := in.Request.BrowserHash // gone with the request
	return NewEnrolment(key, in.Request.Subject, in.Request.ID, string(bound[:])), nil
}

// EnrolmentSecret is the name of the project secret that NewEnrolment takes.
const EnrolmentSecret = "totp-enrolment"

// View implements flows.Flow.
func (f *Enrol) View(ctx context.Context, in *flows.Interaction) (any, error) {
	e, err := f.offer(ctx, in)
	if err != nil {
		return nil, err
	}
	account := in.Request.Identifier
	u, err := f.config.Users.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if err == nil {
		account = flows.Label(u)
	} else if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	shown, err := e.View(Issuer(in.Project), account)
	return templates.TOTPEnrolView{Account: account, TOTPEnrolment: shown}, err
}

// Submit implements flows.Flow.
func (f *Enrol) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("decision") == "restart" {
		return flows.Proof{Restart: true}, nil
	}
	if digits(form.Get("code")) == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	id := in.Request.Subject
	clear, err := in.Limits.Second(ctx, id)
	if err != nil {
		return flows.Proof{}, err
	}
	e, err := f.offer(ctx, in)
	if err != nil {
		return flows.Proof{}, err
	}
	step, err := e.Match(form.Get("code"), in.Now)
	if err != nil {
		return flows.Proof{}, err
	}
	if step == 0 {
		return flows.Proof{}, refuse(in, id, "wrong_code_at_setup")
	}
	ev := in.Event("totp.enrolled")
	ev.Actor, ev.Target = id, id
	return flows.Proof{
		Subject: id, AMR: []string{"otp"}, Events: []storage.AuditEvent{ev},
		Changes: slices.Concat(clear, f.config.Credentials.First(in.Project.Scope(), id, e.seed, step, in.Now)),
	}, nil
}

// Issuer is the name that stands in authenticator apps.
func Issuer(p *storage.Project) string {
	switch {
	case p.SignIn.TOTPIssuer != "":
		return p.SignIn.TOTPIssuer
	case p.Name != "":
		return p.Name
	}
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return p.Issuer
	}
	return u.Hostname()
}
