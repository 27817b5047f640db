package flows_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// TestSecondFactorRequired: who has none sets one up before they are signed in,
// and gets their codes.
func TestSecondFactorRequired(t *testing.T) {
	for name, change := range map[string]struct {
		project func(*storage.Project)
		request func(*storage.AuthorizationRequest)
	}{
		"project": {func(p *storage.Project) { p.SignIn.Policy.SecondFactor = "required" }, func(*storage.AuthorizationRequest) {}},
		"client":  {func(*storage.Project) {}, func(ar *storage.AuthorizationRequest) { ar.SignIn.SecondFactor = "required" }},
		"project record over its client": {
			func(p *storage.Project) { p.Login.SecondFactorRequired = true },
			func(ar *storage.AuthorizationRequest) { ar.SignIn.SecondFactor = "off" },
		},
		"essential acr": {
			func(p *storage.Project) { p.SignIn.Policy.SecondFactor = "off" },
			func(ar *storage.AuthorizationRequest) { ar.EssentialACR = []string{"mfa"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, change.project)
			u := s.user("alice")
			b := s.browser()
			at, id := b.password(u, change.request)
			w := b.get(at)
			wantPage(t, w, http.StatusOK, "otpauth://totp/", "<svg")
			if len(b.sessions()) != 0 {
				t.Fatal("signed in before")
			}
			if again := b.get(at); again.Body.String() != w.Body.String() {
				t.Error("another seed on the same page")
			}
			secret := regexp.MustCompile(`id="secret"[^>]*>([A-Z2-7 ]+)<`).FindStringSubmatch(w.Body.String())
			wantPage(t, b.post(at+"/enroltotp", "code", "000000"), http.StatusUnprocessableEntity)
			code := s.code(strings.ReplaceAll(secret[1], " ", ""))
			wantRedirect(t, b.post(at+"/enroltotp", "code", code), at)
			w = b.get(at)
			wantPage(t, w, http.StatusOK, `id="codes"`)
			codes := regexp.MustCompile(`[A-Z2-8]{4}-[A-Z2-8]{4}-[A-Z2-8]{4}`).FindAllString(w.Body.String(), -1)
			if len(codes) != 10 {
				t.Fatalf("%d codes", len(codes))
			}
			wantPage(t, b.post(at+"/recoverycodes"), http.StatusUnprocessableEntity)
			wantRedirect(t, b.post(at+"/recoverycodes", "saved", "1"), "/authorize/resume?id="+id)
			if got := b.done(id); got.ACR != flows.ACRMultiFactor {
				t.Errorf("acr %q", got.ACR)
			}
			b = s.browser() // elsewhere, the code of the setup is worth nothing, and a recovery code is
			at, id = b.password(u, func(ar *storage.AuthorizationRequest) { change.request(ar); ar.ID = storage.NewID() })
			wantPage(t, b.post(at+"/totp", "code", code), http.StatusUnprocessableEntity)
			wantRedirect(t, b.post(at+"/recoverycode", "code", codes[3]), "/authorize/resume?id="+id)
			if strings.Contains(s.dump(), strings.ReplaceAll(secret[1], " ", "")) || strings.Contains(s.dump(), strings.ReplaceAll(codes[3], "-", "")) {
				t.Error("a secret is stored in the clear")
			}
		})
	}
}

// TestStepUp: a session of one factor answers acr_values=mfa after the second one
// alone, and keeps its sid.
func TestStepUp(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	before := b.signIn(u)
	s.app(u)
	mfa := func(ar *storage.AuthorizationRequest) { ar.ACRValues = []string{"mfa"} }
	if needed := b.silent(request(mfa)); needed != "login" {
		t.Fatalf("silent needs %q", needed)
	}
	ar := request(mfa)
	at := b.begin(ar)
	wantPage(t, b.get(at), http.StatusOK, "one-time-code")
	wantRedirect(t, b.post(at+"/totp", "code", s.appCode()), "/authorize/resume?id="+ar.ID)
	got := b.done(ar.ID)
	if got.ACR != "mfa" || got.SessionID != before.ID {
		t.Errorf("acr %q, sid %q of %q", got.ACR, got.SessionID, before.ID)
	}
	if needed := b.silent(request(mfa)); needed != "" {
		t.Errorf("silent needs %q afterwards", needed)
	}
}

