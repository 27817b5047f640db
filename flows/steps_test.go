package flows_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/elloloop/identity/storage"
)

// TestCrossOrigin: nothing is taken from another site's page.
func TestCrossOrigin(t *testing.T) {
	tests := []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"S3-18/same-origin", map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusSeeOther},
		{"S3-18/cross-site", map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		{"S3-18/same-site", map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		{"S3-18/old-browser-other-origin", map[string]string{"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, http.StatusForbidden},
		{"S3-18/old-browser-null-origin", map[string]string{"Sec-Fetch-Site": "", "Origin": "null"}, http.StatusForbidden},
		{"S3-18/old-browser-own-origin", map[string]string{"Sec-Fetch-Site": "", "Origin": "https://id.example"}, http.StatusSeeOther},
		{"S3-18/json-as-text", map[string]string{"Content-Type": "text/plain"}, http.StatusUnsupportedMediaType},
		{"S3-18/multipart", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, http.StatusUnsupportedMediaType},
		{"S3-18/no-type", map[string]string{"Content-Type": ""}, http.StatusUnsupportedMediaType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			u := s.user("alice")
			b := s.browser()
			at := b.begin(request())
			for _, target := range []string{at + "/identify", "/logout"} {
				r := b.request(http.MethodPost, target, values("identifier", u.Email, "password", "correct horse", "decision", "logout"))
				for k, v := range tt.header {
					if r.Header.Del(k); v != "" {
						r.Header.Set(k, v)
					}
				}
				before := len(b.sessions())
				if w := b.send(r); w.Code != tt.want {
					t.Errorf("%s: %d, want %d\n%.400s", target, w.Code, tt.want, w.Body)
				}
				if changed := len(b.sessions()) != before; changed != (tt.want == http.StatusSeeOther) {
					t.Errorf("%s: changed %v", target, changed)
				}
			}
		})
	}
}

// TestCrossOriginBehindProxy: a proxy that writes its own Host hides nothing but
// the host.
func TestCrossOriginBehindProxy(t *testing.T) {
	for _, tt := range []struct {
		name, site, origin string
		want               int
	}{
		{"S3-18/own-origin", "", "https://id.example", http.StatusSeeOther},
		{"S3-18/own-origin-fetch-metadata", "same-origin", "https://id.example", http.StatusSeeOther},
		{"S3-18/foreign-origin", "", "https://evil.example", http.StatusForbidden},
		{"S3-18/foreign-origin-fetch-metadata", "cross-site", "https://evil.example", http.StatusForbidden},
		{"S3-18/own-host-over-http", "", "http://id.example", http.StatusForbidden},
		{"S3-18/sibling", "same-site", "https://www.id.example", http.StatusForbidden},
		{"S3-18/null", "", "null", http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			u := s.user("alice")
			b := s.browser()
			r := b.request(http.MethodPost, b.begin(request())+"/identify", values("identifier", u.Email, "password", "correct horse"))
			r.Host = "identity.internal:8080"
			r.Header.Set("Origin", tt.origin)
			if r.Header.Del("Sec-Fetch-Site"); tt.site != "" {
				r.Header.Set("Sec-Fetch-Site", tt.site)
			}
			if w := b.send(r); w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
		})
	}
}

