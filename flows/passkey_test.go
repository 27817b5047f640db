package flows_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

func passkeys(p *storage.Project) { p.SignIn.PasskeysEnabled = true }

// passkey gives an account a passkey, by the page that offers one after a sign-in
// with the password.
func (s *site) passkey(u *storage.User) *softKey {
	s.t.Helper()
	k := newSoftKey(s.t)
	b := s.browser()
	at := b.offered(u)
	w := b.post(at+"/addpasskey", "credential", k.Create(options(s.t, b.get(at))))
	if w.Code != http.StatusSeeOther {
		s.t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	return k
}

// offered signs in with the password, up to the page that offers a passkey.
func (b *browser) offered(u *storage.User) (at string) {
	b.t.Helper()
	at = b.begin(request())
	wantRedirect(b.t, b.post(at+"/identify", "identifier", u.Email, "password", "correct horse", "passkeys", "1"), at)
	return at
}

// TestPasskey: a passkey that verified its owner is two factors in one.
func TestPasskey(t *testing.T) {
	for _, tt := range []struct {
		name     string
		flags    byte
		amr      []string
		acr      string
		identify []string
	}{
		{name: "verified", flags: flagUP | flagUV, amr: []string{"hwk", "user", "mfa"}, acr: "mfa"},
		{name: "synced", flags: flagUP | flagUV | flagBE | flagBS, amr: []string{"swk", "user", "mfa"}, acr: "mfa"},
		{name: "present alone", flags: flagUP, amr: []string{"hwk", "user"}, acr: "pwd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, passkeys)
			u := s.user("alice")
			k := newSoftKey(t)
			k.Flags = tt.flags
			b := s.browser()
			at := b.offered(u)
			if w := b.post(at+"/addpasskey", "credential", k.Create(options(t, b.get(at)))); w.Code != http.StatusSeeOther {
				t.Fatalf("%d\n%s", w.Code, w.Body)
			}
			b = s.browser()
			ar := request()
			at = b.begin(ar)
			w := b.get(at)
			wantPage(t, w, http.StatusOK, `autocomplete="username webauthn"`, "data-conditional", "<noscript>")
			wantRedirect(t, b.post(at+"/passkey", "credential", k.Get(options(t, w))), "/authorize/resume?id="+ar.ID)
			got := b.done(ar.ID)
			if got.Subject != u.ID || got.ACR != tt.acr || !slices.Equal(got.AMR, tt.amr) {
				t.Errorf("subject %q acr %q amr %v", got.Subject, got.ACR, got.AMR)
			}
			keys, err := s.store.PasskeyCredentials.OfUser(t.Context(), s.project.Scope(), u.ID)
			if err != nil || len(keys) != 1 || keys[0].LastUsed.IsZero() || keys[0].BackedUp != (tt.flags&flagBS != 0) {
				t.Errorf("%+v, %v", keys, err)
			}
		})
	}
}

// TestPasskeyVerificationIsOfThisTime: that the device once verified its owner
// counts for nothing when it does not do so now.
func TestPasskeyVerificationIsOfThisTime(t *testing.T) {
	s := newSite(t, passkeys)
	k := s.passkey(s.user("alice"))
	k.Flags = flagUP
	b := s.browser()
	ar := request()
	at := b.begin(ar)
	b.post(at+"/passkey", "credential", k.Get(options(t, b.get(at))))
	if got := b.done(ar.ID); got.ACR != flows.ACRPassword || slices.Contains(got.AMR, "mfa") {
		t.Errorf("acr %q amr %v", got.ACR, got.AMR)
	}
}

