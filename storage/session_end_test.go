package storage_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// visited makes an account with a session that two clients joined: one that is
// told behind the browser's back, and one that is not.
func visited(t *testing.T, s *storage.Store, user, sid string) {
	t.Helper()
	now := time.Now()
	err := s.Commit(t.Context(), scope, s.Users.Add(&storage.User{ID: user, Status: storage.UserActive}))
	if err != nil && !errors.Is(err, storage.ErrAlreadyExists) {
		t.Fatal(err)
	}
	must(t, s.Commit(t.Context(), scope, s.Sessions.Start(&storage.Session{
		ID: sid, SecretHash: storage.DigestOf(storage.NewSecret()), UserID: user, EndsAt: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour),
	})...))
	for _, c := range []storage.SessionClient{{ClientID: "back", BackChannel: true}, {ClientID: "front", FrontChannel: true}} {
		must(t, s.Commit(t.Context(), scope, s.Sessions.Visit(sid, c)))
	}
}

// told reads who is told of the ends of sessions: "client sid user".
func told(t *testing.T, s *storage.Store) []string {
	t.Helper()
	l, err := s.Outbox.List(t.Context(), scope, storage.OutboxFilter{Status: storage.OutboxPending, Kind: storage.OutboxBackchannelLogout}, storage.PageRequest{Limit: 1000})
	must(t, err)
	var out []string
	for _, m := range l.Items {
		raw, err := s.Outbox.Open(scope, m)
		must(t, err)
		var n storage.BackChannelLogout
		must(t, json.Unmarshal(raw, &n))
		out = append(out, n.ClientID+" "+n.SessionID+" "+n.UserID)
	}
	slices.Sort(out)
	return out
}

// TestSessionEndTellsClients: whatever ends a session leaves the message in the
// same commit (OIDC Back-Channel Logout §2.5).
func TestSessionEndTellsClients(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *storage.Store) error{
		"end": func(t *testing.T, s *storage.Store) error {
			return s.Commit(t.Context(), scope, s.Sessions.End("sid-1")...)
		},
		"end-all": func(t *testing.T, s *storage.Store) error {
			return s.Commit(t.Context(), scope, s.Sessions.EndAll("user-1")...)
		},
		"end-and-all": func(t *testing.T, s *storage.Store) error {
			return s.Commit(t.Context(), scope, append(s.Sessions.End("sid-1"), s.Sessions.EndAll("user-1")...)...)
		},
		"password": func(t *testing.T, s *storage.Store) error {
			return s.PasswordCredentials.Set(t.Context(), scope, &storage.PasswordCredential{UserID: "user-1", Hash: "h"})
		},
		"delete": func(t *testing.T, s *storage.Store) error {
			return s.Users.Delete(t.Context(), scope, "user-1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			onDrivers(t, func(t *testing.T, s *storage.Store) {
				visited(t, s, "user-1", "sid-1")
				visited(t, s, "user-2", "sid-2")
				must(t, s.Commit(t.Context(), scope, s.Sessions.Visit("sid-1", storage.SessionClient{ClientID: "back", BackChannel: true}))) // twice is once
				must(t, end(t, s))
				if got := told(t, s); !slices.Equal(got, []string{"back sid-1 user-1"}) {
					t.Errorf("told %q", got)
				}
				if _, err := s.Sessions.Get(t.Context(), scope, "sid-1"); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("the session lives: %v", err)
				}
				if _, err := s.Sessions.Get(t.Context(), scope, "sid-2"); err != nil {
					t.Errorf("the other session: %v", err)
				}
				want(t, s.Commit(t.Context(), scope, s.Sessions.End("sid-1")...), storage.ErrNotFound)
				must(t, s.Commit(t.Context(), scope, s.Sessions.Visit("sid-1", storage.SessionClient{ClientID: "late", BackChannel: true})))
				if got := told(t, s); len(got) != 1 {
					t.Errorf("told %q after the end", got)
				}
			})
		})
	}
}

// TestSessionEndFails: what is not committed is not told.
func TestSessionEndFails(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		visited(t, s, "user-1", "sid-1")
		changes := append(s.Sessions.End("sid-1"), s.Sessions.End("nobody")...)
		want(t, s.Commit(t.Context(), scope, changes...), storage.ErrNotFound)
		if got := told(t, s); len(got) != 0 {
			t.Errorf("told %q", got)
		}
	})
}

// TestSessionEndRace: a client that joins a session while it ends is told, or
// gets no code.
func TestSessionEndRace(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		for range 20 {
			sid, user := storage.NewID(), storage.NewID()
			visited(t, s, user, sid)
			var wg sync.WaitGroup
			joined := make([]error, 4)
			for i := range joined {
				wg.Go(func() {
					joined[i] = s.AuthorizationCodes.Issue(context.Background(), scope, &storage.AuthorizationCode{
						ID: storage.NewID(), CodeHash: storage.DigestOf(storage.NewSecret()), GrantID: storage.NewID(),
						ClientID: "c", UserID: user, SessionID: sid, ExpiresAt: time.Now().Add(time.Minute),
					}, s.Sessions.Visit(sid, storage.SessionClient{ClientID: "late-" + string(rune('a'+i)), BackChannel: true}))
				})
			}
			var ended error
			wg.Go(func() { ended = s.Commit(context.Background(), scope, s.Sessions.End(sid)...) })
			wg.Wait()
			must(t, ended)
			expected := []string{"back " + sid + " " + user}
			for i, err := range joined {
				if joined[i] == nil {
					expected = append(expected, "late-"+string(rune('a'+i))+" "+sid+" "+user)
				} else if !errors.Is(err, storage.ErrNotFound) {
					t.Fatal(err)
				}
			}
			var got []string
			for _, line := range told(t, s) {
				if strings.HasSuffix(line, user) {
					got = append(got, line)
				}
			}
			if !slices.Equal(got, expected) {
				t.Fatalf("told %q, want %q", got, expected)
			}
		}
	})
}
