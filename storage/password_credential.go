package storage

import (
	"context"
	"log/slog"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// PasswordHash is a password hash in PHC string format. It is never printed.
type PasswordHash string

// LogValue hides the hash.
func (PasswordHash) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String hides the hash.
func (PasswordHash) String() string { return "[redacted]" }

// GoString hides the hash.
func (PasswordHash) GoString() string { return "[redacted]" }

// PasswordCredential is an account's password. Its row has the account's id.
type PasswordCredential struct {
	UserID string `json:"-"`
	Meta   `json:"-"`
	Hash   PasswordHash `json:"hash"`
	SetAt  time.Time    `json:"set_at"` // when the person chose it; not changed by a rehash
}

func (c *PasswordCredential) keys() (string, []graph.Value, time.Time) {
	return c.UserID, []graph.Value{graph.String(c.UserID)}, time.Time{}
}

func (c *PasswordCredential) restore(n graph.Node) { c.UserID, c.Meta = n.ID, meta(n) }

// PasswordCredentials keeps one password for each account that has one.
type PasswordCredentials struct {
	repo     graph.Repository
	sessions *Sessions
}

// Add returns the change that gives an account its first password.
func (s *PasswordCredentials) Add(c *PasswordCredential) Change {
	return create(typePasswordCredential, c)
}

// Get returns the password of an account. ErrNotFound when it has none.
func (s *PasswordCredentials) Get(ctx context.Context, scope Scope, userID string) (*PasswordCredential, error) {
	return get[PasswordCredential](ctx, s.repo, scope, typePasswordCredential, userID)
}

// Rehash returns the change that stores the same password under newer
// parameters. The commit gets ErrConflict when the password was set meanwhile.
func (s *PasswordCredentials) Rehash(c *PasswordCredential, hash PasswordHash) Change {
	next := *c
	next.Hash = hash
	return update(typePasswordCredential, &next, c.Version)
}

// Replace returns the changes that give an account a new password, whether it had
// one or not, and leave its sessions as they are.
func (s *PasswordCredentials) Replace(c *PasswordCredential) []Change {
	return []Change{
		{op: graph.Check{Type: typeUser, ID: c.UserID}},
		s.Remove(c.UserID),
		create(typePasswordCredential, c),
	}
}

// Reset is Replace, and ends every session and grant of the account (and so every
// token), and a change of its mail address that somebody began there (S3-06).
func (s *PasswordCredentials) Reset(c *PasswordCredential) []Change {
	changes := append(s.Replace(c), removeBy(typeEmailChangeToken, "user", graph.String(c.UserID)))
	return append(changes, s.sessions.EndAll(c.UserID)...)
}

// Remove returns the change that takes the password of an account away.
func (s *PasswordCredentials) Remove(userID string) Change {
	return removeBy(typePasswordCredential, "user", graph.String(userID))
}

// Set commits a Reset.
func (s *PasswordCredentials) Set(ctx context.Context, scope Scope, c *PasswordCredential, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append(s.Reset(c), also...))
	return err
}
