package account

import (
	"context"
	"net/url"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// emailChangeID is the word of EmailChange in links.
const emailChangeID = "emailchange"

// EmailChange is where the letters about a change of address lead to. The new end
// is confirmed in a browser that is signed in to the account; any other shows a
// code for it, so that nobody is talked into an account that is not theirs. The
// old end may be answered anywhere: whoever reads its mail may stop the change.
type EmailChange struct {
	store   *storage.Store
	mailbox *flows.Mailbox
}

var _ flows.Linked = (*EmailChange)(nil)

// NewEmailChange makes the flow.
func NewEmailChange(store *storage.Store, mailbox *flows.Mailbox) *EmailChange {
	return &EmailChange{store, mailbox}
}

// ID implements flows.Flow.
func (*EmailChange) ID() string { return emailChangeID }

// Needed implements flows.Flow: never, a letter leads to it.
func (*EmailChange) Needed(context.Context, *flows.Interaction) (bool, error) { return false, nil }

// View implements flows.Flow.
func (*EmailChange) View(context.Context, *flows.Interaction) (any, error) {
	return templates.EmailChangeView{}, nil
}

// Submit implements flows.Flow.
func (*EmailChange) Submit(context.Context, *flows.Interaction, url.Values) (flows.Proof, error) {
	return flows.Proof{}, &flows.Problem{Message: "problem.link_elsewhere"}
}

// Asked implements flows.Linked.
func (f *EmailChange) Asked(ctx context.Context, p *storage.Project, token string) (string, error) {
	_, _, err := f.of(ctx, p, token)
	return "", err
}

// of returns one end of a change, and its account.
func (f *EmailChange) of(ctx context.Context, p *storage.Project, token string) (*storage.EmailChange, *storage.User, error) {
	e, err := f.store.EmailChanges.ByToken(ctx, p.Scope(), token)
	if err != nil {
		return nil, nil, err
	}
	u, err := f.store.Users.Get(ctx, p.Scope(), e.UserID)
	// The access policy is asked again: it may have changed since.
	if err == nil && (!stands(e, u) || !flows.MaySignIn(u) || !mayHave(p, e.EmailKey)) {
		err = storage.ErrNotFound
	}
	return e, u, err
}

func signedIn(in *flows.Interaction, userID string) bool {
	for _, a := range in.Accounts {
		if a.User.ID == userID {
			return true
		}
	}
	return false
}

// Opened implements flows.Linked.
func (f *EmailChange) Opened(ctx context.Context, in *flows.Interaction, token string) (flows.Opened, error) {
	e, u, err := f.of(ctx, in.Project, token)
	if err != nil {
		return flows.Opened{}, err
	}
	if e.Old() {
		return flows.Opened{Page: emailChangeID, View: templates.EmailChangeView{Old: u.Email, New: e.Email}}, nil
	}
	v := templates.LinkView{Kind: emailChangeID, Account: e.Email}
	if !signedIn(in, u.ID) {
		pepper, err := f.mailbox.Pepper(ctx, in.Project)
		if err != nil {
			return flows.Opened{}, err
		}
		v.Code = e.Code(pepper)
	}
	return flows.Opened{Page: "link", View: v}, nil
}

// Followed implements flows.Linked.
func (f *EmailChange) Followed(ctx context.Context, in *flows.Interaction, token string, form url.Values) (flows.Proof, error) {
	e, u, err := f.of(ctx, in.Project, token)
	switch {
	case err != nil:
		return flows.Proof{}, err
	case e.Old():
		return f.old(ctx, in, e, u, form.Get("decision"))
	case !signedIn(in, u.ID):
		return flows.Proof{}, &flows.Problem{Message: "problem.link_elsewhere"}
	}
	return f.proof(ctx, in, e, u, true)
}

// proof is what comes of one end's word.
func (f *EmailChange) proof(ctx context.Context, in *flows.Interaction, e *storage.EmailChange, u *storage.User, isNew bool) (flows.Proof, error) {
	a, err := answered(ctx, f.store, in.Project, e, u, in.Now, isNew, in)
	if err != nil {
		return flows.Proof{}, err
	}
	done := templates.LinkDoneView{Kind: "emailagreed"}
	if a.made {
		done.Kind = emailChangeID
	}
	return flows.Proof{Changes: a.changes, Events: []storage.AuditEvent{event(in, a.action, u)}, Done: done}, nil
}

// old takes the word of who reads the mail of the old address.
func (f *EmailChange) old(ctx context.Context, in *flows.Interaction, e *storage.EmailChange, u *storage.User, decision string) (flows.Proof, error) {
	switch decision {
	case "refuse":
		return flows.Proof{
			Changes: []storage.Change{f.store.EmailChanges.Remove(u.ID)},
			Events:  []storage.AuditEvent{event(in, "user.email_change_refused", u)}, Done: templates.LinkDoneView{Kind: "emailrefused"},
		}, nil
	case "allow":
		fresh, err := f.store.EmailChanges.Of(ctx, in.Project.Scope(), u.ID)
		if err == nil && fresh.ID != e.New {
			err = storage.ErrNotFound
		}
		if err != nil {
			return flows.Proof{}, err
		}
		return f.proof(ctx, in, fresh, u, false)
	}
	return flows.Proof{}, &flows.Problem{Message: "problem.choose_action"}
}

func event(in *flows.Interaction, action string, u *storage.User) storage.AuditEvent {
	ev := in.Event(action)
	ev.Actor, ev.Target = u.ID, u.ID
	return ev
}
