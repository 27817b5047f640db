package account

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

// pending is the change of address that waits, nil for none.
func (p *pages) pending(ctx context.Context, m *flows.Member) (*storage.EmailChange, error) {
	e, err := p.Store.EmailChanges.Of(ctx, m.Project.Scope(), m.User.ID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !stands(e, m.User) {
		return nil, nil
	}
	return e, err
}

// stands says whether the address that is to change is the one it was, and was
// proven then if it is now: else nobody asked who reads its mail (S3-06).
func stands(e *storage.EmailChange, u *storage.User) bool {
	return e.OldKey == u.EmailKey && (e.Asked || !u.EmailVerified || u.Email == "")
}

func (p *pages) email(ctx context.Context, m *flows.Member) (any, error) {
	v := templates.AccountEmailView{Email: m.User.Email, EmailVerified: m.User.EmailVerified, Open: m.Project.SendsMail()}
	if m.Form != nil {
		v.Typed = flows.Clean(m.Form.Get("email"))
	}
	e, err := p.pending(ctx, m)
	if e != nil {
		v.Pending, v.WaitsNew, v.WaitsOld = e.Email, !e.Answered, e.Asked && !e.Agreed
	}
	return v, err
}

func (p *pages) setEmail(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	if !m.Project.SendsMail() {
		return flows.Outcome{}, &flows.Problem{Message: "problem.no_mail"}
	}
	switch form.Get("do") {
	case "change":
		return p.askEmail(ctx, m, form.Get("email"))
	case "confirm":
		return p.confirmEmail(ctx, m, form.Get("code"))
	case "cancel":
		return flows.Outcome{
			Changes: []storage.Change{p.Store.EmailChanges.Remove(m.User.ID)}, Events: []storage.AuditEvent{m.Event("user.email_change_cancelled")},
			To: pathEmail, Done: "saved",
		}, nil
	}
	return flows.Outcome{}, &flows.Problem{Message: "problem.choose_action"}
}

// askEmail has a letter sent to both ends. For an address that has an account it
// does the same with another letter, whose owner alone learns of it (S3-01).
func (p *pages) askEmail(ctx context.Context, m *flows.Member, typed string) (flows.Outcome, error) {
	address, key, err := p.Mailbox.Address(typed)
	if err != nil {
		return flows.Outcome{}, err
	}
	if key == m.User.EmailKey {
		return flows.Outcome{}, &flows.Problem{Message: "problem.email_same", Field: "email"}
	}
	if !mayHave(m.Project, key) {
		return flows.Outcome{}, &flows.Problem{Message: "problem.email_not_admitted", Field: "email"}
	}
	settings := &m.Project.Messages
	if err := m.Limits().Send(ctx, flows.Message{Kind: "verify", To: key, Limit: settings.RateLimitVerify, Cooldown: settings.Cooldown}); err != nil {
		return flows.Outcome{}, err
	}
	_, err = p.Store.Users.ByEmail(ctx, m.Project.Scope(), key)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return flows.Outcome{}, err
	}
	taken := err == nil
	e := &storage.EmailChange{
		UserID: m.User.ID, OldKey: m.User.EmailKey, Email: address, EmailKey: key,
		Asked: m.User.EmailVerified && m.User.Email != "", ExpiresAt: m.Now.Add(settings.VerifyTTL),
	}
	forNew, forOld, changes := p.Store.EmailChanges.Begin(e)
	letter := storage.Mail{To: address, Name: "account_exists", Link: m.Project.Issuer + "/"}
	if !taken {
		letter = storage.Mail{
			To: address, Name: "email_change", Link: flows.LinkURL(m.Project, emailChangeID, forNew), EndsAt: e.ExpiresAt,
			Data: map[string]any{"Hours": max(1, int(settings.VerifyTTL/time.Hour))},
		}
	}
	changes = append(changes, m.Letter(letter)...)
	if e.Asked {
		changes = append(changes, m.Letter(storage.Mail{
			To: m.User.Email, Name: "email_changing", Link: flows.LinkURL(m.Project, emailChangeID, forOld), EndsAt: e.ExpiresAt,
			Data: map[string]any{"Email": address},
		})...)
	}
	return flows.Outcome{Changes: changes, Events: []storage.AuditEvent{m.Event("user.email_change_asked")}, To: pathEmail, Done: "email_asked"}, nil
}

