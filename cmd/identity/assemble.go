package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/outbound"
	"github.com/elloloop/identity/cmd/identity/outbox"
	"github.com/elloloop/identity/cmd/identity/projects"
	"github.com/elloloop/identity/cmd/identity/web"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// provider is everything of one running identity, wired.
type provider struct {
	*database
	finder   *projects.Finder
	op       *op.Provider
	admin    *admin.Server
	engine   *flows.Engine
	rooms    http.Handler // the pages of people's own accounts
	renderer *templates.Renderer
	looks    *looks
	outbound *outbound.Client // every request to a URL that others gave
	log      *slog.Logger
	sender   *outbox.Runner
	post     *post
	draining atomic.Bool
	tasks    sync.WaitGroup // what ends before the database is closed
}

var (
	_ op.Interactions = (*flows.Engine)(nil)
	_ op.Browsers     = (*flows.Engine)(nil)
)

// assemble wires everybody to everybody: the one place that knows them all.
func assemble(ctx context.Context, c *config.Config, log *slog.Logger) (*provider, error) {
	db, err := openDatabase(ctx, c, log)
	if err != nil {
		return nil, err
	}
	p := &provider{database: db, log: log}
	if err := p.wire(ctx, c, log); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return p, nil
}

func (p *provider) wire(ctx context.Context, c *config.Config, log *slog.Logger) error {
	p.outbound = outbound.New(outbound.Config{InsecureAllowLoopback: c.Insecure.LoopbackFetch})
	if c.Registration.Profile == "conformance" {
		log.WarnContext(ctx, "the conformance profile is on: anybody may register clients, and nothing here is for production", "setting", "GATEWAY_PROFILE")
	}
	if c.Insecure.LoopbackFetch && strings.HasPrefix(c.Server.Issuer, "https:") { // on a development server there is no other
		log.WarnContext(ctx, "URLs of clients may reach this machine: for development and conformance tests only", "setting", "GATEWAY_INSECURE_ALLOW_LOOPBACK_FETCH")
	}
	if p.assumeDomains {
		log.WarnContext(ctx, "hosts of projects need no proof: whoever administers one may take any host that leads here", "setting", "GATEWAY_REQUIRE_VERIFIED_AUTH_DOMAIN")
	}
	var err error
	p.looks = &looks{files: p.store.TemplateOverrides, life: c.Storage.ProjectCacheLife, now: time.Now, log: log, themes: map[string]heldTheme{}}
	if p.renderer, err = templates.New(pageConfig(c, p.looks, log)); err != nil {
		return err
	}
	p.finder = projects.New(projects.Config{
		Directory: p.database, Issuer: c.Server.Issuer, Default: p.project.ID, Found: p.keys.Ensure, Refuse: p.refuse,
		Life: c.Storage.ProjectCacheLife, MaxEntries: c.Storage.ProjectCacheEntries, Now: time.Now,
	})
	p.looks.finder, p.looks.renderer = p.finder, p.renderer
	if p.post, err = newPost(c, p.renderer, p.looks.ofProject, directClient()); err != nil {
		return err
	}
	modules, err := newModules(c, p.store, p.outbound, log)
	if err != nil {
		return err
	}
	p.engine, err = flows.New(flows.Config{
		Store: p.store, Projects: p.finder.Of, Pages: p.renderer, Flows: modules.flows, Logout: modules.logout,
		Accounts: modules.accounts, Approval: modules.approval, SendsMail: p.post.sendsMail, PublicMailDomains: c.Admin.PublicMailDomains, Now: time.Now, Log: log, Origin: op.OriginOf, ResumeURL: op.PathResume, EndSessionURL: op.PathEndSession,
	})
	if err != nil {
		return err
	}
	p.rooms = p.engine.Rooms(modules.rooms)
	statements, err := softwareStatements(c)
	if err != nil {
		return err
	}
	p.op, err = op.New(op.Config{
		Store: p.store, Projects: p.finder.Of, Interactions: p.engine, Browsers: p.engine, Pages: &protocolPages{p.renderer}, Keys: p.keys,
		Now: time.Now, Log: log, ACRValues: func(pr *storage.Project) []string { return flows.FactorsReach(modules.flows, pr) }, UILocales: p.renderer.Languages(), Fetch: p.outbound,
		SoftwareStatements: statements,
	})
	if err != nil {
		return err
	}
	if p.admin, err = admin.New(adminConfig(c, p, modules.hashing, modules.rules, log)); err != nil {
		return err
	}
	if p.project.InsecureUnsigned {
		log.WarnContext(ctx, "tokens and request objects without a signature are allowed: for conformance tests only", "setting", "GATEWAY_INSECURE_UNSIGNED")
	}
	if p.sender, err = p.newSender(log); err != nil {
		return err
	}
	if err := p.seedDefault(ctx, c.Server.AuthDomains, log); err != nil {
		return err
	}
	if err := p.keys.Ensure(ctx, p.project); err != nil {
		return err
	}
	return p.keys.Ready(ctx, p.project) // a key that can't be opened is told now, not by the first client (S5-08)
}

// handler serves every path. dev adds what only a development server has; it may
// be nil.
func (p *provider) handler(c *config.Config, log *slog.Logger, dev func(chi.Router)) http.Handler {
	r := chi.NewRouter()
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { answerText(w, http.StatusOK, "ok") })
	r.Get("/readyz", p.ready)
	static := p.renderer.Static()
	r.Handle("/static/*", ofEverybody(static, p.finder.Wrap(static)))
	r.Get("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		answerText(w, http.StatusOK, "User-agent: *\nDisallow: /")
	})
	mountAdmin(r, p.admin)
	r.Handle("/*", p.finder.Wrap(p.ofProject(dev)))
	return web.Wrap(webConfig(c, log), r)
}

// ofProject serves what each project has, below its issuer.
func (p *provider) ofProject(dev func(chi.Router)) http.Handler {
	r := chi.NewRouter()
	p.op.Mount(r)
	pages := p.engine.Routes()
	r.Handle("/interaction/*", pages)
	r.Handle("/link/*", pages)
	r.Handle("/logout", pages)
	r.Handle("/account", p.rooms)
	r.Handle("/account/*", p.rooms)
	r.Handle("/static/*", p.renderer.Static())
	r.Get("/.well-known/change-password", changePassword(p.finder.Of))
	r.Handle(flows.ScanPath, pages)
	r.Handle("/upstream/*", pages)
	if dev != nil {
		dev(r)
	}
	absent := func(w http.ResponseWriter, req *http.Request) {
		pr, _ := p.finder.Of(req) // none: the page is nobody's
		(&protocolPages{p.renderer}).notFound(w, req, pr)
	}
	r.Get("/.well-known/passkey-endpoints", passkeyEndpoints(p.finder.Of, absent))
	r.Get("/.well-known/webauthn", relatedOrigins(p.finder.Of, absent))
	r.NotFound(absent)
	return r
}

// ready says whether this process can serve: its database answers, it has keys to
// sign with, and it is not about to stop (S6-11).
func (p *provider) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	switch {
	case p.draining.Load():
		answerText(w, http.StatusServiceUnavailable, "stopping")
	case p.check(ctx) != nil:
		answerText(w, http.StatusServiceUnavailable, "the database does not answer")
	case p.keys.Ready(ctx, p.project) != nil:
		answerText(w, http.StatusServiceUnavailable, "there is no key that can be used to sign with")
	default:
		answerText(w, http.StatusOK, "ready")
	}
}

func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the client is gone: nobody is left to tell
}
