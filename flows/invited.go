package flows

import (
	"context"
	"errors"

	"github.com/elloloop/identity/storage"
)

// InvitationOf returns the invitation that whoever proves a mail address accepts by
// it, nil for none. invitations may be nil. Asked for every address, with an account
// or without: neither the answer nor its work tells who is invited (S3-01).
func InvitationOf(ctx context.Context, invitations *storage.UserInvitations, in *Interaction, emailKey string) (*storage.UserInvitation, error) {
	if invitations == nil || emailKey == "" {
		return nil, nil
	}
	i, err := invitations.ByEmail(ctx, in.Project.Scope(), emailKey)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case i.State(in.Now) != storage.InvitationOpen || !in.Project.Access.Admits(emailKey, true):
		return nil, nil
	}
	return i, nil
}

// RoleOf is the role of a new account whose owner has this invitation, nil for none.
func RoleOf(i *storage.UserInvitation) string {
	if i == nil {
		return "member"
	}
	return i.Role
}

// accepted are the changes of a step that proves the address of an invitation: what
// its letter's link would do.
func (v *visit) accepted(i *storage.UserInvitation, u *storage.User) []storage.Change {
	ev := v.in.Event("invitation.accepted")
	ev.Actor, ev.Target, ev.Details = u.ID, u.ID, map[string]string{"invitation": i.ID}
	changes := append(v.store.UserInvitations.Accept(i, u.ID, v.now), v.store.AuditEvents.Append(ev))
	if i.TenantID == "" { // else that is the organisation that they come to
		changes = append(changes, v.in.Join(u)...)
	}
	return changes
}

// takeUp hands the account that waited for its owner to who reads its mail, before
// anything else of the step: of any number at once one is let in.
func (v *visit) takeUp(ctx context.Context, i *storage.UserInvitation, u *storage.User) (*storage.User, error) {
	active := *u
	active.Status = storage.UserActive
	changes := []storage.Change{v.store.Users.Replace(&active)}
	if !u.EmailVerified {
		changes = v.store.Users.Prove(&active) // what was put into it before is nobody's (S3-06)
	}
	active.EmailVerified = true
	if err := v.store.Commit(ctx, v.project.Scope(), append(changes, v.accepted(i, &active)...)...); err != nil {
		return nil, err
	}
	return v.store.Users.Get(ctx, v.project.Scope(), u.ID)
}
