package flows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

const number = "+436641234567"

// texts lets short messages leave.
func texts(p *storage.Project) {
	p.Messages.SMS, p.Messages.PhoneCodeTTL, p.Messages.PhoneCodeTries = true, 5*time.Minute, 5
	p.Messages.PhoneCooldown, p.Messages.RateLimitPhone, p.Messages.PhonePrefixRate = time.Minute, 1000, 1000
}

// codes are those of the short messages that were left to be sent, oldest first.
func (s *site) codes(to string) []string {
	s.t.Helper()
	page, err := s.store.Outbox.List(s.t.Context(), s.project.Scope(), storage.OutboxFilter{Kind: storage.OutboxSMS}, storage.PageRequest{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, m := range page.Items {
		payload, err := s.store.Outbox.Open(s.project.Scope(), m)
		if err != nil {
			s.t.Fatal(err)
		}
		var text storage.SMS
		if err := json.Unmarshal(payload, &text); err != nil {
			s.t.Fatal(err)
		}
		if text.To == to {
			out = append(out, text.Code)
		}
	}
	return out
}

// reachable makes an account with a telephone number that its owner has proven.
func (s *site) reachable(name, number string) *storage.User {
	s.t.Helper()
	return s.numbered(s.verified(name), number)
}

// numbered gives an account a telephone number that somebody has proven.
func (s *site) numbered(u *storage.User, number string) *storage.User {
	s.t.Helper()
	u, err := s.store.Users.Get(s.t.Context(), s.project.Scope(), u.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	u.PhoneNumber, u.PhoneNumberVerified = number, true
	if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
		s.t.Fatal(err)
	}
	u.Version++
	return u
}

func (b *browser) askPhone(number string) (at, id string) {
	b.t.Helper()
	ar := request()
	at = b.begin(ar)
	wantRedirect(b.t, b.post(at+"/phonecode", "phone", number, "decision", "send"), at+"/phonecode")
	return at, ar.ID
}

// TestPhoneCode: the code of the message signs in, once, in the browser that
// asked.
func TestPhoneCode(t *testing.T) {
	s := newSite(t, texts)
	u := s.reachable("alice", number)
	b := s.browser()
	at, id := b.askPhone("0043 (664) 123-45.67")
	code := s.codes(number)[0]
	wantPage(t, b.get(at+"/phonecode"), http.StatusOK, "one-time-code", number[1:])
	wantPage(t, b.post(at+"/phonecode", "code", other(code)), http.StatusUnprocessableEntity, "not right")
	wantPage(t, b.post(at+"/phonecode", "decision", "confirm"), http.StatusUnprocessableEntity, "enter the code")
	stranger := s.browser() // who asks for the same number makes no code worthless (S3-03)
	elsewhere := stranger.begin(request())
	stranger.ip = "198.51.100.9:1"
	wantRedirect(t, stranger.post(elsewhere+"/phonecode", "phone", number, "decision", "send"), elsewhere+"/phonecode")
	wantPage(t, stranger.post(elsewhere+"/phonecode", "code", code), http.StatusUnprocessableEntity, "not right")
	wantRedirect(t, b.post(at+"/phonecode", "code", code), "/authorize/resume?id="+id)
	if ar := b.done(id); ar.Subject != u.ID || !slices.Equal(ar.AMR, []string{"sms"}) || ar.ACR != "pwd" {
		t.Errorf("subject %q, amr %v, acr %q", ar.Subject, ar.AMR, ar.ACR)
	} else if _, err := s.store.PhoneCodes.Get(t.Context(), s.project.Scope(), ar.Sent["phonecode"]); !errors.Is(err, storage.ErrConsumed) {
		t.Errorf("the code is there still: %v", err)
	}
}

// TestPhoneCodeAndApp: who has an app is asked for it after the code of a message,
// once: both are things that they have, so the class is that of one factor.
func TestPhoneCodeAndApp(t *testing.T) {
	s := newSite(t, texts)
	u := s.reachable("alice", number)
	s.app(u)
	for i, second := range [][]string{{"/totp", s.appCode()}, {"/recoverycode", "ABCDEFGHJKLM"}} {
		b := s.browser()
		at, id := b.askPhone(number)
		wantRedirect(t, b.post(at+"/phonecode", "code", s.codes(number)[i]), at)
		if _, err := b.resume(id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: signed in without it: %v", second[0], err)
		}
		wantRedirect(t, b.post(at+second[0], "code", second[1]), "/authorize/resume?id="+id)
		if ar := b.done(id); ar.Subject != u.ID || !slices.Equal(ar.AMR, []string{"sms", "otp"}) || ar.ACR != "pwd" {
			t.Errorf("subject %q, amr %v, acr %q", ar.Subject, ar.AMR, ar.ACR)
		}
		s.pass(time.Minute)
	}
}

// TestPhoneCodeTries: five wrong tries, then the right one is none any more; and
// what is no number.
func TestPhoneCodeTries(t *testing.T) {
	s := newSite(t, texts)
	s.reachable("alice", number)
	b := s.browser()
	at, _ := b.askPhone(number)
	code := s.codes(number)[0]
	for range 5 {
		wantPage(t, b.post(at+"/phonecode", "code", other(code)), http.StatusUnprocessableEntity, "not right")
	}
	wantPage(t, b.post(at+"/phonecode", "code", code), http.StatusTooManyRequests, "too many tries")
	wantPage(t, b.post(at+"/phonecode", "phone", number, "decision", "send"), http.StatusTooManyRequests, "just now")
	s.pass(time.Minute)
	wantRedirect(t, b.post(at+"/phonecode", "phone", number, "decision", "send"), at+"/phonecode")
	s.pass(5 * time.Minute)
	wantPage(t, b.post(at+"/phonecode", "code", s.codes(number)[1]), http.StatusUnprocessableEntity, "too old")
	for _, typed := range []string{"", "06641234567", "+43", "+4366412345678901", "+43664abc4567", "alice@example.test", "+0436641234567"} {
		if _, ok := flows.Phone(typed); ok {
			t.Errorf("%q is a number", typed)
		}
	}
}

// TestPhoneUnknown: a number that nobody has proven gets the same answer for the
// same work, and no message; one that two accounts have signs in to neither.
func TestPhoneUnknown(t *testing.T) {
	s := newSite(t, texts)
	s.reachable("alice", number)
	unproven := s.verified("bob")
	unproven.PhoneNumber = "+436641111111"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(unproven)); err != nil {
		t.Fatal(err)
	}
	s.reachable("carol", "+436642222222")
	s.reachable("dave", "+436642222222")
	answer := func(number string) (string, int64) {
		b := s.browser()
		at := b.begin(request())
		b.post(at+"/phonecode", "phone", "+491701234567", "decision", "send") // what is made once
		s.pass(2 * time.Minute)
		reads := s.repo.reads.Load()
		w := b.post(at+"/phonecode", "phone", number, "decision", "send")
		n := s.repo.reads.Load() - reads
		shown := b.get(w.Header().Get("Location"))
		wrong := b.post(at+"/phonecode", "code", "000000")
		return neutral(w, number[1:], at) + neutral(shown, number[1:], at) + neutral(wrong, number[1:], at), n
	}
	known, kn := answer(number)
	for _, n := range []string{"+436649999999", unproven.PhoneNumber, "+436642222222"} {
		got, reads := answer(n)
		if got != known || reads != kn {
			t.Errorf("S3-01: %s is told apart: %d reads, want %d\n%s\n%s", n, reads, kn, got, known)
		}
		if sent := s.codes(n); len(sent) != 0 {
			t.Errorf("%s got %d messages", n, len(sent))
		}
	}
	if len(s.codes(number)) != 1 {
		t.Errorf("%d messages to the owner", len(s.codes(number)))
	}
}

// TestPhoneRange: one range of numbers gets a bounded number of messages, whoever
// asks for whichever of them (S3-08).
func TestPhoneRange(t *testing.T) {
	s := newSite(t, texts, func(p *storage.Project) { p.Messages.PhonePrefixRate = 3 })
	taken := 0
	for i := range 6 {
		b := s.browser()
		b.ip = fmt.Sprintf("198.51.%d.1:9", i)
		w := b.post(b.begin(request())+"/phonecode", "phone", fmt.Sprintf("+43664123%04d", i), "decision", "send")
		if w.Code == http.StatusSeeOther {
			taken++
		}
	}
	if taken != 3 {
		t.Errorf("S3-08/range: %d, want 3", taken)
	}
}

// TestPhoneRaced: of a hundred submits of one code, one signs in.
func TestPhoneRaced(t *testing.T) {
	s := newSite(t, texts, func(p *storage.Project) { p.Messages.PhoneCodeTries = 1000 })
	s.reachable("alice", number)
	b := s.browser()
	at, _ := b.askPhone(number)
	s.race(b, at+"/phonecode", "code", s.codes(number)[0])
	if won := s.actions("user.signed_in"); len(won) != 1 {
		t.Errorf("S3-08/phonecode: %d won", len(won))
	}
}

// TestPhoneMoved: a code is of the account that had the number when it was sent: a
// number that went to somebody else meanwhile signs in to neither by it.
func TestPhoneMoved(t *testing.T) {
	s := newSite(t, texts)
	u := s.reachable("alice", number)
	b := s.browser()
	at, _ := b.askPhone(number)
	u.PhoneNumber, u.PhoneNumberVerified = "", false
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
		t.Fatal(err)
	}
	s.reachable("bob", number)
	wantPage(t, b.post(at+"/phonecode", "code", s.codes(number)[0]), http.StatusUnprocessableEntity, "not right")
	if in := s.actions("user.signed_in"); len(in) != 0 {
		t.Errorf("signed in: %v", in)
	}
}

