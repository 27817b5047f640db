package op

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elloloop/identity/storage"
)

// signingAlgs are the algorithms that a project signs with, all at once, each
// with keys of its own (RFC 8725 §3.1). RS256 first: it is the one that every
// client understands (OIDC Core §15.1).
var signingAlgs = [...]string{"RS256", "PS256", "ES256", "EdDSA"}

const (
	// jwksCacheTime is how long a client may keep the JWKS. A key is published at
	// least this long before it signs and after it signed.
	jwksCacheTime = 15 * time.Minute
	// keySetLife is how long parsed keys are used without asking the database, if
	// no notice drops them before.
	keySetLife = 30 * time.Second
	// keySetRetry is the pause after a database that did not answer, and after a
	// search for an unknown kid.
	keySetRetry = time.Second
	// clockLeeway is how far other clocks may be off.
	clockLeeway = time.Minute
)

// Keys makes, keeps, rotates and uses the signing keys of projects.
type Keys struct {
	store *storage.Store
	now   func() time.Time
	log   *slog.Logger

	mu       sync.RWMutex
	projects map[string]*projectKeys // by project id; as many as there are projects
}

// projectKeys is the cached key set of one project.
type projectKeys struct {
	notices atomic.Uint64 // one more for each notice: a set made before it is stale
	set     atomic.Pointer[keySet]

	loading sync.Mutex // held while the set is read, so that it is read once
	retryAt time.Time  // guarded by loading
}

// NewKeys returns the keys of the store's projects. A nil log discards.
func NewKeys(store *storage.Store, now func() time.Time, log *slog.Logger) *Keys {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keys{store: store, now: now, log: log, projects: map[string]*projectKeys{}}
}

// KeyInfo is what may be shown of a signing key.
type KeyInfo struct {
	KID         string
	Alg         string
	Status      storage.KeyStatus
	CreatedAt   time.Time // published since
	ActiveSince time.Time // signs, or signed, since; zero for a next key
	ExpiresAt   time.Time // clients lose, or lost, the key then; zero while it may sign
}

// List returns the keys of a project, by alg and then by age, with those that are
// not published any more. It asks the database, not the cache.
func (k *Keys) List(ctx context.Context, p *storage.Project) ([]KeyInfo, error) {
	rows, err := k.store.SigningKeys.List(ctx, p.Scope())
	if err != nil {
		return nil, err
	}
	infos, now := make([]KeyInfo, len(rows)), k.now()
	for i, r := range rows {
		infos[i] = KeyInfo{
			KID: r.ID, Alg: r.Alg, Status: r.StatusAt(now),
			CreatedAt: publishedSince(r), ActiveSince: r.ActiveSince, ExpiresAt: r.UnpublishedAt,
		}
	}
	return infos, nil
}

