package flows

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// The sign-out page (OIDC RP-Initiated Logout §2): it keeps the query that the
// end session endpoint got, and goes back there with it.

func (e *Engine) farewell(r *http.Request, p *storage.Project) (*visit, error) {
	v, err := e.visit(r, p)
	if err != nil {
		return nil, err
	}
	v.in = v.interaction(storage.AuthorizationRequest{UILocales: strings.Fields(r.URL.Query().Get("ui_locales"))})
	v.in.query = r.URL.RawQuery
	v.hinted(r.URL.Query().Get("logout_hint"))
	return v, nil
}

// hinted keeps the one account that logout_hint names, by what the person signs in
// with, its sub or its sid: it alone is asked about, and ends (OIDC RP-Initiated
// Logout §2). A hint that names nobody here says nothing.
func (v *visit) hinted(hint string) {
	if hint == "" || len(hint) > maxLogoutHint {
		return
	}
	key := v.Accounts.Key(hint)
	for _, a := range v.in.Accounts {
		if hint == a.Session.ID || hint == a.User.ID || key != "" && named(a, key) == 1 {
			v.narrowed = len(v.in.Accounts) > 1
			v.in.Accounts = []Account{a}
			return
		}
	}
}

const maxLogoutHint = 320 // RFC 5321 §4.5.3.1 ends mail addresses at 254

// stayed marks the page after "stay signed in".
const stayed = "stayed"

func (e *Engine) showLogout(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, err := e.farewell(r, p)
	if err != nil {
		return err
	}
	if r.URL.RawQuery == stayed {
		e.send(w, r, http.StatusOK, v.plain("loggedout", templates.LoggedOutView{Stayed: true}), nil)
		return nil
	}
	return v.logoutPage(w, r, nil)
}

func (v *visit) logoutPage(w http.ResponseWriter, r *http.Request, problem *Problem) error {
	view, err := v.Logout.View(r.Context(), v.in)
	if err != nil {
		return err
	}
	page := v.plain(v.Logout.ID(), view)
	page.Action = withQuery(base(v.project)+"/logout", v.in.query)
	if page.FormAction, err = v.afterLogout(r); err != nil {
		return err
	}
	v.send(w, r, http.StatusOK, page, problem)
	return nil
}

func (v *visit) plain(name string, view any) templates.Page {
	return templates.Page{
		Name: name, View: view, UILocales: v.languages(),
		Dev: v.project.InsecureDevelopment, RequestID: v.origin.RequestID,
	}
}

func (e *Engine) submitLogout(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, err := e.farewell(r, p)
	if err != nil {
		return err
	}
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	proof, err := v.Logout.Submit(r.Context(), v.in, form)
	var problem *Problem
	if errors.As(err, &problem) {
		return v.logoutPage(w, r, problem)
	}
	if err != nil {
		return err
	}
	if proof.Denied != "" {
		v.redirect(w, r, base(p)+"/logout?"+stayed)
		return nil
	}
	if err := v.signOut(w, r, proof.SignOut); err != nil {
		return err
	}
	v.depart(w, proof.SignOut)
	v.redirect(w, r, withQuery(base(p)+v.EndSessionURL, v.in.query))
	return nil
}

// afterLogout is where the person may go after signing out, for the page's
// form-action: only to an address that its client registered.
func (v *visit) afterLogout(r *http.Request) ([]string, error) {
	q := r.URL.Query()
	target := q.Get("post_logout_redirect_uri")
	if target == "" {
		return nil, nil
	}
	if id := q.Get("client_id"); id != "" {
		c, err := v.store.Clients.Get(r.Context(), v.project.Scope(), id)
		if err == nil && slices.Contains(c.PostLogoutRedirectURIs, target) {
			return redirectOrigin(target), nil
		}
		if err != nil && !gone(err) {
			return nil, err
		}
	}
	origins := redirectOrigin(target)
	if len(origins) == 0 {
		return nil, nil
	}
	known, err := v.store.Clients.HasOrigin(r.Context(), v.project.Scope(), origins[0])
	if err != nil || !known {
		return nil, err
	}
	return origins, nil
}

func withQuery(path, query string) string {
	u := url.URL{RawQuery: query}
	return path + u.String()
}
