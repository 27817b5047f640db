package op

import (
	"net/url"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// TestMatchRedirectURI tries every form of S1-01 against what is registered.
func TestMatchRedirectURI(t *testing.T) {
	web := &storage.Client{ApplicationType: "web", RedirectURIs: []string{
		"https://rp.example/cb", "https://rp.example/cb?a=1", "https://rp.example:8443/cb", "http://localhost:3000/cb", "http://127.0.0.1:3000/cb",
	}}
	native := &storage.Client{ApplicationType: "native", RedirectURIs: []string{
		"http://127.0.0.1/cb", "http://[::1]:1234/cb", "http://localhost/cb", "com.example.app:/cb",
	}}
	local := &storage.Client{ApplicationType: "web", InsecureAnyLocalhostPort: true, RedirectURIs: []string{"http://localhost:3000/cb"}}
	// What storage would never hold: the match does not rely on it.
	corrupt := &storage.Client{ApplicationType: "native", InsecureAnyLocalhostPort: true, RedirectURIs: []string{
		"https://*.rp.example/cb", "javascript:alert(1)", "data:text/html,x", "https://rp.example/cb#x", "https://u@rp.example/cb",
		"https://rp.example/a/../cb", "http://localhost/a/../cb", "",
	}}
	for _, test := range []struct {
		name   string
		client *storage.Client
		sent   string
		want   bool
	}{
		{"exact", web, "https://rp.example/cb", true},
		{"exact-query", web, "https://rp.example/cb?a=1", true},
		{"exact-port", web, "https://rp.example:8443/cb", true},
		{"exact-localhost", web, "http://localhost:3000/cb", true},
		{"exact-private-scheme", native, "com.example.app:/cb", true},

		{"empty", web, "", false},
		{"case-of-scheme", web, "HTTPS://rp.example/cb", false},
		{"case-of-host", web, "https://RP.example/cb", false},
		{"case-of-path", web, "https://rp.example/CB", false},
		{"trailing-slash", web, "https://rp.example/cb/", false},
		{"missing-path", web, "https://rp.example", false},
		{"prefix", web, "https://rp.example/cb/evil", false},
		{"prefix-of-host", web, "https://rp.example.evil.example/cb", false},
		{"default-port", web, "https://rp.example:443/cb", false},
		{"other-port", web, "https://rp.example:8444/cb", false},
		{"scheme", web, "http://rp.example/cb", false},
		{"userinfo", web, "https://rp.example@evil.example/cb", false},
		{"userinfo-empty", web, "https://@rp.example/cb", false},
		{"dot-dot", web, "https://rp.example/x/../cb", false},
		{"dot", web, "https://rp.example/./cb", false},
		{"dot-dot-encoded", web, "https://rp.example/x/%2e%2e/cb", false},
		{"encoded-path", web, "https://rp.example/%63b", false},
		{"encoded-slash", web, "https://rp.example%2fcb", false},
		{"fragment", web, "https://rp.example/cb#x", false},
		{"fragment-empty", web, "https://rp.example/cb#", false},
		{"extra-query", web, "https://rp.example/cb?x=1", false},
		{"extra-query-empty", web, "https://rp.example/cb?", false},
		{"extra-parameter", web, "https://rp.example/cb?a=1&b=2", false},
		{"idn-look-alike", web, "https://rp.exаmple/cb", false}, // Cyrillic а
		{"idn-full-stop", web, "https://rp。example/cb", false},
		{"javascript", web, "javascript:alert(1)//https://rp.example/cb", false},
		{"data", web, "data:text/html,<script>x</script>", false},
		{"backslash", web, `https://rp.example\@evil.example/cb`, false},
		{"space-before", web, " https://rp.example/cb", false},
		{"tab-within", web, "https://rp.exa\tmple/cb", false},
		{"line-break-after", web, "https://rp.example/cb\n", false},
		{"nul", web, "https://rp.example/cb\x00", false},
		{"protocol-relative", web, "//rp.example/cb", false},
		{"relative", web, "/cb", false},
		{"too-long", web, "https://rp.example/cb?a=" + strings.Repeat("1", maxURILength), false},

		{"loopback-port", native, "http://127.0.0.1:51004/cb", true},
		{"loopback-no-port", native, "http://127.0.0.1/cb", true},
		{"loopback-v6-port", native, "http://[::1]:51004/cb", true},
		{"loopback-v6-no-port", native, "http://[::1]/cb", true},
		{"loopback-path", native, "http://127.0.0.1:51004/other", false},
		{"loopback-query", native, "http://127.0.0.1:51004/cb?x=1", false},
		{"loopback-fragment", native, "http://127.0.0.1:51004/cb#x", false},
		{"loopback-https", native, "https://127.0.0.1:51004/cb", false},
		{"loopback-userinfo", native, "http://127.0.0.1:1@evil.example/cb", false},
		{"loopback-userinfo-host", native, "http://evil@127.0.0.1:1/cb", false},
		{"loopback-suffix", native, "http://127.0.0.1.evil.example/cb", false},
		{"loopback-suffix-port", native, "http://127.0.0.1.evil.example:80/cb", false},
		{"loopback-other-address", native, "http://127.0.0.2:51004/cb", false},
		{"loopback-short", native, "http://127.1/cb", false},
		{"loopback-decimal", native, "http://2130706433/cb", false},
		{"loopback-octal", native, "http://0177.0.0.1/cb", false},
		{"loopback-v4-for-v6", native, "http://[::ffff:127.0.0.1]:1234/cb", false},
		{"loopback-v6-long", native, "http://[0:0:0:0:0:0:0:1]:1234/cb", false},
		{"loopback-port-empty", native, "http://127.0.0.1:/cb", false},
		{"loopback-port-zero", native, "http://127.0.0.1:0/cb", false},
		{"loopback-port-too-large", native, "http://127.0.0.1:65536/cb", false},
		{"loopback-port-sign", native, "http://127.0.0.1:+80/cb", false},
		{"loopback-port-of-web-client", web, "http://127.0.0.1:3001/cb", false},
		{"localhost-port-of-native-client", native, "http://localhost:3000/cb", false},
		{"localhost-port-of-web-client", web, "http://localhost:3001/cb", false},
		{"localhost-look-alike", local, "http://localhost.evil.example:3000/cb", false},
		{"localhost-case", local, "http://LOCALHOST:3000/cb", false},
		{"localhost-any-port", local, "http://localhost:5173/cb", true},
		{"localhost-any-port-other-path", local, "http://localhost:5173/cb2", false},
		{"localhost-to-address", local, "http://127.0.0.1:3000/cb", false},
		{"private-scheme-slashes", native, "com.example.app://cb", false},
		{"private-scheme-case", native, "COM.example.app:/cb", false},

		{"registered-wildcard", corrupt, "https://*.rp.example/cb", false},
		{"registered-wildcard-filled", corrupt, "https://a.rp.example/cb", false},
		{"registered-javascript", corrupt, "javascript:alert(1)", false},
		{"registered-data", corrupt, "data:text/html,x", false},
		{"registered-fragment", corrupt, "https://rp.example/cb#x", false},
		{"registered-userinfo", corrupt, "https://u@rp.example/cb", false},
		{"registered-dot-dot", corrupt, "https://rp.example/a/../cb", false},
		{"registered-dot-dot-localhost", corrupt, "http://localhost:1/a/../cb", false},
		{"registered-empty", corrupt, "", false},
	} {
		t.Run("S1-01/"+test.name, func(t *testing.T) {
			if got := matchRedirectURI(test.client, test.sent); got != test.want {
				t.Errorf("matchRedirectURI(%q) = %v, want %v", test.sent, got, test.want)
			}
		})
	}
}

func TestRedirectURIHint(t *testing.T) {
	c := &storage.Client{ApplicationType: "web", RedirectURIs: []string{"https://rp.example/cb", "http://localhost:3000/cb", "https://rp.example/q?secret-path=1"}}
	for sent, want := range map[string]string{
		"https://rp.example/cb/":          "slash",
		"https://rp.example/CB":           "upper and lower case",
		"http://rp.example/cb":            "scheme",
		"http://localhost:3001/cb":        "port",
		"http://127.0.0.1:3000/cb":        "loopback host",
		"https://rp.example/cb?x=1":       "query",
		"https://rp.example/elsewhere":    "path",
		"https://rp.example/cb#x":         "fragment",
		"https://stranger.example/":       "",
		"https://*.example/cb":            "wildcard",
		"https://rp.example:8443/cb":      "port",
		"https://stranger.example/secret": "",
	} {
		got := redirectURIHint(c, sent)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("redirectURIHint(%q) = %q, want it to speak of %q", sent, got, want)
		}
		if strings.Contains(got, "secret-path") || strings.Contains(got, "3000") {
			t.Errorf("redirectURIHint(%q) = %q, which tells what is registered", sent, got)
		}
	}
}

