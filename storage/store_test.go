package storage_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

var scope = storage.In("default")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got %v, want %v", err, target)
	}
}

func user(id string) *storage.User {
	return &storage.User{ID: id, Email: id + "@example.test", EmailKey: id + "@example.test", Status: storage.UserActive}
}

func session(id, userID string) *storage.Session {
	end := time.Now().Add(time.Hour)
	return &storage.Session{ID: id, UserID: userID, SecretHash: storage.DigestOf(id), ExpiresAt: end, EndsAt: end}
}

func grant(id, userID, sid string, offline bool) *storage.Grant {
	return &storage.Grant{ID: id, UserID: userID, ClientID: "rp", SessionID: sid, Offline: offline, ExpiresAt: time.Now().Add(time.Hour)}
}

// account makes a person with a session.
func account(t *testing.T, s *storage.Store, id string) {
	t.Helper()
	must(t, s.Commit(t.Context(), scope, append([]storage.Change{s.Users.Add(user(id))}, s.Sessions.Start(session("s-"+id, id))...)...))
}

// issue makes a code and redeems it, with a refresh token.
func issue(t *testing.T, s *storage.Store, id, userID string, offline bool) (*storage.AuthorizationCode, *storage.Grant, *storage.RefreshToken) {
	t.Helper()
	c := &storage.AuthorizationCode{
		ID: "c-" + id, CodeHash: storage.DigestOf("c-" + id), GrantID: "g-" + id, ClientID: "rp", UserID: userID, SessionID: "s-" + userID,
		ExpiresAt: time.Now().Add(time.Minute),
	}
	must(t, s.AuthorizationCodes.Issue(t.Context(), scope, c))
	g := grant(c.GrantID, userID, c.SessionID, offline)
	r := &storage.RefreshToken{ID: "r-" + id, TokenHash: storage.DigestOf("r-" + id), GrantID: g.ID, ClientID: "rp", ExpiresAt: time.Now().Add(time.Hour)}
	must(t, s.AuthorizationCodes.Redeem(t.Context(), scope, c, g, s.RefreshTokens.Add(r)))
	return c, g, r
}

func TestCodeIsRedeemedOnce(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		account(t, s, "u")
		c := &storage.AuthorizationCode{ID: "c", CodeHash: storage.DigestOf("c"), GrantID: "g", UserID: "u", SessionID: "s-u", ExpiresAt: time.Now().Add(time.Minute)}
		must(t, s.AuthorizationCodes.Issue(t.Context(), scope, c))
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				switch err := s.AuthorizationCodes.Redeem(context.Background(), scope, c, grant("g", "u", "s-u", false)); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, storage.ErrConsumed):
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("S2-02: %d redeemed it", won.Load())
		}
		got, err := s.AuthorizationCodes.ByCode(t.Context(), scope, c.CodeHash)
		want(t, err, storage.ErrConsumed)
		if got.GrantID != "g" {
			t.Fatalf("the grant to revoke is not told: %+v", got.GrantID)
		}
	})
}

func TestCodeNeedsASession(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		account(t, s, "u")
		c := &storage.AuthorizationCode{ID: "c", CodeHash: storage.DigestOf("c"), GrantID: "g", UserID: "u", SessionID: "none", ExpiresAt: time.Now().Add(time.Minute)}
		want(t, s.AuthorizationCodes.Issue(t.Context(), scope, c), storage.ErrNotFound)
		_, err := s.AuthorizationCodes.ByCode(t.Context(), scope, c.CodeHash)
		want(t, err, storage.ErrNotFound)
		c.SessionID = "s-u"
		must(t, s.AuthorizationCodes.Issue(t.Context(), scope, c))
		must(t, s.Commit(t.Context(), scope, s.Sessions.End("s-u")...))
		want(t, s.AuthorizationCodes.Redeem(t.Context(), scope, c, grant("g", "u", "s-u", false)), storage.ErrNotFound)
		must(t, s.AuthorizationCodes.Redeem(t.Context(), scope, c, grant("g", "u", "s-u", true)))
	})
}

