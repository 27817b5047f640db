package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/elloloop/identity/storage"
)

// TestProjects: a whole sign-in at each project by a client's library, in one
// browser; and what one project gave is worth nothing in another.
func TestProjects(t *testing.T) {
	h := newHouses(t)
	jar := newJar(t)
	at := map[string]*visitor{}
	for _, id := range []string{"default", "shop", "bank"} {
		v := h.visitor(id, jar)
		if q, _ := v.authorize("prompt", "none"); q.Get("error") != "login_required" {
			t.Errorf("%s knows the browser of another project: %v", id, q)
		}
		v.signIn()
		h.must(v.userinfo(v.access))
		at[id] = v
	}
	subjects := map[string]bool{}
	for from, a := range at {
		id, err := a.verify(a.id)
		h.must(err)
		subjects[id.Subject] = true
		for to, b := range at {
			if from == to {
				continue
			}
			t.Run("S5-01/"+from+"-in-"+to, func(t *testing.T) {
				if err := b.userinfo(a.access); err == nil {
					t.Error("an access token is taken")
				}
				if got := b.post("/oauth/introspect", url.Values{"token": {a.access}}); got != `{"active":false}` {
					t.Errorf("introspection of an access token: %s", got)
				}
				if got := b.post("/oauth/introspect", url.Values{"token": {a.refresh}}); got != `{"active":false}` {
					t.Errorf("introspection of a refresh token: %s", got)
				}
				if got := b.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.refresh}}); !strings.Contains(got, `"invalid_grant"`) {
					t.Errorf("a refresh token: %s", got)
				}
				if got := b.post("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {a.code}, "redirect_uri": {"https://app.example/cb"}, "code_verifier": {benchVerifier}}); !strings.Contains(got, `"invalid_grant"`) {
					t.Errorf("a code: %s", got)
				}
				b.post("/oauth/revoke", url.Values{"token": {a.refresh}})
				if _, err := b.verify(a.id); err == nil {
					t.Error("an ID token verifies by the other's keys")
				}
				hint := url.Values{"id_token_hint": {a.id}, "post_logout_redirect_uri": {"https://app.example/bye"}}
				if res, _ := b.browse(http.MethodGet, b.issuer+"/end_session?"+hint.Encode(), nil); res.StatusCode != http.StatusBadRequest {
					t.Errorf("an id_token_hint: %d, to %s", res.StatusCode, res.Header.Get("Location"))
				}
			})
		}
	}
	if len(subjects) != 3 {
		t.Errorf("the person has the subjects %v, want one in each project", subjects)
	}
	for id, v := range at { // nothing of the above touched what is the project's own
		if got := v.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {v.refresh}}); !strings.Contains(got, `"access_token"`) {
			t.Errorf("%s: its own refresh token: %s", id, got)
		}
		if _, err := v.oauth.Exchange(v.context(), v.code, oauth2.VerifierOption(benchVerifier)); err != nil {
			t.Errorf("%s: its own code: %v", id, err)
		}
	}
}

// TestProjectCookies: projects of one host have cookies of their own, and the
// value of one is nothing under the name of another.
func TestProjectCookies(t *testing.T) {
	h := newHouses(t)
	jar := newJar(t)
	h.visitor("shop", jar).signIn()
	host := &url.URL{Scheme: "https", Host: "id.example.com", Path: "/"}
	tossed := newJar(t)
	var names []string
	for _, c := range jar.Cookies(host) {
		base := strings.TrimSuffix(c.Name, c.Name[strings.LastIndexByte(c.Name, '_'):])
		if !strings.HasPrefix(base, "__Host-identity_") { // without what the project adds
			t.Errorf("S1-18: a cookie is called %s", c.Name)
		}
		names = append(names, base)
		tossed.SetCookies(host, []*http.Cookie{{Name: base, Value: c.Value, Secure: true, Path: "/"}})
	}
	if len(names) < 2 {
		t.Fatalf("the cookies are %v", names)
	}
	if q, _ := h.visitor("default", tossed).authorize("prompt", "none"); q.Get("error") != "login_required" {
		t.Errorf("S1-18: a session of another project, under the own name: %v", q)
	}
}

