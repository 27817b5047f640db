package flows_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/account"
	"github.com/elloloop/identity/flows/passkey"
	"github.com/elloloop/identity/flows/recoverycode"
	"github.com/elloloop/identity/flows/totp"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// ownKeys and ownFactors are wired as cmd/identity does it.
type ownKeys struct{ passkey.Config }

func (o ownKeys) Offer(ctx context.Context, m *flows.Member) (json.RawMessage, error) {
	r, err := o.NewRegistration(ctx, m.Project, m.User.ID, m.Now, m.Occasion()...)
	if err != nil {
		return nil, err
	}
	return r.Options(ctx)
}

func (o ownKeys) Add(ctx context.Context, m *flows.Member, credential string) (*storage.PasskeyCredential, []storage.Change, string, error) {
	r, err := o.NewRegistration(ctx, m.Project, m.User.ID, m.Now, m.Occasion()...)
	if err != nil {
		return nil, nil, "", err
	}
	return r.Finish(ctx, credential)
}

func (o ownKeys) Signal(ctx context.Context, m *flows.Member) (json.RawMessage, error) {
	s, err := o.Config.Signal(ctx, m.Project, m.User)
	if err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

type ownFactors struct{ s *storage.Store }

func (o ownFactors) App(_ context.Context, m *flows.Member) (templates.TOTPEnrolment, error) {
	return totp.NewEnrolment([]byte("k"), m.User.ID, m.Occasion()...).View("test", flows.Label(m.User))
}

func (o ownFactors) Match(_ context.Context, m *flows.Member, code string) ([]storage.Change, error) {
	e := totp.NewEnrolment([]byte("k"), m.User.ID, m.Occasion()...)
	step, err := e.Match(code, m.Now)
	if err != nil || step == 0 {
		return nil, err
	}
	return e.Store(o.s.TOTPCredentials, m.Project.Scope(), m.User.ID, step, m.Now), nil
}

func (o ownFactors) Codes(_ context.Context, m *flows.Member) ([]string, error) {
	return recoverycode.NewSet([]byte("k"), m.User.ID, m.Occasion()...).Shown(), nil
}

func (o ownFactors) Keep(ctx context.Context, m *flows.Member) ([]storage.Change, error) {
	c := recoverycode.Config{Codes: o.s.RecoveryCodes, Secrets: o.s.ProjectSecrets}
	return c.Store(ctx, m.Project.Scope(), m.User.ID, recoverycode.NewSet([]byte("k"), m.User.ID, m.Occasion()...))
}

// newHome is a site with the pages of the account.
func newHome(t *testing.T, change ...func(*storage.Project)) *site {
	t.Helper()
	s := newSite(t, append([]func(*storage.Project){func(p *storage.Project) { p.SignIn.PasskeysEnabled = true }}, change...)...)
	rooms := s.engine.Rooms(account.Rooms(account.Config{
		Store: s.store, Hasher: s.hasher, Username: fold, MaxLength: 1024, Mailbox: s.mailbox(), Factors: ownFactors{s.store},
		Passkeys: ownKeys{passkey.Config{Credentials: s.store.PasskeyCredentials, Secrets: s.store.ProjectSecrets, Users: s.store.Users}},
		Policy: func(pw string, least int, _ ...string) *flows.Problem {
			if len(pw) < least {
				return &flows.Problem{Message: "problem.password_short", Field: "password", Data: map[string]any{"Min": least}}
			}
			return nil
		},
	}))
	interactions := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/account") {
			rooms.ServeHTTP(w, r)
			return
		}
		interactions.ServeHTTP(w, r)
	})
	return s
}

var (
	tokenIn = regexp.MustCompile(`name="form_token" value="([^"]+)"`)
	offerIn = regexp.MustCompile(`name="offer" value="([^"]+)"`)
)

