// Package op is the OpenID Provider: every endpoint that a client calls, one file
// for each noun of the standards. It knows stored rows, and nothing of how people
// sign in.
package op

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/elloloop/identity/storage"
)

// Config is what a provider is made of. Every field but Log is required.
type Config struct {
	Store *storage.Store
	// Projects finds the project that a request is for. storage.ErrNotFound when
	// its host and path belong to none.
	Projects     func(*http.Request) (*storage.Project, error)
	Interactions Interactions
	Browsers     Browsers
	Pages        Pages
	Keys         *Keys
	Now          func() time.Time
	Log          *slog.Logger // nil: discarded
	// ACRValues are acr_values_supported: what the flows can reach in a project.
	ACRValues func(*storage.Project) []string
	UILocales []string // ui_locales_supported: what the pages speak (BCP 47)
	Fetch     Fetcher  // of what clients' URLs hold; nil: nothing is fetched

	SoftwareStatements SoftwareStatements // nil: software statements are ignored
}

// Provider serves the protocol.
type Provider struct {
	store        *storage.Store
	projects     func(*http.Request) (*storage.Project, error)
	interactions Interactions
	browsers     Browsers
	pages        Pages
	keys         *Keys
	now          func() time.Time
	log          *slog.Logger
	acrValues    func(*storage.Project) []string
	uiLocales    []string
	clients      *clientCache
	rotation     *projectSecretCache
	metadata     *metadataCache
	fetch        Fetcher
	statements   SoftwareStatements
	objects      bounded[string] // request objects by reference
	keySetsLock  sync.Mutex
	keySets      *bounded[*fetchedKeys]
	begins       *bounded[*rate.Limiter]
}

// New makes a provider. It does nothing until its routes are called.
func New(c Config) (*Provider, error) {
	if c.Store == nil || c.Projects == nil || c.Interactions == nil || c.Browsers == nil || c.Pages == nil || c.Keys == nil || c.Now == nil || c.ACRValues == nil {
		return nil, errors.New("op: Store, Projects, Interactions, Browsers, Pages, Keys, Now and ACRValues are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Fetch == nil {
		c.Fetch = noFetcher{}
	}
	return &Provider{
		store: c.Store, projects: c.Projects, interactions: c.Interactions, browsers: c.Browsers, pages: c.Pages, keys: c.Keys,
		now: c.Now, log: c.Log, acrValues: c.ACRValues, uiLocales: c.UILocales, fetch: c.Fetch, statements: c.SoftwareStatements,
		clients:  newClientCache(c.Store, c.Now),
		rotation: newProjectSecretCache(c.Store),
		metadata: newMetadataCache(),
		objects:  bounded[string]{limit: maxCachedObjects},
		keySets:  &bounded[*fetchedKeys]{limit: maxFetchedSets},
		begins:   &bounded[*rate.Limiter]{limit: beginNetworks},
	}, nil
}
