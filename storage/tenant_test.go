package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// at makes an account with a verified mail address.
func at(t *testing.T, s *storage.Store, id, domain string) *storage.User {
	t.Helper()
	u := &storage.User{ID: id, Email: id + "@" + domain, EmailKey: id + "@" + domain, EmailVerified: true, Status: storage.UserActive}
	must(t, s.Commit(t.Context(), scope, s.Users.Add(u)))
	return u
}

func TestJoinTenant(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now, told := time.Now(), storage.AuditEvent{Outcome: "success", At: time.Now()}
		join := func(u *storage.User) error {
			return s.Commit(context.Background(), scope, s.TenantDomains.Join(u, []string{"ISP.test"}, now, told))
		}
		users := make([]*storage.User, 100)
		for i := range users {
			users[i] = at(t, s, fmt.Sprint(i), "corp.test")
		}
		if n := race(t, func(i int) error { return join(users[i]) }); n != 100 {
			t.Fatalf("%d joined", n)
		}
		must(t, join(users[7])) // is in it
		for name, u := range map[string]*storage.User{
			"public": at(t, s, "a", "gmail.com"), "public-by-setting": at(t, s, "b", "isp.test"), "no-dot": at(t, s, "c", "localhost"),
			"unverified": {ID: users[0].ID, EmailKey: "d@other.test"}, "no-mail": {ID: users[0].ID, EmailKey: "corp.test", EmailVerified: true},
			"nobody": {ID: "e", EmailKey: "e@other.test", EmailVerified: true},
		} {
			if err := join(u); (err != nil) != (name == "nobody") {
				t.Errorf("%s: %v", name, err)
			}
		}
		tenants, err := s.Tenants.List(t.Context(), scope, "", storage.PageRequest{})
		if err != nil || len(tenants.Items) != 1 || tenants.Items[0].Name != "corp.test" {
			t.Fatalf("%d tenants formed, %v", len(tenants.Items), err)
		}
		for role, n := range map[storage.TenantRole]int{"": 100, storage.TenantOwner: 1, storage.TenantPlain: 99} {
			if l, err := s.TenantMembers.OfTenant(t.Context(), scope, tenants.Items[0].ID, role, storage.PageRequest{Limit: 1000}); err != nil || len(l.Items) != n {
				t.Errorf("%q: %d %v", role, len(l.Items), err)
			}
		}
		for action, n := range map[string]int{"tenant.formed": 1, "tenant.joined": 99} {
			l, err := s.AuditEvents.List(t.Context(), scope, storage.AuditFilter{Action: action}, storage.PageRequest{Limit: 1000})
			if err != nil || len(l.Items) != n || l.Items[0].Target != tenants.Items[0].ID {
				t.Errorf("%s: %d %v", action, len(l.Items), err)
			}
		}
		_, err = s.TenantDomains.Claim(t.Context(), scope, tenants.Items[0].ID, "GoogleMail.com", nil)
		want(t, err, storage.ErrPublicMailDomain)
		if _, err = s.TenantDomains.ByDomain(t.Context(), storage.In("other"), "corp.test"); err == nil {
			t.Error("another project sees the domain")
		}
	})
}

