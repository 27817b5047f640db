// Package register lets a person make an account of their own.
package register

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// Policy judges a new password. minLength is the project's, in characters;
// personal is what the password must not be made of. It returns nil or what is
// wrong, about the field "password".
type Policy func(password string, minLength int, personal ...string) *flows.Problem

// Config configures the flow. Accounts, Credentials, Hasher and Policy are
// required.
type Config struct {
	Accounts    *flows.Accounts
	Credentials *storage.PasswordCredentials
	Hasher      Hasher
	Policy      Policy
	MaxLength   int // characters of a password; 0 is 1024
	// SignIn is the id of the flow for people who have an account. "": none.
	SignIn string
	// Mailbox and Tokens are for projects that send mail.
	Mailbox *flows.Mailbox
	Tokens  *storage.AccountTokens
}

// Flow makes an account with a mail address and a password.
//
// Where mail leaves, the account is made when the address is proven, by a letter
// that says something else where there is one already: neither the answer nor
// its work tells (S3-01), and nobody has an account with another's address (S3-06).
//
// Elsewhere the address is not verified, and one that is taken is refused with a
// sentence that fits other reasons as well. Whoever tries can conclude that it is
// taken all the same: tries are limited by network address.
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Silencer    = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow {
	if c.MaxLength == 0 {
		c.MaxLength = 1024
	}
	return &Flow{c}
}

// ID implements flows.Flow.
func (*Flow) ID() string { return "register" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

func open(in *flows.Interaction) bool {
	mode := in.Project.Access.Mode
	return in.Project.SignupEnabled && in.Project.PasswordEnabled && in.First("password") && in.Request.Subject == "" &&
		(mode == "" || mode == storage.AccessOpen || mode == storage.AccessAllowlist && in.Project.SendsMail())
}

// Needed implements flows.Flow: first where the client asks for a new account
// (prompt=create, Initiating User Registration §4), until the person says that
// they have one.
func (*Flow) Needed(_ context.Context, in *flows.Interaction) (bool, error) {
	return open(in) && in.Prompts("create") && in.Request.Identifier == "", nil
}

// Offered implements flows.Alternative.
func (*Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) { return open(in), nil }

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	v := templates.RegisterView{
		MinLength: in.Project.PasswordMinLength, MaxLength: f.config.MaxLength,
		SignInURL: in.Offered(f.config.SignIn),
	}
	switch {
	case in.Form != nil:
		v.Email, v.Name = shown(in.Form.Get("email")), shown(in.Form.Get("name"))
	case in.Request.Identifier != "":
		v.Email = shown(in.Request.Identifier)
	default:
		v.Email = shown(in.Request.LoginHint)
	}
	sent, err := f.sent(ctx, in)
	if sent != nil {
		v.SentTo = sent.Pending.Email
	}
	return v, err
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if !open(in) {
		return flows.Proof{}, &flows.Problem{Message: "problem.registration_closed", Status: http.StatusForbidden}
	}
	if form.Get("code") != "" || form.Get("decision") == "confirm" {
		return f.confirm(ctx, in, form.Get("code"))
	}
	u, err := f.account(in, form)
	if err != nil {
		return flows.Proof{}, err
	}
	if open, err := in.FirstFor(ctx, "password", u.Email); err != nil || !open {
		return flows.Proof{}, flows.Otherwise(err, "email")
	}
	password := form.Get("password")
	if problem := f.config.Policy(password, in.Project.PasswordMinLength, u.Email, u.Name); problem != nil {
		return flows.Proof{}, problem
	}
	if err := in.Limits.Signup(ctx); err != nil { // before the work is done
		return flows.Proof{}, err
	}
	// The work is done whether the address is taken or not: the unique key judges.
	hash, err := f.config.Hasher.Hash(ctx, password)
	if err != nil {
		return flows.Proof{}, busy(err)
	}
	if f.mails(in) {
		return f.send(ctx, in, u, hash)
	}
	return f.proof(in, u, hash), nil
}

// proof is a new account that signs in.
func (f *Flow) proof(in *flows.Interaction, u *storage.User, hash storage.PasswordHash) flows.Proof {
	made := in.Event("user.registered")
	made.Actor, made.Target = u.ID, u.ID
	return flows.Proof{
		Identifier: u.Email, Subject: u.ID, AMR: []string{"pwd"}, By: []string{"password"}, SetAt: in.Now, NewUser: u,
		Changes: []storage.Change{f.config.Credentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: in.Now})},
		Events:  []storage.AuditEvent{made},
		Taken: &flows.Problem{
			Message: "problem.email_taken_neutral", Field: "email",
			Events: []storage.AuditEvent{in.Failure("user.registration_failed", "taken")},
		},
	}
}

func (f *Flow) account(in *flows.Interaction, form url.Values) (*storage.User, error) {
	email, name := strings.TrimSpace(form.Get("email")), strings.TrimSpace(form.Get("name"))
	if email == "" {
		return nil, &flows.Problem{Message: "problem.email_missing", Field: "email"}
	}
	if len(email) > flows.MaxIdentifier || !strings.Contains(email, "@") {
		return nil, &flows.Problem{Message: "problem.email_invalid", Field: "email"}
	}
	address, key, err := f.config.Accounts.Email(email)
	if err != nil {
		return nil, &flows.Problem{Message: "problem.email_invalid", Field: "email"}
	}
	if utf8.RuneCountInString(name) > maxName {
		return nil, &flows.Problem{Message: "problem.name_long", Field: "name"}
	}
	if shown(name) != name {
		return nil, &flows.Problem{Message: "problem.name_invalid", Field: "name"}
	}
	return &storage.User{
		ID: storage.NewSubject(), Email: address, EmailKey: key, Name: name,
		Status: storage.UserActive, Role: "member",
		ProfileUpdatedAt: in.Now, CreatedOrder: in.Now.UnixMicro(),
	}, nil
}

// maxName is the longest name, in characters.
const maxName = 200

// shown returns s, or "" if it holds what can't be shown: control characters and
// the marks that turn the direction of writing around.
func shown(s string) string {
	if len(s) > 4*maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)
	}) {
		return ""
	}
	return s
}

func busy(err error) error {
	var b Busy
	if !errors.As(err, &b) {
		return err
	}
	return &flows.Problem{Message: "problem.busy_try_again", Status: http.StatusServiceUnavailable, RetryAfter: b.RetryAfter()}
}