// TestPasskeyTampered: each check of WebAuthn L3 §7.2 refuses with a reason of its
// own, and tells the person one sentence (S3-11).
func TestPasskeyTampered(t *testing.T) {
	verified := func(p *storage.Project) { p.SignIn.PasskeyVerify = "required" }
	client := func(name string, value any) func(*softKey) {
		return func(k *softKey) {
			k.Change = func(c map[string]any, data []byte) []byte { c[name] = value; return data }
		}
	}
	flag := func(bits byte) func(*softKey) {
		return func(k *softKey) {
			k.Change = func(_ map[string]any, data []byte) []byte { data[32] = bits; return data }
		}
	}
	for _, tt := range []struct {
		name   string
		tamper func(*softKey)
		reason string
	}{
		{"S3-11/origin", func(k *softKey) { k.Origin = "https://evil.example" }, "origin"},
		{"S3-11/origin-sibling", func(k *softKey) { k.Origin = "https://www.id.example" }, "origin"},
		{"S3-11/origin-port", func(k *softKey) { k.Origin = "https://id.example:8443" }, "origin"},
		{"S3-11/origin-http", func(k *softKey) { k.Origin = "http://id.example" }, "origin"},
		{"S3-11/rp-id", func(k *softKey) { k.RP = "example" }, "rp_id"},
		{"S3-11/type", client("type", "webauthn.create"), "type"},
		{"S3-11/challenge", client("challenge", b64(make([]byte, 32))), "challenge"},
		{"S3-11/challenge-short", client("challenge", "AAAA"), "challenge"},
		{"S3-11/cross-origin", client("crossOrigin", true), "cross_origin"},
		{"S3-11/top-origin", client("topOrigin", "https://evil.example"), "cross_origin"},
		{"S3-11/no-presence", flag(flagUV), "user_presence"},
		{"S3-11/no-verification", flag(flagUP), "user_verification"},
		{"S3-11/backed-up-and-not-eligible", flag(flagUP | flagUV | flagBS), "backup_state"},
		{"S3-11/extension-flag-without-data", flag(flagUP | flagUV | 128), "malformed"},
		{"S3-11/cut", func(k *softKey) {
			k.Change = func(_ map[string]any, data []byte) []byte { return data[:36] }
		}, "malformed"},
		{"S3-11/another-key", func(k *softKey) { k.Key = newSoftKey(t).Key }, "signature"},
		{"S3-11/unknown-credential", func(k *softKey) { k.ID = []byte("nobody has this one") }, "unknown_credential"},
		{"S3-11/long-credential-id", func(k *softKey) { k.ID = make([]byte, 1024) }, "unknown_credential"},
		{"S3-11/another-user", func(k *softKey) { k.User = storage.NewSubject() }, "credential_of_another_user"},
		{"S3-11/sign-count", func(k *softKey) { k.Count = 0 }, "sign_count"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, passkeys, verified)
			k := s.passkey(s.user("alice"))
			b := s.browser()
			ar := request()
			at := b.begin(ar)
			tt.tamper(k)
			w := b.post(at+"/passkey", "credential", k.Get(options(t, b.get(at))))
			if w.Code != http.StatusUnprocessableEntity || len(b.sessions()) != 0 {
				t.Errorf("%d, %d sessions", w.Code, len(b.sessions()))
			}
			if got := s.actions("user.sign_in_failed"); !slices.Equal(got, []string{"user.sign_in_failed:" + tt.reason}) {
				t.Errorf("audit %v", got)
			}
		})
	}
}

// TestPasskeyChallenge: of another request, another browser, too old, or used.
func TestPasskeyChallenge(t *testing.T) {
	s := newSite(t, passkeys)
	k := s.passkey(s.user("alice"))
	refused := func(name, reason string, w *httptest.ResponseRecorder) {
		t.Helper()
		got := s.actions("user.sign_in_failed")
		if w.Code != http.StatusUnprocessableEntity || len(got) == 0 || got[len(got)-1] != "user.sign_in_failed:"+reason && got[0] != "user.sign_in_failed:"+reason {
			t.Errorf("%s: %d, audit %v", name, w.Code, got)
		}
	}
	b, other := s.browser(), s.browser()
	at, elsewhere := b.begin(request()), other.begin(request())
	refused("another browser", "challenge", b.post(at+"/passkey", "credential", k.Get(options(t, other.get(elsewhere)))))
	second := b.begin(request())
	refused("another request", "challenge", b.post(at+"/passkey", "credential", k.Get(options(t, b.get(second)))))
	old := k.Get(options(t, b.get(at)))
	s.pass(6 * time.Minute)
	refused("old", "challenge_expired", b.post(at+"/passkey", "credential", old))
	answer := k.Get(options(t, b.get(at)))
	if w := b.post(at+"/passkey", "credential", answer); w.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	if w := b.post(at+"/passkey", "credential", answer); w.Code != http.StatusSeeOther { // the request is over
		t.Errorf("again: %d", w.Code)
	}
	if got := s.actions("user.signed_in"); len(got) != 2 { // with the password, to set it up, and with the passkey
		t.Errorf("signed in %v", got)
	}
}

