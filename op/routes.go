package op

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/storage"
)

// The paths of the endpoints, after the issuer.
const (
	pathDiscovery    = "/.well-known/openid-configuration"       // OIDC Discovery §4
	pathOAuthServer  = "/.well-known/oauth-authorization-server" // RFC 8414 §3
	pathJWKS         = "/.well-known/jwks.json"
	pathAuthorize    = "/authorize"
	pathResume       = "/authorize/resume"
	pathToken        = "/oauth/token"
	pathIntrospect   = "/oauth/introspect"
	pathRevoke       = "/oauth/revoke"
	pathUserinfo     = "/userinfo"
	pathEndSession   = "/end_session"
	pathCheckSession = "/check_session"
	pathRegister     = "/register"
)

// The two ends of the thread that the flows hold: where they send the browser
// when a request is answered, and when the person agreed to sign out.
const (
	PathResume     = pathResume
	PathEndSession = pathEndSession
)

// endpoint is a handler that knows its project.
type endpoint func(w http.ResponseWriter, r *http.Request, p *storage.Project)

// Mount adds every endpoint to a router.
func (op *Provider) Mount(r chi.Router) {
	r.Group(func(r chi.Router) { // anybody may read these from any page
		r.Use(corsPublic)
		for _, path := range []string{pathDiscovery, pathDiscovery + "/", "/" + pathDiscovery, pathOAuthServer} {
			op.handle(r, path, op.discovery, http.MethodGet, http.MethodHead)
		}
		op.handle(r, pathJWKS, op.jwks, http.MethodGet, http.MethodHead)
	})
	r.Group(func(r chi.Router) {
		r.Use(op.corsClients)
		op.handle(r, pathToken, op.token, http.MethodPost)
		op.handle(r, pathIntrospect, op.introspect, http.MethodPost)
		op.handle(r, pathRevoke, op.revoke, http.MethodPost)
		op.handle(r, pathUserinfo, op.userinfo, http.MethodGet, http.MethodPost)
	})
	r.Group(func(r chi.Router) {
		r.Use(op.corsRegistration)
		op.handle(r, pathRegister, op.register, http.MethodPost)
		op.handle(r, pathRegister+"/{client_id}", op.registered, http.MethodGet, http.MethodPut, http.MethodDelete)
	})
	op.handle(r, pathAuthorize, op.authorize, http.MethodGet, http.MethodPost)
	op.handle(r, pathResume, op.resume, http.MethodGet)
	op.handle(r, pathEndSession, op.endSession, http.MethodGet, http.MethodPost)
	op.handle(r, pathCheckSession, op.checkSession, http.MethodGet)
	op.handle(r, "/", op.pages.Home, http.MethodGet)
}

// handle serves a path with these methods, and says so for others.
func (op *Provider) handle(r chi.Router, path string, e endpoint, methods ...string) {
	h := op.withProject(e)
	r.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
		for _, m := range methods {
			if req.Method == m {
				h(w, req)
				return
			}
		}
		w.Header().Set("Allow", strings.Join(methods, ", "))
		if req.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		writeJSON(w, http.StatusMethodNotAllowed, errorResponse{
			ErrInvalidRequest.Code, "this endpoint is called by " + strings.Join(methods, " or "),
		})
	})
}

// withProject finds the project of the request.
func (op *Provider) withProject(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := op.projects(r)
		switch {
		case err == nil:
			e(w, r, p)
		case errors.Is(err, storage.ErrNotFound):
			writeJSON(w, http.StatusNotFound, errorResponse{ErrInvalidRequest.Code, "there is no project at this address"})
		default:
			op.writeError(w, r, nil, err)
		}
	}
}

// issuerPath is the path of the project's issuer, "" for most. What is below it
// comes here without it.
func issuerPath(p *storage.Project) string {
	_, rest, _ := strings.Cut(p.Issuer, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

// remoteHost returns the address of the peer, which a trusted proxy in front may
// have set before the request came here.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// cut keeps what a stranger sends from filling the log.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
