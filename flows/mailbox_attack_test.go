package flows_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestMailboxProven: what somebody set up in an account with another's address is
// gone when its owner comes (S3-06).
func TestMailboxProven(t *testing.T) {
	for _, way := range []string{"emailcode", "magiclink", "recover"} {
		t.Run("S3-06/"+way, func(t *testing.T) {
			s := newSite(t, mails)
			u := s.user("victim") // the attacker's: not verified, with a password and an app
			attacker := s.browser()
			attacker.signIn(u)
			s.app(u)
			u = s.numbered(u, number) // and a telephone
			b := s.browser()
			at, id := b.ask(way, u.Email)
			l := s.letters()[0]
			switch way {
			case "emailcode":
				wantRedirect(t, b.post(at+"/emailcode", "code", l.Code), "/authorize/resume?id="+id)
			case "magiclink":
				wantRedirect(t, b.post(path(t, l.Link), "decision", "confirm"), "/authorize/resume?id="+id)
			default:
				wantRedirect(t, b.post(path(t, l.Link), "password", "a new password"), at)
				wantRedirect(t, b.post(at+"/password", "password", "a new password"), "/authorize/resume?id="+id)
			}
			if n := len(attacker.sessions()); n != 0 {
				t.Errorf("the attacker has %d sessions", n)
			}
			if w := attacker.post(attacker.begin(request())+"/identify", "identifier", u.Email, "password", "correct horse"); w.Code == http.StatusSeeOther {
				t.Error("the attacker's password works")
			}
			now, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
			if err != nil || !now.EmailVerified {
				t.Errorf("verified %v, %v", now.EmailVerified, err)
			}
			if _, err := s.store.TOTPCredentials.Get(t.Context(), s.project.Scope(), u.ID); !isGone(err) {
				t.Errorf("the attacker's app: %v", err)
			}
			if found, err := s.store.Users.ByPhone(t.Context(), s.project.Scope(), number); err != nil || len(found) != 0 {
				t.Errorf("the attacker's telephone signs in: %v, %v", found, err)
			}
		})
	}
}

func isGone(err error) bool {
	return err != nil && strings.Contains(err.Error(), storage.ErrNotFound.Error())
}

// TestRecover: a link chooses a new password: once, the newest alone, for a while,
// at our own host; all that was signed in is not any more.
func TestRecover(t *testing.T) {
	s := newSite(t, mails)
	u := s.verified("alice")
	old := s.browser()
	old.signIn(u)
	for range 6 { // the lock keeps nobody from a new password (S3-03)
		b := s.browser()
		b.post(b.begin(request())+"/identify", "identifier", u.Email, "password", "wrong")
	}
	b := s.browser()
	ar := request()
	at := b.begin(ar)
	ask := b.request(http.MethodPost, at+"/recover", values("email", u.Email, "decision", "send"))
	ask.Host = "evil.example" // a poisoned host, as a proxy may pass it on
	ask.Header.Set("Origin", "https://id.example")
	ask.Header.Set("X-Forwarded-Host", "evil.example")
	wantRedirect(t, b.send(ask), at+"/recover")
	first := path(t, s.lastLetter("reset", u.Email).Link) // S3-17: the issuer's host
	s.pass(time.Minute)
	wantRedirect(t, b.post(at+"/recover", "email", u.Email, "decision", "send"), at+"/recover")
	link := path(t, s.lastLetter("reset", u.Email).Link)
	wantPage(t, b.get(first), http.StatusGone, "a newer one")
	wantPage(t, b.post(first, "password", "a new password"), http.StatusGone)
	wantPage(t, b.get(link+"x"), http.StatusGone)

	w := b.get(link)
	wantPage(t, w, http.StatusOK, "new-password", u.Email)
	if w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Error("S3-17: the page tells others its address")
	}
	wantPage(t, b.post(link), http.StatusUnprocessableEntity, "enter your password")
	wantPage(t, b.post(link, "password", "short"), http.StatusUnprocessableEntity, "at least 8")
	if len(old.sessions()) != 1 {
		t.Fatal("a refused password ended a session")
	}
	elsewhere := s.browser() // a link to choose a password works in any browser, and signs in nowhere
	wantPage(t, elsewhere.post(link, "password", "a new password"), http.StatusOK, "Your password is changed")
	if len(elsewhere.sessions()) != 0 {
		t.Error("somebody is signed in by the link")
	}
	s.lastLetter("changed", u.Email)
	if len(old.sessions()) != 0 {
		t.Error("S3-13: a session outlives the password")
	}
	wantPage(t, b.post(link, "password", "yet another one"), http.StatusGone)
	s.pass(15 * time.Minute)
	s.browser().signInWith(u.Email, "a new password")
	if got := s.actions("password.reset"); len(got) != 1 {
		t.Errorf("audit %v", got)
	}

	wantRedirect(t, b.post(at+"/recover", "email", u.Email, "decision", "send"), at+"/recover")
	late := path(t, s.lastLetter("reset", u.Email).Link)
	s.pass(15 * time.Minute)
	wantPage(t, b.get(late), http.StatusGone)
}

