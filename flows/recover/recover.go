// Package recover lets people choose a new password who lost theirs, by a link
// that they get by mail.
package recover

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Hasher makes password hashes. Its error may be a Busy.
type Hasher interface {
	Hash(ctx context.Context, password string) (storage.PasswordHash, error)
}

// Busy is the error of a Hasher that has too much to do, and says when to try
// again.
type Busy interface {
	error
	RetryAfter() time.Duration
}

// Policy judges a new password: see the flow register.
type Policy func(password string, minLength int, personal ...string) *flows.Problem

// Config configures the flow. All but Back and MaxLength are required.
type Config struct {
	Mailbox     *flows.Mailbox
	Tokens      *storage.AccountTokens
	Credentials *storage.PasswordCredentials
	Hasher      Hasher
	Policy      Policy
	MaxLength   int // characters of a password; 0 is 1024
	// Back is the id of the flow for people who remember it after all. "": none.
	Back string
}

// Flow sends a link and takes a new password. It is open whatever lock the account
// has: a lock must not keep its owner out (S3-03).
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Linked      = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow {
	if c.MaxLength == 0 {
		c.MaxLength = 1024
	}
	return &Flow{c}
}

// ID implements flows.Flow.
func (*Flow) ID() string { return "recover" }

// Needed implements flows.Flow: never, the person asks for it.
func (*Flow) Needed(context.Context, *flows.Interaction) (bool, error) { return false, nil }

func enabled(p *storage.Project) bool {
	return p.PasswordEnabled && p.SendsMail() && p.Messages.ResetEnabled
}

// Offered implements flows.Alternative.
func (*Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return in.Request.Subject == "" && enabled(in.Project) && in.First("password"), nil
}

// View implements flows.Flow.
func (f *Flow) View(_ context.Context, in *flows.Interaction) (any, error) {
	v := templates.RecoverView{BackURL: in.Offered(f.config.Back), SentTo: in.SentTo(f.ID())}
	for _, s := range []string{in.Form.Get("email"), in.Request.Identifier, in.Request.LoginHint} {
		if v.Email == "" && flows.Clean(s) != "" && len(s) <= flows.MaxIdentifier {
			v.Email = s
		}
	}
	if in.Form != nil {
		v.SentTo = ""
	}
	return v, nil
}

// nobody has the tokens of letters that tell that there is no account.
const nobody = "nobody"

// Submit implements flows.Flow. It answers the same, for the same work, whether
// there is an account or not; the letter alone tells (S3-01).
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	address, key, err := f.config.Mailbox.Address(form.Get("email"))
	if err != nil {
		return flows.Proof{}, err
	}
	if open, err := in.FirstFor(ctx, "password", address); err != nil || !open {
		return flows.Proof{}, flows.Otherwise(err, "email")
	}
	settings, scope := &in.Project.Messages, in.Project.Scope()
	err = in.Limits.Send(ctx, flows.Message{Kind: "reset", To: key, Limit: settings.RateLimitReset, Cooldown: settings.Cooldown})
	if err != nil {
		return flows.Proof{}, err
	}
	u, err := f.config.Mailbox.Users.ByEmail(ctx, scope, key)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return flows.Proof{}, err
	}
	t := &storage.AccountToken{UserID: nobody, EmailKey: key, RequestID: in.Request.ID, ExpiresAt: in.Now.Add(settings.ResetTTL)}
	asked := in.Event("password.reset_asked")
	letter := in.Letter("no_account", address)
	if err == nil && flows.MaySignIn(u) {
		t.UserID, asked.Target = u.ID, u.ID
		letter = in.Letter("reset", u.Email)
	}
	token, changes := f.config.Tokens.Issue(t)
	if t.UserID != nobody {
		letter.Link, letter.EndsAt = in.LinkURL(f.ID(), token), t.ExpiresAt
		letter.Data = map[string]any{"Minutes": max(1, int(settings.ResetTTL/time.Minute))}
	}
	return flows.Proof{
		Identifier: address, Sent: address, Events: []storage.AuditEvent{asked},
		Changes: append(changes, f.config.Mailbox.Outbox.Mail(scope, letter, in.Now)),
	}, nil
}

