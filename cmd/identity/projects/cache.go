package projects

import (
	"sync"
	"time"
)

const (
	forever   = 100 * 365 * 24 * time.Hour
	staleLife = 15 * time.Minute // while the database is away: as long as the keys
)

// cache is a map of entries that end, of at most limit entries.
type cache[T any] struct {
	limit   int
	mu      sync.RWMutex
	entries map[string]cached[T]
}

type cached[T any] struct {
	value        T
	since, until time.Time
}

// get returns the entry if it has not ended. A clock that stepped back ends it too.
func (c *cache[T]) get(key string, now time.Time) (T, bool) {
	c.mu.RLock()
	e, ok := c.entries[key]
	c.mu.RUnlock()
	if !ok || !now.Before(e.until) || now.Before(e.since) {
		var none T
		return none, false
	}
	return e.value, true
}

// stale returns an entry that has ended, if it was read not too long ago.
func (c *cache[T]) stale(key string, now time.Time) (T, bool) {
	c.mu.RLock()
	e, ok := c.entries[key]
	c.mu.RUnlock()
	return e.value, ok && now.Sub(e.since) < staleLife
}

// put keeps a value if it is current still. Where there is no room it makes some:
// one in sixteen, whichever comes first.
func (c *cache[T]) put(key string, value T, now time.Time, life time.Duration, current func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !current() {
		return
	}
	if c.entries == nil {
		c.entries = map[string]cached[T]{}
	}
	if _, there := c.entries[key]; !there && len(c.entries) >= c.limit {
		share := c.limit/16 + 1
		for k := range c.entries { // in random order
			if share == 0 {
				break
			}
			delete(c.entries, k)
			share--
		}
	}
	c.entries[key] = cached[T]{value, now, now.Add(life)}
}

func (c *cache[T]) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// expire ends all entries, and keeps them for a database that is away.
func (c *cache[T]) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.entries {
		e.until = e.since
		c.entries[key] = e
	}
}