// TestStepReplay: no step is skipped, and none is done twice.
func TestStepReplay(t *testing.T) {
	s := newSite(t, func(p *storage.Project) { p.IdentifierFirst = true })
	u := s.user("alice")
	b := s.browser()
	ar := request(thirdParty)
	at := b.begin(ar)
	refused := func(name, flow string, pairs ...string) {
		t.Helper()
		version := s.row(ar.ID).Version
		wantRedirect(t, b.post(at+"/"+flow, pairs...), at)
		if row := s.row(ar.ID); row.Version != version {
			t.Errorf("%s: the row was advanced", name)
		}
		if row := s.row(ar.ID); !row.Done {
			if _, err := b.resume(ar.ID); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: resumed: %v", name, err)
			}
		}
	}
	refused("S3-19/password-before-identifier", "password", "password", "correct horse")
	refused("S3-19/consent-before-sign-in", "consent", "decision", "allow")
	wantPage(t, b.post(at+"/logout", "decision", "logout"), http.StatusNotFound)
	wantRedirect(t, b.post(at+"/identify", "identifier", u.Email), at)
	refused("S3-19/consent-before-password", "consent", "decision", "allow")
	wantRedirect(t, b.post(at+"/identify", "identifier", u.Email), at) // "not you?" goes back
	wantRedirect(t, b.post(at+"/password", "password", "correct horse"), at)
	refused("S3-19/password-again", "password", "password", "correct horse")
	refused("S3-19/identify-after-proof", "identify", "identifier", "bob@example.test")
	refused("S3-19/register-after-proof", "register", "email", "x@example.test", "password", "a good password")
	wantRedirect(t, b.post(at+"/consent", "decision", "allow"), "/authorize/resume?id="+ar.ID)
	refused("S3-19/after-the-end", "identify", "identifier", "bob@example.test")
	refused("S3-19/consent-again", "consent", "decision", "deny")
	if _, err := b.resume(ar.ID); err != nil {
		t.Errorf("Resume at the end: %v", err)
	}
	if n := len(b.sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
	// However often a step is done: the row stays as small as it is.
	if got := s.row(ar.ID).Proven; !slices.Equal(got, []string{"identify", "password", "consent"}) {
		t.Errorf("proven %v", got)
	}
}

// TestStepRace: of a hundred answers to one step one is taken.
func TestStepRace(t *testing.T) {
	for _, tt := range []struct {
		name, flow string
		form       []string
	}{
		{"S3-19/sign-in", "identify", []string{"identifier", "alice@example.test", "password", "correct horse"}},
		{"S3-19/register", "register", []string{"email", "new@example.test", "password", "a good password"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, func(p *storage.Project) { p.LoginMaxFailed = 1000 })
			s.user("alice")
			b := s.browser()
			ar := request()
			at := b.begin(ar)
			var wg sync.WaitGroup
			answers := make([]*httptest.ResponseRecorder, 100)
			for i := range answers {
				r := b.request(http.MethodPost, at+"/"+tt.flow, values(tt.form...))
				answers[i] = httptest.NewRecorder()
				wg.Go(func() { s.handler.ServeHTTP(answers[i], r) })
			}
			wg.Wait()
			winners := 0
			for _, w := range answers {
				if w.Code >= http.StatusInternalServerError {
					t.Errorf("%d: %s", w.Code, w.Body)
				}
				if strings.Contains(strings.Join(w.Header()["Set-Cookie"], "\n"), "identity_session") {
					winners++
					b.keep(w)
				}
			}
			if n := strings.Count(s.dump(), "\nSession "); winners != 1 || n != 1 {
				t.Errorf("%d winners, %d sessions, want 1 of each", winners, n)
			}
			if got := s.actions("user.signed_in"); len(got) != 1 {
				t.Errorf("audit %v", got)
			}
			if row, err := b.resume(ar.ID); err != nil || !row.Done {
				t.Errorf("Resume: %v", err)
			}
		})
	}
}

