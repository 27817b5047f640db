package playground

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/op"
)

func TestClientIsValid(t *testing.T) {
	for _, fault := range op.ValidateClient(Client("http://localhost:8080")) {
		t.Error(fault)
	}
}

// TestPlayground signs in at a real provider with a browser that follows redirects
// and sends forms.
func TestPlayground(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"start-page", startPage}, {"full-flow", fullFlow}, {"refresh", refresh}, {"userinfo", userinfo},
		{"RFC7662-2.1/introspect", introspect}, {"RFC7009-2/revoke", revoke}, {"logout", logOut},
		{"RFC7636-4.6/wrong-verifier", wrongVerifier}, {"RFC6749-4.1.2/reused-code", reusedCode},
		{"RFC6749-10.12/wrong-state", wrongState}, {"RFC6749-10.12/other-browser", otherBrowser},
		{"RFC9207-2.4/wrong-iss", wrongIssuer}, {"RFC9207-2.4/no-iss", noIssuer},
		{"OIDCCore-3.1.2.6/provider-error", providerError}, {"answered-once", answeredOnce}, {"neither-code-nor-error", emptyAnswer},
		{"without-openid", withoutOpenID}, {"cross-origin", crossOrigin}, {"numeric-address", otherHost},
		{"provider-down", providerDown}, {"expired-run", expiredRun}, {"huge-form", hugeForm},
	} {
		t.Run(row.name, func(t *testing.T) { row.test(t, w) })
	}
}

func startPage(t *testing.T, w *world) {
	p := w.browser(t).get(pathStart)
	p.want(t, http.StatusOK, w.issuer+"/authorize?", "code_challenge_method", "S256", "redirect_uri", w.issuer+pathCallback,
		"response_type", "nonce", "state", defaultScope)
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, w.issuer) {
		t.Errorf("Content-Security-Policy: %s", csp)
	}
	if strings.Contains(p.raw, "<script>") || strings.Contains(p.raw, " style=") {
		t.Error("there is inline script or style")
	}
}

func fullFlow(t *testing.T, w *world) {
	b := w.browser(t)
	p := b.signIn()
	p.want(t, http.StatusOK, "curl '"+w.issuer+"/oauth/token'", "code_verifier=", "grant_type=authorization_code", `class="ok"`,
		"Alice Example", `"email": "alice@example.test"`, "at+jwt", "RS256", w.issuer+"/authorize?", "Bearer ")
	p.wantNot(t, `class="bad"`, "did not work")
	for _, name := range []string{"signature", "iss", "aud", "nonce", "exp", "iat", "at_hash", "state", "iss_response"} {
		if !ticked(b.run(), name) {
			t.Errorf("no tick for %s", name)
		}
	}
	if p.url.String() != w.issuer+pathResult {
		t.Errorf("the address bar has %s", p.url)
	}
	if !strings.Contains(strings.Join(b.trail, "\n"), pathCallback+"?code=") {
		t.Errorf("the code did not come by the callback: %q", b.trail)
	}
}

func ticked(r *run, name string) bool {
	for _, c := range r.view().Checks {
		if c.Name == name {
			return c.OK
		}
	}
	return false
}

func refresh(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	first := *b.run().token
	b.do("refresh").want(t, http.StatusOK, "grant_type=refresh_token", "client_id=playground")
	r := b.run()
	if r.token.RefreshToken == first.RefreshToken || r.token.AccessToken == first.AccessToken {
		t.Error("the tokens are the old ones")
	}
	if r.problem != "" || !ticked(r, "sub") || !ticked(r, "at_hash") {
		t.Errorf("after the refresh: %q %v", r.problem, r.checks)
	}
}

func userinfo(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	before := len(b.run().exchanges)
	b.do("userinfo").want(t, http.StatusOK, "Alice Example")
	if n := len(b.run().exchanges); n != before+1 {
		t.Errorf("%d exchanges after %d", n, before)
	}
}

func introspect(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	b.do("introspect").want(t, http.StatusOK, "public client", `"error": "invalid_client"`, `"active": true`, `"aud": "demo-machine"`,
		"-u 'demo-machine:"+machineSecret+"'")
	if r := b.run(); r.problem != "" {
		t.Errorf("it is a problem: %q", r.problem)
	}
	bare := *w.play
	bare.resource = ResourceServer{}
	r := b.run()
	discovered, err := bare.discover(t.Context())
	check(t, err)
	r.exchanges = nil
	bare.do(t.Context(), discovered, r, "introspect")
	if len(r.exchanges) != 1 || r.exchanges[0].Status != http.StatusUnauthorized || !strings.Contains(r.problem, "invalid_client") {
		t.Errorf("without a resource server: %v, %q", r.exchanges, r.problem)
	}
}

