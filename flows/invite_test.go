package flows_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// invited stores an invitation and returns its link, without its host.
func (s *site) invited(i *storage.UserInvitation) string {
	s.t.Helper()
	i.EmailKey, i.Role = strings.ToLower(i.Email), "guest"
	if i.EndsAt.IsZero() {
		i.EndsAt = noon.Add(7 * 24 * time.Hour)
	}
	token, changes := s.store.UserInvitations.Issue(i)
	if err := s.store.Commit(s.t.Context(), s.project.Scope(), changes...); err != nil {
		s.t.Fatal(err)
	}
	return "/link/invite?token=" + token
}

// TestInvite: opening the link changes nothing; who accepts chooses a password,
// once, and signs in with it. The project lets nobody in who was not invited.
func TestInvite(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Access.Mode = storage.AccessInvite })
	link := s.invited(&storage.UserInvitation{Email: "New@example.test"})
	b := s.browser()
	b.get(link) // the project's secrets are made once
	before := s.dump()
	wantPage(t, b.get(link), http.StatusOK, "New@example.test", "new-password", `method="post"`)
	if s.dump() != before {
		t.Error("S3-07: opening the link changed something")
	}
	wantPage(t, b.post(link), http.StatusUnprocessableEntity, "enter your password")
	wantPage(t, b.post(link, "password", "short"), http.StatusUnprocessableEntity, "at least 8")
	wantPage(t, b.post(link, "password", "a good password", "name", "a\u202eb"), http.StatusUnprocessableEntity, "name")
	if s.dump() != before {
		t.Error("a refused form changed something")
	}
	w := b.post(link, "password", "a good password", "name", "New Person")
	wantPage(t, w, http.StatusOK, "Welcome", "https://id.example/account")
	if strings.Contains(w.Body.String(), "a good password") || len(b.sessions()) != 0 {
		t.Error("the password is shown, or somebody is signed in")
	}
	u, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "new@example.test")
	if err != nil || !u.EmailVerified || u.Role != "guest" || u.Name != "New Person" || u.Status != storage.UserActive {
		t.Fatalf("%+v, %v", u, err)
	}
	s.browser().signInWith(u.Email, "a good password")
	wantPage(t, b.get(link), http.StatusGone, "was accepted")
	wantPage(t, b.post(link, "password", "another password"), http.StatusGone)
	s.browser().signInWith(u.Email, "a good password")
	wantPage(t, b.get(link+"x"), http.StatusGone, "was used already")
	if got := s.actions("invitation.accepted"); len(got) != 1 {
		t.Errorf("audit %v", got)
	}
}

// TestInviteEnded: an invitation that ended says how, and one that was replaced is
// none.
func TestInviteEnded(t *testing.T) {
	s := newSite(t, mails)
	expired := s.invited(&storage.UserInvitation{Email: "late@example.test", EndsAt: noon.Add(time.Hour)})
	back := &storage.UserInvitation{Email: "back@example.test"}
	revoked := s.invited(back)
	stored, err := s.store.UserInvitations.Get(t.Context(), s.project.Scope(), back.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.UserInvitations.Revoke(stored, noon)); err != nil {
		t.Fatal(err)
	}
	replaced := s.invited(&storage.UserInvitation{Email: "twice@example.test"})
	s.invited(&storage.UserInvitation{Email: "twice@example.test"})
	s.user("alice")
	known := s.invited(&storage.UserInvitation{Email: "alice@example.test"})
	s.pass(time.Hour)
	b := s.browser()
	for link, words := range map[string]string{
		expired: "has expired", revoked: "was taken back", replaced: "a newer one", known: "You have an account",
	} {
		wantPage(t, b.get(link), http.StatusGone, words)
		wantPage(t, b.post(link, "password", "a good password"), http.StatusGone)
	}
	s.browser().signInWith("alice@example.test", "correct horse")
	if _, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "late@example.test"); !isGone(err) {
		t.Errorf("an account by an invitation that ended: %v", err)
	}

	closed := newSite(t, mails)
	link := closed.invited(&storage.UserInvitation{Email: "x@example.test"})
	closed.project.Access.Mode = storage.AccessClosed
	wantPage(t, closed.browser().get(link), http.StatusGone, "taken back")
	wantPage(t, closed.browser().post(link, "password", "a good password"), http.StatusGone)
}

