package flows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/elloloop/identity/storage"
)

// Mailbox signs in who reads the mail of an address: the account that has it, or
// a new one. It decides when the proof is there and never before, so that asking
// for a letter tells nothing (S3-01).
type Mailbox struct {
	Accounts *Accounts
	Users    *storage.Users
	Outbox   *storage.Outbox
	Secrets  *storage.ProjectSecrets
	// Invitations let in who proves the address of one. nil: the letter's link alone does.
	Invitations *storage.UserInvitations
}

// AMRMail is the method of who reads the mail of an address. RFC 8176 has no word
// for it, and a mailbox is no device: with any other factor it makes two kinds.
const AMRMail = "email"

// Pepper keys the digests of short codes.
func (m *Mailbox) Pepper(ctx context.Context, p *storage.Project) ([]byte, error) {
	return m.Secrets.Get(ctx, p.Scope(), "code-pepper")
}

// Address reads the mail address in a form's field.
func (m *Mailbox) Address(typed string) (address, key string, err error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return "", "", &Problem{Message: "problem.email_missing", Field: "email"}
	}
	if len(typed) > MaxIdentifier || !strings.Contains(typed, "@") {
		return "", "", &Problem{Message: "problem.email_invalid", Field: "email"}
	}
	if address, key, err = m.Accounts.Email(typed); err != nil {
		return "", "", &Problem{Message: "problem.email_invalid", Field: "email"}
	}
	return address, key, nil
}

// Admits says whether a letter to this address may sign somebody in: it has an
// account, or may get one.
func (m *Mailbox) Admits(ctx context.Context, in *Interaction, key string) (bool, error) {
	u, i, err := m.of(ctx, in, key)
	switch {
	case err != nil:
		return false, err
	case u != nil:
		return MaySignIn(u) || waits(u, i), nil
	}
	return m.opens(in, key, i), nil
}

// of returns what there is of an address: its account and its invitation, nil each
// where there is none.
func (m *Mailbox) of(ctx context.Context, in *Interaction, key string) (*storage.User, *storage.UserInvitation, error) {
	u, err := m.Users.ByEmail(ctx, in.Project.Scope(), key)
	if errors.Is(err, storage.ErrNotFound) {
		u, err = nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	i, err := InvitationOf(ctx, m.Invitations, in, key)
	return u, i, err
}

// waits says whether an account waits for its owner, who is invited to it.
func waits(u *storage.User, i *storage.UserInvitation) bool {
	return i != nil && u.Status == storage.UserInvited && i.Opens(u)
}

// opens says whether who proves this address gets an account: whoever is invited
// does, as by the link of their letter.
func (m *Mailbox) opens(in *Interaction, key string, i *storage.UserInvitation) bool {
	return i != nil || in.Project.Messages.PasswordlessSignup && in.Project.SignupEnabled && in.Project.Access.Admits(key, false)
}

// Arrive returns the proof of somebody who reads the mail of an address.
func (m *Mailbox) Arrive(ctx context.Context, in *Interaction, address, key string) (Proof, error) {
	u, i, err := m.of(ctx, in, key)
	switch {
	case err != nil:
		return Proof{}, err
	case u == nil:
	case waits(u, i):
		return Proof{Identifier: address, Subject: u.ID, AMR: []string{AMRMail}, Mailbox: true, Invitation: i}, nil
	case !MaySignIn(u):
		ev := in.Failure("user.sign_in_failed", "account_"+string(u.Status))
		ev.Target = u.ID
		return Proof{}, &Problem{Message: "problem.no_way_in", Events: []storage.AuditEvent{ev}}
	default:
		return Proof{Identifier: address, Subject: u.ID, AMR: []string{AMRMail}, Mailbox: true}, nil
	}
	if !m.opens(in, key, i) {
		return Proof{}, &Problem{Message: "problem.no_way_in", Events: []storage.AuditEvent{in.Failure("user.sign_in_failed", "unknown_account")}}
	}
	if err := in.Limits.Signup(ctx); err != nil {
		return Proof{}, err
	}
	u = &storage.User{
		ID: storage.NewSubject(), Email: address, EmailKey: key, EmailVerified: true, Status: storage.UserActive, Role: RoleOf(i),
		ProfileUpdatedAt: in.Now, CreatedOrder: in.Now.UnixMicro(),
	}
	made := in.Event("user.registered")
	made.Actor, made.Target = u.ID, u.ID
	return Proof{
		Identifier: address, Subject: u.ID, AMR: []string{AMRMail}, NewUser: u, Invitation: i, Events: []storage.AuditEvent{made},
		Taken: &Problem{Message: "problem.try_again"}, // another tab was faster
	}, nil
}

// Letter begins a letter about this interaction.
func (in *Interaction) Letter(name, to string) storage.Mail {
	return storage.Mail{
		To: to, Name: name, Locales: slices.Concat(in.Request.UILocales, in.Locales), Client: in.Request.Client.Name,
		Origin: map[string]string{"browser": browser(in.Origin.UserAgent), "ip": in.Origin.IP},
	}
}

// SentTo is the id of what a flow sent last in this interaction, "" for nothing.
func (in *Interaction) SentTo(flow string) string { return in.Request.Sent[flow] }

// Waiting is what a flow sent last in this interaction and still waits for; nil
// for nothing, and for what has ended or was used.
func Waiting[T any](ctx context.Context, in *Interaction, flow string, get func(context.Context, storage.Scope, string) (*T, error)) (*T, error) {
	id := in.SentTo(flow)
	if id == "" {
		return nil, nil
	}
	found, err := get(ctx, in.Project.Scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConsumed) {
		return nil, nil
	}
	return found, err
}

// browser is what a User-Agent header says to people, "" where it says nothing:
// who sends it can write anything into it.
func browser(agent string) string {
	name, system := "", ""
	for _, b := range [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"Safari/", "Safari"}} {
		if name == "" && strings.Contains(agent, b[0]) {
			name = b[1]
		}
	}
	for _, s := range [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}} {
		if system == "" && strings.Contains(agent, s[0]) {
			system = s[1]
		}
	}
	if name == "" || system == "" {
		return name + system
	}
	return name + ", " + system
}

// Digits takes out of a code what people put between its digits. What is no code
// is returned as one that is never right.
func Digits(typed string) string {
	if len(typed) > 32 {
		return "?"
	}
	return strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(strings.TrimSpace(typed))
}

// Clean returns s, or "" if it can't be shown in a field for an address.
func Clean(s string) string {
	if len(s) > MaxIdentifier || !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)
	}) {
		return ""
	}
	return s
}

// WrongCode says one sentence whatever was wrong with a code that was sent; the
// log alone tells more.
func (in *Interaction) WrongCode(flow, reason string) *Problem {
	ev := in.Failure("user.sign_in_failed", reason)
	ev.Details = map[string]string{"flow": flow}
	return &Problem{Message: "problem.wrong_sent_code", Field: "code", Events: []storage.AuditEvent{ev}}
}
