package flows_test

import (
	"encoding/base32"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

const seed = "12345678901234567890"

// code is what an app with this seed shows now.
func (s *site) code(secret string) string {
	s.t.Helper()
	c, err := totp.GenerateCode(secret, s.now())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *site) appCode() string {
	return s.code(base32.StdEncoding.EncodeToString([]byte(seed)))
}

// app gives an account an authenticator app with the seed, and two recovery codes.
func (s *site) app(u *storage.User) {
	s.t.Helper()
	pepper, err := s.store.ProjectSecrets.Get(s.t.Context(), s.project.Scope(), "recovery-pepper")
	if err != nil {
		s.t.Fatal(err)
	}
	changes := slices.Concat(
		s.store.TOTPCredentials.Set(s.project.Scope(), u.ID, []byte(seed), 0, noon),
		s.store.RecoveryCodes.Replace(u.ID, pepper, []string{"ABCDEFGHJKLM", "MMMMNNNNPPPP"}),
	)
	if err := s.store.Commit(s.t.Context(), s.project.Scope(), changes...); err != nil {
		s.t.Fatal(err)
	}
}

// password passes the first factor, and returns where the person is then.
func (b *browser) password(u *storage.User, change ...func(*storage.AuthorizationRequest)) (at, id string) {
	b.t.Helper()
	ar := request(change...)
	at = b.begin(ar)
	w := b.post(at+"/identify", "identifier", u.Email, "password", "correct horse")
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	return at, ar.ID
}

func (b *browser) done(id string) *storage.AuthorizationRequest {
	b.t.Helper()
	ar, err := b.resume(id)
	if err != nil {
		b.t.Fatal(err)
	}
	return ar
}

// TestNobodyIsSignedInBetweenFactors: after the password alone there is no
// session, no cookie of one, no known device and no answer (S3-19).
func TestNobodyIsSignedInBetweenFactors(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	s.app(u)
	b := s.browser()
	at, id := b.password(u)
	wantPage(t, b.get(at), http.StatusOK, "one-time-code", "recoverycode")
	if len(b.sessions()) != 0 || len(b.cookies) != 1 {
		t.Errorf("sessions %d, cookies %v", len(b.sessions()), b.cookies)
	}
	if _, err := b.resume(id); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("resumed between factors: %v", err)
	}
	if needed := b.silent(request()); needed != "login" {
		t.Errorf("silent needs %q", needed)
	}
	wantRedirect(t, b.post(at+"/consent", "decision", "allow"), at)
	wantRedirect(t, b.post(at+"/identify", "identifier", "bob@example.test", "password", "x"), at)
	wantRedirect(t, b.post(at+"/totp", "code", s.appCode()), "/authorize/resume?id="+id)
	ar := b.done(id)
	if ar.ACR != flows.ACRMultiFactor || !slices.Equal(ar.AMR, []string{"pwd", "otp", "mfa"}) || ar.SessionID == "" {
		t.Errorf("acr %q amr %v session %q", ar.ACR, ar.AMR, ar.SessionID)
	}
	if got := s.actions("user.signed_in"); len(got) != 1 {
		t.Errorf("signed in %v", got)
	}
}

// TestBetweenFactorsEnds: what the first factor proved counts no more when the
// password was changed, the account closed or the second factor taken away.
func TestBetweenFactorsEnds(t *testing.T) {
	for name, change := range map[string]func(s *site, u *storage.User) error{
		"password": func(s *site, u *storage.User) error {
			return s.store.PasswordCredentials.Set(s.t.Context(), s.project.Scope(), &storage.PasswordCredential{UserID: u.ID, Hash: plainHash("another one"), SetAt: s.now().Add(time.Second)})
		},
		"suspended": func(s *site, u *storage.User) error {
			u.Status = storage.UserSuspended
			return s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Replace(u))
		},
		"app": func(s *site, u *storage.User) error {
			return s.store.Commit(s.t.Context(), s.project.Scope(), s.store.TOTPCredentials.Remove(u.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			u := s.user("alice")
			s.app(u)
			b := s.browser()
			at, id := b.password(u)
			if err := change(s, u); err != nil {
				t.Fatal(err)
			}
			b.post(at+"/totp", "code", s.appCode())
			wantPage(t, b.get(at), http.StatusOK, `name="identifier"`)
			if _, err := b.resume(id); !errors.Is(err, storage.ErrNotFound) || len(b.sessions()) != 0 {
				t.Errorf("%v, %d sessions", err, len(b.sessions()))
			}
		})
	}
}

