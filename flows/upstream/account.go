package upstream

import (
	"context"
	"errors"
	"net/http"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// signIn finds the account of a person, or makes one. It never takes a mail
// address for a proof of the account that has it, but where both sides verified it
// and the operator trusts the provider with that (S3-06, S3-16).
func (f *Flow) signIn(ctx context.Context, in *flows.Interaction, p *storage.Provider, who *person) (flows.Proof, error) {
	scope := in.Project.Scope()
	known, err := f.config.Identities.Find(ctx, scope, p.ID, who.issuer, who.subject)
	if err == nil {
		return f.known(ctx, in, p, who, known)
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return flows.Proof{}, err
	}
	address, key := "", ""
	if who.verified { // an address that is not is nobody's
		if address, key, err = f.config.Accounts.Email(who.email); err != nil {
			address, key = "", ""
		}
	}
	if key == "" {
		return f.newcomer(ctx, in, p, who, "", "")
	}
	u, err := f.config.Accounts.Users.ByEmail(ctx, scope, key)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return f.newcomer(ctx, in, p, who, address, key)
	case err != nil:
		return flows.Proof{}, err
	case p.TrustEmail && u.EmailVerified && flows.MaySignIn(u):
		// It is a new way in: the account gets it when it has all that it asks for.
		i := f.identity(in, p, who, u.ID)
		proof := f.proof(p, who, u.ID)
		proof.Link = &storage.PendingLink{
			Provider: p.ID, Issuer: who.issuer, Subject: who.subject, Email: who.email, Name: who.name, Trusted: true, ID: i.ID, Sealed: i.Sealed,
		}
		return proof, nil
	}
	ev := in.Event("identity.proof_wanted")
	ev.Target, ev.Details = u.ID, map[string]string{"provider": p.ID}
	return flows.Proof{
		Stay: true, Events: []storage.AuditEvent{ev},
		Link: &storage.PendingLink{Provider: p.ID, Issuer: who.issuer, Subject: who.subject, Email: address, Name: who.name},
	}, nil
}

// known signs in the owner of an identity.
func (f *Flow) known(ctx context.Context, in *flows.Interaction, p *storage.Provider, who *person, i *storage.OAuthIdentity) (flows.Proof, error) {
	u, err := f.config.Accounts.Users.Get(ctx, in.Project.Scope(), i.UserID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return flows.Proof{}, err
	}
	if err != nil || !flows.MaySignIn(u) {
		return flows.Proof{}, f.closed(in, p, i.UserID, "account_not_active")
	}
	next := *i
	next.Email, next.Name, next.LastUsed = who.email, who.name, in.Now
	f.keep(in, &next, who)
	proof := f.proof(p, who, i.UserID)
	proof.Changes, proof.Events = []storage.Change{f.config.Identities.Replace(&next)}, []storage.AuditEvent{told(in, "identity.used", &next)}
	return proof, nil
}

// newcomer makes an account, where people may have one.
func (f *Flow) newcomer(ctx context.Context, in *flows.Interaction, p *storage.Provider, who *person, address, key string) (flows.Proof, error) {
	proven := ""
	if p.TrustEmail {
		proven = key
	}
	invited, err := flows.InvitationOf(ctx, f.config.Invitations, in, proven)
	if err != nil {
		return flows.Proof{}, err
	}
	if p.NoSignup || invited == nil && !(in.Project.SignupEnabled && in.Project.Access.Admits(proven, false)) {
		return flows.Proof{}, f.closed(in, p, "", "no_signup")
	}
	if err := in.Limits.Signup(ctx); err != nil {
		return flows.Proof{}, err
	}
	u := &storage.User{
		ID: storage.NewSubject(), Email: address, EmailKey: key, EmailVerified: proven != "",
		Name: who.name, GivenName: who.given, FamilyName: who.family, Picture: who.picture, Locale: who.locale,
		Status: storage.UserActive, Role: flows.RoleOf(invited), ProfileUpdatedAt: in.Now, CreatedOrder: in.Now.UnixMicro(),
	}
	i := f.identity(in, p, who, u.ID)
	proof := f.proof(p, who, u.ID)
	made := in.Event("user.registered")
	made.Actor, made.Target, made.Details = u.ID, u.ID, map[string]string{"provider": p.ID}
	proof.NewUser, proof.Changes, proof.Events = u, []storage.Change{f.config.Identities.Add(i)}, []storage.AuditEvent{made, told(in, "identity.linked", i)}
	proof.Identifier, proof.Invitation = address, invited
	proof.Taken = &flows.Problem{Message: "problem.upstream_again", Data: map[string]any{"Name": p.Name}} // by another tab: they try again
	return proof, nil
}

func (f *Flow) identity(in *flows.Interaction, p *storage.Provider, who *person, userID string) *storage.OAuthIdentity {
	i := &storage.OAuthIdentity{
		ID: storage.NewID(), Provider: p.ID, Issuer: who.issuer, Subject: who.subject, UserID: userID,
		Email: who.email, Name: who.name, LastUsed: in.Now, CreatedOrder: in.Now.UnixMicro(),
	}
	f.keep(in, i, who)
	return i
}

func (f *Flow) keep(in *flows.Interaction, i *storage.OAuthIdentity, who *person) {
	i.Sealed = nil // where the setting was taken back, the tokens go
	if who.kept != nil {
		f.config.Identities.Keep(in.Project.Scope(), i, who.kept)
	}
}

func (f *Flow) proof(p *storage.Provider, who *person, userID string) flows.Proof {
	amr := []string{flows.AMRUpstream}
	if p.TrustMFA && who.mfa {
		amr = append(amr, "mfa")
	}
	return flows.Proof{Subject: userID, AMR: amr, Linked: true}
}

// closed says that there is no way in here for this person.
func (f *Flow) closed(in *flows.Interaction, p *storage.Provider, userID, reason string) error {
	ev := in.Failure("user.sign_in_failed", "upstream_"+reason)
	ev.Target, ev.Details = userID, map[string]string{"provider": p.ID}
	return &flows.Problem{
		Message: "problem.upstream_no_account", Data: map[string]any{"Name": p.Name},
		Status: http.StatusForbidden, Events: []storage.AuditEvent{ev},
	}
}

// attach links an identity to the account of somebody who is signed in.
func (f *Flow) attach(ctx context.Context, in *flows.Interaction, p *storage.Provider, userID string, who *person) (flows.Proof, error) {
	known, err := f.config.Identities.Find(ctx, in.Project.Scope(), p.ID, who.issuer, who.subject)
	switch {
	case err == nil && known.UserID == userID:
		return flows.Proof{}, nil
	case err == nil: // somebody else's: theirs to give up
		return flows.Proof{}, &flows.Problem{Message: "problem.upstream_taken"}
	case !errors.Is(err, storage.ErrNotFound):
		return flows.Proof{}, err
	}
	i := f.identity(in, p, who, userID)
	return flows.Proof{Told: linked, Changes: []storage.Change{f.config.Identities.Add(i)}, Events: []storage.AuditEvent{told(in, "identity.linked", i)}}, nil
}
