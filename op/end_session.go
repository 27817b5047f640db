package op

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/elloloop/identity/storage"
)

// endSession is the end session endpoint, GET and POST (OIDC RP-Initiated Logout
// §2, §3). It goes on to a post_logout_redirect_uri only with a valid
// id_token_hint of the client that registered the URI exactly. Without proof that
// the request comes of an application of this person, the person is asked first.
func (op *Provider) endSession(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err = ErrInvalidRequest.Say("the query cannot be parsed")
	} else if r.Method == http.MethodPost {
		values, _, err = formParams(r)
	}
	var ps params
	if err == nil {
		ps, err = newParams(values)
	}
	if err != nil {
		op.showError(w, r, p, nil, err)
		return
	}
	if done, err := op.endSessionAsGET(w, r, p, ps); done || err != nil {
		if err != nil {
			op.showError(w, r, p, nil, err)
		}
		return
	}
	end, err := op.checkEndSession(r, p, ps)
	if err != nil {
		op.pages.Error(w, r, p, ErrorPage{
			Status: http.StatusBadRequest, Code: asError(err).Code, Description: asError(err).Description,
			Sent: ps.get("post_logout_redirect_uri"), UILocales: ps.list("ui_locales"),
		})
		op.logError(r, asError(err))
		return
	}
	if err := op.signOut(w, r, p, end, values); err != nil {
		op.showError(w, r, p, nil, err)
	}
}

// ending is a checked request to sign out.
type ending struct {
	hint      *idTokenHint // nil: nobody proved whose session it is
	clientID  string       // of the application that asks, "" if that is not known
	location  string       // where to go after, "" for the page that says so
	uiLocales []string
	narrowed  bool // logout_hint says whom the question is about
}

func (op *Provider) checkEndSession(r *http.Request, p *storage.Project, ps params) (ending, error) {
	end := ending{uiLocales: ps.list("ui_locales"), narrowed: ps.get("logout_hint") != ""}
	clientID := ps.get("client_id")
	if raw := ps.get("id_token_hint"); raw != "" {
		hint, err := op.readIDTokenHint(r.Context(), p, raw)
		if err != nil {
			return end, err
		}
		if clientID != "" && !slices.Contains(hint.Audience, clientID) { // OIDC RP-Initiated Logout §2
			return end, ErrInvalidRequest.Say("client_id is not the client that id_token_hint was issued to")
		}
		end.hint = &hint
		if clientID == "" && len(hint.Audience) > 0 {
			clientID = hint.Audience[0]
		}
	}
	end.clientID = clientID
	uri := ps.get("post_logout_redirect_uri")
	if uri == "" {
		return end, nil
	}
	if end.hint == nil { // an open redirector otherwise
		return end, ErrInvalidRequest.Say("post_logout_redirect_uri needs an id_token_hint")
	}
	c, err := op.activeClient(r.Context(), p, clientID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !matchPostLogoutRedirectURI(c, uri) {
		return end, ErrInvalidRequest.Say("post_logout_redirect_uri is not one of those registered for this client; they are compared character by character")
	}
	if err != nil {
		return end, err
	}
	end.location = uri
	if state := ps.get("state"); state != "" { // OIDC RP-Initiated Logout §3
		end.location = withQuery(uri, []Field{{"state", state}})
	}
	return end, nil
}

func matchPostLogoutRedirectURI(c *storage.Client, uri string) bool {
	return slices.ContainsFunc(c.PostLogoutRedirectURIs, func(registered string) bool {
		return uri == registered || matchLoopback(c, registered, uri)
	})
}

func (op *Provider) signOut(w http.ResponseWriter, r *http.Request, p *storage.Project, end ending, values url.Values) error {
	sessions, err := op.interactions.Sessions(r, p)
	if err != nil {
		return err
	}
	var ended []*storage.Session
	departed := op.browsers.Departed(w, r, p) // by the answer to the question
	// Where the question was about one account, the others stay, and are no reason to
	// ask again.
	answered := end.narrowed && len(departed) > 0
	if len(sessions) > 0 {
		mine, err := op.hintedSession(r, p, sessions, end)
		if err != nil {
			return err
		}
		if mine == nil && !answered { // OIDC RP-Initiated Logout §2: ask
			redirect(w, op.interactions.ConfirmSignOut(p, values.Encode()))
			return nil
		}
		if mine != nil {
			if err := op.interactions.SignOut(w, r, p, mine); err != nil {
				return err
			}
			ended = append(ended, mine)
		}
	}
	return op.leave(w, r, p, end, append(ended, departed...))
}

// maxLogoutURL is the longest URL that a posted request is sent on as. An ID
// token is longer than what else comes by GET.
const maxLogoutURL = 8 << 10

// endSessionAsGET sends a form that another site posted on as a GET: the cookie
// that says who is signed in does not come with such a POST.
func (op *Provider) endSessionAsGET(w http.ResponseWriter, r *http.Request, p *storage.Project, ps params) (bool, error) {
	if r.Method != http.MethodPost || r.Header.Get("Sec-Fetch-Site") != "cross-site" {
		return false, nil
	}
	query := url.Values{}
	for name, value := range ps {
		query.Set(name, value)
	}
	location := issuerPath(p) + pathEndSession + "?" + query.Encode()
	if len(location) > maxLogoutURL { // nobody would be signed out, and it would look as if
		return false, ErrInvalidRequest.Say("the request is too long to be posted from another site")
	}
	redirect(w, location)
	return true, nil
}

// hintedSession returns the session that the hint is about: the same sid, or a
// later session of the same person on this browser. nil if there is none.
func (op *Provider) hintedSession(r *http.Request, p *storage.Project, sessions []*storage.Session, end ending) (*storage.Session, error) {
	if end.hint == nil {
		return nil, nil
	}
	for _, s := range sessions {
		if s.ID == end.hint.SessionID {
			return s, nil
		}
	}
	client, err := op.activeClient(r.Context(), p, end.clientID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range sessions {
		if sub, err := op.subject(r.Context(), p, client, s.UserID); err != nil || sub == end.hint.Subject {
			return s, err
		}
	}
	return nil, nil
}
