package conformance

import (
	"testing"
)

func oidccRegisteredRedirectURI(t *testing.T, w *world) {
	b := member(t, w)
	b.errorPage(b.get(w.authorizeURL(w.request(w.web, "redirect_uri", "https://web.example.test/unregistered"))), 400)
}

func oidccRedirectURIMissing(t *testing.T, w *world) {
	b := member(t, w)
	b.errorPage(b.get(w.authorizeURL(w.request(w.native, "redirect_uri", ""))), 400)
	b.errorPage(b.get(w.authorizeURL(w.request(w.web, "redirect_uri", ""))), 400)
}

func oidccRedirectURIQueryOK(t *testing.T, w *world) {
	resp := member(t, w).authorize(w.request(w.other))
	if resp.Get("fixed") != "1" || resp.Get("code") == "" {
		t.Errorf("fixed is %q", resp.Get("fixed"))
	}
}

func redirectURIModule(query string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		b := member(t, w)
		b.errorPage(b.get(w.authorizeURL(w.request(w.other, "redirect_uri", "https://other.example.test/callback"+query))), 400)
	}
}

// TestRedirectURI is S1-01 and S1-02, and RFC 8252 §7.3.
func TestRedirectURI(t *testing.T) {
	w := shared(t)
	b := member(t, w)
	for name, uri := range map[string]string{
		"S1-01/host-case":         "https://WEB.example.test/callback",
		"S1-01/path-case":         "https://web.example.test/Callback",
		"S1-01/scheme-case":       "HTTPS://web.example.test/callback",
		"S1-01/scheme-http":       "http://web.example.test/callback",
		"S1-01/slash":             "https://web.example.test/callback/",
		"S1-01/two-slashes":       "https://web.example.test//callback",
		"S1-01/port-default":      "https://web.example.test:443/callback",
		"S1-01/port":              "https://web.example.test:8443/callback",
		"S1-01/userinfo":          "https://web.example.test@evil.example.test/callback",
		"S1-01/userinfo-empty":    "https://@web.example.test/callback",
		"S1-01/dots":              "https://web.example.test/x/../callback",
		"S1-01/dots-encoded":      "https://web.example.test/x/%2e%2e/callback",
		"S1-01/encoded":           "https://web.example.test/%63allback",
		"S1-01/fragment":          "https://web.example.test/callback#x",
		"S1-01/fragment-empty":    "https://web.example.test/callback#",
		"S1-01/query":             "https://web.example.test/callback?x=y",
		"S1-01/query-empty":       "https://web.example.test/callback?",
		"S1-01/dot-at-end":        "https://web.example.test./callback",
		"S1-01/prefix":            "https://web.example.test/callback.evil.example.test",
		"S1-01/sub-domain":        "https://evil.web.example.test/callback",
		"S1-01/suffix-of-host":    "https://web.example.test.evil.example.test/callback",
		"S1-01/look-alike":        "https://wеb.example.test/callback", // Cyrillic е
		"S1-01/look-alike-xn":     "https://xn--wb-mlc.example.test/callback",
		"S1-01/backslash":         `https://web.example.test\@evil.example.test/callback`,
		"S1-01/space":             "https://web.example.test/callback ",
		"S1-01/tab":               "https://web.example.test/call\tback",
		"S1-01/line-break":        "https://web.example.test/callback\r\nX: y",
		"S1-01/NUL":               "https://web.example.test/callback\x00",
		"S1-01/javascript":        "javascript:alert(document.domain)",
		"S1-01/javascript-as-url": "javascript://web.example.test/callback%0aalert(1)",
		"S1-01/data":              "data:text/html,<script>alert(1)</script>",
		"S1-01/relative":          "/callback",
		"S1-01/no-scheme":         "//web.example.test/callback",
		"S1-01/empty-host":        "https:///callback",
		"S1-01/wildcard":          "https://*.example.test/callback",
		"S1-01/another-client's":  "https://other.example.test/callback?fixed=1",
	} {
		t.Run(name, func(t *testing.T) {
			for _, pairs := range [][]string{nil, {"prompt", "none"}, {"response_mode", "form_post"}} {
				r := w.request(w.web, pairs...)
				r.Set("redirect_uri", uri)
				b.t = t
				b.errorPage(b.get(w.authorizeURL(r)), 400)
			}
		})
	}
	b.t = t
	for name, c := range map[string]struct {
		uri string
		ok  bool
	}{
		"RFC8252-7.3/any-port":              {"http://127.0.0.1:51004/callback", true},
		"RFC8252-7.3/no-port":               {"http://127.0.0.1/callback", true},
		"RFC8252-7.3/any-port-ipv6":         {"http://[::1]:51004/callback", true},
		"RFC8252-7.3/other-path":            {"http://127.0.0.1:51004/other", false},
		"RFC8252-7.3/other-loopback":        {"http://127.0.0.2:51004/callback", false},
		"RFC8252-7.3/https":                 {"https://127.0.0.1:51004/callback", false},
		"RFC8252-7.3/query-added":           {"http://127.0.0.1:51004/callback?x=y", false},
		"RFC8252-7.3/look-alike":            {"http://127.0.0.1.example.test:51004/callback", false},
		"RFC8252-7.3/userinfo":              {"http://127.0.0.1:51004@evil.example.test/callback", false},
		"RFC8252-7.3/number":                {"http://2130706433:51004/callback", false},
		"RFC8252-7.3/port-no-number":        {"http://127.0.0.1:x/callback", false},
		"RFC8252-8.3/localhost-exact":       {"http://localhost:8400/callback", true},
		"RFC8252-8.3/localhost-other-port":  {"http://localhost:8401/callback", false},
		"RFC8252-8.3/localhost-look-alike":  {"http://localhost.example.test:8400/callback", false},
		"RFC8252-7.1/private-scheme":        {"com.example.app:/callback", true},
		"RFC8252-7.1/private-scheme-slash3": {"com.example.app:///callback", false},
		"RFC8252-7.1/private-scheme-other":  {"com.example.other:/callback", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := member(t, w)
			r := w.request(w.native, "redirect_uri", c.uri)
			p := b.get(w.authorizeURL(r))
			if !c.ok {
				b.errorPage(p, 400)
				return
			}
			if p = b.finish(p); p.callback == nil {
				t.Errorf("refused: %s", p.text())
			}
		})
	}
	for name, uri := range map[string]string{
		"S1-02/wildcard-host": "https://*.example.test/callback", "S1-02/wildcard-path": "https://web.example.test/*",
		"S1-02/fragment": "https://web.example.test/callback#", "S1-02/javascript": "javascript:alert(1)",
		"S1-02/data": "data:text/html,x", "S1-02/relative": "/callback", "S1-02/userinfo": "https://a:b@web.example.test/",
		"S1-02/dots": "https://web.example.test/../callback",
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := w.another("refused", "--preset", "web", "--redirect-uri", uri); err == nil {
				t.Errorf("%s was registered for %s", uri, c.ID)
			}
		})
	}
}

