package projects

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/elloloop/identity/storage"
)

// prefix begins the path of a project that has no host of its own.
const prefix = "/p/"

// wellKnown are the documents whose URL has the issuer's path behind it
// (RFC 8414 §3.1). The other form, below the issuer, is that of OIDC Discovery §4.
var wellKnown = [...]string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}

// address is where a request was sent to.
type address struct {
	host string // a domain of the project, "": the deployment's
	base string // the path of the project's issuer
	path string // what follows it
	raw  string // path as it was escaped, if that is another; see url.URL
}

// cut takes the project's part out of the path.
func (a address) cut() (id string, below address, ok bool) {
	for _, document := range wellKnown {
		if rest, found := strings.CutPrefix(a.path, document+prefix); found {
			id := strings.TrimSuffix(rest, "/")
			return id, address{base: prefix + id, path: document}, isID(id) && a.raw == ""
		}
	}
	rest, ok := strings.CutPrefix(a.path, prefix)
	if !ok {
		return "", a, false
	}
	id, _, _ = strings.Cut(rest, "/")
	below = address{base: prefix + id, path: strings.TrimPrefix(a.path, prefix+id)}
	if a.raw != "" { // the prefix itself has one spelling
		if below.raw, ok = strings.CutPrefix(a.raw, below.base); !ok {
			return "", a, false
		}
	}
	if below.path == "" {
		below.path = "/"
	}
	return id, below, isID(id)
}

// within is the request as the project's own routes see it.
func (a address) within(r *http.Request, p *storage.Project) *http.Request {
	if a.base != "" {
		inside, u := *r, *r.URL
		u.Path, u.RawPath = a.path, a.raw
		inside.URL, r = &u, &inside
	}
	r.SetPathValue(found, p.ID)
	return r
}

// isID says whether a project can have this id: see GATEWAY_DEFAULT_PROJECT_ID.
func isID(id string) bool {
	if len(id) == 0 || len(id) > 63 || id[0] == '-' || id[0] == '_' {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// hostOnly is a Host header without its port, in lower case.
func hostOnly(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		header = host
	}
	return strings.ToLower(strings.TrimSuffix(header, "."))
}

func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil { // never: the issuer was checked when it was configured
		return ""
	}
	return hostOnly(u.Host)
}

func pathOf(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

// couldBeDomain says whether it is worth asking for a host. Addresses are none.
func couldBeDomain(host string) bool {
	if len(host) > 253 || !strings.Contains(host, ".") {
		return false
	}
	for _, c := range []byte(host) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.':
		default:
			return false
		}
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}
