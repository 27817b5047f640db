package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestQRLogin: of 100 answers one is stored, of 100 uses one counts (S3-12), and
// what is over is not found.
func TestQRLogin(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		begin := func(id, code string) {
			t.Helper()
			must(t, s.Commit(t.Context(), scope, s.QRLogins.Begin(&storage.QRLogin{
				ID: id, RequestID: "r", CodeHash: storage.DigestOf(code), StartedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
			})...))
		}
		begin("one", "a")
		begin("two", "b")
		_, err := s.QRLogins.ByCode(t.Context(), scope, storage.DigestOf("a"))
		want(t, err, storage.ErrNotFound) // a new code ends the one before
		q, err := s.QRLogins.ByCode(t.Context(), scope, storage.DigestOf("b"))
		must(t, err)
		if n := race(t, func(i int) error {
			next := *q
			next.Subject, next.Denied = fmt.Sprint("u", i), i%2 == 0
			return s.Commit(context.Background(), scope, s.QRLogins.Answer(&next))
		}, storage.ErrConflict); n != 1 {
			t.Errorf("S3-12/answers-raced: %d were stored", n)
		}
		if q, err = s.QRLogins.OfRequest(t.Context(), scope, "r"); err != nil || !q.Answered() {
			t.Errorf("%+v, %v", q, err)
		}
		if n := race(t, func(int) error { return s.Commit(context.Background(), scope, s.QRLogins.Take("two")) }, storage.ErrConsumed); n != 1 {
			t.Errorf("S3-12/uses-raced: %d counted", n)
		}
		for name, read := range map[string]func() error{
			"id":      func() error { _, err := s.QRLogins.Get(t.Context(), scope, "two"); return err },
			"code":    func() error { _, err := s.QRLogins.ByCode(t.Context(), scope, storage.DigestOf("b")); return err },
			"request": func() error { _, err := s.QRLogins.OfRequest(t.Context(), scope, "r"); return err },
		} {
			if err := read(); err == nil {
				t.Errorf("by %s: used, and still there", name)
			}
		}
		_, err = s.QRLogins.Get(t.Context(), storage.In("other"), "two")
		want(t, err, storage.ErrNotFound)
	})
}
