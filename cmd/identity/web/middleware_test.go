package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// wrapped serves one request through the layer and returns what the handler saw
// and what was logged.
func wrapped(t *testing.T, r *http.Request, h http.HandlerFunc) (*http.Response, string) {
	t.Helper()
	var log bytes.Buffer
	c := Config{
		MaxBodyBytes: 16, Secure: true, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8")},
	}
	w := httptest.NewRecorder()
	Wrap(c, h).ServeHTTP(w, r)
	return w.Result(), log.String()
}

func TestClientAddress(t *testing.T) {
	for _, tt := range []struct{ name, peer, forwarded, want string }{
		{"S1-17/no-proxy", "203.0.113.9:1000", "", "203.0.113.9:1000"},
		{"S1-17/header-of-an-untrusted-peer", "203.0.113.9:1000", "198.51.100.1", "203.0.113.9:1000"},
		{"S1-17/behind-a-proxy", "10.0.0.1:1000", "198.51.100.1", "198.51.100.1:1000"},
		{"S1-17/forged-left-of-the-chain", "10.0.0.1:1000", "1.1.1.1, 198.51.100.1", "198.51.100.1:1000"},
		{"S1-17/two-proxies", "10.0.0.1:1000", "198.51.100.1, 10.0.0.2", "198.51.100.1:1000"},
		{"S1-17/garbage", "10.0.0.1:1000", "198.51.100.1, garbage", "10.0.0.1:1000"},
		{"S1-17/ipv6", "10.0.0.1:1000", "2001:db8::1", "[2001:db8::1]:1000"},
		{"S1-17/mapped", "[::ffff:10.0.0.1]:1000", "198.51.100.1", "198.51.100.1:1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			if tt.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			var got string
			wrapped(t, r, func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })
			if got != tt.want {
				t.Fatalf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Request-Id", "forged\nline")
	var seen string
	res, _ := wrapped(t, r, func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("X-Request-Id") })
	if seen == "" || strings.Contains(seen, "forged") || res.Header.Get("X-Request-Id") != seen {
		t.Fatalf("got %q, answered %q", seen, res.Header.Get("X-Request-Id"))
	}
}

func TestHeaders(t *testing.T) {
	res, _ := wrapped(t, httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) {})
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "max-age=31536000",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("S1-10: %s = %q", name, got)
		}
	}
}

func TestAccessLog(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/authorize?client_id=rp&state=statesecret&code=codesecret&unknownsecret=1&login_hint=jane", nil)
	r.Header.Set("Authorization", "Bearer tokensecret")
	r.Header.Set("Cookie", "identity_session=cookiesecret")
	_, log := wrapped(t, r, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	if !strings.Contains(log, `"path":"/authorize"`) || !strings.Contains(log, `"status":418`) || !strings.Contains(log, `"client_id"`) {
		t.Fatalf("got %s", log)
	}
	if strings.Contains(log, "secret") || strings.Contains(log, "jane") {
		t.Fatalf("S1-08: the log tells too much: %s", log)
	}
}

func TestBodyLimit(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("a", 17)))
	var err error
	wrapped(t, r, func(_ http.ResponseWriter, r *http.Request) { _, err = io.ReadAll(r.Body) })
	var tooLarge *http.MaxBytesError
	if !errors.As(err, &tooLarge) {
		t.Fatalf("S6-01: got %v", err)
	}
}

func TestPanic(t *testing.T) {
	res, log := wrapped(t, httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) { panic("inside") })
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusInternalServerError || strings.Contains(string(body), "inside") {
		t.Fatalf("got %d %s %v", res.StatusCode, body, err)
	}
	if !strings.Contains(log, "inside") || !strings.Contains(log, `"status":500`) {
		t.Fatalf("log: %s", log)
	}
}
