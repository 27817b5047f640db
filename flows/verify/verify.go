// Package verify has people prove the mail address of their account before they
// go on.
package verify

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. All of it is required.
type Config struct {
	Mailbox  *flows.Mailbox
	Tokens   *storage.AccountTokens
	Sessions *storage.Sessions
}

// Flow is a required action of somebody who is signed in: accounts that an
// operator made, or that were made before mail left, may have an address that
// nobody has proven.
type Flow struct{ config Config }

var (
	_ flows.Flow   = (*Flow)(nil)
	_ flows.Linked = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "verify" }

// Needed implements flows.Flow.
func (f *Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	u, err := f.account(ctx, in)
	return u != nil, err
}

// account is who has to prove their address now, nil for nobody.
func (f *Flow) account(ctx context.Context, in *flows.Interaction) (*storage.User, error) {
	if in.Request.SessionID == "" || slices.Contains(in.Request.Proven, f.ID()) || !in.Project.SendsMail() || !in.Project.Messages.RequireVerified {
		return nil, nil
	}
	u, err := f.config.Mailbox.Users.Get(ctx, in.Project.Scope(), in.Request.Subject)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (u.EmailVerified || u.Email == "") {
		return nil, nil
	}
	return u, err
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	u, err := f.account(ctx, in)
	if u == nil {
		return templates.EmailCodeView{}, err
	}
	v := templates.EmailCodeView{Email: u.Email}
	t, err := f.sent(ctx, in)
	if t != nil {
		v.SentTo = u.Email
	}
	return v, err
}

// sent returns what this interaction waits for, nil for nothing.
func (f *Flow) sent(ctx context.Context, in *flows.Interaction) (*storage.AccountToken, error) {
	return flows.Waiting(ctx, in, f.ID(), f.config.Tokens.Get)
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	u, err := f.account(ctx, in)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case u == nil:
		return flows.Proof{}, nil // it is proven by now
	case form.Get("decision") == "send":
		return f.send(ctx, in, u)
	case strings.TrimSpace(form.Get("code")) == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	t, err := f.sent(ctx, in)
	if err != nil {
		return flows.Proof{}, err
	}
	if t == nil {
		return flows.Proof{}, &flows.Problem{Message: "problem.code_ended"}
	}
	clear, err := in.Limits.Guess(ctx, t.ID, t.EmailKey, in.Project.Messages.CodeTries, in.Project.Messages.VerifyTTL) // counted before it is judged
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
	proof, err := f.prove(ctx, in, u, t)
	proof.Changes = append(proof.Changes, clear...)
	return proof, err
}

func (f *Flow) send(ctx context.Context, in *flows.Interaction, u *storage.User) (flows.Proof, error) {
	settings := &in.Project.Messages
	err := in.Limits.Send(ctx, flows.Message{Kind: "verify", To: u.EmailKey, Limit: settings.RateLimitVerify, Cooldown: settings.Cooldown})
	if err != nil {
		return flows.Proof{}, err
	}
	ends := in.Now.Add(settings.VerifyTTL)
	if e := in.Request.ExpiresAt; !e.IsZero() && e.Before(ends) { // no other interaction can take the answer
		ends = e
	}
	t := &storage.AccountToken{UserID: u.ID, EmailKey: u.EmailKey, RequestID: in.Request.ID, ExpiresAt: ends}
	token, changes := f.config.Tokens.Issue(t)
	letter := in.Letter("verify", u.Email)
	letter.Link, letter.EndsAt = in.LinkURL(f.ID(), token), ends
	letter.Data = map[string]any{"Hours": max(1, int(ends.Sub(in.Now).Round(time.Hour)/time.Hour))}
	asked := in.Event("message.asked")
	asked.Actor, asked.Target = u.ID, u.ID
	return flows.Proof{
		Sent: t.ID, Events: []storage.AuditEvent{asked},
		Changes: append(changes, f.config.Mailbox.Outbox.Mail(in.Project.Scope(), letter, in.Now)),
	}, nil
}

// prove writes down that the address is theirs. Whoever else is signed in to the
// account was so before anybody knew whose it is (S3-06).
func (f *Flow) prove(ctx context.Context, in *flows.Interaction, u *storage.User, t *storage.AccountToken) (flows.Proof, error) {
	if t.UserID != u.ID || t.EmailKey != u.EmailKey {
		return flows.Proof{}, storage.ErrConsumed // the address was changed since
	}
	next := *u
	next.EmailVerified = true
	proven := in.Event("user.email_verified")
	proven.Actor, proven.Target = u.ID, u.ID
	proof := flows.Proof{
		Events:  []storage.AuditEvent{proven},
		Changes: append([]storage.Change{f.config.Tokens.Take(t.ID), f.config.Mailbox.Users.Replace(&next)}, in.Join(&next)...),
	}
	page := storage.PageRequest{Limit: 1000}
	for {
		found, err := f.config.Sessions.OfUser(ctx, in.Project.Scope(), u.ID, page)
		if err != nil {
			return flows.Proof{}, err
		}
		for _, s := range found.Items {
			if s.ID != in.Request.SessionID {
				proof.Changes = append(proof.Changes, f.config.Sessions.End(s.ID)...)
			}
		}
		if page.After = found.Next; page.After == "" {
			return proof, nil
		}
	}
}

func (f *Flow) pending(ctx context.Context, p *storage.Project, token string) (*storage.AccountToken, *storage.User, error) {
	t, err := f.config.Tokens.ByToken(ctx, p.Scope(), token)
	if err != nil {
		return nil, nil, err
	}
	if t.Pending != nil { // of the flow register
		return nil, nil, storage.ErrNotFound
	}
	u, err := f.config.Mailbox.Users.Get(ctx, p.Scope(), t.UserID)
	return t, u, err
}

// Asked implements flows.Linked.
func (f *Flow) Asked(ctx context.Context, p *storage.Project, token string) (string, error) {
	t, _, err := f.pending(ctx, p, token)
	if err != nil {
		return "", err
	}
	return t.RequestID, nil
}

// Opened implements flows.Linked: another browser gets a code for the one that is
// signed in.
func (f *Flow) Opened(ctx context.Context, in *flows.Interaction, token string) (flows.Opened, error) {
	t, u, err := f.pending(ctx, in.Project, token)
	if err != nil {
		return flows.Opened{}, err
	}
	v := templates.LinkView{Kind: f.ID(), Account: u.Email}
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
	t, _, err := f.pending(ctx, in.Project, token)
	if err != nil {
		return flows.Proof{}, err
	}
	u, err := f.account(ctx, in)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case in.Request.ID == "" || in.Request.ID != t.RequestID || u == nil || u.ID != t.UserID:
		return flows.Proof{}, &flows.Problem{Message: "problem.link_elsewhere"}
	}
	return f.prove(ctx, in, u, t)
}