// FuzzMatchRedirectURI holds that what matches is registered, or differs in the
// port of a loopback host and in nothing else.
func FuzzMatchRedirectURI(f *testing.F) {
	for _, registered := range []string{"https://rp.example/cb", "http://127.0.0.1/cb", "http://[::1]:80/cb?x=1", "http://localhost:3000/cb", "com.example.app:/cb"} {
		for _, sent := range []string{registered, registered + "/", "http://127.0.0.1:51004/cb", "http://localhost:1/cb", "http://[::1]:9/cb?x=1", "http://127.0.0.1@evil/cb"} {
			f.Add(registered, sent, true, true)
			f.Add(registered, sent, false, true)
			f.Add(registered, sent, true, false)
		}
	}
	f.Fuzz(func(t *testing.T, registered, sent string, native, anyLocalhost bool) {
		c := &storage.Client{ApplicationType: "web", RedirectURIs: []string{registered}, InsecureAnyLocalhostPort: anyLocalhost}
		if native {
			c.ApplicationType = "native"
		}
		_ = redirectURIHint(c, sent)
		if !matchRedirectURI(c, sent) {
			return
		}
		u, err := url.Parse(sent)
		if err != nil {
			t.Fatalf("%q matches, and is no URI: %v", sent, err)
		}
		if u.User != nil || u.Fragment != "" || strings.ContainsAny(sent, "#\\ \r\n\t\x00*") {
			t.Errorf("%q matches, and has a forbidden form", sent)
		}
		if sent == registered {
			return
		}
		r, err := url.Parse(registered)
		if err != nil {
			t.Fatalf("%q matches what is no URI: %q", sent, registered)
		}
		switch host := u.Hostname(); {
		case !native && !anyLocalhost:
			t.Errorf("%q matches %q for a client that may not change the port", sent, registered)
		case host == "localhost" && !anyLocalhost:
			t.Errorf("%q matches %q: localhost by any port", sent, registered)
		case host != "127.0.0.1" && host != "::1" && host != "localhost":
			t.Errorf("%q matches %q, and is not loopback", sent, registered)
		case u.Scheme != "http" || r.Hostname() != host || u.RequestURI() != r.RequestURI() || u.EscapedPath() != r.EscapedPath():
			t.Errorf("%q matches %q, and differs in more than the port", sent, registered)
		}
	})
}