// Ready says in one sentence why the project can't sign now; nil if it can.
func (k *Keys) Ready(ctx context.Context, p *storage.Project) error {
	set, err := k.current(ctx, p)
	if err != nil {
		return fmt.Errorf("the signing keys can't be read: %w", err)
	}
	now := k.now()
	for _, alg := range signingAlgs {
		key := set.active[alg]
		if key == nil {
			return fmt.Errorf("there is no active %s signing key: `identity key rotate` makes one", alg)
		}
		if key.activeSince.After(now.Add(clockLeeway)) {
			return fmt.Errorf("the %s signing key %s is active only since %s, and the clock says %s: the clock is behind",
				alg, key.kid, key.activeSince.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// Watch drops cached keys as they are changed, by this process or another, until
// ctx ends. Without it a change is seen after half a minute.
func (k *Keys) Watch(ctx context.Context) error {
	notices, err := k.store.Watch(ctx)
	if err != nil {
		return err
	}
	for n := range notices {
		k.Invalidate(n)
	}
	return ctx.Err()
}

// Invalidate drops the cached keys that a notice speaks of.
func (k *Keys) Invalidate(n storage.Notice) {
	if !storage.IsSigningKeyNotice(n) {
		return
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	for project, pk := range k.projects {
		if n.All || project == n.Project {
			pk.notices.Add(1)
		}
	}
}

func (k *Keys) project(id string) *projectKeys {
	k.mu.RLock()
	pk := k.projects[id]
	k.mu.RUnlock()
	if pk != nil {
		return pk
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if pk = k.projects[id]; pk == nil {
		pk = &projectKeys{}
		k.projects[id] = pk
	}
	return pk
}

func (pk *projectKeys) fresh(now time.Time) *keySet {
	set := pk.set.Load()
	if set == nil || set.notices != pk.notices.Load() {
		return nil
	}
	if age := now.Sub(set.loadedAt); age < 0 || age >= keySetLife {
		return nil
	}
	return set
}

// current returns the project's keys, from the cache if it is fresh.
func (k *Keys) current(ctx context.Context, p *storage.Project) (*keySet, error) {
	pk := k.project(p.ID)
	if set := pk.fresh(k.now()); set != nil {
		return set, nil
	}
	pk.loading.Lock()
	defer pk.loading.Unlock()
	now := k.now()
	if set := pk.fresh(now); set != nil {
		return set, nil
	}
	old := pk.set.Load()
	// While the database is away the published keys stay what they were: resource
	// servers go on verifying. No longer than a client may keep them.
	usable := old != nil && now.Sub(old.loadedAt) < jwksCacheTime
	if usable && now.Before(pk.retryAt) {
		return old, nil
	}
	seen := pk.notices.Load() // before the read: a notice during it makes the set stale
	set, err := k.load(ctx, p, old)
	if err != nil {
		if usable && errors.Is(err, storage.ErrUnavailable) {
			pk.retryAt = now.Add(keySetRetry)
			k.log.WarnContext(ctx, "signing keys could not be read again, the cached ones are used", "project", p.ID, "error", err)
			return old, nil
		}
		return nil, err
	}
	set.notices, set.loadedAt = seen, now
	pk.set.Store(set)
	return set, nil
}

// holding returns keys that include kid, if the project has such a key. For a kid
// that the cache lacks the database is asked, at most once a second.
func (k *Keys) holding(ctx context.Context, p *storage.Project, kid string) (*keySet, error) {
	set, err := k.current(ctx, p)
	if err != nil || set.byKID[kid] != nil {
		return set, err
	}
	if age := k.now().Sub(set.loadedAt); age >= 0 && age < keySetRetry {
		return set, nil
	}
	k.project(p.ID).notices.CompareAndSwap(set.notices, set.notices+1) // of many that miss one asks
	return k.current(ctx, p)
}

// load reads and parses the keys. Keys that did not change are taken from old.
func (k *Keys) load(ctx context.Context, p *storage.Project, old *keySet) (*keySet, error) {
	rows, err := k.store.SigningKeys.List(ctx, p.Scope())
	if err != nil {
		return nil, err
	}
	keys, decrypting := make([]*signingKey, 0, len(rows)), map[string]*decryptionKey{}
	for _, r := range rows {
		if r.Status == storage.KeyRevoked {
			continue
		}
		if isDecryptionAlg(r.Alg) {
			if decrypting[r.ID], err = k.parseDecryptionKey(p, r, old); err != nil {
				return nil, err
			}
			continue
		}
		key := old.reuse(r)
		if key == nil {
			if key, err = k.parse(p, r); err != nil {
				return nil, err
			}
		}
		keys = append(keys, key)
	}
	return newKeySet(keys, decrypting, k.now())
}

func (k *Keys) parse(p *storage.Project, r *storage.SigningKey) (*signingKey, error) {
	if len(r.Sealed) == 0 {
		return parsePublicKey(r)
	}
	pkcs8, err := k.store.SigningKeys.Open(p.Scope(), r)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", r.ID, err)
	}
	defer clear(pkcs8)
	return parseSigningKey(r, pkcs8)
}

// publishedSince is when the key was made, by the clock of whoever made it.
func publishedSince(r *storage.SigningKey) time.Time {
	return time.UnixMicro(r.CreatedOrder).UTC()
}

func isSigningAlg(alg string) bool { return slices.Contains(signingAlgs[:], alg) }
