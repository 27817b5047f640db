package flows_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestLockedLetter: the owner is told of a lock, once in its window, and nobody of
// one that is no account's.
func TestLockedLetter(t *testing.T) {
	s := newSite(t, mails)
	u := s.verified("alice")
	guess := func(name string) int {
		b := s.browser()
		return b.post(b.begin(request())+"/identify", "identifier", name, "password", "guess").Code
	}
	for range 8 {
		guess(u.Email)
		guess("nobody@example.test")
	}
	sent := func() int {
		for _, l := range s.letters() {
			if l.Name != "locked" || l.To != u.Email {
				t.Errorf("letter %s to %s", l.Name, l.To)
			}
		}
		return len(s.letters())
	}
	if n := sent(); n != 1 {
		t.Errorf("S3-02/notice: %d letters", n)
	}
	again := func(windows int) {
		for range windows { // a stranger who locks it each time that a lock ends
			s.pass(15 * time.Minute)
			for range 6 {
				guess(u.Email)
			}
		}
	}
	again(3)
	if n := sent(); n != 1 {
		t.Errorf("S3-02/notice: %d letters in an hour, want one in a day", n)
	}
	locked := 0
	for _, a := range s.actions("user.sign_in_failed") {
		if a == "user.sign_in_failed:locked" {
			locked++
		}
	}
	if locked != 5 { // four of the account, one of the name that nobody has
		t.Errorf("S3-02/notice: %d locks in the log", locked)
	}
	s.pass(24 * time.Hour)
	again(1)
	if n := sent(); n != 2 {
		t.Errorf("S3-02/notice: %d letters, want another one the day after", n)
	}
}

// TestGrowingDelay: each window has fewer tries the more there were in a day; it
// ends by itself all the same, and a sign-in forgets them.
func TestGrowingDelay(t *testing.T) {
	s := newSite(t, mails)
	u := s.verified("alice")
	free := func() (n int) {
		for range 8 {
			b := s.browser()
			if b.post(b.begin(request())+"/identify", "identifier", u.Email, "password", "guess").Code == http.StatusUnprocessableEntity {
				n++
			}
		}
		s.pass(15 * time.Minute)
		return n
	}
	first, second, third, later := free(), free(), free(), 0
	for range 4 {
		later = free()
	}
	if first != 5 || second >= first || third > second || later != 1 {
		t.Errorf("S3-02/delay: %d, %d, %d, …, %d tries in a window", first, second, third, later)
	}
	s.browser().signIn(u) // the lock has ended
	if n := free(); n != 5 {
		t.Errorf("%d tries after a sign-in", n)
	}
}

// TestGuessesOfAnAccount: who has new codes sent guesses at the same account: its
// tries end, whatever the code and whoever asks; a link is no guess.
func TestGuessesOfAnAccount(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Messages.CodeTries = 2 })
	u := s.verified("alice")
	wrong := 0
	for range 12 {
		b := s.browser()
		at, _ := b.ask("emailcode", u.Email)
		code := s.lastLetter("code", u.Email).Code
		for range 2 {
			if b.post(at+"/emailcode", "code", other(code)).Code == http.StatusUnprocessableEntity {
				wrong++
			}
		}
		s.pass(4 * time.Minute)
	}
	if wrong != 20 {
		t.Errorf("S3-08/account: %d guesses in an hour, want 20", wrong)
	}
	b := s.browser()
	at, _ := b.ask("emailcode", u.Email)
	wantPage(t, b.post(at+"/emailcode", "code", s.lastLetter("code", u.Email).Code), http.StatusTooManyRequests)
	_, id := b.ask("magiclink", u.Email)
	wantRedirect(t, b.post(path(t, s.lastLetter("magic_link", u.Email).Link), "decision", "confirm"), "/authorize/resume?id="+id)
}

// TestGuessesEnd: who knows the code has all tries again: a bad typist is not
// locked out for a day.
func TestGuessesEnd(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Messages.CodeTries = 2 })
	u := s.verified("alice")
	for range 12 {
		b := s.browser()
		at, id := b.ask("emailcode", u.Email)
		code := s.lastLetter("code", u.Email).Code
		wantPage(t, b.post(at+"/emailcode", "code", other(code)), http.StatusUnprocessableEntity)
		wantRedirect(t, b.post(at+"/emailcode", "code", code), "/authorize/resume?id="+id)
		s.pass(4 * time.Minute)
	}
}

// TestRememberedUntilRecovered: a new password makes a device that was trusted a
// stranger's again.
func TestRememberedUntilRecovered(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.SignIn.RememberDevice = 30 * 24 * time.Hour })
	u := s.verified("alice")
	s.app(u)
	b := s.browser()
	at, _ := b.password(u)
	b.post(at+"/totp", "code", s.appCode(), "remember", "1")
	at, _ = b.password(u, prompt("login"))
	if b.get(at).Code == http.StatusOK {
		t.Fatal("asked again on the device")
	}
	s.pass(time.Minute)
	c := s.browser()
	at, _ = c.ask("recover", u.Email)
	wantRedirect(t, c.post(path(t, s.lastLetter("reset", u.Email).Link), "password", "correct horse"), at)
	at, _ = b.password(u, prompt("login"))
	wantPage(t, b.get(at), http.StatusOK, `name="remember"`)
}
