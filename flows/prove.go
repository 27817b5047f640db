package flows

import (
	"context"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// prove writes into the row what a step proved of somebody, and signs them in
// when no second factor is due. It returns what is to be stored beside the row.
func (v *visit) prove(ctx context.Context, row *storage.AuthorizationRequest, f Flow, proof Proof) ([]storage.Change, error) {
	u := proof.NewUser
	if u == nil {
		var err error
		if u, err = v.store.Users.Get(ctx, v.project.Scope(), proof.Subject); err != nil {
			return nil, err
		}
	}
	if proof.NewUser == nil && proof.Invitation != nil && waits(u, proof.Invitation) {
		var err error
		if u, err = v.takeUp(ctx, proof.Invitation, u); err != nil {
			return nil, err
		}
	}
	if !MaySignIn(u) || row.Subject != "" && row.Subject != u.ID {
		return nil, storage.ErrConflict
	}
	if proof.Mailbox && !u.EmailVerified && u.Email != "" {
		var err error
		if u, err = v.proveMailbox(ctx, u); err != nil {
			return nil, err
		}
	}
	v.people[u.ID] = u
	by, err := v.judge(ctx, u, row, f, proof)
	if err != nil {
		return nil, err
	}
	if err := v.since(ctx, row, proof); err != nil {
		return nil, err
	}
	row.Subject, row.AuthTime, row.Methods = u.ID, v.now, by
	if !proof.AuthTime.IsZero() {
		row.AuthTime = proof.AuthTime
	}
	row.AMR = methods(union(row.AMR, proof.AMR))
	row.ACR = acr(row.AMR, row)
	v.deny(row)
	in := v.interaction(*row)
	next, err := v.next(ctx, in)
	if err != nil {
		return nil, err
	}
	changes := v.letter(u, proof.Letter)
	if pending(next, in) && row.SessionID == "" {
		if row.ProvenAs = u.Version; proof.NewUser != nil {
			row.ProvenAs = 1
		}
		return append(changes, v.audit(func(ev *storage.AuditEvent) {
			ev.Action, ev.Actor, ev.Target = "user.first_factor_passed", u.ID, u.ID
			ev.Details = map[string]string{"flow": f.ID(), "amr": strings.Join(proof.AMR, " ")}
		})), nil
	}
	if err := v.complete(ctx, u, in, next); err != nil {
		return nil, err
	}
	if proof.NewUser == nil {
		news, err := v.newcomer(ctx, u, row)
		if err != nil {
			return nil, err
		}
		changes = append(changes, news...)
	}
	if u.Status == storage.UserPendingDeletion {
		active := *u
		active.Status, active.Deletion = storage.UserActive, nil
		u = &active
		changes = append(changes, v.store.Users.Replace(u), v.audit(func(ev *storage.AuditEvent) {
			ev.Action, ev.Actor, ev.Target = "user.deletion_cancelled", u.ID, u.ID
		}))
	}
	changes = append(changes, v.signIn(u, row)...)
	if row.Link != nil && row.Link.Trusted {
		changes = append(changes, v.linkTrusted(u, row)...)
	}
	return append(changes, v.audit(func(ev *storage.AuditEvent) {
		ev.Action, ev.Actor, ev.Target, ev.SessionID = "user.signed_in", u.ID, u.ID, row.SessionID
		ev.Details = map[string]string{"flow": f.ID(), "amr": strings.Join(row.AMR, " "), "acr": row.ACR}
	})), nil
}

// linkTrusted gives the account the identity of a trusted provider that waited for
// all that the account asks for (S3-14).
func (v *visit) linkTrusted(u *storage.User, row *storage.AuthorizationRequest) []storage.Change {
	l := row.Link
	row.Link = nil
	i := &storage.OAuthIdentity{
		ID: l.ID, Provider: l.Provider, Issuer: l.Issuer, Subject: l.Subject, UserID: u.ID, Email: l.Email, Name: l.Name,
		Sealed: l.Sealed, LastUsed: v.now, CreatedOrder: v.now.UnixMicro(),
	}
	changes := []storage.Change{v.store.OAuthIdentities.Add(i), v.audit(func(ev *storage.AuditEvent) {
		ev.Action, ev.Actor, ev.Target, ev.SessionID = "identity.linked", u.ID, u.ID, row.SessionID
		ev.Details = map[string]string{"provider": i.Provider, "identity": i.ID}
	})}
	return append(changes, v.changed(u, "changed.linked")...)
}

// since writes down which password the account had when it proved who it is: what
// it proved before another was set counts no more.
func (v *visit) since(ctx context.Context, row *storage.AuthorizationRequest, proof Proof) error {
	if !row.SetAt.IsZero() {
		return nil
	}
	if row.SetAt = proof.SetAt; !row.SetAt.IsZero() {
		return nil
	}
	var err error
	row.SetAt, err = v.passwordSetAt(ctx, proof.Subject)
	return err
}

// proveMailbox writes down that the account's mail address is its owner's, before
// anything else: whoever made the account with another's address must have no
// part in what is decided next.
func (v *visit) proveMailbox(ctx context.Context, u *storage.User) (*storage.User, error) {
	changes := append(v.store.Users.Prove(u), v.audit(func(ev *storage.AuditEvent) {
		ev.Action, ev.Actor, ev.Target = "user.email_verified", u.ID, u.ID
	}))
	proven := *u
	proven.EmailVerified = true
	if err := v.store.Commit(ctx, v.project.Scope(), append(changes, v.in.Join(&proven)...)...); err != nil {
		return nil, err
	}
	v.live = slices.DeleteFunc(v.live, func(a Account) bool { return a.User.ID == u.ID })
	return v.store.Users.Get(ctx, v.project.Scope(), u.ID)
}
