package flows

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
	"github.com/go-chi/chi/v5"
)

// Pages draws what a person sees. *templates.Renderer is one.
type Pages interface {
	// Render sends a page with this HTTP status and every header that it needs.
	Render(w http.ResponseWriter, r *http.Request, status int, p templates.Page)
	// Preferences returns the languages that the person wants, most wanted first.
	Preferences(r *http.Request, uiLocales []string) []string
	// Sentence is one message in the best of these languages.
	Sentence(preferences []string, id string, data map[string]any) string
}

// Config is what an engine is made of. Store, Projects, Pages, Flows, Logout,
// Accounts and Now are required.
type Config struct {
	Store *storage.Store
	// Projects finds the project that a request is for, storage.ErrNotFound when
	// there is none.
	Projects func(*http.Request) (*storage.Project, error)
	Pages    Pages
	Flows    []Flow // in the order of the policy: the first that is needed is shown
	Logout   Flow   // the page that asks whether to sign out
	Accounts *Accounts
	// SendsMail says whether letters to people leave. nil: they do not.
	SendsMail func() bool
	Approval  Approval // judges at /qr who lets another browser in; nil: there is no such page
	// PublicMailDomains are more mail domains that no organisation forms of.
	PublicMailDomains []string
	Now               func() time.Time
	Log               *slog.Logger // nil: discarded
	// Origin says where a request comes from, after trusted proxies. nil: the
	// peer's address and the User-Agent header.
	Origin func(*http.Request) storage.Origin
	// ResumeURL and EndSessionURL are the protocol's two ends of the thread,
	// below the issuer. "": /authorize/resume and /end_session.
	ResumeURL     string
	EndSessionURL string
}

// Engine shows the flows, keeps what they prove and guards both: browser binding,
// cross-origin requests, throttling, sessions, audit.
type Engine struct {
	Config
	store      *storage.Store
	flows      map[string]Flow
	deviceKeys sync.Map // project id to []byte: never changes once made
	tenants    tenantPolicies
}

// New makes an engine. It does nothing until its routes are called.
func New(c Config) (*Engine, error) {
	if c.Store == nil || c.Projects == nil || c.Pages == nil || len(c.Flows) == 0 || c.Logout == nil || c.Accounts == nil || c.Now == nil {
		return nil, errors.New("flows: Store, Projects, Pages, Flows, Logout, Accounts and Now are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Origin == nil {
		c.Origin = peer
	}
	if c.ResumeURL == "" {
		c.ResumeURL = "/authorize/resume"
	}
	if c.EndSessionURL == "" {
		c.EndSessionURL = "/end_session"
	}
	e := &Engine{Config: c, store: c.Store, flows: make(map[string]Flow, len(c.Flows))}
	for _, f := range c.Flows {
		if _, twice := e.flows[f.ID()]; twice || f.ID() == "" {
			return nil, errors.New("flows: two flows are called " + f.ID())
		}
		e.flows[f.ID()] = f
	}
	return e, nil
}

// Routes serves the pages below "/interaction/", "/logout" and "/qr", and where
// services send people back to.
//
// Every step speaks JSON as well, for teams that draw their own pages: send
// Accept: application/json, and the cookies that the authorization endpoint set.
//
//	GET /interaction/{id}           the step that is needed now
//	GET /interaction/{id}/{flow}    a step that is offered beside it
//	GET /interaction/{id}/{flow}/{choice}    to the service that was chosen, for the browser itself
//	{"flow": "password", "action": "/interaction/…/password",
//	 "client": {"client_id": "…", "client_name": "…"},
//	 "view": {…},
//	 "problem": {"message": "problem.wrong_password", "sentence": "…", "field": "password"}}
//
//	POST to action, as a form or as an application/json object of strings:
//	200 {"redirect_to": "/interaction/…"}   passed: GET it for the next step
//	4xx, 5xx: as above, with "problem"      not passed: Retry-After says when to try again, if set
//
// redirect_to is to be opened by the browser itself when its path is not below
// /interaction/: the person is done, and goes back to the application.
func (e *Engine) Routes() http.Handler {
	r := chi.NewRouter()
	r.Get("/interaction/{id}", e.handle(e.current))
	r.Get("/interaction/{id}/{flow}", e.handle(e.show))
	r.Post("/interaction/{id}/{flow}", e.handle(e.submit))
	r.Get("/link/{flow}", e.handle(e.openLink))
	r.Post("/link/{flow}", e.handle(e.followLink))
	r.Get("/interaction/{id}/{flow}/{choice}", e.handle(e.depart))
	r.Get("/logout", e.handle(e.showLogout))
	r.Post("/logout", e.handle(e.submitLogout))
	r.Get(ScanPath, e.handle(e.showScan))
	r.Post(ScanPath, e.handle(e.submitScan))
	r.MethodNotAllowed(e.handle(func(http.ResponseWriter, *http.Request, *storage.Project) error { return errMethod }))
	r.NotFound(e.handle(func(http.ResponseWriter, *http.Request, *storage.Project) error { return errNoPage }))

	outside := chi.NewRouter()
	e.arrivals(outside)
	outside.Handle("/*", e.sameOrigin(r))
	return outside
}

// sameOrigin takes nothing that changes state from another origin's page (S3-18).
// Ours is the request's host, or the issuer where a proxy writes another host.
func (e *Engine) sameOrigin(next http.Handler) http.Handler {
	refuse := e.handle(func(http.ResponseWriter, *http.Request, *storage.Project) error { return errCrossOrigin })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protection := http.NewCrossOriginProtection() // of this project alone: another's origin is a stranger's
		if p, err := e.Projects(r); err == nil {
			if err := protection.AddTrustedOrigin(strings.TrimSuffix(p.Issuer, base(p))); err != nil {
				e.fail(w, r, nil, err)
				return
			}
		}
		if protection.Check(r) != nil {
			refuse(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (e *Engine) handle(h func(http.ResponseWriter, *http.Request, *storage.Project) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := e.Projects(r)
		if err != nil {
			e.fail(w, r, nil, err)
			return
		}
		w.Header().Add("Vary", "Accept")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r, p); err != nil {
			e.fail(w, r, nil, err)
		}
	}
}

// peer is where a request comes from when no proxy is in front.
func peer(r *http.Request) storage.Origin {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	agent := r.UserAgent()
	return storage.Origin{IP: host, UserAgent: strings.ToValidUTF8(agent[:min(len(agent), 256)], "")}
}
