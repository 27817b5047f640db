package op

import (
	"net/http"

	"github.com/elloloop/identity/storage"
)

// Pages shows the few pages that are the protocol's own. Whoever fills it in
// decides how they look; what must not be cached or framed is its business too.
type Pages interface {
	// Error shows an error that must not be sent to the client
	// (RFC 6749 §4.1.2.1).
	Error(w http.ResponseWriter, r *http.Request, p *storage.Project, e ErrorPage)
	// FormPost sends an authorization response by a form that posts itself
	// (OAuth 2.0 Form Post Response Mode §2).
	FormPost(w http.ResponseWriter, r *http.Request, p *storage.Project, action string, fields []Field)
	// LoggedOut says that the person is signed out (OIDC RP-Initiated Logout §3).
	LoggedOut(w http.ResponseWriter, r *http.Request, p *storage.Project, uiLocales []string)
	// FrontChannelLogout tells clients in frames that the person signed out, waits
	// for a short time, and goes on, with and without script (OIDC Front-Channel
	// Logout §3).
	FrontChannelLogout(w http.ResponseWriter, r *http.Request, p *storage.Project, f FrontChannelPage)
	// CheckSession is the page that compares session_state with the cookie of this
	// name (OIDC Session Management §3.3): the one page that any site may frame.
	CheckSession(w http.ResponseWriter, r *http.Request, p *storage.Project, cookie string)
	// Home is the page at the issuer itself.
	Home(w http.ResponseWriter, r *http.Request, p *storage.Project)
}

// ErrorPage is what an error page says.
type ErrorPage struct {
	Status      int
	Code        string   // OAuth error code
	Description string   // for the developer: what to mend
	Sent        string   // the value that was refused, such as the redirect URI
	Expired     bool     // the request is over: start again at the application
	UILocales   []string // of the request, if it had any
}

// Field is one parameter of a response.
type Field struct{ Name, Value string }
