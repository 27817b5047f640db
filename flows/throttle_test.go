package flows_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/google/go-cmp/cmp"
)

// shape is an answer without what must differ: ids and what was typed.
func shape(w *httptest.ResponseRecorder, typed string) string {
	header := w.Header().Clone()
	header.Del("Content-Length")
	all := strings.ReplaceAll(fmt.Sprint(w.Code, header, w.Body), typed, "TYPED")
	return regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(all, "ID")
}

// TestEnumeration: nothing tells whether an account exists.
func TestEnumeration(t *testing.T) {
	for _, mode := range []struct {
		name            string
		identifierFirst bool
		accept          string
	}{
		{"one-page", false, ""}, {"identifier-first", true, ""}, {"one-page-json", false, "application/json"}, {"identifier-first-json", true, "application/json"},
	} {
		t.Run("S3-01/"+mode.name, func(t *testing.T) {
			s := newSite(t, func(p *storage.Project) { p.IdentifierFirst = mode.identifierFirst })
			s.user("alice1")
			bare := &storage.User{ID: storage.NewSubject(), Email: "bare12@example.test", EmailKey: "bare12@example.test", Status: storage.UserActive}
			if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Add(bare)); err != nil {
				t.Fatal(err)
			}
			out := s.user("away12")
			out.Status = storage.UserDeactivated
			if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(out)); err != nil {
				t.Fatal(err)
			}
			s.browser().get(s.browser().begin(request())) // the project's key is read once
			warm := s.browser()                           // and, for a second, the policy of the domain
			warm.post(warm.begin(request())+"/identify", "identifier", "warm@example.test")
			want := ""
			for _, tt := range []struct{ typed, password, reason string }{
				{"alice1@example.test", "wrong password", "wrong_password"},
				{"nobody@example.test", "correct horse", "unknown_account"},
				{"bare12@example.test", "correct horse", "no_password"},
				{"away12@example.test", "correct horse", "account_deactivated"},
				{"not an address a@b", "correct horse", "unknown_account"},
			} {
				b := s.browser()
				if mode.accept != "" {
					b.header.Set("Accept", mode.accept)
				}
				at := b.begin(request())
				worked, asked := s.hasher.verified.Load(), s.repo.reads.Load()
				var got string
				if mode.identifierFirst {
					got = shape(b.post(at+"/identify", "identifier", tt.typed), tt.typed) + shape(b.get(at), tt.typed)
					got += shape(b.post(at+"/password", "password", tt.password), tt.typed)
				} else {
					got = shape(b.post(at+"/identify", "identifier", tt.typed, "password", tt.password), tt.typed)
				}
				if n := s.hasher.verified.Load() - worked; n != 1 {
					t.Errorf("%s: hashed %d times, want once", tt.reason, n)
				}
				// What is no address is not looked for: the syntax is no secret.
				if reads := s.repo.reads.Load() - asked; tt.reason != "unknown_account" || !strings.Contains(tt.typed, " ") {
					got += fmt.Sprint(reads, " reads")
				}
				if want == "" {
					want = got
				}
				if !strings.HasPrefix(want, got) {
					t.Errorf("%s is told apart:\n%s", tt.reason, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
				}
				log := s.actions("user.sign_in_failed")
				if last := log[len(log)-1]; last != "user.sign_in_failed:"+tt.reason {
					t.Errorf("audit %q, want %q", last, tt.reason)
				}
			}
		})
	}
}

// TestLock: strangers lock an account for strangers, never for its owner.
func TestLock(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	known := s.browser()
	known.signIn(u)
	try := func(b *browser, typed, password string) *httptest.ResponseRecorder {
		return b.post(b.begin(request(prompt("login")))+"/identify", "identifier", typed, "password", password)
	}
	for _, typed := range []string{"alice@example.test", "nobody@example.test"} {
		for range 5 {
			wantPage(t, try(s.browser(), typed, "guess"), http.StatusUnprocessableEntity, "not right")
		}
		worked := s.hasher.verified.Load()
		w := try(s.browser(), strings.ToUpper(typed), "correct horse") // another spelling, the same account
		wantPage(t, w, http.StatusTooManyRequests, "15 minutes")
		if w.Header().Get("Retry-After") != "900" {
			t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
		}
		if s.hasher.verified.Load() != worked {
			t.Error("S3-04: a refused attempt was hashed")
		}
	}
	t.Run("S3-03/known-device", func(t *testing.T) {
		if w := try(known, u.Email, "correct horse"); w.Code != http.StatusSeeOther {
			t.Errorf("the owner's device got %d", w.Code)
		}
	})
	t.Run("S3-03/forged-device", func(t *testing.T) {
		b := s.browser()
		const cookie = "__Host-identity_device"
		id, _, _ := strings.Cut(known.cookies[cookie], ".")
		b.cookies[cookie] = id + "." + storage.NewSecret()[:22]
		wantPage(t, try(b, u.Email, "correct horse"), http.StatusTooManyRequests)
	})
	t.Run("S3-03/device of another account", func(t *testing.T) {
		b := s.browser()
		b.signIn(s.user("bob"))
		wantPage(t, try(b, u.Email, "correct horse"), http.StatusTooManyRequests)
	})
	t.Run("S3-03/known-device has a limit too", func(t *testing.T) {
		for range 5 {
			wantPage(t, try(known, u.Email, "guess"), http.StatusUnprocessableEntity)
		}
		wantPage(t, try(known, u.Email, "correct horse"), http.StatusTooManyRequests)
	})
	t.Run("S3-03/ends-by-itself", func(t *testing.T) {
		s.pass(15 * time.Minute)
		if w := try(s.browser(), u.Email, "correct horse"); w.Code != http.StatusSeeOther {
			t.Errorf("got %d after the lock's end", w.Code)
		}
	})
	t.Run("S3-03/cleared-on-success", func(t *testing.T) {
		for range 3 {
			for range 4 {
				try(s.browser(), u.Email, "guess")
			}
			if w := try(s.browser(), u.Email, "correct horse"); w.Code != http.StatusSeeOther {
				t.Fatalf("got %d", w.Code)
			}
		}
	})
	if got := s.actions("user.sign_in_failed"); strings.Count(strings.Join(got, " "), ":locked") != 3 {
		t.Errorf("audit %v, want one line for each lock", got)
	}
}