// TestInviteAccounts: an account that waits for its owner becomes theirs; one that
// is in use joins the tenant; nothing that a stranger set up in it stays (S3-06).
func TestInviteAccounts(t *testing.T) {
	s := newSite(t, mails)
	waiting := s.user("waiting")
	waiting.Status = storage.UserInvited
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(waiting)); err != nil {
		t.Fatal(err)
	}
	wantPage(t, s.browser().post(s.invited(&storage.UserInvitation{Email: waiting.Email}), "password", "a good password"), http.StatusOK)
	s.browser().signInWith(waiting.Email, "a good password")

	owner, squatted := s.verified("owner"), s.user("victim")
	tenant := &storage.Tenant{ID: storage.NewID(), Name: "Acme", CreatedOrder: 1}
	if err := s.store.Tenants.Create(t.Context(), s.project.Scope(), tenant, owner.ID); err != nil {
		t.Fatal(err)
	}
	squatter := s.browser()
	squatter.signIn(squatted)
	for _, u := range []*storage.User{s.verified("bob"), squatted} {
		link := s.invited(&storage.UserInvitation{Email: u.Email, TenantID: tenant.ID, TenantRole: storage.TenantAdmin})
		w := s.browser().get(link)
		wantPage(t, w, http.StatusOK, "Acme")
		if strings.Contains(w.Body.String(), "new-password") {
			t.Error("an account in use gets a new password")
		}
		wantPage(t, s.browser().post(link, "decision", "accept"), http.StatusOK)
		if m, err := s.store.TenantMembers.Get(t.Context(), s.project.Scope(), tenant.ID, u.ID); err != nil || m.Role != storage.TenantAdmin {
			t.Errorf("%+v, %v", m, err)
		}
	}
	if len(squatter.sessions()) != 0 {
		t.Error("S3-06: who made the account with another's address is signed in still")
	}
	s.browser().signInWith("bob@example.test", "correct horse")

	gone := s.verified("gone")
	gone.Status = storage.UserSuspended
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(gone)); err != nil {
		t.Fatal(err)
	}
	link := s.invited(&storage.UserInvitation{Email: gone.Email, TenantID: tenant.ID, TenantRole: storage.TenantPlain})
	wantPage(t, s.browser().post(link, "decision", "accept"), http.StatusGone)
	if _, err := s.store.TenantMembers.Get(t.Context(), s.project.Scope(), tenant.ID, gone.ID); !isGone(err) {
		t.Errorf("an account that may not sign in joins: %v", err)
	}

	for name, status := range map[string]storage.UserStatus{"chief": storage.UserInvited, "deputy": storage.UserActive} {
		admin := s.user(name)
		admin.Role, admin.Status = "admin", status
		if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(admin)); err != nil {
			t.Fatal(err)
		}
		link := s.invited(&storage.UserInvitation{Email: admin.Email, TenantID: tenant.ID, TenantRole: storage.TenantPlain})
		w := s.browser().post(link, "decision", "accept", "password", "another password")
		now, err := s.store.Users.Get(t.Context(), s.project.Scope(), admin.ID)
		if w.Code != http.StatusGone || err != nil || now.Status != status || now.EmailVerified {
			t.Errorf("S5-03: an administrator's account by an invitation that was none for one: %d, %+v, %v", w.Code, now, err)
		}
	}

	s.project.PasswordEnabled = false // the owner signs in by mail
	w := s.browser().get(s.invited(&storage.UserInvitation{Email: "mail@example.test"}))
	if strings.Contains(w.Body.String(), "new-password") {
		t.Error("a password where there are none")
	}
}

// TestInviteRaced: of a hundred who accept one invitation at once, one does.
func TestInviteRaced(t *testing.T) {
	s := newSite(t, mails)
	link := s.invited(&storage.UserInvitation{Email: "new@example.test"})
	s.race(s.browser(), link, "password", "a good password")
	if won := s.actions("invitation.accepted"); len(won) != 1 {
		t.Errorf("S3-08/invite: %d won", len(won))
	}
	if made := s.actions("user.registered"); len(made) != 1 {
		t.Errorf("%d accounts", len(made))
	}
}