// TestSameAnswerByMail: with an account or without, the answer and its work are
// the same (S3-01).
func TestSameAnswerByMail(t *testing.T) {
	for _, flow := range []string{"emailcode", "magiclink", "recover", "register"} {
		t.Run("S3-01/"+flow, func(t *testing.T) {
			s := newSite(t, mails, func(p *storage.Project) { p.Messages.PasswordlessSignup = false })
			s.verified("alice")
			answer := func(name string) (string, int64) {
				b := s.browser()
				at := b.begin(request())
				b.post(at+"/"+flow, "email", "warm@example.test") // what is made once
				s.pass(2 * time.Minute)
				reads := s.repo.reads.Load()
				w := b.post(at+"/"+flow, "email", name+"@example.test", "decision", "send", "password", "a good password")
				n := s.repo.reads.Load() - reads
				shown := b.get(w.Header().Get("Location"))
				return neutral(w, name, at) + neutral(shown, name, at), n
			}
			known, kn := answer("alice")
			unknown, un := answer("nobod")
			if known != unknown {
				t.Errorf("with an account:\n%s\nwithout:\n%s", known, unknown)
			}
			if kn != un {
				t.Errorf("%d reads with an account, %d without", kn, un)
			}
			if n := len(s.letters()); n < 2 {
				t.Errorf("%d letters", n)
			}
		})
	}
}

// neutral is an answer without what differs anyway.
func neutral(w *httptest.ResponseRecorder, name, at string) string {
	var cookies []string
	for _, c := range w.Result().Cookies() {
		cookies = append(cookies, c.Name)
	}
	text := w.Header().Get("Location") + strings.Join(cookies, " ") + w.Body.String()
	return http.StatusText(w.Code) + strings.NewReplacer(name, "NAME", at, "AT", url.PathEscape(name), "NAME").Replace(text)
}

// TestRegisterByMail: there is no account before the address is proven, and one
// that is taken tells its owner alone.
func TestRegisterByMail(t *testing.T) {
	s := newSite(t, mails)
	b := s.browser()
	ar := request()
	at := b.begin(ar)
	wantRedirect(t, b.post(at+"/register", "email", "New@example.test", "name", "New", "password", "a good password"), at+"/register")
	link := path(t, s.lastLetter("verify", "New@example.test").Link)
	if _, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "new@example.test"); !isGone(err) {
		t.Fatalf("an account with an address that nobody has proven: %v", err)
	}
	wantPage(t, b.get(at+"/register"), http.StatusOK, "one-time-code", "New@example.test")
	victim := s.browser() // whose address it is, and who made no account
	wantPage(t, victim.get(link), http.StatusOK, "asked for in another browser")
	wantPage(t, victim.post(link, "decision", "confirm"), http.StatusUnprocessableEntity, "browser that asked")
	wantPage(t, b.get(link), http.StatusOK, "Create account")
	wantRedirect(t, b.post(link, "decision", "confirm"), "/authorize/resume?id="+ar.ID)
	u, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "new@example.test")
	if err != nil || !u.EmailVerified || u.Name != "New" || b.done(ar.ID).Subject != u.ID {
		t.Fatalf("%+v, %v", u, err)
	}
	s.browser().signInWith(u.Email, "a good password")
	wantPage(t, b.get(link), http.StatusGone)

	s.pass(time.Minute)
	again := s.browser()
	at = again.begin(request())
	wantRedirect(t, again.post(at+"/register", "email", "new@example.test", "password", "another password"), at+"/register")
	s.lastLetter("account_exists", "new@example.test")
	s.browser().signInWith(u.Email, "a good password")
}