// TestLockNames: an account has one counter, by whatever name it is called.
func TestLockNames(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	named := *u
	named.Username, named.UsernameKey = "alice", "alice"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(&named)); err != nil {
		t.Fatal(err)
	}
	for i, typed := range []string{u.Email, "alice", "Alice@example.test", "ALICE", u.Email} {
		b := s.browser()
		if w := b.post(b.begin(request())+"/identify", "identifier", typed, "password", "guess"); w.Code != http.StatusUnprocessableEntity {
			t.Fatalf("try %d: %d", i, w.Code)
		}
	}
	for _, typed := range []string{u.Email, "alice"} {
		b := s.browser()
		w := b.post(b.begin(request())+"/identify", "identifier", typed, "password", "correct horse")
		if w.Code != http.StatusTooManyRequests {
			t.Errorf("S3-03/two-names: %s got %d after five failures of the account", typed, w.Code)
		}
	}
}

// TestKnownDevice: what a device that the account knows may do, and for how long.
func TestKnownDevice(t *testing.T) {
	try := func(b *browser, u *storage.User, password string) int {
		return b.post(b.begin(request(prompt("login")))+"/identify", "identifier", u.Email, "password", password).Code
	}
	t.Run("S3-03/address-limit", func(t *testing.T) {
		s := newSite(t, func(p *storage.Project) { p.RateLimitLogin = 3 })
		alice, bob := s.user("alice"), s.user("bob")
		known := s.browser()
		known.signIn(alice)
		for range 3 {
			try(s.browser(), bob, "guess")
		}
		if got := try(s.browser(), alice, "correct horse"); got != http.StatusTooManyRequests {
			t.Errorf("a stranger's device got %d", got)
		}
		if got := try(known, bob, "correct horse"); got != http.StatusTooManyRequests {
			t.Errorf("a device of another account got %d", got)
		}
		if got := try(known, alice, "correct horse"); got != http.StatusSeeOther {
			t.Errorf("the owner's device got %d", got)
		}
	})
	t.Run("S3-03/password-changed", func(t *testing.T) {
		s := newSite(t)
		u := s.user("alice")
		known := s.browser()
		known.signIn(u)
		changed := &storage.PasswordCredential{UserID: u.ID, Hash: plainHash("new password"), SetAt: noon.Add(time.Minute)}
		if err := s.store.PasswordCredentials.Set(t.Context(), s.project.Scope(), changed); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			try(s.browser(), u, "guess")
		}
		if got := try(known, u, "new password"); got != http.StatusTooManyRequests {
			t.Errorf("a device of the password before got %d", got)
		}
		s.pass(15 * time.Minute)
		if got := try(known, u, "new password"); got != http.StatusSeeOther {
			t.Fatalf("after the lock: %d", got)
		}
		for range 5 {
			try(s.browser(), u, "guess")
		}
		if got := try(known, u, "new password"); got != http.StatusSeeOther {
			t.Errorf("known again: %d", got)
		}
	})
	t.Run("S3-03/after-registration", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		b.post(b.begin(request(prompt("create")))+"/register", "email", "alice@example.test", "password", "a good password")
		u := &storage.User{Email: "alice@example.test"}
		for range 6 {
			try(s.browser(), u, "guess")
		}
		if got := try(b, u, "a good password"); got != http.StatusSeeOther {
			t.Errorf("the device that made the account got %d", got)
		}
	})
	t.Run("S3-03/many-devices", func(t *testing.T) {
		s := newSite(t)
		u := s.user("alice")
		devices := make([]*browser, 12)
		for i := range devices {
			devices[i] = s.browser()
			devices[i].signIn(u)
		}
		tried := s.hasher.verified.Load()
		for _, b := range devices[:11] {
			for range 5 {
				try(b, u, "guess")
			}
		}
		if n := s.hasher.verified.Load() - tried; n != 50 {
			t.Errorf("%d passwords were tried on 11 devices, want 50", n)
		}
		if got := try(devices[11], u, "correct horse"); got != http.StatusTooManyRequests {
			t.Errorf("one more device got %d", got)
		}
		s.pass(15 * time.Minute)
		if got := try(devices[11], u, "correct horse"); got != http.StatusSeeOther {
			t.Errorf("after the lock: %d", got)
		}
	})
}

