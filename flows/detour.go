package flows

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"

	"github.com/elloloop/identity/storage"
	"github.com/go-chi/chi/v5"
)

// Detour is a Flow that sends the person to another service, which sends them
// back with an answer.
type Detour interface {
	Flow
	// Depart returns where the person goes, and stores what must be known when they
	// are back. choice is the service.
	Depart(ctx context.Context, in *Interaction, choice string) (string, error)
	// Await finds the journey that an answer belongs to, and changes nothing.
	// storage.ErrNotFound or ErrConsumed when it is none's.
	Await(ctx context.Context, p *storage.Project, choice string, answer url.Values) (*storage.ProviderState, error)
	// Forward takes an answer that was posted across sites, which comes without
	// cookies, and returns what of it goes on in the query of our own URL.
	Forward(ctx context.Context, p *storage.Project, choice string, answer url.Values) (url.Values, error)
	// Arrive ends the journey, once, and judges the answer. Like Submit it returns
	// what is to be stored.
	Arrive(ctx context.Context, in *Interaction, st *storage.ProviderState, answer url.Values) (Proof, error)
}

// ArrivalURL is where a service sends people back to: a URL of its own for each,
// so that no service can pass an answer off as another's (RFC 9700 §4.4.2).
func ArrivalURL(p *storage.Project, flow, choice string) string {
	return p.Issuer + "/" + flow + "/" + url.PathEscape(choice) + "/callback"
}

// arrivals adds the routes that services send people back to. What is posted
// there comes from another site by design; the state parameter guards it.
func (e *Engine) arrivals(r chi.Router) {
	for _, f := range e.Flows {
		if d, ok := f.(Detour); ok {
			r.Get("/"+d.ID()+"/{choice}/callback", e.handle(e.arrive(d)))
			r.Post("/"+d.ID()+"/{choice}/callback", e.handle(e.forward(d)))
		}
	}
}

// depart sends the person to the service that they chose.
func (e *Engine) depart(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, f, err := e.step(r, p)
	if err != nil {
		return err
	}
	d, ok := f.(Detour)
	if f != nil && !ok {
		return errNoPage
	}
	if f == nil { // an old link, or a step that is not theirs to take
		v.redirect(w, r, v.stepURL(v.row.ID))
		return nil
	}
	location, err := d.Depart(r.Context(), v.in, chi.URLParam(r, "choice"))
	switch {
	case gone(err):
		return errNoPage
	case err != nil:
		return v.answer(w, r, f, url.Values{}, err)
	}
	v.redirect(w, r, location)
	return nil
}

// forward turns a cross-site POST into a GET of ours, with which the browser sends
// its cookies (RFC 6265bis §5.5: Lax).
func (e *Engine) forward(d Detour) func(http.ResponseWriter, *http.Request, *storage.Project) error {
	return func(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
			return errMediaType
		}
		if err := r.ParseForm(); err != nil {
			return errBadForm
		}
		choice := chi.URLParam(r, "choice")
		query, err := d.Forward(r.Context(), p, choice, r.PostForm)
		if err != nil {
			return over(err)
		}
		e.redirect(w, r, withQuery(base(p)+"/"+d.ID()+"/"+url.PathEscape(choice)+"/callback", query.Encode()))
		return nil
	}
}

// arrive takes the person back from a service, to the request that they left.
func (e *Engine) arrive(d Detour) func(http.ResponseWriter, *http.Request, *storage.Project) error {
	return func(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
		answer, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return errBadForm
		}
		st, err := d.Await(r.Context(), p, chi.URLParam(r, "choice"), answer)
		if err != nil {
			return over(err)
		}
		if st.RequestID == "" {
			return e.arriveAtAccount(w, r, p, d, st, answer)
		}
		v, err := e.open(r, p, st.RequestID) // the browser that left, and no other
		if err != nil {
			return err
		}
		if v.in.Request.Done || v.in.Request.Denied != "" {
			v.redirect(w, r, v.location(&v.in.Request))
			return nil
		}
		if err := e.offer(r.Context(), v.in); err != nil {
			return err
		}
		if v.in.Offered(d.ID()) == "" { // they signed in another way meanwhile
			v.redirect(w, r, v.stepURL(v.row.ID))
			return nil
		}
		proof, err := d.Arrive(r.Context(), v.in, st, answer)
		if err == nil {
			err = v.apply(w, r, d, proof)
		}
		if err == nil && proof.Stay {
			v.redirect(w, r, v.in.URL(d.ID()))
			return nil
		}
		return v.answer(w, r, d, url.Values{}, err)
	}
}

// arriveAtAccount takes back somebody who links an identity to their account: in
// the session that left, and no other. The page that they go back to gets
// "linked", or the id of the sentence that says what went wrong.
func (e *Engine) arriveAtAccount(w http.ResponseWriter, r *http.Request, p *storage.Project, d Detour, st *storage.ProviderState, answer url.Values) error {
	v, err := e.visit(r, p)
	if err != nil {
		return err
	}
	a := v.account(st.SessionID)
	if a.Session == nil || a.User.ID != st.UserID {
		return errOtherBrowser
	}
	v.in = v.interaction(storage.AuthorizationRequest{Subject: a.User.ID, SessionID: a.Session.ID, AuthTime: a.Session.AuthTime})
	if !v.in.Fresh(a) {
		return errOtherBrowser
	}
	proof, err := d.Arrive(r.Context(), v.in, st, answer)
	if err == nil {
		changes := append(proof.Changes, v.appendAll(proof.Events)...)
		if proof.Told != "" { // a new way in: the owner hears of it
			changes = append(changes, v.changed(a.User, proof.Told)...)
		}
		err = e.store.Commit(r.Context(), p.Scope(), changes...)
	}
	var problem *Problem
	query := url.Values{}
	switch {
	case err == nil:
		query.Set("linked", st.Provider)
	case errors.As(err, &problem):
		query.Set("problem", problem.Message)
		query.Set("provider", st.Provider)
		if problem.tells() {
			if err := e.store.Commit(r.Context(), p.Scope(), append(problem.changes, v.appendAll(problem.Events)...)...); err != nil {
				return err
			}
		}
	case errors.Is(err, storage.ErrAlreadyExists):
		query.Set("problem", "problem.upstream_taken")
		query.Set("provider", st.Provider)
	default:
		return over(err)
	}
	v.redirect(w, r, withQuery(base(p)+st.Back, query.Encode()))
	return nil
}
