package storage

import (
	"context"
	"log/slog"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// UserInvitation asks the person with a mail address to have an account. It is
// kept for some time after it has ended, so that its link can say how.
type UserInvitation struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	TokenHash  Digest     `json:"token_hash"`
	Email      string     `json:"email"` // as typed
	EmailKey   string     `json:"email_key"`
	Role       string     `json:"role"`
	TenantID   string     `json:"tenant_id,omitempty"` // what they become a member of, "" for nothing
	TenantRole TenantRole `json:"tenant_role,omitempty"`
	InvitedBy  string     `json:"invited_by,omitempty"`
	EndsAt     time.Time  `json:"ends_at"`
	AcceptedAt time.Time  `json:"accepted_at,omitzero"`
	RevokedAt  time.Time  `json:"revoked_at,omitzero"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

// invitationKeep is how long an invitation that has ended can still be seen.
const invitationKeep = 30 * 24 * time.Hour

func (i *UserInvitation) keys() (string, []graph.Value, time.Time) {
	return i.ID, []graph.Value{graph.Binary(i.TokenHash[:]), graph.String(i.EmailKey), graph.Int64(i.CreatedOrder)}, i.EndsAt.Add(invitationKeep)
}

func (i *UserInvitation) restore(n graph.Node) { i.ID, i.Meta = n.ID, meta(n) }

// LogValue shows the ids alone.
func (i UserInvitation) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", i.ID), slog.String("tenant_id", i.TenantID))
}

// The states of an invitation.
const (
	InvitationOpen     = "open"
	InvitationAccepted = "accepted"
	InvitationRevoked  = "revoked"
	InvitationExpired  = "expired"
)

// State says whether an invitation can be accepted, and if not, why.
func (i *UserInvitation) State(now time.Time) string {
	switch {
	case !i.AcceptedAt.IsZero():
		return InvitationAccepted
	case !i.RevokedAt.IsZero():
		return InvitationRevoked
	case !now.Before(i.EndsAt):
		return InvitationExpired
	}
	return InvitationOpen
}

// Opens says whether whoever answers an invitation may be let into an account that
// nobody was in yet: who made it may be no administrator, and must not make one of
// somebody who was not invited as one (S5-03).
func (i *UserInvitation) Opens(u *User) bool {
	return !u.PlatformAdmin && (u.Role != "admin" || i.Role == "admin")
}

// UserInvitations keeps the invitations, one for each mail address.
type UserInvitations struct{ repo graph.Repository }

// Issue returns the token of a new invitation, and the changes that store it in
// place of an older one for the address.
func (s *UserInvitations) Issue(i *UserInvitation) (token string, changes []Change) {
	token = NewSecret()
	i.ID, i.TokenHash = NewID(), DigestOf(token)
	replaced := Change{plan: func(ctx context.Context, p *planning) ([]graph.Op, error) {
		old, err := lookup[UserInvitation](ctx, p.repo, p.scope, typeUserInvitation, "email", graph.String(i.EmailKey))
		if err != nil {
			return nil, unlessGone(err)
		}
		return []graph.Op{graph.Delete{Type: typeUserInvitation, ID: old.ID}}, nil
	}}
	return token, []Change{replaced, create(typeUserInvitation, i)}
}

// ByToken returns an invitation, whatever its state.
func (s *UserInvitations) ByToken(ctx context.Context, scope Scope, token string) (*UserInvitation, error) {
	d := DigestOf(token)
	return lookup[UserInvitation](ctx, s.repo, scope, typeUserInvitation, "token_hash", graph.Binary(d[:]))
}

// ByEmail returns the invitation of a normalised mail address, whatever its state.
func (s *UserInvitations) ByEmail(ctx context.Context, scope Scope, emailKey string) (*UserInvitation, error) {
	return lookup[UserInvitation](ctx, s.repo, scope, typeUserInvitation, "email", graph.String(emailKey))
}

// Get returns an invitation by its id, whatever its state.
func (s *UserInvitations) Get(ctx context.Context, scope Scope, id string) (*UserInvitation, error) {
	return get[UserInvitation](ctx, s.repo, scope, typeUserInvitation, id)
}

// Accept returns the changes that use an invitation, and make u a member of its
// tenant. The commit gets ErrConflict when it was used or revoked since it was
// read: of any number at once exactly one succeeds.
func (s *UserInvitations) Accept(i *UserInvitation, userID string, now time.Time) []Change {
	next := *i
	next.AcceptedAt = now
	changes := []Change{update(typeUserInvitation, &next, i.Version)}
	if i.TenantID == "" {
		return changes
	}
	joined, err := joins(&TenantMember{TenantID: i.TenantID, UserID: userID, Role: i.TenantRole, CreatedOrder: now.UnixMicro()})
	if err != nil {
		return []Change{{err: err}}
	}
	return append(changes, joined...)
}

// Revoke returns the change that takes an invitation back. The commit gets
// ErrConflict when it was used meanwhile.
func (s *UserInvitations) Revoke(i *UserInvitation, now time.Time) Change {
	next := *i
	next.RevokedAt = now
	return update(typeUserInvitation, &next, i.Version)
}

// List returns the invitations, oldest first, with those that have ended lately.
func (s *UserInvitations) List(ctx context.Context, scope Scope, p PageRequest) (List[UserInvitation], error) {
	return list[UserInvitation](ctx, s.repo, scope, graph.Query{Type: typeUserInvitation, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse})
}
