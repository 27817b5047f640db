package flows_test

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/elloloop/identity/flows/account"
	"github.com/elloloop/identity/flows/consent"
	"github.com/elloloop/identity/flows/emailcode"
	"github.com/elloloop/identity/flows/help"
	"github.com/elloloop/identity/flows/identify"
	"github.com/elloloop/identity/flows/invite"
	"github.com/elloloop/identity/flows/logout"
	"github.com/elloloop/identity/flows/magiclink"
	"github.com/elloloop/identity/flows/passkey"
	"github.com/elloloop/identity/flows/password"
	"github.com/elloloop/identity/flows/phonecode"
	"github.com/elloloop/identity/flows/qr"
	"github.com/elloloop/identity/flows/recover"
	"github.com/elloloop/identity/flows/recoverycode"
	"github.com/elloloop/identity/flows/register"
	"github.com/elloloop/identity/flows/selectaccount"
	"github.com/elloloop/identity/flows/terms"
	"github.com/elloloop/identity/flows/totp"
	"github.com/elloloop/identity/flows/verify"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/templates"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// site is a whole engine.
type site struct {
	t       *testing.T
	store   *storage.Store
	repo    *breakable
	project *storage.Project
	engine  *flows.Engine
	handler http.Handler
	hasher  *hasher
	clock   *atomic.Int64 // nanoseconds since noon
}

// sitePages are read once: a renderer does not change, and reading takes longer than
// most tests.
var sitePages = sync.OnceValues(func() (*templates.Renderer, error) {
	return templates.New(templates.Config{Logger: slog.New(slog.DiscardHandler)})
})

