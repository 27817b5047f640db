package flows_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

func requireVerified(p *storage.Project) { p.Messages.RequireVerified = true }

// passed signs an account in by its password, and wants another step after it.
func (b *browser) passed(u *storage.User) (at, id string) {
	b.t.Helper()
	ar := request()
	at = b.begin(ar)
	wantRedirect(b.t, b.post(at+"/identify", "identifier", u.Email, "password", "correct horse"), at)
	return at, ar.ID
}

// TestVerify: an address that nobody has proven is proven before anything else,
// once, by the letter's link in the same browser.
func TestVerify(t *testing.T) {
	s := newSite(t, mails, requireVerified)
	u := s.user("alice")
	old, b := s.browser(), s.browser()
	old.passed(u)
	at, id := b.passed(u)
	wantPage(t, b.get(at), http.StatusOK, "alice@example.test", `value="send"`)
	if got := b.silent(request(prompt("none"))); got != "interaction" {
		t.Errorf("without a page: %q", got)
	}
	if _, err := b.resume(id); err == nil {
		t.Fatal("S3-19: resumed without the proof")
	}
	wantRedirect(t, b.post(at+"/verify", "decision", "send"), at+"/verify")
	link := path(t, s.lastLetter("verify", u.Email).Link)
	stranger := s.browser()
	wantPage(t, stranger.get(link), http.StatusOK, "asked for in another browser")
	before := s.dump()
	wantPage(t, b.get(link), http.StatusOK, "Confirm the address")
	wantPage(t, stranger.get(link), http.StatusOK)
	if s.dump() != before {
		t.Error("S3-07: opening the link changed something")
	}
	wantPage(t, stranger.post(link, "decision", "confirm"), http.StatusUnprocessableEntity, "browser that asked")
	wantPage(t, b.post(at+"/verify", "decision", "send"), http.StatusTooManyRequests, "just now")
	wantRedirect(t, b.post(link, "decision", "confirm"), "/authorize/resume?id="+id)
	now, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil || !now.EmailVerified {
		t.Fatalf("%+v, %v", now, err)
	}
	if len(old.sessions()) != 0 || len(b.sessions()) != 1 {
		t.Errorf("S3-06: %d sessions elsewhere, %d here", len(old.sessions()), len(b.sessions()))
	}
	wantPage(t, b.get(link), http.StatusGone, "was used already")
	s.browser().signIn(u)
}

// TestVerifyElsewhere: the code that another browser shows proves it too, within
// its tries; a newer letter and another address make it worthless.
func TestVerifyElsewhere(t *testing.T) {
	s := newSite(t, mails, requireVerified)
	u := s.user("alice")
	b := s.browser()
	at, id := b.passed(u)
	code := func() string {
		t.Helper()
		wantRedirect(t, b.post(at+"/verify", "decision", "send"), at+"/verify")
		page := s.browser().get(path(t, s.lastLetter("verify", u.Email).Link)).Body.String()
		_, rest, ok := strings.Cut(page, `id="code">`)
		if !ok {
			t.Fatal(page)
		}
		return rest[:6]
	}
	first := code()
	s.pass(time.Minute)
	c := code()
	if first != c {
		wantPage(t, b.post(at+"/verify", "code", first), http.StatusUnprocessableEntity, "not right")
	}
	for range 4 {
		b.post(at+"/verify", "code", other(c))
	}
	wantPage(t, b.post(at+"/verify", "code", c), http.StatusTooManyRequests, "too many tries")
	s.pass(time.Minute)
	c = code()
	moved, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	moved.Email, moved.EmailKey = "new@example.test", "new@example.test"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(moved)); err != nil {
		t.Fatal(err)
	}
	wantRedirect(t, b.post(at+"/verify", "code", c), at) // it went to the other address
	u.Email = moved.Email
	s.pass(time.Minute)
	c = code()
	wantRedirect(t, b.post(at+"/verify", "code", c), "/authorize/resume?id="+id)
}

// TestVerifyNotAsked: where no mail leaves, where the setting is off, and of who
// has no address.
func TestVerifyNotAsked(t *testing.T) {
	for name, change := range map[string]func(*storage.Project){
		"no-mail": func(p *storage.Project) { p.Messages.Mail = false },
		"off":     func(p *storage.Project) { p.Messages.RequireVerified = false },
	} {
		s := newSite(t, mails, requireVerified, change)
		if s.browser().signIn(s.user("alice")) == nil {
			t.Errorf("%s: not signed in", name)
		}
	}
	s := newSite(t, mails, requireVerified)
	s.browser().signIn(s.verified("bob"))
}

// TestVerifyRaced: of a hundred submits of one code one proves the address.
func TestVerifyRaced(t *testing.T) {
	s := newSite(t, mails, requireVerified, func(p *storage.Project) { p.Messages.CodeTries = 1000 })
	u := s.user("alice")
	b := s.browser()
	at, _ := b.passed(u)
	wantRedirect(t, b.post(at+"/verify", "decision", "send"), at+"/verify")
	link := path(t, s.lastLetter("verify", u.Email).Link)
	s.race(b, link, "decision", "confirm")
	if won := s.actions("user.email_verified"); len(won) != 1 {
		t.Errorf("S3-08/verify: %d won", len(won))
	}
}

// race sends one form a hundred times at once.
func (s *site) race(b *browser, target string, form ...string) {
	s.t.Helper()
	requests := make([]*http.Request, 100)
	for i := range requests {
		requests[i] = b.request(http.MethodPost, target, values(form...))
	}
	var all sync.WaitGroup
	for _, r := range requests {
		all.Go(func() { s.handler.ServeHTTP(httptest.NewRecorder(), r) })
	}
	all.Wait()
}

// TestTerms: the version that is accepted is stored, and asked for again when
// there is a newer one.
func TestTerms(t *testing.T) {
	terms := func(p *storage.Project) { p.Terms = storage.Terms{Version: "1", URL: "https://app.example/terms"} }
	s := newSite(t, terms)
	u := s.user("alice")
	b := s.browser()
	at, id := b.passed(u)
	wantPage(t, b.get(at), http.StatusOK, "https://app.example/terms", `value="1"`)
	wantPage(t, b.post(at+"/terms", "version", "1"), http.StatusUnprocessableEntity, "accept the terms")
	wantPage(t, b.post(at+"/terms", "version", "0", "decision", "accept"), http.StatusUnprocessableEntity)
	wantRedirect(t, b.post(at+"/terms", "version", "1", "decision", "accept"), "/authorize/resume?id="+id)
	now, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil || now.Terms == nil || now.Terms.Version != "1" || !now.Terms.At.Equal(noon) {
		t.Fatalf("%+v, %v", now.Terms, err)
	}
	s.browser().signIn(u)
	s.project.Terms.Version = "2"
	if got := b.silent(request(prompt("none"))); got != "interaction" {
		t.Errorf("a newer version: %q", got)
	}
	c := s.browser()
	at, id = c.passed(u)
	wantPage(t, c.get(at), http.StatusOK, "have changed")
	wantRedirect(t, c.post(at+"/terms", "version", "2", "decision", "deny"), "/authorize/resume?id="+id)
	if ar, err := c.resume(id); err != nil || ar.Denied != "access_denied" {
		t.Errorf("%+v, %v", ar, err)
	}
	if got := s.actions("terms.declined"); len(got) != 1 {
		t.Errorf("audit %v", got)
	}
}
