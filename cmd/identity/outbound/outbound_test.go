package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// publicAddress stands for the test server: dialled connects it there.
const publicAddress = "93.184.215.14"

// names is what a resolver answers; each call of a name may be another answer.
type names map[string]func() []string

func always(addrs ...string) func() []string { return func() []string { return addrs } }

// world is a client, a TLS server that it takes for public, and what was dialled.
type world struct {
	*Client
	server  *httptest.Server
	mu      sync.Mutex
	dialled []string
}

func newWorld(t *testing.T, c Config, handler http.HandlerFunc, resolver names) *world {
	t.Helper()
	w := &world{Client: New(c), server: httptest.NewTLSServer(handler)}
	t.Cleanup(w.server.Close)
	w.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		answer := resolver[host]
		if answer == nil {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		var out []netip.Addr
		for _, a := range answer() {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
	w.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		w.dialled = append(w.dialled, address)
		w.mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, w.server.Listener.Addr().String())
	}
	roots := x509.NewCertPool()
	roots.AddCert(w.server.Certificate()) // for example.com and 127.0.0.1
	w.transport().TLSClientConfig.RootCAs = roots
	return w
}

func (w *world) transport() *http.Transport { return w.http.Transport.(*guard).next.(*http.Transport) }

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func TestFetch(t *testing.T) {
	w := newWorld(t, Config{}, hello, names{"example.com": always("10.0.0.1", publicAddress)})
	body, err := w.Fetch(t.Context(), "https://example.com/jwks?x=1", 64<<10)
	if err != nil || string(body) != "hello" {
		t.Fatalf("%q %v", body, err)
	}
	if len(w.dialled) != 1 || w.dialled[0] != publicAddress+":443" {
		t.Errorf("dialled %v", w.dialled)
	}
}

// TestAddresses: each form that an inner address can take, as the address of a
// name and as the host of the URL.
func TestAddresses(t *testing.T) {
	for name, addrs := range map[string][]string{
		"S4-01/loopback":    {"127.0.0.1", "127.8.8.8", "::1"},
		"S4-02/private":     {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12::1", "fc00::1"},
		"S4-03/link-local":  {"169.254.1.1", "fe80::1", "fe80::1%eth0"},
		"S4-04/CGNAT":       {"100.64.0.1", "100.127.255.254"},
		"S4-05/multicast":   {"224.0.0.1", "239.1.1.1", "ff02::1", "255.255.255.255"},
		"S4-05/unspecified": {"0.0.0.0", "0.1.2.3", "::"},
		"S4-05/reserved":    {"192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "2001:db8::1", "3fff::1", "5f00::1", "::7f00:1", "fec0::1"},
		"S4-06/IPv4-mapped": {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"},
		"S4-07/NAT64":       {"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1"},
		"S4-07/6to4":        {"2002:7f00:1::1", "192.88.99.1"},
		"S4-07/Teredo":      {"2001:0:4136:e378:8000:63bf:3fff:fdd2"},
		"S4-08/metadata":    {"169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range addrs {
				w := newWorld(t, Config{}, hello, names{"example.com": always(a)})
				urls := []string{"https://example.com/"}
				if addr := netip.MustParseAddr(a); addr.Zone() != "" {
				} else if addr.Is4() {
					urls = append(urls, "https://"+a+"/")
				} else {
					urls = append(urls, "https://["+a+"]/")
				}
				for _, u := range urls {
					if _, err := w.Fetch(t.Context(), u, 100); !errors.Is(err, ErrRefused) {
						t.Errorf("%s as %s: %v", a, u, err)
					}
				}
				if len(w.dialled) != 0 {
					t.Errorf("%s: dialled %v", a, w.dialled)
				}
			}
		})
	}
	for _, public := range []string{"8.8.8.8", "2a00:1450:4001::1", "::ffff:8.8.8.8", "100.128.0.1", "172.32.0.1"} {
		if kind := refusal(netip.MustParseAddr(public)); kind != "" {
			t.Errorf("%s is %s", public, kind)
		}
	}
	if refusal(netip.Addr{}) == "" {
		t.Error("no address is let in")
	}
}

func TestURLs(t *testing.T) {
	for name, u := range map[string]string{
		"S4-09/http":        "http://example.com/",
		"S4-09/file":        "file:///etc/passwd",
		"S4-09/ftp":         "ftp://example.com/",
		"S4-09/gopher":      "gopher://example.com:443/",
		"S4-09/no-host":     "https:///path",
		"S4-09/opaque":      "https:example.com",
		"S4-09/port":        "https://example.com:22/",
		"S4-09/port-of-db":  "https://example.com:5432/",
		"S4-09/credentials": "https://user:secret@example.com/",
		"S4-09/malformed":   "https://example.com/%zz",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Config{AllowedPorts: []int{8443}}, hello, names{"example.com": always(publicAddress)})
			_, err := w.Fetch(t.Context(), u, 100)
			if !errors.Is(err, ErrRefused) || len(w.dialled) != 0 {
				t.Fatalf("%v, dialled %v", err, w.dialled)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the URL: %v", err)
			}
			if _, err := w.Fetch(t.Context(), "https://example.com:8443/", 100); err != nil {
				t.Errorf("an allowed port: %v", err)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	resolver := names{"example.com": always(publicAddress), "other.example.com": always(publicAddress), "inner.example.com": always("10.0.0.1")}
	for name, c := range map[string]struct {
		to string
		ok bool
	}{
		"same-host":              {"/ok", true},
		"S4-10/other-host":       {"https://other.example.com/ok", false},
		"S4-10/inner-host":       {"https://inner.example.com/ok", false},
		"S4-10/inner-address":    {"https://169.254.169.254/ok", false},
		"S4-10/other-port":       {"https://example.com:8443/ok", false},
		"S4-10/http":             {"http://example.com/ok", false},
		"S4-10/file":             {"file:///etc/passwd", false},
		"S4-10/again-and-again":  {"/loop", false},
		"S4-10/with-credentials": {"https://a:b@example.com/ok", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Config{AllowedPorts: []int{8443}}, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/ok":
					if r.Referer() != "" {
						t.Errorf("Referer %q", r.Referer())
					}
					hello(w, r)
				case "/loop":
					http.Redirect(w, r, "/loop", http.StatusFound)
				default:
					http.Redirect(w, r, c.to, http.StatusFound)
				}
			}, resolver)
			body, err := w.Fetch(t.Context(), "https://example.com/start", 100)
			if ok := err == nil && string(body) == "hello"; ok != c.ok {
				t.Errorf("%q %v", body, err)
			}
			if !c.ok && !errors.Is(err, ErrRefused) {
				t.Errorf("not refused but %v", err)
			}
		})
	}
	t.Run("S4-10/checked-again", func(t *testing.T) { // the host of the redirect is the same, its address is not
		first := atomic.Bool{}
		w := newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			http.Redirect(w, r, "/again", http.StatusFound)
		}, names{"example.com": func() []string {
			if first.CompareAndSwap(false, true) {
				return []string{publicAddress}
			}
			return []string{"127.0.0.1"}
		}})
		if _, err := w.Fetch(t.Context(), "https://example.com/", 100); !errors.Is(err, ErrRefused) || len(w.dialled) != 1 {
			t.Errorf("%v, dialled %v", err, w.dialled)
		}
	})
	t.Run("S4-10/post", func(t *testing.T) {
		w := newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, resolver)
		res, err := w.HTTP().Post("https://example.com/", "text/plain", strings.NewReader("secret"))
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%v %v", res, err)
		}
	})
}

