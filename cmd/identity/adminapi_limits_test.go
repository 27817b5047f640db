package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/cmd/identity/config"
)

// clock is the time of a server, which a test moves. Counters have the time of the
// storage.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// limit serves the administration with these limits. Every replica has the same
// storage.
func (a *administered) limit(limits admin.Limits, c *clock) http.Handler {
	a.t.Helper()
	cfg := adminConfig(&config.Config{}, a.p, nil, nil, nil)
	cfg.Passwords, cfg.Tokens, cfg.Secret, cfg.Resolver, cfg.Limits, cfg.Now = adminPasswords{}, a, adminSecret, a, limits, c.now
	s, err := admin.New(cfg)
	must(a.t, err)
	return s.Handler()
}

func from(t *testing.T, h http.Handler, address, token, method, body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/identity.admin.v1."+method, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.RemoteAddr = address
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// wantExhausted wants the answer to who tried too often.
func wantExhausted(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	after, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), `"resource_exhausted"`) || err != nil || after < 1 || after > 60 {
		t.Errorf("%s: %d, Retry-After %q: %s", what, w.Code, w.Header().Get("Retry-After"), w.Body)
	}
}

// TestAdminGuesses counts credentials that are none by address, for all replicas.
func TestAdminGuesses(t *testing.T) {
	a, c := administer(t), &clock{}
	limits := admin.Limits{Window: time.Minute, Failures: 4}
	one, two := a.limit(limits, c), a.limit(limits, c)
	const list, body = "UserService/ListUsers", `{"projectId":"alpha"}`
	address := func(i int) string { return fmt.Sprintf("[2001:db8:0:%x::1]:%d", i, 1000+i) } // one /56
	for i := range 4 {
		if w := from(t, one, address(i), "guess", list, body); w.Code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d %s", i, w.Code, w.Body)
		}
	}
	wantExhausted(t, "S5-03: another guess", from(t, one, address(5), "guess", list, body))
	wantExhausted(t, "S5-03: the right one after too many", from(t, one, address(6), adminSecret, list, body))
	wantExhausted(t, "S5-03: a guess at another replica", from(t, two, address(7), "guess", list, body))
	wantExhausted(t, "S5-03: the right one there", from(t, two, address(8), adminSecret, list, body))
	if w := from(t, one, address(9), "", list, body); w.Code != http.StatusUnauthorized {
		t.Errorf("no credential: %d %s", w.Code, w.Body)
	}
	if w := from(t, one, "[2001:db8:0:100::1]:1", adminSecret, list, body); w.Code != http.StatusOK {
		t.Errorf("from elsewhere: %d %s", w.Code, w.Body)
	}
	c.mu.Lock()
	c.ahead = 2 * time.Minute
	c.mu.Unlock()
	if w := from(t, one, address(10), adminSecret, list, body); w.Code != http.StatusOK {
		t.Errorf("after the window: %d %s", w.Code, w.Body)
	}
}

// TestAdminBeforeTheBody sends bodies that are none: a stranger hears of the
// credential, not of the body.
func TestAdminBeforeTheBody(t *testing.T) {
	h := administer(t).limit(admin.Limits{}, &clock{})
	for token, status := range map[string]int{"": http.StatusUnauthorized, "guess": http.StatusUnauthorized, adminSecret: http.StatusBadRequest} {
		if w := from(t, h, "192.0.2.1:1", token, "UserService/ListUsers", `{"projectId":`); w.Code != status {
			t.Errorf("S5-03: %d, want %d: %s", w.Code, status, w.Body)
		}
	}
}

// TestBootstrapLimit counts attempts at the first administrator by address.
func TestBootstrapLimit(t *testing.T) {
	a, c := administer(t), &clock{}
	h := a.limit(admin.Limits{Window: time.Minute, Bootstraps: 3}, c)
	const bootstrap = "ProjectService/BootstrapPlatformAdmin"
	for i := range 3 {
		if w := from(t, h, "192.0.2.1:1", adminSecret, bootstrap, `{"email":"no address"}`); w.Code != http.StatusBadRequest {
			t.Fatalf("attempt %d: %d %s", i, w.Code, w.Body)
		}
	}
	wantExhausted(t, "S5-09: one more", from(t, h, "192.0.2.1:2", adminSecret, bootstrap, `{"email":"no address"}`))
	if w := from(t, h, "192.0.2.1:3", adminSecret, "UserService/ListUsers", `{"projectId":"alpha"}`); w.Code != http.StatusOK {
		t.Errorf("another RPC: %d %s", w.Code, w.Body)
	}
	if w := from(t, h, "192.0.2.2:1", adminSecret, bootstrap, `{"email":"no address"}`); w.Code != http.StatusBadRequest {
		t.Errorf("from elsewhere: %d %s", w.Code, w.Body)
	}
}
