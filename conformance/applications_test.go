package conformance

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// guest is an application of others, registered and running: a page that
// tells who is signed in there and leads to the provider otherwise, and addresses
// for the rest.
type guest struct {
	page    string
	signOut string // leads to the provider's end of session, and back to bye
	bye     string
	front   string // frontchannel_logout_uri
	bySID   bool   // it ends its session in a frame without its cookies, too
	// refresh makes the application renew its tokens.
	refresh func(t *testing.T, b *browser)
}

// channel is how an application hears that a session has ended.
type channel string

const (
	frontChannel channel = "front-channel"
	backChannel  channel = "back-channel"
	renewal      channel = "renewal" // it can't renew its tokens
)

// registerApplication registers an application of the operator below an origin. It hears
// of the end of a session by this channel alone.
func (w *world) registerApplication(t *testing.T, word, redirectURI, bye string, by channel, front, back string) client {
	t.Helper()
	flags := []string{"--preset", "web", "--first-party", "--scope", "openid email profile", "--redirect-uri", redirectURI, "--post-logout-redirect-uri", bye}
	switch by {
	case frontChannel:
		flags = append(flags, "--frontchannel-logout-uri", front)
	case backChannel:
		flags = append(flags, "--backchannel-logout-uri", back)
	}
	c, err := w.another(word, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newOrigin is an origin on loopback where a program may listen.
func newOrigin(t *testing.T) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return "https://localhost:" + strconv.Itoa(port)
}

// TestApplications signs in to applications that others wrote, or that stand on
// libraries of others, until the session ends in each way.
func TestApplications(t *testing.T) {
	w := start(t, loopbackFetch)
	for _, a := range []struct {
		name   string
		run    func(*testing.T, *world, channel) *guest
		behind channel // how it hears of it without the browser
	}{
		{"openid-client", onNode("application_openid_client.mjs", "openid-client"), backChannel},
		{"oauth4webapi", onNode("application_oauth4webapi.mjs", "oauth4webapi"), backChannel},
		{"zitadel-rp", runZitadelRP, backChannel},
		{"oauth2-proxy", runOAuth2Proxy, renewal},
		{"mod_auth_openidc", runApache, backChannel},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			t.Run("login-refresh-logout", func(t *testing.T) { a.run(t, w, "").loginRefreshLogout(t, w) })
			t.Run(string(frontChannel), func(t *testing.T) { a.run(t, w, frontChannel).frontChannelLogout(t, w) })
			t.Run(string(a.behind), func(t *testing.T) { a.run(t, w, a.behind).toldBehind(t, w) })
		})
	}
	t.Run("chromium", func(t *testing.T) {
		t.Parallel()
		oneBrowser(t, w, runApache(t, w, ""), runOAuth2Proxy(t, w, frontChannel))
	})
}

// oneBrowser signs in to two applications in a real browser, and out at one of them.
func oneBrowser(t *testing.T, w *world, one, other *guest) {
	c := newTab(t, w.server, desktop)
	in := quote("document.body.innerText.includes(%s)", w.alice.email+" is signed in")
	c.open(one.page)
	c.signIn(w.alice)
	c.at(one.page)
	c.until(in)
	c.open(other.page) // asks nothing
	c.at(other.page)
	c.until(in)
	c.open(one.signOut)
	c.at(one.bye)
	for _, a := range []*guest{one, other} {
		c.open(a.page)
		c.at(w.issuer)
		c.has("#identifier")
	}
}

// in wants that the application knows the person, and returns what it says.
func (a *guest) in(t *testing.T, b *browser) string {
	t.Helper()
	p := b.look(a.page)
	if p.callback != nil || p.status != http.StatusOK || !strings.Contains(p.text(), b.who.email+" is signed in") {
		t.Fatalf("the application does not know %s: status %d, to %v: %s", b.who.email, p.status, p.callback, p.text())
	}
	return p.text()
}

// out says whether the application sends the browser to the provider.
func (a *guest) out(b *browser) bool {
	p := b.look(a.page)
	if p.callback == nil && strings.Contains(p.text(), b.who.email) {
		return false
	}
	at := p.callback
	return at != nil && at.Scheme+"://"+at.Host == b.server.issuer && at.Path == "/authorize"
}

func (a *guest) login(t *testing.T, b *browser) {
	t.Helper()
	if !a.out(b) {
		t.Fatal("the application asks for no sign-in")
	}
	p := b.through(a.page)
	if !strings.Contains(p.text(), b.who.email+" is signed in") {
		t.Fatalf("%s %d after the sign-in: %s", p.url.Path, p.status, p.text())
	}
	a.in(t, b)
}

func (a *guest) loginRefreshLogout(t *testing.T, w *world) {
	b := member(t, w)
	a.login(t, b)
	before := a.in(t, b)
	a.refresh(t, b)
	if after := a.in(t, b); after == before {
		t.Errorf("the tokens are the old ones: %s", after)
	}
	p := b.roam(a.signOut)
	if p.url.String() != a.bye || p.status != http.StatusOK {
		t.Errorf("the sign-out ends at %s %d: %s", p.url, p.status, p.text())
	}
	if !a.out(b) {
		t.Error("the application still knows the person")
	}
	b.signedOut(w.web)
}

// leaveElsewhere ends the session at another application.
func (a *guest) leaveElsewhere(t *testing.T, w *world, b *browser) *page {
	t.Helper()
	got := b.tokens(w.web)
	return b.endSession("id_token_hint", got.id, "post_logout_redirect_uri", loggedOut)
}

func (a *guest) frontChannelLogout(t *testing.T, w *world) {
	b := member(t, w)
	a.login(t, b)
	p := a.leaveElsewhere(t, w, b)
	frames := p.attributes("iframe", "src")
	if len(frames) != 1 || !strings.HasPrefix(frames[0], a.front) {
		t.Fatalf("frames %q, want %s", frames, a.front)
	}
	a.in(t, b) // until the frame is loaded
	framed := b
	if a.bySID {
		framed = newBrowser(t, w.server, b.who)
	}
	if p := framed.roam(frames[0]); p.status >= 400 {
		t.Errorf("the frame has status %d: %s", p.status, p.text())
	}
	if !a.out(b) {
		t.Error("the application still knows the person")
	}
}

// toldBehind: no page of the browser tells the application.
func (a *guest) toldBehind(t *testing.T, w *world) {
	b := member(t, w)
	a.login(t, b)
	if p := a.leaveElsewhere(t, w, b); p.callback == nil || p.callback.String() != loggedOut {
		t.Fatalf("redirected to %v: %s", p.callback, p.text())
	}
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !a.out(b) {
		select {
		case <-deadline:
			t.Fatal("the application knows the person after two minutes")
		case <-tick.C:
		}
	}
}