// TestTOTP: RFC 6238 §5.2, S3-09.
func TestTOTP(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	s.app(u)
	b := s.browser()
	at, _ := b.password(u)
	s.pass(10 * time.Minute)
	early := s.appCode()
	for _, tt := range []struct {
		name string
		skew time.Duration
		ok   bool
	}{
		{"S3-09/two-steps-late", 60 * time.Second, false}, {"S3-09/two-steps-early", -60 * time.Second, false},
		{"S3-09/one-step-late", 30 * time.Second, true},
	} {
		s.pass(tt.skew)
		w := b.post(at+"/totp", "code", early[:3]+" "+early[3:])
		if ok := w.Code == http.StatusSeeOther; ok != tt.ok {
			t.Errorf("%s: %d", tt.name, w.Code)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", tt.name, w.Header().Get("Cache-Control"))
		}
		s.pass(-tt.skew)
	}
	other := s.browser()
	at, _ = other.password(u)
	wantPage(t, other.post(at+"/totp", "code", early), http.StatusUnprocessableEntity, "used already")
	if got := s.actions("user.second_factor_failed"); !slices.Contains(got, "user.second_factor_failed:replayed_code") {
		t.Errorf("audit %v", got)
	}
}

// TestSecondFactorTries: five tries, then a delay, however many at once (S3-09).
func TestSecondFactorTries(t *testing.T) {
	for _, flow := range []string{"totp", "recoverycode"} {
		t.Run(flow, func(t *testing.T) {
			s := newSite(t)
			u := s.user("alice")
			s.app(u)
			b := s.browser()
			at, _ := b.password(u)
			var mu sync.Mutex
			codes := map[int]int{}
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					w := httptest.NewRecorder()
					s.handler.ServeHTTP(w, b.request(http.MethodPost, at+"/"+flow, values("code", "000000")))
					mu.Lock()
					codes[w.Code]++
					mu.Unlock()
				})
			}
			wg.Wait()
			if codes[http.StatusUnprocessableEntity] != 5 || codes[http.StatusTooManyRequests] != 95 {
				t.Errorf("answers %v", codes)
			}
			wantPage(t, b.post(at+"/totp", "code", s.appCode()), http.StatusTooManyRequests)
			s.pass(s.project.LoginLockout + time.Second)
			if w := b.post(at+"/totp", "code", s.appCode()); w.Code != http.StatusSeeOther {
				t.Errorf("after the delay: %d", w.Code)
			}
		})
	}
}

// TestSecondFactorTriesWithoutLockout: what a project allows for passwords opens
// no second factor (S3-09).
func TestSecondFactorTriesWithoutLockout(t *testing.T) {
	s := newSite(t, func(p *storage.Project) { p.LoginLockout = 0 })
	u := s.user("alice")
	s.app(u)
	b := s.browser()
	at, _ := b.password(u)
	for range 5 {
		wantPage(t, b.post(at+"/totp", "code", "000000"), http.StatusUnprocessableEntity)
	}
	wantPage(t, b.post(at+"/totp", "code", s.appCode()), http.StatusTooManyRequests)
}

// TestOneCodeRaced: of a hundred browsers that show one code one gets in.
func TestOneCodeRaced(t *testing.T) {
	for _, tt := range []struct{ name, flow string }{{"S3-09/raced", "totp"}, {"S3-10/raced", "recoverycode"}} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, func(p *storage.Project) { p.LoginLockout = 0 })
			u := s.user("alice")
			s.app(u)
			code := "abcd-efgh-jklm"
			if tt.flow == "totp" {
				code = s.appCode()
			}
			type one struct {
				b  *browser
				at string
			}
			var all []one
			for range 100 {
				b := s.browser()
				at, _ := b.password(u)
				all = append(all, one{b, at})
			}
			var wg sync.WaitGroup
			for _, o := range all {
				wg.Go(func() { o.b.post(o.at+"/"+tt.flow, "code", code) })
			}
			wg.Wait()
			in := 0
			for _, o := range all {
				in += len(o.b.sessions())
			}
			if in != 1 {
				t.Errorf("%d got in", in)
			}
		})
	}
}

// TestRecoveryCode: once, and the owner can see it.
func TestRecoveryCode(t *testing.T) {
	s := newSite(t)
	u, other := s.user("alice"), s.user("bob")
	s.app(u)
	s.app(other)
	b := s.browser()
	at, id := b.password(u)
	wantRedirect(t, b.post(at+"/recoverycode", "code", " mmmm nnnn-pppp "), "/authorize/resume?id="+id)
	if got := b.done(id); got.ACR != flows.ACRMultiFactor {
		t.Errorf("acr %q", got.ACR)
	}
	if got := s.actions("recovery_code.used"); len(got) != 1 {
		t.Errorf("audit %v", got)
	}
	b = s.browser()
	at, _ = b.password(u)
	wantPage(t, b.post(at+"/recoverycode", "code", "MMMM-NNNN-PPPP"), http.StatusUnprocessableEntity)
	if got := s.actions("user.second_factor_failed"); !slices.Contains(got, "user.second_factor_failed:used_recovery_code") {
		t.Errorf("audit %v", got)
	}
}
