package flows_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// acme is an organisation without a domain.
func (s *site) acme() *storage.Tenant {
	s.t.Helper()
	t := &storage.Tenant{ID: storage.NewID(), Name: "Acme", CreatedOrder: 1}
	if err := s.store.Tenants.Create(s.t.Context(), s.project.Scope(), t, s.verified("owner").ID); err != nil {
		s.t.Fatal(err)
	}
	return t
}

// arrives asks for a code or a link and takes what the letter brought.
func (b *browser) arrives(flow, address string) (id string) {
	b.t.Helper()
	at, id := b.ask(flow, address)
	if flow == "magiclink" {
		wantRedirect(b.t, b.post(path(b.t, b.lastLetter("magic_link", address).Link), "decision", "confirm"), "/authorize/resume?id="+id)
	} else {
		wantRedirect(b.t, b.post(at+"/emailcode", "code", b.lastLetter("code", address).Code), "/authorize/resume?id="+id)
	}
	return id
}

// TestInvitedByMail: who is invited and proves the address by a code or a link, not
// by the letter of the invitation, has accepted it by that.
func TestInvitedByMail(t *testing.T) {
	for _, mode := range []storage.AccessMode{storage.AccessInvite, storage.AccessAllowlist, storage.AccessOpen} {
		s := newSite(t, mails, func(p *storage.Project) { p.Access.Mode, p.SignupEnabled = mode, mode == storage.AccessOpen })
		tenant := s.acme()
		for _, flow := range []string{"emailcode", "magiclink"} {
			address := flow + "@guests.test"
			link := s.invited(&storage.UserInvitation{Email: address, TenantID: tenant.ID, TenantRole: storage.TenantAdmin})
			b := s.browser()
			id := b.arrives(flow, address)
			u, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), address)
			if err != nil || !u.EmailVerified || u.Role != "guest" || b.done(id).Subject != u.ID {
				t.Fatalf("%s: %+v, %v", mode, u, err)
			}
			if m, err := s.store.TenantMembers.Get(t.Context(), s.project.Scope(), tenant.ID, u.ID); err != nil || m.Role != storage.TenantAdmin {
				t.Errorf("%s: %+v, %v", mode, m, err)
			}
			wantPage(t, s.browser().get(link), http.StatusGone, "was accepted")
			s.pass(time.Minute)
			s.browser().arrives(flow, address) // and again
		}
		if got := s.actions("invitation.accepted"); len(got) != 2 {
			t.Errorf("%s: audit %v", mode, got)
		}
		if got := s.actions("tenant.formed"); mode != storage.AccessOpen && len(got) > 0 {
			t.Errorf("an invited guest formed an organisation besides: %v", got)
		}
	}
}

// TestInvitedWaiting: an account that waits for its owner is theirs when they prove
// the address; an administrator's is not, where they were not invited as one (S5-03).
func TestInvitedWaiting(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Access.Mode = storage.AccessInvite })
	waiting, chief, other := s.user("waiting"), s.user("chief"), s.user("other")
	chief.Role = "admin"
	for _, u := range []*storage.User{waiting, chief, other} {
		u.Status = storage.UserInvited
		if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
			t.Fatal(err)
		}
	}
	s.invited(&storage.UserInvitation{Email: waiting.Email})
	s.invited(&storage.UserInvitation{Email: chief.Email})
	b := s.browser()
	id := b.arrives("emailcode", waiting.Email)
	now, err := s.store.Users.Get(t.Context(), s.project.Scope(), waiting.ID)
	if err != nil || now.Status != storage.UserActive || !now.EmailVerified || b.done(id).Subject != waiting.ID {
		t.Errorf("%+v, %v", now, err)
	}
	c := s.browser() // S3-06: what somebody put into it while nobody had proven the address is gone
	at := c.begin(request())
	if w := c.post(at+"/identify", "identifier", waiting.Email, "password", "correct horse"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("S3-06: the password of before signs in: %d", w.Code)
	}
	for _, u := range []*storage.User{chief, other} {
		s.browser().ask("emailcode", u.Email)
		s.lastLetter("no_account", u.Email)
	}
}

