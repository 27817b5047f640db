package flows_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage"
)

// tenant makes an organisation that has the domain example.test.
func (s *site) tenant(login storage.LoginPolicy) *storage.Tenant {
	s.t.Helper()
	t := &storage.Tenant{ID: storage.NewID(), Name: "Example", Login: login}
	if err := s.store.Tenants.Create(s.t.Context(), s.project.Scope(), t, s.user("owner").ID); err != nil {
		s.t.Fatal(err)
	}
	d, err := s.store.TenantDomains.Claim(s.t.Context(), s.project.Scope(), t.ID, "example.test", nil)
	if err == nil {
		err = s.store.TenantDomains.Verify(s.t.Context(), s.project.Scope(), d, s.now())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// becomes changes the organisation's policy, and lets what was remembered end.
func (s *site) becomes(t *storage.Tenant, login storage.LoginPolicy) {
	s.t.Helper()
	t.Login = login
	if err := s.store.Tenants.Update(s.t.Context(), s.project.Scope(), t); err != nil {
		s.t.Fatal(err)
	}
	s.pass(time.Second)
}

func only(methods ...string) storage.LoginPolicy { return storage.LoginPolicy{Methods: methods} }

// TestTenantPolicy: no way in signs somebody in whose organisation does not take
// it, also where the way was begun before.
func TestTenantPolicy(t *testing.T) {
	everything := func(p *storage.Project) {
		mails(p)
		passkeys(p)
		p.SignIn.QREnabled = true
	}
	for name, tt := range map[string]struct {
		allowed []string // the least that lets the way through
		try     func(s *site, u *storage.User, b *browser, change func())
	}{
		"password": {[]string{"password"}, func(_ *site, u *storage.User, b *browser, change func()) {
			change()
			at := b.begin(request())
			b.post(at+"/identify", "identifier", u.Email, "password", "correct horse")
			b.post(at+"/password", "password", "correct horse")
		}},
		"password by username": {[]string{"password"}, func(_ *site, _ *storage.User, b *browser, change func()) {
			change()
			b.post(b.begin(request())+"/identify", "identifier", "alice", "password", "correct horse")
		}},
		"password, after the name": {[]string{"password"}, func(s *site, u *storage.User, b *browser, change func()) {
			s.project.IdentifierFirst = true
			at := b.begin(request())
			b.post(at+"/identify", "identifier", u.Email)
			change()
			b.post(at+"/password", "password", "correct horse")
		}},
		"passkey": {[]string{"passkey"}, func(s *site, u *storage.User, b *browser, change func()) {
			k := s.passkey(u)
			at := b.begin(request())
			page := b.get(at)
			change()
			b.post(at+"/passkey", "credential", k.Get(options(s.t, page)))
		}},
		"emailcode": {[]string{"emailcode"}, func(s *site, u *storage.User, b *browser, change func()) {
			at, _ := b.ask("emailcode", u.Email)
			change()
			b.post(at+"/emailcode", "code", s.lastLetter("code", u.Email).Code)
		}},
		"magiclink": {[]string{"magiclink"}, func(s *site, u *storage.User, b *browser, change func()) {
			b.ask("magiclink", u.Email)
			change()
			b.post(path(s.t, s.lastLetter("magic_link", u.Email).Link), "decision", "confirm")
		}},
		"recover": {[]string{"password"}, func(s *site, u *storage.User, b *browser, change func()) {
			b.ask("recover", u.Email)
			link := path(s.t, s.lastLetter("reset", u.Email).Link)
			change()
			b.get(link)
			b.post(link, "password", "a new password")
			b.post(b.begin(request())+"/identify", "identifier", "alice", "password", "a new password")
		}},
		"qr": {[]string{"qr", "password"}, func(s *site, u *storage.User, b *browser, change func()) {
			phone := s.browser()
			phone.signIn(u)
			w := s.waiter()
			view := w.sees()
			phone.post("/qr", "ticket", phone.scan(view.URL), "number", view.Number)
			change()
			w.post(w.at+"/qr", "decision", "continue")
			b.cookies = w.cookies
		}},
		"register": {[]string{"password"}, func(s *site, _ *storage.User, b *browser, change func()) {
			at := b.begin(request())
			b.post(at+"/register", "email", "new@example.test", "password", "a good password")
			link := path(s.t, s.lastLetter("verify", "new@example.test").Link)
			change()
			b.post(link, "decision", "confirm")
		}},
	} {
		for _, policy := range []struct {
			name  string
			login storage.LoginPolicy
			in    bool
		}{
			{"allowed", only(tt.allowed...), true},
			{"not allowed", only("something"), false},
			{"nothing allowed", only([]string{}...), false},
			{"single sign-on", storage.LoginPolicy{SSORequired: true}, false},
		} {
			t.Run("S3-20/"+name+"/"+policy.name, func(t *testing.T) {
				s := newSite(t, everything)
				u := s.verified("alice")
				u.Username, u.UsernameKey = "alice", "alice"
				if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
					t.Fatal(err)
				}
				org := s.tenant(storage.LoginPolicy{})
				b := s.browser()
				if policy.login.Methods != nil && len(policy.login.Methods) == 0 {
					policy.login.Methods = []string{}
				}
				tt.try(s, u, b, func() { s.becomes(org, policy.login) })
				if got := len(b.sessions()) == 1; got != policy.in {
					t.Errorf("signed in: %v, want %v", got, policy.in)
				}
			})
		}
	}
}

// TestTenantOfOthers: a policy holds for the proven addresses of its domain alone.
func TestTenantOfOthers(t *testing.T) {
	s := newSite(t)
	org := s.tenant(storage.LoginPolicy{})
	s.becomes(org, only("passkey"))
	other := s.verified("bob")
	other.Email, other.EmailKey = "bob@sub.example.test", "bob@sub.example.test"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(other)); err != nil {
		t.Fatal(err)
	}
	s.browser().signIn(other)
	unproven := s.user("carol")
	unproven.Username, unproven.UsernameKey = "carol", "carol"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(unproven)); err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	if b.post(b.begin(request())+"/identify", "identifier", "carol", "password", "correct horse"); len(b.sessions()) != 1 {
		t.Error("an address that nobody has proven makes somebody a member")
	}
	claimed := &storage.Tenant{ID: storage.NewID(), Name: "Claims", Login: only("nothing")}
	if err := s.store.Tenants.Create(t.Context(), s.project.Scope(), claimed, other.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.TenantDomains.Claim(t.Context(), s.project.Scope(), claimed.ID, "sub.example.test", nil); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	s.browser().signIn(other) // a claim holds nobody
}