// mayHave says whether the project lets an account have this address. Who has an
// account stays, whoever may make one.
func mayHave(p *storage.Project, key string) bool {
	return p.Access.Mode != storage.AccessAllowlist || p.Access.Admits(key, false)
}

// confirmEmail takes the code that the letter's link showed in another browser.
func (p *pages) confirmEmail(ctx context.Context, m *flows.Member, typed string) (flows.Outcome, error) {
	e, err := p.pending(ctx, m)
	switch {
	case err != nil:
		return flows.Outcome{}, err
	case e == nil:
		return flows.Outcome{}, &flows.Problem{Message: "problem.code_ended"}
	case strings.TrimSpace(typed) == "":
		return flows.Outcome{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	clear, err := m.Limits().Guess(ctx, e.ID, e.EmailKey, m.Project.Messages.CodeTries, m.Project.Messages.VerifyTTL) // counted before it is judged
	if err != nil {
		return flows.Outcome{}, err
	}
	pepper, err := p.Mailbox.Pepper(ctx, m.Project)
	if err != nil {
		return flows.Outcome{}, err
	}
	if subtle.ConstantTimeCompare([]byte(flows.Digits(typed)), []byte(e.Code(pepper))) != 1 {
		ev := m.Event("user.email_change_failed")
		ev.Outcome, ev.Reason = "failure", "wrong_code"
		return flows.Outcome{}, &flows.Problem{Message: "problem.wrong_sent_code", Field: "code", Events: []storage.AuditEvent{ev}}
	}
	a, err := answered(ctx, p.Store, m.Project, e, m.User, m.Now, true, m)
	if err != nil {
		return flows.Outcome{}, err
	}
	out := flows.Outcome{Changes: append(a.changes, clear...), To: pathEmail, Done: "email_waits", Taken: &flows.Problem{Message: "problem.email_taken_neutral"}}
	ev := m.Event(a.action)
	if out.Events = []storage.AuditEvent{ev}; a.made {
		out.Done = "email"
	}
	return out, nil
}

// organisations are what the account belongs to by its mail address.
type organisations interface {
	// Join puts the account into the one of its new address.
	Join(u *storage.User) []storage.Change
	// Governed is the one whose policy it takes along.
	Governed(ctx context.Context, u *storage.User, newKey string) (string, error)
}

// answer is what comes of one end's word.
type answer struct {
	changes []storage.Change
	action  string
	made    bool
}

// answered is what comes of the word of the new end, or of the old one. e is the
// row of the new end: whoever comes second makes the change.
func answered(ctx context.Context, store *storage.Store, p *storage.Project, e *storage.EmailChange, u *storage.User, now time.Time, isNew bool, of organisations) (answer, error) {
	next := *e
	if isNew {
		next.Answered = true
	} else {
		next.Agreed = true
	}
	if !next.Answered || next.Asked && !next.Agreed {
		return answer{[]storage.Change{store.EmailChanges.Agree(&next)}, "user.email_change_agreed", false}, nil
	}
	governed, err := of.Governed(ctx, u, e.EmailKey)
	if err != nil {
		return answer{}, err
	}
	moved := *u
	moved.GovernedBy = governed
	changes := store.EmailChanges.Make(e, &moved, now)
	moved.Email, moved.EmailKey, moved.EmailVerified = e.Email, e.EmailKey, true
	changes = append(changes, of.Join(&moved)...)
	if u.EmailVerified && u.Email != "" {
		told := storage.Mail{To: u.Email, Name: "changed", Data: map[string]any{"What": u.Email + " → " + e.Email}}
		if u.Locale != "" {
			told.Locales = []string{u.Locale}
		}
		changes = append(changes, store.Outbox.Mail(p.Scope(), told, now))
	}
	return answer{changes, "user.email_changed", true}, nil
}
