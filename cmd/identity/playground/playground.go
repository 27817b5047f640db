// Package playground is a genuine OpenID relying party inside the development
// server. It signs a person in at its own server as any application would, by
// redirects and over HTTP, and shows everything that goes over the wire. It keeps
// tokens in memory and shows them: only the development server mounts it.
package playground

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

const (
	pathStart    = "/dev/playground"
	pathBegin    = "/dev/playground/start"
	pathCallback = "/dev/playground/callback"
	pathResult   = "/dev/playground/result"
)

const (
	clientID = "playground"
	// resourceServer is the audience of the playground's access tokens: an access
	// token is for an API, and an ID token for the application.
	resourceServer = "demo-machine"
	defaultScope   = "openid profile email offline_access"
)

// Config is what the playground needs to know. Issuer and Renderer are required.
type Config struct {
	Issuer     string // of the server that it signs in at, and that serves it
	ClientID   string // "" means that of Client
	HTTPClient *http.Client
	Renderer   *templates.Renderer
	Now        func() time.Time // nil means time.Now
	// ResourceServer is a confidential client that may introspect the tokens. Its
	// zero value leaves introspection at the refusal that a public client gets.
	ResourceServer ResourceServer
}

// LogValue hides the secret of the resource server.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", c.Issuer), slog.String("client_id", c.ClientID))
}

// ResourceServer is an API that asks about the access tokens that it is sent
// (RFC 7662 §2).
type ResourceServer struct{ ClientID, Secret string }

// LogValue hides the secret.
func (ResourceServer) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String hides the secret.
func (ResourceServer) String() string { return "[redacted]" }

// GoString hides the secret.
func (ResourceServer) GoString() string { return "[redacted]" }

// Client is the registration of the playground at an issuer: a public client that
// proves itself by PKCE (RFC 9700 §2.1.1), and the operator's own.
func Client(issuer string) *storage.Client {
	return &storage.Client{
		ID: clientID, Name: "Playground", ApplicationType: "web", FirstParty: true,
		RedirectURIs: []string{issuer + pathCallback}, PostLogoutRedirectURIs: []string{issuer + pathStart},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
		TokenEndpointAuthMethod: "none", Audience: []string{resourceServer},
	}
}

// Playground serves the pages of the relying party.
type Playground struct {
	issuer   string
	host     string // of the issuer, with its port
	clientID string
	http     *http.Client
	pages    *templates.Renderer
	now      func() time.Time
	resource ResourceServer
	runs     *runs
}

// LogValue hides the tokens and the secret.
func (p *Playground) LogValue() slog.Value { return slog.StringValue("playground at " + p.issuer) }

// New makes a playground. It calls nobody until a page is asked for.
func New(c Config) *Playground {
	p := &Playground{issuer: c.Issuer, clientID: c.ClientID, pages: c.Renderer, now: c.Now, resource: c.ResourceServer}
	if p.clientID == "" {
		p.clientID = clientID
	}
	if p.now == nil {
		p.now = time.Now
	}
	var cookie http.Cookie
	if u, err := url.Parse(c.Issuer); err == nil {
		p.host = u.Host
		cookie = runCookie(u)
	}
	p.runs = newRuns(cookie, p.now)
	client := http.Client{Timeout: 10 * time.Second}
	if c.HTTPClient != nil {
		client = *c.HTTPClient
	}
	// No endpoint that a client calls answers by a redirect; one that did would
	// take the code or the token elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p.http = &client
	return p
}

// Mount adds the pages to a router.
func (p *Playground) Mount(r chi.Router) {
	sameSite := http.NewCrossOriginProtection()
	r.Get(pathStart, p.showStart)
	r.Method(http.MethodPost, pathBegin, sameSite.Handler(http.HandlerFunc(p.begin)))
	r.Get(pathCallback, p.callback)
	r.Get(pathResult, p.showResult)
	r.Method(http.MethodPost, pathResult, sameSite.Handler(http.HandlerFunc(p.act)))
}