// TestTenantTellsNothing: what somebody sees who typed an address of an
// organisation follows its domain: an account makes no difference, in words or in
// work (S3-01).
func TestTenantTellsNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		login storage.LoginPolicy
		flow  string
	}{
		{"another way", only("emailcode"), "identify"}, {"no way at all", only("something"), "identify"},
		{"single sign-on", storage.LoginPolicy{SSORequired: true}, "identify"},
		{"code", only("password"), "emailcode"}, {"link", only("password"), "magiclink"},
		{"reset", only("passkey"), "recover"}, {"register", only("passkey"), "register"},
	} {
		t.Run("S3-20/"+tt.name, func(t *testing.T) {
			s := newSite(t, mails)
			s.tenant(tt.login)
			s.verified("alice1")
			b := s.browser()
			b.get(b.begin(request()))
			b.post(b.begin(request())+"/identify", "identifier", "warm@example.test")
			answer := func(typed string) string {
				b := s.browser()
				at := b.begin(request())
				reads, hashed := s.repo.reads.Load(), s.hasher.verified.Load()+s.hasher.hashed.Load()
				got := shape(b.post(at+"/"+tt.flow, "identifier", typed, "email", typed, "decision", "send", "password", "correct horse"), typed)
				got += shape(b.get(at), typed)
				return strings.ReplaceAll(got+fmt.Sprint(s.repo.reads.Load()-reads, " reads ", s.hasher.verified.Load()+s.hasher.hashed.Load()-hashed, " hashes"), url.QueryEscape(typed), "TYPED")
			}
			known, unknown := answer("alice1@example.test"), answer("nobody@example.test")
			if known != unknown {
				t.Errorf("an account is told apart:\n%s", cmp.Diff(strings.Split(known, "\n"), strings.Split(unknown, "\n")))
			}
			if !strings.Contains(known, " 0 hashes") {
				t.Error("a password was tried")
			}
		})
	}
}

