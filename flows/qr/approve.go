package qr

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Approve is the other side: the device where somebody is signed in.
type Approve struct{ config Config }

var _ flows.Approval = (*Approve)(nil)

// NewApprove makes it.
func NewApprove(c Config) *Approve { return &Approve{c} }

// gone is the answer for every code and ticket that is none, whatever it was.
func gone() error { return &flows.Problem{Message: "problem.qr_code", Field: "code"} }

// Claim implements flows.Approval.
func (a *Approve) Claim(ctx context.Context, w *flows.Witness, code string) (string, error) {
	code = typed(code)
	if !w.Project.SignIn.QREnabled || len(code) != findLength+turnLength {
		return "", gone()
	}
	k, err := a.config.key(ctx, w.Project.Scope())
	if err != nil {
		return "", err
	}
	q, err := a.config.Logins.ByCode(ctx, w.Project.Scope(), k.digest(code[:findLength]))
	if over(err) || err == nil && (code != k.code(q, w.Now) || q.Answered()) {
		return "", gone()
	}
	if err != nil {
		return "", err
	}
	return k.ticket(q, w.Bound), nil
}

func (a *Approve) read(ctx context.Context, w *flows.Witness, ticket string) (*storage.QRLogin, key, error) {
	k, err := a.config.key(ctx, w.Project.Scope())
	if err != nil {
		return nil, nil, err
	}
	id := k.opened(ticket, w.Bound)
	if id == "" || !w.Project.SignIn.QREnabled {
		return nil, nil, gone()
	}
	q, err := a.config.Logins.Get(ctx, w.Project.Scope(), id)
	if over(err) || err == nil && q.Answered() {
		return nil, nil, gone()
	}
	return q, k, err
}

// Since implements flows.Approval.
func (a *Approve) Since(ctx context.Context, w *flows.Witness, ticket string) (time.Time, error) {
	q, _, err := a.read(ctx, w, ticket)
	if err != nil {
		return time.Time{}, err
	}
	return q.ProvenAfter, nil
}

// View implements flows.Approval.
func (a *Approve) View(ctx context.Context, w *flows.Witness, ticket string) (any, error) {
	q, k, err := a.read(ctx, w, ticket)
	if err != nil {
		return nil, err
	}
	_, choices := k.number(q)
	return templates.QRApproveView{
		Ticket: ticket, Account: flows.Label(w.User), App: q.App, Browser: flows.BrowserName(q.UserAgent), IP: q.IP,
		Minutes: int(w.Now.Sub(q.StartedAt) / time.Minute), Numbers: choices,
	}, nil
}

// Submit implements flows.Approval. One number is picked, once: a wrong one refuses.
func (a *Approve) Submit(ctx context.Context, w *flows.Witness, ticket string, form url.Values) (flows.Proof, error) {
	q, k, err := a.read(ctx, w, ticket)
	if err != nil {
		return flows.Proof{}, err
	}
	number, _ := k.number(q)
	next, ev := *q, w.Event("qr_login.allowed")
	ev.ClientID, ev.Details = q.ClientID, map[string]string{"ip": q.IP, "browser": flows.BrowserName(q.UserAgent)}
	proof := flows.Proof{}
	refuse := func(reason string) {
		next.Denied, proof.Denied = true, reason
		ev.Action, ev.Outcome, ev.Reason = "qr_login.denied", "failure", reason
	}
	switch {
	case form.Get("decision") == "deny":
		refuse("denied")
	case form.Get("number") == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.qr_number_missing"}
	case w.Project.SignIn.QRSameNetwork && !w.SameNetwork(q.IP):
		return flows.Proof{}, &flows.Problem{Message: "problem.qr_network", Events: []storage.AuditEvent{failed(ev, "other_network")}}
	case form.Get("number") != number:
		refuse("wrong_number")
	default:
		next.Subject, next.SessionID = w.User.ID, w.Session.ID
		next.AuthTime, next.AMR = w.Session.AuthTime, slices.Clone(w.Session.AMR)
		next.Methods = w.Session.Methods
	}
	proof.Changes, proof.Events = []storage.Change{a.config.Logins.Answer(&next)}, []storage.AuditEvent{ev}
	return proof, nil
}

func failed(ev storage.AuditEvent, reason string) storage.AuditEvent {
	ev.Outcome, ev.Reason = "failure", reason
	return ev
}
