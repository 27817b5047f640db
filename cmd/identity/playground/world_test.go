package playground

import (
	"context"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/consent"
	"github.com/elloloop/identity/flows/identify"
	"github.com/elloloop/identity/flows/logout"
	"github.com/elloloop/identity/flows/password"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/memory"
	"github.com/elloloop/identity/templates"
)

const (
	testPassword  = "correct horse"
	machineSecret = "demomachinesecretdemomachine"
)

// world is a provider on loopback that serves its own playground, and one person.
type world struct {
	issuer string
	play   *Playground
	pages  *templates.Renderer
	ahead  atomic.Int64 // by how many seconds the playground's clock is wrong
	down   atomic.Bool  // the provider answers nobody
}

func newWorld(t *testing.T) *world {
	t.Helper()
	mux := chi.NewRouter()
	w := &world{}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() && !strings.HasPrefix(r.URL.Path, pathStart) {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.issuer = srv.URL
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	check(t, err)
	store := storage.New(memory.Open(storage.Schema(), memory.Config{Now: time.Now}), ring)
	project := &storage.Project{
		ID: "default", Issuer: w.issuer, AuthorizationCodeTTL: time.Minute, AuthorizationRequestTTL: time.Hour,
		AccessTokenTTL: 15 * time.Minute, IDTokenTTL: 15 * time.Minute, RefreshTokenTTL: time.Hour, RefreshGrace: time.Second,
		SessionIdle: time.Hour, SessionMax: time.Hour, RequirePKCE: true, PasswordEnabled: true, PasswordMinLength: 8,
		LoginMaxFailed: 50, LoginLockout: time.Minute, RateLimitWindow: time.Minute, RateLimitLogin: 1000,
		RateLimitClientAuth: 1000, InsecureDevelopment: true,
	}
	log := slog.New(slog.DiscardHandler)
	w.pages, err = templates.New(templates.Config{Logger: log})
	check(t, err)
	projects := func(*http.Request) (*storage.Project, error) { return project, nil }
	accounts := &flows.Accounts{Users: store.Users, Email: fold, Username: fold}
	pw := password.New(password.Config{Accounts: accounts, Credentials: store.PasswordCredentials, Hasher: plainHasher{}, Back: "identify"})
	engine, err := flows.New(flows.Config{
		Store: store, Projects: projects, Pages: w.pages, Accounts: accounts, Now: time.Now, Log: log,
		Flows:  []flows.Flow{identify.New(identify.Config{With: pw}), pw, consent.New(consent.Config{Consents: store.Consents, Users: store.Users})},
		Logout: logout.New(), ResumeURL: op.PathResume, EndSessionURL: op.PathEndSession,
	})
	check(t, err)
	keys := op.NewKeys(store, time.Now, log)
	check(t, keys.Ensure(t.Context(), project))
	provider, err := op.New(op.Config{
		Store: store, Projects: projects, Interactions: engine, Browsers: engine, Pages: textPages{}, Keys: keys, Now: time.Now, Log: log,
		ACRValues: func(*storage.Project) []string { return []string{flows.ACRPassword} }, UILocales: []string{"en"},
	})
	check(t, err)
	w.play = New(Config{
		Issuer: w.issuer, ClientID: "playground", HTTPClient: srv.Client(), Renderer: w.pages,
		Now:            func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load()) * time.Second) },
		ResourceServer: ResourceServer{resourceServer, machineSecret},
	})
	provider.Mount(mux)
	mux.Handle("/interaction/*", engine.Routes())
	mux.Handle("/logout", engine.Routes())
	mux.Handle("/static/*", w.pages.Static())
	w.play.Mount(mux)

	check(t, store.Clients.Create(t.Context(), project.Scope(), Client(w.issuer), nil))
	check(t, store.Clients.Create(t.Context(), project.Scope(), &storage.Client{
		ID: resourceServer, Name: "Demo service", ApplicationType: "web", GrantTypes: []string{"client_credentials"},
		Secrets: []storage.ClientSecret{{Digest: storage.DigestOf(machineSecret), CreatedAt: time.Now()}},
	}, nil))
	u := &storage.User{
		ID: storage.NewSubject(), Email: "alice@example.test", EmailKey: "alice@example.test", EmailVerified: true,
		Name: "Alice Example", Status: storage.UserActive, Role: "member",
	}
	credential := &storage.PasswordCredential{UserID: u.ID, Hash: testPassword, SetAt: time.Now()}
	check(t, store.Commit(t.Context(), project.Scope(), store.Users.Add(u), store.PasswordCredentials.Add(credential)))
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fold(typed string) (shown, key string, err error) {
	if typed == "" || strings.Contains(typed, " ") {
		return "", "", errors.New("no address")
	}
	return typed, strings.ToLower(typed), nil
}

// plainHasher keeps passwords as they are: how they are kept is not looked at here.
type plainHasher struct{}

