package flows_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// mails lets letters leave.
func mails(p *storage.Project) {
	p.Messages = storage.MessageSettings{
		Mail: true, PasswordlessSignup: true, CodeTTL: 5 * time.Minute, CodeTries: 5, LinkTTL: 15 * time.Minute, Cooldown: time.Minute, RateLimitCodes: 1000,
		ResetEnabled: true, ResetTTL: 15 * time.Minute, RateLimitReset: 1000, VerifyTTL: 24 * time.Hour, RateLimitVerify: 1000,
	}
}

// letters are those that were left to be sent, oldest first.
func (s *site) letters() []storage.Mail {
	s.t.Helper()
	page, err := s.store.Outbox.List(s.t.Context(), s.project.Scope(), storage.OutboxFilter{}, storage.PageRequest{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []storage.Mail
	for _, m := range page.Items {
		payload, err := s.store.Outbox.Open(s.project.Scope(), m)
		if err != nil {
			s.t.Fatal(err)
		}
		var l storage.Mail
		if err := json.Unmarshal(payload, &l); err != nil {
			s.t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

func (s *site) lastLetter(name, to string) storage.Mail {
	s.t.Helper()
	all := s.letters()
	if len(all) == 0 || all[len(all)-1].Name != name || all[len(all)-1].To != to {
		s.t.Fatalf("letters %v: want %s to %s last", all, name, to)
	}
	return all[len(all)-1]
}

// path is a link without its host.
func path(t *testing.T, link string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(link, "https://id.example")
	if !ok {
		t.Fatalf("link %q", link)
	}
	return rest
}

// verified makes an account whose mail address is proven.
func (s *site) verified(name string) *storage.User {
	s.t.Helper()
	u := s.user(name)
	u.EmailVerified = true
	if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
		s.t.Fatal(err)
	}
	u.Version++
	return u
}

// ask has something sent, and returns where the interaction is.
func (b *browser) ask(flow, address string) (at, id string) {
	b.t.Helper()
	ar := request()
	at = b.begin(ar)
	wantRedirect(b.t, b.post(at+"/"+flow, "email", address, "decision", "send"), at+"/"+flow)
	return at, ar.ID
}

// other returns a code that this one is not.
func other(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

// TestEmailCode: the code of the letter signs in, once, in the browser that asked.
func TestEmailCode(t *testing.T) {
	s := newSite(t, mails)
	u := s.verified("alice")
	b := s.browser()
	at, id := b.ask("emailcode", "Alice@example.test")
	code := s.lastLetter("code", "Alice@example.test").Code
	wantPage(t, b.get(at+"/emailcode"), http.StatusOK, "one-time-code", "Alice@example.test")
	wantPage(t, b.post(at+"/emailcode", "code", other(code)), http.StatusUnprocessableEntity, "This code is not right")
	wantPage(t, b.post(at+"/emailcode", "decision", "confirm"), http.StatusUnprocessableEntity, "Please enter the code")
	stranger := s.browser() // whoever sees the letter has another interaction
	elsewhere, _ := stranger.ask("emailcode", "mallory@example.test")
	wantPage(t, stranger.post(elsewhere+"/emailcode", "code", code), http.StatusUnprocessableEntity, "This code is not right")
	wantRedirect(t, b.post(at+"/emailcode", "code", " "+code[:3]+" "+code[3:]), "/authorize/resume?id="+id)
	if ar := b.done(id); ar.Subject != u.ID || !slices.Equal(ar.AMR, []string{"email"}) || ar.ACR != "pwd" {
		t.Errorf("subject %q, amr %v, acr %q", ar.Subject, ar.AMR, ar.ACR)
	}
	if strings.Contains(s.dump(), code) {
		t.Error("the code is stored in the clear")
	}
}

// TestEmailCodeTries: five wrong tries, then the right one is none any more.
func TestEmailCodeTries(t *testing.T) {
	s := newSite(t, mails)
	s.verified("alice")
	b := s.browser()
	at, _ := b.ask("emailcode", "alice@example.test")
	code := s.lastLetter("code", "alice@example.test").Code
	for range 5 {
		wantPage(t, b.post(at+"/emailcode", "code", other(code)), http.StatusUnprocessableEntity, "not right")
	}
	wantPage(t, b.post(at+"/emailcode", "code", code), http.StatusTooManyRequests, "too many tries")
	wantPage(t, b.post(at+"/emailcode", "email", "alice@example.test", "decision", "send"), http.StatusTooManyRequests, "just now")
	s.pass(time.Minute)
	wantRedirect(t, b.post(at+"/emailcode", "email", "alice@example.test", "decision", "send"), at+"/emailcode")
	again := s.lastLetter("code", "alice@example.test").Code
	s.pass(5 * time.Minute)
	wantPage(t, b.post(at+"/emailcode", "code", again), http.StatusUnprocessableEntity, "too old")
}

// TestSendLimits: letters are bounded for each network and for each destination.
func TestSendLimits(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Messages.RateLimitCodes = 3 })
	b := s.browser()
	for i := range 4 {
		at := b.begin(request())
		w := b.post(at+"/emailcode", "email", string(rune('a'+i))+"@example.test", "decision", "send")
		if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusTooManyRequests}[i < 3]; w.Code != want {
			t.Errorf("S3-08/address: letter %d: %d, want %d", i, w.Code, want)
		}
	}
	sent := 0
	for i := range 30 { // one victim, many networks
		b := s.browser()
		b.ip = "198.51." + string(rune('0'+i/10)) + string(rune('0'+i%10)) + ".1:99"
		if w := b.post(b.begin(request())+"/emailcode", "email", "v@example.test", "decision", "send"); w.Code == http.StatusSeeOther {
			sent++
		}
	}
	if sent != 20 {
		t.Errorf("S3-08/destination: %d letters, want 20", sent)
	}
}

// TestMagicLink: opening changes nothing, the button signs in the browser that
// asked, once; another gets a code for it.
func TestMagicLink(t *testing.T) {
	s := newSite(t, mails)
	u := s.verified("alice")
	b := s.browser()
	at, id := b.ask("magiclink", "alice@example.test")
	link := path(t, s.lastLetter("magic_link", "alice@example.test").Link)
	s.browser().get(link) // the project's pepper is made once
	before := s.dump()
	for range 3 {
		wantPage(t, b.get(link), http.StatusOK, `method="post"`, "alice@example.test")
		wantPage(t, s.browser().get(link), http.StatusOK, "asked for in another browser")
	}
	if s.dump() != before {
		t.Error("S3-07: opening the link changed something")
	}
	scanner := s.browser() // one that presses buttons too
	wantPage(t, scanner.post(link, "decision", "confirm"), http.StatusUnprocessableEntity, "browser that asked")
	if len(scanner.sessions()) != 0 {
		t.Fatal("S3-07: another browser is signed in")
	}
	wantRedirect(t, b.post(link, "decision", "confirm"), "/authorize/resume?id="+id)
	if ar := b.done(id); ar.Subject != u.ID || !slices.Equal(ar.AMR, []string{"email"}) {
		t.Errorf("subject %q, amr %v", ar.Subject, ar.AMR)
	}
	wantPage(t, b.post(link, "decision", "confirm"), http.StatusGone, "was used already")
	wantPage(t, b.get(link), http.StatusGone, "was used already")
	wantRedirect(t, b.post(at+"/magiclink", "code", "000000"), at)
}

// TestMagicLinkElsewhere: the code that another browser shows signs in the first.
func TestMagicLinkElsewhere(t *testing.T) {
	s := newSite(t, mails)
	u := s.verified("alice")
	b := s.browser()
	at, id := b.ask("magiclink", "alice@example.test")
	link := path(t, s.lastLetter("magic_link", "alice@example.test").Link)
	page := s.browser().get(link).Body.String()
	_, rest, ok := strings.Cut(page, `id="code">`)
	if !ok {
		t.Fatal(page)
	}
	code := rest[:6]
	if l := s.lastLetter("magic_link", "alice@example.test"); l.Code != code {
		t.Errorf("the letter has the code %q, its page %q", l.Code, code)
	}
	if strings.Contains(b.get(at+"/magiclink").Body.String()+b.get(link).Body.String(), code) {
		t.Error("the browser that asked shows the code")
	}
	wantPage(t, b.post(at+"/magiclink", "code", other(code)), http.StatusUnprocessableEntity, "not right")
	wantRedirect(t, b.post(at+"/magiclink", "code", code), "/authorize/resume?id="+id)
	if ar := b.done(id); ar.Subject != u.ID {
		t.Errorf("subject %q", ar.Subject)
	}
	wantPage(t, b.get(link), http.StatusGone)
}

// TestPasswordlessSignup: who proves an address that nobody has gets an account,
// when it is proven and not before.
func TestPasswordlessSignup(t *testing.T) {
	s := newSite(t, mails)
	b := s.browser()
	at, id := b.ask("emailcode", "New@example.test")
	if _, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "new@example.test"); err == nil {
		t.Fatal("an account for asking")
	}
	wantRedirect(t, b.post(at+"/emailcode", "code", s.lastLetter("code", "New@example.test").Code), "/authorize/resume?id="+id)
	u, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "new@example.test")
	if err != nil || !u.EmailVerified || u.Email != "New@example.test" || b.done(id).Subject != u.ID {
		t.Errorf("%+v, %v", u, err)
	}
	for name, change := range map[string]func(*storage.Project){
		"switched-off": func(p *storage.Project) { p.Messages.PasswordlessSignup = false },
		"no-signup":    func(p *storage.Project) { p.SignupEnabled = false },
		"invite":       func(p *storage.Project) { p.Access.Mode = storage.AccessInvite },
		"closed":       func(p *storage.Project) { p.Access.Mode = storage.AccessClosed },
		"not-listed": func(p *storage.Project) {
			p.Access = storage.AccessPolicy{Mode: storage.AccessAllowlist, Domains: []string{"corp.test"}}
		},
	} {
		s := newSite(t, mails, change)
		for _, flow := range []string{"emailcode", "magiclink"} {
			s.browser().ask(flow, "x@example.test")
			if l := s.lastLetter("no_account", "x@example.test"); l.Link != "" || l.Code != "" {
				t.Errorf("%s: %s: the letter lets in", name, flow)
			}
		}
	}
}
