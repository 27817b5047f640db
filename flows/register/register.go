// Package register lets a person make an account of their own.
package register

import (
	"context"
	"encoding/json"
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
	// Passkeys, where mail is sent, let an account begin with a passkey and without
	// a password. nil: none does.
	Passkeys Passkeys
}

// Passkeys make the first passkey of an account that is not there yet.
type Passkeys interface {
	// Open says whether an account may begin with one.
	Open(in *flows.Interaction) bool
	// Offer returns the options of the browser's call.
	Offer(ctx context.Context, in *flows.Interaction, u *storage.User) (json.RawMessage, error)
	// Add adds to the proof what the browser's answer proves.
	Add(ctx context.Context, in *flows.Interaction, u *storage.User, credential string, proof *flows.Proof) error
}

// Flow makes an account with a mail address and a password, or a passkey.
//
// Where mail leaves, the account is made when the address is proven, by a letter
// that says something else where there is one already: neither the answer nor
// its work tells (S3-01), and nobody has an account with another's address (S3-06).
//
// Elsewhere the address is not verified, and one that is taken is refused with a
// sentence that fits other reasons as well. Whoever tries can conclude that it is
// taken all the same: tries are limited by network address. There no account begins
// with a passkey alone: who lost it would have no way back.
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

// open says whether somebody may make an account here.
func (f *Flow) open(in *flows.Interaction) bool {
	mode := in.Project.Access.Mode
	return in.Project.SignupEnabled && in.Request.Subject == "" && (passwords(in) || f.passkeys(in)) &&
		(mode == "" || mode == storage.AccessOpen || mode == storage.AccessAllowlist && in.Project.SendsMail())
}

// passwords says whether an account may begin with a password.
func passwords(in *flows.Interaction) bool { return in.Project.PasswordEnabled && in.First("password") }

// passkeys says whether an account may begin with a passkey.
func (f *Flow) passkeys(in *flows.Interaction) bool {
	return f.config.Passkeys != nil && f.mails(in) && f.config.Passkeys.Open(in)
}

// Needed implements flows.Flow: first where the client asks for a new account
// (prompt=create, Initiating User Registration §4), until the person says that
// they have one.
func (f *Flow) Needed(_ context.Context, in *flows.Interaction) (bool, error) {
	return f.open(in) && in.Prompts("create") && in.Request.Identifier == "", nil
}

// Offered implements flows.Alternative.
func (f *Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return f.open(in), nil
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	v := templates.RegisterView{
		MinLength: in.Project.PasswordMinLength, MaxLength: f.config.MaxLength,
		SignInURL: in.Offered(f.config.SignIn), Password: passwords(in), Passkeys: f.passkeys(in),
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
	if err != nil || sent == nil {
		return v, err
	}
	v.SentTo = sent.Pending.Email
	if f.waits(in, sent) {
		options, err := f.config.Passkeys.Offer(ctx, in, newUser(in, sent))
		v.Passkey = &templates.Passkey{Action: in.URL(f.ID()), Options: options}
		return v, err
	}
	return v, nil
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if !f.open(in) {
		return flows.Proof{}, &flows.Problem{Message: "problem.registration_closed", Status: http.StatusForbidden}
	}
	if form.Get("code") != "" || form.Get("decision") == "confirm" {
		return f.confirm(ctx, in, form.Get("code"))
	}
	if form.Get("decision") == "again" { // another address
		return flows.Proof{Sent: none}, nil
	}
	if sent, err := f.sent(ctx, in); err != nil || sent != nil && f.waits(in, sent) && !form.Has("email") {
		if err != nil {
			return flows.Proof{}, err
		}
		return f.complete(ctx, in, sent, form)
	}
	u, err := f.typed(in, form)
	if err != nil {
		return flows.Proof{}, err
	}
	first := "password"
	if form.Get("decision") == "passkey" && f.passkeys(in) {
		first = "passkey"
	}
	if open, err := in.FirstFor(ctx, first, u.Email); err != nil || !open {
		return flows.Proof{}, flows.Otherwise(err, "email")
	}
	if first == "passkey" {
		if err := in.Limits.Signup(ctx); err != nil {
			return flows.Proof{}, err
		}
		return f.send(ctx, in, u, storage.PendingAccount{Passkey: true})
	}
	if !passwords(in) {
		return flows.Proof{}, &flows.Problem{Message: "problem.passkey_missing"}
	}
	hash, err := f.hash(ctx, in, u, form.Get("password"))
	if err != nil {
		return flows.Proof{}, err
	}
	if f.mails(in) {
		return f.send(ctx, in, u, storage.PendingAccount{Hash: hash})
	}
	return f.withPassword(in, u, hash), nil
}

// hash judges a new password, and does the work whether the address is taken or
// not: the unique key judges that.
func (f *Flow) hash(ctx context.Context, in *flows.Interaction, u *storage.User, password string) (storage.PasswordHash, error) {
	if problem := f.config.Policy(password, in.Project.PasswordMinLength, u.Email, u.Name); problem != nil {
		return "", problem
	}
	if err := in.Limits.Signup(ctx); err != nil { // before the work is done
		return "", err
	}
	hash, err := f.config.Hasher.Hash(ctx, password)
	if err != nil {
		return "", busy(err)
	}
	return hash, nil
}

// withPassword is a new account that signs in with a password.
func (f *Flow) withPassword(in *flows.Interaction, u *storage.User, hash storage.PasswordHash) flows.Proof {
	proof := account(in, u)
	proof.AMR, proof.By, proof.SetAt = []string{"pwd"}, []string{"password"}, in.Now
	proof.Changes = []storage.Change{f.config.Credentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: in.Now})}
	return proof
}

// account is a new account that signs in, by what the caller adds.
func account(in *flows.Interaction, u *storage.User) flows.Proof {
	made := in.Event("user.registered")
	made.Actor, made.Target = u.ID, u.ID
	return flows.Proof{
		Identifier: u.Email, Subject: u.ID, NewUser: u,
		Events: []storage.AuditEvent{made},
		Taken: &flows.Problem{
			Message: "problem.email_taken_neutral", Field: "email",
			Events: []storage.AuditEvent{in.Failure("user.registration_failed", "taken")},
		},
	}
}

func (f *Flow) typed(in *flows.Interaction, form url.Values) (*storage.User, error) {
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
