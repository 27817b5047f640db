package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

func TestUserMoves(t *testing.T) {
	later := time.Now().Add(time.Hour)
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		moves := map[string]func(*storage.User) error{
			"activate":   func(u *storage.User) error { return s.UserStatuses.Activate(t.Context(), scope, u) },
			"deactivate": func(u *storage.User) error { return s.UserStatuses.Deactivate(t.Context(), scope, u) },
			"suspend":    func(u *storage.User) error { return s.UserStatuses.Suspend(t.Context(), scope, u) },
			"reactivate": func(u *storage.User) error { return s.UserStatuses.Reactivate(t.Context(), scope, u) },
			"request":    func(u *storage.User) error { return s.UserStatuses.RequestDeletion(t.Context(), scope, u, later) },
			"cancel":     func(u *storage.User) error { return s.UserStatuses.CancelDeletion(t.Context(), scope, u) },
		}
		const active, invited, off, barred, pending = storage.UserActive, storage.UserInvited, storage.UserDeactivated, storage.UserSuspended, storage.UserPendingDeletion
		allowed := map[storage.UserStatus]map[string]storage.UserStatus{
			active:  {"deactivate": off, "suspend": barred, "request": pending},
			invited: {"activate": active, "deactivate": off, "suspend": barred, "request": pending},
			off:     {"reactivate": active, "suspend": barred, "request": pending},
			barred:  {"reactivate": active, "request": pending},
			pending: {"cancel": active},
		}
		for from, to := range allowed {
			for name, move := range moves {
				id := string(from) + "-" + name
				account(t, s, id)
				issue(t, s, id, id, true)
				u, err := s.Users.Get(t.Context(), scope, id)
				must(t, err)
				u.Status = from
				must(t, s.Commit(t.Context(), scope, s.Users.Replace(u)))
				u, err = s.Users.Get(t.Context(), scope, id)
				must(t, err)
				err = move(u)
				next, ok := to[name]
				if !ok {
					want(t, err, storage.ErrInvalidArgument)
					next = from
				} else if err != nil {
					t.Fatalf("%s: %v", id, err)
				}
				stored, err := s.Users.Get(t.Context(), scope, id)
				if err != nil || stored.Status != next || u.Status != next || stored.Version != u.Version {
					t.Errorf("%s: is %s, want %s: %v", id, stored.Status, next, err)
				}
				_, sessionErr := s.Sessions.Get(t.Context(), scope, "s-"+id)
				_, grantErr := s.Grants.Get(t.Context(), scope, "g-"+id)
				if ends := ok && next != active; ends != (sessionErr != nil) || ends != (grantErr != nil) {
					t.Errorf("%s: access is taken: %v; session: %v, grant: %v", id, ends, sessionErr, grantErr)
				}
			}
		}
	})
}

func TestUserDeletion(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		account(t, s, "u")
		u, err := s.Users.Get(t.Context(), scope, "u")
		must(t, err)
		if n := race(t, func(int) error {
			mine := *u
			return s.UserStatuses.Suspend(context.Background(), scope, &mine, s.AuditEvents.Append(storage.AuditEvent{At: now, Action: "user.suspended", Target: "u"}))
		}, storage.ErrConflict); n != 1 {
			t.Errorf("suspended %d times", n)
		}
		if l, err := s.AuditEvents.List(t.Context(), scope, storage.AuditFilter{Target: "u"}, storage.PageRequest{}); err != nil || len(l.Items) != 1 {
			t.Errorf("%d events, %v", len(l.Items), err)
		}
		u, err = s.Users.Get(t.Context(), scope, "u")
		must(t, err)
		must(t, s.UserStatuses.RequestDeletion(t.Context(), scope, u, now.Add(time.Hour)))
		due := func(at time.Time) int {
			t.Helper()
			l, err := s.UserStatuses.DueForDeletion(t.Context(), scope, at, storage.PageRequest{})
			must(t, err)
			return len(l.Items)
		}
		if due(now) != 0 || due(now.Add(time.Hour)) != 1 {
			t.Error("the grace is not kept")
		}
		must(t, s.UserStatuses.CancelDeletion(t.Context(), scope, u))
		if u.Status != storage.UserSuspended {
			t.Errorf("who was suspended comes back as %s", u.Status)
		}
	})
}

func TestUserDirectory(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		for i, name := range []string{"Ärger", "ﬁrst", "First B", "first a", "STRASSE", "straße 2", ""} {
			u := user(fmt.Sprintf("u%d", i))
			u.Name, u.CreatedOrder, u.Role, u.Username, u.UsernameKey = name, int64(-i), "member", u.ID, u.ID
			if i%2 == 0 {
				u.Role, u.Status = "admin", storage.UserSuspended
			}
			u.ExternalID = "ext-" + u.ID
			must(t, s.Commit(t.Context(), scope, s.Users.Add(u)))
		}
		for _, c := range []struct {
			q    storage.UserQuery
			want string
		}{
			{storage.UserQuery{}, "u6 u5 u4 u3 u2 u1 u0"},
			{storage.UserQuery{Prefix: "FIRST"}, "u1 u3 u2"},
			{storage.UserQuery{Prefix: "strass"}, "u4 u5"},
			{storage.UserQuery{Prefix: "ÄR"}, "u0"},
			{storage.UserQuery{Prefix: "u1", Order: storage.ByEmail}, "u1"},
			{storage.UserQuery{Prefix: "u", Order: storage.ByUsername, Status: storage.UserSuspended}, "u0 u2 u4 u6"},
			{storage.UserQuery{Order: storage.ByName}, "u6 u1 u3 u2 u4 u5 u0"},
			{storage.UserQuery{Status: storage.UserSuspended}, "u6 u4 u2 u0"},
			{storage.UserQuery{Role: "member"}, "u5 u3 u1"},
			{storage.UserQuery{Role: "member", Status: storage.UserSuspended}, ""},
			{storage.UserQuery{Role: "admin", Status: storage.UserSuspended, Prefix: "strasse"}, "u4"},
		} {
			for _, size := range []int{1, 2, 50} {
				got, p := "", storage.PageRequest{Limit: size}
				for {
					l, err := s.UserDirectory.Search(t.Context(), scope, c.q, p)
					must(t, err)
					for _, u := range l.Items {
						got += " " + u.ID
					}
					if p.After = l.Next; p.After == "" {
						break
					}
				}
				if got != "" {
					got = got[1:]
				}
				if got != c.want {
					t.Errorf("%+v in pages of %d: %q, want %q", c.q, size, got, c.want)
				}
			}
		}
		for _, q := range []storage.UserQuery{{Order: "age"}, {Order: storage.ByCreated, Prefix: "x"}} {
			_, err := s.UserDirectory.Search(t.Context(), scope, q, storage.PageRequest{})
			want(t, err, storage.ErrInvalidArgument)
		}
		if u, err := s.UserDirectory.ByExternalID(t.Context(), scope, "ext-u3"); err != nil || u.ID != "u3" {
			t.Errorf("got %v %v", u, err)
		}
		if l, err := s.UserDirectory.Search(t.Context(), storage.In("other"), storage.UserQuery{}, storage.PageRequest{}); err != nil || len(l.Items) != 0 {
			t.Errorf("another project sees %d", len(l.Items))
		}
	})
}
