package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// toward dials one address, whatever is asked for.
func toward(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

// loginByTurns: every request of a login, with consent, goes to the next server.
func loginByTurns(t *testing.T, r *replicas) {
	b := member(t, r.world)
	b.client.Transport = r.http.Transport
	got := b.tokens(r.third, "scope", "openid offline_access", "prompt", "consent")
	if !b.asks("password") || !b.asks("consent") {
		t.Errorf("asked for %q", b.asked)
	}
	for range 3 {
		a := r.refresh(t, r.third, got.refresh)
		a.want(t, http.StatusOK)
		got.refresh = a.str("refresh_token")
	}
	r.userinfo(t, got.access).want(t, http.StatusOK)
}

// loginMoved: a login begins on one server, is answered on the other, and the
// code is redeemed on the first again.
func loginMoved(t *testing.T, r *replicas) {
	b := r.on(t, 0)
	req := r.request(r.web)
	p := b.get(r.authorizeURL(req))
	r.move(b, 1)
	code := b.answer(req, b.finish(p)).Get("code")
	a := r.nodes[0].redeem(t, req, code)
	a.want(t, http.StatusOK)
	r.nodes[1].redeem(t, req, code).wantError(t, 400, "invalid_grant")
	r.move(b, 0)
	b.reset()
	b.signedIn(r.web)
}

// used says whether a server takes an access token.
func used(t *testing.T, s *server, access string) bool {
	t.Helper()
	return s.userinfo(t, access).status == http.StatusOK
}

func sessionEnded(t *testing.T, r *replicas) {
	b := r.on(t, 0)
	got := b.tokens(r.web)
	if !used(t, r.nodes[1], got.access) {
		t.Fatal("the token of one is nothing to the other")
	}
	b.endSession("id_token_hint", got.id)
	r.move(b, 1)
	within(t, "a session that was ended on one is over on the other", func() bool { return !used(t, r.nodes[1], got.access) })
	b.signedOut(r.web)
}

func grantRevoked(t *testing.T, r *replicas) {
	got := r.on(t, 0).tokens(r.web)
	used(t, r.nodes[1], got.access)
	r.nodes[0].call(t, r.web, "/oauth/revoke", url.Values{"token": {got.refresh}}).want(t, http.StatusOK)
	within(t, "a grant that was revoked on one is gone on the other", func() bool {
		return !used(t, r.nodes[1], got.access) && !r.nodes[1].active(t, r.web, got.access)
	})
	r.nodes[1].refresh(t, r.web, got.refresh).wantError(t, 400, "invalid_grant")
}

func clientDeleted(t *testing.T, r *replicas) {
	c, err := r.another("doomed", "--preset", "machine", "--grant-type", "client_credentials")
	if err != nil {
		t.Fatal(err)
	}
	c.method = "client_secret_basic"
	form := url.Values{"grant_type": {"client_credentials"}}
	for _, n := range r.nodes { // both have it in their caches
		n.call(t, c, "/oauth/token", form).want(t, http.StatusOK)
	}
	if _, err := r.identity("", "client", "delete", c.ID, "--yes"); err != nil {
		t.Fatal(err)
	}
	for _, n := range r.nodes {
		within(t, "a deleted client is a stranger to both", func() bool { return n.call(t, c, "/oauth/token", form).status == http.StatusUnauthorized })
	}
}

func accountDeleted(t *testing.T, r *replicas) {
	who, err := r.addPerson("gone", "Gone Soon")
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, r.server, who)
	r.move(b, 0)
	got := b.tokens(r.web)
	if !used(t, r.nodes[1], got.access) {
		t.Fatal("the token of one is nothing to the other")
	}
	if _, err := r.identity("", "user", "delete", who.email, "--yes"); err != nil {
		t.Fatal(err)
	}
	for _, n := range r.nodes {
		within(t, "a deleted account has no token and no session", func() bool { return !used(t, n, got.access) })
		n.refresh(t, r.web, got.refresh).wantError(t, 400, "invalid_grant")
	}
	r.move(b, 1)
	b.signedOut(r.web)
}

// clientDisabled: a client that is switched off on one is refused by the other, at
// every endpoint, and comes back as it was.
func clientDisabled(t *testing.T, r *replicas) {
	c, err := r.another("resting", "--preset", "machine", "--grant-type", "client_credentials")
	if err != nil {
		t.Fatal(err)
	}
	c.method = "client_secret_basic"
	form := url.Values{"grant_type": {"client_credentials"}}
	for _, n := range r.nodes { // both have it in their caches
		n.call(t, c, "/oauth/token", form).want(t, http.StatusOK)
	}
	for _, off := range []bool{true, false} {
		if _, err := r.identity("", "client", "update", c.ID, fmt.Sprint("--disabled=", off)); err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusOK}[off]
		for i, n := range r.nodes {
			within(t, fmt.Sprintf("replica %d: disabled %v", i, off), func() bool { return n.call(t, c, "/oauth/token", form).status == want })
		}
	}
}

