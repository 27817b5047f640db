package flows

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// The cookies, each without its prefix.
const (
	browserCookie = "identity_browser" // binds authorization requests to one browser
	sessionCookie = "identity_session" // secrets of sessions, the current one first
	deviceCookie  = "identity_device"  // accounts that signed in here before
	trustCookie   = "identity_trust"   // accounts whose second factor is not asked here for some time
	stateCookie   = "identity_state"   // changes when somebody signs in or out; script of ours reads it
	leftCookie    = "identity_left"    // sessions that ended a moment ago, whose clients are told in frames
)

const (
	maxAccounts  = 5  // accounts of one browser, in each cookie
	secretLength = 43 // of storage.NewSecret
	deviceLife   = 365 * 24 * time.Hour
)

// jar reads and writes the cookies of one project.
type jar struct {
	prefix, suffix string
	secure         bool
}

// cookies returns the jar of a project. A cookie with the __Host- prefix can't be
// set by a sibling domain or over http (S1-18). Only an http issuer, which
// development on loopback alone has, goes without. Projects that share a host,
// told apart by the issuer's path, have cookies of their own.
func cookies(p *storage.Project) jar {
	u, err := url.Parse(p.Issuer)
	if err != nil { // never: the issuer was checked when it was configured
		u = &url.URL{}
	}
	if u.Scheme == "http" {
		return jar{suffix: shard(p, u)}
	}
	return jar{prefix: "__Host-", secure: true, suffix: shard(p, u)}
}

func shard(p *storage.Project, issuer *url.URL) string {
	if strings.Trim(issuer.Path, "/") == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(p.ID))
	return "_" + hex.EncodeToString(sum[:8])
}

func (j jar) name(cookie string) string { return j.prefix + cookie + j.suffix }

// get returns a cookie's value, "" when there is none. Where a name comes twice
// nothing is believed: one of the two is not ours.
func (j jar) get(r *http.Request, cookie string) string {
	found := r.CookiesNamed(j.name(cookie))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// set sends a cookie. life 0 is until the browser is closed; value "" removes it.
func (j jar) set(w http.ResponseWriter, cookie, value string, life time.Duration) {
	c := &http.Cookie{
		Name: j.name(cookie), Value: value, Path: "/",
		Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if cookie == stateCookie { // read by the page of check_session_iframe, in a frame of another site
		c.HttpOnly = false
		if j.secure {
			c.SameSite = http.SameSiteNoneMode
		}
	}
	switch {
	case value == "":
		c.MaxAge = -1
	case life > 0:
		c.MaxAge = int(life / time.Second)
	}
	// Of several steps of one answer the last word counts.
	kept := w.Header()["Set-Cookie"][:0]
	for _, line := range w.Header()["Set-Cookie"] {
		if !strings.HasPrefix(line, c.Name+"=") {
			kept = append(kept, line)
		}
	}
	w.Header()["Set-Cookie"] = append(kept, c.String())
	w.Header().Set("Cache-Control", "no-store")
}

// parseSecret returns the value if it can be one that storage.NewSecret made.
func parseSecret(value string) string {
	if len(value) != secretLength || !base64url(value) {
		return ""
	}
	return value
}

// parseSecrets returns the session secrets of a cookie, at most maxAccounts,
// each once. What is malformed is left out.
func parseSecrets(value string) []string {
	if len(value) > maxAccounts*(secretLength+1) {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for part := range strings.SplitSeq(value, ".") {
		if s := parseSecret(part); s != "" && !seen[s] && len(out) < maxAccounts {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func base64url(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
