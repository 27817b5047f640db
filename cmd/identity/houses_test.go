package main

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
)

// within answers requests by a handler, whatever host they go to.
type within struct{ handler http.Handler }

func (t within) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	in := httptest.NewRequest(r.Method, r.URL.String(), r.Body).WithContext(r.Context())
	in.Header = r.Header.Clone()
	t.handler.ServeHTTP(rec, in)
	res := rec.Result()
	res.Request = r
	return res, nil
}

// houses is one process with three projects: the default one, one below it by a
// path, one at a host of its own. Each has the same person and the same client.
type houses struct {
	t        *testing.T
	p        *provider
	config   *config.Config
	http     *http.Client
	projects map[string]*storage.Project
}

const (
	houseSecret   = "onesecretforeveryhouseonesecret"
	housePassword = "long enough for every house"
)

func newHouses(t *testing.T, more ...string) *houses {
	t.Helper()
	defaults := map[string]string{
		"issuer": "https://id.example.com", "repo.driver": "memory", "log.level": "error",
		"password.argon2.memory_kib": "19456", "password.argon2.time": "2", "rate_limit.login": "1000",
	}
	for i := 0; i < len(more); i += 2 {
		defaults[more[i]] = more[i+1]
	}
	c, err := config.Load(config.Input{Defaults: defaults, Environ: []string{"GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}})
	h := &houses{t: t, projects: map[string]*storage.Project{}}
	h.must(err)
	h.config = c
	log := slog.New(slog.DiscardHandler)
	h.p = assembled(t, c, log, "default", "shop", "bank")
	t.Cleanup(func() { h.must(h.p.close()) })
	h.http = &http.Client{Transport: within{h.p.handler(c, log, nil)}}
	ctx := t.Context()
	for _, id := range []string{"shop", "bank"} {
		h.must(h.p.store.Projects.Create(ctx, &storage.ProjectRecord{ID: id, Name: id, Status: storage.ProjectActive}))
	}
	domain, err := h.p.store.ProjectDomains.Claim(ctx, "bank", "id.bank.example")
	h.must(err)
	h.must(h.p.store.ProjectDomains.Verify(ctx, domain, time.Now()))
	h.must(h.p.store.ProjectDomains.MakePrimary(ctx, domain))
	hash, err := newHashing(c)
	h.must(err)
	for _, id := range []string{"default", "shop", "bank"} {
		project, err := h.p.finder.ByID(ctx, id)
		h.must(err)
		d := *h.p.database
		d.project = project
		data := &seed{
			Users: []seedUser{{Email: "jane@example.test", Password: housePassword, Name: "Jane"}},
			Clients: []seedClient{{ID: "app", Secret: houseSecret, Name: "App", FirstParty: true,
				RedirectURIs: []string{"https://app.example/cb"}, PostLogoutRedirectURIs: []string{"https://app.example/bye"}}},
		}
		h.must(data.store(ctx, &d, &settings{hasher: hash}))
		h.projects[id] = project
	}
	return h
}

func (h *houses) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// visitor is a browser, and the application at one project.
type visitor struct {
	*houses
	jar     http.CookieJar
	issuer  string
	op      *oidc.Provider
	oauth   oauth2.Config
	access  string
	refresh string
	id      string
	code    string // not used yet
	from    string // where the browser is, "": where all are
}

func (h *houses) visitor(id string, jar http.CookieJar) *visitor {
	h.t.Helper()
	v := &visitor{houses: h, jar: jar, issuer: h.projects[id].Issuer}
	var err error
	v.op, err = oidc.NewProvider(v.context(), v.issuer)
	h.must(err)
	endpoint := v.op.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	v.oauth = oauth2.Config{ClientID: "app", ClientSecret: houseSecret, Endpoint: endpoint, RedirectURL: "https://app.example/cb", Scopes: []string{"openid", "email", "offline_access"}}
	return v
}

func (v *visitor) context() context.Context { return oidc.ClientContext(v.t.Context(), v.http) }

// browse follows redirects until a page or the application.
func (v *visitor) browse(method, target string, form url.Values) (*http.Response, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, target, strings.NewReader(form.Encode()))
	v.must(err)
	req.Header.Set("Accept", "text/html")
	if v.from != "" {
		req.Header.Set("X-Forwarded-For", v.from)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		u, err := url.Parse(v.issuer)
		v.must(err)
		req.Header.Set("Origin", u.Scheme+"://"+u.Host)
	}
	client := &http.Client{Transport: v.http.Transport, Jar: v.jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "app.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := client.Do(req)
	v.must(err)
	body, err := io.ReadAll(res.Body)
	v.must(err)
	return res, string(body)
}

func (v *visitor) authorize(more ...string) (url.Values, string) {
	v.t.Helper()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(benchVerifier)}
	for i := 0; i < len(more); i += 2 {
		options = append(options, oauth2.SetAuthURLParam(more[i], more[i+1]))
	}
	res, page := v.browse(http.MethodGet, v.oauth.AuthCodeURL("state", options...), nil)
	return v.answer(res), page
}

// answer is what the application got, nil if it got nothing.
func (v *visitor) answer(res *http.Response) url.Values {
	v.t.Helper()
	u, err := url.Parse(res.Header.Get("Location"))
	v.must(err)
	if u.Host != "app.example" {
		return nil
	}
	return u.Query()
}

// signIn goes through the pages, then gets tokens, and another code.
func (v *visitor) signIn() {
	v.t.Helper()
	_, page := v.authorize()
	action := formAction.FindStringSubmatch(page)
	u, err := url.Parse(v.issuer)
	v.must(err)
	if action == nil || !strings.HasPrefix(action[1], u.Path+"/interaction/") {
		v.t.Fatalf("the form of %s goes to %q", v.issuer, action)
	}
	res, _ := v.browse(http.MethodPost, u.Scheme+"://"+u.Host+action[1], url.Values{"identifier": {"jane@example.test"}, "password": {housePassword}})
	q := v.answer(res)
	if q.Get("iss") != v.issuer { // RFC 9207 §2
		v.t.Fatalf("%s answered %v with %d", v.issuer, q, res.StatusCode)
	}
	token, err := v.oauth.Exchange(v.context(), q.Get("code"), oauth2.VerifierOption(benchVerifier))
	v.must(err)
	v.access, v.refresh = token.AccessToken, token.RefreshToken
	v.id, _ = token.Extra("id_token").(string)
	if _, err := v.verify(v.id); err != nil {
		v.t.Fatal(err)
	}
	q, _ = v.authorize("prompt", "none")
	if v.code = q.Get("code"); v.code == "" {
		v.t.Fatalf("no single sign-on at %s: %v", v.issuer, q)
	}
}

func (v *visitor) verify(raw string) (*oidc.IDToken, error) {
	return v.op.VerifierContext(v.context(), &oidc.Config{ClientID: "app"}).Verify(v.context(), raw)
}

func (v *visitor) post(path string, form url.Values) string {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.issuer+path, strings.NewReader(form.Encode()))
	v.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("app", houseSecret)
	res, err := v.http.Do(req)
	v.must(err)
	body, err := io.ReadAll(res.Body)
	v.must(err)
	return strings.TrimSpace(string(body))
}

func (v *visitor) userinfo(access string) error {
	_, err := v.op.UserInfo(v.context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: access}))
	return err
}

func newJar(t *testing.T) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}