func TestTenants(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		owner, guest := at(t, s, "o", "one.test"), at(t, s, "g", "two.test")
		tenant := &storage.Tenant{ID: "t", Name: "Größe GmbH", Login: storage.LoginPolicy{SSORequired: true}}
		want(t, s.Tenants.Create(t.Context(), scope, &storage.Tenant{ID: "t", Name: " "}, owner.ID), storage.ErrInvalidArgument)
		want(t, s.Tenants.Create(t.Context(), scope, tenant, "nobody"), storage.ErrNotFound)
		must(t, s.Tenants.Create(t.Context(), scope, tenant, owner.ID))
		if l, err := s.Tenants.List(t.Context(), scope, "GRÖSSE", storage.PageRequest{}); err != nil || len(l.Items) != 1 || !l.Items[0].Login.SSORequired {
			t.Errorf("got %d %v", len(l.Items), err)
		}
		// An invitation: replaced by a newer one, for one address, once.
		invite := func() string {
			t.Helper()
			token, err := s.TenantInvitations.Create(t.Context(), scope, &storage.TenantInvitation{TenantID: "t", EmailKey: guest.EmailKey, Role: storage.TenantAdmin, ExpiresAt: now.Add(time.Hour)})
			must(t, err)
			return token
		}
		old, token := invite(), invite()
		_, err := s.TenantInvitations.ByToken(t.Context(), scope, storage.DigestOf(old))
		want(t, err, storage.ErrNotFound)
		i, err := s.TenantInvitations.ByToken(t.Context(), scope, storage.DigestOf(token))
		must(t, err)
		_, err = s.TenantInvitations.Accept(t.Context(), scope, i, owner, now)
		want(t, err, storage.ErrInvalidArgument) // not theirs
		if n := race(t, func(int) error {
			_, err := s.TenantInvitations.Accept(context.Background(), scope, i, guest, now)
			return err
		}, storage.ErrConsumed); n != 1 {
			t.Errorf("accepted %d times", n)
		}
		_, err = s.TenantInvitations.ByToken(t.Context(), scope, storage.DigestOf(token))
		want(t, err, storage.ErrConsumed)
		invite() // the accepted one gives way
		// The last owner stays, in whichever way.
		o, err := s.TenantMembers.Get(t.Context(), scope, "t", owner.ID)
		must(t, err)
		want(t, s.TenantMembers.Remove(t.Context(), scope, o), storage.ErrLastOwner)
		want(t, s.TenantMembers.SetRole(t.Context(), scope, o, storage.TenantPlain), storage.ErrLastOwner)
		g, err := s.TenantMembers.Get(t.Context(), scope, "t", guest.ID)
		if err != nil || g.Role != storage.TenantAdmin {
			t.Fatalf("got %v %v", g, err)
		}
		want(t, s.TenantMembers.SetRole(t.Context(), scope, g, "king"), storage.ErrInvalidArgument)
		must(t, s.TenantMembers.SetRole(t.Context(), scope, g, storage.TenantOwner))
		must(t, s.TenantMembers.Remove(t.Context(), scope, o))
		want(t, s.TenantMembers.Remove(t.Context(), scope, g), storage.ErrLastOwner)
		if l, err := s.TenantMembers.OfUser(t.Context(), scope, guest.ID, storage.PageRequest{}); err != nil || len(l.Items) != 1 {
			t.Errorf("got %d %v", len(l.Items), err)
		}
		must(t, s.Tenants.Delete(t.Context(), scope, "t"))
		if l, err := s.TenantMembers.OfUser(t.Context(), scope, guest.ID, storage.PageRequest{}); err != nil || len(l.Items) != 0 {
			t.Errorf("a membership outlives its tenant: %v", err)
		}
	})
}

// TestOwnersLeave: all owners leave at once, and one has to stay.
func TestOwnersLeave(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		members := make([]*storage.TenantMember, 10)
		for i := range members {
			u := at(t, s, fmt.Sprint(i), "one.test")
			if i == 0 {
				must(t, s.Tenants.Create(t.Context(), scope, &storage.Tenant{ID: "t", Name: "T"}, u.ID))
				continue
			}
			_, err := s.TenantMembers.Add(t.Context(), scope, &storage.TenantMember{TenantID: "t", UserID: u.ID, Role: storage.TenantOwner})
			must(t, err)
		}
		for i := range members {
			var err error
			members[i], err = s.TenantMembers.Get(t.Context(), scope, "t", fmt.Sprint(i))
			must(t, err)
		}
		race(t, func(i int) error {
			m := *members[i%10]
			if i%2 == 0 {
				return s.TenantMembers.Remove(context.Background(), scope, &m)
			}
			return s.TenantMembers.SetRole(context.Background(), scope, &m, storage.TenantPlain)
		}, storage.ErrLastOwner, storage.ErrConflict, storage.ErrNotFound)
		if l, err := s.TenantMembers.OfTenant(t.Context(), scope, "t", storage.TenantOwner, storage.PageRequest{}); err != nil || len(l.Items) != 1 {
			t.Errorf("%d owners are left, %v", len(l.Items), err)
		}
	})
}
