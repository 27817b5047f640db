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

// race calls f in 100 goroutines at once and returns how many got no error; all
// others must get one of these.
func race(t *testing.T, f func(i int) error, allowed ...error) int64 {
	t.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 100 {
		wg.Go(func() {
			<-start
			err := f(i)
			if err == nil {
				won.Add(1)
				return
			}
			for _, a := range allowed {
				if errors.Is(err, a) {
					return
				}
			}
			t.Errorf("unexpected: %v", err)
		})
	}
	close(start)
	wg.Wait()
	return won.Load()
}

func TestOutbox(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		must(t, s.Commit(t.Context(), scope,
			s.Outbox.Add(scope, storage.OutboxMail, []byte("https://secret"), now),
			s.Outbox.Add(scope, storage.OutboxSMS, []byte("123456"), now.Add(-time.Second)),
			s.Outbox.Add(scope, storage.OutboxMail, []byte("later"), now.Add(time.Hour)),
		))
		claim := func(kind string, at time.Time) []*storage.OutboxMessage {
			t.Helper()
			got, err := s.Outbox.Claim(t.Context(), scope, kind, at, time.Minute, 10)
			must(t, err)
			return got
		}
		mails := claim(storage.OutboxMail, now)
		if len(mails) != 1 || mails[0].Attempts != 1 || bytes.Contains(mails[0].Sealed, []byte("secret")) {
			t.Fatalf("got %v", mails)
		}
		if p, err := s.Outbox.Open(scope, mails[0]); err != nil || string(p) != "https://secret" {
			t.Fatalf("got %v", err)
		}
		_, err := s.Outbox.Open(storage.In("other"), mails[0])
		want(t, err, storage.ErrSealed)
		texts := claim("", now)
		if len(texts) != 1 || texts[0].Kind != storage.OutboxSMS {
			t.Fatalf("a claimed message is given twice: %v", texts)
		}
		// The lease ends: somebody else gets it, and the first can't say any more how it went.
		again := claim(storage.OutboxMail, now.Add(time.Minute))
		if len(again) != 1 || again[0].ID != mails[0].ID || again[0].Attempts != 2 {
			t.Fatalf("got %v", again)
		}
		want(t, s.Outbox.Done(t.Context(), scope, mails[0], now), storage.ErrConflict)
		must(t, s.Outbox.Retry(t.Context(), scope, again[0], now.Add(2*time.Minute), "mail_refused"))
		last := claim(storage.OutboxMail, now.Add(2*time.Minute))
		if len(last) != 1 || last[0].LastError != "mail_refused" {
			t.Fatalf("got %v", last)
		}
		must(t, s.Outbox.Done(t.Context(), scope, last[0], now, s.AuditEvents.Append(storage.AuditEvent{At: now, Action: "mail.sent"})))
		must(t, s.Outbox.Dead(t.Context(), scope, texts[0], now, "no_gateway"))
		for f, n := range map[storage.OutboxFilter]int{
			{}: 3, {Status: storage.OutboxPending}: 1, {Status: storage.OutboxDead}: 1, {Kind: storage.OutboxMail}: 2,
			{Kind: storage.OutboxMail, Status: storage.OutboxDone}: 1, {Kind: storage.OutboxWebhook}: 0,
		} {
			if l, err := s.Outbox.List(t.Context(), scope, f, storage.PageRequest{}); err != nil || len(l.Items) != n {
				t.Errorf("%+v: %d %v", f, len(l.Items), err)
			}
		}
		l, err := s.Outbox.List(t.Context(), scope, storage.OutboxFilter{Status: storage.OutboxDone}, storage.PageRequest{})
		if err != nil || len(l.Items[0].Sealed) != 0 || l.Items[0].ExpiresAt.IsZero() {
			t.Errorf("what was sent stays: %v %v", l.Items[0], err)
		}
		if other, err := s.Outbox.Claim(t.Context(), storage.In("other"), "", now.Add(2*time.Hour), time.Minute, 10); err != nil || len(other) != 0 {
			t.Errorf("another project claims %d: %v", len(other), err)
		}
	})
}

func TestOutboxRace(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		for range 20 {
			must(t, s.Commit(t.Context(), scope, s.Outbox.Add(scope, storage.OutboxMail, []byte("x"), now)))
		}
		var mu sync.Mutex
		seen := map[string]int{}
		race(t, func(int) error {
			got, err := s.Outbox.Claim(context.Background(), scope, "", now, time.Hour, 20)
			mu.Lock()
			defer mu.Unlock()
			for _, m := range got {
				seen[m.ID]++
			}
			return err
		})
		if len(seen) != 20 {
			t.Errorf("%d messages were claimed of 20", len(seen))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was claimed %d times", id, n)
			}
		}
	})
}

func TestLeases(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		now := time.Now()
		var held atomic.Pointer[storage.Lease]
		take := func(at time.Time) func(int) error {
			return func(int) error {
				l, err := s.Leases.Take(context.Background(), "job", at, time.Minute)
				if err == nil {
					held.Store(l)
				}
				return err
			}
		}
		if n := race(t, take(now), storage.ErrConflict); n != 1 {
			t.Fatalf("%d hold a lease", n)
		}
		first := held.Load()
		must(t, s.Leases.Renew(t.Context(), first, now, 2*time.Minute))
		want(t, take(now.Add(time.Minute))(0), storage.ErrConflict)
		if n := race(t, take(now.Add(2*time.Minute)), storage.ErrConflict); n != 1 {
			t.Fatalf("%d hold an ended lease", n)
		}
		want(t, s.Leases.Renew(t.Context(), first, now.Add(3*time.Minute), time.Minute), storage.ErrConflict)
		must(t, s.Leases.Release(t.Context(), first)) // lost already
		want(t, take(now.Add(2*time.Minute))(0), storage.ErrConflict)
		must(t, s.Leases.Release(t.Context(), held.Load()))
		must(t, take(now.Add(2*time.Minute))(0))
	})
}
