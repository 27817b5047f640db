package register

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

var _ flows.Linked = (*Flow)(nil)

// mails says whether addresses are proven before there is an account.
func (f *Flow) mails(in *flows.Interaction) bool {
	return in.Project.SendsMail() && f.config.Mailbox != nil
}

// sent returns the account that waits for its address to be proven, nil for none.
func (f *Flow) sent(ctx context.Context, in *flows.Interaction) (*storage.AccountToken, error) {
	if in.SentTo(f.ID()) == none {
		return nil, nil
	}
	return flows.Waiting(ctx, in, f.ID(), f.config.Tokens.Get)
}

// none is the id of nothing that was sent.
const none = "none"

// send leaves a letter to be sent, and keeps what was typed until it is answered.
// For an address that has an account, or may have none, it does the same with
// another letter, whose owner alone learns of it.
func (f *Flow) send(ctx context.Context, in *flows.Interaction, u *storage.User, pending storage.PendingAccount) (flows.Proof, error) {
	settings, scope := &in.Project.Messages, in.Project.Scope()
	err := in.Limits.Send(ctx, flows.Message{Kind: "verify", To: u.EmailKey, Limit: settings.RateLimitVerify, Cooldown: settings.Cooldown})
	if err != nil {
		return flows.Proof{}, err
	}
	_, err = f.config.Accounts.Users.ByEmail(ctx, scope, u.EmailKey)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return flows.Proof{}, err
	}
	taken := err == nil
	invited, err := flows.InvitationOf(ctx, f.config.Mailbox.Invitations, in, u.EmailKey)
	if err != nil {
		return flows.Proof{}, err
	}
	ends := in.Now.Add(settings.VerifyTTL)
	if e := in.Request.ExpiresAt; !e.IsZero() && e.Before(ends) { // no other interaction can take the answer
		ends = e
	}
	pending.Email, pending.Name = u.Email, u.Name
	t := &storage.AccountToken{UserID: u.ID, EmailKey: u.EmailKey, RequestID: in.Request.ID, ExpiresAt: ends, Pending: &pending}
	token, changes := f.config.Tokens.Issue(t)
	var letter storage.Mail
	switch {
	case taken:
		letter = in.Letter("account_exists", u.Email)
		letter.Link = in.Project.Issuer + "/"
	case in.Project.Access.Admits(u.EmailKey, invited != nil):
		letter = in.Letter("verify", u.Email)
		letter.Link, letter.EndsAt = in.LinkURL(f.ID(), token), ends
		letter.Data = map[string]any{"Hours": max(1, int(ends.Sub(in.Now).Round(time.Hour)/time.Hour))}
	default:
		letter = in.Letter("no_account", u.Email)
	}
	return flows.Proof{
		Identifier: u.Email, Sent: t.ID, Events: []storage.AuditEvent{in.Event("message.asked")},
		Changes: append(changes, f.config.Mailbox.Outbox.Mail(scope, letter, in.Now)),
	}, nil
}

// confirm takes the code that the letter's link showed in another browser.
func (f *Flow) confirm(ctx context.Context, in *flows.Interaction, typed string) (flows.Proof, error) {
	t, err := f.sent(ctx, in)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case t == nil:
		return flows.Proof{}, &flows.Problem{Message: "problem.code_ended", Field: "email"}
	case strings.TrimSpace(typed) == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	clear, err := in.Limits.Guess(ctx, t.ID, t.EmailKey, in.Project.Messages.CodeTries, in.Project.Messages.VerifyTTL)
	if err != nil {
		return flows.Proof{}, err
	}
	pepper, err := f.config.Mailbox.Pepper(ctx, in.Project)
	if err != nil {
		return flows.Proof{}, err
	}
	if subtle.ConstantTimeCompare([]byte(flows.Digits(typed)), []byte(t.Code(pepper))) != 1 {
		return flows.Proof{}, in.WrongCode(f.ID(), "wrong_code")
	}
	proof, err := f.made(ctx, in, t)
	proof.Changes = append(proof.Changes, clear...)
	return proof, err
}

