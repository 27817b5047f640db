// Package magiclink signs people in with a link that they get by mail.
package magiclink

import (
	"context"
	"crypto/subtle"
	"net/url"
	"strings"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. Mailbox and Tokens are required.
type Config struct {
	Mailbox *flows.Mailbox
	Tokens  *storage.MagicLinkTokens
	// Back is the id of the flow for people who want in by another way. "": none.
	Back string
}

// Flow sends a link. It signs in the browser that asked and no other: there it
// shows a code to be typed in the first one (S3-07).
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Silencer    = (*Flow)(nil)
	_ flows.Linked      = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "magiclink" }

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
	v := templates.EmailCodeView{BackURL: in.Offered(f.config.Back)}
	for _, s := range []string{in.Form.Get("email"), in.Request.Identifier, in.Request.LoginHint} {
		if v.Email == "" && strings.Contains(s, "@") {
			v.Email = flows.Clean(s)
		}
	}
	sent, err := f.sent(ctx, in)
	if sent != nil {
		v.SentTo = sent.Email
	}
	return v, err
}

// sent returns the link that this interaction waits for, nil for none.
func (f *Flow) sent(ctx context.Context, in *flows.Interaction) (*storage.MagicLinkToken, error) {
	return flows.Waiting(ctx, in, f.ID(), f.config.Tokens.Get)
}

// Submit implements flows.Flow: it sends the link, or takes the code that the
// link showed in another browser.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("decision") == "send" || form.Get("email") != "" {
		return f.send(ctx, in, form.Get("email"))
	}
	t, err := f.sent(ctx, in)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case t == nil && in.SentTo(f.ID()) != "": // it has ended
		return flows.Proof{}, &flows.Problem{Message: "problem.code_ended", Field: "email"}
	case t == nil:
		return flows.Proof{}, &flows.Problem{Message: "problem.email_missing", Field: "email"}
	case strings.TrimSpace(form.Get("code")) == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	settings := &in.Project.Messages
	clear, err := in.Limits.Guess(ctx, t.ID, t.EmailKey, settings.CodeTries, settings.LinkTTL) // counted before it is judged
	if err != nil {
		return flows.Proof{}, err
	}
	pepper, err := f.config.Mailbox.Pepper(ctx, in.Project)
	if err != nil {
		return flows.Proof{}, err
	}
	if subtle.ConstantTimeCompare([]byte(flows.Digits(form.Get("code"))), []byte(t.Code(pepper))) != 1 {
		return flows.Proof{}, in.WrongCode(f.ID(), "wrong_code")
	}
	proof, err := f.arrive(ctx, in, t)
	proof.Changes = append(proof.Changes, clear...)
	return proof, err
}

func (f *Flow) arrive(ctx context.Context, in *flows.Interaction, t *storage.MagicLinkToken) (flows.Proof, error) {
	proof, err := f.config.Mailbox.Arrive(ctx, in, t.Email, t.EmailKey)
	proof.Changes = append(proof.Changes, f.config.Tokens.Take(t.ID))
	return proof, err
}

// send leaves a letter to be sent. For an address that nobody may sign in with it
// does the same, with another letter and a link that nobody gets (S3-01).
func (f *Flow) send(ctx context.Context, in *flows.Interaction, typed string) (flows.Proof, error) {
	address, key, err := f.config.Mailbox.Address(typed)
	if err != nil {
		return flows.Proof{}, err
	}
	if open, err := in.FirstFor(ctx, f.ID(), address); err != nil || !open {
		return flows.Proof{}, flows.Otherwise(err, "email")
	}
	settings := &in.Project.Messages
	err = in.Limits.Send(ctx, flows.Message{Kind: "link", To: key, Limit: settings.RateLimitCodes, Cooldown: settings.Cooldown})
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
	t := &storage.MagicLinkToken{Email: address, EmailKey: key, RequestID: in.Request.ID, ExpiresAt: in.Now.Add(settings.LinkTTL)}
	token, changes := f.config.Tokens.Issue(t)
	letter := in.Letter("no_account", address)
	if admitted {
		letter = in.Letter("magic_link", address)
		letter.Link, letter.Code, letter.EndsAt = in.LinkURL(f.ID(), token), t.Code(pepper), t.ExpiresAt
		letter.Data = map[string]any{"Minutes": max(1, int(settings.LinkTTL/time.Minute))}
	}
	return flows.Proof{
		Identifier: address, Sent: t.ID, Events: []storage.AuditEvent{in.Event("message.asked")},
		Changes: append(changes, f.config.Mailbox.Outbox.Mail(in.Project.Scope(), letter, in.Now)),
	}, nil
}

// Asked implements flows.Linked.
func (f *Flow) Asked(ctx context.Context, p *storage.Project, token string) (string, error) {
	t, err := f.config.Tokens.ByToken(ctx, p.Scope(), token)
	if err != nil {
		return "", err
	}
	return t.RequestID, nil
}

// Opened implements flows.Linked.
func (f *Flow) Opened(ctx context.Context, in *flows.Interaction, token string) (flows.Opened, error) {
	t, err := f.config.Tokens.ByToken(ctx, in.Project.Scope(), token)
	if err != nil {
		return flows.Opened{}, err
	}
	v := templates.LinkView{Kind: f.ID(), Account: t.Email}
	if in.Request.ID == "" {
		pepper, err := f.config.Mailbox.Pepper(ctx, in.Project)
		if err != nil {
			return flows.Opened{}, err
		}
		v.Code = t.Code(pepper)
	}
	return flows.Opened{Page: "link", View: v}, nil
}

// Followed implements flows.Linked.
func (f *Flow) Followed(ctx context.Context, in *flows.Interaction, token string, _ url.Values) (flows.Proof, error) {
	t, err := f.config.Tokens.ByToken(ctx, in.Project.Scope(), token)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case in.Request.ID == "" || in.Request.ID != t.RequestID:
		return flows.Proof{}, &flows.Problem{Message: "problem.link_elsewhere"}
	case !f.open(in):
		return flows.Proof{}, storage.ErrConsumed
	}
	return f.arrive(ctx, in, t)
}
