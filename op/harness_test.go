package op

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
)

const (
	testIssuer   = "https://id.example.test"
	testRedirect = "https://rp.example.test/cb"
	testVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	testSecret   = "correcthorsebatterystaplecorrecthorse"
)

// clock is a clock that a test moves.
type clock struct{ micros atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.micros.Add(int64(d / time.Microsecond)) }

// browser stands where the flows are: what it says is what the person does.
type browser struct {
	store    *storage.Store
	session  *storage.Session              // nil: nobody is signed in
	needed   string                        // what Silent says is needed; "" with a session: nothing
	stored   *storage.AuthorizationRequest // what Begin was given, or what Resume answers
	ended    []string
	departed []*storage.Session // ended by the answer to the question
	stale    bool               // Resume answers what was stored, though it may be taken meanwhile
}

func (b *browser) Silent(_ *http.Request, _ *storage.Project, ar *storage.AuthorizationRequest) (string, error) {
	if b.session == nil {
		return "login", nil
	}
	if b.needed != "" {
		return b.needed, nil
	}
	b.fill(ar)
	return "", nil
}

func (b *browser) fill(ar *storage.AuthorizationRequest) {
	ar.Subject, ar.SessionID, ar.AuthTime = b.session.UserID, b.session.ID, b.session.AuthTime
	ar.AMR, ar.ACR, ar.Done = b.session.AMR, b.session.ACR, true
}

func (b *browser) Begin(_ http.ResponseWriter, r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest) (string, error) {
	b.stored = ar
	return "/interaction/" + ar.ID, b.store.AuthorizationRequests.Create(r.Context(), p.Scope(), ar)
}

func (b *browser) Resume(r *http.Request, p *storage.Project, id string) (*storage.AuthorizationRequest, error) {
	if b.stale {
		return b.stored, nil
	}
	return b.store.AuthorizationRequests.Get(r.Context(), p.Scope(), id)
}

func (b *browser) Sessions(r *http.Request, p *storage.Project) ([]*storage.Session, error) {
	if b.session == nil {
		return nil, nil
	}
	s, err := b.store.Sessions.Get(r.Context(), p.Scope(), b.session.ID) // with the clients that joined it
	return []*storage.Session{s}, err
}

func (b *browser) SignOut(_ http.ResponseWriter, r *http.Request, p *storage.Project, s *storage.Session) error {
	b.ended = append(b.ended, s.ID)
	b.session = nil
	return b.store.Commit(r.Context(), p.Scope(), b.store.Sessions.End(s.ID)...)
}

func (b *browser) ConfirmSignOut(_ *storage.Project, query string) string { return "/logout?" + query }

func (b *browser) BrowserState(http.ResponseWriter, *http.Request, *storage.Project, bool) (string, error) {
	if b.session == nil {
		return "", nil
	}
	return "state-of-" + b.session.ID, nil
}

func (b *browser) BrowserStateCookie(*storage.Project) string { return "state" }

func (b *browser) Departed(http.ResponseWriter, *http.Request, *storage.Project) []*storage.Session {
	left := b.departed
	b.departed = nil
	return left
}

// harness is a provider with a person and clients.
type harness struct {
	t       testing.TB
	op      *Provider
	repo    *failing
	store   *storage.Store
	project *storage.Project
	browser *browser
	clock   *clock
	user    *storage.User
	mux     http.Handler
	fetched *fetched
}

// fetched is what clients have at their URLs.
type fetched struct {
	bodies map[string]string
	asked  []string
}

// Fetch returns a body if it is not too long.
func (f *fetched) Fetch(_ context.Context, url string, limit int64) ([]byte, error) {
	f.asked = append(f.asked, url)
	body, ok := f.bodies[url]
	if !ok || int64(len(body)) > limit {
		return nil, fmt.Errorf("nothing to fetch at %s", url)
	}
	return []byte(body), nil
}

// failing is a repository whose n-th Commit from now fails, if n is not 0.
type failing struct {
	graph.Repository
	in atomic.Int64
}

