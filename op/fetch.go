package op

import (
	"context"
	"errors"
	"time"
)

// Fetcher gets what a URL of a client holds: a request object, its keys, the
// redirect URIs of its sector. Whoever fills it in guards the network: a client
// chooses these URLs.
type Fetcher interface {
	// Fetch returns the body of a GET request that was answered with 200, if it
	// has no more than limit bytes.
	Fetch(ctx context.Context, url string, limit int64) ([]byte, error)
}

// noFetcher fetches nothing.
type noFetcher struct{}

// Fetch fails.
func (noFetcher) Fetch(context.Context, string, int64) ([]byte, error) {
	return nil, errors.New("op: nothing is set up to fetch URLs")
}

// FreshFetcher is a Fetcher that also says how long the answer may be kept,
// negative where the answer does not say.
type FreshFetcher interface {
	FetchFresh(ctx context.Context, url string, limit int64) ([]byte, time.Duration, error)
}
