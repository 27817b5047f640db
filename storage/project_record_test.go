package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
)

func record(id string) *storage.ProjectRecord {
	return &storage.ProjectRecord{ID: id, Name: "Name of " + id, Status: storage.ProjectActive}
}

func TestProjects(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		for _, bad := range []string{"", "~control", "A", "a_b", "a.b", "ä", strings.Repeat("a", 64), "a\n"} {
			want(t, s.Projects.Create(t.Context(), record(bad)), storage.ErrInvalidArgument)
		}
		negative := -time.Second
		for _, settings := range []storage.ProjectSettings{
			{Access: storage.AccessPolicy{Mode: "secret"}}, {AccessTokenTTL: &negative}, {RefreshGrace: &negative}, {Audience: make([]string, 2000)}, {Registration: "sometimes"},
			{SignIn: storage.SignInOverrides{SecondFactor: "sometimes"}}, {SignIn: storage.SignInOverrides{PasskeyVerify: "yes"}}, {SignIn: storage.SignInOverrides{PasskeyAttest: "yes"}},
			{SignIn: storage.SignInOverrides{PasskeyClones: "ignore"}}, {SignIn: storage.SignInOverrides{StepUp: &negative}}, {SignIn: storage.SignInOverrides{RememberDevice: &negative}},
			{SignIn: storage.SignInOverrides{First: make([]string, 2000)}}, {SignIn: storage.SignInOverrides{PasskeyRelated: []string{"https://b.test"}}},
			{Terms: &storage.Terms{Version: "1"}}, {Terms: &storage.Terms{URL: "https://a.test"}},
		} {
			p := record("bad")
			p.Settings = settings
			want(t, s.Projects.Create(t.Context(), p), storage.ErrInvalidArgument)
		}
		one, two := record("one"), record("two")
		two.CreatedOrder = 1
		must(t, s.Projects.Create(t.Context(), one, s.AuditEvents.Append(storage.AuditEvent{At: time.Now(), Action: "project.created", Target: "one"})))
		must(t, s.Projects.Create(t.Context(), two))
		want(t, s.Projects.Create(t.Context(), record("one")), storage.ErrAlreadyExists)
		stale, err := s.Projects.Get(t.Context(), "one")
		must(t, err)
		one.Status = storage.ProjectDisabled
		must(t, s.Projects.Update(t.Context(), one))
		want(t, s.Projects.Update(t.Context(), stale), storage.ErrConflict)
		for status, n := range map[storage.ProjectStatus]int{"": 2, storage.ProjectActive: 1, storage.ProjectDeleting: 0} {
			if l, err := s.Projects.List(t.Context(), status, storage.PageRequest{}); err != nil || len(l.Items) != n {
				t.Errorf("%q: %d %v", status, len(l.Items), err)
			}
		}
		events, err := s.AuditEvents.List(t.Context(), storage.ControlScope(), storage.AuditFilter{Target: "one"}, storage.PageRequest{})
		if err != nil || len(events.Items) != 1 {
			t.Errorf("the event is not with its change: %v", err)
		}
		_, err = s.Projects.Purge(t.Context(), "one", 10)
		want(t, err, storage.ErrInvalidArgument) // it was not asked to be deleted
	})
}

func TestProjectResolve(t *testing.T) {
	base := &storage.Project{ID: "default", Issuer: "https://id.example.test", Name: "Base", AccessTokenTTL: time.Minute, SignupEnabled: true, PasswordMinLength: 8, AllowedOrigins: []string{"https://a.example.test"}}
	p := record("one")
	if got := p.Resolve(base, "https://one.example.test"); got.ID != "one" || got.Issuer != "https://one.example.test" || got.Name != p.Name ||
		got.AccessTokenTTL != time.Minute || !got.SignupEnabled || !slices.Equal(got.AllowedOrigins, base.AllowedOrigins) {
		t.Errorf("nothing is overridden, got %+v", got)
	}
	hour, twelve := time.Hour, 12
	p.Settings = storage.ProjectSettings{
		AccessTokenTTL: &hour, PasswordMinLength: &twelve, AllowedOrigins: []string{}, Branding: storage.Branding{Name: "Brand"},
		Access: storage.AccessPolicy{Mode: storage.AccessClosed}, Login: storage.LoginPolicy{Methods: []string{"passkey"}},
	}
	got := p.Resolve(base, base.Issuer)
	if got.AccessTokenTTL != hour || got.PasswordMinLength != 12 || len(got.AllowedOrigins) != 0 || got.Name != "Brand" || got.SignupEnabled || got.Login.Allows("password") {
		t.Errorf("got %+v", got)
	}
	if base.AccessTokenTTL != time.Minute || base.ID != "default" {
		t.Error("the base was changed")
	}
}

