package flows

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/elloloop/identity/storage"
	"github.com/go-chi/chi/v5"
)

// current shows the step that is needed now, or sends the person back to the
// protocol when none is.
func (e *Engine) current(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, err := e.open(r, p, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	v.choose()
	f, err := v.settle(r.Context())
	switch {
	case errors.Is(err, storage.ErrConflict): // another tab was faster: see what it left
		v.redirect(w, r, v.stepURL(v.row.ID))
		return nil
	case err != nil:
		return err
	case f == nil:
		v.redirect(w, r, v.location(&v.in.Request))
		return nil
	}
	return v.page(w, r, http.StatusOK, f, nil)
}

// settle finds the step that is needed, and stores what was decided on the way:
// whose page this is must not change between seeing and answering it.
func (v *visit) settle(ctx context.Context) (Flow, error) {
	req := &v.in.Request
	if req.Denied != "" {
		return nil, nil
	}
	f, err := v.next(ctx, v.in)
	if err != nil {
		return nil, err
	}
	if f == nil && req.Subject == "" {
		return nil, errNoWayIn
	}
	if err := v.conclude(ctx, v.in, f); err != nil {
		return nil, err
	}
	if req.Subject == v.row.Subject && req.SessionID == v.row.SessionID && req.Done == v.row.Done && req.Denied == "" {
		return f, nil
	}
	return f, v.store.AuthorizationRequests.Advance(ctx, v.project.Scope(), req)
}

// show shows a step that the person asked for.
func (e *Engine) show(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, f, err := e.step(r, p)
	if err != nil {
		return err
	}
	if f == nil {
		v.redirect(w, r, v.stepURL(v.row.ID))
		return nil
	}
	return v.page(w, r, http.StatusOK, f, nil)
}

// step opens the request and returns the flow of the URL, nil if it is neither
// needed nor offered now (S3-19).
func (e *Engine) step(r *http.Request, p *storage.Project) (*visit, Flow, error) {
	f := e.flows[chi.URLParam(r, "flow")]
	if f == nil {
		return nil, nil, errNoPage
	}
	v, err := e.open(r, p, chi.URLParam(r, "id"))
	if err != nil {
		return nil, nil, err
	}
	if v.in.Request.Done || v.in.Request.Denied != "" {
		return v, nil, nil
	}
	needed, err := e.next(r.Context(), v.in)
	if err != nil {
		return nil, nil, err
	}
	if err := e.offer(r.Context(), v.in); err != nil {
		return nil, nil, err
	}
	if needed != nil && needed.ID() == f.ID() || v.in.Offered(f.ID()) != "" {
		return v, f, nil
	}
	return v, nil, nil
}

// submit takes what the person sent for one step.
func (e *Engine) submit(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, f, err := e.step(r, p)
	if err != nil {
		return err
	}
	if f == nil { // an old form, or a step that is not theirs to take
		v.redirect(w, r, v.stepURL(v.row.ID))
		return nil
	}
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	if form.Get("passkeys") == "1" { // the page's script found out; it decides what is offered, no more
		v.in.Request.CanPasskey = true
	}
	proof, err := f.Submit(r.Context(), v.in, form)
	if err == nil {
		err = v.apply(w, r, f, proof)
	}
	if err == nil && proof.Sent != "" {
		v.redirect(w, r, v.in.URL(f.ID()))
		return nil
	}
	return v.answer(w, r, f, form, err)
}

// answer tells the person how their step ended.
func (v *visit) answer(w http.ResponseWriter, r *http.Request, f Flow, form url.Values, err error) error {
	var problem *Problem
	switch {
	case err == nil:
		v.redirect(w, r, v.location(&v.in.Request))
		return nil
	case errors.As(err, &problem):
		if problem.tells() {
			if err := v.store.Commit(r.Context(), v.project.Scope(), append(problem.changes, v.appendAll(problem.Events)...)...); err != nil {
				return err
			}
		}
		v.in.Form = form
		return v.page(w, r, 0, f, problem)
	case errors.Is(err, storage.ErrConflict), gone(err), errors.Is(err, storage.ErrAlreadyExists), errors.Is(err, storage.ErrConsumed):
		// Another tab was faster, or what this step was about is gone.
		v.redirect(w, r, v.stepURL(v.row.ID))
		return nil
	}
	return err
}

// apply stores what a step proved, with all that comes of it, in one commit.
func (v *visit) apply(w http.ResponseWriter, r *http.Request, f Flow, proof Proof) error {
	row := v.in.Request
	if row.Sent = maps.Clone(row.Sent); proof.Sent != "" {
		if row.Sent == nil {
			row.Sent = map[string]string{}
		}
		row.Sent[f.ID()] = proof.Sent
	} else {
		row.Proven = union(row.Proven, []string{f.ID()})
	}
	if proof.Identifier != "" {
		row.Identifier = proof.Identifier
	}
	changes := slices.Concat(proof.Changes, v.appendAll(proof.Events))
	row.ConsentGiven = row.ConsentGiven || proof.Consent
	row.Denied = proof.Denied
	if proof.Link != nil || proof.Linked {
		row.Link = proof.Link
	}

	switch {
	case proof.Restart:
		restart(&row)
		row.Proven = []string{f.ID()} // or the session of this browser would answer again
	case proof.Subject != "":
		more, err := v.prove(r.Context(), &row, f, proof)
		if err != nil {
			return err
		}
		changes = append(changes, more...)
	case proof.SessionID != "":
		if a := v.account(proof.SessionID); a.Session != nil {
			v.take(&row, a)
		}
	}
	if proof.Told != "" {
		u, err := v.person(r.Context(), row.Subject)
		if err != nil {
			return err
		}
		changes = append(changes, v.changed(u, proof.Told)...)
	}
	if err := v.finish(r.Context(), &row, proof.Identifier != "" && proof.Sent == ""); err != nil {
		return err
	}
	if err := v.commit(r.Context(), &row, proof, changes); err != nil {
		return err
	}
	v.in.Request = row
	if row.SessionID == "" {
		return nil
	}
	v.keep(w)
	if proof.Subject != "" {
		v.jar.set(w, deviceCookie, v.device.remember(row.Subject, row.SetAt), deviceLife)
	}
	if life := v.project.SignIn.RememberDevice; life > 0 && !proof.Remember.IsZero() {
		v.jar.set(w, trustCookie, v.trust.remember(row.Subject, proof.Remember, row.SetAt, v.now, v.now.Add(life)), life)
	}
	return nil
}

// take answers from the session that the person chose, or asks its owner for a
// new proof where the client wants one, or an identity waits to be linked.
func (v *visit) take(row *storage.AuthorizationRequest, a Account) {
	if !v.in.Fresh(a) || row.Link != nil {
		row.Identifier = Label(a.User)
		return
	}
	v.current(a)
	adopt(row, a)
	v.deny(row)
}

// deny ends a request that is for another person: the client asked for the one of
// its id_token_hint and must get nobody else (OIDC Core §3.1.2.1).
func (v *visit) deny(row *storage.AuthorizationRequest) {
	if row.HintedSubject != "" && row.HintedSubject != row.Subject {
		row.Denied = "login_required"
	}
}

// conclude ends a request of which nothing is needed any more: it is answered, or
// denied where the client or the policy insists on more than was proven.
func (v *visit) conclude(ctx context.Context, in *Interaction, needed Flow) error {
	req := &in.Request
	if req.Done = false; needed != nil {
		return nil
	}
	lacks, err := v.lacks(ctx, in)
	if err != nil {
		return err
	}
	if req.Done = met(req) && !lacks; !req.Done {
		req.Denied = unmet
	}
	return nil
}

// finish ends the request when nothing is needed any more. An address by which
// nobody can go on is refused on the page where it was typed.
func (v *visit) finish(ctx context.Context, row *storage.AuthorizationRequest, typed bool) error {
	if row.Denied != "" || row.Subject == "" && !typed {
		return nil
	}
	in := v.interaction(*row)
	f, err := v.next(ctx, in)
	switch {
	case err != nil:
		return err
	case row.Subject == "" && f == nil:
		return &Problem{Message: "problem.no_way_in", Field: "identifier", Status: http.StatusForbidden}
	case row.Subject == "":
		return nil
	}
	err = v.conclude(ctx, in, f)
	row.Done, row.Denied = in.Request.Done, in.Request.Denied
	return err
}

// commit stores a step in one commit: the row, if nobody changed it since it was
// read, and everything else with it.
func (v *visit) commit(ctx context.Context, row *storage.AuthorizationRequest, proof Proof, changes []storage.Change) error {
	if proof.NewUser != nil { // before its session, which needs it
		changes = slices.Insert(changes, 0, v.store.Users.Add(proof.NewUser))
		if proof.Invitation != nil {
			changes = append(changes, v.accepted(proof.Invitation, proof.NewUser)...)
		} else {
			changes = append(changes, v.in.Join(proof.NewUser)...)
		}
	}
	err := v.store.AuthorizationRequests.Advance(ctx, v.project.Scope(), row, changes...)
	if errors.Is(err, storage.ErrAlreadyExists) && proof.Taken != nil {
		return proof.Taken
	}
	return err
}

func (v *visit) appendAll(events []storage.AuditEvent) []storage.Change {
	changes := make([]storage.Change, len(events))
	for i, ev := range events {
		changes[i] = v.store.AuditEvents.Append(ev)
	}
	return changes
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
