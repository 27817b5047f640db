package op

import (
	"net/http"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// corsPublic lets every web page read: discovery and the JWKS are public
// (Fetch §3.2). Never with credentials.
func corsPublic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions { // a preflight (Fetch §3.2.2): never authenticated
			h.Set("Access-Control-Allow-Methods", "GET, HEAD")
			h.Set("Access-Control-Allow-Headers", "*")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", "ETag")
		next.ServeHTTP(w, r)
	})
}

// corsClients lets the web pages of the project's clients call: an origin that is
// registered, exactly, or that the project allows. Never with credentials: who
// calls is said by the request, not by a cookie. The headers are set before next
// runs, so that its errors carry them too and the page can read them.
func (op *Provider) corsClients(next http.Handler) http.Handler {
	return cors(next, op.allowsOrigin)
}

// corsRegistration lets the pages of an application register it where everybody
// may register: there its origin is not known yet. Elsewhere it is as corsClients.
func (op *Provider) corsRegistration(next http.Handler) http.Handler {
	return cors(next, func(r *http.Request, origin string) bool {
		p, err := op.projects(r)
		open := err == nil && p.Registration == storage.RegistrationOpen && isWebOrigin(origin) && len(r.Header.Values("Origin")) == 1
		return open || op.allowsOrigin(r, origin)
	})
}

func cors(next http.Handler, allows func(r *http.Request, origin string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin") // also without one: a shared cache must not mix the answers
		origin := r.Header.Get("Origin")
		allowed := origin != "" && allows(r, origin)
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
		}
		if r.Method == http.MethodOptions { // a preflight (Fetch §3.2.2): never authenticated
			h.Add("Vary", "Access-Control-Request-Method")
			h.Add("Vary", "Access-Control-Request-Headers")
			if allowed {
				h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE") // each endpoint takes its own of them
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
				h.Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if allowed {
			h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce, Retry-After")
		}
		next.ServeHTTP(w, r)
	})
}

func (op *Provider) allowsOrigin(r *http.Request, origin string) bool {
	if !isWebOrigin(origin) || len(r.Header.Values("Origin")) != 1 {
		return false
	}
	p, err := op.projects(r)
	if err != nil {
		return false // next answers that there is no such project
	}
	if slices.Contains(p.AllowedOrigins, origin) {
		return true
	}
	for _, o := range []string{origin, anyPortOrigin(origin)} {
		if o == "" {
			continue
		}
		has, err := op.clients.hasOrigin(r.Context(), p, o)
		if err != nil {
			op.log.WarnContext(r.Context(), "CORS: origins can't be read, none is allowed", "error", err)
			return false
		}
		if has {
			return true
		}
	}
	return false
}

// anyPortOrigin returns the marker that stands for every port of a loopback
// origin, "" if it is none.
func anyPortOrigin(origin string) string {
	if host := loopbackHost(origin); host != "" {
		return "http://" + host + ":*"
	}
	return ""
}

// ClientOrigins returns the origins that the client's pages call from, for
// storage.Clients.Create and Replace: those of its http and https redirect URIs,
// and its web_origins. Where any port is allowed the port is "*".
func ClientOrigins(c *storage.Client) []string {
	var origins []string
	for _, uri := range c.RedirectURIs {
		if forbiddenRedirectURI(uri) != "" {
			continue
		}
		if host := loopbackHost(uri); anyPort(c, host) {
			origins = append(origins, "http://"+host+":*")
		} else if o := originOf(uri); o != "" {
			origins = append(origins, o)
		}
	}
	for _, o := range c.WebOrigins {
		if isWebOrigin(o) {
			origins = append(origins, o)
		}
	}
	slices.Sort(origins)
	return slices.Compact(origins)
}

// originOf returns the origin of a URI as a browser writes it (RFC 6454 §6.2):
// lower case, without the scheme's own port.
func originOf(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "http" && scheme != "https" {
		return ""
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	host := strings.ToLower(rest)
	if scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	if o := scheme + "://" + host; isWebOrigin(o) {
		return o
	}
	return ""
}

// isWebOrigin says whether s is an origin as a browser sends it:
// scheme://host[:port], lower case, nothing more. "null" is none.
func isWebOrigin(s string) bool {
	if len(s) > maxURILength || forbiddenRedirectURI(s) != "" {
		return false
	}
	scheme, host, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" || host == "" {
		return false
	}
	if strings.ContainsAny(host, "/?#@%ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		return false
	}
	return scheme == "http" && !strings.HasSuffix(host, ":80") || scheme == "https" && !strings.HasSuffix(host, ":443")
}
