package conformance

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// application serves the single-page application on an origin of its own.
func application(t *testing.T, settings map[string]string) string {
	t.Helper()
	folder := filepath.Join(suite.root, "conformance", "node")
	library := need(t, "oidc-client-ts", installNode, filepath.Join(folder, "node_modules", "oidc-client-ts", "dist", "browser", "oidc-client-ts.min.js"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oidc-client-ts.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, library) })
	mux.HandleFunc("GET /settings.json", func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewEncoder(w).Encode(settings); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(folder, "spa.html")) })
	s := httptest.NewUnstartedServer(mux)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{suite.ca.certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// TestSPA logs in through oidc-client-ts in a browser that holds the page to CORS
// and to the cookies of its origin.
func TestSPA(t *testing.T) {
	w := shared(t)
	suffix := "-" + strings.ToLower(rand.Text()[:8])
	settings := map[string]string{"issuer": w.issuer, "refreshing": "spa-refreshing" + suffix, "framed": "spa-framed" + suffix}
	origin := application(t, settings)
	for _, id := range []string{settings["refreshing"], settings["framed"]} {
		grants := []string{"--grant-type", "authorization_code"}
		if id == settings["refreshing"] {
			grants = append(grants, "--grant-type", "refresh_token")
		}
		if _, err := w.addClient(id, append(grants, "--preset", "spa", "--first-party",
			"--redirect-uri", origin+"/callback?of="+id, "--redirect-uri", origin+"/silent", "--post-logout-redirect-uri", origin+"/")...); err != nil {
			t.Fatal(err)
		}
	}
	c := newTab(t, w.server, desktop)
	ready := func() { c.t.Helper(); c.until("document.querySelector('#status')?.textContent === 'ready'") }
	signedIn := func() {
		c.t.Helper()
		c.until("/signed in|failed/.test(document.querySelector('#status')?.textContent)")
		c.until("document.querySelector('#status').textContent === 'signed in'")
		var tokens []string
		c.must(&tokens, "[user.access_token, user.refresh_token ?? '', user.id_token]")
		w.log.secret(tokens...)
	}
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { c.t = t; f(t); c.t = t })
	}
	run("login", func(t *testing.T) {
		c.open(origin + "/")
		ready()
		c.must(nil, "refreshing.signinRedirect(), 0")
		c.signIn(w.alice)
		signedIn()
		var got struct{ Sub, Email, Name string }
		c.must(&got, "({sub: user.profile.sub, email: user.profile.email, name: user.profile.name})")
		if got.Sub != w.alice.sub || got.Email != w.alice.email || got.Name != "Alice Archer" { // email and name come of userinfo
			t.Errorf("the profile is %+v", got)
		}
	})
	run("renew-by-refresh-token", func(t *testing.T) {
		var renewed struct {
			Access, Refresh bool
			Sub             string
		}
		c.must(&renewed, `refreshing.signinSilent().then((next) => {
			const got = {access: next.access_token !== user.access_token, refresh: !!next.refresh_token && next.refresh_token !== user.refresh_token, sub: next.profile.sub}
			window.user = next
			return got })`)
		if !renewed.Access || !renewed.Refresh || renewed.Sub != w.alice.sub {
			t.Errorf("%+v", renewed)
		}
	})
	run("two-tabs-renew-at-once", func(t *testing.T) {
		var same bool
		c.must(&same, `(async () => {
			const body = () => new URLSearchParams({grant_type: 'refresh_token', client_id: refreshing.settings.client_id, refresh_token: user.refresh_token})
			const endpoint = (await refreshing.metadataService.getMetadata()).token_endpoint
			const [one, two] = await Promise.all([1, 2].map(() => fetch(endpoint, {method: 'POST', body: body()}).then((r) => r.json())))
			return !!one.refresh_token && one.refresh_token === two.refresh_token })()`)
		if !same {
			t.Error("the tabs got different refresh tokens, or none")
		}
	})
	run("second-client-without-a-form", func(t *testing.T) {
		c.must(nil, "framed.signinRedirect(), 0")
		c.until("document.querySelector('#status')?.textContent === 'signed in' && user.profile.aud === framed.settings.client_id")
		signedIn()
	})
	run("renew-by-iframe", func(t *testing.T) {
		var sub string
		c.must(&sub, "framed.signinSilent().then((next) => next.profile.sub)")
		if sub != w.alice.sub {
			t.Errorf("sub is %q", sub)
		}
	})
	run("S2-15/registered-origin-reads-errors", func(t *testing.T) {
		var code string
		c.must(&code, `framed.metadataService.getMetadata().then((m) => fetch(m.token_endpoint, {method: 'POST',
			body: new URLSearchParams({grant_type: 'authorization_code', client_id: framed.settings.client_id, code: 'unknown', redirect_uri: 'x', code_verifier: 'v'.repeat(43)})}))
			.then((r) => r.json()).then((e) => e.error)`)
		if code != "invalid_grant" {
			t.Errorf("error is %q", code)
		}
	})
	run("logout", func(t *testing.T) {
		c.must(nil, "framed.signoutRedirect(), 0")
		c.at(origin + "/")
		ready()
		var code string
		c.must(&code, "framed.signinSilent().then(() => 'signed in', (err) => err.error ?? err.message)")
		if code != "login_required" {
			t.Errorf("after the logout the iframe says %q, want login_required", code)
		}
	})
	run("S2-15/stranger-is-refused-by-the-browser", func(t *testing.T) {
		stranger := application(t, settings)
		c.open(stranger + "/")
		ready()
		var got map[string]string
		c.must(&got, `(async () => {
			const issuer = refreshing.settings.authority
			const ask = (path, init) => fetch(issuer + path, init).then((r) => String(r.status), (err) => err.name)
			return {
				discovery: await ask('/.well-known/openid-configuration'),
				jwks: await ask('/.well-known/jwks.json'),
				token: await ask('/oauth/token', {method: 'POST', body: new URLSearchParams({grant_type: 'x'})}),
				userinfo: await ask('/userinfo', {headers: {authorization: 'Bearer x'}}),
				userinfoWithCookies: await ask('/userinfo', {credentials: 'include'}),
				authorize: await ask('/authorize?client_id=spa-framed', {credentials: 'include'}),
			} })()`)
		for what, want := range map[string]string{
			"discovery": "200", "jwks": "200", "token": "TypeError", "userinfo": "TypeError", "userinfoWithCookies": "TypeError", "authorize": "TypeError",
		} {
			if got[what] != want {
				t.Errorf("%s: %s, want %s", what, got[what], want)
			}
		}
	})
}