func found(t *testing.T, re *regexp.Regexp, w *httptest.ResponseRecorder) string {
	t.Helper()
	m := re.FindStringSubmatch(w.Body.String())
	if m == nil {
		t.Fatalf("the page, %d, has no %s:\n%.800s", w.Code, re, w.Body)
	}
	return m[1]
}

// form sends the form of a page: every page of a session has the same token.
func (b *browser) form(page string, pairs ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.post(page, append(pairs, "form_token", found(b.t, tokenIn, b.get("/account/sessions")))...)
}

// object reads a page as JSON.
func (b *browser) object(page string, into any) {
	b.t.Helper()
	b.header.Set("Accept", "application/json")
	defer b.header.Del("Accept")
	w := b.get(page)
	if err := json.Unmarshal(w.Body.Bytes(), &struct{ View any }{into}); err != nil || w.Code != http.StatusOK {
		b.t.Fatalf("%s: %d %v %s", page, w.Code, err, w.Body)
	}
}

var everyPage = []string{
	"/account", "/account/profile", "/account/email", "/account/phone", "/account/security", "/account/password", "/account/passkey", "/account/authenticator",
	"/account/recovery-codes", "/account/sessions", "/account/apps", "/account/activity", "/account/data",
}

// TestAccountSignIn: who is not signed in goes through a sign-in that is no
// client's, and comes back to the page.
func TestAccountSignIn(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	for _, page := range everyPage {
		b := s.browser()
		location := b.get(page).Header().Get("Location")
		if !strings.HasPrefix(location, "/interaction/") {
			t.Fatalf("%s led to %q", page, location)
		}
		id := strings.TrimPrefix(location, "/interaction/")
		if row := s.row(id); row.ClientID != "" || row.ReturnTo != page {
			t.Fatalf("%s: %+v", page, row)
		}
		wantRedirect(t, b.post(location+"/identify", "identifier", u.Email, "password", "correct horse"), page)
		wantPage(t, b.get(page), http.StatusOK, `aria-label="Account"`)
		if _, err := b.resume(id); err == nil {
			t.Errorf("%s: the protocol would answer a request that no client made", page)
		}
	}
	b := s.browser()
	wantPage(t, b.post("/account/sessions", "do", "everywhere"), http.StatusSeeOther)
	wantPage(t, b.get("/account/nothing"), http.StatusNotFound)
}

// TestAccountReturn: S1-12, the row never leads the browser to another site.
func TestAccountReturn(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	for target, want := range map[string]string{
		"/account/password": "/account/password", "/account": "/account", "/account/activity?before=1": "/account/activity?before=1",
		"//evil.example/account": "/account", "https://evil.example/account": "/account", `/\evil.example`: "/account",
		"/account/../../evil": "/account", "/account//evil.example": "/account", "/accounts": "/account", "/account/\t/evil": "/account",
		`/account/\evil.example`: "/account", "/account#x": "/account", "javascript:alert(1)": "/account", "/authorize/resume": "/account",
	} {
		b := s.browser()
		at := b.begin(&storage.AuthorizationRequest{ReturnTo: target, Client: storage.ClientDisplay{FirstParty: true}})
		w := b.post(at+"/identify", "identifier", u.Email, "password", "correct horse")
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("S1-12/return-to: %q led to %q, want %q", target, got, want)
		}
	}
}

