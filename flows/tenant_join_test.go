package flows_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/elloloop/identity/storage"
)

// organisation returns the members of the tenant of a domain by what they are
// there, nobody when there is none.
func (s *site) organisation(domain string) map[storage.TenantRole][]string {
	s.t.Helper()
	out := map[storage.TenantRole][]string{}
	d, err := s.store.TenantDomains.ByDomain(s.t.Context(), s.project.Scope(), domain)
	if isGone(err) {
		return out
	}
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := s.store.TenantMembers.OfTenant(s.t.Context(), s.project.Scope(), d.TenantID, "", storage.PageRequest{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range l.Items {
		out[m.Role] = append(out[m.Role], m.UserID)
	}
	return out
}

// at is an account with a mail address elsewhere, that nobody has proven.
func (s *site) at(address string) *storage.User {
	s.t.Helper()
	u := s.user("at-" + storage.NewID())
	u.Email, u.EmailKey = address, address
	if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
		s.t.Fatal(err)
	}
	return s.called(address)
}

func (s *site) called(address string) *storage.User {
	s.t.Helper()
	u, err := s.store.Users.ByEmail(s.t.Context(), s.project.Scope(), address)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// arrivals are the ways in which an address is proven, for a first time.
var arrivals = map[string]func(s *site, address string){
	"register": func(s *site, address string) {
		b := s.browser()
		at := b.begin(request())
		wantRedirect(s.t, b.post(at+"/register", "email", address, "password", "a good password"), at+"/register")
		b.post(path(s.t, s.lastLetter("verify", address).Link), "decision", "confirm")
	},
	"code": func(s *site, address string) {
		b := s.browser()
		at, _ := b.ask("emailcode", address)
		b.post(at+"/emailcode", "code", s.lastLetter("code", address).Code)
	},
	"link": func(s *site, address string) {
		b := s.browser()
		b.ask("magiclink", address)
		b.post(path(s.t, s.lastLetter("magic_link", address).Link), "decision", "confirm")
	},
	"code of an account": func(s *site, address string) {
		s.at(address)
		b := s.browser()
		at, _ := b.ask("emailcode", address)
		b.post(at+"/emailcode", "code", s.lastLetter("code", address).Code)
	},
	"new password": func(s *site, address string) {
		s.at(address)
		b := s.browser()
		b.ask("recover", address)
		b.post(path(s.t, s.lastLetter("reset", address).Link), "password", "a new password")
	},
	"verify": func(s *site, address string) {
		u := s.at(address)
		s.project.Messages.RequireVerified = true
		b := s.browser()
		at, _ := b.passed(u)
		b.post(at+"/verify", "decision", "send")
		b.post(path(s.t, s.lastLetter("verify", address).Link), "decision", "confirm")
	},
	"invitation": func(s *site, address string) {
		b := s.browser()
		b.post(s.invited(&storage.UserInvitation{Email: address}), "password", "a good password")
	},
	"invitation of an account": func(s *site, address string) {
		u := s.at(address)
		u.Status = storage.UserInvited
		if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
			s.t.Fatal(err)
		}
		b := s.browser()
		b.post(s.invited(&storage.UserInvitation{Email: address}), "password", "a good password")
	},
	"change of address": func(s *site, address string) {
		u := s.verified("moves")
		b := s.browser()
		b.signIn(u)
		forNew, forOld := b.change(u, address)
		b.post(forOld, "decision", "allow")
		b.post(forNew, "decision", "confirm")
	},
}

// TestTenantForms: whoever proves the first address of a domain owns the
// organisation that forms, the others join it; of a domain where everybody can have
// an address none forms.
func TestTenantForms(t *testing.T) {
	for name, arrive := range arrivals {
		t.Run(name, func(t *testing.T) {
			s := newHome(t, mails)
			for _, domain := range []string{"gmail.com", "isp.test"} {
				arrive(s, "a@"+domain)
				if !s.called("a@"+domain).EmailVerified || len(s.organisation(domain)) != 0 {
					t.Errorf("an organisation of %s", domain)
				}
				s = newHome(t, mails)
			}
			first := s.at("first@corp.test")
			if got := s.organisation("corp.test"); len(got) != 0 {
				t.Fatalf("of an address that nobody has proven: %v", got)
			}
			arrive(s, "a@corp.test")
			a := s.called("a@corp.test")
			if got := s.organisation("corp.test"); !a.EmailVerified || !slices.Equal(got[storage.TenantOwner], []string{a.ID}) || len(got) != 1 {
				t.Fatalf("verified %v, formed %v", a.EmailVerified, got)
			}
			arrivals["new password"](s, "b@corp.test")
			b := s.called("b@corp.test")
			if got := s.organisation("corp.test"); !slices.Equal(got[storage.TenantPlain], []string{b.ID}) || len(got[storage.TenantOwner]) != 1 {
				t.Errorf("joined %v", got)
			}
			if got := append(s.actions("tenant.formed"), s.actions("tenant.joined")...); !slices.Equal(got, []string{"tenant.formed", "tenant.joined"}) {
				t.Errorf("audit %v", got)
			}
			if got := s.organisation("corp.test"); slices.Contains(slices.Concat(got[storage.TenantOwner], got[storage.TenantPlain]), first.ID) {
				t.Error("who has proven nothing is a member")
			}
		})
	}
}

// TestTenantFormsOnce: who signs in again stays what they are, and whom an owner
// took out stays out; who was invited into an organisation forms none.
func TestTenantFormsOnce(t *testing.T) {
	s := newHome(t, mails)
	arrivals["register"](s, "a@corp.test")
	arrivals["register"](s, "b@corp.test")
	b := s.called("b@corp.test")
	d, err := s.store.TenantDomains.ByDomain(t.Context(), s.project.Scope(), "corp.test")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.store.TenantMembers.Get(t.Context(), s.project.Scope(), d.TenantID, b.ID)
	if err == nil {
		err = s.store.TenantMembers.Remove(t.Context(), s.project.Scope(), m)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.browser().signInWith("a@corp.test", "a good password")
	s.browser().signInWith("b@corp.test", "a good password")
	if got := s.organisation("corp.test"); len(got[storage.TenantOwner]) != 1 || len(got[storage.TenantPlain]) != 0 {
		t.Errorf("members %v", got)
	}
	link := s.invited(&storage.UserInvitation{Email: "c@two.test", TenantID: d.TenantID, TenantRole: storage.TenantAdmin})
	wantPage(t, s.browser().post(link, "password", "a good password"), http.StatusOK)
	if got := s.organisation("corp.test"); len(got[storage.TenantAdmin]) != 1 || len(s.organisation("two.test")) != 0 {
		t.Errorf("members %v, and of two.test %v", got, s.organisation("two.test"))
	}
}

// TestTenantFormsRaced: many come from one domain at once, each with a proof: one
// organisation forms, and everybody is in it once.
func TestTenantFormsRaced(t *testing.T) {
	s := newSite(t, mails)
	requests := make([]*http.Request, 20)
	for i := range requests {
		address := fmt.Sprintf("p%d@corp.test", i)
		b := s.browser()
		at, _ := b.ask("emailcode", address)
		requests[i] = b.request(http.MethodPost, at+"/emailcode", values("code", s.lastLetter("code", address).Code))
	}
	var all sync.WaitGroup
	for _, r := range requests {
		all.Go(func() { s.handler.ServeHTTP(httptest.NewRecorder(), r) })
	}
	all.Wait()
	got := s.organisation("corp.test")
	members := slices.Concat(got[storage.TenantOwner], got[storage.TenantPlain])
	slices.Sort(members)
	if len(got[storage.TenantOwner]) != 1 || len(slices.Compact(members)) != 20 {
		t.Errorf("%d owners, %d others", len(got[storage.TenantOwner]), len(got[storage.TenantPlain]))
	}
	l, err := s.store.Tenants.List(t.Context(), s.project.Scope(), "", storage.PageRequest{})
	if err != nil || len(l.Items) != 1 || len(s.actions("user.signed_in")) != 20 || len(s.actions("tenant.formed")) != 1 || len(s.actions("tenant.joined")) != 19 {
		t.Errorf("%d tenants, %d signed in, %v", len(l.Items), len(s.actions("user.signed_in")), err)
	}
}