// TestPasskeyRaced: of a hundred copies of one answer one is taken.
func TestPasskeyRaced(t *testing.T) {
	s := newSite(t, passkeys)
	k := s.passkey(s.user("alice"))
	b := s.browser()
	at := b.begin(request())
	answer := k.Get(options(t, b.get(at)))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			s.handler.ServeHTTP(httptest.NewRecorder(), b.request(http.MethodPost, at+"/passkey", values("credential", answer)))
		})
	}
	wg.Wait()
	if got := s.actions("user.signed_in"); len(got) != 2 {
		t.Errorf("signed in %d times", len(got)-1)
	}
}

// TestPasskeyClones: a sign count that goes back may be let through, and is told.
func TestPasskeyClones(t *testing.T) {
	s := newSite(t, passkeys, func(p *storage.Project) { p.SignIn.PasskeyClones = "warn" })
	k := s.passkey(s.user("alice"))
	k.Count = 0
	b := s.browser()
	at := b.begin(request())
	if w := b.post(at+"/passkey", "credential", k.Get(options(t, b.get(at)))); w.Code != http.StatusSeeOther {
		t.Fatalf("%d", w.Code)
	}
	if got := s.actions("passkey.sign_count_went_back"); len(got) != 1 {
		t.Errorf("audit %v", got)
	}
}

// TestPasskeyOptionsAreTheSame: they tell nothing about any account (S3-01).
func TestPasskeyOptionsAreTheSame(t *testing.T) {
	s := newSite(t, passkeys, func(p *storage.Project) { p.SignIn.Policy.First = []string{"passkey"} })
	s.project.SignIn.Policy.First = nil
	u := s.user("alice")
	s.passkey(u)
	s.project.SignIn.Policy.First = []string{"passkey"}
	page := func(identifier string) string {
		b := s.browser()
		at := b.begin(request())
		wantRedirect(t, b.post(at+"/identify", "identifier", identifier), at)
		w := b.get(at)
		o := options(t, w)
		if list, ok := o["allowCredentials"]; ok {
			t.Errorf("%s: allowCredentials %v", identifier, list)
		}
		text := strings.ReplaceAll(w.Body.String(), at[strings.LastIndex(at, "/")+1:], "")
		return strings.ReplaceAll(text, o["challenge"].(string), "")
	}
	if page(u.Email) != page("nobody@example.test") {
		t.Error("the page tells whether there is an account")
	}
}

// TestPasskeyRegistrationTampered: WebAuthn L3 §7.1, one by one (S3-11).
func TestPasskeyRegistrationTampered(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(*softKey)
		alg    int
		reason string
	}{
		{"S3-11/origin", func(k *softKey) { k.Origin = "https://evil.example" }, -7, "origin"},
		{"S3-11/rp-id", func(k *softKey) { k.RP = "evil.example" }, -7, "rp_id"},
		{"S3-11/challenge", func(k *softKey) {
			k.Change = func(c map[string]any, d []byte) []byte { c["challenge"] = b64(make([]byte, 32)); return d }
		}, -7, "challenge"},
		{"S3-11/type", func(k *softKey) {
			k.Change = func(c map[string]any, d []byte) []byte { c["type"] = "webauthn.get"; return d }
		}, -7, "type"},
		{"S3-11/cross-origin", func(k *softKey) {
			k.Change = func(c map[string]any, d []byte) []byte { c["crossOrigin"] = true; return d }
		}, -7, "cross_origin"},
		{"S3-11/no-presence", func(k *softKey) {
			k.Change = func(_ map[string]any, d []byte) []byte { d[32] &^= flagUP; return d }
		}, -7, "user_presence"},
		{"S3-11/no-verification", func(k *softKey) {
			k.Change = func(_ map[string]any, d []byte) []byte { d[32] &^= flagUV; return d }
		}, -7, "user_verification"},
		{"S3-11/backed-up-and-not-eligible", func(k *softKey) {
			k.Change = func(_ map[string]any, d []byte) []byte { d[32] |= flagBS; return d }
		}, -7, "backup_state"},
		{"S3-11/origin-port", func(k *softKey) { k.Origin = "https://id.example:8443" }, -7, "origin"},
		{"S3-11/top-origin", func(k *softKey) {
			k.Change = func(c map[string]any, d []byte) []byte { c["topOrigin"] = "https://evil.example"; return d }
		}, -7, "cross_origin"},
		{"S3-11/long-credential-id", func(k *softKey) { k.ID = make([]byte, 1024) }, -7, "malformed"},
		{"S3-11/algorithm-not-offered", func(*softKey) {}, -9, "algorithm"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, passkeys, func(p *storage.Project) { p.SignIn.PasskeyVerify = "required" })
			u := s.user("alice")
			k := newSoftKey(t)
			tt.tamper(k)
			b := s.browser()
			at := b.offered(u)
			w := b.post(at+"/addpasskey", "credential", k.CreateAs(options(t, b.get(at)), tt.alg))
			if w.Code != http.StatusUnprocessableEntity {
				t.Errorf("%d", w.Code)
			}
			if got := s.actions("passkey.add_failed"); !slices.Equal(got, []string{"passkey.add_failed:" + tt.reason}) {
				t.Errorf("audit %v", got)
			}
		})
	}
	t.Run("S3-11/duplicate-credential-id", func(t *testing.T) {
		s := newSite(t, passkeys)
		k := s.passkey(s.user("alice"))
		b := s.browser()
		at := b.offered(s.user("bob"))
		wantPage(t, b.post(at+"/addpasskey", "credential", k.Create(options(t, b.get(at)))), http.StatusUnprocessableEntity)
		if got := s.actions("passkey.add_failed"); !slices.Equal(got, []string{"passkey.add_failed:duplicate_credential"}) {
			t.Errorf("audit %v", got)
		}
	})
}

