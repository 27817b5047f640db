package conformance

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// steadfast is load that goes on whatever happens to a server or the database,
// and remembers what was acknowledged. A client of it asks again when it got no
// answer, or was told to come back.
type steadfast struct {
	sync.Mutex
	redeemed []url.Values // forms whose code was acknowledged as used
	leaves   []string     // refresh tokens that were handed out and not used since
	sessions []*browser
	wrong    []string

	acknowledged atomic.Int64
	grants       atomic.Int64 // acknowledged by the tokens of a login
	refused      atomic.Int64 // 503, as it should be
	unanswered   atomic.Int64 // connections that broke
	slowest      atomic.Int64 // of all answers, in nanoseconds
	stop         atomic.Bool
	workers      sync.WaitGroup
}

func (l *steadfast) fail(format string, args ...any) {
	l.Lock()
	defer l.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// run starts workers, each with a session and a refresh token of its own.
func (l *steadfast) run(t *testing.T, r *replicas, workers int) {
	t.Helper()
	for range workers {
		b := member(t, r.world)
		b.client.Transport = r.http.Transport
		leaf := b.tokens(r.spa).refresh
		l.grants.Add(1)
		l.sessions = append(l.sessions, b)
		l.workers.Go(func() {
			for !l.stop.Load() {
				leaf = l.refresh(r, leaf)
				l.code(r, b)
			}
			l.Lock()
			l.leaves = append(l.leaves, leaf)
			l.Unlock()
		})
	}
}

// ask sends a request. It says whether there was an answer that is not 503.
func (l *steadfast) ask(r *replicas, what string, req *http.Request) (answer, bool) {
	began := time.Now()
	a, err := r.try(req)
	took := time.Since(began)
	switch {
	case err != nil:
		l.unanswered.Add(1)
		return a, false
	case a.status == http.StatusServiceUnavailable:
		l.refused.Add(1)
		if a.header.Get("Retry-After") == "" || a.str("error") != "temporarily_unavailable" {
			l.fail("%s: S6-05: 503 with Retry-After %q and error %q", what, a.header.Get("Retry-After"), a.str("error"))
		}
	}
	for {
		slowest := l.slowest.Load()
		if int64(took) <= slowest || l.slowest.CompareAndSwap(slowest, int64(took)) {
			return a, a.status != http.StatusServiceUnavailable
		}
	}
}

// refresh asks until it is answered. A token whose answer was lost is used again,
// within the grace, as a careful client does.
func (l *steadfast) refresh(r *replicas, leaf string) string {
	for !l.stop.Load() {
		a, ok := l.ask(r, "refresh", r.authenticated(r.spa, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {leaf}}))
		if ok && a.status == http.StatusOK {
			l.acknowledged.Add(1)
			return a.str("refresh_token")
		}
		if ok {
			l.fail("refresh: %d %s: an acknowledged refresh token is lost", a.status, a.raw)
			l.stop.Store(true)
		}
		<-time.After(20 * time.Millisecond)
	}
	return leaf
}

// code gets a code by the session and redeems it twice at once: by two requests
// to the next two servers. At most one may win.
func (l *steadfast) code(r *replicas, b *browser) {
	req := r.request(r.web, "prompt", "none")
	resp, err := b.client.Get(r.authorizeURL(req))
	if err != nil {
		l.unanswered.Add(1)
		return
	}
	resp.Body.Close()
	to, err := resp.Location()
	switch {
	case err != nil && resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
		l.refused.Add(1)
		return
	case err != nil:
		l.fail("authorize: %d, Retry-After %q, no redirect", resp.StatusCode, resp.Header.Get("Retry-After"))
		return
	case to.Query().Get("error") == "temporarily_unavailable":
		l.refused.Add(1)
		return
	case to.Query().Get("code") == "":
		l.fail("authorize: %s: an acknowledged login is lost", to.Query().Get("error"))
		return
	}
	r.log.secret(to.Query().Get("code"))
	form := r.codeForm(req, to.Query().Get("code"))
	var won atomic.Int64
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			a, ok := l.ask(r, "code", r.authenticated(r.web, "/oauth/token", form))
			if ok && a.status == http.StatusOK {
				won.Add(1)
			} else if ok && a.str("error") != "invalid_grant" {
				l.fail("code: %d %s", a.status, a.raw)
			}
		})
	}
	both.Wait()
	if won.Load() > 1 {
		l.fail("a code was taken %d times", won.Load())
	}
	if won.Load() > 0 {
		l.acknowledged.Add(1)
		l.grants.Add(1)
		l.Lock()
		l.redeemed = append(l.redeemed, form)
		l.Unlock()
	}
}

