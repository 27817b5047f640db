package flows_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// TestLogout: the sign-out page, both ways.
func TestLogout(t *testing.T) {
	s := newSite(t)
	alice, bob := s.user("alice"), s.user("bob")
	err := s.store.Clients.Create(t.Context(), s.project.Scope(), &storage.Client{
		ID: "app", PostLogoutRedirectURIs: []string{"https://app.example/bye", "com.example.app:/bye"},
	}, []string{"https://app.example"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	b.signIn(alice)
	b.signIn(bob)
	const query = "client_id=app&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=a%26b"
	if got := s.engine.ConfirmSignOut(s.project, query); got != "/logout?"+query {
		t.Errorf("ConfirmSignOut: %q", got)
	}
	w := b.get("/logout?" + query)
	wantPage(t, w, http.StatusOK, bob.Email, "decision")
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example;") {
		t.Errorf("CSP %q", csp)
	}
	wantPage(t, b.post("/logout?"+query, "decision", "perhaps"), http.StatusUnprocessableEntity)
	wantRedirect(t, b.post("/logout?"+query, "decision", "stay"), "/logout?stayed")
	wantPage(t, b.get("/logout?stayed"), http.StatusOK)
	if len(b.sessions()) != 2 {
		t.Fatalf("%d sessions after staying", len(b.sessions()))
	}
	wantRedirect(t, b.post("/logout?"+query, "decision", "logout"), "/end_session?"+query)
	if len(b.sessions()) != 0 || b.cookies["__Host-identity_session"] != "" {
		t.Errorf("%d sessions, cookies %v", len(b.sessions()), b.cookies)
	}
	if got := s.actions("session.ended"); !slices.Equal(got, []string{"session.ended:signed_out", "session.ended:signed_out"}) {
		t.Errorf("audit %v", got)
	}

	for target, allowed := range map[string]bool{
		"client_id=app&post_logout_redirect_uri=com.example.app:/bye":        true,
		"post_logout_redirect_uri=https://app.example/anything":              true,
		"post_logout_redirect_uri=https://evil.example/":                     false,
		"client_id=app&post_logout_redirect_uri=https://evil.example/bye":    false,
		"client_id=nobody&post_logout_redirect_uri=https://evil.example/bye": false,
		"post_logout_redirect_uri=javascript:alert(1)":                       false,
	} {
		csp := b.get("/logout?" + target).Header().Get("Content-Security-Policy")
		if got := !strings.Contains(csp, "form-action 'self';"); got != allowed {
			t.Errorf("S1-12: %s: %s", target, csp)
		}
	}
}

// TestLogoutHint: the question is about the account that the hint names, whichever
// way, and the others stay (OIDC RP-Initiated Logout §2).
func TestLogoutHint(t *testing.T) {
	s := newSite(t)
	alice, bob := s.user("alice"), s.user("bob")
	signedIn := func() (*browser, []*storage.Session) {
		b := s.browser()
		b.signIn(alice)
		b.signIn(bob)
		return b, b.sessions() // the last one first
	}
	for name, hint := range map[string]func([]*storage.Session) string{
		"address": func([]*storage.Session) string { return alice.Email }, "sub": func([]*storage.Session) string { return alice.ID },
		"sid": func(all []*storage.Session) string { return all[1].ID },
	} {
		t.Run("OIDC-RPInitiated-2/"+name, func(t *testing.T) {
			b, all := signedIn()
			query := "logout_hint=" + url.QueryEscape(hint(all))
			wantPage(t, b.get("/logout?"+query), http.StatusOK, alice.Email)
			wantRedirect(t, b.post("/logout?"+query, "decision", "logout"), "/end_session?"+query)
			if left := b.sessions(); len(left) != 1 || left[0].UserID != bob.ID {
				t.Errorf("left %v", left)
			}
			w := httptest.NewRecorder()
			if got := s.engine.Departed(w, b.request(http.MethodGet, "/end_session", nil), s.project); len(got) != 1 || got[0].ID != all[1].ID {
				t.Errorf("the end session endpoint does not hear that it was answered: %v", got)
			}
		})
	}
	t.Run("OIDC-RPInitiated-2/nobody-here", func(t *testing.T) {
		b, _ := signedIn()
		const query = "logout_hint=carol%40example.test"
		wantPage(t, b.get("/logout?"+query), http.StatusOK, bob.Email)
		wantRedirect(t, b.post("/logout?"+query, "decision", "logout"), "/end_session?"+query)
		if left := b.sessions(); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
}

// TestSignOut ends one session of the browser, and its grants.
func TestSignOut(t *testing.T) {
	s := newSite(t)
	alice, bob := s.user("alice"), s.user("bob")
	b := s.browser()
	b.signIn(alice)
	b.signIn(bob)
	mine := b.sessions()
	w := httptest.NewRecorder()
	if err := s.engine.SignOut(w, b.request(http.MethodGet, "/end_session", nil), s.project, mine[0]); err != nil {
		t.Fatal(err)
	}
	b.keep(w)
	if left := b.sessions(); len(left) != 1 || left[0].UserID != alice.ID {
		t.Errorf("left %v", left)
	}
	if w.Code != http.StatusOK || strings.Count(b.cookies["__Host-identity_session"], ".") != 0 {
		t.Errorf("cookie %q", b.cookies)
	}
}
