package op

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

const (
	clientKeysLeast = time.Minute      // no key set is fetched again sooner for its age
	clientKeysMost  = time.Hour        // nor kept longer
	clientKeysRetry = 10 * time.Second // the least between fetches for an unknown kid, or after a failure
	maxFetchedSets  = 1000
	maxFetchedJWKS  = 256 << 10
)

// fetchedKeys is what a jwks_uri held. Whoever holds mu fetches, and those who
// come meanwhile take what he got.
type fetchedKeys struct {
	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time // zero: never with success
	tried   time.Time
	life    time.Duration
	failure error
}

// clientKeys returns the public keys of a client.
func (op *Provider) clientKeys(ctx context.Context, p *storage.Project, c *storage.Client) ([]jose.JSONWebKey, error) {
	return op.clientKeysWith(ctx, p, c, "")
}

// clientKeysWith returns the public keys of a client. Where a jwks_uri has no key
// with this kid it is asked again: the client may have rotated (OIDC Core
// §10.1.1).
func (op *Provider) clientKeysWith(ctx context.Context, p *storage.Project, c *storage.Client, kid string) ([]jose.JSONWebKey, error) {
	if c.JWKSURI != "" {
		return op.fetchedKeys(ctx, p, c, kid)
	}
	if len(c.JWKS) == 0 {
		return nil, nil
	}
	keys, faults := readJWKS(c.JWKS)
	if len(faults) > 0 {
		return nil, fmt.Errorf("the jwks of client %s can't be used: %s", c.ID, faults[0])
	}
	return keys, nil
}

func (op *Provider) fetchedKeys(ctx context.Context, p *storage.Project, c *storage.Client, kid string) ([]jose.JSONWebKey, error) {
	set, now := op.keySetOf(inProject{p.ID, c.ID + " " + c.JWKSURI}), op.now()
	set.mu.Lock()
	defer set.mu.Unlock()
	known := kid == "" || slices.ContainsFunc(set.keys, func(k jose.JSONWebKey) bool { return k.KeyID == kid })
	fresh := !set.fetched.IsZero() && now.Sub(set.fetched) < set.life
	if fresh && known || !set.tried.IsZero() && now.Sub(set.tried) < clientKeysRetry {
		if set.fetched.IsZero() {
			return nil, set.failure
		}
		return set.keys, nil
	}
	set.tried = now
	keys, life, err := op.fetchJWKS(ctx, c.JWKSURI)
	if err != nil {
		set.failure = ErrInvalidClient.Say("the keys at jwks_uri of the client cannot be used").Because(err)
		op.log.WarnContext(ctx, "the keys of a client can't be fetched", "client_id", c.ID, "cause", err)
		if set.fetched.IsZero() || now.Sub(set.fetched) > clientKeysMost { // a key that was taken away must not live on
			return nil, set.failure
		}
		return set.keys, nil
	}
	set.keys, set.fetched, set.life = keys, now, life
	return keys, nil
}

func (op *Provider) keySetOf(key inProject) *fetchedKeys {
	op.keySetsLock.Lock()
	defer op.keySetsLock.Unlock()
	now := op.now()
	set, ok := op.keySets.get(key, now)
	if !ok {
		set = &fetchedKeys{}
		op.keySets.put(key, set, now, 24*time.Hour, func() bool { return true })
	}
	return set
}

func (op *Provider) fetchJWKS(ctx context.Context, uri string) ([]jose.JSONWebKey, time.Duration, error) {
	var body []byte
	var err error
	life := time.Duration(-1)
	if f, ok := op.fetch.(FreshFetcher); ok {
		body, life, err = f.FetchFresh(ctx, uri, maxFetchedJWKS)
	} else {
		body, err = op.fetch.Fetch(ctx, uri, maxFetchedJWKS)
	}
	if err != nil {
		return nil, 0, err
	}
	keys, faults := readJWKS(json.RawMessage(body))
	if len(keys) == 0 { // one key that can't be used does not take the others away
		return nil, 0, fmt.Errorf("the JWKS has no key that can be used: %v", faults)
	}
	return keys, min(max(life, clientKeysLeast), clientKeysMost), nil
}
