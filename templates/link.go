package templates

import (
	"net"
	"net/url"
	"strings"
)

// safeLink returns the URL if a person may be offered it as a link: absolute,
// http or https, without credentials. Otherwise "": javascript: and data: are
// the classic ways in through client metadata.
func safeLink(raw string) string {
	u := parseWeb(raw)
	if u == nil {
		return ""
	}
	return u.String()
}

// safeImage returns the URL if it may be shown as an image: https, or http on a
// loopback address for development.
func safeImage(raw string) string {
	u := parseWeb(raw)
	if u == nil || (u.Scheme == "http" && !loopback(u.Hostname())) {
		return ""
	}
	return u.String()
}

func parseWeb(raw string) *url.URL {
	// Browsers strip tabs and newlines inside a URL, and read \ as /.
	if raw == "" || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return nil
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return u
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// localPath reports whether p is an absolute path on this host.
func localPath(p string) bool {
	return strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "//") && !strings.ContainsAny(p, "\\\t\r\n")
}

// source returns the Content-Security-Policy source that covers the URL: its
// origin, or its scheme alone where there is no origin that the grammar of
// CSP3 §2.3.1 can say (custom schemes of native applications, IPv6 addresses).
// "" if nothing may be allowed.
func source(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || !schemeChars(u.Scheme) {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "javascript", "data", "vbscript", "blob", "filesystem", "about":
		return ""
	case "http", "https":
		if u.Host == "" || strings.Contains(u.Host, "[") {
			return u.Scheme + ":"
		}
		if !hostChars(u.Host) {
			return ""
		}
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}

func schemeChars(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+-.", r))
	})
}

// hostChars keeps everything out of the header that could end the directive or
// widen it: spaces, ";", ",", quotes and "*".
func hostChars(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._:", r))
	})
}
