package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// UserStatuses moves accounts from one status to another. A move that takes
// access away ends every session, grant and code of the account in the same
// commit, and so every token. A move that is not allowed is ErrInvalidArgument;
// an account that was changed since it was read is ErrConflict.
type UserStatuses struct {
	repo     graph.Repository
	sessions *Sessions
}

// Activate lets an invited account sign in.
func (s *UserStatuses) Activate(ctx context.Context, scope Scope, u *User, also ...Change) error {
	return s.move(ctx, scope, u, UserActive, []UserStatus{UserInvited}, nil, also)
}

// Deactivate puts an account to rest, at its own or an operator's wish.
func (s *UserStatuses) Deactivate(ctx context.Context, scope Scope, u *User, also ...Change) error {
	return s.move(ctx, scope, u, UserDeactivated, []UserStatus{UserActive, UserInvited}, nil, also)
}

// Suspend bars an account. Only Reactivate lifts it.
func (s *UserStatuses) Suspend(ctx context.Context, scope Scope, u *User, also ...Change) error {
	return s.move(ctx, scope, u, UserSuspended, []UserStatus{UserActive, UserInvited, UserDeactivated}, nil, also)
}

// Reactivate lets an account that was deactivated or suspended sign in again.
func (s *UserStatuses) Reactivate(ctx context.Context, scope Scope, u *User, also ...Change) error {
	return s.move(ctx, scope, u, UserActive, []UserStatus{UserDeactivated, UserSuspended}, nil, also)
}

// RequestDeletion has an account deleted at a time. Until then CancelDeletion
// brings it back as it was.
func (s *UserStatuses) RequestDeletion(ctx context.Context, scope Scope, u *User, at time.Time, also ...Change) error {
	return s.move(ctx, scope, u, UserPendingDeletion, []UserStatus{UserActive, UserInvited, UserDeactivated, UserSuspended},
		&PendingDeletion{At: at, Before: u.Status}, also)
}

// CancelDeletion gives an account the status that it had: who was suspended does
// not come back by asking for deletion and then changing their mind.
func (s *UserStatuses) CancelDeletion(ctx context.Context, scope Scope, u *User, also ...Change) error {
	before := UserActive
	if u.Deletion != nil {
		before = u.Deletion.Before
	}
	return s.move(ctx, scope, u, before, []UserStatus{UserPendingDeletion}, nil, also)
}

// DueForDeletion returns, of one page of the accounts whose deletion was asked
// for, those whose time has come.
func (s *UserStatuses) DueForDeletion(ctx context.Context, scope Scope, now time.Time, p PageRequest) (List[User], error) {
	l, err := list[User](ctx, s.repo, scope, graph.Query{
		Type: typeUser, Index: "status", Equal: []graph.Value{graph.String(string(UserPendingDeletion))}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
	l.Items = slices.DeleteFunc(l.Items, func(u *User) bool { return u.Deletion == nil || u.Deletion.At.After(now) })
	return l, err
}

func (s *UserStatuses) move(ctx context.Context, scope Scope, u *User, to UserStatus, from []UserStatus, deletion *PendingDeletion, also []Change) error {
	if !slices.Contains(from, u.Status) {
		return fmt.Errorf("%w: an account that is %s does not become %s this way", ErrInvalidArgument, u.Status, to)
	}
	next := *u
	next.Status, next.Deletion = to, deletion
	changes := []Change{update(typeUser, &next, u.Version)}
	if to != UserActive {
		changes = append(changes, s.sessions.EndAll(u.ID)...)
	}
	res, err := commit(ctx, s.repo, scope, append(changes, also...))
	if err == nil {
		next.Meta = meta(res[0].Node)
		*u = next
	}
	return err
}

// Prove returns the changes that write down that the owner of an account has shown
// that its mail address is theirs. Until then anybody may have made the account
// with it: every credential, session, grant and consent that it had goes (S3-06), and
// a telephone number signs in to it when it is proven again.
func (s *Users) Prove(u *User) []Change {
	proven := *u
	proven.EmailVerified, proven.PhoneNumberVerified = true, false
	user := graph.String(u.ID)
	changes := append([]Change{s.Replace(&proven)}, s.sessions.EndAll(u.ID)...)
	for _, t := range []graph.TypeID{typePasswordCredential, typeTOTPCredential, typeRecoveryCode, typePasskeyCredential, typeOAuthIdentity, typeEmailChangeToken, typeConsent} {
		changes = append(changes, removeBy(t, "user", user))
	}
	return changes
}