// TestAddressLimit: many accounts tried from one place.
func TestAddressLimit(t *testing.T) {
	for _, tt := range []struct {
		name, first, other string
		limited            bool
	}{
		{"S3-02/same-24", "192.0.2.1:1", "192.0.2.200:9", true},
		{"S3-02/other-24", "192.0.2.1:1", "192.0.3.1:1", false},
		{"S3-02/same-56", "[2001:db8:0:100::1]:1", "[2001:db8:0:1ff::9]:1", true},
		{"S3-02/other-56", "[2001:db8:0:100::1]:1", "[2001:db8:0:200::1]:1", false},
		{"S3-02/mapped", "192.0.2.1:1", "[::ffff:192.0.2.7]:1", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, func(p *storage.Project) { p.RateLimitLogin = 3; p.RateLimitSignup = 3 })
			b := s.browser()
			b.ip = tt.first
			at := b.begin(request())
			for i := range 3 {
				name := strconv.Itoa(i) + "@example.test"
				wantPage(t, b.post(at+"/identify", "identifier", name, "password", "Summer2030"), http.StatusUnprocessableEntity)
				if w := b.post(b.begin(request(prompt("create")))+"/register", "email", name, "password", "a good password"); w.Code != http.StatusSeeOther {
					t.Fatalf("register: %d", w.Code)
				}
			}
			last := s.browser()
			last.ip = tt.other
			at = last.begin(request())
			want := http.StatusUnprocessableEntity
			if tt.limited {
				want = http.StatusTooManyRequests
			}
			wantPage(t, last.post(at+"/identify", "identifier", "9@example.test", "password", "Summer2030"), want)
			if got := last.post(last.begin(request(prompt("create")))+"/register", "email", "9@example.test", "password", "a good password").Code; (got == http.StatusTooManyRequests) != tt.limited {
				t.Errorf("register: %d", got)
			}
			s.pass(time.Minute)
			again := s.browser()
			again.ip = tt.first
			wantPage(t, again.post(again.begin(request())+"/identify", "identifier", "8@example.test", "password", "x"), http.StatusUnprocessableEntity)
		})
	}
}

// TestLimitRace: a hundred tries at once are not more than five. They may be fewer:
// one that is counted in the window before others and in the day after them meets
// the shorter allowance of that many.
func TestLimitRace(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	at := b.begin(request())
	var wg sync.WaitGroup
	for range 100 {
		r := b.request(http.MethodPost, at+"/identify", values("identifier", u.Email, "password", "guess"))
		wg.Go(func() { s.handler.ServeHTTP(httptest.NewRecorder(), r) })
	}
	wg.Wait()
	if n := s.hasher.verified.Load(); n < 1 || n > 5 {
		t.Errorf("peers/counter-not-atomic: %d passwords were tried, want 1 to 5", n)
	}
}

type busy struct{}

func (busy) Error() string             { return "busy" }
func (busy) RetryAfter() time.Duration { return 1500 * time.Millisecond }

// TestBusy: too much to hash is a page that keeps what was typed.
func TestBusy(t *testing.T) {
	s := newSite(t)
	s.hasher.err = busy{}
	b := s.browser()
	at := b.begin(request())
	for _, w := range []*httptest.ResponseRecorder{
		b.post(at+"/identify", "identifier", "alice@example.test", "password", "secret word"),
		b.post(at+"/register", "email", "alice@example.test", "name", "Alice", "password", "secret word"),
	} {
		wantPage(t, w, http.StatusServiceUnavailable, "alice@example.test")
		if w.Header().Get("Retry-After") != "2" || strings.Contains(w.Body.String(), "secret word") {
			t.Errorf("S3-04: Retry-After %q, or the password is on the page", w.Header().Get("Retry-After"))
		}
	}
	s.hasher.err = nil
	worked := s.hasher.verified.Load()
	wantPage(t, b.post(at+"/identify", "identifier", "alice@example.test", "password", strings.Repeat("x", 5000)), http.StatusUnprocessableEntity)
	if s.hasher.verified.Load() != worked {
		t.Error("S3-04: a password of 5000 bytes was hashed")
	}
}
