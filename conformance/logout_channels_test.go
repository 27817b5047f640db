package conformance

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// loopbackFetch lets the server call the receivers of these tests.
const loopbackFetch = "GATEWAY_INSECURE_ALLOW_LOOPBACK_FETCH=true"

// relyingParty is the server of an application, on loopback with TLS: it notes
// what it is told.
type relyingParty struct {
	origin string
	mu     sync.Mutex
	status int // of its answers to logout tokens
	calls  []call
}

// call is one request that came.
type call struct {
	method, path string
	query, form  url.Values
	tls          uint16
	at           time.Time
}

func newRelyingParty(t *testing.T) *relyingParty {
	t.Helper()
	rp := &relyingParty{status: http.StatusOK}
	s := httptest.NewUnstartedServer(http.HandlerFunc(rp.serve))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{suite.ca.certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	rp.origin = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	return rp
}

func (rp *relyingParty) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.calls = append(rp.calls, call{r.Method, r.URL.Path, r.URL.Query(), form, r.TLS.Version, time.Now()})
	if strings.HasPrefix(r.URL.Path, "/back") {
		w.WriteHeader(rp.status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!doctype html><title>app</title><p id=page>"+strings.Trim(r.URL.Path, "/")+"</p>") // the browser is gone
}

func (rp *relyingParty) answer(status int) {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.status = status
}

// to returns the calls of a path.
func (rp *relyingParty) to(path string) []call {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(rp.calls), func(c call) bool { return c.path != path })
}

// wait waits until a path was called this often.
func (rp *relyingParty) wait(t *testing.T, path string, n int) []call {
	t.Helper()
	deadline := time.After(3 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if got := rp.to(path); len(got) >= n {
			return got
		}
		select {
		case <-deadline:
			t.Fatalf("%s was called %d times in three minutes, want %d", path, len(rp.to(path)), n)
		case <-tick.C:
		}
	}
}

// told registers a client of an operator's application that wants to be told.
func (w *world) told(t *testing.T, word string, rp *relyingParty, flags ...string) client {
	t.Helper()
	c, err := w.another(word, append([]string{"--preset", "web", "--first-party", "--scope", "openid offline_access", "--redirect-uri", rp.origin + "/callback",
		"--post-logout-redirect-uri", rp.origin + "/bye"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	c.method, c.redirect = "client_secret_basic", rp.origin+"/callback"
	return c
}

// logoutToken checks the one parameter of a call, and returns the claims.
func (w *world) logoutToken(t *testing.T, c call, of client) map[string]any {
	t.Helper()
	token := c.form.Get("logout_token")
	w.log.secret(token)
	if c.method != http.MethodPost || len(c.form) != 1 || len(c.query) != 0 || token == "" {
		t.Fatalf("%s with %d parameters", c.method, len(c.form))
	}
	if c.tls != tls.VersionTLS13 {
		t.Errorf("TLS version %#x, want 1.3", c.tls)
	}
	header, claims := w.jwt(t, token)
	if header.Algorithm != "RS256" || header.ExtraHeaders["typ"] != "logout+jwt" {
		t.Errorf("header %v", header)
	}
	events, _ := claims["events"].(map[string]any)
	event, ok := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
	iat, _ := claims["iat"].(float64)
	exp, _ := claims["exp"].(float64)
	if claims["iss"] != w.issuer || claims["aud"] != of.ID || claims["sub"] != w.alice.sub || claims["jti"] == nil || !ok || len(event) != 0 || len(events) != 1 {
		t.Errorf("claims %v", claims)
	}
	if _, has := claims["nonce"]; has || int64(iat) > time.Now().Unix() || exp <= iat || exp-iat > 120 {
		t.Errorf("claims %v", claims)
	}
	return claims
}

// redeemAt redeems the code of the address where a browser came to.
func (w *world) redeemAt(t *testing.T, r request, at string) tokens {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	w.log.secret(u.Query().Get("code"))
	return w.verify(t, r, w.redeem(t, r, u.Query().Get("code")))
}

// TestLogoutChannels is front-channel and back-channel logout.
func TestLogoutChannels(t *testing.T) {
	w := start(t, loopbackFetch)
	rp := newRelyingParty(t)
	for name, run := range map[string]func(*testing.T){
		"oidcc-frontchannel-logout-discovery-endpoint-verification": func(t *testing.T) {
			d := w.fetch(t, "/.well-known/openid-configuration")
			for _, flag := range []string{"frontchannel_logout_supported", "frontchannel_logout_session_supported"} {
				if d.body[flag] != true {
					t.Errorf("%s is %v", flag, d.body[flag])
				}
			}
		},
		"oidcc-backchannel-logout-discovery-endpoint-verification": func(t *testing.T) {
			d := w.fetch(t, "/.well-known/openid-configuration")
			for _, flag := range []string{"backchannel_logout_supported", "backchannel_logout_session_supported"} {
				if d.body[flag] != true {
					t.Errorf("%s is %v", flag, d.body[flag])
				}
			}
		},
		"oidcc-backchannel-rp-initiated-logout": func(t *testing.T) {
			c := w.told(t, "back", rp, "--backchannel-logout-uri", rp.origin+"/back-1")
			b := member(t, w)
			got := b.tokens(c)
			began := time.Now()
			p := b.endSession("id_token_hint", got.id, "post_logout_redirect_uri", rp.origin+"/bye", "state", "s")
			if p.callback == nil || p.callback.String() != rp.origin+"/bye?state=s" {
				t.Errorf("redirected to %v", p.callback)
			}
			calls := rp.wait(t, "/back-1", 1)
			t.Logf("from the request to sign out to the logout token: %v", calls[0].at.Sub(began))
			claims := w.logoutToken(t, calls[0], c)
			if _, id := w.jwt(t, got.id); claims["sid"] != id["sid"] || claims["sub"] != id["sub"] {
				t.Errorf("sid %v sub %v, the ID token has %v %v", claims["sid"], claims["sub"], id["sid"], id["sub"])
			}
			b.signedOut(c)
		},
		"one-session-many-clients": func(t *testing.T) {
			one := w.told(t, "one", rp, "--backchannel-logout-uri", rp.origin+"/back-one")
			two := w.told(t, "two", rp, "--backchannel-logout-uri", rp.origin+"/back-two")
			w.told(t, "stranger", rp, "--backchannel-logout-uri", rp.origin+"/back-stranger")
			b := member(t, w)
			first := b.tokens(one)
			offline := b.tokens(two, "scope", "openid offline_access", "prompt", "consent")
			b.endSession("id_token_hint", first.id)
			a := w.logoutToken(t, rp.wait(t, "/back-one", 1)[0], one)
			z := w.logoutToken(t, rp.wait(t, "/back-two", 1)[0], two)
			if a["sid"] != z["sid"] {
				t.Errorf("sid %v and %v of one session", a["sid"], z["sid"])
			}
			if len(rp.to("/back-stranger")) != 0 {
				t.Error("a client that was not visited is told")
			}
			w.refresh(t, two, offline.refresh).want(t, http.StatusOK) // OIDC Back-Channel Logout 1.0, section 2.7
		},
		"asked-first": func(t *testing.T) {
			c := w.told(t, "asked", rp, "--backchannel-logout-uri", rp.origin+"/back-asked")
			b := member(t, w)
			b.tokens(c)
			b.leave(b.endSession())
			w.logoutToken(t, rp.wait(t, "/back-asked", 1)[0], c)
		},
		"password-changed": func(t *testing.T) {
			c := w.told(t, "changed", rp, "--backchannel-logout-uri", rp.origin+"/back-changed")
			who, err := w.addPerson("changes", "Carol Changes")
			if err != nil {
				t.Fatal(err)
			}
			newBrowser(t, w.server, who).tokens(c)
			if _, err := w.identity("another password of Carol\n", "user", "set-password", who.email, "--password-stdin"); err != nil {
				t.Fatal(err)
			}
			// Told by the command's own process, not by the server: it hears of it at the latest when it looks.
			rp.wait(t, "/back-changed", 1)
		},
		"S6-10/receiver-fails-and-recovers": func(t *testing.T) {
			other := newRelyingParty(t)
			other.answer(http.StatusServiceUnavailable)
			c := w.told(t, "failing", other, "--backchannel-logout-uri", other.origin+"/back")
			b := member(t, w)
			got := b.tokens(c)
			b.endSession("id_token_hint", got.id)
			first := w.logoutToken(t, other.wait(t, "/back", 1)[0], c)
			other.answer(http.StatusNoContent)
			calls := other.wait(t, "/back", 2)
			second := w.logoutToken(t, calls[1], c)
			if first["sid"] != second["sid"] || first["jti"] == second["jti"] {
				t.Errorf("%v then %v", first, second)
			}
			if wait := calls[1].at.Sub(calls[0].at); wait < 1500*time.Millisecond {
				t.Errorf("tried again after %v, want 2 s less a quarter at the most", wait)
			}
		},
		"frames-without-script": func(t *testing.T) {
			c := w.told(t, "framed", rp, "--frontchannel-logout-uri", rp.origin+"/front?x=1")
			b := member(t, w)
			got := b.tokens(c)
			_, id := w.jwt(t, got.id)
			want := rp.origin + "/front?x=1&iss=" + url.QueryEscape(w.issuer) + "&sid=" + id["sid"].(string)
			p := b.endSession("id_token_hint", got.id, "post_logout_redirect_uri", rp.origin+"/bye", "state", "s")
			if frames := p.attributes("iframe", "src"); !slices.Equal(frames, []string{want}) {
				t.Errorf("frames %q, want %q", frames, want)
			}
			if refresh := p.header.Get("Refresh"); refresh != "5; url="+rp.origin+"/bye?state=s" {
				t.Errorf("Refresh: %q", refresh)
			}
			if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "; frame-src "+rp.origin+";") {
				t.Errorf("CSP %q", csp)
			}
			b.signedOut(c)
			// The other way: by the question.
			b.tokens(c)
			if frames := b.leave(b.endSession()).attributes("iframe", "src"); len(frames) != 1 || !strings.HasPrefix(frames[0], rp.origin+"/front?x=1&iss=") {
				t.Errorf("after the question: frames %q", frames)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { run(t) })
	}
}

// TestLogoutCrash: a logout token that was committed is sent, whatever happens to
// the process between.
func TestLogoutCrash(t *testing.T) {
	t.Parallel()
	w := start(t, loopbackFetch)
	rp := newRelyingParty(t)
	rp.answer(http.StatusServiceUnavailable)
	c := w.told(t, "crash", rp, "--backchannel-logout-uri", rp.origin+"/back")
	b := member(t, w)
	got := b.tokens(c)
	b.endSession("id_token_hint", got.id)
	rp.wait(t, "/back", 1) // refused: tried again in 2 s, or when the lease of 30 s ends, if that was not committed
	w.kill()
	n := len(rp.to("/back"))
	rp.answer(http.StatusOK)
	if err := w.server.start(); err != nil {
		t.Fatal(err)
	}
	w.logoutToken(t, rp.wait(t, "/back", n+1)[n], c)
}

// TestFrontChannelChromium: a browser loads the page of the application in a frame
// and goes on, with and without script.
func TestFrontChannelChromium(t *testing.T) {
	w := start(t, loopbackFetch)
	rp := newRelyingParty(t)
	c := w.told(t, "chromium", rp, "--frontchannel-logout-uri", rp.origin+"/front")
	tab := newTab(t, w.server, desktop)
	for i, script := range []bool{true, false} {
		tab.script(true)
		r := w.request(c)
		tab.open(w.authorizeURL(r))
		tab.signIn(w.alice)
		tab.at(rp.origin + "/callback")
		var at string
		tab.must(&at, "location.href")
		id := w.redeemAt(t, r, at).id
		tab.script(script)
		began := time.Now()
		q := url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {rp.origin + "/bye"}, "state": {strconv.Itoa(i)}}
		tab.open(w.issuer + "/end_session?" + q.Encode())
		tab.script(true)
		tab.at(rp.origin + "/bye?state=" + strconv.Itoa(i))
		took := time.Since(began)
		t.Logf("script %v: from the request to the application's page: %v", script, took)
		calls := rp.wait(t, "/front", i+1)
		_, claims := w.jwt(t, id)
		if q := calls[i].query; len(calls) != i+1 || len(q) != 2 || q.Get("iss") != w.issuer || q.Get("sid") != claims["sid"] {
			t.Errorf("%d calls, the last with %v", len(calls), calls[i].query)
		}
	}
}

// TestSessionManagement: the page of the application asks the frame of the
// provider, in a browser (OIDC Session Management 1.0, section 3).
func TestSessionManagement(t *testing.T) {
	w := start(t, loopbackFetch)
	if w.fetch(t, "/.well-known/openid-configuration").str("check_session_iframe") != w.issuer+"/check_session" {
		t.Error("check_session_iframe is missing") // oidcc-session-management-discovery-endpoint-verification
	}
	rp := newRelyingParty(t)
	c := w.told(t, "session", rp)
	tab := newTab(t, w.server, desktop)
	r := w.request(c)
	tab.open(w.authorizeURL(r))
	tab.signIn(w.alice)
	tab.at(rp.origin + "/callback")
	var at string
	tab.must(&at, "location.href")
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	state := u.Query().Get("session_state")
	id := w.redeemAt(t, r, at).id
	ask := func(message string) string {
		t.Helper()
		var got string
		tab.must(&got, quote(`new Promise((resolve, reject) => {
			const frame = document.createElement("iframe")
			const origin = %s
			addEventListener("message", (e) => { if (e.origin === origin) { frame.remove(); resolve(e.data) } }, {once: true})
			frame.onload = () => frame.contentWindow.postMessage(%s, origin)
			frame.src = origin + "/check_session"
			document.body.append(frame)
			setTimeout(() => reject(new Error("no answer")), 60000)
		})`, w.issuer, message))
		return got
	}
	if got := ask(c.ID + " " + state); got != "unchanged" { // oidcc-session-management-rp-initiated-logout
		t.Errorf("signed in: %q", got)
	}
	for message, want := range map[string]string{
		c.ID + " " + strings.Repeat("0", 64) + ".salt": "changed", "other " + state: "changed",
		"nonsense": "error", c.ID + " ": "error", "": "error", c.ID + " " + state + " x": "error",
	} {
		if got := ask(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
	q := url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {rp.origin + "/bye"}}
	tab.open(w.issuer + "/end_session?" + q.Encode())
	tab.at(rp.origin + "/bye")
	if got := ask(c.ID + " " + state); got != "changed" {
		t.Errorf("signed out: %q", got)
	}
}
