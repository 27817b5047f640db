// Package projects finds the project that a request is for: by the host that it
// was sent to, by the path below the deployment's own issuer, or by name. What it
// finds is kept for a short time, and dropped when it changes.
package projects

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/elloloop/identity/storage"
)

// ErrDisabled: the project is there, and an operator switched it off.
var ErrDisabled = errors.New("projects: the project is disabled")

// errElsewhere: the project is there, and its issuer is another address.
var errElsewhere = errors.New("projects: the project is served at its issuer")

// Header names the project of a call that no host and no path names.
const Header = "X-Project-Key"

// Entry is what is stored of a project, over the settings of the deployment. Its
// Project is shared between requests: it must not be changed.
type Entry struct {
	Project  *storage.Project
	Primary  string // the host of its issuer; "": below the deployment's
	Disabled bool
}

// Directory is where projects are stored.
type Directory interface {
	// Project returns the project with this id, storage.ErrNotFound if there is none.
	Project(ctx context.Context, id string) (Entry, error)
	// Domain returns the id of the project that this host is proven to belong to,
	// storage.ErrNotFound if there is none.
	Domain(ctx context.Context, host string) (id string, err error)
}

// Config is what a finder is made of. Every field is required.
type Config struct {
	Directory Directory
	Issuer    string // of the deployment, which is that of its default project
	Default   string // id of the default project
	// Found is called before a project serves for the first time in this process:
	// to make what it lacks.
	Found      func(context.Context, *storage.Project) error
	Refuse     func(w http.ResponseWriter, r *http.Request, status int, err error)
	Life       time.Duration // of what is cached
	MaxEntries int           // that are cached
	Now        func() time.Time
}

// Finder finds the project of each request.
type Finder struct {
	Config
	host    string // of the deployment
	notices atomic.Uint64
	entries cache[*storage.Project]
	hosts   cache[string]
	strange cache[error] // why an id leads nowhere
	ready   cache[struct{}]
}

// New makes a finder.
func New(c Config) *Finder {
	f := &Finder{Config: c, host: hostOf(c.Issuer)}
	f.entries.limit, f.hosts.limit, f.strange.limit, f.ready.limit = c.MaxEntries, c.MaxEntries, c.MaxEntries, c.MaxEntries
	return f
}

// found names the project among the values of the path, which nobody but us sets.
const found = "project id"

// Of returns the project of a request that came through Wrap.
func (f *Finder) Of(r *http.Request) (*storage.Project, error) {
	return f.ByID(r.Context(), r.PathValue(found))
}

// Wrap finds the project of each request, and hands it on with the path below the
// project's issuer. What belongs to no project is refused.
func (f *Finder) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, at, err := f.find(r)
		switch {
		case errors.Is(err, errElsewhere):
			f.elsewhere(w, r, p, at)
		case err != nil:
			f.Refuse(w, r, statusOf(err), err)
		default:
			next.ServeHTTP(w, at.within(r, p))
		}
	})
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrDisabled):
		return http.StatusForbidden
	case errors.Is(err, storage.ErrUnavailable):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// find reads nothing of a request but its Host and its path: no forwarded header
// names a project. An issuer comes of what is stored and configured, and never of
// either (S1-17).
func (f *Finder) find(r *http.Request) (*storage.Project, address, error) {
	host := hostOnly(r.Host)
	id := ""
	if host != f.host && couldBeDomain(host) {
		var err error
		if id, err = f.byHost(r.Context(), host); err != nil {
			return nil, address{}, err
		}
	}
	at := address{path: r.URL.Path, raw: r.URL.RawPath}
	if id != "" {
		at.host = host
	} else if id = f.Default; strings.Contains(at.path, prefix) {
		// A host that no project has proven is the deployment's own: a proxy in
		// front may write its own.
		var err error
		if named, below, ok := at.cut(); ok {
			id, at, err = named, below, nil
		} else if strings.HasPrefix(at.path, prefix) {
			err = storage.ErrNotFound
		}
		if err != nil {
			return nil, at, err
		}
	}
	p, err := f.ByID(r.Context(), id)
	if err != nil {
		return nil, at, err
	}
	if at.base != pathOf(p.Issuer) || at.host != "" && at.host != hostOf(p.Issuer) {
		return p, at, errElsewhere
	}
	return p, at, nil
}