func TestPolicies(t *testing.T) {
	list := storage.AccessPolicy{Mode: storage.AccessAllowlist, Emails: []string{"a@x.test"}, Domains: []string{"corp.test"}}
	for _, c := range []struct {
		p       storage.AccessPolicy
		email   string
		invited bool
		want    bool
	}{
		{storage.AccessPolicy{}, "a@b.test", false, true}, {storage.AccessPolicy{Mode: storage.AccessInvite}, "a@b.test", false, false},
		{storage.AccessPolicy{Mode: storage.AccessInvite}, "a@b.test", true, true}, {storage.AccessPolicy{Mode: storage.AccessClosed}, "a@b.test", true, false},
		{list, "a@x.test", false, true}, {list, "b@x.test", false, false}, {list, "b@corp.test", false, true}, {list, "b@sub.corp.test", false, false},
		{list, "corp.test", false, false}, {list, "b@x.test", true, true}, {storage.AccessPolicy{Mode: "?"}, "a@b.test", true, false},
	} {
		if got := c.p.Admits(c.email, c.invited); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	all, none := storage.LoginPolicy{}, storage.LoginPolicy{Methods: []string{}}
	passkey := storage.LoginPolicy{Methods: []string{"passkey", "password"}, SecondFactorRequired: true}
	mail := storage.LoginPolicy{Methods: []string{"emailcode"}, SSORequired: true}
	if both := passkey.And(mail); both.Allows("passkey") || both.Allows("emailcode") || both.Allows("other") || !both.SSORequired || !both.SecondFactorRequired {
		t.Errorf("nothing is in both, got %+v", both)
	}
	if p := all.And(passkey); !p.Allows("passkey") || p.Allows("totp") || none.Allows("passkey") || !all.Allows("anything") {
		t.Errorf("got %+v", p)
	}
}

func TestProjectDomains(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		for _, id := range []string{"one", "two"} {
			must(t, s.Projects.Create(t.Context(), record(id)))
		}
		for _, bad := range []string{"", "a b", "https://x.test", "x.test:80", "a..b", "[::1]", strings.Repeat("a", 300)} {
			_, err := s.ProjectDomains.Claim(t.Context(), "one", bad)
			want(t, err, storage.ErrInvalidArgument)
		}
		_, err := s.ProjectDomains.Claim(t.Context(), "none", "x.test")
		want(t, err, storage.ErrNotFound)
		claim := func(project, host string) *storage.ProjectDomain {
			t.Helper()
			d, err := s.ProjectDomains.Claim(t.Context(), project, host)
			must(t, err)
			return d
		}
		mine, theirs := claim("one", "Login.Example.TEST."), claim("two", "login.example.test")
		if mine.Host != "login.example.test" || mine.Challenge == theirs.Challenge {
			t.Fatalf("got %+v", mine)
		}
		_, err = s.ProjectDomains.ByHost(t.Context(), mine.Host)
		want(t, err, storage.ErrNotFound) // a claim holds nothing
		want(t, s.ProjectDomains.MakePrimary(t.Context(), mine), storage.ErrInvalidArgument)
		must(t, s.ProjectDomains.Verify(t.Context(), mine, now))
		want(t, s.ProjectDomains.Verify(t.Context(), theirs, now), storage.ErrAlreadyExists)
		if d, err := s.ProjectDomains.ByHost(t.Context(), mine.Host); err != nil || d.ProjectID != "one" {
			t.Fatalf("got %v %v", d, err)
		}
		_, err = s.ProjectDomains.Get(t.Context(), "two", mine.ID)
		want(t, err, storage.ErrNotFound)
		must(t, s.ProjectDomains.MakePrimary(t.Context(), mine))
		must(t, s.ProjectDomains.Remove(t.Context(), mine))
		if p, err := s.Projects.Get(t.Context(), "one"); err != nil || p.PrimaryHost != "" {
			t.Errorf("the primary host outlives its domain: %v", err)
		}
		must(t, s.ProjectDomains.Verify(t.Context(), theirs, now)) // free again
		if l, err := s.ProjectDomains.OfProject(t.Context(), "two", storage.PageRequest{}); err != nil || len(l.Items) != 1 {
			t.Errorf("got %d %v", len(l.Items), err)
		}
	})
}

