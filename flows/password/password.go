// Package password proves who somebody is by their password.
package password

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Hasher verifies and makes password hashes.
type Hasher interface {
	// Verify says whether the hash was made of this password, and whether it
	// should be made anew with the parameters of today. For the hash "" it does
	// the work of one of today and says no.
	Verify(ctx context.Context, hash storage.PasswordHash, password string) (ok, outdated bool, err error)
	// Hash makes a hash with the parameters of today.
	Hash(ctx context.Context, password string) (storage.PasswordHash, error)
}

// Busy is the error of a Hasher that has too much to do, and says when to try
// again.
type Busy interface {
	error
	RetryAfter() time.Duration
}

// MaxLength is the longest password that is looked at, in bytes: 1024 characters
// of four bytes. What is longer is nobody's, and no work is done for it (S3-04).
const MaxLength = 4096

// Config configures the flow. Accounts, Credentials and Hasher are required.
type Config struct {
	Accounts    *flows.Accounts
	Credentials *storage.PasswordCredentials
	Hasher      Hasher
	// Back is the id of the flow that "not you?" leads to. "": none.
	Back string
	// Others are the ids of flows that the page links to, when they are offered.
	Others []string
}

// Flow asks for the password of the identifier that was typed before.
type Flow struct{ config Config }

var (
	_ flows.Flow     = (*Flow)(nil)
	_ flows.Silencer = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "password" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

// Needed implements flows.Flow.
func (*Flow) Needed(_ context.Context, in *flows.Interaction) (bool, error) {
	return in.Request.Subject == "" && in.Request.Identifier != "" && open(in), nil
}

func open(in *flows.Interaction) bool { return in.Project.PasswordEnabled && in.First("password") }

// View implements flows.Flow.
func (f *Flow) View(_ context.Context, in *flows.Interaction) (any, error) {
	return templates.PasswordView{
		Identifier: in.Request.Identifier, ChangeURL: in.Offered(f.config.Back),
		Reauthenticate: in.Reauthenticates(), Others: in.Others(f.config.Others),
	}, nil
}

// Submit implements flows.Flow. An unknown account, one without a password, one
// that may not sign in and a wrong password get the same answer for the same
// work, in the same order (S3-01).
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if !open(in) {
		return flows.Proof{}, wrong()
	}
	password := form.Get("password")
	if password == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.password_missing", Field: "password"}
	}
	who, err := f.find(ctx, in)
	if err != nil {
		return flows.Proof{}, err
	}
	// Counted before the work is done, so that no race gets past the limit.
	clear, err := in.Limits.Login(ctx, f.config.Accounts.Key(in.Request.Identifier), who.id(), who.setAt())
	if err != nil {
		return flows.Proof{}, err
	}
	if len(password) > MaxLength {
		return flows.Proof{}, who.refuse(in, "wrong_password")
	}
	ok, outdated, err := f.config.Hasher.Verify(ctx, who.hash(), password)
	if err != nil {
		return flows.Proof{}, busy(err)
	}
	if reason := who.reason(ok); reason != "" {
		return flows.Proof{}, who.refuse(in, reason)
	}
	proof := flows.Proof{Subject: who.user.ID, AMR: []string{"pwd"}, SetAt: who.setAt(), Changes: clear}
	if outdated {
		f.rehash(ctx, in, who, password, &proof)
	}
	return proof, nil
}

// rehash stores the password under the parameters of today, with the sign-in.
// Where there is no room for the work, the next sign-in does it.
func (f *Flow) rehash(ctx context.Context, in *flows.Interaction, who person, password string, proof *flows.Proof) {
	hash, err := f.config.Hasher.Hash(ctx, password)
	if err != nil {
		return
	}
	proof.Changes = append(proof.Changes, f.config.Credentials.Rehash(who.credential, hash))
	ev := in.Event("password.rehashed")
	ev.Actor, ev.Target = who.user.ID, who.user.ID
	proof.Events = append(proof.Events, ev)
}

// person is who the identifier means: perhaps nobody.
type person struct {
	user       *storage.User
	credential *storage.PasswordCredential
}

// find looks for the account and its password. It asks the database the same
// number of times for an account that does not exist.
func (f *Flow) find(ctx context.Context, in *flows.Interaction) (person, error) {
	scope := in.Project.Scope()
	id := "nobody"
	u, err := f.config.Accounts.Find(ctx, scope, in.Request.Identifier)
	switch {
	case err == nil:
		id = u.ID
	case !errors.Is(err, storage.ErrNotFound):
		return person{}, err
	}
	c, err := f.config.Credentials.Get(ctx, scope, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return person{}, err
	}
	return person{u, c}, nil
}

func (p person) id() string {
	if p.user == nil {
		return ""
	}
	return p.user.ID
}

func (p person) hash() storage.PasswordHash {
	if p.credential == nil {
		return ""
	}
	return p.credential.Hash
}

func (p person) setAt() time.Time {
	if p.credential == nil {
		return time.Time{}
	}
	return p.credential.SetAt
}

// reason is why the person can't sign in, for the log alone; "" if they can.
func (p person) reason(ok bool) string {
	switch {
	case p.user == nil:
		return "unknown_account"
	case p.credential == nil:
		return "no_password"
	case !ok:
		return "wrong_password"
	case !flows.MaySignIn(p.user):
		return "account_" + string(p.user.Status)
	}
	return ""
}

func (p person) refuse(in *flows.Interaction, reason string) error {
	problem := wrong()
	ev := in.Failure("user.sign_in_failed", reason)
	ev.Target = p.id()
	problem.Events = []storage.AuditEvent{ev}
	return problem
}

func wrong() *flows.Problem {
	return &flows.Problem{Message: "problem.wrong_credentials", Field: "password"}
}

// busy makes a page of a hasher's refusal, with what was typed kept.
func busy(err error) error {
	var b Busy
	if !errors.As(err, &b) {
		return err
	}
	return &flows.Problem{Message: "problem.busy_try_again", Status: http.StatusServiceUnavailable, RetryAfter: b.RetryAfter()}
}
