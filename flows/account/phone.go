package account

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// asked is the number that waits for its code, nil for none.
func (p *pages) asked(ctx context.Context, m *flows.Member) (*storage.PhoneVerificationCode, error) {
	c, err := p.Store.PhoneCodes.OfUser(ctx, m.Project.Scope(), m.User.ID)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConsumed) {
		return nil, nil
	}
	return c, err
}

func (p *pages) phone(ctx context.Context, m *flows.Member) (any, error) {
	v := templates.AccountPhoneView{Phone: m.User.PhoneNumber, Verified: m.User.PhoneNumberVerified, Open: m.Project.SendsSMS()}
	if m.Form != nil {
		v.Typed = flows.Clean(m.Form.Get("phone"))
	}
	c, err := p.asked(ctx, m)
	if c != nil {
		v.SentTo = c.PhoneNumber
	}
	return v, err
}

func (p *pages) setPhone(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	switch form.Get("do") {
	case "send":
		return p.askPhone(ctx, m, form.Get("phone"))
	case "confirm":
		return p.confirmPhone(ctx, m, form.Get("code"))
	case "remove":
		next := *m.User
		next.PhoneNumber, next.PhoneNumberVerified, next.ProfileUpdatedAt = "", false, m.Now
		return flows.Outcome{
			Changes: []storage.Change{p.Store.Users.Replace(&next), p.Store.PhoneCodes.Remove(m.User.ID)},
			Events:  []storage.AuditEvent{m.Event("user.phone_removed")}, To: pathPhone, Done: "removed",
		}, nil
	}
	return flows.Outcome{}, &flows.Problem{Message: "problem.choose_action"}
}

func (p *pages) askPhone(ctx context.Context, m *flows.Member, typed string) (flows.Outcome, error) {
	if !m.Project.SendsSMS() {
		return flows.Outcome{}, &flows.Problem{Message: "problem.no_sms"}
	}
	number, ok := flows.Phone(typed)
	if !ok {
		return flows.Outcome{}, &flows.Problem{Message: "problem.phone_invalid", Field: "phone"}
	}
	if err := m.Limits().Send(ctx, flows.ShortMessage(m.Project, number)); err != nil {
		return flows.Outcome{}, err
	}
	pepper, err := p.Mailbox.Pepper(ctx, m.Project)
	if err != nil {
		return flows.Outcome{}, err
	}
	code := storage.NewCode()
	c := &storage.PhoneVerificationCode{ID: storage.NewID(), UserID: m.User.ID, PhoneNumber: number, ExpiresAt: m.Now.Add(m.Project.Messages.PhoneCodeTTL)}
	text := storage.SMS{To: number, Locales: m.Locales, Name: "code", Code: code, EndsAt: c.ExpiresAt}
	if m.User.Locale != "" {
		text.Locales = append([]string{m.User.Locale}, m.Locales...)
	}
	return flows.Outcome{
		Changes: append(p.Store.PhoneCodes.Replace(c, pepper, code), p.Store.Outbox.SMS(m.Project.Scope(), text, m.Now)),
		Events:  []storage.AuditEvent{m.Event("message.asked")}, To: pathPhone, Done: "phone_sent",
	}, nil
}

// confirmPhone makes the number the account's: whoever has the telephone signs in
// with it from now on, so the owner is told.
func (p *pages) confirmPhone(ctx context.Context, m *flows.Member, typed string) (flows.Outcome, error) {
	c, err := p.asked(ctx, m)
	switch {
	case err != nil:
		return flows.Outcome{}, err
	case c == nil:
		return flows.Outcome{}, &flows.Problem{Message: "problem.code_ended"}
	case strings.TrimSpace(typed) == "":
		return flows.Outcome{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	settings := &m.Project.Messages
	clear, err := m.Limits().Guess(ctx, c.ID, c.PhoneNumber, settings.PhoneCodeTries, settings.PhoneCodeTTL) // counted before it is judged
	if err != nil {
		return flows.Outcome{}, err
	}
	pepper, err := p.Mailbox.Pepper(ctx, m.Project)
	if err != nil {
		return flows.Outcome{}, err
	}
	if !c.Matches(pepper, flows.Digits(typed)) {
		ev := m.Event("user.phone_failed")
		ev.Outcome, ev.Reason = "failure", "wrong_code"
		return flows.Outcome{}, &flows.Problem{Message: "problem.wrong_sent_code", Field: "code", Events: []storage.AuditEvent{ev}}
	}
	next := *m.User
	next.PhoneNumber, next.PhoneNumberVerified, next.ProfileUpdatedAt = c.PhoneNumber, true, m.Now
	changes := append(clear, p.Store.PhoneCodes.Take(c.ID), p.Store.Users.Replace(&next))
	if m.Project.SendsMail() {
		changes = append(changes, m.Letter(storage.Mail{Name: "phone_confirmed"})...)
	}
	return flows.Outcome{Changes: changes, Events: []storage.AuditEvent{m.Event("user.phone_verified")}, To: pathPhone, Done: "phone"}, nil
}