func newSite(t *testing.T, change ...func(*storage.Project)) *site {
	t.Helper()
	clock := &atomic.Int64{}
	now := func() time.Time { return noon.Add(time.Duration(clock.Load())) }
	repo := &breakable{Repository: openRepository(t, now)}
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "k", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	p := &storage.Project{
		ID: "default", Issuer: "https://id.example", AuthorizationRequestTTL: time.Hour,
		SessionIdle: 24 * time.Hour, SessionMax: 7 * 24 * time.Hour,
		PasswordEnabled: true, SignupEnabled: true, PasswordMinLength: 8,
		LoginMaxFailed: 5, LoginLockout: 15 * time.Minute,
		RateLimitWindow: time.Minute, RateLimitLogin: 1000, RateLimitSignup: 1000,
	}
	for _, f := range change {
		f(p)
	}
	s := &site{t: t, store: storage.New(repo, ring), repo: repo, project: p, hasher: &hasher{}, clock: clock}
	pages, err := sitePages()
	if err != nil {
		t.Fatal(err)
	}
	accounts := &flows.Accounts{Users: s.store.Users, Email: fold, Username: fold}
	pw := password.New(password.Config{Accounts: accounts, Credentials: s.store.PasswordCredentials, Hasher: s.hasher, Back: "identify"})
	keys := passkey.Config{Credentials: s.store.PasskeyCredentials, Secrets: s.store.ProjectSecrets, Users: s.store.Users, Back: "identify", Help: "help"}
	pass := passkey.New(keys)
	box := s.mailbox()
	judge := func(pw string, least int, _ ...string) *flows.Problem {
		if len(pw) < least {
			return &flows.Problem{Message: "problem.password_short", Field: "password", Data: map[string]any{"Min": least}}
		}
		return nil
	}
	recovery := recoverycode.Config{Codes: s.store.RecoveryCodes, Secrets: s.store.ProjectSecrets, Back: "totp", Help: "help"}
	device := qr.Config{Logins: s.store.QRLogins, Secrets: s.store.ProjectSecrets, Sessions: s.store.Sessions}
	s.engine, err = flows.New(flows.Config{
		Store: s.store, Pages: pages, Accounts: accounts, Now: now,
		Projects: func(*http.Request) (*storage.Project, error) { return p, nil },
		Flows: []flows.Flow{
			selectaccount.New(),
			register.New(register.Config{
				Accounts: accounts, Credentials: s.store.PasswordCredentials, Hasher: s.hasher, SignIn: "identify",
				Policy: judge, Mailbox: box, Tokens: s.store.EmailVerifications, Passkeys: passkey.NewNewcomer(keys),
			}),
			qr.New(device),
			identify.New(identify.Config{Passkey: pass.Options, With: pw, Register: "register", Choose: "selectaccount", Device: "qr"}),
			pw,
			pass,
			phonecode.New(phonecode.Config{Users: s.store.Users, Codes: s.store.PhoneCodes, Outbox: s.store.Outbox, Secrets: s.store.ProjectSecrets, Back: "identify"}),
			emailcode.New(emailcode.Config{Mailbox: box, Codes: s.store.EmailLoginCodes, Back: "identify"}),
			magiclink.New(magiclink.Config{Mailbox: box, Tokens: s.store.MagicLinkTokens, Back: "identify"}),
			recover.New(recover.Config{
				Mailbox: box, Tokens: s.store.PasswordResets, Credentials: s.store.PasswordCredentials, Hasher: s.hasher, Policy: judge,
			}),
			help.New(help.Config{Mailbox: box, Requests: s.store.HelpRequests, Directory: s.store.UserDirectory, Back: "identify"}),
			account.NewEmailChange(s.store, box),
			invite.New(invite.Config{
				Invitations: s.store.UserInvitations, Users: s.store.Users, Tenants: s.store.Tenants, Credentials: s.store.PasswordCredentials,
				Hasher: s.hasher, Policy: judge,
			}),
			totp.New(totp.Config{Credentials: s.store.TOTPCredentials, Instead: "recoverycode", Help: "help"}),
			recoverycode.New(recovery),
			totp.NewEnrol(totp.EnrolConfig{Credentials: s.store.TOTPCredentials, Secrets: s.store.ProjectSecrets, Users: s.store.Users}),
			recoverycode.NewIssue(recovery, "totp", "enroltotp"),
			verify.New(verify.Config{Mailbox: box, Tokens: s.store.EmailVerifications, Sessions: s.store.Sessions}),
			terms.New(s.store.Users),
			passkey.NewAdd(keys, s.store.Reminders, s.store.TOTPCredentials),
			consent.New(consent.Config{Consents: s.store.Consents, Users: s.store.Users}),
		},
		Logout: logout.New(), Approval: qr.NewApprove(device), SendsMail: func() bool { return true }, PublicMailDomains: []string{"ISP.test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = s.engine.Routes()
	return s
}

func fold(typed string) (shown, key string, err error) {
	if strings.ContainsAny(typed, " \t") || typed == "" {
		return "", "", errors.New("not an address")
	}
	return typed, strings.ToLower(typed), nil
}

func (s *site) pass(d time.Duration) { s.clock.Add(int64(d)) }
func (s *site) now() time.Time       { return noon.Add(time.Duration(s.clock.Load())) }

// user makes an account with the password "correct horse".
func (s *site) user(name string) *storage.User {
	s.t.Helper()
	u := &storage.User{
		ID: storage.NewSubject(), Email: name + "@example.test", EmailKey: name + "@example.test",
		Name: name, Status: storage.UserActive, Role: "member",
	}
	cred := s.store.PasswordCredentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: plainHash("correct horse"), SetAt: noon})
	if err := s.store.Commit(s.t.Context(), s.project.Scope(), s.store.Users.Add(u), cred); err != nil {
		s.t.Fatal(err)
	}
	stored, err := s.store.Users.Get(s.t.Context(), s.project.Scope(), u.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return stored
}

// request is an authorization request of the operator's own client.
func request(change ...func(*storage.AuthorizationRequest)) *storage.AuthorizationRequest {
	ar := &storage.AuthorizationRequest{
		ID: storage.NewID(), ClientID: "app", RedirectURI: "https://app.example/callback", ResponseType: "code",
		Scope: []string{"openid", "email"}, Client: storage.ClientDisplay{Name: "App", FirstParty: true},
	}
	for _, f := range change {
		f(ar)
	}
	return ar
}

func thirdParty(ar *storage.AuthorizationRequest) { ar.Client.FirstParty = false }

func prompt(values ...string) func(*storage.AuthorizationRequest) {
	return func(ar *storage.AuthorizationRequest) { ar.Prompt = values }
}

// browser keeps cookies, as a browser does.
type browser struct {
	*site
	cookies map[string]string
	header  http.Header
	ip      string
}

func (s *site) browser() *browser {
	return &browser{site: s, cookies: map[string]string{}, header: http.Header{}, ip: "192.0.2.1:4711"}
}

func (b *browser) request(method, target string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, "https://id.example"+target, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.ip
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range b.header {
		r.Header[k] = v
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

func (b *browser) keep(w *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return w
}

func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return b.keep(w)
}

func (b *browser) get(target string) *httptest.ResponseRecorder {
	return b.send(b.request(http.MethodGet, target, nil))
}

func (b *browser) post(target string, pairs ...string) *httptest.ResponseRecorder {
	return b.send(b.request(http.MethodPost, target, values(pairs...)))
}

func values(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// begin stores a request for this browser and returns where it goes on.
func (b *browser) begin(ar *storage.AuthorizationRequest) string {
	b.t.Helper()
	w := httptest.NewRecorder()
	location, err := b.engine.Begin(w, b.request(http.MethodGet, "/authorize", nil), b.project, ar)
	if err != nil {
		b.t.Fatal(err)
	}
	b.keep(w)
	return location
}

func (b *browser) silent(ar *storage.AuthorizationRequest) string {
	b.t.Helper()
	needed, err := b.engine.Silent(b.request(http.MethodGet, "/authorize", nil), b.project, ar)
	if err != nil {
		b.t.Fatal(err)
	}
	return needed
}

func (b *browser) resume(id string) (*storage.AuthorizationRequest, error) {
	return b.engine.Resume(b.request(http.MethodGet, "/authorize/resume", nil), b.project, id)
}

func (b *browser) sessions() []*storage.Session {
	b.t.Helper()
	list, err := b.engine.Sessions(b.request(http.MethodGet, "/", nil), b.project)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// signIn signs an account in on this browser, by a request of its own.
func (b *browser) signIn(u *storage.User) *storage.Session {
	b.t.Helper()
	ar := request(prompt("login"))
	location := b.begin(ar)
	w := b.post(location+"/identify", "identifier", u.Email, "password", "correct horse")
	wantRedirect(b.t, w, "/authorize/resume?id="+ar.ID)
	return b.sessions()[0]
}

func (s *site) row(id string) *storage.AuthorizationRequest {
	s.t.Helper()
	row, err := s.store.AuthorizationRequests.Get(s.t.Context(), s.project.Scope(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return row
}

// actions are the audited actions of a kind, with their reasons.
func (s *site) actions(filter string) []string {
	s.t.Helper()
	list, err := s.store.AuditEvents.List(s.t.Context(), s.project.Scope(), storage.AuditFilter{Action: filter}, storage.PageRequest{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, e := range list.Items {
		out = append(out, strings.TrimSuffix(e.Action+":"+e.Reason, ":"))
	}
	return out
}

func wantRedirect(t *testing.T, w *httptest.ResponseRecorder, location string) {
	t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != location {
		t.Fatalf("got %d to %q, want 303 to %q; body:\n%.600s", w.Code, w.Header().Get("Location"), location, w.Body)
	}
}

func wantPage(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("got %d to %q, want %d; body:\n%.600s", w.Code, w.Header().Get("Location"), status, w.Body)
	}
	for _, word := range words {
		if !strings.Contains(w.Body.String(), word) {
			t.Fatalf("the page has no %q:\n%s", word, w.Body)
		}
	}
}

// breakable is a repository whose n-th Commit from now fails, and that counts
// what is read.
type breakable struct {
	graph.Repository
	countdown, reads atomic.Int64
}

func (b *breakable) Get(ctx context.Context, s graph.Scope, t graph.TypeID, id string) (graph.Node, error) {
	b.reads.Add(1)
	return b.Repository.Get(ctx, s, t, id)
}

func (b *breakable) Lookup(ctx context.Context, s graph.Scope, k graph.Key) (graph.Node, error) {
	b.reads.Add(1)
	return b.Repository.Lookup(ctx, s, k)
}

func (b *breakable) Commit(ctx context.Context, s graph.Scope, ops ...graph.Op) (graph.Result, error) {
	if b.countdown.Add(-1) == 0 {
		return nil, graph.ErrUnavailable
	}
	return b.Repository.Commit(ctx, s, ops...)
}

// dump is everything that is stored in the project, but counters.
func (s *site) dump() string {
	s.t.Helper()
	var b strings.Builder
	for _, typ := range storage.Schema().Types {
		page, err := s.repo.List(s.t.Context(), s.project.Scope(), graph.Query{Type: typ.ID, Limit: graph.MaxLimit})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, n := range page.Nodes {
			fmt.Fprintf(&b, "%s %s v%d %s\n", typ.Name, n.ID, n.Version, n.Data)
		}
	}
	return b.String()
}

func (s *site) mailbox() *flows.Mailbox {
	return &flows.Mailbox{
		Accounts: &flows.Accounts{Users: s.store.Users, Email: fold, Username: fold}, Users: s.store.Users, Outbox: s.store.Outbox, Secrets: s.store.ProjectSecrets, Invitations: s.store.UserInvitations,
	}
}
