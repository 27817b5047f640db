package storage

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// RelyingParty says whether pages of a host may use a relying party id
// (WebAuthn L3 §5.1.3): it is the host, or a domain above it that somebody can have.
// A public suffix is above the sites of strangers.
func RelyingParty(host, id string) error {
	if host == id {
		return nil
	}
	if !Under(host, id) {
		return fmt.Errorf("is neither %s, the host of the issuer, nor a domain above it", host)
	}
	if suffix, _ := publicsuffix.PublicSuffix(id); suffix == id {
		return errors.New("is a public suffix, which is nobody's own")
	}
	return nil
}

// Under says whether a host is a domain or one below it.
func Under(host, domain string) bool {
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

// WebOrigin takes an origin apart: https, or http on this machine. No path, no query.
func WebOrigin(s string) (host string, ok bool) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme+"://"+u.Host != s {
		return "", false
	}
	host = u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return host, u.Scheme == "https" || u.Scheme == "http" && local
}
