package flows_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

func passkeySignup(p *storage.Project) {
	mails(p)
	p.SignIn.PasskeysEnabled, p.SignIn.PasskeySignup = true, true
}

// newcomer types an address and wants a passkey, and follows the letter's link.
func (b *browser) newcomer(at, address string) {
	b.t.Helper()
	wantRedirect(b.t, b.post(at+"/register", "email", address, "name", "New Person", "password", "", "decision", "passkey"), at+"/register")
	link := path(b.t, b.lastLetter("verify", address).Link)
	wantPage(b.t, b.get(link), http.StatusOK)
	wantRedirect(b.t, b.post(link, "decision", "confirm"), at+"/register")
}

// TestRegisterPasskey: a newcomer proves the address, then makes a passkey, and has
// an account without a password.
func TestRegisterPasskey(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change []func(*storage.Project)
	}{
		{"beside-passwords", nil},
		{"passkeys-alone", []func(*storage.Project){func(p *storage.Project) { p.SignIn.Policy.First = []string{"passkey"} }}},
		{"methods-of-the-project", []func(*storage.Project){func(p *storage.Project) { p.Login.Methods = []string{"passkey"} }}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, append([]func(*storage.Project){passkeySignup}, tt.change...)...)
			b, k := s.browser(), newSoftKey(t)
			ar := request(prompt("create"))
			at := b.begin(ar)
			wantPage(t, b.get(at), http.StatusOK, `value="passkey"`)
			b.newcomer(at, "new@example.test")
			if n := strings.Count(s.dump(), "User "); n != 0 {
				t.Fatalf("%d accounts before there is a way in", n)
			}
			w := b.get(at + "/register")
			wantPage(t, w, http.StatusOK, `data-passkey="create"`, "new@example.test")
			wantRedirect(t, b.post(at+"/register", "credential", k.Create(options(t, w))), "/authorize/resume?id="+ar.ID)
			u, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "new@example.test")
			if err != nil {
				t.Fatal(err)
			}
			if got := b.done(ar.ID); got.Subject != u.ID || got.ACR != flows.ACRMultiFactor || !slices.Equal(got.AMR, []string{"hwk", "user", "mfa"}) {
				t.Errorf("subject %q acr %q amr %v", got.Subject, got.ACR, got.AMR)
			}
			if !u.EmailVerified || u.Name != "New Person" || u.ID != k.User {
				t.Errorf("%+v, user handle %q", u, k.User)
			}
			ways, err := flows.WaysOf(t.Context(), s.store, s.project.Scope(), u)
			if err != nil || ways.Password || ways.Passkeys != 1 {
				t.Errorf("%+v, %v", ways, err)
			}
			for _, action := range []string{"user.email_proven", "user.registered", "passkey.added", "user.signed_in"} {
				if got := s.actions(action); len(got) != 1 {
					t.Errorf("audit of %s: %v", action, got)
				}
			}
			other := s.browser()
			ar = request()
			at = other.begin(ar)
			wantRedirect(t, other.post(at+"/passkey", "credential", k.Get(options(t, other.get(at)))), "/authorize/resume?id="+ar.ID)
		})
	}
}

// TestRegisterPasskeyWayBack: who lost the only passkey gets back in by mail.
func TestRegisterPasskeyWayBack(t *testing.T) {
	s := newSite(t, passkeySignup)
	b, k := s.browser(), newSoftKey(t)
	at := b.begin(request())
	b.newcomer(at, "new@example.test")
	b.post(at+"/register", "credential", k.Create(options(t, b.get(at+"/register"))))
	s.pass(s.project.Messages.Cooldown)
	other := s.browser()
	at, _ = other.ask("recover", "new@example.test")
	link := path(t, other.lastLetter("reset", "new@example.test").Link)
	wantPage(t, other.post(link, "password", "a good password"), http.StatusSeeOther)
	s.browser().signInWith("new@example.test", "a good password")
}

