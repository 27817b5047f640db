// Package emailcode signs people in with a code that they get by mail.
package emailcode

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. Mailbox and Codes are required.
type Config struct {
	Mailbox *flows.Mailbox
	Codes   *storage.EmailLoginCodes
	// Back is the id of the flow for people who want in by another way. "": none.
	Back string
}

// Flow sends a code and asks for it. The code is good in the browser that asked,
// once, for a short time and a few tries (S3-08).
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Silencer    = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "emailcode" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

func (f *Flow) open(in *flows.Interaction) bool {
	return in.Request.Subject == "" && in.Project.SendsMail() && in.First(f.ID())
}

// Needed implements flows.Flow: where no way in comes before it.
func (f *Flow) Needed(_ context.Context, in *flows.Interaction) (bool, error) {
	return f.open(in) && in.Request.Identifier != "", nil
}

// Offered implements flows.Alternative.
func (f *Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return f.open(in), nil
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	v := templates.EmailCodeView{BackURL: in.Offered(f.config.Back), Email: addressOf(in)}
	sent, err := f.sent(ctx, in)
	if err != nil {
		return nil, err
	}
	if sent != nil && in.Form.Get("decision") != "change" {
		v.SentTo = sent.Email
	}
	return v, nil
}

// addressOf is the address that the field holds.
func addressOf(in *flows.Interaction) string {
	for _, s := range []string{in.Form.Get("email"), in.Request.Identifier, in.Request.LoginHint} {
		if flows.Clean(s) != "" && strings.Contains(s, "@") && len(s) <= flows.MaxIdentifier {
			return s
		}
	}
	return ""
}

// sent returns the code that this interaction waits for, nil for none.
func (f *Flow) sent(ctx context.Context, in *flows.Interaction) (*storage.EmailLoginCode, error) {
	return flows.Waiting(ctx, in, f.ID(), f.config.Codes.Get)
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("decision") == "send" || form.Get("email") != "" {
		return f.send(ctx, in, form.Get("email"))
	}
	c, err := f.sent(ctx, in)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case c == nil:
		if in.SentTo(f.ID()) != "" { // it has ended
			return flows.Proof{}, &flows.Problem{Message: "problem.code_ended", Field: "email"}
		}
		return flows.Proof{}, &flows.Problem{Message: "problem.email_missing", Field: "email"}
	case strings.TrimSpace(form.Get("code")) == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	settings := &in.Project.Messages
	clear, err := in.Limits.Guess(ctx, c.ID, c.EmailKey, settings.CodeTries, settings.CodeTTL) // counted before it is judged
	if err != nil {
		return flows.Proof{}, err
	}
	pepper, err := f.config.Mailbox.Pepper(ctx, in.Project)
	if err != nil {
		return flows.Proof{}, err
	}
	if !c.Matches(pepper, flows.Digits(form.Get("code"))) {
		return flows.Proof{}, in.WrongCode(f.ID(), "wrong_code")
	}
	proof, err := f.config.Mailbox.Arrive(ctx, in, c.Email, c.EmailKey)
	proof.Changes = append(append(proof.Changes, f.config.Codes.Take(c.ID)), clear...)
	return proof, err
}

// send leaves a letter to be sent. For an address that nobody may sign in with it
// does the same, with another letter and a code that nobody gets (S3-01).
func (f *Flow) send(ctx context.Context, in *flows.Interaction, typed string) (flows.Proof, error) {
	address, key, err := f.config.Mailbox.Address(typed)
	if err != nil {
		return flows.Proof{}, err
	}
	if open, err := in.FirstFor(ctx, f.ID(), address); err != nil || !open {
		return flows.Proof{}, flows.Otherwise(err, "email")
	}
	settings, scope := &in.Project.Messages, in.Project.Scope()
	err = in.Limits.Send(ctx, flows.Message{Kind: "code", To: key, Limit: settings.RateLimitCodes, Cooldown: settings.Cooldown})
	if err != nil {
		return flows.Proof{}, err
	}
	admitted, err := f.config.Mailbox.Admits(ctx, in, key)
	if err != nil {
		return flows.Proof{}, err
	}
	pepper, err := f.config.Mailbox.Pepper(ctx, in.Project)
	if err != nil {
		return flows.Proof{}, err
	}
	code := storage.NewCode()
	c := &storage.EmailLoginCode{ID: storage.NewID(), Email: address, EmailKey: key, ExpiresAt: in.Now.Add(settings.CodeTTL)}
	letter := in.Letter("no_account", address)
	if admitted {
		letter = in.Letter("code", address)
		letter.Code, letter.EndsAt = code, c.ExpiresAt
		letter.Data = map[string]any{"Minutes": max(1, int(settings.CodeTTL/time.Minute))}
	}
	return flows.Proof{
		Identifier: address, Sent: c.ID,
		Changes: []storage.Change{f.config.Codes.Add(c, pepper, code), f.config.Mailbox.Outbox.Mail(scope, letter, in.Now)},
		Events:  []storage.AuditEvent{in.Event("message.asked")},
	}, nil
}
