// Package storage holds the things the provider remembers, in the words of the
// standards, and the acts on them: typed, and written once on top of the graph
// contract. It knows no HTTP, no JOSE, no SQL and no templates.
package storage

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// The sentinels of the graph contract, for callers that know only this package.
var (
	ErrNotFound        = graph.ErrNotFound
	ErrAlreadyExists   = graph.ErrAlreadyExists
	ErrConflict        = graph.ErrConflict
	ErrConsumed        = graph.ErrConsumed
	ErrInvalidArgument = graph.ErrInvalidArgument
	ErrUnavailable     = graph.ErrUnavailable
)

// Scope names the project that a call works in.
type Scope = graph.Scope

// In returns the scope of a project.
func In(project string) Scope { return graph.In(project) }

// Store is a repository with types: a struct of small stores. A caller takes the
// field that it needs.
type Store struct {
	Users                 *Users
	PasswordCredentials   *PasswordCredentials
	TOTPCredentials       *TOTPCredentials
	RecoveryCodes         *RecoveryCodes
	PasskeyCredentials    *PasskeyCredentials
	Reminders             *Reminders
	EmailLoginCodes       *EmailLoginCodes
	PhoneCodes            *PhoneVerificationCodes
	MagicLinkTokens       *MagicLinkTokens
	PasswordResets        *AccountTokens
	EmailVerifications    *AccountTokens
	EmailChanges          *EmailChanges
	UserInvitations       *UserInvitations
	HelpRequests          *HelpRequests
	QRLogins              *QRLogins
	Providers             *Providers
	ProviderStates        *ProviderStates
	OAuthIdentities       *OAuthIdentities
	Sessions              *Sessions
	Clients               *Clients
	AuthorizationRequests *AuthorizationRequests
	AuthorizationCodes    *AuthorizationCodes
	Grants                *Grants
	Consents              *Consents
	RefreshTokens         *RefreshTokens
	AccessTokens          *AccessTokens
	SigningKeys           *SigningKeys
	ProjectSecrets        *ProjectSecrets
	TemplateOverrides     *TemplateOverrides
	InitialAccessTokens   *InitialAccessTokens
	ClientAssertions      *ClientAssertions
	AuditEvents           *AuditEvents
	Counters              *Counters
	Outbox                *Outbox
	Leases                *Leases
	Projects              *Projects
	ProjectDomains        *ProjectDomains
	ProjectCredentials    *ProjectCredentials
	Bootstraps            *Bootstraps
	UserDirectory         *UserDirectory
	UserStatuses          *UserStatuses
	WorkingGroups         *WorkingGroups
	GroupMembers          *GroupMembers
	Subgroups             *Subgroups
	Tenants               *Tenants
	TenantDomains         *TenantDomains
	TenantMembers         *TenantMembers
	TenantInvitations     *TenantInvitations
	AuditSeals            *AuditSeals
	IdempotencyKeys       *IdempotencyKeys
	Sealing               *Sealing

	repo graph.Repository
}

// New puts the typed stores on a repository that was opened with Schema().
// What must be read back is sealed with the keyring.
func New(repo graph.Repository, keys *Keyring) *Store {
	catalog, err := graph.NewCatalog(Schema())
	if err != nil {
		panic(err) // the schema is a constant of the program
	}
	outbox := &Outbox{repo, keys}
	secrets := &ProjectSecrets{repo, keys}
	events := &AuditEvents{repo, catalog}
	sessions := &Sessions{repo, outbox}
	return &Store{
		Users:                 &Users{repo, sessions},
		PasswordCredentials:   &PasswordCredentials{repo, sessions},
		Sessions:              sessions,
		TOTPCredentials:       &TOTPCredentials{repo, keys},
		RecoveryCodes:         &RecoveryCodes{repo},
		PasskeyCredentials:    &PasskeyCredentials{repo},
		Reminders:             &Reminders{repo},
		EmailLoginCodes:       &EmailLoginCodes{repo},
		PhoneCodes:            &PhoneVerificationCodes{repo},
		MagicLinkTokens:       &MagicLinkTokens{repo},
		PasswordResets:        &AccountTokens{repo, typePasswordResetToken},
		EmailVerifications:    &AccountTokens{repo, typeEmailVerificationToken},
		EmailChanges:          &EmailChanges{repo},
		UserInvitations:       &UserInvitations{repo},
		HelpRequests:          &HelpRequests{repo},
		QRLogins:              &QRLogins{repo},
		Providers:             &Providers{repo, keys},
		ProviderStates:        &ProviderStates{repo, keys},
		OAuthIdentities:       &OAuthIdentities{repo, keys},
		Clients:               &Clients{repo, keys},
		AuthorizationRequests: &AuthorizationRequests{repo},
		AuthorizationCodes:    &AuthorizationCodes{repo},
		Grants:                &Grants{repo},
		Consents:              &Consents{repo},
		RefreshTokens:         &RefreshTokens{repo},
		AccessTokens:          &AccessTokens{repo},
		SigningKeys:           &SigningKeys{repo, keys},
		ProjectSecrets:        secrets,
		TemplateOverrides:     &TemplateOverrides{repo},
		InitialAccessTokens:   &InitialAccessTokens{repo},
		ClientAssertions:      &ClientAssertions{repo},
		AuditEvents:           events,
		Counters:              &Counters{repo},
		Outbox:                outbox,
		Leases:                &Leases{repo},
		Projects:              &Projects{repo},
		ProjectDomains:        &ProjectDomains{repo},
		ProjectCredentials:    &ProjectCredentials{repo},
		Bootstraps:            &Bootstraps{repo},
		UserDirectory:         &UserDirectory{repo},
		UserStatuses:          &UserStatuses{repo, sessions},
		WorkingGroups:         &WorkingGroups{repo},
		GroupMembers:          &GroupMembers{repo},
		Subgroups:             &Subgroups{repo},
		Tenants:               &Tenants{repo},
		TenantDomains:         &TenantDomains{repo},
		TenantMembers:         &TenantMembers{repo},
		TenantInvitations:     &TenantInvitations{repo},
		AuditSeals:            &AuditSeals{repo, events, secrets},
		IdempotencyKeys:       &IdempotencyKeys{repo, keys},
		Sealing:               &Sealing{repo, keys},
		repo:                  repo,
	}
}