// showStart shows the request that would be sent, every parameter explained.
func (p *Playground) showStart(w http.ResponseWriter, r *http.Request) {
	if r.Host != p.host { // the cookie belongs to the issuer's host: nobody else's callback would see it
		redirect(w, p.issuer+pathStart)
		return
	}
	op, err := p.discover(r.Context())
	if err != nil {
		p.showProblem(w, r, http.StatusBadGateway, sentence(err), nil)
		return
	}
	example := newRun(wishes{scope: defaultScope}, p.now())
	location, parameters := p.authorizeURL(op, example)
	p.render(w, r, http.StatusOK, pathBegin, templates.PlaygroundView{
		Start: &templates.PlaygroundStart{AuthorizeURL: location, Parameters: parameters, Scope: defaultScope},
	})
}

// begin sends the browser to the authorization endpoint (OIDC Core §3.1.2.1).
func (p *Playground) begin(w http.ResponseWriter, r *http.Request) {
	if !p.readForm(w, r) {
		return
	}
	op, err := p.discover(r.Context())
	if err != nil {
		p.showProblem(w, r, http.StatusBadGateway, sentence(err), nil)
		return
	}
	run := newRun(wishes{
		scope: r.PostForm.Get("scope"), prompt: r.PostForm.Get("prompt"), maxAge: r.PostForm.Get("max_age"),
		loginHint: r.PostForm.Get("login_hint"), mistake: r.PostForm.Get("break"),
	}, p.now())
	run.authorizeURL, run.request = p.authorizeURL(op, run)
	p.runs.keep(w, run)
	redirect(w, run.authorizeURL)
}

// callback takes the authorization response. Whatever it is, the browser leaves
// this address at once: the code shall not stay in its history (RFC 9700 §4.2.4).
func (p *Playground) callback(w http.ResponseWriter, r *http.Request) {
	run, err := p.runs.find(r)
	if err != nil {
		redirect(w, pathResult)
		return
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	response := r.URL.Query()
	if response.Get("state") != run.state { // login CSRF
		// The run stays as it was: a stranger's link must not end it.
		redirect(w, pathResult+"?refused=state")
		return
	}
	if !run.answered {
		run.answered = true
		p.receive(r.Context(), run, response)
	}
	redirect(w, pathResult)
}

// showResult shows what became of the run of this browser.
func (p *Playground) showResult(w http.ResponseWriter, r *http.Request) {
	run, err := p.runs.find(r)
	switch {
	case errors.Is(err, errNoRun):
		p.showProblem(w, r, http.StatusBadRequest, "This browser has begun no sign-in here, or it was too long ago. "+
			"An answer counts only in the browser that asked: otherwise anybody could sign others in to an account of their own.", nil)
		return
	case r.URL.Query().Get("refused") == "state":
		p.showProblem(w, r, http.StatusBadRequest, "The answer was refused: its state is not the one that this browser sent (RFC 6749 §10.12). "+
			"It belongs to another sign-in, or somebody made it up. Its code was not used.",
			[]templates.PlaygroundCheck{{Name: "state"}})
		return
	}
	run.mu.Lock()
	view := run.view()
	run.mu.Unlock()
	p.render(w, r, http.StatusOK, pathResult, templates.PlaygroundView{Callback: view})
}

// showProblem shows that there is nothing to show, and why.
func (p *Playground) showProblem(w http.ResponseWriter, r *http.Request, status int, why string, checks []templates.PlaygroundCheck) {
	p.render(w, r, status, pathResult, templates.PlaygroundView{
		Callback: &templates.PlaygroundCallback{Error: why, Unsuccessful: true, Checks: checks, StartURL: pathStart},
	})
}

func (p *Playground) render(w http.ResponseWriter, r *http.Request, status int, action string, view templates.PlaygroundView) {
	view.Issuer = p.issuer
	p.pages.Render(w, r, status, templates.Page{
		Name: "playground", Action: action, View: view, Dev: true, RequestID: r.Header.Get("X-Request-Id"),
		FormAction: []string{p.issuer}, // the forms are answered by a redirect to the issuer
	})
}

const maxFormBytes = 16 << 10

func (p *Playground) readForm(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		p.showProblem(w, r, http.StatusBadRequest, "The form could not be read.", nil)
		return false
	}
	return true
}

// redirect sends a browser on with GET, without a body that would repeat the URL.
func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}
