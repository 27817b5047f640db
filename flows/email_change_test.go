package flows_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// change has a mail address changed, and returns the links of both ends.
func (b *browser) change(u *storage.User, to string) (forNew, forOld string) {
	b.t.Helper()
	wantRedirect(b.t, b.form("/account/email", "do", "change", "email", to), "/account/email?done=email_asked")
	for _, l := range b.letters() {
		switch {
		case l.Name == "email_change" && l.To == to:
			forNew = path(b.t, l.Link)
		case l.Name == "email_changing" && l.To == u.Email:
			forOld = path(b.t, l.Link)
		}
	}
	return forNew, forOld
}

func (s *site) emailOf(u *storage.User) string {
	s.t.Helper()
	now, err := s.store.Users.Get(s.t.Context(), s.project.Scope(), u.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return now.Email
}

// TestEmailChange: the address changes when both ends have said so, in either
// order, and not before.
func TestEmailChange(t *testing.T) {
	for _, order := range []string{"old first", "new first", "by code"} {
		t.Run(order, func(t *testing.T) {
			s := newHome(t, mails)
			u := s.verified("alice")
			b := s.browser()
			b.signIn(u)
			forNew, forOld := b.change(u, "New@example.test")
			elsewhere := s.browser()
			elsewhere.get(forNew) // the project's pepper is made once
			before := s.dump()
			wantPage(t, elsewhere.get(forOld), http.StatusOK, "New@example.test", "alice@example.test")
			wantPage(t, b.get(forNew), http.StatusOK, "Use this address")
			page := elsewhere.get(forNew)
			wantPage(t, page, http.StatusOK, "asked for in another browser")
			if s.dump() != before {
				t.Error("S3-07: opening a link changed something")
			}
			_, rest, _ := strings.Cut(page.Body.String(), `id="code">`)
			code := rest[:6]
			wantPage(t, elsewhere.post(forNew, "decision", "confirm"), http.StatusUnprocessableEntity, "asked for it")
			wantPage(t, elsewhere.post(forOld, "decision", "yes"), http.StatusUnprocessableEntity)
			allow := func() { wantPage(t, elsewhere.post(forOld, "decision", "allow"), http.StatusOK) }
			switch order {
			case "old first":
				allow()
				unchanged(t, s, u)
				wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusOK, "is changed")
			case "new first":
				wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusOK, "as soon as the other")
				unchanged(t, s, u)
				allow()
			default:
				wantPage(t, b.form("/account/email", "do", "confirm", "code", other(code)), http.StatusUnprocessableEntity, "not right")
				wantRedirect(t, b.form("/account/email", "do", "confirm", "code", code), "/account/email?done=email_waits")
				unchanged(t, s, u)
				allow()
			}
			now, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
			if err != nil || now.Email != "New@example.test" || now.EmailKey != "new@example.test" || !now.EmailVerified {
				t.Fatalf("%+v, %v", now, err)
			}
			told := s.lastLetter("changed", u.Email)
			if !strings.Contains(told.Data["What"].(string), "New@example.test") {
				t.Errorf("the old address is told %v", told.Data)
			}
			for _, link := range []string{forNew, forOld} {
				wantPage(t, b.get(link), http.StatusGone)
			}
			if got := s.actions("user.email_changed"); len(got) != 1 {
				t.Errorf("audit %v", got)
			}
		})
	}
}

func unchanged(t *testing.T, s *site, u *storage.User) {
	t.Helper()
	if got := s.emailOf(u); got != u.Email {
		t.Fatalf("one end changed it to %s", got)
	}
}

// TestEmailChangeStopped: the old end, a new password and a newer change stop it;
// an address that has an account tells its owner alone.
func TestEmailChangeStopped(t *testing.T) {
	s := newHome(t, mails)
	u := s.verified("alice")
	s.verified("bob")
	b := s.browser()
	b.signIn(u)
	forNew, forOld := b.change(u, "new@example.test")
	wantPage(t, s.browser().post(forOld, "decision", "refuse"), http.StatusOK, "old address stays")
	wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusGone)

	s.pass(time.Minute)
	first, _ := b.change(u, "new@example.test")
	s.pass(time.Minute)
	b.change(u, "newer@example.test")
	wantPage(t, b.post(first, "decision", "confirm"), http.StatusGone)

	s.pass(2 * time.Minute)
	b.signIn(u)
	forNew, forOld = b.change(u, "bob@example.test")
	if forNew != "" || forOld == "" {
		t.Errorf("S3-01: links %q, %q", forNew, forOld)
	}
	wantPage(t, s.browser().post(forOld, "decision", "allow"), http.StatusOK)
	unchanged(t, s, u)

	s.pass(2 * time.Minute)
	b.signIn(u)
	forNew, forOld = b.change(u, "later@example.test")
	wantPage(t, s.browser().post(forOld, "decision", "allow"), http.StatusOK)
	if err := s.store.PasswordCredentials.Set(t.Context(), s.project.Scope(), &storage.PasswordCredential{UserID: u.ID, Hash: plainHash("correct horse")}); err != nil {
		t.Fatal(err)
	}
	b.signIn(u)
	wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusGone)
	unchanged(t, s, u)
}