func (f *failing) Commit(ctx context.Context, s graph.Scope, ops ...graph.Op) (graph.Result, error) {
	if f.in.Load() > 0 && f.in.Add(-1) == 0 {
		return nil, graph.ErrUnavailable
	}
	return f.Repository.Commit(ctx, s, ops...)
}

func testProject() *storage.Project {
	return &storage.Project{
		ID: "default", Issuer: testIssuer, AuthorizationCodeTTL: time.Minute, AuthorizationRequestTTL: 30 * time.Minute,
		AccessTokenTTL: 15 * time.Minute, IDTokenTTL: 15 * time.Minute, RefreshTokenTTL: 7 * 24 * time.Hour,
		RefreshGrace: 30 * time.Second, SessionIdle: 24 * time.Hour, SessionMax: 30 * 24 * time.Hour,
		RequirePKCE: true, RateLimitWindow: time.Minute, RateLimitClientAuth: 60,
	}
}

func newHarness(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t, clock: &clock{}, project: testProject()}
	h.clock.micros.Store(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	h.repo = &failing{Repository: openRepository(t, h.clock.now)}
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	h.store = storage.New(h.repo, ring)
	h.browser, h.fetched = &browser{store: h.store}, &fetched{bodies: map[string]string{}}
	keys := NewKeys(h.store, h.clock.now, slog.New(slog.DiscardHandler))
	h.must(seedKeys(h.store, h.project))
	h.op, err = New(Config{
		Store: h.store, Projects: func(*http.Request) (*storage.Project, error) { return h.project, nil },
		Interactions: h.browser, Browsers: h.browser, Pages: plainPages{}, Keys: keys, Now: h.clock.now,
		ACRValues: func(*storage.Project) []string { return []string{"pwd"} }, UILocales: []string{"en", "de"}, Fetch: h.fetched,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := chi.NewRouter()
	h.op.Mount(mux)
	h.mux = mux
	h.signIn()
	return h
}

// testKeys are made once: RSA keys take time. They are sealed for the project and
// the key-encryption key that every harness has.
var testKeys = sync.OnceValues(func() ([]*storage.SigningKey, error) {
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "test", Key: make([]byte, 32)})
	if err != nil {
		return nil, err
	}
	store := storage.New(memory.Open(storage.Schema(), memory.Config{}), ring)
	if err := NewKeys(store, time.Now, slog.New(slog.DiscardHandler)).Ensure(context.Background(), testProject()); err != nil {
		return nil, err
	}
	return store.SigningKeys.List(context.Background(), testProject().Scope())
})

func seedKeys(store *storage.Store, p *storage.Project) error {
	keys, err := testKeys()
	if err != nil {
		return err
	}
	return store.SigningKeys.Rotate(context.Background(), p.Scope(), keys, nil)
}

// signIn makes an account with every standard claim and a session for it.
func (h *harness) signIn() { h.signInAs("Jane@example.test") }

func (h *harness) signInAs(email string) {
	now := h.clock.now()
	h.user = &storage.User{
		ID: storage.NewSubject(), Email: email, EmailKey: strings.ToLower(email), EmailVerified: true, Username: "jane",
		UsernameKey: strings.ToLower(email), Status: storage.UserActive, Name: "Jane Doe", GivenName: "Jane", FamilyName: "Doe", MiddleName: "M",
		Nickname: "J", Profile: "https://example.test/jane", Picture: "https://example.test/jane.png", Website: "https://jane.example.test",
		Gender: "female", Birthdate: "1990-01-02", Zoneinfo: "Europe/Berlin", Locale: "de-DE", PhoneNumber: "+15555550100",
		PhoneNumberVerified: true, Address: &storage.Address{Formatted: "1 Street"}, ProfileUpdatedAt: now,
	}
	h.must(h.store.Commit(h.t.Context(), h.project.Scope(), h.store.Users.Add(h.user)))
	h.signInAgain()
}

// signInAgain begins another session of the same person.
func (h *harness) signInAgain() {
	now := h.clock.now()
	h.browser.session = &storage.Session{
		ID: storage.NewID(), SecretHash: storage.DigestOf(storage.NewSecret()), UserID: h.user.ID, AuthTime: now, AMR: []string{"pwd"},
		ACR: "pwd", LastSeen: now, EndsAt: now.Add(h.project.SessionMax), ExpiresAt: now.Add(h.project.SessionIdle),
	}
	h.must(h.store.Commit(h.t.Context(), h.project.Scope(), h.store.Sessions.Start(h.browser.session)...))
}