// TestFailedCommit fails each commit of each step in turn: nothing half-written
// remains, and the person can go on.
func TestFailedCommit(t *testing.T) {
	for _, tt := range []struct {
		name, flow string
		form       []string
		ar         *storage.AuthorizationRequest
		signedIn   bool
		commits    int // that the step makes
	}{
		{"sign-in", "identify", []string{"identifier", "alice@example.test", "password", "correct horse"}, request(), false, 3},
		{"wrong-password", "identify", []string{"identifier", "alice@example.test", "password", "guess"}, request(), false, 3},
		{"register", "register", []string{"email", "new@example.test", "password", "a good password"}, request(), false, 2},
		{"consent", "consent", []string{"decision", "allow"}, request(thirdParty), true, 1},
		{"deny", "consent", []string{"decision", "deny"}, request(thirdParty), true, 1},
		{"other-account", "selectaccount", []string{"account", "other"}, request(prompt("select_account")), true, 1},
		{"current", "", nil, request(prompt("none")), true, 1},
	} {
		for n := 1; n <= tt.commits; n++ {
			t.Run(tt.name, func(t *testing.T) {
				s := newSite(t)
				s.hasher.outdated = true
				u := s.user("alice")
				b := s.browser()
				if tt.signedIn {
					b.signIn(u)
				}
				ar := *tt.ar
				at := b.begin(&ar)
				before := s.dump()
				s.repo.countdown.Store(int64(n))
				var w *httptest.ResponseRecorder
				if tt.flow == "" {
					w = b.get(at)
				} else {
					w = b.post(at+"/"+tt.flow, tt.form...)
				}
				if s.repo.countdown.Load() > 0 {
					t.Fatalf("the step makes fewer than %d commits", n)
				}
				wantPage(t, w, http.StatusServiceUnavailable, "try again")
				if w.Header().Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
				if after := s.dump(); after != before {
					t.Errorf("commit %d failed, and this was changed:\n%s\nbefore:\n%s", n, after, before)
				}
			})
		}
	}
}

// TestJSON: every step for front ends of one's own.
func TestJSON(t *testing.T) {
	s := newSite(t, func(p *storage.Project) { p.IdentifierFirst = true })
	u := s.user("alice")
	b := s.browser()
	b.header.Set("Accept", "application/json")
	call := func(w *httptest.ResponseRecorder, status int) map[string]any {
		t.Helper()
		if w.Code != status || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v\n%s", w.Code, w.Header(), w.Body)
		}
		var out map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	post := func(target string, body string) *httptest.ResponseRecorder {
		r := b.request(http.MethodPost, target, nil)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		r.Body = io.NopCloser(strings.NewReader(body))
		return b.send(r)
	}
	ar := request(thirdParty)
	at := b.begin(ar)
	step := call(b.get(at), http.StatusOK)
	if step["flow"] != "identify" || step["action"] != at+"/identify" || step["client"].(map[string]any)["client_name"] != "App" {
		t.Errorf("%v", step)
	}
	problem := call(post(at+"/identify", `{}`), http.StatusUnprocessableEntity)["problem"].(map[string]any)
	if problem["message"] != "problem.identifier_missing" || problem["field"] != "identifier" || problem["sentence"] == "" {
		t.Errorf("%v", problem)
	}
	call(post(at+"/identify", `["no object"]`), http.StatusBadRequest)
	call(post(at+"/identify", `{"identifier": 1}`), http.StatusBadRequest)
	if next := call(post(at+"/identify", `{"identifier":"alice@example.test"}`), http.StatusOK); next["redirect_to"] != at {
		t.Errorf("%v", next)
	}
	if step = call(b.get(at), http.StatusOK); step["flow"] != "password" {
		t.Errorf("%v", step)
	}
	call(post(at+"/password", `{"password":"guess"}`), http.StatusUnprocessableEntity)
	call(post(at+"/password", `{"password":"correct horse"}`), http.StatusOK)
	if step = call(b.get(at), http.StatusOK); step["flow"] != "consent" || step["view"].(map[string]any)["account"] != u.Email {
		t.Errorf("%v", step)
	}
	if next := call(post(at+"/consent", `{"decision":"allow"}`), http.StatusOK); next["redirect_to"] != "/authorize/resume?id="+ar.ID {
		t.Errorf("%v", next)
	}
	if gone := call(b.get("/interaction/nothing"), http.StatusGone)["problem"].(map[string]any); gone["message"] != "error.expired" {
		t.Errorf("%v", gone)
	}
	call(post(at+"/identify", `{"identifier":"`+strings.Repeat("x", 70<<10)+`"}`), http.StatusOK) // the step is over: not even read
	over := b.begin(request(prompt("login")))
	call(post(over+"/identify", `{"identifier":"`+strings.Repeat("x", 70<<10)+`"}`), http.StatusBadRequest)
}