// elsewhere leads a person to the project's issuer. What is posted is not sent
// on: it may hold a secret, and whoever posts can be told where to.
func (f *Finder) elsewhere(w http.ResponseWriter, r *http.Request, p *storage.Project, at address) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		f.Refuse(w, r, http.StatusMisdirectedRequest, errElsewhere)
		return
	}
	rest := url.URL{Path: at.path, RawPath: at.raw, RawQuery: r.URL.RawQuery}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", p.Issuer+rest.String())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// Named returns the project of a call to a service: the one of X-Project-Key, or
// else of the host, or else the default one.
func (f *Finder) Named(r *http.Request) (*storage.Project, error) {
	names := r.Header.Values(Header)
	switch len(names) {
	case 0:
	case 1:
		return f.ByID(r.Context(), names[0])
	default:
		return nil, storage.ErrNotFound // which of them?
	}
	id := f.Default
	if host := hostOnly(r.Host); host != f.host && couldBeDomain(host) {
		owner, err := f.byHost(r.Context(), host)
		if err != nil {
			return nil, err
		}
		if owner != "" {
			id = owner
		}
	}
	return f.ByID(r.Context(), id)
}

// ByID returns the project with this id. storage.ErrNotFound when there is none,
// ErrDisabled when it is switched off. It must not be changed.
func (f *Finder) ByID(ctx context.Context, id string) (*storage.Project, error) {
	if !isID(id) {
		return nil, storage.ErrNotFound
	}
	now := f.Now()
	if p, ok := f.entries.get(id, now); ok {
		return p, nil
	}
	if err, ok := f.strange.get(id, now); ok {
		return nil, err
	}
	seen := f.notices.Load()
	current := func() bool { return f.notices.Load() == seen }
	e, err := f.Directory.Project(ctx, id)
	switch {
	case err == nil && e.Disabled:
		return nil, f.leadsNowhere(id, ErrDisabled, now, current)
	case errors.Is(err, storage.ErrNotFound):
		return nil, f.leadsNowhere(id, storage.ErrNotFound, now, current)
	case errors.Is(err, storage.ErrUnavailable):
		if p, ok := f.entries.stale(id, now); ok {
			return p, nil // resource servers go on verifying while the database is away
		}
		return nil, err
	case err != nil:
		return nil, err
	}
	p := *e.Project
	p.Issuer = Issuer(f.Issuer, f.Default, id, e.Primary)
	if _, ok := f.ready.get(id, now); !ok {
		if err := f.Found(ctx, &p); err != nil {
			return nil, err
		}
		f.ready.put(id, struct{}{}, now, forever, func() bool { return true })
	}
	f.entries.put(id, &p, now, f.Life, current)
	return &p, nil
}

func (f *Finder) leadsNowhere(id string, why error, now time.Time, current func() bool) error {
	f.entries.drop(id)
	f.strange.put(id, why, now, f.Life, current)
	return why
}

// Issuer is the deployment's for the default project, and the primary host or a
// path below the deployment's for another.
func Issuer(deployment, standard, id, primary string) string {
	switch {
	case id == standard:
		return deployment
	case primary != "":
		return "https://" + primary
	}
	return deployment + prefix + id
}

// byHost returns the id of the project that has proven this host, "" for none.
func (f *Finder) byHost(ctx context.Context, host string) (string, error) {
	now := f.Now()
	if id, ok := f.hosts.get(host, now); ok {
		return id, nil
	}
	seen := f.notices.Load()
	id, err := f.Directory.Domain(ctx, host)
	if errors.Is(err, storage.ErrUnavailable) {
		if id, ok := f.hosts.stale(host, now); ok {
			return id, nil
		}
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", err
	}
	f.hosts.put(host, id, now, f.Life, func() bool { return f.notices.Load() == seen })
	return id, nil
}

// Invalidate drops what a notice of the store speaks of. Projects and domains
// change seldom: all of them are read again.
func (f *Finder) Invalidate(n storage.Notice) {
	if storage.IsProjectNotice(n) {
		f.notices.Add(1)
		f.entries.expire()
		f.hosts.expire()
		f.strange.expire()
	}
}