func (h *harness) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// client registers a confidential web client, changed as the test wants.
func (h *harness) client(id string, change func(*storage.Client)) *storage.Client {
	h.t.Helper()
	c := &storage.Client{
		ID: id, Name: id, ApplicationType: "web", RedirectURIs: []string{testRedirect},
		PostLogoutRedirectURIs: []string{"https://rp.example.test/bye"},
		GrantTypes:             []string{"authorization_code", "refresh_token", "client_credentials"}, ResponseTypes: []string{"code"},
		Secrets: []storage.ClientSecret{{Digest: storage.DigestOf(testSecret), CreatedAt: h.clock.now()}},
	}
	if change != nil {
		change(c)
	}
	h.must(h.store.Clients.Create(h.t.Context(), h.project.Scope(), c, ClientOrigins(c)))
	return c
}

// get sends a GET request with a query.
func (h *harness) get(path string, query url.Values) *http.Response {
	return h.send(httptest.NewRequest(http.MethodGet, testIssuer+path+"?"+query.Encode(), nil))
}

// post sends a form as a client that authenticates with Basic, "" for none.
func (h *harness) post(path, client string, form url.Values) *http.Response {
	r := httptest.NewRequest(http.MethodPost, testIssuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, testSecret)
	}
	return h.send(r)
}

func (h *harness) send(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func object(t testing.TB, res *http.Response) map[string]any {
	t.Helper()
	var out map[string]any
	if body := text(t, res); json.Unmarshal([]byte(body), &out) != nil {
		t.Fatalf("no JSON object: %d %q", res.StatusCode, body)
	}
	return out
}

func authorizeQuery(client string) url.Values {
	sum := sha256.Sum256([]byte(testVerifier))
	return url.Values{
		"client_id": {client}, "redirect_uri": {testRedirect}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {"af0ifjsldkj"}, "nonce": {"n-0S6_WzA2Mj"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
}

// with returns the query with changes; nil removes a parameter.
func with(q url.Values, change url.Values) url.Values {
	out := url.Values{}
	for k, v := range q {
		out[k] = v
	}
	for k, v := range change {
		if v == nil {
			out.Del(k)
			continue
		}
		out[k] = v
	}
	return out
}

// location returns where a redirect leads and what it carries.
func location(t testing.TB, res *http.Response) (string, url.Values) {
	t.Helper()
	u, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("no 303: %d %q %s", res.StatusCode, res.Header.Get("Location"), text(t, res))
	}
	q := u.Query()
	u.RawQuery = ""
	return u.String(), q
}

// code gets a code for a client.
func (h *harness) code(client string, change url.Values) string {
	h.t.Helper()
	_, q := location(h.t, h.get(pathAuthorize, with(authorizeQuery(client), change)))
	if q.Get("code") == "" {
		h.t.Fatalf("no code: %v", q)
	}
	return q.Get("code")
}

func codeForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {testRedirect}, "code_verifier": {testVerifier}}
}

// tokens gets the tokens of a new code.
func (h *harness) tokens(client string, change url.Values) map[string]any {
	h.t.Helper()
	res := h.post(pathToken, client, codeForm(h.code(client, change)))
	if res.StatusCode != http.StatusOK {
		h.t.Fatalf("token: %d %s", res.StatusCode, text(h.t, res))
	}
	return object(h.t, res)
}

// claimsOf reads the payload of a JWT, which another test verifies.
func claimsOf(t testing.TB, jwt any) map[string]any {
	t.Helper()
	parts := strings.Split(jwt.(string), ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWS", jwt)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	var out map[string]any
	if err != nil || json.Unmarshal(b, &out) != nil {
		t.Fatalf("payload of %q cannot be read", jwt)
	}
	return out
}

// fuzzHarness is a harness with a client, made once for all inputs.
func fuzzHarness(f *testing.F) *harness {
	h := newHarness(f)
	h.client("rp", nil)
	return h
}