// Change is one typed change. Changes of several stores are committed together:
// all or none.
type Change struct {
	op  graph.Op
	err error // found when the change was made; Commit returns it
	// plan makes the operations of a change that depends on what is stored. It runs
	// when the change is committed, and again when what it read was changed
	// meanwhile. op is not looked at then.
	plan func(context.Context, *planning) ([]graph.Op, error)
	// creates: the plan also runs again when another commit made what it makes, or
	// removed what it leans on.
	creates bool
}

// planning is what the plans of one commit see.
type planning struct {
	repo  graph.Repository
	scope Scope
	ended map[string]bool // sessions that an earlier change of the commit ends
}

// Commit applies the changes in one atomic, durable commit.
func (s *Store) Commit(ctx context.Context, scope Scope, changes ...Change) error {
	_, err := commit(ctx, s.repo, scope, changes)
	return err
}

// Watch tells what changed, for caches. See graph.Repository.
func (s *Store) Watch(ctx context.Context) (<-chan graph.Change, error) { return s.repo.Watch(ctx) }

// Sweep removes up to limit expired entries of all projects.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	return s.repo.Sweep(ctx, now, limit)
}

// maxPlans bounds how often a commit is planned anew when others change what it
// read: each time somebody else's commit succeeded.
const maxPlans = 10

// commit applies changes. Its result has one outcome for each change: that of its
// first operation.
func commit(ctx context.Context, repo graph.Repository, scope Scope, changes []Change) (graph.Result, error) {
	for try := 1; ; try++ {
		ops, first, err := operations(ctx, repo, scope, changes)
		if err != nil {
			return nil, err
		}
		res, err := repo.Commit(ctx, scope, ops...)
		if err != nil {
			if try < maxPlans && outdated(err, changes, first) {
				continue
			}
			return nil, err
		}
		if !slices.ContainsFunc(changes, func(c Change) bool { return c.plan != nil }) {
			return res, nil
		}
		out := make(graph.Result, len(changes))
		for i := range changes {
			if first[i] < len(res) && (i+1 == len(changes) || first[i] < first[i+1]) {
				out[i] = res[first[i]]
			}
		}
		return out, nil
	}
}

// operations returns what the changes are made of, and the index of each one's
// first operation.
func operations(ctx context.Context, repo graph.Repository, scope Scope, changes []Change) (ops []graph.Op, first []int, err error) {
	ops, first = make([]graph.Op, 0, len(changes)), make([]int, len(changes))
	p := &planning{repo: repo, scope: scope, ended: map[string]bool{}}
	for i, c := range changes {
		if c.err != nil {
			return nil, nil, c.err
		}
		first[i] = len(ops)
		if c.plan == nil {
			ops = append(ops, c.op)
			continue
		}
		planned, err := c.plan(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		ops = append(ops, planned...)
	}
	return ops, first, nil
}

// outdated says whether a commit failed because a plan had read what was changed
// before it was committed.
func outdated(err error, changes []Change, first []int) bool {
	var failed *graph.OpError
	if !errors.As(err, &failed) {
		return false
	}
	i, exact := slices.BinarySearch(first, failed.Index)
	if !exact {
		i--
	}
	for i+1 < len(first) && first[i+1] == first[i] { // those of no operation
		i++
	}
	if i < 0 || changes[i].plan == nil {
		return false
	}
	raced := errors.Is(err, ErrAlreadyExists) || errors.Is(err, ErrNotFound)
	return errors.Is(err, ErrConflict) || changes[i].creates && raced
}
