package op

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// Browsers is what the protocol needs to know of a browser beside its sessions.
type Browsers interface {
	// BrowserState returns the value that changes when somebody signs in or out
	// (OIDC Session Management §4.2), as the browser's script can read it. fresh
	// compares it with the sessions first, and mends the cookie.
	BrowserState(w http.ResponseWriter, r *http.Request, p *storage.Project, fresh bool) (string, error)

	// BrowserStateCookie names the cookie that holds it.
	BrowserStateCookie(p *storage.Project) string

	// Departed returns, once, the sessions that ended when the person agreed to
	// sign out, with their clients.
	Departed(w http.ResponseWriter, r *http.Request, p *storage.Project) []*storage.Session
}

// sessionState adds session_state to an authorization response (OIDC Session
// Management §2). A native application has no origin, so nothing to ask with.
func (op *Provider) sessionState(w http.ResponseWriter, r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest, fields []Field) []Field {
	origin := browserOrigin(ar.RedirectURI)
	if origin == "" || !slices.Contains(ar.Scope, scopeOpenID) {
		return fields
	}
	failed := slices.ContainsFunc(fields, func(f Field) bool { return f.Name == "error" })
	state, err := op.browsers.BrowserState(w, r, p, failed)
	if err != nil { // the response itself stands without it
		op.logError(r, asError(err))
		return fields
	}
	return append(fields, Field{"session_state", sessionStateOf(ar.ClientID, origin, state, storage.NewSecret()[:22])})
}

// sessionStateOf is the hash that the page at check_session_iframe computes too:
// templates/static/checksession.js.
func sessionStateOf(clientID, origin, browserState, salt string) string {
	sum := sha256.Sum256([]byte(clientID + " " + origin + " " + browserState + " " + salt))
	return hex.EncodeToString(sum[:]) + "." + salt
}

// browserOrigin is the origin of a URI as browsers write it (RFC 6454 §6.2), ""
// if it has none.
func browserOrigin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return ""
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		return scheme + "://" + strings.TrimSuffix(host, ":443")
	case "http":
		return scheme + "://" + strings.TrimSuffix(host, ":80")
	}
	return ""
}

// checkSession is the page that other sites hold in a frame to ask whether the
// session changed (OIDC Session Management §3.3).
func (op *Provider) checkSession(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	op.pages.CheckSession(w, r, p, op.browsers.BrowserStateCookie(p))
}
