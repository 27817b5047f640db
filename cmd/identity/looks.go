package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/elloloop/identity/cmd/identity/projects"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// looks knows how the pages and letters of each project look: their brand, and the
// files of their own, which are kept for a short time.
type looks struct {
	finder   *projects.Finder
	files    *storage.TemplateOverrides
	renderer *templates.Renderer // set once it is there: it asks for looks itself
	life     time.Duration
	now      func() time.Time
	log      *slog.Logger

	mu     sync.Mutex
	themes map[string]heldTheme // by project id
}

// heldTheme are the files of a project as they were last read.
type heldTheme struct {
	version int64
	base    string           // below which its own images and styles are served
	theme   *templates.Theme // nil: it has none that can be drawn with
	until   time.Time
}

// mostThemes are kept ready; those of more projects are made again when they are needed.
const mostThemes = 256

// of is the look of the project that a request is for.
func (l *looks) of(r *http.Request) *templates.Look {
	p, err := l.finder.Of(r)
	if err != nil { // the page belongs to no project
		return nil
	}
	return l.ofProject(r.Context(), p)
}

func (l *looks) ofProject(ctx context.Context, p *storage.Project) *templates.Look {
	theme, b := l.theme(ctx, p), p.Branding
	if b.Name == "" && p.ID != l.finder.Default {
		b.Name = p.Name
	}
	if theme != nil || b != (storage.Branding{}) {
		return templates.NewLook(brandOf(b), theme)
	}
	return nil
}

func brandOf(b storage.Branding) templates.Brand {
	return templates.Brand{Name: b.Name, LogoURI: b.LogoURI, Accent: b.Accent, Dark: b.Dark}
}

// theme returns the project's own files. While they can't be read, those that were
// read before are good.
func (l *looks) theme(ctx context.Context, p *storage.Project) *templates.Theme {
	now := l.now()
	l.mu.Lock()
	held, known := l.themes[p.ID]
	l.mu.Unlock()
	if known && now.Before(held.until) {
		return held.theme
	}
	base := pathOf(p.Issuer)
	own, err := l.files.Get(ctx, p.Scope())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		held = heldTheme{}
	case err != nil:
		l.log.WarnContext(ctx, "a project's own pages could not be read", "project", p.ID, "cause", err)
	case len(own.Files) == 0:
		held = heldTheme{version: own.Version}
	case !known || held.version != own.Version || held.base != base:
		held = heldTheme{version: own.Version, base: base}
		if held.theme, err = l.renderer.Compile(own.Files, base); err != nil {
			l.log.WarnContext(ctx, "a project's own pages can't be used: the server's are shown", "project", p.ID, "cause", err)
		}
	}
	held.until = now.Add(l.life)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.themes) >= mostThemes && !known {
		clear(l.themes)
	}
	l.themes[p.ID] = held
	return held.theme
}

// ofEverybody serves a file that all projects share, and asks the project of the
// host for what is not one.
func ofEverybody(shared, own http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := &missing{ResponseWriter: w}
		shared.ServeHTTP(first, r)
		if first.not {
			own.ServeHTTP(w, r)
		}
	})
}

// missing holds back the answer that there is no such file.
type missing struct {
	http.ResponseWriter
	not bool
}

// WriteHeader sends a status that is not 404.
func (m *missing) WriteHeader(status int) {
	if m.not = status == http.StatusNotFound; !m.not {
		m.ResponseWriter.WriteHeader(status)
	}
}

// Write sends what is not about a missing file.
func (m *missing) Write(b []byte) (int, error) {
	if m.not {
		return len(b), nil
	}
	return m.ResponseWriter.Write(b)
}
