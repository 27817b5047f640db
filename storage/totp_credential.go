package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// TOTPCredential is the authenticator app of an account (RFC 6238). Its row has
// the account's id: there is one of each.
type TOTPCredential struct {
	UserID string `json:"-"`
	Meta   `json:"-"`

	Sealed   []byte    `json:"sealed"` // the seed
	SetAt    time.Time `json:"set_at"`
	LastStep int64     `json:"last_step"` // the newest time step that was taken: no code is good twice (RFC 6238 §5.2)
	LastUsed time.Time `json:"last_used,omitzero"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (c *TOTPCredential) keys() (string, []graph.Value, time.Time) {
	return c.UserID, []graph.Value{graph.String(c.UserID), graph.Int64(c.CreatedOrder)}, time.Time{}
}

func (c *TOTPCredential) restore(n graph.Node) { c.UserID, c.Meta = n.ID, meta(n) }

// TOTPCredentials keeps one authenticator app for each account that has one.
type TOTPCredentials struct {
	repo graph.Repository
	keys *Keyring
}

// Get returns the authenticator app of an account. ErrNotFound when it has none.
func (s *TOTPCredentials) Get(ctx context.Context, scope Scope, userID string) (*TOTPCredential, error) {
	return get[TOTPCredential](ctx, s.repo, scope, typeTOTPCredential, userID)
}

// Set returns the changes that give an account an authenticator app in place of
// the one that it had. step is the one whose code proved that it works.
func (s *TOTPCredentials) Set(scope Scope, userID string, seed []byte, step int64, at time.Time) []Change {
	return []Change{
		{op: graph.Check{Type: typeUser, ID: userID}},
		removeBy(typeTOTPCredential, "user", graph.String(userID)),
		create(typeTOTPCredential, &TOTPCredential{
			UserID: userID, SetAt: at, LastStep: step, CreatedOrder: at.UnixMicro(),
			Sealed: s.keys.Seal(seed, scope.Project(), "TotpCredential", userID),
		}),
	}
}

// First returns the changes of Set for an account that has none: the commit gets
// ErrAlreadyExists when it has one by now.
func (s *TOTPCredentials) First(scope Scope, userID string, seed []byte, step int64, at time.Time) []Change {
	changes := s.Set(scope, userID, seed, step, at)
	return []Change{changes[0], changes[2]}
}

// Seed opens the seed of a credential.
func (s *TOTPCredentials) Seed(scope Scope, c *TOTPCredential) ([]byte, error) {
	return s.keys.Open(c.Sealed, scope.Project(), "TotpCredential", c.UserID)
}

// Accept returns the change that takes a time step: once. The commit gets
// ErrConflict when another one was taken since c was read.
func (s *TOTPCredentials) Accept(c *TOTPCredential, step int64, at time.Time) Change {
	next := *c
	next.LastStep, next.LastUsed = step, at
	return update(typeTOTPCredential, &next, c.Version)
}

// Remove returns the change that takes an account's authenticator app away.
func (s *TOTPCredentials) Remove(userID string) Change {
	return removeBy(typeTOTPCredential, "user", graph.String(userID))
}

// Has says whether an account has an authenticator app.
func (s *TOTPCredentials) Has(ctx context.Context, scope Scope, userID string) (bool, error) {
	return exists(s.repo.Get(ctx, scope, typeTOTPCredential, userID))
}
