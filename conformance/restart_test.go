package conformance

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRestart: what was acknowledged is there after the process has ended, however
// it did: sessions, refresh tokens, codes, keys.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := member(t, w)
	for _, how := range []string{"SIGTERM", "SIGKILL"} {
		t.Run(how, func(t *testing.T) {
			b.t = t
			before := b.tokens(w.web, "scope", "openid offline_access", "prompt", "consent")
			spa := b.tokens(w.spa)
			r := w.request(w.web)
			pending := b.code(r)
			used := w.request(w.web)
			usedCode := b.code(used)
			b.redeem(used, usedCode)
			if how == "SIGTERM" {
				if err := w.stop(); err != nil {
					t.Fatal(err)
				}
			} else {
				w.kill()
			}
			if err := w.server.start(); err != nil {
				t.Fatal(err)
			}
			b.client.CloseIdleConnections()
			b.reset()
			after := b.tokens(w.web, "max_age", "10000")
			if len(b.asked) != 0 {
				t.Errorf("the session did not survive: the person was asked for %q", b.asked)
			}
			if after.sub() != before.sub() {
				t.Error("another sub")
			}
			w.jwt(t, before.id) // the keys are the same
			w.userinfo(t, before.access).want(t, http.StatusOK)
			w.refresh(t, w.web, before.refresh).want(t, http.StatusOK)
			w.refresh(t, w.spa, spa.refresh).want(t, http.StatusOK)
			b.redeem(r, pending)
			w.redeem(t, used, usedCode).wantError(t, 400, "invalid_grant")
		})
	}
}

// load runs workers that redeem, refresh and remember what was acknowledged.
type load struct {
	sync.Mutex
	redeemed []url.Values // forms whose code was acknowledged as used
	unused   []url.Values // forms whose code got no tokens: of requests that were not let in
	leaves   []string     // refresh tokens that were handed out and not used since
	answered atomic.Int64
	failed   []string
	stop     atomic.Bool
	workers  sync.WaitGroup
}

// run starts workers; each has its own session. What fails while the server still
// should answer is remembered.
func (l *load) run(t *testing.T, w *world, workers int) {
	t.Helper()
	for range workers {
		b := member(t, w)
		leaf := b.tokens(w.spa).refresh
		l.workers.Go(func() {
			defer func() {
				l.Lock()
				l.leaves = append(l.leaves, leaf)
				l.Unlock()
			}()
			for !l.stop.Load() {
				form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {leaf}}
				var sent atomic.Bool // a connection that is turned away before that has lost nothing
				req := w.authenticated(w.spa, "/oauth/token", form)
				req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
					WroteHeaders: func() { sent.Store(true) },
				}))
				a, err := w.try(req)
				switch {
				case err != nil && !sent.Load():
					l.fail("refresh: connection refused: " + err.Error())
					return
				case err != nil:
					l.fail("refresh: " + err.Error())
					return
				case a.status != 200:
					l.fail(fmt.Sprintf("refresh: %d %s", a.status, a.raw))
					return
				}
				leaf = a.str("refresh_token")
				l.answered.Add(1)
				if form, ok := l.code(w, b); ok {
					l.Lock()
					l.redeemed = append(l.redeemed, form)
					l.Unlock()
					l.answered.Add(1)
				}
			}
		})
	}
}

func (l *load) fail(why string) {
	l.Lock()
	defer l.Unlock()
	l.failed = append(l.failed, why)
}

// code gets a code silently and redeems it, without failing the test: the server
// may be gone at any moment.
func (l *load) code(w *world, b *browser) (url.Values, bool) {
	r := w.request(w.web, "prompt", "none")
	resp, err := b.client.Get(w.authorizeURL(r))
	if err != nil {
		return nil, false
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil || to.Query().Get("code") == "" {
		return nil, false
	}
	w.log.secret(to.Query().Get("code"))
	form := w.codeForm(r, to.Query().Get("code"))
	a, err := w.try(w.authenticated(w.web, "/oauth/token", form))
	if err != nil || a.status != 200 {
		l.Lock()
		l.unused = append(l.unused, form)
		l.Unlock()
		return nil, false
	}
	return form, true
}

// warm waits until the load has got some answers.
func (l *load) warm(t *testing.T, n int64) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for l.answered.Load() < n {
		if time.Now().After(deadline) {
			t.Fatalf("only %d answers in two minutes: %q", l.answered.Load(), l.failed)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// held wants that every code that was acknowledged stays used, and that every
// refresh token that was handed out last goes on.
func (l *load) held(t *testing.T, w *world) {
	t.Helper()
	if len(l.redeemed) == 0 || len(l.leaves) == 0 {
		t.Fatalf("%d codes and %d refresh tokens: no load", len(l.redeemed), len(l.leaves))
	}
	for i, leaf := range l.leaves {
		if a := w.refresh(t, w.spa, leaf); a.status != 200 {
			t.Errorf("refresh token %d of %d: %d %s", i, len(l.leaves), a.status, a.str("error_description"))
		}
	}
	for i, form := range l.redeemed[max(0, len(l.redeemed)-50):] {
		if a := w.call(t, w.web, "/oauth/token", form); a.str("error") != "invalid_grant" {
			t.Errorf("code %d of %d: %d %s: it was used before", i, len(l.redeemed), a.status, a.str("error"))
		}
	}
}

// TestKillUnderLoad is S6-03.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	w := start(t)
	for round := range 3 {
		t.Run(fmt.Sprintf("S6-03/kill-under-load/%d", round), func(t *testing.T) {
			var l load
			l.run(t, w, 8)
			l.warm(t, int64(40+30*round))
			w.kill()
			l.stop.Store(true)
			l.workers.Wait()
			if err := w.server.start(); err != nil {
				t.Fatalf("the database does not open again: %v", err)
			}
			l.held(t, w)
		})
	}
	if out, err := w.identity("", "doctor"); err != nil {
		t.Errorf("doctor: %v\n%s", err, out)
	}
}

// TestStopUnderLoad is S6-02: whoever was let in is answered, and it ends in time. A
// client cannot see whether a request of a connection that was reset was let in; what
// it has, it still has then: there is no grace for what was used, and codes last.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	w := start(t, "GATEWAY_REFRESH_GRACE_SECONDS=0", "GATEWAY_AUTHORIZATION_CODE_EXPIRY_SECONDS=600")
	var l load
	l.run(t, w, 8)
	l.warm(t, 40)
	began := time.Now()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("S6-02: ended after %s under load", time.Since(began).Round(time.Millisecond))
	l.stop.Store(true)
	l.workers.Wait()
	for _, why := range l.failed {
		if lost(why) {
			t.Errorf("a request that was let in got no answer: %s", why)
		}
	}
	if err := w.server.start(); err != nil {
		t.Fatal(err)
	}
	for _, form := range l.unused {
		if a := w.call(t, w.web, "/oauth/token", form); a.status != 200 {
			t.Errorf("a code whose use got no answer was used: %d %s", a.status, a.str("error"))
		}
	}
	l.held(t, w)
}