// TestRememberDevice: for as long as the project allows, on this device, for
// this app, and never where the client wants two factors.
func TestRememberDevice(t *testing.T) {
	days := func(p *storage.Project) { p.SignIn.RememberDevice = 30 * 24 * time.Hour }
	again := func(b *browser, u *storage.User, change ...func(*storage.AuthorizationRequest)) (asked bool) {
		b.t.Helper()
		at, id := b.password(u, append(change, prompt("login"))...)
		asked = b.get(at).Code == http.StatusOK
		if !asked {
			if got := b.done(id); got.ACR != flows.ACRPassword {
				b.t.Errorf("acr %q without a second factor", got.ACR)
			}
		}
		return asked
	}
	s := newSite(t, days)
	u, bob := s.user("alice"), s.user("bob")
	s.app(u)
	s.app(bob)
	b := s.browser()
	at, _ := b.password(u)
	wantPage(t, b.get(at), http.StatusOK, `name="remember"`, "30 days")
	b.post(at+"/totp", "code", s.appCode(), "remember", "1")
	if again(b, u) {
		t.Error("asked again on the device")
	}
	if !again(b, bob) {
		t.Error("another account is not asked")
	}
	if !again(b, u, func(ar *storage.AuthorizationRequest) { ar.ACRValues = []string{"mfa"} }) {
		t.Error("not asked where the client wants two factors")
	}
	stolen := s.browser()
	stolen.cookies["__Host-identity_trust"] = strings.Replace(b.cookies["__Host-identity_trust"], "7", "8", 1)
	if !again(stolen, u) {
		t.Error("an altered cookie is believed")
	}
	s.project.SignIn.RememberDevice = 24 * time.Hour
	if !again(b, u) {
		t.Error("not asked for longer than the project allows now")
	}
	s.project.SignIn.RememberDevice = 30 * 24 * time.Hour
	s.pass(31 * 24 * time.Hour)
	if !again(b, u) {
		t.Error("not asked after the end")
	}
	s.pass(-31 * 24 * time.Hour)
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.TOTPCredentials.Set(s.project.Scope(), u.ID, []byte(seed), 0, noon.Add(time.Hour))...); err != nil {
		t.Fatal(err)
	}
	if !again(b, u) {
		t.Error("not asked though the app is another one")
	}
	s.project.SignIn.RememberDevice = 0
	at, _ = b.password(u, prompt("login"))
	if w := b.get(at); strings.Contains(w.Body.String(), `name="remember"`) {
		t.Error("offered though it is off")
	}
}

// TestRestart: another account instead, and nothing that was proven counts.
func TestRestart(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	s.app(u)
	b := s.browser()
	at, id := b.password(u)
	wantRedirect(t, b.post(at+"/totp", "decision", "restart"), at)
	wantPage(t, b.get(at), http.StatusOK, `name="identifier"`)
	wantRedirect(t, b.post(at+"/totp", "code", s.appCode()), at)
	if row := s.row(id); row.Subject != "" || len(row.AMR) != 0 {
		t.Errorf("subject %q, amr %v", row.Subject, row.AMR)
	}
}

// TestFirstFactors: a flow that the policy leaves out signs nobody in.
func TestFirstFactors(t *testing.T) {
	for name, change := range map[string]struct {
		project func(*storage.Project)
		request func(*storage.AuthorizationRequest)
	}{
		"project":        {func(p *storage.Project) { p.SignIn.Policy.First = []string{"passkey"} }, func(*storage.AuthorizationRequest) {}},
		"client":         {func(*storage.Project) {}, func(ar *storage.AuthorizationRequest) { ar.SignIn.First = []string{"passkey"} }},
		"single sign-on": {func(p *storage.Project) { p.Login.SSORequired = true }, func(*storage.AuthorizationRequest) {}},
		"project record": {func(p *storage.Project) { p.Login.Methods = []string{"passkey"} }, func(*storage.AuthorizationRequest) {}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, change.project)
			u := s.user("alice")
			b := s.browser()
			at := b.begin(request(change.request))
			b.post(at+"/identify", "identifier", u.Email, "password", "correct horse")
			b.post(at+"/password", "password", "correct horse")
			if len(b.sessions()) != 0 || s.hasher.verified.Load() != 0 {
				t.Error("a password signed somebody in")
			}
		})
	}
}

// TestClientSessionMax: a client that takes no old sign-in gets none, whatever age it
// asks for, and leaves the session to the others.
func TestClientSessionMax(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	b.signIn(u)
	strict := func(ar *storage.AuthorizationRequest) {
		day := int64(86400)
		ar.SignIn.SessionMax, ar.MaxAge = 60, &day
	}
	if needed := b.silent(request(strict)); needed != "" {
		t.Errorf("a sign-in of now needs %q", needed)
	}
	s.pass(61 * time.Second)
	if needed := b.silent(request(strict)); needed != "login" {
		t.Errorf("a sign-in that is too old for the client needs %q", needed)
	}
	if needed := b.silent(request()); needed != "" {
		t.Errorf("another client needs %q", needed)
	}
}

func ExampleFactorsReach() {
	fmt.Println(flows.FactorsReach(nil, &storage.Project{}))
	// Output: [pwd]
}