// TestUnprovenClient is S1-03: without a client and its redirect URI nothing is
// redirected, and the page says nothing of others.
func TestUnprovenClient(t *testing.T) {
	w := shared(t)
	for name, pairs := range map[string][]string{
		"S1-03/unknown-client":     {"client_id", "nobody"},
		"S1-03/no-client":          {"client_id", ""},
		"S1-03/client-id-markup":   {"client_id", `"><script>alert(1)</script>`},
		"S1-03/redirect-of-nobody": {"client_id", "nobody", "redirect_uri", "https://evil.example.test/"},
		"S1-03/machine-has-none":   {"client_id", "machine"},
	} {
		t.Run(name, func(t *testing.T) {
			b := member(t, w)
			p := b.get(w.authorizeURL(w.request(w.web, pairs...)))
			b.errorPage(p, 400)
			for _, other := range []string{otherRedirect, spaOrigin, w.other.ID + ".example"} {
				if s := p.text(); len(s) > 0 && contains(s, other) {
					t.Errorf("the page names %s", other)
				}
			}
			if !requestID.MatchString(p.text()) {
				t.Errorf("the page has no request id: %s", p.text())
			}
		})
	}
	t.Run("S1-03/post", func(t *testing.T) {
		b := member(t, w)
		b.errorPage(b.post(w.issuer+"/authorize", w.request(w.web, "client_id", "nobody").Values, "https://web.example.test"), 400)
	})
}