// TestIssuerWithPath: every URL that a project below a path gives out is below it.
func TestIssuerWithPath(t *testing.T) {
	h := newHouses(t)
	v := h.visitor("shop", newJar(t))
	if v.issuer != "https://id.example.com/p/shop" {
		t.Fatalf("the issuer is %s", v.issuer)
	}
	_, appended := v.browse(http.MethodGet, v.issuer+"/.well-known/openid-configuration", nil)
	for _, u := range []string{
		v.issuer + "/.well-known/oauth-authorization-server", "https://id.example.com/.well-known/oauth-authorization-server/p/shop",
		"https://id.example.com/.well-known/openid-configuration/p/shop",
	} {
		if _, got := v.browse(http.MethodGet, u, nil); got != appended || !strings.Contains(got, `"issuer": "`+v.issuer+`"`) {
			t.Errorf("RFC8414-3.1: %s differs: %s", u, cmp.Diff(appended, got))
		}
	}
	if strings.Count(appended, `"https://id.example.com/`) != strings.Count(appended, `"https://id.example.com/p/shop`) {
		t.Errorf("a URL is not below the issuer: %s", appended)
	}
	v.signIn()
	res, page := v.browse(http.MethodGet, v.issuer+"/end_session?state=s", nil)
	if res.Request.URL.Path != "/p/shop/logout" {
		t.Fatalf("the question whether to sign out is at %s", res.Request.URL)
	}
	action := formAction.FindStringSubmatch(page)
	if action == nil || !strings.HasPrefix(action[1], "/p/shop/logout") {
		t.Fatalf("its form goes to %q", action)
	}
	res, _ = v.browse(http.MethodPost, "https://id.example.com"+strings.ReplaceAll(action[1], "&amp;", "&"), url.Values{"decision": {"logout"}})
	if !strings.HasPrefix(res.Request.URL.Path, "/p/shop/") {
		t.Errorf("after signing out: %s", res.Request.URL)
	}
	other := h.visitor("shop", newJar(t))
	_, page = other.authorize()
	action = formAction.FindStringSubmatch(page)
	below := strings.TrimPrefix(action[1], "/p/shop")
	if res, _ := other.browse(http.MethodGet, "https://id.example.com"+below, nil); res.StatusCode == http.StatusOK {
		t.Errorf("the step of one project is served by another: %s", below)
	}
	cross, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.issuer+"/authorize", strings.NewReader(url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://app.example/cb"}, "scope": {"openid"},
	}.Encode()))
	h.must(err)
	cross.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	got, err := h.http.Transport.RoundTrip(cross)
	h.must(err)
	if l := got.Header.Get("Location"); !strings.HasPrefix(l, "/p/shop/authorize?") {
		t.Errorf("a form of another site goes on at %q", l)
	}
}

// TestProjectChanges: what an operator changes is seen at once, and a project
// that is removed leaves nothing.
func TestProjectChanges(t *testing.T) {
	h := newHouses(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	h.p.background(ctx, h.config, slog.New(slog.DiscardHandler))
	v := h.visitor("shop", newJar(t))
	v.signIn()
	becomes := func(want int, what string) {
		t.Helper()
		late := time.After(25 * time.Second) // and not the half minute for which a project is remembered
		for {
			res, _ := v.browse(http.MethodGet, v.issuer+"/authorize", nil)
			if res.StatusCode == want {
				return
			}
			select {
			case <-late:
				t.Fatalf("%s answers %d, want %d", what, res.StatusCode, want)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	rec, err := h.p.store.Projects.Get(ctx, "shop")
	h.must(err)
	rec.Status = storage.ProjectDisabled
	h.must(h.p.store.Projects.Update(ctx, rec))
	becomes(http.StatusForbidden, "a disabled project")
	if got := v.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {v.refresh}}); !strings.Contains(got, "switched off") {
		t.Errorf("a disabled project answers a client %s", got)
	}
	rec.Status = storage.ProjectActive
	h.must(h.p.store.Projects.Update(ctx, rec))
	becomes(http.StatusBadRequest, "a project that is on again")
	h.must(h.p.store.Projects.Delete(ctx, rec))
	becomes(http.StatusNotFound, "a project that is being removed")
	h.must(h.p.purge(ctx, 10))
	if _, err := h.p.store.Users.ByEmail(ctx, storage.In("shop"), "jane@example.test"); err == nil {
		t.Error("a person is left of a removed project")
	}
}
