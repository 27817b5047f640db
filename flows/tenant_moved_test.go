package flows_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestTenantMoved: a member who takes another address stays under the policy of the
// organisation until it lets them go; who is none of its members does not.
func TestTenantMoved(t *testing.T) {
	s := newHome(t, mails)
	tenant := s.tenant(storage.LoginPolicy{})
	member, other := s.verified("alice"), s.verified("bob")
	m := &storage.TenantMember{TenantID: tenant.ID, UserID: member.ID, Role: storage.TenantPlain}
	if _, err := s.store.TenantMembers.Add(t.Context(), s.project.Scope(), m); err != nil {
		t.Fatal(err)
	}
	for i, u := range []*storage.User{member, other} {
		b := s.browser()
		b.signIn(u)
		forNew, forOld := b.change(u, []string{"alice@isp.test", "bob@isp.test"}[i])
		wantPage(t, s.browser().post(forOld, "decision", "allow"), http.StatusOK)
		wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusOK, "is changed")
	}
	if now, err := s.store.Users.Get(t.Context(), s.project.Scope(), other.ID); err != nil || now.GovernedBy != "" {
		t.Errorf("who is no member takes a policy along: %+v, %v", now, err)
	}
	signsIn := func(address string) bool {
		b := s.browser()
		return b.post(b.begin(request())+"/identify", "identifier", address, "password", "correct horse").Code == http.StatusSeeOther && len(b.sessions()) > 0
	}
	if !signsIn("alice@isp.test") {
		t.Fatal("a policy that forbids nothing")
	}
	s.becomes(tenant, only("passkey"))
	if signsIn("alice@isp.test") {
		t.Error("S3-20/moved: a member is out of the policy by another address")
	}
	if !signsIn("bob@isp.test") {
		t.Error("S3-20/moved: who is no member is held to it")
	}
	if err := s.store.TenantMembers.Remove(t.Context(), s.project.Scope(), m); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	if !signsIn("alice@isp.test") {
		t.Error("who was let go is held to it")
	}
}

// TestTenantMovedBack: an address of the organisation brings its member back under
// its policy by itself, and nothing is left of the other.
func TestTenantMovedBack(t *testing.T) {
	s := newHome(t, mails)
	tenant := s.tenant(storage.LoginPolicy{})
	u := s.verified("alice")
	if _, err := s.store.TenantMembers.Add(t.Context(), s.project.Scope(), &storage.TenantMember{TenantID: tenant.ID, UserID: u.ID, Role: storage.TenantPlain}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ to, governed string }{{"alice@isp.test", tenant.ID}, {"a@isp.test", tenant.ID}, {"a@example.test", ""}} {
		b := s.browser()
		at := b.begin(request(prompt("login")))
		wantPage(t, b.post(at+"/identify", "identifier", u.Email, "password", "correct horse"), http.StatusSeeOther)
		forNew, forOld := b.change(u, step.to)
		wantPage(t, s.browser().post(forOld, "decision", "allow"), http.StatusOK)
		wantPage(t, b.post(forNew, "decision", "confirm"), http.StatusOK)
		var err error
		if u, err = s.store.Users.Get(t.Context(), s.project.Scope(), u.ID); err != nil || u.Email != step.to || u.GovernedBy != step.governed {
			t.Fatalf("%+v, %v", u, err)
		}
		s.pass(time.Minute)
	}
}
