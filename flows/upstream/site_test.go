package upstream_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/consent"
	"github.com/elloloop/identity/flows/identify"
	"github.com/elloloop/identity/flows/logout"
	"github.com/elloloop/identity/flows/password"
	"github.com/elloloop/identity/flows/totp"
	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/memory"
	"github.com/elloloop/identity/templates"
)

// site is an engine with the upstream flow, on the memory driver and the real
// clock: the tokens of the stand-ins have times.
type site struct {
	t       *testing.T
	store   *storage.Store
	project *storage.Project
	flow    *upstream.Flow
	handler http.Handler
	engine  *flows.Engine
	client  *http.Client
	ahead   atomic.Int64 // of the engine's clock
	mails   bool         // letters leave
}

// later lets time pass for the engine alone.
func (s *site) later(d time.Duration) { s.ahead.Add(int64(d)) }

// drawn is read once: it draws every page in every language.
var drawn = sync.OnceValues(func() (*templates.Renderer, error) {
	return templates.New(templates.Config{Logger: slog.New(slog.DiscardHandler)})
})

func newSite(t *testing.T, presets map[storage.ProviderKind]upstream.Preset, configured ...upstream.Configured) *site {
	t.Helper()
	keys, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "k", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return newSiteOn(t, storage.New(memory.Open(storage.Schema(), memory.Config{Now: time.Now}), keys), presets, configured...)
}

func newSiteOn(t *testing.T, store *storage.Store, presets map[storage.ProviderKind]upstream.Preset, configured ...upstream.Configured) *site {
	t.Helper()
	p := &storage.Project{
		ID: "default", Issuer: "https://id.example", AuthorizationRequestTTL: time.Hour, SessionIdle: time.Hour, SessionMax: time.Hour,
		PasswordEnabled: true, SignupEnabled: true, RateLimitWindow: time.Minute, RateLimitLogin: 1000, RateLimitSignup: 1000, LoginMaxFailed: 5, LoginLockout: time.Minute,
	}
	s := &site{t: t, project: p, client: &http.Client{}, store: store}
	accounts := &flows.Accounts{Users: s.store.Users, Email: fold, Username: fold}
	s.flow = upstream.New(upstream.Config{
		Accounts: accounts, Stored: s.store.Providers, States: s.store.ProviderStates, Identities: s.store.OAuthIdentities, Invitations: s.store.UserInvitations,
		Client: s.client, Now: time.Now, Back: "identify", Presets: presets,
		Configured: func(*storage.Project) []upstream.Configured { return configured },
	})
	pages, err := drawn()
	if err != nil {
		t.Fatal(err)
	}
	s.engine, err = flows.New(flows.Config{
		SendsMail: func() bool { return s.mails }, Store: s.store, Pages: pages, Accounts: accounts, Logout: logout.New(),
		Now:      func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		Projects: func(*http.Request) (*storage.Project, error) { return p, nil },
		Flows: []flows.Flow{
			identify.New(identify.Config{Providers: s.flow.Buttons}),
			password.New(password.Config{Accounts: accounts, Credentials: s.store.PasswordCredentials, Hasher: hasher{}, Back: "identify"}),
			s.flow,
			totp.New(totp.Config{Credentials: s.store.TOTPCredentials}),
			consent.New(consent.Config{Consents: s.store.Consents, Users: s.store.Users}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = s.engine.Routes()
	return s
}

func fold(typed string) (shown, key string, err error) {
	if typed == "" || strings.ContainsAny(typed, " \t") {
		return "", "", errors.New("not an address")
	}
	return typed, strings.ToLower(typed), nil
}

type hasher struct{}

func (hasher) Verify(_ context.Context, hash storage.PasswordHash, pw string) (bool, bool, error) {
	return string(hash) == "plain:"+pw, false, nil
}

func (hasher) Hash(_ context.Context, pw string) (storage.PasswordHash, error) {
	return storage.PasswordHash("plain:" + pw), nil
}

// user makes an account with the password "correct horse".
func (s *site) user(email string, verified bool) *storage.User {
	s.t.Helper()
	u := &storage.User{ID: storage.NewSubject(), Email: email, EmailKey: email, EmailVerified: verified, Status: storage.UserActive, Role: "member"}
	c := s.store.PasswordCredentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: "plain:correct horse", SetAt: time.Now().UTC()})
	if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Add(u), c); err != nil {
		s.t.Fatal(err)
	}
	return u
}

// browser keeps cookies, as a browser does.
type browser struct {
	*site
	cookies map[string]string
	row     *storage.AuthorizationRequest
	at      string
}

// open begins an authorization request on a new browser.
func (s *site) open() *browser {
	b := &browser{site: s, cookies: map[string]string{}}
	b.begin()
	return b
}

func (b *browser) begin() {
	b.t.Helper()
	b.row = &storage.AuthorizationRequest{
		ID: storage.NewID(), ClientID: "app", RedirectURI: "https://app.example/callback", ResponseType: "code",
		Scope: []string{"openid"}, Client: storage.ClientDisplay{Name: "App", FirstParty: true}, Prompt: []string{"login"},
	}
	w := httptest.NewRecorder()
	var err error
	if b.at, err = b.engine.Begin(w, b.request(http.MethodGet, "/authorize", nil), b.project, b.row); err != nil {
		b.t.Fatal(err)
	}
	b.keep(w)
}

func (b *browser) request(method, target string, form url.Values) *http.Request {
	if !strings.HasPrefix(target, "http") {
		target = b.project.Issuer + target
	}
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

func (b *browser) keep(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
}

func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	b.keep(w)
	return w
}

func (b *browser) get(target string) *httptest.ResponseRecorder {
	return b.send(b.request(http.MethodGet, target, nil))
}

func (b *browser) post(target string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.send(b.request(http.MethodPost, target, form))
}

// leave goes to a provider and returns its authorization request.
func (b *browser) leave(provider string) *url.URL {
	b.t.Helper()
	w := b.get(b.at + "/upstream/" + provider)
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("departing: %d\n%.400s", w.Code, w.Body)
	}
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// visit follows the authorization request at the provider, and returns the URL
// that it sends the browser back to.
func (b *browser) visit(u *url.URL) string {
	b.t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(u.String())
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("Location")
}

// signIn goes to a provider and back.
func (b *browser) signIn(provider string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.get(b.visit(b.leave(provider)))
}

// who is signed in on this browser, "" when nobody is.
func (b *browser) who() string {
	b.t.Helper()
	list, err := b.engine.Sessions(b.request(http.MethodGet, "/", nil), b.project)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(list) == 0 {
		return ""
	}
	return list[0].UserID
}

func (s *site) identities(userID string) []*storage.OAuthIdentity {
	s.t.Helper()
	all, err := s.store.OAuthIdentities.OfUser(s.t.Context(), s.project.Scope(), userID)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// audited says whether an event of this kind, with this reason, was written.
func (s *site) audited(action, reason string) bool {
	s.t.Helper()
	l, err := s.store.AuditEvents.List(s.t.Context(), s.project.Scope(), storage.AuditFilter{Action: action}, storage.PageRequest{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range l.Items {
		if e.Reason == reason {
			return true
		}
	}
	return false
}