// TestRegisterPasskeyRefused: what proves nothing leaves no account behind.
func TestRegisterPasskeyRefused(t *testing.T) {
	var b, other *browser
	var k *softKey
	none := func(w *httptest.ResponseRecorder) string { return "" }
	for _, tt := range []struct {
		name   string
		answer func(w *httptest.ResponseRecorder) string
		reason string
	}{
		{"nothing", none, ""},
		{"S3-11/origin", func(w *httptest.ResponseRecorder) string {
			k.Origin = "https://evil.example"
			return k.Create(options(t, w))
		}, "origin"},
		{"S3-11/challenge-of-another-browser", func(*httptest.ResponseRecorder) string {
			at := other.begin(request())
			other.newcomer(at, "other@example.test")
			return k.Create(options(t, other.get(at+"/register")))
		}, "challenge"},
		{"S3-11/an-old-answer", func(w *httptest.ResponseRecorder) string {
			answer := k.Create(options(t, w))
			b.pass(6 * 60 * 1e9)
			return answer
		}, "challenge_expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, passkeySignup)
			b, other, k = s.browser(), s.browser(), newSoftKey(t)
			at := b.begin(request())
			b.newcomer(at, "new@example.test")
			w := b.post(at+"/register", "credential", tt.answer(b.get(at+"/register")))
			wantPage(t, w, http.StatusUnprocessableEntity, `data-passkey="create"`)
			if got := s.actions("user.registration_failed"); tt.reason != "" && !slices.Equal(got, []string{"user.registration_failed:" + tt.reason}) {
				t.Errorf("audit %v", got)
			}
			if strings.Contains(s.dump(), "User ") {
				t.Error("there is an account")
			}
		})
	}
}

// TestRegisterPasskeyProof: no passkey before the address is proven, S3-01 for one
// that is taken, and a password where the device can't keep a passkey.
func TestRegisterPasskeyProof(t *testing.T) {
	s := newSite(t, passkeySignup)
	s.user("alice")
	b, k := s.browser(), newSoftKey(t)
	at := b.begin(request())
	b.post(at+"/register", "email", "new@example.test", "decision", "passkey")
	if w := b.get(at + "/register"); strings.Contains(w.Body.String(), "data-passkey") {
		t.Error("a passkey is asked for before the address is proven")
	}
	if w := b.post(at+"/register", "credential", "{}"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a passkey before the address is proven: %d", w.Code)
	}
	wantRedirect(t, b.post(at+"/register", "decision", "again"), at+"/register")
	wantPage(t, b.get(at+"/register"), http.StatusOK, `id="email"`)

	taken := s.browser()
	at = taken.begin(request())
	wantRedirect(t, taken.post(at+"/register", "email", "alice@example.test", "decision", "passkey"), at+"/register")
	if l := taken.lastLetter("account_exists", "alice@example.test"); l.Link != "https://id.example/" {
		t.Errorf("the letter leads to %q", l.Link)
	}

	c := s.browser()
	ar := request()
	at = c.begin(ar)
	c.newcomer(at, "third@example.test")
	wantPage(t, c.post(at+"/register", "password", "short"), http.StatusUnprocessableEntity, "At least 8", "<details class=\"other\" open>")
	wantRedirect(t, c.post(at+"/register", "password", "a good password"), "/authorize/resume?id="+ar.ID)
	if w := c.post(at+"/register", "credential", b64(k.ID)); w.Code != http.StatusSeeOther {
		t.Errorf("after the end: %d", w.Code)
	}
	s.browser().signInWith("third@example.test", "a good password")
}

// TestRegisterPasskeyClosed: by the setting, by the policy, and where no mail leaves:
// an account without a way back is none.
func TestRegisterPasskeyClosed(t *testing.T) {
	for name, change := range map[string]func(*storage.Project){
		"setting": func(p *storage.Project) { p.SignIn.PasskeySignup = false },
		"policy":  func(p *storage.Project) { p.SignIn.Policy.First = []string{"password"} },
		"no-mail": func(p *storage.Project) { p.Messages.Mail = false },
		"host":    func(p *storage.Project) { p.Issuer = "https://192.0.2.1" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, passkeySignup, change)
			b := s.browser()
			at := b.begin(request())
			if w := b.get(at + "/register"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `value="passkey"`) {
				t.Errorf("offered: %d", w.Code)
			}
			wantPage(t, b.post(at+"/register", "email", "new@example.test", "decision", "passkey"), http.StatusUnprocessableEntity, "At least 8")
		})
	}
}