// TestAccountStepUp: S3-14, an old session changes nothing that matters.
func TestAccountStepUp(t *testing.T) {
	guarded := map[string][]string{ // what is sent
		"/account/password":       {"password", "another password"},
		"/account/passkey":        {"credential", "{}"},
		"/account/authenticator":  {"code", "123456"},
		"/account/recovery-codes": {"saved", "1"},
		"/account/security":       {"do", "remove-app"},
		"/account/data":           {"do", "export"},
	}
	for page, sent := range guarded {
		t.Run("S3-14/old-session"+page, func(t *testing.T) {
			s := newHome(t)
			u := s.user("alice")
			b := s.browser()
			b.signIn(u)
			token := found(t, tokenIn, b.get("/account/sessions"))
			s.pass(6 * time.Minute)
			before := s.dump()
			w := b.post(page, append(sent, "form_token", token)...)
			at := w.Header().Get("Location")
			if !strings.HasPrefix(at, "/interaction/") {
				t.Fatalf("%d to %q: %.300s", w.Code, at, w.Body)
			}
			for _, line := range strings.Split(s.dump(), "\n") {
				if !strings.Contains(before, line) && !strings.HasPrefix(line, "AuthorizationRequest") && !strings.HasPrefix(line, "Session ") {
					t.Errorf("an old session changed: %s", line)
				}
			}
			// The same session, proven again, comes back to where the person was.
			wantPage(t, b.get(at), http.StatusOK)
			wantRedirect(t, b.post(at+"/identify", "identifier", u.Email, "password", "correct horse"), page)
			wantPage(t, b.get(page), http.StatusOK, `aria-label="Account"`)
		})
	}
	t.Run("S3-14/weaker-factor", func(t *testing.T) {
		s := newHome(t)
		u := s.user("alice")
		b := s.browser()
		b.signIn(u) // by password, before there was an app
		changes := s.store.TOTPCredentials.First(s.project.Scope(), u.ID, []byte("12345678901234567890"), 1, s.now())
		if err := s.store.Commit(t.Context(), s.project.Scope(), changes...); err != nil {
			t.Fatal(err)
		}
		at := b.get("/account/password").Header().Get("Location")
		if !strings.HasPrefix(at, "/interaction/") {
			t.Fatal("the password alone changes an account with two factors")
		}
		w := b.post(at+"/identify", "identifier", u.Email, "password", "correct horse")
		if got := w.Header().Get("Location"); got != at {
			t.Errorf("the password alone led to %q", got)
		}
	})
	t.Run("S3-14/another-person", func(t *testing.T) {
		s := newHome(t)
		u, other := s.user("alice"), s.user("bob")
		b := s.browser()
		b.signIn(u)
		s.pass(6 * time.Minute)
		at := b.get("/account/password").Header().Get("Location")
		wantRedirect(t, b.post(at+"/identify", "identifier", other.Email, "password", "correct horse"), "/account")
	})
}

// TestAccountForms: S3-18, nobody else's page sends a form of ours.
func TestAccountForms(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	b := s.browser()
	b.signIn(u)
	token := found(t, tokenIn, b.get("/account/sessions"))
	live := func() int { return len(b.sessions()) }

	b.header.Set("Sec-Fetch-Site", "cross-site")
	b.header.Set("Origin", "https://evil.example")
	wantPage(t, b.post("/account/sessions", "do", "everywhere", "form_token", token), http.StatusForbidden)
	b.header.Del("Sec-Fetch-Site")
	b.header.Del("Origin")
	for name, sent := range map[string]string{"none": "", "foreign": found(t, tokenIn, func() *httptest.ResponseRecorder {
		c := s.browser()
		c.signIn(u)
		return c.get("/account/sessions")
	}())} {
		if w := b.post("/account/sessions", "do", "everywhere", "form_token", sent); w.Code != http.StatusForbidden || live() != 1 {
			t.Errorf("S3-18/form-token-%s: %d, %d sessions", name, w.Code, live())
		}
	}
	r := b.request(http.MethodPost, "/account/sessions", values("do", "everywhere", "form_token", token))
	r.Header.Set("Content-Type", "text/plain")
	if w := b.send(r); w.Code != http.StatusUnsupportedMediaType || live() != 1 {
		t.Errorf("S3-18/content-type: %d, %d sessions", w.Code, live())
	}
	wantRedirect(t, b.post("/account/sessions", "do", "everywhere", "form_token", token), "/account/left")
	if live() != 0 {
		t.Error("still signed in")
	}
	wantPage(t, b.get("/account/left"), http.StatusOK, "signed out everywhere")
}