func (plainHasher) Verify(_ context.Context, h storage.PasswordHash, pw string) (bool, bool, error) {
	return string(h) == pw, false, nil
}

func (plainHasher) Hash(_ context.Context, pw string) (storage.PasswordHash, error) {
	return storage.PasswordHash(pw), nil
}

// textPages are the protocol's pages as lines of text.
type textPages struct{}

func (textPages) Error(w http.ResponseWriter, _ *http.Request, _ *storage.Project, e op.ErrorPage) {
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, "page:error "+e.Code+" "+e.Description)
}

func (textPages) FormPost(w http.ResponseWriter, _ *http.Request, _ *storage.Project, _ string, _ []op.Field) {
	_, _ = io.WriteString(w, "page:form_post")
}

func (textPages) LoggedOut(w http.ResponseWriter, _ *http.Request, _ *storage.Project, _ []string) {
	_, _ = io.WriteString(w, "page:logged_out")
}

func (textPages) FrontChannelLogout(w http.ResponseWriter, _ *http.Request, _ *storage.Project, f op.FrontChannelPage) {
	_, _ = io.WriteString(w, "page:front_channel "+f.Location)
}

func (textPages) CheckSession(w http.ResponseWriter, _ *http.Request, _ *storage.Project, cookie string) {
	_, _ = io.WriteString(w, "page:check_session "+cookie)
}

func (textPages) Home(w http.ResponseWriter, _ *http.Request, _ *storage.Project) {
	_, _ = io.WriteString(w, "page:home")
}

// browser follows redirects, keeps cookies and remembers every address it was at.
type browser struct {
	t      *testing.T
	w      *world
	client *http.Client
	trail  []string
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	b := &browser{t: t, w: w}
	jar, err := cookiejar.New(nil)
	check(t, err)
	b.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		b.trail = append(b.trail, r.URL.String())
		return nil
	}}
	return b
}

// page is an answer, with its text as a person reads it.
type page struct {
	status int
	url    *url.URL
	raw    string // as sent
	text   string // without its entities
	header http.Header
}

func (b *browser) send(r *http.Request) page {
	b.t.Helper()
	b.trail = []string{r.URL.String()}
	res, err := b.client.Do(r)
	check(b.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(b.t, err)
	return page{res.StatusCode, res.Request.URL, string(body), html.UnescapeString(string(body)), res.Header}
}

func (b *browser) get(target string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.w.at(target), nil)
	check(b.t, err)
	return b.send(r)
}

func (b *browser) post(target string, pairs ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.at(target), strings.NewReader(form.Encode()))
	check(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

func (w *world) at(target string) string {
	if strings.HasPrefix(target, "/") {
		return w.issuer + target
	}
	return target
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)

func (b *browser) action(p page) string {
	b.t.Helper()
	m := formAction.FindStringSubmatch(p.raw)
	if m == nil {
		b.t.Fatalf("no form at %s (%d):\n%s", p.url, p.status, p.text)
	}
	return html.UnescapeString(m[1])
}

// begin goes to the start page and sends its form.
func (b *browser) begin(pairs ...string) page {
	b.t.Helper()
	start := b.get(pathStart)
	if start.status != http.StatusOK {
		b.t.Fatalf("the start page is %d:\n%s", start.status, start.text)
	}
	return b.post(b.action(start), append([]string{"scope", defaultScope}, pairs...)...)
}

// signIn runs the flow as far as the result page.
func (b *browser) signIn(pairs ...string) page {
	b.t.Helper()
	login := b.begin(pairs...)
	result := b.post(b.action(login), "identifier", "alice@example.test", "password", testPassword)
	if result.url.Path != pathResult {
		b.t.Fatalf("ended at %s (%d):\n%s", result.url, result.status, result.text)
	}
	return result
}

func (b *browser) do(what string) page {
	b.t.Helper()
	return b.post(b.action(b.get(pathResult)), "do", what)
}

// run is the run of this browser, as the playground keeps it.
func (b *browser) run() *run {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.w.at(pathResult), nil)
	check(b.t, err)
	for _, c := range b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: b.w.play.host, Path: pathResult}) {
		r.AddCookie(c)
	}
	found, err := b.w.play.runs.find(r)
	check(b.t, err)
	return found
}

func (p page) want(t *testing.T, status int, words ...string) {
	t.Helper()
	if p.status != status {
		t.Fatalf("%s is %d, want %d:\n%s", p.url, p.status, status, p.text)
	}
	for _, w := range words {
		if !strings.Contains(p.text, w) {
			t.Fatalf("%s has no %q:\n%s", p.url, w, p.text)
		}
	}
}

func (p page) wantNot(t *testing.T, words ...string) {
	t.Helper()
	if i := slices.IndexFunc(words, func(w string) bool { return strings.Contains(p.text, w) }); i >= 0 {
		t.Fatalf("%s has %q:\n%s", p.url, words[i], p.text)
	}
}