func revoke(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	b.do("revoke").want(t, http.StatusOK, "token_type_hint=refresh_token", "Revoked.")
	b.do("userinfo").want(t, http.StatusOK, "invalid_token", "WWW-Authenticate: Bearer")
	b.do("refresh").want(t, http.StatusOK, "invalid_grant", "used up, or was revoked")
	if r := b.run(); r.userinfo != "" || r.problem == "" {
		t.Errorf("a dead token shows userinfo %q, problem %q", r.userinfo, r.problem)
	}
}

func logOut(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	p := b.do("logout")
	if p.url.String() != w.issuer+pathStart || p.status != http.StatusOK {
		t.Fatalf("ended at %s (%d):\n%s", p.url, p.status, p.text)
	}
	if len(b.trail) < 2 || !strings.Contains(b.trail[1], "/end_session?id_token_hint=") {
		t.Errorf("went by %q", b.trail)
	}
	b.get(pathResult).want(t, http.StatusBadRequest, "begun no sign-in")
	b.begin("prompt", "none").want(t, http.StatusOK, "login_required", "Somebody has to sign in first")
}

func wrongVerifier(t *testing.T, w *world) {
	p := w.browser(t).signIn("break", "wrong_verifier")
	p.want(t, http.StatusOK, "As it should be.", `"error": "invalid_grant"`, "code_verifier=")
	p.wantNot(t, "eyJ")
}

func reusedCode(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn("break", "reused_code").want(t, http.StatusOK, "As it should be.", `"error": "invalid_grant"`, "eyJ", "RFC 6749 §4.1.2")
	names := ""
	for _, e := range b.run().exchanges {
		names += fmt.Sprintf("%s:%d ", e.Name, e.Status)
	}
	if names != "token:200 userinfo:200 reuse:400 " {
		t.Errorf("exchanges %s", names)
	}
	b.do("userinfo").want(t, http.StatusOK, "invalid_token")
}

func wrongState(t *testing.T, w *world) {
	b := w.browser(t)
	b.begin()
	for _, state := range []string{"", "&state=", "&state=" + b.run().state + "x"} {
		p := b.get(pathCallback + "?code=stolen&iss=" + url.QueryEscape(w.issuer) + state)
		p.want(t, http.StatusBadRequest, "its state is not the one", `class="bad"`)
		p.wantNot(t, "stolen")
		if r := b.run(); r.answered || len(r.exchanges) > 0 {
			t.Error("the answer was used")
		}
	}
}

func otherBrowser(t *testing.T, w *world) {
	b, other := w.browser(t), w.browser(t)
	b.begin()
	answer := pathCallback + "?code=c&state=" + b.run().state + "&iss=" + url.QueryEscape(w.issuer)
	other.get(answer).want(t, http.StatusBadRequest, "This browser has begun no sign-in here")
	other.begin()
	other.get(answer).want(t, http.StatusBadRequest, "its state is not the one")
	if b.run().answered || other.run().answered {
		t.Error("the answer was used")
	}
}

func (b *browser) answer(values string) page {
	b.t.Helper()
	return b.get(pathCallback + "?state=" + b.run().state + "&" + values)
}

func wrongIssuer(t *testing.T, w *world) {
	b := w.browser(t)
	b.begin()
	b.answer("code=c&iss=https%3A%2F%2Fevil.example").want(t, http.StatusOK, "its iss is not the issuer", `class="bad"`)
	if n := len(b.run().exchanges); n != 0 {
		t.Errorf("the code was sent: %d exchanges", n)
	}
}

func noIssuer(t *testing.T, w *world) {
	b := w.browser(t)
	b.begin()
	b.answer("code=c").want(t, http.StatusOK, "its iss is not the issuer")
	if n := len(b.run().exchanges); n != 0 {
		t.Errorf("the code was sent: %d exchanges", n)
	}
}

func providerError(t *testing.T, w *world) {
	b := w.browser(t)
	b.begin("prompt", "none").want(t, http.StatusOK, "login_required", "Somebody has to sign in first")
	b.begin("max_age", "many").want(t, http.StatusOK, "invalid_request", "max_age")
	b.begin()
	b.answer("error=access_denied&error_description=%3Cscript%3Eno&iss="+url.QueryEscape(w.issuer)).
		want(t, http.StatusOK, `"access_denied": <script>no. The person`)
	if strings.Contains(b.get(pathResult).raw, "<script>no") {
		t.Error("error_description is markup")
	}
}