// TestInvitedTellsNothing: nobody but who reads the mail learns who is invited, and
// an invitation that ended, or in a closed project, lets nobody in (S3-01).
func TestInvitedTellsNothing(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Access.Mode = storage.AccessInvite })
	s.invited(&storage.UserInvitation{Email: "guest@example.test"})
	s.invited(&storage.UserInvitation{Email: "later@example.test", EndsAt: noon.Add(-time.Hour)})
	s.verified("known")
	for _, flow := range []string{"emailcode", "magiclink"} {
		seen := map[string]bool{}
		var reads []int64
		s.browser().ask(flow, "first@example.test") // the project's secrets are made once
		for _, name := range []string{"guest", "later", "nobod", "known"} {
			b := s.browser()
			at := b.begin(request())
			before := s.repo.reads.Load()
			text := neutral(b.post(at+"/"+flow, "email", name+"@example.test", "decision", "send"), name, at)
			reads = append(reads, s.repo.reads.Load()-before)
			text += neutral(b.get(at+"/"+flow), name, at)
			seen[text+neutral(b.post(at+"/"+flow, "code", "000000"), name, at)] = true
		}
		if len(seen) != 1 || reads[0] != reads[2] || reads[0] != reads[3] {
			t.Errorf("S3-01/invited: %s: %d different answers, %v reads", flow, len(seen), reads)
		}
		s.pass(time.Minute)
	}
	for _, l := range s.letters() {
		if (l.Name == "no_account") == (l.To == "guest@example.test" || l.To == "known@example.test") {
			t.Errorf("letter %s to %s", l.Name, l.To)
		}
	}
	s.project.Access.Mode = storage.AccessClosed
	s.browser().ask("emailcode", "guest@example.test")
	s.lastLetter("no_account", "guest@example.test")
}

// TestInvitedRegisters: who is invited and not on the list makes an account by the
// page for it, and has accepted.
func TestInvitedRegisters(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Access.Mode = storage.AccessAllowlist })
	tenant := s.acme()
	s.invited(&storage.UserInvitation{Email: "guest@example.test", TenantID: tenant.ID, TenantRole: storage.TenantPlain})
	b := s.browser()
	ar := request()
	at := b.begin(ar)
	wantRedirect(t, b.post(at+"/register", "email", "guest@example.test", "password", "a good password"), at+"/register")
	wantRedirect(t, b.post(path(t, s.lastLetter("verify", "guest@example.test").Link), "decision", "confirm"), "/authorize/resume?id="+ar.ID)
	u, err := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "guest@example.test")
	if err != nil || u.Role != "guest" {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, err := s.store.TenantMembers.Get(t.Context(), s.project.Scope(), tenant.ID, u.ID); err != nil || len(s.actions("invitation.accepted")) != 1 {
		t.Errorf("%v, audit %v", err, s.actions("invitation.accepted"))
	}
	c := s.browser()
	c.post(c.begin(request())+"/register", "email", "stranger@example.test", "password", "a good password")
	s.lastLetter("no_account", "stranger@example.test")
}

// TestInvitedRaced: of a hundred who prove an invited address at once, one is let
// in, and accepts once; so for a new account as for one that waited.
func TestInvitedRaced(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Access.Mode = storage.AccessInvite })
	waiting := s.user("waiting")
	waiting.Status = storage.UserInvited
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(waiting)); err != nil {
		t.Fatal(err)
	}
	for i, address := range []string{"new@example.test", waiting.Email} {
		s.invited(&storage.UserInvitation{Email: address})
		b := s.browser()
		b.ask("magiclink", address)
		s.race(b, path(t, s.lastLetter("magic_link", address).Link), "decision", "confirm")
		if won := s.actions("invitation.accepted"); len(won) != i+1 {
			t.Errorf("S3-08/invited: %s: %d accepted", address, len(won)-i)
		}
		if in := s.actions("user.signed_in"); len(in) != i+1 {
			t.Errorf("S3-08/invited: %s: %d let in", address, len(in)-i)
		}
	}
}
