package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/flows/passhash"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
)

const (
	adminSecret = "the-operator-secret-of-the-tests-0123456789"
	adminIssuer = "https://login.example.test"
)

// administered is a provider in memory with two projects beside the default one,
// and with callers of every kind.
type administered struct {
	t       *testing.T
	p       *provider
	admin   *admin.Server
	handler http.Handler
	tokens  map[string]*admin.Token // of people: what the provider would read from them
	callers map[string]string       // bearer tokens by the name of the caller
	ids     map[string]string       // of what project beta holds
	txt     map[string][]string
}

// AccessToken reads the tokens of people, who sign in elsewhere, and leaves those
// of clients to the provider.
func (a *administered) AccessToken(ctx context.Context, raw string) (*admin.Token, error) {
	if t, ok := a.tokens[raw]; ok {
		return t, nil
	}
	return adminConfig(&config.Config{}, a.p, nil, nil, nil).Tokens.AccessToken(ctx, raw)
}

// LookupTXT is the DNS of the tests.
func (a *administered) LookupTXT(_ context.Context, name string) ([]string, error) {
	return a.txt[name], nil
}

func administer(t *testing.T) *administered {
	t.Helper()
	c, err := config.Load(config.Input{Environ: []string{
		"GATEWAY_ISSUER=" + adminIssuer, "GATEWAY_REPO_DRIVER=memory", "GATEWAY_PUBLIC_EMAIL_DOMAINS=ISP.test",
		"GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}})
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	a := &administered{t: t, tokens: map[string]*admin.Token{}, callers: map[string]string{}, ids: map[string]string{}, txt: map[string][]string{}}
	a.p = assembled(t, c, log, "default", "alpha", "beta")
	t.Cleanup(func() { must(t, a.p.close()) })
	hasher, err := passhash.New(passhash.Config{Memory: 7168, Time: 5, Parallelism: 1, Workers: 2})
	must(t, err)
	cfg := adminConfig(c, a.p, &hashing{hasher, 8}, &passwordRules{log: log}, log)
	cfg.Tokens, cfg.Secret, cfg.Resolver = a, adminSecret, a
	cfg.Limits = admin.Limits{} // one address calls as everybody
	a.admin, err = admin.New(cfg)
	must(t, err)
	a.p.admin = a.admin
	a.handler = a.p.handler(c, log, nil)
	for _, id := range []string{"alpha", "beta"} {
		must(t, a.p.store.Projects.Create(t.Context(), &storage.ProjectRecord{ID: id, Name: id, Status: storage.ProjectActive, CreatedOrder: 1}))
	}
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// project is a project as it runs.
func (a *administered) project(id string) *storage.Project {
	a.t.Helper()
	rec, err := a.p.store.Projects.Get(a.t.Context(), id)
	must(a.t, err)
	return adminProjects{a.p}.Resolve(rec)
}

// person makes an account and a token for it with these scopes.
func (a *administered) person(name, project, role string, platform bool, scopes ...string) *storage.User {
	a.t.Helper()
	u := &storage.User{
		ID: storage.NewSubject(), Email: name + "@example.test", EmailKey: name + "@example.test", Status: storage.UserActive,
		Role: role, PlatformAdmin: platform, CreatedOrder: time.Now().UnixMicro(),
	}
	must(a.t, a.p.store.Commit(a.t.Context(), storage.In(project), a.p.store.Users.Add(u)))
	a.callers[name] = "token-of-" + name
	a.tokens[a.callers[name]] = &admin.Token{Project: project, ClientID: "console", UserID: u.ID, Scopes: scopes}
	return u
}

// machine makes a client in a project with these scopes, and gets a token for it
// at the project's token endpoint.
func (a *administered) machine(name, project, audience string, scopes ...string) {
	a.t.Helper()
	secret, stored := op.NewClientSecret(time.Now())
	c := &storage.Client{
		ID: name, Name: name, ApplicationType: "web", GrantTypes: []string{"client_credentials"}, Scope: scopes,
		Audience: []string{audience}, Secrets: []storage.ClientSecret{stored}, CreatedOrder: 1,
	}
	must(a.t, a.p.store.Clients.Create(a.t.Context(), storage.In(project), c, nil))
	req := httptest.NewRequestWithContext(a.t.Context(), http.MethodPost, a.project(project).Issuer+"/oauth/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "client_id": {name}, "client_secret": {secret}}.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, req)
	var body struct {
		AccessToken string `json:"access_token"`
	}
	must(a.t, json.Unmarshal(w.Body.Bytes(), &body))
	if body.AccessToken == "" {
		a.t.Fatalf("no token for %s: %s", name, w.Body)
	}
	a.callers[name] = body.AccessToken
}

// credential makes a key of a project.
func (a *administered) credential(name, project string, kind storage.CredentialKind) {
	a.t.Helper()
	secret, err := a.p.store.ProjectCredentials.Issue(a.t.Context(), &storage.ProjectCredential{ProjectID: project, Kind: kind, Name: name, CreatedOrder: 1})
	must(a.t, err)
	a.callers[name] = secret
}

// answer is what came of a call.
type answer struct {
	status  int
	header  http.Header
	body    string
	Code    string `json:"code"` // "" for success
	Message string `json:"message"`
	Details []struct {
		Type  string          `json:"type"`
		Debug json.RawMessage `json:"debug"`
	} `json:"details"`
}

// call sends plain JSON, as curl does. caller "" sends no credential.
func (a *administered) call(caller, method string, body []byte, headers ...string) answer {
	a.t.Helper()
	req := httptest.NewRequestWithContext(a.t.Context(), http.MethodPost, adminIssuer+"/identity.admin.v1."+method, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	if caller != "" {
		token, ok := a.callers[caller]
		if caller == "operator" {
			token, ok = adminSecret, true
		}
		if !ok {
			token = caller
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, req)
	raw, err := io.ReadAll(w.Body)
	must(a.t, err)
	out := answer{status: w.Code, header: w.Header(), body: string(raw)}
	if w.Code != http.StatusOK && json.Unmarshal(raw, &out) != nil {
		out.Code = "no JSON at all"
	}
	return out
}

// do calls with a message and reads the answer into another. It fails the test
// when the call does.
func (a *administered) do(caller, method string, req, res proto.Message) {
	a.t.Helper()
	out := a.callMessage(caller, method, req)
	if out.Code != "" {
		a.t.Fatalf("%s as %s: %s", method, caller, out.body)
	}
	must(a.t, protojson.Unmarshal([]byte(out.body), res))
}

// callMessage calls with a message.
func (a *administered) callMessage(caller, method string, req proto.Message) answer {
	a.t.Helper()
	body, err := protojson.Marshal(req)
	must(a.t, err)
	return a.call(caller, method, body)
}
