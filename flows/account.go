package flows

import (
	"context"
	"errors"
	"strings"

	"github.com/elloloop/identity/storage"
)

// Accounts finds the account that a person means by what they typed.
type Accounts struct {
	Users *storage.Users
	// Email and Username return the form that is shown and the normalised one that
	// is unique in a project, or an error when what was typed is none.
	Email    func(typed string) (address, key string, err error)
	Username func(typed string) (name, key string, err error)
}

// MaxIdentifier is the longest identifier that is looked at, in bytes.
// RFC 5321 §4.5.3.1 ends mail addresses at 254.
const MaxIdentifier = 320

// Key returns the normalised form of an identifier, the same for every spelling
// of one account's name. What can't be normalised is returned trimmed: it names
// nobody, and is counted like anything else.
func (a *Accounts) Key(typed string) string {
	typed = strings.TrimSpace(typed)
	if len(typed) > MaxIdentifier {
		typed = typed[:MaxIdentifier]
	}
	normalise := a.Username
	if strings.Contains(typed, "@") {
		normalise = a.Email
	}
	if _, key, err := normalise(typed); err == nil {
		return key
	}
	return typed
}

// Find returns the account with this mail address or username.
// storage.ErrNotFound when there is none, whatever the reason.
func (a *Accounts) Find(ctx context.Context, scope storage.Scope, typed string) (*storage.User, error) {
	typed = strings.TrimSpace(typed)
	if typed == "" || len(typed) > MaxIdentifier {
		return nil, storage.ErrNotFound
	}
	find, normalise := a.Users.ByUsername, a.Username
	if strings.Contains(typed, "@") {
		find, normalise = a.Users.ByEmail, a.Email
	}
	_, key, err := normalise(typed)
	if err != nil {
		return nil, storage.ErrNotFound
	}
	return find(ctx, scope, key)
}

// MaySignIn says whether the account's status lets its owner sign in. Signing in
// while deletion is pending cancels the deletion, for who could sign in before.
func MaySignIn(u *storage.User) bool {
	pending := u.Status == storage.UserPendingDeletion && (u.Deletion == nil || u.Deletion.Before == storage.UserActive)
	return u.Status == storage.UserActive || pending
}

// Label is how a person knows their own account.
func Label(u *storage.User) string {
	switch {
	case u.Email != "":
		return u.Email
	case u.Username != "":
		return u.Username
	}
	return u.Name
}

// gone says that there is nothing, and that nothing else is wrong.
func gone(err error) bool { return errors.Is(err, storage.ErrNotFound) }
