package flows_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// state is what the engine says of the browser, and what the browser holds then.
func (b *browser) state(s *site, fresh bool) string {
	s.t.Helper()
	w := httptest.NewRecorder()
	got, err := s.engine.BrowserState(w, b.request(http.MethodGet, "/authorize", nil), s.project, fresh)
	if err != nil {
		s.t.Fatal(err)
	}
	b.keep(w)
	if held := b.cookies[s.engine.BrowserStateCookie(s.project)]; held != got {
		s.t.Errorf("the cookie holds %q, the answer says %q", held, got)
	}
	return got
}

// TestBrowserState changes when the set of accounts does, and only then, and says
// nothing of them.
func TestBrowserState(t *testing.T) {
	s := newSite(t)
	alice, bob := s.user("alice"), s.user("bob")
	b := s.browser()
	if got := b.state(s, true); got != "" {
		t.Errorf("nobody: %q", got)
	}
	b.signIn(alice)
	one := b.state(s, false)
	if len(one) != 22 || one != b.state(s, true) {
		t.Errorf("one: %q, then %q", one, b.state(s, true))
	}
	sid := b.sessions()[0].ID
	if strings.Contains(one, sid) || strings.Contains(one, alice.ID) {
		t.Errorf("%q names somebody", one)
	}
	b.signIn(bob)
	two := b.state(s, false)
	if two == one || two == "" {
		t.Errorf("two: %q", two)
	}
	other := s.browser()
	other.signIn(alice)
	if other.state(s, false) == one {
		t.Error("another browser of the same person has the same state")
	}
	delete(b.cookies, s.engine.BrowserStateCookie(s.project))
	if got := b.state(s, false); got != two { // a session from before there was a cookie
		t.Errorf("mended: %q, want %q", got, two)
	}
	// Ended where the browser could not see it.
	if err := s.store.Commit(t.Context(), s.project.Scope(), append(s.store.Sessions.EndAll(alice.ID), s.store.Sessions.EndAll(bob.ID)...)...); err != nil {
		t.Fatal(err)
	}
	if got := b.state(s, true); got != "" {
		t.Errorf("ended: %q", got)
	}
}

// TestDeparted: the clients of the sessions that ended by the answer to the
// question are told once, by this browser.
func TestDeparted(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn(s.user("alice"))
	sid := b.sessions()[0].ID
	for _, c := range []storage.SessionClient{{ClientID: "front", FrontChannel: true}, {ClientID: "back", BackChannel: true}} {
		if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Sessions.Visit(sid, c)); err != nil {
			t.Fatal(err)
		}
	}
	departed := func() []*storage.Session {
		w := httptest.NewRecorder()
		defer b.keep(w)
		return s.engine.Departed(w, b.request(http.MethodGet, "/end_session", nil), s.project)
	}
	if got := departed(); got != nil {
		t.Errorf("before: %v", got)
	}
	wantRedirect(t, b.post("/logout", "decision", "logout"), "/end_session")
	if c := b.cookies["__Host-identity_state"]; c != "" {
		t.Errorf("the state after signing out: %q", c)
	}
	got := departed()
	if len(got) != 1 || got[0].ID != sid || !slices.Equal(got[0].Clients, []storage.SessionClient{{ClientID: "front", FrontChannel: true}}) {
		t.Errorf("departed %+v", got)
	}
	if got := departed(); got != nil {
		t.Errorf("twice: %v", got)
	}
	for _, planted := range []string{"x", "e30", "bnVsbA", strings.Repeat("A", 5000)} {
		b.cookies["__Host-identity_left"] = planted
		if got := departed(); len(got) != 0 {
			t.Errorf("%q: %v", planted, got)
		}
	}
}
