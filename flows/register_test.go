package flows_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// TestRegister: who may make an account, and what comes of it.
func TestRegister(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	ar := request(thirdParty, func(ar *storage.AuthorizationRequest) { ar.LoginHint = "hint@example.test" })
	at := b.begin(ar)
	wantPage(t, b.get(at), http.StatusOK, at+"/register")
	wantPage(t, b.get(at+"/register"), http.StatusOK, "hint@example.test", at+"/identify")
	wantRedirect(t, b.post(at+"/register", "email", " New@Example.test ", "name", "New Person", "password", "a good password"), at)
	wantPage(t, b.get(at), http.StatusOK, "decision", "New@Example.test")
	u, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "new@example.test")
	if err != nil {
		t.Fatal(err)
	}
	if u.EmailVerified || u.Role != "member" || u.Status != storage.UserActive || u.Email != "New@Example.test" || u.Name != "New Person" || u.CreatedOrder == 0 {
		t.Errorf("%+v", u)
	}
	if row := s.row(ar.ID); row.Subject != u.ID || !slices.Equal(row.AMR, []string{"pwd"}) {
		t.Errorf("subject %q, amr %v", row.Subject, row.AMR)
	}
	for _, action := range []string{"user.registered", "session.started", "user.signed_in"} {
		if got := s.actions(action); len(got) != 1 {
			t.Errorf("audit %v", got)
		}
	}
	s.browser().signInWith(u.Email, "a good password")
}

// signInWith signs in with a password of one's own.
func (b *browser) signInWith(email, password string) {
	b.t.Helper()
	if w := b.post(b.begin(request())+"/identify", "identifier", email, "password", password); w.Code != http.StatusSeeOther {
		b.t.Fatalf("%d: %s", w.Code, w.Body)
	}
}

// TestRegisterRefused: what is refused leaves nothing behind but its audit.
func TestRegisterRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*storage.Project)
		form   []string
		status int
		words  string
	}{
		{"taken", nil, []string{"email", "Alice@example.test", "password", "a good password"}, http.StatusUnprocessableEntity, "No account could be created"},
		{"weak", nil, []string{"email", "x@example.test", "password", "short"}, http.StatusUnprocessableEntity, "at least 8"},
		{"no-address", nil, []string{"email", "x", "password", "a good password"}, http.StatusUnprocessableEntity, "not an e-mail"},
		{"closed", func(p *storage.Project) { p.SignupEnabled = false }, []string{"email", "x@example.test", "password", "a good password"}, http.StatusSeeOther, ""},
		{"no-passwords", func(p *storage.Project) { p.PasswordEnabled = false }, []string{"email", "x@example.test", "password", "a good password"}, http.StatusSeeOther, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.user("alice")
			if tt.change != nil {
				tt.change(s.project)
			}
			b := s.browser()
			at := b.begin(request(prompt("create")))
			before := s.dump()
			w := b.post(at+"/register", tt.form...)
			wantPage(t, w, tt.status, tt.words)
			if strings.Contains(w.Body.String(), "a good password") {
				t.Error("the password is on the page")
			}
			if after := s.dump(); strings.Count(after, "\n") > strings.Count(before, "\n")+len(s.actions("user.registration_failed")) {
				t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// TestPromptCreate: registration first, until the person says they have an account.
func TestPromptCreate(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	ar := request(prompt("create"))
	at := b.begin(ar)
	wantPage(t, b.get(at), http.StatusOK, "new-password")
	wantPage(t, b.get(at+"/identify"), http.StatusOK, "current-password")
	wantRedirect(t, b.post(at+"/identify", "identifier", u.Email, "password", "correct horse"), "/authorize/resume?id="+ar.ID)
}

// TestRegisterFails: nothing of an account is there when its commit fails, and
// the next try goes through.
func TestRegisterFails(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	ar := request()
	at := b.begin(ar)
	s.repo.countdown.Store(2) // the limit, then everything else
	wantPage(t, b.post(at+"/register", "email", "new@example.test", "password", "a good password"), http.StatusServiceUnavailable)
	if n := len(b.sessions()); n != 0 {
		t.Fatalf("%d sessions", n)
	}
	if row := s.row(ar.ID); row.Version != 1 {
		t.Errorf("row version %d", row.Version)
	}
	wantRedirect(t, b.post(at+"/register", "email", "new@example.test", "password", "a good password"), "/authorize/resume?id="+ar.ID)
	s.browser().signInWith("new@example.test", "a good password")
}

// TestRehash: a password under old parameters is stored anew with the sign-in.
func TestRehash(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	version := func() int64 {
		c, err := s.store.PasswordCredentials.Get(t.Context(), s.project.Scope(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return c.Version
	}
	s.browser().signIn(u)
	if version() != 1 || s.hasher.hashed.Load() != 0 {
		t.Error("rehashed without need")
	}
	s.hasher.outdated = true
	b := s.browser()
	wantPage(t, b.post(b.begin(request())+"/identify", "identifier", u.Email, "password", "guess"), http.StatusUnprocessableEntity)
	if version() != 1 {
		t.Error("rehashed with a wrong password")
	}
	s.browser().signIn(u)
	if version() != 2 || len(s.actions("password.rehashed")) != 1 {
		t.Errorf("version %d, audit %v", version(), s.actions("password.rehashed"))
	}
}

// TestPages: what the pages say of the request.
func TestPages(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	tests := []struct {
		name   string
		change func(*storage.AuthorizationRequest)
		words  []string
		csp    string
	}{
		{"OIDCCore-3.1.2.1/login_hint", func(ar *storage.AuthorizationRequest) { ar.LoginHint = u.Email }, []string{`value="alice@example.test"`}, "form-action 'self' https://app.example;"},
		{"OIDCCore-3.1.2.1/ui_locales", func(ar *storage.AuthorizationRequest) { ar.UILocales = []string{"de"} }, []string{`lang="de"`}, ""},
		{"S1-11/login_hint", func(ar *storage.AuthorizationRequest) { ar.LoginHint = `"><script>alert(1)</script>` }, []string{`&lt;script&gt;`}, ""},
		{"RFC8252-7.1/private-scheme", func(ar *storage.AuthorizationRequest) { ar.RedirectURI = "com.example.app:/callback" }, nil, "form-action 'self' com.example.app:;"},
		{"RFC8252-7.3/loopback", func(ar *storage.AuthorizationRequest) { ar.RedirectURI = "http://127.0.0.1:51004/cb" }, nil, "form-action 'self' http://127.0.0.1:51004;"},
		{"S1-10/frame", func(*storage.AuthorizationRequest) {}, nil, "frame-ancestors 'none'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := b.get(b.begin(request(tt.change)))
			wantPage(t, w, http.StatusOK, tt.words...)
			if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, tt.csp) {
				t.Errorf("CSP %q", csp)
			}
			if w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("S1-08: %v", w.Header())
			}
		})
	}
}