// of returns a token with its account.
func (f *Flow) of(ctx context.Context, p *storage.Project, token string) (*storage.AccountToken, *storage.User, error) {
	if !enabled(p) {
		return nil, nil, storage.ErrNotFound
	}
	t, err := f.config.Tokens.ByToken(ctx, p.Scope(), token)
	if err != nil {
		return nil, nil, err
	}
	u, err := f.config.Mailbox.Users.Get(ctx, p.Scope(), t.UserID)
	if err == nil && (!flows.MaySignIn(u) || u.EmailKey != t.EmailKey) { // the letter went elsewhere
		err = storage.ErrNotFound
	}
	return t, u, err
}

// stillOpen says whether the account's organisation lets people in by a password,
// now that the letter is answered.
func (f *Flow) stillOpen(ctx context.Context, in *flows.Interaction, u *storage.User) error {
	open, err := in.FirstFor(ctx, "password", u.Email)
	if err == nil && !open {
		err = storage.ErrNotFound
	}
	return err
}

// Asked implements flows.Linked.
func (f *Flow) Asked(ctx context.Context, p *storage.Project, token string) (string, error) {
	t, _, err := f.of(ctx, p, token)
	if err != nil {
		return "", err
	}
	return t.RequestID, nil
}

// Opened implements flows.Linked.
func (f *Flow) Opened(ctx context.Context, in *flows.Interaction, token string) (flows.Opened, error) {
	_, u, err := f.of(ctx, in.Project, token)
	if err == nil {
		err = f.stillOpen(ctx, in, u)
	}
	if err != nil {
		return flows.Opened{}, err
	}
	return flows.Opened{
		Page: "newpassword",
		View: templates.NewPasswordView{Account: flows.Label(u), MinLength: in.Project.PasswordMinLength, MaxLength: f.config.MaxLength},
		Done: templates.LinkDoneView{Kind: f.ID()},
	}, nil
}

// Followed implements flows.Linked. Nobody is signed in by it: who chose the
// password signs in with it, and with their second factor.
func (f *Flow) Followed(ctx context.Context, in *flows.Interaction, token string, form url.Values) (flows.Proof, error) {
	t, u, err := f.of(ctx, in.Project, token)
	if err == nil {
		err = f.stillOpen(ctx, in, u)
	}
	if err != nil {
		return flows.Proof{}, err
	}
	password := form.Get("password")
	if strings.TrimSpace(password) == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.password_missing", Field: "password"}
	}
	if problem := f.config.Policy(password, in.Project.PasswordMinLength, u.Email, u.Name); problem != nil {
		return flows.Proof{}, problem
	}
	hash, err := f.config.Hasher.Hash(ctx, password)
	if err != nil {
		return flows.Proof{}, busy(err)
	}
	set := in.Event("password.reset")
	set.Actor, set.Target = u.ID, u.ID
	var changes []storage.Change
	if !u.EmailVerified { // who reads the mail owns the account: what another set up in it goes (S3-06)
		proven := *u
		proven.EmailVerified = true
		changes = append(f.config.Mailbox.Users.Prove(u), in.Join(&proven)...)
	}
	changes = append(changes, f.config.Tokens.Take(t.ID))
	changes = append(changes, f.config.Credentials.Reset(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: in.Now})...)
	letter := in.Letter("changed", u.Email)
	letter.Data = map[string]any{"What": "password"}
	return flows.Proof{
		Identifier: flows.Label(u), Events: []storage.AuditEvent{set},
		Changes: append(changes, f.config.Mailbox.Outbox.Mail(in.Project.Scope(), letter, in.Now)),
	}, nil
}

func busy(err error) error {
	var b Busy
	if !errors.As(err, &b) {
		return err
	}
	return &flows.Problem{Message: "problem.busy_try_again", Status: http.StatusServiceUnavailable, RetryAfter: b.RetryAfter()}
}
