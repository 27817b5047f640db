package op

import "context"

// Fetcher gets what a URL of a client holds: a request object, its keys, the
// redirect URIs of its sector. Whoever fills it in guards the network: a client
// chooses these URLs.
type Fetcher interface {
	// Fetch returns the body of a GET request that was answered with 200, if it
	// has no more than limit bytes.
	Fetch(ctx context.Context, url string, limit int64) ([]byte, error)
}