// more waits until so many more answers were acknowledged.
func (l *steadfast) more(t *testing.T, what string, n int64, limit time.Duration) {
	t.Helper()
	from, began := l.acknowledged.Load(), time.Now()
	for l.acknowledged.Load() < from+n {
		if time.Since(began) > limit {
			t.Fatalf("%s: %d more in %s, want %d: %q", what, l.acknowledged.Load()-from, limit, n, l.wrong)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// held ends the load, and wants everything that was acknowledged to be there:
// refresh tokens go on, used codes stay used, sessions are signed in, and the
// audit log has every grant.
func (l *steadfast) held(t *testing.T, r *replicas) {
	t.Helper()
	l.stop.Store(true)
	l.workers.Wait()
	for _, why := range l.wrong[:min(10, len(l.wrong))] {
		t.Error(why)
	}
	if len(l.redeemed) == 0 || len(l.leaves) == 0 {
		t.Fatalf("%d codes and %d refresh tokens: no load", len(l.redeemed), len(l.leaves))
	}
	for i, leaf := range l.leaves {
		if a := r.refresh(t, r.spa, leaf); a.status != http.StatusOK {
			t.Errorf("refresh token %d of %d: %d %s", i, len(l.leaves), a.status, a.raw)
		}
	}
	for i, form := range l.redeemed[max(0, len(l.redeemed)-100):] {
		if a := r.call(t, r.web, "/oauth/token", form); a.str("error") != "invalid_grant" {
			t.Errorf("code %d of %d: %d %s: it was used before", i, len(l.redeemed), a.status, a.str("error"))
		}
	}
	for _, b := range l.sessions {
		b.reset()
		b.signedIn(r.web)
	}
	if n := number(t, r.dsn, "SELECT count(*) FROM audit_events WHERE action = 'grant.created'"); n < l.grants.Load() {
		t.Errorf("the audit log has %d grants, %d were acknowledged", n, l.grants.Load())
	}
	t.Logf("%d acknowledged, %d of them logins, %d told to come back, %d without an answer, the slowest answer %s",
		l.acknowledged.Load(), l.grants.Load(), l.refused.Load(), l.unanswered.Load(), time.Duration(l.slowest.Load()).Round(time.Millisecond))
}

// setting reads how long a test goes on, in whole numbers.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestKillReplica is S6-03 for two replicas: one is killed twenty times under
// load (IDENTITY_TEST_KILLS), the other goes on, and nothing that was
// acknowledged is lost.
func TestKillReplica(t *testing.T) {
	t.Parallel()
	r := startReplicas(t, os.Getenv(postgresEnv))
	watch(t, r.server)
	var l steadfast
	l.run(t, r, 4)
	for round := range setting(t, "IDENTITY_TEST_KILLS", 20) {
		victim, other := r.nodes[round%2], (round+1)%2
		l.more(t, "both serve", 4, 2*time.Minute)
		victim.kill()
		l.more(t, "the other goes on", 4, 2*time.Minute)
		if round%5 == 0 { // and people can still sign in
			b := r.on(t, other)
			b.tokens(r.web)
			l.grants.Add(1)
			r.move(b, 1-other)
			l.sessions = append(l.sessions, b)
		}
		if err := victim.start(); err != nil {
			t.Fatal(err)
		}
		victim.http.CloseIdleConnections() // they lead to the process that is gone
	}
	l.held(t, r)
}