// TestRebinding: between two answers of a resolver there is no second look: what
// was checked is what is dialled.
func TestRebinding(t *testing.T) {
	t.Run("S4-11/rebinding", func(t *testing.T) {
		asked := atomic.Int32{}
		w := newWorld(t, Config{}, hello, names{"example.com": func() []string {
			if asked.Add(1)%2 == 1 {
				return []string{publicAddress}
			}
			return []string{"127.0.0.1"}
		}})
		w.transport().DisableKeepAlives = true
		for i := range 6 {
			_, err := w.Fetch(t.Context(), "https://example.com/", 100)
			if public := i%2 == 0; public != (err == nil) || !public && !errors.Is(err, ErrRefused) {
				t.Errorf("fetch %d: %v", i, err)
			}
		}
		if asked.Load() != 6 {
			t.Errorf("the name was looked up %d times for 6 connections", asked.Load())
		}
		for _, d := range w.dialled {
			if d != publicAddress+":443" {
				t.Errorf("dialled %s", d)
			}
		}
	})
}

func TestLoopback(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		w := New(Config{InsecureAllowLoopback: insecure})
		plain := httptest.NewServer(http.HandlerFunc(hello))
		t.Cleanup(plain.Close)
		_, err := w.Fetch(t.Context(), plain.URL, 100)
		if insecure != (err == nil) {
			t.Errorf("insecure %v: %v", insecure, err)
		}
		if _, err := w.Fetch(t.Context(), "https://10.0.0.1/", 100); !errors.Is(err, ErrRefused) {
			t.Errorf("insecure %v: private: %v", insecure, err)
		}
		if _, err := w.Fetch(t.Context(), "http://93.184.215.14/", 100); !errors.Is(err, ErrRefused) {
			t.Errorf("insecure %v: http beyond loopback: %v", insecure, err)
		}
	}
}

func TestTLS(t *testing.T) {
	w := newWorld(t, Config{}, hello, names{"wrong.test": always(publicAddress), "example.com": always(publicAddress)})
	var mismatch x509.HostnameError
	if _, err := w.Fetch(t.Context(), "https://wrong.test/", 100); !errors.As(err, &mismatch) {
		t.Errorf("a certificate of another host: %v", err)
	}
	w.server.TLS.MaxVersion = tls.VersionTLS11
	if _, err := w.Fetch(t.Context(), "https://example.com/", 100); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestFreshness(t *testing.T) {
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"RFC9111-5.2.2/none":     {http.Header{}, -1},
		"RFC9111-5.2.2/max-age":  {http.Header{"Cache-Control": {`public, Max-Age="60"`}}, time.Minute},
		"RFC9111-5.2.2/no-store": {http.Header{"Cache-Control": {"max-age=60", "no-store"}}, 0},
		"RFC9111-5.2.2/negative": {http.Header{"Cache-Control": {"max-age=-5"}}, -1},
		"expires":                {http.Header{"Expires": {"Wed, 21 Oct 2015 07:28:10 GMT"}, "Date": {"Wed, 21 Oct 2015 07:28:00 GMT"}}, 10 * time.Second},
		"expired":                {http.Header{"Expires": {"Wed, 21 Oct 2015 07:28:00 GMT"}, "Date": {"Wed, 21 Oct 2015 07:28:10 GMT"}}, 0},
		"expires-malformed":      {http.Header{"Expires": {"0"}, "Date": {"Wed, 21 Oct 2015 07:28:10 GMT"}}, -1},
	} {
		if got := freshness(c.header); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
