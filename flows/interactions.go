package flows

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/elloloop/identity/storage"
)

// The methods of this file are what the protocol calls; it declares them as an
// interface of its own.

// Silent answers a request from this browser's sessions and the stored consents
// alone. It returns "" and fills in the request when nothing is needed of the
// person, else "login", "consent", "select_account" or "interaction".
func (e *Engine) Silent(r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest) (string, error) {
	v, err := e.visit(r, p)
	if err != nil {
		return "", err
	}
	v.in = v.interaction(*ar)
	v.choose()
	f, err := e.next(r.Context(), v.in)
	switch {
	case err != nil:
		return "", err
	case f != nil:
		return required(f), nil
	case v.in.Request.Subject == "":
		return "login", nil
	case !met(&v.in.Request):
		return "interaction", nil
	}
	if lacks, err := v.lacks(r.Context(), v.in); err != nil || lacks {
		return "interaction", err
	}
	done := &v.in.Request
	ar.Subject, ar.SessionID, ar.AuthTime = done.Subject, done.SessionID, done.AuthTime
	ar.AMR, ar.ACR, ar.Done = done.AMR, done.ACR, true
	return "", nil
}

// Begin stores a request, bound to this browser by a cookie, and returns where
// the person goes on. It sets the row's id and end where they are not set.
func (e *Engine) Begin(w http.ResponseWriter, r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest) (string, error) {
	v, err := e.visit(r, p)
	if err != nil {
		return "", err
	}
	if ar.ID == "" {
		ar.ID = storage.NewID()
	}
	if ar.ExpiresAt.IsZero() {
		ar.ExpiresAt = v.now.Add(p.AuthorizationRequestTTL)
	}
	if v.browser == "" { // several tabs share one
		v.browser = storage.NewSecret()
	}
	ar.BrowserHash = storage.DigestOf(v.browser)
	v.in = v.interaction(*ar)
	if v.choose() {
		adopt(ar, v.account(v.in.Request.SessionID))
	}
	if err := e.store.AuthorizationRequests.Create(r.Context(), p.Scope(), ar); err != nil {
		return "", err
	}
	v.jar.set(w, browserCookie, v.browser, 0)
	return v.stepURL(ar.ID), nil
}

// Resume returns a request that this browser owns and the person is done with.
// storage.ErrNotFound if there is none, storage.ErrConsumed if it was answered.
func (e *Engine) Resume(r *http.Request, p *storage.Project, id string) (*storage.AuthorizationRequest, error) {
	v, err := e.open(r, p, id)
	switch {
	case errors.Is(err, errOtherBrowser), errors.Is(err, errExpired):
		if _, err := e.store.AuthorizationRequests.Get(r.Context(), p.Scope(), id); errors.Is(err, storage.ErrConsumed) {
			return nil, storage.ErrConsumed
		}
		return nil, storage.ErrNotFound
	case err != nil:
		return nil, err
	}
	if v.in.Request.ReturnTo != "" { // no client asked, so none is answered
		return nil, storage.ErrNotFound
	}
	// S3-19: the row says whether the policy is met, and nothing else does. A
	// session that ended meanwhile has taken Done back (repair).
	if req := v.in.Request; req.Denied == "" && !(req.Done && req.Subject != "") {
		return nil, storage.ErrNotFound
	}
	row := v.in.Request
	return &row, nil
}

// Sessions returns the live sessions of this browser, the current one first.
func (e *Engine) Sessions(r *http.Request, p *storage.Project) ([]*storage.Session, error) {
	v, err := e.visit(r, p)
	if err != nil {
		return nil, err
	}
	out := make([]*storage.Session, len(v.live))
	for i, a := range v.live {
		out[i] = a.Session
	}
	return out, nil
}

// SignOut ends one session of this browser, with its grants and its cookie.
func (e *Engine) SignOut(w http.ResponseWriter, r *http.Request, p *storage.Project, s *storage.Session) error {
	v, err := e.visit(r, p)
	if err != nil {
		return err
	}
	v.in = v.interaction(storage.AuthorizationRequest{})
	return v.signOut(w, r, []string{s.ID})
}

// ConfirmSignOut returns the page that asks the person whether to sign out.
func (e *Engine) ConfirmSignOut(p *storage.Project, query string) string {
	return withQuery(base(p)+"/logout", query)
}

func resumeURL(path, id string) string { return path + "?id=" + url.QueryEscape(id) }
