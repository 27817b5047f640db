package flows_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestSessionFixation: a sign-in never keeps the secret that the browser came with.
func TestSessionFixation(t *testing.T) {
	s := newSite(t)
	u, other := s.user("alice"), s.user("bob")
	const cookie = "__Host-identity_session"

	t.Run("S3-13/planted", func(t *testing.T) {
		b := s.browser()
		planted := storage.NewSecret()
		b.cookies[cookie] = planted
		b.signIn(u)
		if strings.Contains(b.cookies[cookie], planted) {
			t.Error("the planted secret is still there")
		}
		if _, err := s.store.Sessions.BySecret(t.Context(), s.project.Scope(), storage.DigestOf(planted)); err == nil {
			t.Error("the planted secret is a session's")
		}
	})
	t.Run("S3-13/copied-before", func(t *testing.T) {
		b := s.browser()
		before := b.signIn(u)
		copied := s.browser()
		copied.cookies[cookie] = b.cookies[cookie]
		if len(copied.sessions()) != 1 {
			t.Fatal("the copy was no session")
		}
		after := b.signIn(u)
		if b.cookies[cookie] == copied.cookies[cookie] || len(copied.sessions()) != 0 {
			t.Error("what was copied before the proof is a session after it")
		}
		// What other clients hold under the sid stays signed in.
		if after.ID != before.ID || len(b.sessions()) != 1 {
			t.Errorf("sid %q became %q, %d sessions", before.ID, after.ID, len(b.sessions()))
		}
	})
	t.Run("S3-13/other-account", func(t *testing.T) {
		b := s.browser()
		first := b.signIn(u)
		second := b.signIn(other)
		if first.ID == second.ID || len(b.sessions()) != 2 || b.sessions()[0].UserID != other.ID {
			t.Errorf("sessions %v", b.sessions())
		}
	})
}

// TestSessionEnds: when nobody is signed in any more.
func TestSessionEnds(t *testing.T) {
	status := func(to storage.UserStatus) func(*site, *browser, *storage.User) {
		return func(s *site, _ *browser, u *storage.User) {
			u.Status = to
			if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name string
		do   func(*site, *browser, *storage.User)
		live bool
	}{
		{"in-use", func(s *site, _ *browser, _ *storage.User) { s.pass(23 * time.Hour) }, true},
		{"idle", func(s *site, _ *browser, _ *storage.User) { s.pass(25 * time.Hour) }, false},
		{"used-daily", func(s *site, b *browser, _ *storage.User) {
			for range 6 {
				s.pass(23 * time.Hour)
				b.sessions()
			}
		}, true},
		{"absolute-end", func(s *site, b *browser, _ *storage.User) {
			for range 8 {
				s.pass(23 * time.Hour)
				b.sessions()
			}
		}, false},
		{"peers/deactivated", status(storage.UserDeactivated), false},
		{"peers/suspended", status(storage.UserSuspended), false},
		{"deletion-pending", status(storage.UserPendingDeletion), false},
		{"deleted", func(s *site, _ *browser, u *storage.User) {
			if err := s.store.Users.Delete(s.t.Context(), s.project.Scope(), u.ID); err != nil {
				s.t.Fatal(err)
			}
		}, false},
		{"ended-elsewhere", func(s *site, b *browser, _ *storage.User) {
			if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Sessions.End(b.sessions()[0].ID)...); err != nil {
				s.t.Fatal(err)
			}
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, func(p *storage.Project) { p.AuthorizationRequestTTL = 1000 * time.Hour })
			u := s.user("alice")
			b := s.browser()
			b.signIn(u)
			done, half := request(), request(thirdParty)
			wantRedirect(t, b.get(b.begin(done)), "/authorize/resume?id="+done.ID)
			halfAt := b.begin(half)
			wantPage(t, b.get(halfAt), http.StatusOK, "decision")
			tt.do(s, b, u)
			if got := len(b.sessions()) == 1; got != tt.live {
				t.Errorf("live %v, want %v", got, tt.live)
			}
			want := "login"
			if tt.live {
				want = ""
			}
			if got := b.silent(request()); got != want {
				t.Errorf("Silent needs %q, want %q", got, want)
			}
			if _, err := b.resume(done.ID); (err == nil) != tt.live {
				t.Errorf("Resume: %v", err)
			}
			if !tt.live { // the page of an account that is gone asks who it is
				wantRedirect(t, b.post(halfAt+"/consent", "decision", "allow"), halfAt)
				wantPage(t, b.get(halfAt), http.StatusOK, "identifier")
			}
		})
	}
}

// TestTouch: a session in use is written seldom.
func TestTouch(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn(s.user("alice"))
	version := b.sessions()[0].Version
	s.pass(4 * time.Minute)
	if got := b.sessions()[0].Version; got != version {
		t.Errorf("written after 4 minutes")
	}
	s.pass(2 * time.Minute)
	if got := b.sessions()[0]; got.Version != version+1 || !got.LastSeen.Equal(s.now()) {
		t.Errorf("not written after 6 minutes: version %d, seen %s", got.Version, got.LastSeen)
	}
	s.repo.countdown.Store(1)
	s.pass(6 * time.Minute)
	if len(b.sessions()) != 1 {
		t.Error("signed out because a touch failed")
	}
}

// TestAccounts: a browser holds five accounts; the sixth makes room.
func TestAccounts(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	var first *storage.Session
	for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
		sess := b.signIn(s.user(name))
		if i == 0 {
			first = sess
		}
	}
	if n := len(b.sessions()); n != 5 {
		t.Errorf("%d accounts, want 5", n)
	}
	if _, err := s.store.Sessions.Get(t.Context(), s.project.Scope(), first.ID); err == nil {
		t.Error("the session that made room lives on, and nobody holds it")
	}
	if got := s.actions("session.ended"); !slices.Equal(got, []string{"session.ended:displaced"}) {
		t.Errorf("audit %v", got)
	}
}

// TestPendingDeletion: signing in cancels the deletion.
func TestPendingDeletion(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	u.Status = storage.UserPendingDeletion
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
		t.Fatal(err)
	}
	s.browser().signIn(u)
	got, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil || got.Status != storage.UserActive {
		t.Errorf("status %q, %v", got.Status, err)
	}
	if got := s.actions("user.deletion_cancelled"); len(got) != 1 {
		t.Errorf("audit %v", got)
	}
}