// accountDeactivated: an account that is deactivated on one has no token, no
// session and no way in on the other.
func accountDeactivated(t *testing.T, r *replicas) {
	who, err := r.addPerson("resting", "Resting Soon")
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, r.server, who)
	r.move(b, 0)
	got := b.tokens(r.web)
	for _, n := range r.nodes {
		if !used(t, n, got.access) {
			t.Fatal("the token of one is nothing to the other")
		}
	}
	if _, err := r.identity("", "user", "update", who.email, "--status", "deactivated"); err != nil {
		t.Fatal(err)
	}
	for i, n := range r.nodes {
		within(t, fmt.Sprintf("replica %d: a deactivated account has no token", i), func() bool {
			return !used(t, n, got.access) && !n.active(t, r.web, got.access)
		})
		n.refresh(t, r.web, got.refresh).wantError(t, 400, "invalid_grant")
	}
	r.move(b, 1)
	b.signedOut(r.web)
	fresh := newBrowser(t, r.server, who)
	r.move(fresh, 1)
	if p := fresh.submit(fresh.signInForm(r.request(r.web)), nil); p.callback != nil {
		t.Error("a deactivated account signs in")
	}
}

// codeRaced: of a hundred requests with one code, to both servers, one wins.
func codeRaced(t *testing.T, r *replicas) {
	b := r.on(t, 0)
	req := r.request(r.web)
	code := b.code(req)
	var turn atomic.Int64
	won := 0
	for _, a := range raceOn(t, 100, func() (*server, *http.Request) {
		n := r.nodes[turn.Add(1)%2]
		return n, n.authenticated(r.web, "/oauth/token", n.codeForm(req, code))
	}) {
		if a.status == http.StatusOK {
			won++
		} else {
			a.wantError(t, 400, "invalid_grant")
		}
	}
	if won != 1 {
		t.Errorf("%d of 100 got tokens, want 1", won)
	}
}

func keysRotated(t *testing.T, r *replicas) {
	b := r.on(t, 0)
	before, _ := r.jwt(t, b.tokens(r.web).id)
	if _, err := r.identity("", "key", "rotate", "--force", "--json"); err != nil {
		t.Fatal(err)
	}
	for i, n := range r.nodes {
		r.move(b, i)
		within(t, "a new key signs on both", func() bool {
			req := r.request(r.web, "prompt", "none")
			h, _ := n.jwt(t, n.redeem(t, req, b.code(req)).str("id_token"))
			return h.KeyID != before.KeyID
		})
	}
	sameDocuments(t, r)
}

// sameDocuments wants the same bytes from both.
func sameDocuments(t *testing.T, r *replicas) {
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		within(t, path+" is the same on both", func() bool {
			one, two := r.nodes[0].fetch(t, path), r.nodes[1].fetch(t, path)
			return one.status == http.StatusOK && bytes.Equal(one.raw, two.raw)
		})
	}
}

// jobsShared: the lease of a job is taken no more often than one server alone
// would take it, and is taken again and again.
func jobsShared(t *testing.T, r *replicas) {
	taken := func() int64 {
		return number(t, r.dsn, "SELECT coalesce(max(version), 0) FROM leases WHERE id = 'sweep'")
	}
	eventually(t, "the sweep begins", func() bool { return taken() > 0 })
	began, before := time.Now(), taken()
	eventually(t, "the sweep goes on, eight times", func() bool { return taken() >= before+8 })
	// One whole second lies between two of one server, but for the clock's own step; the
	// first may have been decided before, and written after.
	times, most := taken()-before, int64(time.Since(began)/(900*time.Millisecond))+2
	if times > most {
		t.Errorf("two servers took the lease of a second %d times in %s, want %d at most", times, time.Since(began).Round(time.Millisecond), most)
	}
}

// TestReplicasLimits: what is counted is counted for both together.
func TestReplicasLimits(t *testing.T) {
	t.Parallel()
	r := startReplicas(t, os.Getenv(postgresEnv), "GATEWAY_RATE_LIMIT_CLIENT_AUTH=6", "GATEWAY_LOGIN_MAX_FAILED_ATTEMPTS=4")
	watch(t, r.server)
	t.Run("client-authentication", func(t *testing.T) {
		wrong := r.web
		wrong.Secret = "wrong-secret-wrong-secret"
		var status []int
		for i := range 8 {
			status = append(status, r.nodes[i%2].call(t, wrong, "/oauth/token", grant()).status)
		}
		for i, s := range status {
			if want := http.StatusUnauthorized; i < 6 && s != want {
				t.Errorf("try %d on replica %d: %d, want %d", i+1, i%2, s, want)
			} else if i >= 6 && s != http.StatusTooManyRequests {
				t.Errorf("try %d on replica %d: %d, want 429: both count together", i+1, i%2, s)
			}
		}
	})
	t.Run("lockout", func(t *testing.T) {
		for i := range 4 {
			b := newBrowser(t, r.server, person{email: r.alice.email, password: "wrong-password-5"})
			r.move(b, i%2)
			b.submit(b.signInForm(r.request(r.web)), nil)
		}
		for i := range r.nodes {
			b := r.on(t, i)
			if p := b.submit(b.signInForm(r.request(r.web)), nil); p.callback != nil {
				t.Errorf("replica %d: the account is not locked after four guesses on both", i)
			}
		}
	})
}
