package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// reseal makes a whole pass and adds up what it did.
func reseal(t *testing.T, s *storage.Store, now time.Time, limit int) storage.ResealReport {
	t.Helper()
	var sum storage.ResealReport
	for {
		r, err := s.Sealing.Reseal(t.Context(), scope, sum.Next, now, limit)
		must(t, err)
		sum.Resealed += r.Resealed
		sum.Waiting += r.Waiting
		sum.Unreadable = append(sum.Unreadable, r.Unreadable...)
		if sum.Next = r.Next; sum.Next == "" {
			return sum
		}
	}
}

// TestReseal rotates the key-encryption key as an operator does (S5-08): the new
// key beside the old one, a pass, and then the new one alone.
func TestReseal(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			repo := open(t).Repository
			now := time.Now()
			before, both, after := storage.New(repo, ring(t, key("old", 1))), storage.New(repo, ring(t, key("new", 2), key("old", 1))), storage.New(repo, ring(t, key("new", 2)))
			for i := range 5 {
				k := &storage.SigningKey{ID: fmt.Sprint(i), Alg: "ES256", Status: storage.KeyActive}
				before.SigningKeys.Seal(scope, k, []byte("private"))
				must(t, before.SigningKeys.Rotate(t.Context(), scope, []*storage.SigningKey{k}, nil))
			}
			secret, err := before.ProjectSecrets.Get(t.Context(), scope, "name")
			must(t, err)
			must(t, before.Clients.Create(t.Context(), scope, &storage.Client{ID: "rp", Secrets: []storage.ClientSecret{
				{Digest: storage.DigestOf("s1"), Sealed: before.Clients.SealSecret(scope, "rp", "s1")}, {Digest: storage.DigestOf("s2"), Sealed: before.Clients.SealSecret(scope, "rp", "s2")},
			}}, nil))
			must(t, before.Commit(t.Context(), scope,
				before.Outbox.Add(scope, storage.OutboxMail, []byte("mail"), now.Add(-time.Minute)), before.Outbox.Add(scope, storage.OutboxSMS, []byte("sms"), now),
				before.IdempotencyKeys.Remember(scope, "caller", "key", storage.DigestOf("r"), []byte("outcome"), now),
			))
			sending, err := before.Outbox.Claim(t.Context(), scope, storage.OutboxMail, now, time.Minute, 1)
			must(t, err)
			_, err = after.ProjectSecrets.Get(t.Context(), scope, "name")
			want(t, err, storage.ErrSealed)
			if r := reseal(t, after, now, 100); len(r.Unreadable) == 0 || r.Resealed != 0 {
				t.Errorf("without the old key: %+v", r)
			}
			if r := reseal(t, both, now, 2); r.Resealed != 5+1+2+1+1 || r.Waiting != 1 || len(r.Unreadable) != 0 {
				t.Errorf("the first pass: %+v", r)
			}
			must(t, both.Outbox.Retry(t.Context(), scope, sending[0], now, "again")) // its sender was not disturbed
			if r := reseal(t, both, now, 100); r.Resealed != 1 || r.Waiting != 0 {
				t.Errorf("the second pass: %+v", r)
			}
			if r := reseal(t, after, now, 1); r.Resealed != 0 || len(r.Unreadable) != 0 {
				t.Errorf("something is left: %+v", r)
			}
			if got, err := after.ProjectSecrets.Get(t.Context(), scope, "name"); err != nil || string(got) != string(secret) {
				t.Errorf("the secret is another: %v", err)
			}
			keys, err := after.SigningKeys.List(t.Context(), scope)
			must(t, err)
			for _, k := range keys {
				if plain, err := after.SigningKeys.Open(scope, k); err != nil || string(plain) != "private" {
					t.Errorf("key %s: %v", k.ID, err)
				}
			}
			c, err := after.Clients.Get(t.Context(), scope, "rp")
			must(t, err)
			for i, want := range []string{"s1", "s2"} {
				if got, err := after.Clients.OpenSecret(scope, "rp", c.Secrets[i].Sealed); err != nil || string(got) != want {
					t.Errorf("secret %d: %v", i, err)
				}
			}
			if got, err := after.IdempotencyKeys.Outcome(t.Context(), scope, "caller", "key", storage.DigestOf("r")); err != nil || string(got) != "outcome" {
				t.Errorf("outcome: %v", err)
			}
			for _, bad := range []string{"x", "-1.", "99.", "0.x"} {
				_, err := both.Sealing.Reseal(t.Context(), scope, bad, now, 10)
				want(t, err, storage.ErrInvalidArgument)
			}
		})
	}
}

func TestIdempotencyKeys(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		request := storage.DigestOf("request")
		_, err := s.IdempotencyKeys.Outcome(t.Context(), scope, "a", "k", request)
		want(t, err, storage.ErrNotFound)
		if n := race(t, func(i int) error {
			id := fmt.Sprint(i)
			return s.Commit(context.Background(), scope, s.IdempotencyKeys.Remember(scope, "a", "k", request, []byte(id), now), s.Users.Add(user(id)))
		}, storage.ErrAlreadyExists); n != 1 {
			t.Errorf("%d of one request were done", n)
		}
		users, err := s.Users.List(t.Context(), scope, storage.PageRequest{})
		must(t, err)
		if got, err := s.IdempotencyKeys.Outcome(t.Context(), scope, "a", "k", request); err != nil || len(users.Items) != 1 || string(got) != users.Items[0].ID {
			t.Errorf("got %q %v", got, err)
		}
		_, err = s.IdempotencyKeys.Outcome(t.Context(), scope, "a", "k", storage.DigestOf("other"))
		want(t, err, storage.ErrOtherRequest)
		for _, c := range [][2]string{{"b", "k"}, {"ak", ""}, {"", "ak"}} { // another caller's, or split elsewhere
			_, err = s.IdempotencyKeys.Outcome(t.Context(), scope, c[0], c[1], request)
			want(t, err, storage.ErrNotFound)
		}
		must(t, s.Commit(t.Context(), scope, s.IdempotencyKeys.Remember(scope, "b", "k", request, nil, now.Add(-25*time.Hour))))
		_, err = s.IdempotencyKeys.Outcome(t.Context(), scope, "b", "k", request)
		want(t, err, storage.ErrNotFound) // a day has passed
	})
}