func TestRotateOnce(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		account(t, s, "u")
		_, g, r := issue(t, s, "1", "u", false)
		next := func(id string) *storage.RefreshToken {
			return &storage.RefreshToken{ID: id, TokenHash: storage.DigestOf(id), GrantID: g.ID, ClientID: "rp", ExpiresAt: time.Now().Add(2 * time.Hour)}
		}
		must(t, s.RefreshTokens.Rotate(t.Context(), scope, mustGrant(t, s, g.ID), r, next("r2")))
		want(t, s.RefreshTokens.Rotate(t.Context(), scope, mustGrant(t, s, g.ID), r, next("r3")), storage.ErrConsumed)
		if _, err := s.RefreshTokens.ByToken(t.Context(), scope, storage.DigestOf("r3")); !errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("S2-05: a second leaf: %v", err)
		}
		if now := mustGrant(t, s, g.ID); !now.ExpiresAt.After(g.ExpiresAt) {
			t.Error("the grant ends before its refresh token")
		}
		old, err := s.RefreshTokens.ByToken(t.Context(), scope, r.TokenHash)
		if err != nil || old.ConsumedAt.IsZero() {
			t.Fatalf("the rotated one is not recognised: %v", err)
		}
		must(t, s.Grants.Revoke(t.Context(), scope, g.ID))
		must(t, s.Grants.Revoke(t.Context(), scope, g.ID))
		_, err = s.RefreshTokens.ByToken(t.Context(), scope, storage.DigestOf("r2"))
		want(t, err, storage.ErrNotFound)
	})
}

func mustGrant(t *testing.T, s *storage.Store, id string) *storage.Grant {
	t.Helper()
	g, err := s.Grants.Get(t.Context(), scope, id)
	must(t, err)
	return g
}

// TestEnds: what ends takes everything that hangs on it, and nothing else.
func TestEnds(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		for _, u := range []string{"u", "v"} {
			account(t, s, u)
			issue(t, s, u+"1", u, false)
			issue(t, s, u+"2", u, true)
		}
		gone := func(ids ...string) {
			t.Helper()
			for _, id := range ids {
				_, err := s.Grants.Get(t.Context(), scope, id)
				want(t, err, storage.ErrNotFound)
			}
		}
		must(t, s.Commit(t.Context(), scope, s.Sessions.End("s-u")...))
		gone("g-u1")
		mustGrant(t, s, "g-u2") // offline access outlives the session (OIDC Core §11)
		must(t, s.PasswordCredentials.Set(t.Context(), scope, &storage.PasswordCredential{UserID: "u", Hash: "h"}))
		gone("g-u2")
		want(t, s.PasswordCredentials.Set(t.Context(), scope, &storage.PasswordCredential{UserID: "nobody", Hash: "h"}), storage.ErrNotFound)
		must(t, s.Users.Delete(t.Context(), scope, "u"))
		_, err := s.PasswordCredentials.Get(t.Context(), scope, "u")
		want(t, err, storage.ErrNotFound)
		mustGrant(t, s, "g-v1")
		must(t, s.Commit(t.Context(), scope, s.Sessions.EndAll("v")...))
		gone("g-v1", "g-v2")
		_, err = s.Sessions.Get(t.Context(), scope, "s-v")
		want(t, err, storage.ErrNotFound)
	})
}

func TestSealedRows(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		var mu sync.Mutex
		seen := map[string]bool{}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				b, err := s.ProjectSecrets.Get(context.Background(), scope, "name")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[string(b)] = true
				mu.Unlock()
			})
		}
		wg.Wait()
		if len(seen) != 1 {
			t.Fatalf("%d different secrets", len(seen))
		}
		other, err := s.ProjectSecrets.Get(t.Context(), storage.In("other"), "name")
		must(t, err)
		if seen[string(other)] {
			t.Fatal("two projects share a secret")
		}
		k := &storage.SigningKey{ID: "kid", Alg: "ES256", Status: storage.KeyActive}
		s.SigningKeys.Seal(scope, k, []byte("private"))
		must(t, s.SigningKeys.Rotate(t.Context(), scope, []*storage.SigningKey{k}, nil))
		keys, err := s.SigningKeys.List(t.Context(), scope)
		if err != nil || len(keys) != 1 || bytes.Contains(keys[0].Sealed, []byte("private")) {
			t.Fatalf("got %v %v", keys, err)
		}
		plain, err := s.SigningKeys.Open(scope, keys[0])
		if err != nil || string(plain) != "private" {
			t.Fatalf("got %v", err)
		}
		_, err = s.SigningKeys.Open(storage.In("other"), keys[0])
		want(t, err, storage.ErrSealed) // S5-07
	})
}

