// Package invite lets people accept an invitation that an administrator had sent
// to them.
package invite

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
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

// Policy judges a new password: see the flow register.
type Policy func(password string, minLength int, personal ...string) *flows.Problem

// Config configures the flow. All but MaxLength is required.
type Config struct {
	Invitations *storage.UserInvitations
	Users       *storage.Users
	Tenants     *storage.Tenants
	Credentials *storage.PasswordCredentials
	Hasher      Hasher
	Policy      Policy
	MaxLength   int // characters of a password; 0 is 1024
}

// Flow makes the account of who was invited, whose mail address the link proves,
// and sets up its first credential. Nobody is signed in by it.
type Flow struct{ config Config }

var _ flows.Linked = (*Flow)(nil)

// ID is the flow's word in links.
const ID = "invite"

// New makes the flow.
func New(c Config) *Flow {
	if c.MaxLength == 0 {
		c.MaxLength = 1024
	}
	return &Flow{c}
}

// ID implements flows.Flow.
func (*Flow) ID() string { return ID }

// Needed implements flows.Flow: never, a letter leads to it.
func (*Flow) Needed(context.Context, *flows.Interaction) (bool, error) { return false, nil }

// View implements flows.Flow.
func (*Flow) View(context.Context, *flows.Interaction) (any, error) {
	return templates.InviteView{}, nil
}

// Submit implements flows.Flow.
func (*Flow) Submit(context.Context, *flows.Interaction, url.Values) (flows.Proof, error) {
	return flows.Proof{}, &flows.Problem{Message: "problem.invite_link"}
}

// Asked implements flows.Linked.
func (f *Flow) Asked(ctx context.Context, p *storage.Project, token string) (string, error) {
	_, err := f.config.Invitations.ByToken(ctx, p.Scope(), token)
	return "", err
}

// guest is an invitation and what there is of its person.
type guest struct {
	*storage.UserInvitation
	user  *storage.User // nil: no account has the address
	state string
}

// ended says why an invitation can't be accepted, where the person has an account
// that they sign in to.
const hasAccount = "account"

func (f *Flow) of(ctx context.Context, in *flows.Interaction, token string) (*guest, error) {
	i, err := f.config.Invitations.ByToken(ctx, in.Project.Scope(), token)
	if err != nil {
		return nil, err
	}
	g := &guest{UserInvitation: i, state: i.State(in.Now)}
	g.user, err = f.config.Users.ByEmail(ctx, in.Project.Scope(), i.EmailKey)
	if errors.Is(err, storage.ErrNotFound) {
		g.user, err = nil, nil
	}
	switch {
	case err != nil:
		return nil, err
	case g.state != storage.InvitationOpen:
	case g.user == nil && !in.Project.Access.Admits(i.EmailKey, true):
		g.state = storage.InvitationRevoked // the project lets nobody in any more
	case g.user != nil && g.guards():
		g.state = storage.InvitationRevoked
	case g.user != nil && g.user.Status != storage.UserInvited && (i.TenantID == "" || !flows.MaySignIn(g.user)):
		g.state = hasAccount
	}
	return g, nil
}

// guards says whether to accept would make an administrator of somebody who was not
// invited as one, or take what one signs in with: who made the invitation has seen
// its link, and may be no administrator (S5-03).
func (g *guest) guards() bool {
	return !g.Opens(g.user) && (g.user.Status == storage.UserInvited || !g.user.EmailVerified)
}

// choosesPassword says whether the account gets its first credential here. Where
// there are no passwords, its owner signs in by their mail.
func (g *guest) choosesPassword(p *storage.Project) bool {
	return p.PasswordEnabled && p.Login.Allows("password") && (g.user == nil || g.user.Status == storage.UserInvited)
}

