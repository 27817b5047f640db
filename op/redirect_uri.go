package op

import (
	"net/url"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

const maxURILength = 2048

// matchRedirectURI says whether the redirect URI that was sent is one of the
// client's: the same string, character by character (RFC 9700 §2.1, §4.1.3).
// The one exception is the port of a loopback address (RFC 8252 §7.3).
func matchRedirectURI(c *storage.Client, sent string) bool {
	if forbiddenRedirectURI(sent) != "" {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return sent == registered || matchLoopback(c, registered, sent)
	})
}

// matchLoopback compares two loopback URIs, and leaves out the port. Both are
// taken apart as strings: what is left of them is compared as it is.
func matchLoopback(c *storage.Client, registered, sent string) bool {
	host := loopbackHost(registered)
	if !anyPort(c, host) || loopbackHost(sent) != host {
		return false
	}
	prefix := "http://" + host
	a, okA := cutPort(strings.TrimPrefix(registered, prefix))
	b, okB := cutPort(strings.TrimPrefix(sent, prefix))
	return okA && okB && a == b && forbiddenRedirectURI(registered) == ""
}

// anyPort says whether the client may use any port of this host. RFC 8252 §7.3
// gives it to native clients for the two addresses; §8.3 advises against the
// name, which another program may make resolve elsewhere.
func anyPort(c *storage.Client, host string) bool {
	switch host {
	case "127.0.0.1", "[::1]":
		return c.ApplicationType == "native" || c.InsecureAnyLocalhostPort
	case "localhost":
		return c.InsecureAnyLocalhostPort
	}
	return false
}

// loopbackHost returns the loopback host of an http URI, as it is written; "" if
// it has another scheme or host. What follows the host is its end: a port, a
// path, a query or nothing, so that 127.0.0.1.example.com is none.
func loopbackHost(uri string) string {
	rest, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		return ""
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		if after, ok := strings.CutPrefix(rest, host); ok && (after == "" || strings.IndexByte(":/?", after[0]) >= 0) {
			return host
		}
	}
	return ""
}

// cutPort removes a leading port. Its number, if there is one, has to be one.
func cutPort(rest string) (string, bool) {
	after, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return rest, true
	}
	end := strings.IndexAny(after, "/?")
	if end < 0 {
		end = len(after)
	}
	return after[end:], isPort(after[:end])
}

func isPort(s string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' {
		return false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

// forbiddenRedirectURI says what of a URI is allowed for no client, "" if
// nothing is. It is asked before a URI is registered and before one is compared.
func forbiddenRedirectURI(uri string) string {
	switch {
	case uri == "":
		return "is empty"
	case len(uri) > maxURILength:
		return "is longer than 2048 characters"
	case strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "has a space or a control character"
	case strings.ContainsFunc(uri, func(r rune) bool { return r > 0x7f }):
		return "has characters that are not ASCII: write the host in its xn-- form and the path percent-encoded"
	case strings.ContainsAny(uri, "\\\"<>^`{|}"):
		return "has a character that no URI may have (RFC 3986 §2)"
	case strings.Contains(uri, "*"):
		return "has a wildcard: each redirect URI is registered exactly"
	case strings.Contains(uri, "#"):
		return "has a fragment (RFC 6749 §3.1.2)"
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return "is no URI (RFC 3986)"
	case u.Scheme == "":
		return "is not absolute: it has no scheme (RFC 6749 §3.1.2)"
	case u.User != nil || strings.Contains(u.Host, "@"):
		return "has user information before its host"
	case slices.Contains([]string{"javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source", "jar", "mailto", "tel"}, u.Scheme):
		return "has the scheme " + u.Scheme + ", which a browser must not be sent to"
	case (u.Scheme == "http" || u.Scheme == "https") && (u.Opaque != "" || u.Hostname() == ""):
		return "has no host"
	case u.Port() != "" && !isPort(u.Port()) || strings.HasSuffix(u.Host, ":"):
		return "has a port that is no number from 1 to 65535"
	case hasDotSegment(u):
		return "has a . or .. segment in its path"
	}
	return ""
}

// hasDotSegment finds . and .., also where they are percent-encoded: a browser
// resolves them, and the string would no longer say where it leads.
func hasDotSegment(u *url.URL) bool {
	path := u.Path
	if u.Opaque != "" {
		path, _ = url.PathUnescape(u.Opaque)
	}
	for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// redirectURIHint says by what kind of difference the redirect URI that was sent
// misses a registered one, for a developer at an error page. It names nothing
// that is registered. "" when it is not near to any.
func redirectURIHint(c *storage.Client, sent string) string {
	if why := forbiddenRedirectURI(sent); why != "" {
		return "it " + why
	}
	s, err := url.Parse(sent)
	if err != nil {
		return ""
	}
	best := ""
	for _, registered := range c.RedirectURIs {
		r, err := url.Parse(registered)
		if err != nil {
			continue
		}
		switch {
		case strings.TrimSuffix(sent, "/") == strings.TrimSuffix(registered, "/"):
			return "it differs from a registered one by the slash at its end"
		case strings.EqualFold(sent, registered):
			return "it differs from a registered one by upper and lower case"
		case strings.TrimPrefix(sent, s.Scheme) == strings.TrimPrefix(registered, r.Scheme):
			return "it differs from a registered one by its scheme"
		case s.Hostname() == r.Hostname() && s.Scheme == r.Scheme && s.Port() != r.Port() && s.RequestURI() == r.RequestURI():
			return "it differs from a registered one by its port"
		case isLocal(s.Hostname()) && isLocal(r.Hostname()) && s.RequestURI() == r.RequestURI():
			return "it differs from a registered one by the way the loopback host is written: localhost, 127.0.0.1 and [::1] are three"
		case s.Scheme == r.Scheme && s.Host == r.Host && s.Path == r.Path:
			best = "it differs from a registered one by its query"
		case s.Scheme == r.Scheme && s.Host == r.Host && best == "":
			best = "it differs from a registered one by its path"
		}
	}
	return best
}

func isLocal(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
