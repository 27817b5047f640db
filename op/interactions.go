package op

import (
	"net/http"

	"github.com/elloloop/identity/storage"
)

// Interactions is what the protocol needs of whoever speaks to people. The two
// share the stored authorization request, and never import each other.
type Interactions interface {
	// Silent answers the request from the browser's sessions and the stored
	// consents alone, without showing or storing a request. When nothing is needed of the
	// person it fills in Subject, SessionID, AuthTime, AMR, ACR and Done, and
	// returns "". Otherwise it returns what is needed: "login", "consent",
	// "select_account" or "interaction" (OIDC Core §3.1.2.6).
	Silent(r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest) (needed string, err error)

	// Begin stores the request, bound to this browser by a cookie, and returns
	// the URL of the page where the person goes on.
	Begin(w http.ResponseWriter, r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest) (location string, err error)

	// Resume returns the request with this id if this browser owns it and the
	// person is done with it: Done or Denied is set. storage.ErrNotFound if not,
	// storage.ErrConsumed if it was answered before.
	Resume(r *http.Request, p *storage.Project, id string) (*storage.AuthorizationRequest, error)

	// Sessions returns the live sessions of this browser, the current one first.
	Sessions(r *http.Request, p *storage.Project) ([]*storage.Session, error)

	// SignOut ends one session of this browser, with its grants and its cookie.
	SignOut(w http.ResponseWriter, r *http.Request, p *storage.Project, s *storage.Session) error

	// ConfirmSignOut returns the URL of the page that asks the person whether to
	// sign out. When they agreed, it ends their sessions on this browser and
	// comes back to the end session endpoint with the same query.
	ConfirmSignOut(p *storage.Project, query string) (location string)
}
