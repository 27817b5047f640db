// Package account holds the pages on which people see and change what belongs to
// their own account.
package account

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
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

// Passkeys are the acts on passkeys that the pages show.
type Passkeys interface {
	Rename(ctx context.Context, scope storage.Scope, userID, id, name string) (storage.Change, error)
	// Remove is refused for the last of the ways.
	Remove(ctx context.Context, scope storage.Scope, userID, id string, ways flows.Ways) ([]storage.Change, error)
	// Offer returns the options of the browser's call.
	Offer(ctx context.Context, m *flows.Member) (json.RawMessage, error)
	// Add holds the browser's answer to the offer. The reason is "" when it is good.
	Add(ctx context.Context, m *flows.Member, credential string) (key *storage.PasskeyCredential, changes []storage.Change, reason string, err error)
	// Signal returns what the browser is told of the account's passkeys.
	Signal(ctx context.Context, m *flows.Member) (json.RawMessage, error)
}

// SecondFactors are the acts on authenticator apps and recovery codes that the
// pages show.
type SecondFactors interface {
	// App returns the app that is offered to the account.
	App(ctx context.Context, m *flows.Member) (templates.TOTPEnrolment, error)
	// Match returns the changes that store the offered app, nil when the code is not
	// its own.
	Match(ctx context.Context, m *flows.Member, code string) ([]storage.Change, error)
	// Codes returns the recovery codes that are offered to the account.
	Codes(ctx context.Context, m *flows.Member) ([]string, error)
	// Keep returns the changes that store the offered codes in place of older ones.
	Keep(ctx context.Context, m *flows.Member) ([]storage.Change, error)
}

// Identities are the acts on accounts at other providers that the pages show.
type Identities interface {
	// Links are those that the account is linked to, Linkable the providers that it
	// may be linked to.
	Links(ctx context.Context, m *flows.Member) ([]templates.AccountLink, error)
	Linkable(ctx context.Context, m *flows.Member) ([]templates.ProviderButton, error)
	// Begin returns where the person goes to link one. back is where they return to,
	// below the issuer.
	Begin(ctx context.Context, m *flows.Member, provider, back string) (*templates.AccountLeaveView, error)
	// Unlink is refused for the last way in; others is how many there are beside these.
	Unlink(ctx context.Context, m *flows.Member, id string, others int) ([]storage.Change, []storage.AuditEvent, error)
}

// Config configures the pages. All of it but Identities is required.
type Config struct {
	Store    *storage.Store
	Hasher   Hasher
	Passkeys Passkeys
	Factors  SecondFactors
	Mailbox  *flows.Mailbox
	// Identities is nil where nobody signs in by another provider.
	Identities Identities
	Username   func(typed string) (name, key string, err error)
	Policy     func(password string, minLength int, personal ...string) *flows.Problem
	MaxLength  int // of a password, in characters
}

// The paths of the pages, below the issuer.
const (
	pathProfile = flows.AccountPath + "/profile"
	pathPhone   = flows.AccountPath + "/phone"
	pathEmail   = flows.AccountPath + "/email"
	// PathSecurity is where the ways into an account are managed.
	PathSecurity = flows.AccountPath + "/security"
	// PathPassword is where a password is changed.
	PathPassword = flows.AccountPath + "/password"
	// PathPasskey is where a passkey is added.
	PathPasskey = flows.AccountPath + "/passkey"
	pathApp     = flows.AccountPath + "/authenticator"
	// PathCodes is where new recovery codes are given.
	PathCodes    = flows.AccountPath + "/recovery-codes"
	pathSessions = flows.AccountPath + "/sessions"
	pathClients  = flows.AccountPath + "/apps"
	pathActivity = flows.AccountPath + "/activity"
	pathData     = flows.AccountPath + "/data"
	pathLeft     = flows.AccountPath + "/left"
)

type pages struct{ Config }

// Rooms are the pages. What changes how somebody signs in, and what takes the
// whole account along, asks for a fresh proof (S3-14).
func Rooms(c Config) []flows.Room {
	p := &pages{c}
	never := func(url.Values) bool { return false }
	return []flows.Room{
		{Path: flows.AccountPath, Name: "account", View: p.overview},
		{Path: pathProfile, Name: "accountprofile", View: p.profile, Submit: p.setProfile, Fresh: never},
		{Path: pathEmail, Name: "accountemail", Guarded: true, View: p.email, Submit: p.setEmail},
		{Path: pathPhone, Name: "accountphone", Guarded: true, View: p.phone, Submit: p.setPhone},
		{Path: PathSecurity, Name: "accountsecurity", View: p.security, Submit: p.setSecurity,
			Fresh: func(form url.Values) bool { return form.Get("do") != "rename" }, Returned: p.returned},
		{Path: PathPassword, Name: "accountpassword", Guarded: true, View: p.password, Submit: p.setPassword},
		{Path: PathPasskey, Name: "accountpasskey", Guarded: true, View: p.passkey, Submit: p.addPasskey},
		{Path: pathApp, Name: "accountapp", Guarded: true, View: p.app, Submit: p.setApp},
		{Path: PathCodes, Name: "accountcodes", Guarded: true, View: p.codes, Submit: p.setCodes},
		{Path: pathSessions, Name: "accountsessions", View: p.sessions, Submit: p.endSessions, Fresh: never},
		{Path: pathClients, Name: "accountclients", View: p.clients, Submit: p.revokeClient, Fresh: never},
		{Path: pathActivity, Name: "accountactivity", View: p.activity},
		{Path: pathData, Name: "accountdata", View: p.data, Submit: p.setData},
	}
}

func (p *pages) overview(ctx context.Context, m *flows.Member) (any, error) {
	ways, err := p.ways(ctx, m)
	if err != nil {
		return nil, err
	}
	v := templates.AccountView{
		Name: m.User.Name, Email: m.User.Email, EmailVerified: m.User.EmailVerified, Username: m.User.Username,
		Since: m.User.CreatedAt, Password: ways.Password, Passkeys: ways.Passkeys, TOTP: ways.TOTP,
	}
	sessions, err := all(ctx, m, m.User.ID, p.Store.Sessions.OfUser)
	if err != nil {
		return nil, err
	}
	v.Sessions = len(sessions)
	apps, err := p.apps(ctx, m)
	v.Apps = len(apps)
	return v, err
}

// all reads a list to its end: it belongs to one person, and is short.
func all[T any](ctx context.Context, m *flows.Member, id string, of func(context.Context, storage.Scope, string, storage.PageRequest) (storage.List[T], error)) ([]*T, error) {
	var out []*T
	page := storage.PageRequest{Limit: 500}
	for {
		l, err := of(ctx, m.Project.Scope(), id, page)
		if err != nil {
			return nil, err
		}
		out = append(out, l.Items...)
		if page.After = l.Next; page.After == "" {
			return out, nil
		}
	}
}

func busy(err error) error {
	var b Busy
	if !errors.As(err, &b) {
		return err
	}
	return &flows.Problem{Message: "problem.busy_try_again", Status: http.StatusServiceUnavailable, RetryAfter: b.RetryAfter()}
}
