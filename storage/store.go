// Package storage holds the things the provider remembers, in the words of the
// standards, and the acts on them: typed, and written once on top of the graph
// contract. It knows no HTTP, no JOSE, no SQL and no templates.
package storage

import (
	"context"
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
	ClientAssertions      *ClientAssertions
	AuditEvents           *AuditEvents
	Counters              *Counters
	Outbox                *Outbox
	Leases                *Leases

	repo graph.Repository
}

// New puts the typed stores on a repository that was opened with Schema().
// What must be read back is sealed with the keyring.
func New(repo graph.Repository, keys *Keyring) *Store {
	return &Store{
		Users:                 &Users{repo},
		PasswordCredentials:   &PasswordCredentials{repo},
		Sessions:              &Sessions{repo},
		Clients:               &Clients{repo, keys},
		AuthorizationRequests: &AuthorizationRequests{repo},
		AuthorizationCodes:    &AuthorizationCodes{repo},
		Grants:                &Grants{repo},
		Consents:              &Consents{repo},
		RefreshTokens:         &RefreshTokens{repo},
		AccessTokens:          &AccessTokens{repo},
		SigningKeys:           &SigningKeys{repo, keys},
		ProjectSecrets:        &ProjectSecrets{repo, keys},
		ClientAssertions:      &ClientAssertions{repo},
		AuditEvents:           &AuditEvents{repo},
		Counters:              &Counters{repo},
		Outbox:                &Outbox{repo, keys},
		Leases:                &Leases{repo},
		repo:                  repo,
	}
}

// Change is one typed change. Changes of several stores are committed together:
// all or none.
type Change struct {
	op  graph.Op
	err error // found when the change was made; Commit returns it
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

func commit(ctx context.Context, repo graph.Repository, scope Scope, changes []Change) (graph.Result, error) {
	ops := make([]graph.Op, len(changes))
	for i, c := range changes {
		if c.err != nil {
			return nil, c.err
		}
		ops[i] = c.op
	}
	return repo.Commit(ctx, scope, ops...)
}