// TestMailRaced: of a hundred submits of one code, or one link, one wins.
func TestMailRaced(t *testing.T) {
	for _, flow := range []string{"emailcode", "magiclink", "recover"} {
		t.Run("S3-08/"+flow, func(t *testing.T) {
			s := newSite(t, mails, func(p *storage.Project) { p.Messages.CodeTries = 1000 })
			u := s.verified("alice")
			b := s.browser()
			at, _ := b.ask(flow, u.Email)
			l := s.letters()[0]
			target, form := at+"/emailcode", []string{"code", l.Code}
			if l.Link != "" {
				target, form = path(t, l.Link), []string{"password", "a new password"}
			}
			requests := make([]*http.Request, 100)
			for i := range requests {
				requests[i] = b.request(http.MethodPost, target, values(form...))
			}
			var all sync.WaitGroup
			for _, r := range requests {
				all.Go(func() { s.handler.ServeHTTP(httptest.NewRecorder(), r) })
			}
			all.Wait()
			action := "user.signed_in"
			if flow == "recover" {
				action = "password.reset"
			}
			if won := s.actions(action); len(won) != 1 {
				t.Errorf("%d won", len(won))
			}
		})
	}
}

// TestMailboxProvenMeanwhile: who made an account with another's address waits at
// the set-up of a second factor while its owner proves the address. It has no
// password that could tell that anything has changed.
func TestMailboxProvenMeanwhile(t *testing.T) {
	s := newSite(t, mails, texts)
	u := &storage.User{ID: storage.NewSubject(), Email: "victim@example.test", EmailKey: "victim@example.test", Status: storage.UserActive, Role: "member"}
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Add(u)); err != nil {
		t.Fatal(err)
	}
	u = s.numbered(u, number) // the attacker's
	allowed, err := s.store.Consents.Allow(t.Context(), s.project.Scope(), u.ID, "app", request().Scope, s.now())
	if err == nil {
		err = s.store.Commit(t.Context(), s.project.Scope(), allowed)
	}
	if err != nil {
		t.Fatal(err)
	}
	attacker := s.browser()
	at := attacker.begin(request(func(ar *storage.AuthorizationRequest) { ar.EssentialACR = []string{"mfa"} }))
	attacker.post(at+"/phonecode", "phone", number, "decision", "send")
	codes := s.codes(number)
	attacker.post(at+"/phonecode", "code", codes[len(codes)-1])
	page := attacker.get(at)
	wantPage(t, page, http.StatusOK, "otpauth://totp/")
	secret := regexp.MustCompile(`id="secret"[^>]*>([A-Z2-7 ]+)<`).FindStringSubmatch(page.Body.String())[1]

	owner := s.browser()
	in, _ := owner.ask("emailcode", u.Email)
	owner.post(in+"/emailcode", "code", s.lastLetter("code", u.Email).Code)
	if len(owner.sessions()) != 1 {
		t.Fatal("the owner is not signed in")
	}
	if attacker.post(at+"/enroltotp", "code", s.code(strings.ReplaceAll(secret, " ", ""))); len(attacker.sessions()) != 0 {
		t.Error("S3-06: the attacker is signed in")
	}
	if has, err := s.store.TOTPCredentials.Has(t.Context(), s.project.Scope(), u.ID); has || err != nil {
		t.Errorf("S3-06: the attacker's app is the account's: %v, %v", has, err)
	}
	if got := owner.silent(request(thirdParty)); got != "consent" {
		t.Errorf("S3-06: what the attacker allowed an application stands: %q", got)
	}
}