// TestAddPasskey: offered to who can keep one, not every time, and never to who
// proved less than the passkey would (S3-14).
func TestAddPasskey(t *testing.T) {
	s := newSite(t, passkeys)
	u := s.user("alice")
	b := s.browser()
	at := b.begin(request())
	if w := b.post(at+"/identify", "identifier", u.Email, "password", "correct horse"); w.Header().Get("Location") == at {
		t.Error("offered to a browser that can't")
	}
	b = s.browser()
	at = b.offered(u)
	if w := b.post(at+"/addpasskey", "decision", "later"); w.Code != http.StatusSeeOther || w.Header().Get("Location") == at {
		t.Errorf("later: %d %s", w.Code, w.Header().Get("Location"))
	}
	again := func() bool {
		b := s.browser()
		at := b.begin(request())
		return b.post(at+"/identify", "identifier", u.Email, "password", "correct horse", "passkeys", "1").Header().Get("Location") == at
	}
	if again() {
		t.Error("asked again at once")
	}
	s.pass(31 * 24 * time.Hour)
	if !again() {
		t.Error("never asked again")
	}
	bob := s.user("bob")
	s.app(bob)
	s.project.SignIn.RememberDevice = 30 * 24 * time.Hour
	b = s.browser()
	at = b.begin(request())
	b.post(at+"/identify", "identifier", bob.Email, "password", "correct horse")
	b.post(at+"/totp", "code", s.appCode(), "remember", "1")
	at = b.begin(request(prompt("login")))
	if w := b.post(at+"/identify", "identifier", bob.Email, "password", "correct horse", "passkeys", "1"); w.Header().Get("Location") == at {
		t.Error("S3-14: offered after one factor to who has two")
	}
}

// TestPasskeyUnknownIsTold: the page that refuses a passkey which is nobody's tells
// the browser, and that of one which is somebody's does not (WebAuthn L3 §5.1.10.2).
func TestPasskeyUnknownIsTold(t *testing.T) {
	s := newSite(t, passkeys)
	u := s.user("alice")
	k := s.passkey(u)
	b := s.browser()
	at := b.begin(request())
	w := b.get(at)
	k.Origin = "https://evil.example"
	if w := b.post(at+"/passkey", "credential", k.Get(options(t, w))); w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), "data-unknown") {
		t.Errorf("%d: the browser is told to forget a passkey that is good", w.Code)
	}
	stranger := newSoftKey(t)
	for _, stranger.User = range []string{"", storage.NewSubject(), "\x00\xff"} { // of another project of this relying party id
		if w := b.post(at+"/passkey", "credential", stranger.Get(options(t, w))); w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), "data-unknown") {
			t.Errorf("%d: the browser is told to forget a passkey of somebody else", w.Code)
		}
	}
	stranger.User = u.ID
	wantPage(t, b.post(at+"/passkey", "credential", stranger.Get(options(t, w))), http.StatusUnprocessableEntity,
		`data-unknown="{&#34;rpId&#34;:&#34;id.example&#34;,&#34;credentialId&#34;:&#34;`+b64(stranger.ID)+`&#34;}"`)
}
