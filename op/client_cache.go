package op

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elloloop/identity/storage"
)

const (
	maxCachedClients  = 10_000
	clientLife        = 30 * time.Second // the net below the notices
	missingClientLife = time.Second      // a client that was just made is found soon
	maxCachedOrigins  = 10_000
	originLife        = time.Second
	maxBlocks         = 10_000
)

// inProject names something of a project.
type inProject struct{ project, name string }

// clientCache is what is remembered of clients between requests: the clients,
// the origins that they call from, and who failed to authenticate too often.
type clientCache struct {
	store   *storage.Store
	now     func() time.Time
	notices atomic.Uint64 // one more for each notice: what was read before it is not kept
	clients bounded[*storage.Client]
	origins bounded[bool]
	blocks  bounded[struct{}]
}

func newClientCache(store *storage.Store, now func() time.Time) *clientCache {
	return &clientCache{
		store: store, now: now,
		clients: bounded[*storage.Client]{limit: maxCachedClients},
		origins: bounded[bool]{limit: maxCachedOrigins},
		blocks:  bounded[struct{}]{limit: maxBlocks},
	}
}

// get returns the client with this client_id. storage.ErrNotFound when there is
// none. The client is shared between requests: it must not be changed.
func (c *clientCache) get(ctx context.Context, p *storage.Project, clientID string) (*storage.Client, error) {
	if clientID == "" || len(clientID) > maxClientIDLength {
		return nil, storage.ErrNotFound
	}
	key, now := inProject{p.ID, clientID}, c.now()
	if client, ok := c.clients.get(key, now); ok {
		if client == nil {
			return nil, storage.ErrNotFound
		}
		if !client.ExpiresAt.IsZero() && !now.Before(client.ExpiresAt) {
			return nil, storage.ErrNotFound
		}
		return client, nil
	}
	seen := c.notices.Load()
	client, err := c.store.Clients.Get(ctx, p.Scope(), clientID)
	life := clientLife
	if errors.Is(err, storage.ErrNotFound) {
		client, life = nil, missingClientLife
	} else if err != nil {
		return nil, err
	}
	c.clients.put(key, client, now, life, func() bool { return c.notices.Load() == seen })
	return client, err
}

// hasOrigin says whether a client of the project, registered or by the marker of
// any loopback port, may call from this origin.
func (c *clientCache) hasOrigin(ctx context.Context, p *storage.Project, origin string) (bool, error) {
	key, now := inProject{p.ID, origin}, c.now()
	if has, ok := c.origins.get(key, now); ok {
		return has, nil
	}
	seen := c.notices.Load()
	has, err := c.store.Clients.HasOrigin(ctx, p.Scope(), origin)
	if err != nil {
		return false, err
	}
	c.origins.put(key, has, now, originLife, func() bool { return c.notices.Load() == seen })
	return has, nil
}

// forget drops a client that this process has changed: no notice is waited for.
func (c *clientCache) forget(p *storage.Project, clientID string) {
	c.notices.Add(1)
	c.origins.clear()
	c.clients.drop(inProject{p.ID, clientID})
}

// invalidate drops what a notice of the store speaks of.
func (c *clientCache) invalidate(n storage.Notice) {
	if !storage.IsClientNotice(n) {
		return
	}
	c.notices.Add(1)
	c.origins.clear()
	if n.All {
		c.clients.clear()
		return
	}
	c.clients.drop(inProject{n.Project, n.ID})
}

// projectSecretCache keeps the random keys of projects. They never change, so
// there is no expiry; there are a few for each project.
type projectSecretCache struct {
	store   *storage.Store
	secrets sync.Map // inProject to []byte
}

func newProjectSecretCache(store *storage.Store) *projectSecretCache {
	return &projectSecretCache{store: store}
}

// get returns the 32 bytes of this name, made the first time. They must not be
// changed. Names are constants of the code: none comes from a request.
func (c *projectSecretCache) get(ctx context.Context, p *storage.Project, name string) ([]byte, error) {
	key := inProject{p.ID, name}
	if secret, ok := c.secrets.Load(key); ok {
		return secret.([]byte), nil
	}
	secret, err := c.store.ProjectSecrets.Get(ctx, p.Scope(), name)
	if err != nil {
		return nil, err
	}
	c.secrets.Store(key, secret)
	return secret, nil
}

// invalidate drops what a notice of the store speaks of.
func (c *projectSecretCache) invalidate(n storage.Notice) {
	switch {
	case !storage.IsProjectSecretNotice(n):
	case n.All:
		c.secrets.Clear()
	default:
		c.secrets.Delete(inProject{n.Project, n.ID})
	}
}

// bounded is a map of entries that end, of at most limit entries.
type bounded[T any] struct {
	limit   int
	mu      sync.RWMutex
	entries map[inProject]boundedEntry[T]
}

type boundedEntry[T any] struct {
	value    T
	since    time.Time
	deadline time.Time
}

// get returns the entry if it has not ended. A clock that stepped back to before
// the entry was made ends it too.
func (b *bounded[T]) get(key inProject, now time.Time) (T, bool) {
	b.mu.RLock()
	e, ok := b.entries[key]
	b.mu.RUnlock()
	if !ok || !now.Before(e.deadline) || now.Before(e.since) {
		var none T
		return none, false
	}
	return e.value, true
}

// until returns when the entry ends, zero when there is none.
func (b *bounded[T]) until(key inProject, now time.Time) time.Time {
	b.mu.RLock()
	e, ok := b.entries[key]
	b.mu.RUnlock()
	if !ok || !now.Before(e.deadline) {
		return time.Time{}
	}
	return e.deadline
}

// put keeps a value if valid still holds. Where there is no room it makes some:
// of what has ended, or else of whatever comes first.
func (b *bounded[T]) put(key inProject, value T, now time.Time, life time.Duration, valid func() bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !valid() {
		return
	}
	if b.entries == nil {
		b.entries = map[inProject]boundedEntry[T]{}
	}
	if _, there := b.entries[key]; !there && len(b.entries) >= b.limit {
		b.makeRoom(now)
	}
	b.entries[key] = boundedEntry[T]{value, now, now.Add(life)}
}

// makeRoom removes one entry in sixteen at the least. It looks at four times as
// many for some that have ended, so that a flood of new keys does not walk the
// whole map for each.
func (b *bounded[T]) makeRoom(now time.Time) {
	share := b.limit/16 + 1
	looked, removed := 0, 0
	for key, e := range b.entries { // in random order
		if looked++; looked > 4*share {
			break
		}
		if !now.Before(e.deadline) {
			delete(b.entries, key)
			removed++
		}
	}
	for key := range b.entries {
		if removed >= share {
			return
		}
		delete(b.entries, key)
		removed++
	}
}

func (b *bounded[T]) drop(key inProject) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.entries, key)
}

func (b *bounded[T]) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.entries)
}
