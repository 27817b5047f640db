package op

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

func TestClientCache(t *testing.T) {
	b := newBench(t)
	ctx, cache := t.Context(), b.op.clients
	if _, err := cache.get(ctx, b.project, "late"); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("get = %v", err)
	}
	b.create(t, &storage.Client{ID: "late", Name: "one"})
	if _, err := cache.get(ctx, b.project, "late"); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("the database was asked again at once: %v", err)
	}
	b.clock.advance(missingClientLife)
	first, err := cache.get(ctx, b.project, "late")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := cache.get(ctx, b.project, "late"); err != nil || again != first {
		t.Errorf("get = %p, %v, want the same client %p", again, err, first)
	}
	changed := *first
	changed.Disabled = true
	if err := b.store.Clients.Replace(ctx, b.project.Scope(), &changed, nil); err != nil {
		t.Fatal(err)
	}
	t.Run("S2-14/notice", func(t *testing.T) {
		cache.invalidate(storage.Notice{Project: b.project.ID, Type: 100, ID: "late"})
		if c, err := cache.get(ctx, b.project, "late"); err != nil || !c.Disabled {
			t.Errorf("after a notice: %+v, %v", c, err)
		}
	})
	t.Run("S6-09/notice-lost", func(t *testing.T) {
		if err := b.store.Clients.Delete(ctx, b.project.Scope(), "late"); err != nil {
			t.Fatal(err)
		}
		b.clock.advance(clientLife)
		if _, err := cache.get(ctx, b.project, "late"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("after half a minute: %v", err)
		}
	})
	t.Run("other-project", func(t *testing.T) {
		b.create(t, &storage.Client{ID: "mine"})
		if _, err := cache.get(ctx, b.project, "mine"); err != nil {
			t.Fatal(err)
		}
		if _, err := cache.get(ctx, &storage.Project{ID: "other"}, "mine"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("another project finds the client: %v", err)
		}
	})
	t.Run("expired", func(t *testing.T) {
		b.create(t, &storage.Client{ID: "short", ExpiresAt: b.clock.now().Add(time.Second)})
		if _, err := cache.get(ctx, b.project, "short"); err != nil {
			t.Fatal(err)
		}
		b.clock.advance(time.Second)
		if _, err := cache.get(ctx, b.project, "short"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("an expired client is cached: %v", err)
		}
	})
}

// TestClientCacheOvertaken: what was read before a notice is not kept after it.
func TestClientCacheOvertaken(t *testing.T) {
	b := newBench(t)
	cache := b.op.clients
	key, now := inProject{b.project.ID, "app"}, b.clock.now()
	seen := cache.notices.Load()
	stale := &storage.Client{ID: "app"} // read here
	cache.invalidate(storage.Notice{Project: b.project.ID, Type: 100, ID: "app"})
	cache.clients.put(key, stale, now, clientLife, func() bool { return cache.notices.Load() == seen })
	if _, ok := cache.clients.get(key, now); ok {
		t.Error("a client that was read before the notice is kept")
	}
}

func TestBounded(t *testing.T) {
	always := func() bool { return true }
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	m := bounded[int]{limit: 100}
	for i := range 1000 {
		m.put(inProject{"p", fmt.Sprint(i)}, i, now, time.Minute, always)
		if len(m.entries) > m.limit {
			t.Fatalf("%d entries", len(m.entries))
		}
		if got, ok := m.get(inProject{"p", fmt.Sprint(i)}, now); !ok || got != i {
			t.Fatalf("the newest entry is gone: %d, %v", got, ok)
		}
	}
	if _, ok := m.get(inProject{"p", "999"}, now.Add(time.Minute)); ok {
		t.Error("an entry outlives its life")
	}
	t.Run("S2-17/clock-steps-back", func(t *testing.T) {
		if _, ok := m.get(inProject{"p", "999"}, now.Add(-time.Second)); ok {
			t.Error("an entry of the future is used")
		}
	})
	ended := bounded[int]{limit: 4}
	for i := range 3 {
		ended.put(inProject{"p", fmt.Sprint(i)}, i, now, time.Second, always)
	}
	ended.put(inProject{"p", "lives"}, 9, now, time.Hour, always)
	ended.put(inProject{"p", "new"}, 10, now.Add(time.Minute), time.Hour, always)
	if _, ok := ended.get(inProject{"p", "lives"}, now.Add(time.Minute)); !ok {
		t.Error("a live entry went before those that had ended")
	}
}

func TestProjectSecretCache(t *testing.T) {
	b := newBench(t)
	c := newProjectSecretCache(b.store)
	var all sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		all.Go(func() {
			s, err := c.get(t.Context(), b.project, "refresh")
			if err != nil {
				t.Error(err)
			}
			got[i] = string(s)
		})
	}
	all.Wait()
	for _, s := range got {
		if len(s) != 32 || s != got[0] {
			t.Fatal("the secret is not the same for all")
		}
	}
	other, err := c.get(t.Context(), b.project, "another")
	if err != nil || string(other) == got[0] {
		t.Errorf("two names, one secret: %v", err)
	}
	c.invalidate(storage.Notice{All: true})
	if again, err := c.get(t.Context(), b.project, "refresh"); err != nil || string(again) != got[0] {
		t.Errorf("after a notice it is another: %v", err)
	}
}