// made is the account whose address is proven now. Where somebody else was faster
// the unique key judges. Where it begins with a passkey, that is asked for next.
func (f *Flow) made(ctx context.Context, in *flows.Interaction, t *storage.AccountToken) (flows.Proof, error) {
	invited, err := f.admits(ctx, in, t)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case f.waits(in, t): // in another tab
		return flows.Proof{Sent: t.ID}, nil
	case t.Pending.Passkey:
		ev := in.Event("user.email_proven")
		ev.Target = t.UserID
		return flows.Proof{Sent: t.ID, Changes: []storage.Change{f.config.Tokens.Prove(t)}, Events: []storage.AuditEvent{ev}}, nil
	}
	u := newUser(in, t)
	u.Role = flows.RoleOf(invited)
	proof := f.withPassword(in, u, t.Pending.Hash)
	proof.Invitation = invited
	proof.Changes = append(proof.Changes, f.config.Tokens.Take(t.ID))
	return proof, nil
}

// admits returns the invitation that a proven address has, nil for none, and
// storage.ErrConsumed where it may have no account any more.
func (f *Flow) admits(ctx context.Context, in *flows.Interaction, t *storage.AccountToken) (*storage.UserInvitation, error) {
	invited, err := flows.InvitationOf(ctx, f.config.Mailbox.Invitations, in, t.EmailKey)
	if err == nil && !(f.open(in) && in.Project.Access.Admits(t.EmailKey, invited != nil)) {
		err = storage.ErrConsumed
	}
	return invited, err
}

// newUser is the account that waits, with the address that was proven.
func newUser(in *flows.Interaction, t *storage.AccountToken) *storage.User {
	return &storage.User{
		ID: t.UserID, Email: t.Pending.Email, EmailKey: t.EmailKey, EmailVerified: true, Name: t.Pending.Name,
		Status: storage.UserActive, Role: "member", ProfileUpdatedAt: in.Now, CreatedOrder: in.Now.UnixMicro(),
	}
}

// waits says whether an account, its address proven, waits for its passkey alone.
func (f *Flow) waits(in *flows.Interaction, t *storage.AccountToken) bool {
	return t.Pending.Passkey && t.Pending.Proven && f.passkeys(in)
}

// complete makes the account that waits for its passkey; a device that can't keep
// one may choose a password after all.
func (f *Flow) complete(ctx context.Context, in *flows.Interaction, t *storage.AccountToken, form url.Values) (flows.Proof, error) {
	invited, err := f.admits(ctx, in, t)
	if err != nil {
		return flows.Proof{}, err
	}
	u := newUser(in, t)
	u.Role = flows.RoleOf(invited)
	var proof flows.Proof
	if form.Has("password") && passwords(in) {
		hash, err := f.hash(ctx, in, u, form.Get("password"))
		if err != nil {
			return flows.Proof{}, err
		}
		proof = f.withPassword(in, u, hash)
	} else {
		proof = account(in, u)
		if err := f.config.Passkeys.Add(ctx, in, u, form.Get("credential"), &proof); err != nil {
			return flows.Proof{}, err
		}
	}
	proof.Invitation = invited
	proof.Changes = append(proof.Changes, f.config.Tokens.Take(t.ID))
	return proof, nil
}

func (f *Flow) pending(ctx context.Context, p *storage.Project, token string) (*storage.AccountToken, error) {
	if f.config.Tokens == nil {
		return nil, storage.ErrNotFound
	}
	t, err := f.config.Tokens.ByToken(ctx, p.Scope(), token)
	if err == nil && t.Pending == nil {
		err = storage.ErrNotFound
	}
	return t, err
}

// Asked implements flows.Linked.
func (f *Flow) Asked(ctx context.Context, p *storage.Project, token string) (string, error) {
	t, err := f.pending(ctx, p, token)
	if err != nil {
		return "", err
	}
	return t.RequestID, nil
}

// Opened implements flows.Linked: another browser than the one that asked gets a
// code for that one. Who made no account there can give it to nobody.
func (f *Flow) Opened(ctx context.Context, in *flows.Interaction, token string) (flows.Opened, error) {
	t, err := f.pending(ctx, in.Project, token)
	if err != nil {
		return flows.Opened{}, err
	}
	v := templates.LinkView{Kind: f.ID(), Account: t.Pending.Email}
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
	t, err := f.pending(ctx, in.Project, token)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case in.Request.ID == "" || in.Request.ID != t.RequestID:
		return flows.Proof{}, &flows.Problem{Message: "problem.link_elsewhere"}
	}
	return f.made(ctx, in, t)
}