func answeredOnce(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	before := len(b.run().exchanges)
	b.answer("code=again&iss="+url.QueryEscape(w.issuer)).want(t, http.StatusOK, "Alice Example")
	if n := len(b.run().exchanges); n != before {
		t.Errorf("the second answer was used")
	}
}

func emptyAnswer(t *testing.T, w *world) {
	b := w.browser(t)
	b.begin()
	b.get(pathResult).want(t, http.StatusOK, "has not answered yet")
	if p := b.post(pathResult, "do", "refresh"); p.status != http.StatusOK || len(b.run().exchanges) != 0 {
		t.Errorf("a button before there are tokens: %d, %v", p.status, b.run().exchanges)
	}
	b.answer("iss="+url.QueryEscape(w.issuer)).want(t, http.StatusOK, "neither a code nor an error")
}

func withoutOpenID(t *testing.T, w *world) {
	b := w.browser(t)
	p := b.signIn("scope", "profile")
	p.want(t, http.StatusOK, "plain OAuth 2.0")
	if b.run().idToken != "" {
		t.Error("there is an ID token")
	}
}

func crossOrigin(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	for _, path := range []string{pathBegin, pathResult} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.at(path), strings.NewReader("do=revoke"))
		check(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		b.send(r).want(t, http.StatusForbidden)
	}
	b.do("userinfo").wantNot(t, "invalid_token")
}

func otherHost(t *testing.T, w *world) {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.2:1"+pathStart, nil)
	rec := httptest.NewRecorder()
	w.play.showStart(rec, r)
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != w.issuer+pathStart {
		t.Errorf("%d to %q", rec.Code, rec.Header().Get("Location"))
	}
}

func providerDown(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	w.down.Store(true)
	defer w.down.Store(false)
	b.get(pathStart).want(t, http.StatusBadGateway, "discovery", "503")
	b.post(pathBegin).want(t, http.StatusBadGateway, "discovery")
	b.do("refresh").want(t, http.StatusOK, "discovery", "503")
}

func expiredRun(t *testing.T, w *world) {
	b := w.browser(t)
	b.signIn()
	w.ahead.Store(int64(runLife/time.Second) + 1)
	defer w.ahead.Store(0)
	b.get(pathResult).want(t, http.StatusBadRequest, "too long ago")
	b.post(pathResult, "do", "userinfo").want(t, http.StatusBadRequest, "too long ago")
}

func hugeForm(t *testing.T, w *world) {
	w.browser(t).post(pathBegin, "scope", strings.Repeat("a", maxFormBytes)).want(t, http.StatusBadRequest, "could not be read")
}

func TestRunsAreBounded(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	s := newRuns(runCookie(&url.URL{Scheme: "https", Host: "id.example"}), func() time.Time { return now })
	var first *http.Cookie
	for range 2 * maxRuns {
		rec := httptest.NewRecorder()
		now = now.Add(time.Second)
		s.keep(rec, newRun(wishes{}, now))
		if first == nil {
			first = rec.Result().Cookies()[0]
		}
	}
	if len(s.byCookie) != maxRuns {
		t.Errorf("%d runs, want %d", len(s.byCookie), maxRuns)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(first)
	if _, err := s.find(r); err == nil {
		t.Error("the oldest run is still there")
	}
	if !first.HttpOnly || !first.Secure || first.SameSite != http.SameSiteLaxMode || first.Path != pathStart {
		t.Errorf("the cookie is %v", first)
	}
	now = now.Add(runLife + time.Second)
	s.keep(httptest.NewRecorder(), newRun(wishes{}, now))
	if len(s.byCookie) != 1 {
		t.Errorf("%d runs after all but one have ended", len(s.byCookie))
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	var b strings.Builder
	c := Config{Issuer: "http://localhost", ResourceServer: ResourceServer{"api", "sesame"}}
	r := newRun(wishes{}, time.Now())
	p := New(c)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "config", c, "api", c.ResourceServer, "run", r, "runs", p.runs, "playground", p)
	_, _ = fmt.Fprintf(&b, "%v %+v %#v", c.ResourceServer, c.ResourceServer, c.ResourceServer)
	for _, secret := range []string{"sesame", r.verifier, r.state} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%q is in %s", secret, b.String())
		}
	}
}