// TestStricterPolicy: a session from before answers nothing any more: no client,
// no choice among accounts, no page of the account, no code to scan.
func TestStricterPolicy(t *testing.T) {
	for name, change := range map[string]func(s *site, org *storage.Tenant){
		"tenant methods":  func(s *site, org *storage.Tenant) { s.becomes(org, only("emailcode")) },
		"tenant sso":      func(s *site, org *storage.Tenant) { s.becomes(org, storage.LoginPolicy{SSORequired: true}) },
		"project methods": func(s *site, _ *storage.Tenant) { s.project.Login = only("emailcode") },
		"project sso":     func(s *site, _ *storage.Tenant) { s.project.Login.SSORequired = true },
		"factors":         func(s *site, _ *storage.Tenant) { s.project.SignIn.Policy.First = []string{"emailcode"} },
		"switched off":    func(s *site, _ *storage.Tenant) { s.project.SignIn.Closed = []string{"password"} },
	} {
		t.Run("S3-20/"+name, func(t *testing.T) {
			s := newHome(t, mails, func(p *storage.Project) { p.SignIn.QREnabled = true })
			u := s.verified("alice")
			org := s.tenant(storage.LoginPolicy{})
			b := s.browser()
			b.signIn(u)
			begun := request()
			b.begin(begun)
			if needed := b.silent(request()); needed != "" {
				t.Fatalf("needs %q before", needed)
			}
			wantPage(t, b.get("/account"), http.StatusOK, u.Email)
			w := s.waiter()
			view := w.sees()

			change(s, org)
			if needed := b.silent(request()); needed != "login" {
				t.Errorf("silent needs %q", needed)
			}
			if _, err := b.resume(begun.ID); !isGone(err) {
				t.Errorf("a request that was begun is answered: %v", err)
			}
			at := b.begin(request())
			wantPage(t, b.get(at), http.StatusOK, `name="identifier"`, u.Email)
			choosing := b.begin(request(prompt("select_account")))
			wantRedirect(t, b.post(choosing+"/selectaccount", "account", b.sessions()[0].ID), choosing)
			if row := s.row(strings.TrimPrefix(choosing, "/interaction/")); row.Subject != "" {
				t.Error("the choice of an account answered")
			}
			for _, page := range []string{"/account", "/account/sessions"} {
				if got := b.get(page); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), "/interaction/") {
					t.Errorf("%s: %d to %q", page, got.Code, got.Header().Get("Location"))
				}
			}
			if got := b.judge(b.scan(view.URL)); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), "/interaction/") {
				t.Errorf("/qr: %d", got.Code)
			}
			if name == "tenant methods" { // the way that is left leads on, in the same session
				at, id := b.ask("emailcode", u.Email)
				wantRedirect(t, b.post(at+"/emailcode", "code", s.lastLetter("code", u.Email).Code), "/authorize/resume?id="+id)
				if needed := b.silent(request()); needed != "" {
					t.Errorf("silent needs %q afterwards", needed)
				}
			}
		})
	}
}

// TestUnknownMethods: a session of which nobody knows how it began answers as long
// as no policy asks.
func TestUnknownMethods(t *testing.T) {
	s := newSite(t)
	u := s.verified("alice")
	b := s.browser()
	old := *b.signIn(u)
	old.Methods = nil
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Sessions.Renew(&old)); err != nil {
		t.Fatal(err)
	}
	if needed := b.silent(request()); needed != "" {
		t.Errorf("needs %q without a policy", needed)
	}
	s.project.Login = only("password", "passkey")
	if needed := b.silent(request()); needed != "login" {
		t.Errorf("needs %q", needed)
	}
}

// TestTenantSecondFactor: an organisation that wants two factors gets them: at a
// sign-in, from a session of before, and on the pages of the account.
func TestTenantSecondFactor(t *testing.T) {
	s := newHome(t)
	u := s.verified("alice")
	org := s.tenant(storage.LoginPolicy{})
	b := s.browser()
	b.signIn(u)
	s.becomes(org, storage.LoginPolicy{SecondFactorRequired: true})
	if needed := b.silent(request()); needed != "login" {
		t.Errorf("silent needs %q", needed)
	}
	if w := b.get("/account"); w.Code != http.StatusSeeOther {
		t.Errorf("/account: %d", w.Code)
	}
	fresh := s.browser()
	at, _ := fresh.password(u, func(ar *storage.AuthorizationRequest) { ar.SignIn.SecondFactor = "off" })
	wantPage(t, fresh.get(at), http.StatusOK, "otpauth://totp/")
	if len(fresh.sessions()) != 0 {
		t.Error("signed in with one factor")
	}
	s.app(u)
	ar := request()
	at = b.begin(ar)
	wantPage(t, b.get(at), http.StatusOK, "one-time-code")
	wantRedirect(t, b.post(at+"/totp", "code", s.appCode()), "/authorize/resume?id="+ar.ID)
	if needed := b.silent(request()); needed != "" {
		t.Errorf("silent needs %q afterwards", needed)
	}
	wantPage(t, b.get("/account"), http.StatusOK, u.Email)
}

// TestNoSecondFactor: where two factors are required and no second one can be
// asked, nobody is signed in with one.
func TestNoSecondFactor(t *testing.T) {
	none := func(p *storage.Project) { p.SignIn.Policy.Second = []string{"passkey"} }
	s := newSite(t, none)
	u := s.user("alice")
	b := s.browser()
	b.signIn(u)
	s.project.SignIn.Policy.SecondFactor = storage.SecondFactorRequired
	if needed := b.silent(request()); needed != "interaction" {
		t.Errorf("silent needs %q", needed)
	}
	ar := request()
	at := b.begin(ar)
	wantRedirect(t, b.get(at), "/authorize/resume?id="+ar.ID)
	if got := b.done(ar.ID); got.Done || got.Denied != "unmet_authentication_requirements" {
		t.Errorf("done %v, denied %q", got.Done, got.Denied)
	}
	fresh := s.browser()
	wantPage(t, fresh.post(fresh.begin(request())+"/identify", "identifier", u.Email, "password", "correct horse"), http.StatusForbidden, "Two steps are needed")
	if len(fresh.sessions()) != 0 {
		t.Error("signed in with one factor")
	}
}