// TestAssumedDomain: a host that nobody proved is one project's, and counts as long
// as the deployment asks for no proof.
func TestAssumedDomain(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		for _, id := range []string{"one", "two"} {
			must(t, s.Projects.Create(t.Context(), record(id)))
		}
		mine, err := s.ProjectDomains.Claim(t.Context(), "one", "login.example.test")
		must(t, err)
		theirs, err := s.ProjectDomains.Claim(t.Context(), "two", "login.example.test")
		must(t, err)
		must(t, s.ProjectDomains.Assume(t.Context(), mine, now))
		want(t, s.ProjectDomains.Assume(t.Context(), theirs, now), storage.ErrAlreadyExists)
		want(t, s.ProjectDomains.Verify(t.Context(), theirs, now), storage.ErrAlreadyExists)
		must(t, s.ProjectDomains.MakePrimary(t.Context(), mine))
		host := func(assume bool) string {
			p, err := s.Projects.Get(t.Context(), "one")
			must(t, err)
			return p.Host(assume)
		}
		if with, without := host(true), host(false); with != mine.Host || without != "" {
			t.Errorf("%q where hosts are assumed, %q where they are not", with, without)
		}
		must(t, s.ProjectDomains.Verify(t.Context(), mine, now))
		if host(false) != mine.Host || mine.Assumed {
			t.Errorf("proven, and the host is %q", host(false))
		}
		must(t, s.ProjectDomains.Remove(t.Context(), mine))
		if host(true) != "" {
			t.Error("the host outlives its domain")
		}
	})
}

// TestPrimaryDomainRace: a domain becomes primary while it is removed. The primary
// host is always one that the project has.
func TestPrimaryDomainRace(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		must(t, s.Projects.Create(t.Context(), record("one")))
		for i := range 50 {
			d, err := s.ProjectDomains.Claim(t.Context(), "one", fmt.Sprintf("h%d.example.test", i))
			must(t, err)
			must(t, s.ProjectDomains.Verify(t.Context(), d, time.Now()))
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if err := s.ProjectDomains.MakePrimary(context.Background(), d); err != nil && !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrConflict) {
						t.Error(err)
					}
				})
			}
			wg.Go(func() {
				if err := s.ProjectDomains.Remove(context.Background(), d); err != nil && !errors.Is(err, storage.ErrConflict) {
					t.Error(err)
				}
			})
			wg.Wait()
			p, err := s.Projects.Get(t.Context(), "one")
			must(t, err)
			if p.PrimaryHost != "" {
				if _, err := s.ProjectDomains.ByHost(t.Context(), p.PrimaryHost); err != nil {
					t.Fatalf("the primary host %q is not a domain of the project: %v", p.PrimaryHost, err)
				}
			}
		}
	})
}

func TestVerifyDomainRace(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		must(t, s.Projects.Create(t.Context(), record("one")))
		claims := make([]*storage.ProjectDomain, 100)
		for i := range claims {
			var err error
			claims[i], err = s.ProjectDomains.Claim(t.Context(), "one", "x.example.test")
			must(t, err)
		}
		if n := race(t, func(i int) error { return s.ProjectDomains.Verify(context.Background(), claims[i], time.Now()) }, storage.ErrAlreadyExists); n != 1 {
			t.Errorf("%d hold one host", n)
		}
	})
}

func TestProjectCredentials(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		must(t, s.Projects.Create(t.Context(), record("one")))
		c := &storage.ProjectCredential{ProjectID: "one", Kind: storage.CredentialSecret, Name: "ci"}
		key, err := s.ProjectCredentials.Issue(t.Context(), c)
		must(t, err)
		got, err := s.ProjectCredentials.BySecret(t.Context(), storage.DigestOf(key))
		if err != nil || got.ID != c.ID || got.Kind != storage.CredentialSecret || !strings.HasPrefix(key, "idsk_") {
			t.Fatalf("got %v %v", got, err)
		}
		_, err = s.ProjectCredentials.Issue(t.Context(), &storage.ProjectCredential{ProjectID: "one", Kind: "root"})
		want(t, err, storage.ErrInvalidArgument)
		_, err = s.ProjectCredentials.Issue(t.Context(), &storage.ProjectCredential{ProjectID: "none", Kind: storage.CredentialSecret})
		want(t, err, storage.ErrNotFound)
		must(t, s.ProjectCredentials.Touch(t.Context(), got, now))
		used, err := s.ProjectCredentials.BySecret(t.Context(), storage.DigestOf(key))
		must(t, err)
		must(t, s.ProjectCredentials.Touch(t.Context(), used, now.Add(time.Minute)))
		if again, err := s.ProjectCredentials.BySecret(t.Context(), storage.DigestOf(key)); err != nil || !again.LastUsed.Equal(now) || again.Version != used.Version {
			t.Errorf("each use is written: %v %v", again, err)
		}
		ended := &storage.ProjectCredential{ProjectID: "one", Kind: storage.CredentialPublishable, ExpiresAt: now.Add(-time.Second)}
		old, err := s.ProjectCredentials.Issue(t.Context(), ended)
		must(t, err)
		_, err = s.ProjectCredentials.BySecret(t.Context(), storage.DigestOf(old))
		want(t, err, storage.ErrNotFound)
		want(t, s.ProjectCredentials.Revoke(t.Context(), "two", c.ID), storage.ErrNotFound)
		must(t, s.ProjectCredentials.Revoke(t.Context(), "one", c.ID))
		_, err = s.ProjectCredentials.BySecret(t.Context(), storage.DigestOf(key))
		want(t, err, storage.ErrNotFound)
	})
}