// Opened implements flows.Linked. It changes nothing.
func (f *Flow) Opened(ctx context.Context, in *flows.Interaction, token string) (flows.Opened, error) {
	g, err := f.of(ctx, in, token)
	if err != nil {
		return flows.Opened{}, err
	}
	signIn := in.Project.Issuer + flows.AccountPath
	v := templates.InviteView{
		State: g.state, Account: g.Email, Password: g.choosesPassword(in.Project), New: g.user == nil,
		MinLength: in.Project.PasswordMinLength, MaxLength: f.config.MaxLength, Name: flows.Clean(in.Form.Get("name")), SignInURL: signIn,
	}
	if g.TenantID != "" {
		t, err := f.config.Tenants.Get(ctx, in.Project.Scope(), g.TenantID)
		if err != nil {
			return flows.Opened{}, err
		}
		v.Tenant = t.Name
	}
	o := flows.Opened{Page: ID, View: v, Done: templates.LinkDoneView{Kind: ID, SignInURL: signIn}}
	if g.state != storage.InvitationOpen {
		o.Status = http.StatusGone
	}
	return o, nil
}

// maxName is the longest name, in characters.
const maxName = 200

// Followed implements flows.Linked.
func (f *Flow) Followed(ctx context.Context, in *flows.Interaction, token string, form url.Values) (flows.Proof, error) {
	g, err := f.of(ctx, in, token)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case g.state != storage.InvitationOpen:
		return flows.Proof{}, &flows.Problem{Message: "problem.invite_link", Status: http.StatusGone}
	}
	u, changes := f.account(in, g)
	if name := strings.TrimSpace(form.Get("name")); g.user == nil && name != "" {
		if utf8.RuneCountInString(name) > maxName || flows.Clean(name) == "" {
			return flows.Proof{}, &flows.Problem{Message: "problem.name_invalid", Field: "name"}
		}
		u.Name = name
	}
	accepted := in.Event("invitation.accepted")
	accepted.Actor, accepted.Target, accepted.Details = u.ID, u.ID, map[string]string{"invitation": g.UserInvitation.ID}
	events := []storage.AuditEvent{accepted}
	var credential []storage.Change
	if g.choosesPassword(in.Project) {
		hash, err := f.hash(ctx, in, form.Get("password"), u)
		if err != nil {
			return flows.Proof{}, err
		}
		credential = f.config.Credentials.Replace(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: in.Now})
	}
	switch {
	case g.user == nil:
		made := in.Event("user.registered")
		made.Actor, made.Target = u.ID, u.ID
		events = append(events, made)
		changes = append(changes, f.config.Users.Add(u))
	case g.user.Status == storage.UserInvited:
		changes = append(changes, f.config.Users.Replace(u))
	}
	changes = append(changes, credential...)
	if g.TenantID == "" && (g.user == nil || g.user.Status == storage.UserInvited || !g.user.EmailVerified) {
		proven := *u
		proven.EmailVerified = true
		changes = append(changes, in.Join(&proven)...)
	}
	return flows.Proof{Changes: append(changes, f.config.Invitations.Accept(g.UserInvitation, u.ID, in.Now)...), Events: events}, nil
}

// account is the one that accepts, with what was in it before its owner came: who
// reads the mail owns it (S3-06).
func (f *Flow) account(in *flows.Interaction, g *guest) (*storage.User, []storage.Change) {
	switch {
	case g.user == nil:
		return &storage.User{
			ID: storage.NewSubject(), Email: g.Email, EmailKey: g.EmailKey, EmailVerified: true, Status: storage.UserActive, Role: g.Role,
			ProfileUpdatedAt: in.Now, CreatedOrder: in.Now.UnixMicro(),
		}, nil
	case g.user.Status == storage.UserInvited:
		next := *g.user
		next.Status, next.EmailVerified = storage.UserActive, true
		return &next, nil
	case !g.user.EmailVerified:
		return g.user, f.config.Users.Prove(g.user)
	}
	return g.user, nil
}

func (f *Flow) hash(ctx context.Context, in *flows.Interaction, password string, u *storage.User) (storage.PasswordHash, error) {
	if strings.TrimSpace(password) == "" {
		return "", &flows.Problem{Message: "problem.password_missing", Field: "password"}
	}
	if problem := f.config.Policy(password, in.Project.PasswordMinLength, u.Email, u.Name); problem != nil {
		return "", problem
	}
	hash, err := f.config.Hasher.Hash(ctx, password)
	var b Busy
	if errors.As(err, &b) {
		err = &flows.Problem{Message: "problem.busy_try_again", Status: http.StatusServiceUnavailable, RetryAfter: b.RetryAfter()}
	}
	return hash, err
}