func TestOnceAndCounted(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		soon := time.Now().Add(time.Minute)
		must(t, s.ClientAssertions.Use(t.Context(), scope, "rp", "jti", soon))
		want(t, s.ClientAssertions.Use(t.Context(), scope, "rp", "jti", soon), storage.ErrAlreadyExists)
		must(t, s.ClientAssertions.Use(t.Context(), scope, "rpj", "ti", soon))
		must(t, s.AccessTokens.RevokeJWT(t.Context(), scope, "jti", soon))
		revoked, err := s.AccessTokens.JWTRevoked(t.Context(), scope, "jti")
		if err != nil || !revoked {
			t.Fatalf("got %v %v", revoked, err)
		}
		if revoked, err = s.AccessTokens.JWTRevoked(t.Context(), storage.In("other"), "jti"); err != nil || revoked {
			t.Fatalf("another project: %v %v", revoked, err)
		}
		for i := range 3 {
			counts, err := s.Counters.Add(t.Context(), scope, time.Minute, "a", "b")
			if err != nil || counts[0].N != int64(i+1) || counts[1].N != int64(i+1) {
				t.Fatalf("got %v %v", counts, err)
			}
		}
		must(t, s.Commit(t.Context(), scope, s.Counters.Clear("a")))
		if counts, err := s.Counters.Add(t.Context(), scope, time.Minute, "a"); err != nil || counts[0].N != 1 {
			t.Fatalf("got %v %v", counts, err)
		}
	})
}

func TestConsentsAndClients(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		allow := func(scopes ...string) {
			t.Helper()
			c, err := s.Consents.Allow(t.Context(), scope, "u", "rp", scopes, time.Now())
			must(t, err)
			must(t, s.Commit(t.Context(), scope, c))
		}
		allow("openid", "email")
		allow("email", "profile")
		c, err := s.Consents.Get(t.Context(), scope, "u", "rp")
		if err != nil || !c.Covers([]string{"openid", "email", "profile"}) || c.Covers([]string{"phone"}) || len(c.Scope) != 3 {
			t.Fatalf("got %v %v", c, err)
		}
		client := &storage.Client{ID: "rp", Name: "RP"}
		must(t, s.Clients.Create(t.Context(), scope, client, []string{"https://a.example.test"}))
		want(t, s.Clients.Create(t.Context(), scope, client, nil), storage.ErrAlreadyExists)
		stored, err := s.Clients.Get(t.Context(), scope, "rp")
		must(t, err)
		must(t, s.Clients.Replace(t.Context(), scope, stored, []string{"https://b.example.test"}))
		want(t, s.Clients.Replace(t.Context(), scope, stored, nil), storage.ErrConflict)
		for origin, has := range map[string]bool{"https://a.example.test": false, "https://b.example.test": true} {
			if got, err := s.Clients.HasOrigin(t.Context(), scope, origin); err != nil || got != has {
				t.Errorf("%s: %v %v", origin, got, err)
			}
		}
		must(t, s.Clients.Delete(t.Context(), scope, "rp"))
		_, err = s.Consents.Get(t.Context(), scope, "u", "rp")
		want(t, err, storage.ErrNotFound)
		if got, err := s.Clients.HasOrigin(t.Context(), scope, "https://b.example.test"); err != nil || got {
			t.Errorf("the origin outlives its client: %v", err)
		}
	})
}

func TestAuditEvents(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		at := time.Now().UTC().Truncate(time.Microsecond)
		for i, action := range []string{"a", "b", "a"} {
			must(t, s.Commit(t.Context(), scope, s.AuditEvents.Append(storage.AuditEvent{At: at.Add(time.Duration(i) * time.Second), Action: action, Actor: "x", Target: "t"})))
		}
		for f, n := range map[storage.AuditFilter]int{{}: 3, {Action: "a"}: 2, {Actor: "x"}: 3, {Target: "none"}: 0, {Action: "a", Actor: "x"}: 2} {
			l, err := s.AuditEvents.List(t.Context(), scope, f, storage.PageRequest{})
			if err != nil || len(l.Items) != n {
				t.Errorf("%+v: %d %v", f, len(l.Items), err)
			}
		}
		l, err := s.AuditEvents.List(t.Context(), storage.In("other"), storage.AuditFilter{}, storage.PageRequest{})
		if err != nil || len(l.Items) != 0 {
			t.Errorf("another project sees %d", len(l.Items))
		}
	})
}