func TestBootstrapOnce(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		if n := race(t, func(i int) error {
			id := fmt.Sprint(i)
			return s.Commit(context.Background(), scope, s.Bootstraps.Once(storage.FirstAdmin, id, time.Now()), s.Users.Add(user(id)))
		}, storage.ErrAlreadyExists); n != 1 {
			t.Errorf("%d first admins", n)
		}
		if l, err := s.Users.List(t.Context(), scope, storage.PageRequest{}); err != nil || len(l.Items) != 1 {
			t.Errorf("%d accounts, %v", len(l.Items), err)
		}
		if done, err := s.Bootstraps.Done(t.Context(), scope, storage.FirstAdmin); err != nil || !done {
			t.Errorf("got %v %v", done, err)
		}
	})
}

// TestDeleteProject fills every type, edges and counters of two projects, removes
// one of them in small steps from several replicas, and looks at every table.
func TestDeleteProject(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) { deleteProject(t, open(t)) })
	}
}

func deleteProject(t *testing.T, repo opened) {
	s := storage.New(repo, ring(t, key("k", 7)))
	const each = 3
	for _, id := range []string{"going", "staying"} {
		must(t, s.Projects.Create(t.Context(), record(id)))
		for _, ty := range storage.Schema().Types {
			for i := range each {
				n := graph.Node{Type: ty.ID, ID: fmt.Sprint(i), Columns: make([]graph.Value, len(ty.Columns))}
				if ty.Expires && i == 0 {
					n.ExpiresAt = time.Now().Add(-time.Hour) // dead, not yet swept
				}
				_, err := repo.Commit(t.Context(), storage.In(id), graph.Create{Node: n})
				must(t, err)
			}
		}
		for _, e := range storage.Schema().Edges {
			_, err := repo.Commit(t.Context(), storage.In(id), graph.Link{Edge: e.ID, From: "1", To: "2"}, graph.Increment{Counter: fmt.Sprint(e.ID), By: 1, Window: time.Hour})
			must(t, err)
		}
		d, err := s.ProjectDomains.Claim(t.Context(), id, id+".example.test")
		must(t, err)
		must(t, s.ProjectDomains.Verify(t.Context(), d, time.Now()))
		_, err = s.ProjectCredentials.Issue(t.Context(), &storage.ProjectCredential{ProjectID: id, Kind: storage.CredentialSecret})
		must(t, err)
	}
	before := repo.rows(t, "staying")
	if len(before) != repo.tables {
		t.Fatalf("not every table has a row of the project: %v", before)
	}
	p, err := s.Projects.Get(t.Context(), "going")
	must(t, err)
	must(t, s.Projects.Delete(t.Context(), p))
	_, err = s.ProjectDomains.ByHost(t.Context(), "going.example.test")
	want(t, err, storage.ErrNotFound)
	race(t, func(int) error { _, err := s.Projects.Purge(context.Background(), "going", 7); return err })
	for done := false; !done; {
		done, err = s.Projects.Purge(t.Context(), "going", 7)
		must(t, err)
	}
	if left := repo.rows(t, "going"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if after := repo.rows(t, "staying"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the other project had %v and has %v", before, after)
	}
	_, err = s.Projects.Get(t.Context(), "going")
	want(t, err, storage.ErrNotFound)
	want(t, s.Projects.Create(t.Context(), record("going")), storage.ErrAlreadyExists) // its issuer is known to clients
	if l, err := s.Projects.List(t.Context(), "", storage.PageRequest{}); err != nil || len(l.Items) != 1 {
		t.Errorf("got %d %v", len(l.Items), err)
	}
	// A replica that knew nothing of it wrote once more.
	must(t, s.Commit(t.Context(), storage.In("going"), s.Users.Add(user("late"))))
	if _, err = s.Projects.Purge(t.Context(), "going", 100); err != nil || len(repo.rows(t, "going")) != 0 {
		t.Errorf("what came late stays: %v", err)
	}
}
