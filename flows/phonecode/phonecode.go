// Package phonecode signs people in with a code that they get by short message.
package phonecode

import (
	"context"
	"net/url"
	"strings"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. All but Back is required.
type Config struct {
	Users   *storage.Users
	Codes   *storage.PhoneVerificationCodes
	Outbox  *storage.Outbox
	Secrets *storage.ProjectSecrets
	// Back is the id of the flow for people who want in by another way. "": none.
	Back string
}

// Flow sends a code to a number that somebody has proven to be theirs, and asks
// for it. The code is good in the browser that asked, once, for a short time and a
// few tries (S3-08). A number that nobody has proven gets no message, and the same
// answer (S3-01): messages cost money.
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Silencer    = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "phonecode" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

func (f *Flow) open(in *flows.Interaction) bool {
	return in.Request.Subject == "" && in.Project.SendsSMS() && in.First(f.ID())
}

// Needed implements flows.Flow: where no way in comes before it, and what was
// typed is a number.
func (f *Flow) Needed(_ context.Context, in *flows.Interaction) (bool, error) {
	_, ok := flows.Phone(in.Request.Identifier)
	return ok && f.open(in), nil
}

// Offered implements flows.Alternative.
func (f *Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return f.open(in), nil
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	v := templates.PhoneCodeView{BackURL: in.Offered(f.config.Back)}
	for _, s := range []string{in.Form.Get("phone"), in.Request.Identifier, in.Request.LoginHint} {
		if _, ok := flows.Phone(s); v.Phone == "" && ok {
			v.Phone = s
		}
	}
	sent, err := f.sent(ctx, in)
	if sent != nil {
		v.SentTo = sent.PhoneNumber
	}
	return v, err
}

// sent returns the code that this interaction waits for, nil for none.
func (f *Flow) sent(ctx context.Context, in *flows.Interaction) (*storage.PhoneVerificationCode, error) {
	return flows.Waiting(ctx, in, f.ID(), f.config.Codes.Get)
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("decision") == "send" || form.Get("phone") != "" {
		return f.send(ctx, in, form.Get("phone"))
	}
	c, err := f.sent(ctx, in)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case c == nil:
		if in.SentTo(f.ID()) != "" { // it has ended
			return flows.Proof{}, &flows.Problem{Message: "problem.code_ended", Field: "phone"}
		}
		return flows.Proof{}, &flows.Problem{Message: "problem.phone_invalid", Field: "phone"}
	case strings.TrimSpace(form.Get("code")) == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	settings := &in.Project.Messages
	clear, err := in.Limits.Guess(ctx, c.ID, c.PhoneNumber, settings.PhoneCodeTries, settings.PhoneCodeTTL) // counted before it is judged
	if err != nil {
		return flows.Proof{}, err
	}
	pepper, err := f.config.Secrets.Get(ctx, in.Project.Scope(), "code-pepper")
	if err != nil {
		return flows.Proof{}, err
	}
	if !c.Matches(pepper, flows.Digits(form.Get("code"))) {
		return flows.Proof{}, in.WrongCode(f.ID(), "wrong_code")
	}
	u, err := f.owner(ctx, in, c.PhoneNumber)
	if err != nil {
		return flows.Proof{}, err
	}
	if u == nil || u.ID != c.UserID { // the number went to another account since
		return flows.Proof{}, in.WrongCode(f.ID(), "unknown_account")
	}
	return flows.Proof{
		Subject: u.ID, AMR: []string{"sms"}, Changes: append(clear, f.config.Codes.Take(c.ID)), // RFC 8176 §2
	}, nil
}

// owner is whose number it is, nil for nobody. A number that two accounts have
// proven, as families do, signs in to none of them.
func (f *Flow) owner(ctx context.Context, in *flows.Interaction, number string) (*storage.User, error) {
	found, err := f.config.Users.ByPhone(ctx, in.Project.Scope(), number)
	if err != nil || len(found) != 1 || !flows.MaySignIn(found[0]) {
		return nil, err
	}
	return found[0], nil
}

// nobody has the codes that are sent to no one.
const nobody = "nobody"

func (f *Flow) send(ctx context.Context, in *flows.Interaction, typed string) (flows.Proof, error) {
	number, ok := flows.Phone(typed)
	if !ok {
		return flows.Proof{}, &flows.Problem{Message: "problem.phone_invalid", Field: "phone"}
	}
	settings, scope := &in.Project.Messages, in.Project.Scope()
	if err := in.Limits.Send(ctx, flows.ShortMessage(in.Project, number)); err != nil {
		return flows.Proof{}, err
	}
	u, err := f.owner(ctx, in, number)
	if err != nil {
		return flows.Proof{}, err
	}
	pepper, err := f.config.Secrets.Get(ctx, scope, "code-pepper")
	if err != nil {
		return flows.Proof{}, err
	}
	code := storage.NewCode()
	c := &storage.PhoneVerificationCode{
		ID: storage.NewID(), UserID: nobody, PhoneNumber: number, RequestID: in.Request.ID, ExpiresAt: in.Now.Add(settings.PhoneCodeTTL),
	}
	asked := in.Event("message.asked")
	proof := flows.Proof{Identifier: number, Sent: c.ID, Events: []storage.AuditEvent{asked}}
	if u == nil { // as many rows as with an account: one commit tells as little as the other
		withheld := in.Event("message.withheld")
		proof.Events = append(proof.Events, withheld)
	} else {
		c.UserID = u.ID
		proof.Changes = []storage.Change{f.config.Outbox.SMS(scope, storage.SMS{
			To: number, Locales: in.Locales, Name: "code", Code: code, EndsAt: c.ExpiresAt,
		}, in.Now)}
	}
	proof.Changes = append(f.config.Codes.Replace(c, pepper, code), proof.Changes...)
	return proof, nil
}
