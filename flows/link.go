package flows

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Linked is a Flow that a link in a letter leads to. Letters are read in any
// browser, and by programs that look for harm: opening a link changes nothing,
// its page has a button (S3-07).
type Linked interface {
	Flow
	// Asked returns the interaction that the letter was sent for, "" for none.
	// storage.ErrNotFound or ErrConsumed when the token is good for nothing.
	Asked(ctx context.Context, p *storage.Project, token string) (requestID string, err error)
	// Opened returns the link's page. in.Request has an id if this browser began
	// the interaction and may go on with it.
	Opened(ctx context.Context, in *Interaction, token string) (Opened, error)
	// Followed judges what the page's form sent, as Submit does. The proof is
	// applied to the interaction; without one its changes and events alone are
	// stored.
	Followed(ctx context.Context, in *Interaction, token string, form url.Values) (Proof, error)
}

// Opened is the page of a link.
type Opened struct {
	Page   string // template
	View   any
	Done   any // what the page "linkdone" shows where no interaction goes on
	Status int // HTTP status; 0 is 200
}

// LinkURL returns the link to a flow's letter page. Its host is the project's
// issuer, whatever host the request named (S3-17).
func (in *Interaction) LinkURL(flow, token string) string { return LinkURL(in.Project, flow, token) }

// LinkURL is Interaction.LinkURL for letters that no interaction asked for.
func LinkURL(p *storage.Project, flow, token string) string {
	return p.Issuer + "/link/" + url.PathEscape(flow) + "?" + url.Values{"token": {token}}.Encode()
}

var errLinkGone = &refusal{http.StatusGone, "error.link_gone"}

// maxToken is longer than any token of ours.
const maxToken = 128

// linked returns the visit of a link: in the interaction that asked for it if it
// is this browser's, else in none.
func (e *Engine) linked(r *http.Request, p *storage.Project) (*visit, Linked, string, error) {
	f, ok := e.flows[chi.URLParam(r, "flow")].(Linked)
	if !ok {
		return nil, nil, "", errNoPage
	}
	token := r.URL.Query().Get("token")
	if token == "" || len(token) > maxToken {
		return nil, nil, "", errLinkGone
	}
	id, err := f.Asked(r.Context(), p, token)
	switch {
	case gone(err), errors.Is(err, storage.ErrConsumed):
		return nil, nil, "", errLinkGone
	case err != nil:
		return nil, nil, "", err
	}
	if id != "" {
		v, err := e.open(r, p, id)
		var closed *refusal
		if err == nil && !v.in.Request.Done && v.in.Request.Denied == "" {
			return v, f, token, nil
		}
		if err != nil && !errors.As(err, &closed) {
			return nil, nil, "", err
		}
	}
	v, err := e.visit(r, p)
	if err != nil {
		return nil, nil, "", err
	}
	v.in = v.interaction(storage.AuthorizationRequest{})
	return v, f, token, nil
}

// openLink shows the page of a link.
func (e *Engine) openLink(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, f, token, err := e.linked(r, p)
	if err != nil {
		return err
	}
	return v.linkPage(w, r, f, token, nil)
}

func (v *visit) linkPage(w http.ResponseWriter, r *http.Request, f Linked, token string, problem *Problem) error {
	o, err := f.Opened(r.Context(), v.in, token)
	if err != nil {
		return over(err)
	}
	req, status := &v.in.Request, http.StatusOK
	if o.Status != 0 {
		status = o.Status
	}
	v.send(w, r, status, templates.Page{
		Name: o.Page, Action: v.in.base + "/link/" + f.ID() + "?" + url.Values{"token": {token}}.Encode(), View: o.View,
		Client: client(req), UILocales: v.languages(), FormAction: redirectOrigin(req.RedirectURI),
		Dev: v.project.InsecureDevelopment, RequestID: v.origin.RequestID,
	}, problem)
	return nil
}

// followLink takes what the page of a link sent.
func (e *Engine) followLink(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, f, token, err := e.linked(r, p)
	if err != nil {
		return err
	}
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	o, err := f.Opened(r.Context(), v.in, token)
	if err != nil {
		return over(err)
	}
	proof, err := f.Followed(r.Context(), v.in, token, form)
	here := v.in.Request.ID != ""
	if err == nil && here {
		err = v.apply(w, r, f, proof)
	} else if err == nil {
		err = v.store.Commit(r.Context(), v.project.Scope(), append(proof.Changes, v.appendAll(proof.Events)...)...)
	}
	var problem *Problem
	switch {
	case errors.As(err, &problem):
		if problem.tells() {
			if err := v.store.Commit(r.Context(), v.project.Scope(), append(problem.changes, v.appendAll(problem.Events)...)...); err != nil {
				return err
			}
		}
		v.in.Form = form
		return v.linkPage(w, r, f, token, problem)
	case errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrConsumed), errors.Is(err, storage.ErrAlreadyExists), gone(err):
		return errLinkGone // somebody was faster
	case err != nil:
		return err
	case here && proof.Sent != "": // the flow goes on with what the link proved
		v.redirect(w, r, v.in.URL(f.ID()))
		return nil
	case here:
		v.redirect(w, r, v.location(&v.in.Request))
		return nil
	}
	if proof.Done != nil {
		o.Done = proof.Done
	}
	v.send(w, r, http.StatusOK, templates.Page{
		Name: "linkdone", View: o.Done, Dev: v.project.InsecureDevelopment, RequestID: v.origin.RequestID,
	}, nil)
	return nil
}
