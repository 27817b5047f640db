package storage

import (
	"context"
	"log/slog"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// EmailChange is one end of a change of an account's mail address: the old address
// or the new one. Each has a letter of its own. The row of the new end carries
// whether the old one has agreed, so that the two are decided in one place.
type EmailChange struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TokenHash Digest    `json:"token_hash"`
	UserID    string    `json:"user_id"`
	OldKey    string    `json:"old_key,omitempty"` // what the account had when it was asked for
	Email     string    `json:"email"`             // the new address, as typed
	EmailKey  string    `json:"email_key"`
	New       string    `json:"new,omitempty"`      // of the old end: the id of the other one
	Asked     bool      `json:"asked,omitempty"`    // the old address has to agree
	Agreed    bool      `json:"agreed,omitempty"`   // and has
	Answered  bool      `json:"answered,omitempty"` // the new address has
	ExpiresAt time.Time `json:"-"`
}

func (e *EmailChange) keys() (string, []graph.Value, time.Time) {
	return e.ID, []graph.Value{graph.Binary(e.TokenHash[:]), graph.String(e.UserID)}, e.ExpiresAt
}

func (e *EmailChange) restore(n graph.Node) { e.ID, e.Meta, e.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// LogValue hides all but the ids.
func (e EmailChange) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", e.ID), slog.String("user_id", e.UserID))
}

// Old says whether it is the end of the old address.
func (e *EmailChange) Old() bool { return e.New != "" }

// Code is what is typed on the account's page, where the letter was opened in a
// browser that is not signed in to it.
func (e *EmailChange) Code(pepper []byte) string { return codeOf(pepper, e.ID) }

// EmailChanges keeps the changes of mail addresses that are not confirmed yet: one
// for each account.
type EmailChanges struct{ repo graph.Repository }

// Begin returns the tokens of a change, for the new address and, if e.Asked, for
// the old one, and the changes that store it in place of an older one.
func (s *EmailChanges) Begin(e *EmailChange) (forNew, forOld string, changes []Change) {
	forNew = NewSecret()
	e.ID, e.TokenHash = NewID(), DigestOf(forNew)
	changes = []Change{s.Remove(e.UserID), create(typeEmailChangeToken, e)}
	if !e.Asked {
		return forNew, "", changes
	}
	forOld = NewSecret()
	old := *e
	old.ID, old.TokenHash, old.New = NewID(), DigestOf(forOld), e.ID
	return forNew, forOld, append(changes, create(typeEmailChangeToken, &old))
}

// ByToken returns one end of a change that was not made and has not ended.
func (s *EmailChanges) ByToken(ctx context.Context, scope Scope, token string) (*EmailChange, error) {
	d := DigestOf(token)
	return lookup[EmailChange](ctx, s.repo, scope, typeEmailChangeToken, "token_hash", graph.Binary(d[:]))
}

// Of returns the new end of an account's change. ErrNotFound when there is none.
func (s *EmailChanges) Of(ctx context.Context, scope Scope, userID string) (*EmailChange, error) {
	found, err := list[EmailChange](ctx, s.repo, scope, graph.Query{
		Type: typeEmailChangeToken, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: 2,
	})
	if err != nil {
		return nil, err
	}
	for _, e := range found.Items {
		if !e.Old() {
			return e, nil
		}
	}
	return nil, ErrNotFound
}

// Agree returns the change that writes down what one end said. The commit gets
// ErrConflict when the other did at the same moment.
func (s *EmailChanges) Agree(e *EmailChange) Change {
	return update(typeEmailChangeToken, e, e.Version)
}

// Remove returns the change that forgets the change of an account.
func (s *EmailChanges) Remove(userID string) Change {
	return removeBy(typeEmailChangeToken, "user", graph.String(userID))
}

// Make returns the changes that give an account its new address. Every link to the
// old one is worth nothing any more. u is the account with the address that it had
// when it was read.
func (s *EmailChanges) Make(e *EmailChange, u *User, now time.Time) []Change {
	next := *u
	next.Email, next.EmailKey, next.EmailVerified, next.ProfileUpdatedAt = e.Email, e.EmailKey, true, now
	next.NameKey = FoldName(next.Name)
	user := graph.String(u.ID)
	return []Change{
		{op: graph.Delete{Type: typeEmailChangeToken, ID: e.ID, Version: e.Version}}, // once
		s.Remove(u.ID), update(typeUser, &next, u.Version),
		removeBy(typePasswordResetToken, "user", user), removeBy(typeEmailVerificationToken, "user", user),
	}
}