// TestEmailChangeOvertaken: an address that was changed otherwise since, too many
// guesses, and links that were sent to the old address.
func TestEmailChangeOvertaken(t *testing.T) {
	s := newHome(t, mails)
	u := s.verified("alice")
	b := s.browser()
	b.signIn(u)
	b.get("/account/email")
	forNew, forOld := b.change(u, "new@example.test")
	_, rest, _ := strings.Cut(s.browser().get(forNew).Body.String(), `id="code">`)
	for range 5 {
		wantPage(t, b.form("/account/email", "do", "confirm", "code", other(rest[:6])), http.StatusUnprocessableEntity, "not right")
	}
	wantPage(t, b.form("/account/email", "do", "confirm", "code", rest[:6]), http.StatusTooManyRequests)
	wantPage(t, s.browser().post(forOld, "decision", "allow"), http.StatusOK)
	now, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	now.Email, now.EmailKey = "operator@example.test", "operator@example.test"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(now)); err != nil {
		t.Fatal(err)
	}
	wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusGone)
	unchanged(t, s, now)

	s.pass(2 * time.Minute)
	s.browser().ask("recover", now.Email)
	reset := path(t, s.lastLetter("reset", now.Email).Link)
	b.signIn(now)
	forNew, forOld = b.change(now, "newer@example.test")
	wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusOK)
	wantPage(t, s.browser().post(forOld, "decision", "allow"), http.StatusOK)
	wantPage(t, s.browser().post(reset, "password", "a stolen password"), http.StatusGone)
}

// TestEmailChangeRefused: what can't be asked for, and who is asked for a fresh
// proof first (S3-14).
func TestEmailChangeRefused(t *testing.T) {
	s := newHome(t, mails)
	u := s.verified("alice")
	b := s.browser()
	b.signIn(u)
	for address, words := range map[string]string{"": "enter", "alice": "not an e-mail", "Alice@example.test": "already"} {
		wantPage(t, b.form("/account/email", "do", "change", "email", address), http.StatusUnprocessableEntity, words)
	}
	s.project.Access = storage.AccessPolicy{Mode: storage.AccessAllowlist, Domains: []string{"corp.test"}}
	wantPage(t, b.form("/account/email", "do", "change", "email", "x@other.test"), http.StatusUnprocessableEntity, "t have this e-mail address")
	forNew, forOld := b.change(u, "alice@corp.test")
	wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusOK)
	s.project.Access.Domains = []string{"else.test"} // the policy is asked again when it is confirmed
	wantPage(t, s.browser().post(forOld, "decision", "allow"), http.StatusGone)
	unchanged(t, s, u)
	s.pass(10 * time.Minute)
	if w := b.get("/account/email"); w.Code != http.StatusSeeOther {
		t.Errorf("S3-14: an old session sees the page: %d", w.Code)
	}
}

// TestEmailChangeRaced: of a hundred words of the end that comes second, one makes
// the change.
func TestEmailChangeRaced(t *testing.T) {
	s := newHome(t, mails)
	u := s.verified("alice")
	b := s.browser()
	b.signIn(u)
	forNew, forOld := b.change(u, "new@example.test")
	wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusOK)
	s.race(s.browser(), forOld, "decision", "allow")
	if won := s.actions("user.email_changed"); len(won) != 1 || s.emailOf(u) != "new@example.test" {
		t.Errorf("%d won", len(won))
	}
}

// TestEmailChangeBeforeProof: a change that was asked for while nobody had proven
// the old address is none once somebody has: they were never asked (S3-06).
func TestEmailChangeBeforeProof(t *testing.T) {
	for _, way := range []string{"link", "code"} {
		t.Run("S3-06/"+way, func(t *testing.T) {
			s := newHome(t, mails)
			u := s.user("victim")
			b := s.browser()
			b.signIn(u)
			forNew, forOld := b.change(u, "attacker@example.test")
			if forOld != "" {
				t.Fatal("who reads the mail of an address that nobody has proven is asked")
			}
			_, rest, _ := strings.Cut(s.browser().get(forNew).Body.String(), `id="code">`)
			now, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			now.EmailVerified = true
			if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(now)); err != nil {
				t.Fatal(err)
			}
			if way == "link" {
				wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusGone)
			} else {
				wantPage(t, b.form("/account/email", "do", "confirm", "code", rest[:6]), http.StatusUnprocessableEntity, "too old")
			}
			unchanged(t, s, u)
		})
	}
}