// TestAccountPhoneGuarded: five tries for a code, and an old session sees nothing
// (S3-14): whoever has the telephone signs in with it.
func TestAccountPhoneGuarded(t *testing.T) {
	s := newHome(t, mails, texts)
	b := s.browser()
	b.signIn(s.verified("alice"))
	wantRedirect(t, b.form("/account/phone", "do", "send", "phone", number), "/account/phone?done=phone_sent")
	code := s.codes(number)[0]
	for range 5 {
		wantPage(t, b.form("/account/phone", "do", "confirm", "code", other(code)), http.StatusUnprocessableEntity, "not right")
	}
	wantPage(t, b.form("/account/phone", "do", "confirm", "code", code), http.StatusTooManyRequests)
	s.pass(10 * time.Minute)
	if w := b.get("/account/phone"); w.Code != http.StatusSeeOther {
		t.Errorf("S3-14: an old session sees the page: %d", w.Code)
	}
}

// TestAccountPhone: a number is the account's when its code was typed, and its
// owner is told; then it signs in.
func TestAccountPhone(t *testing.T) {
	s := newHome(t, mails, texts)
	u := s.verified("alice")
	b := s.browser()
	b.signIn(u)
	wantPage(t, b.form("/account/phone", "do", "send", "phone", "0664"), http.StatusUnprocessableEntity, "not a telephone number")
	wantRedirect(t, b.form("/account/phone", "do", "send", "phone", number), "/account/phone?done=phone_sent")
	code := s.codes(number)[0]
	wantPage(t, b.form("/account/phone", "do", "confirm", "code", other(code)), http.StatusUnprocessableEntity, "not right")
	if found, err := s.store.Users.ByPhone(t.Context(), s.project.Scope(), number); err != nil || len(found) != 0 {
		t.Fatalf("found before it is proven: %v, %v", found, err)
	}
	wantRedirect(t, b.form("/account/phone", "do", "confirm", "code", code), "/account/phone?done=phone")
	s.lastLetter("phone_confirmed", u.Email)
	wantPage(t, b.form("/account/phone", "do", "confirm", "code", code), http.StatusUnprocessableEntity, "too old")
	s.pass(time.Minute)
	c := s.browser()
	at, id := c.askPhone(number)
	wantRedirect(t, c.post(at+"/phonecode", "code", s.codes(number)[1]), "/authorize/resume?id="+id)
	wantRedirect(t, b.form("/account/phone", "do", "remove"), "/account/phone?done=removed")
	if found, err := s.store.Users.ByPhone(t.Context(), s.project.Scope(), number); err != nil || len(found) != 0 {
		t.Errorf("found after it was removed: %v, %v", found, err)
	}
}
