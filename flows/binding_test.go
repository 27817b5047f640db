package flows_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestBrowserBinding: the interaction of one browser is closed to another.
func TestBrowserBinding(t *testing.T) {
	tests := []struct {
		name  string
		other func(s *site, mine *browser) *browser
	}{
		{"S1-09/no-cookie", func(s *site, _ *browser) *browser { return s.browser() }},
		{"S1-09/cookie-of-its-own", func(s *site, _ *browser) *browser {
			b := s.browser()
			b.begin(request())
			return b
		}},
		{"S1-09/session-but-no-binding", func(_ *site, mine *browser) *browser {
			b := mine.browser()
			for k, v := range mine.cookies {
				if !strings.Contains(k, "browser") {
					b.cookies[k] = v
				}
			}
			return b
		}},
		{"S1-18/cookie-twice", func(_ *site, mine *browser) *browser {
			b := mine.browser()
			var both []string
			for k, v := range mine.cookies {
				both = append(both, k+"="+v, k+"="+storage.NewSecret())
			}
			b.header.Set("Cookie", strings.Join(both, "; "))
			return b
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			u := s.user("alice")
			mine := s.browser()
			mine.signIn(u)
			ar := request(prompt("login"))
			location := mine.begin(ar)
			other := tt.other(s, mine)
			for target, w := range map[string]*httptest.ResponseRecorder{
				"GET":      other.get(location),
				"GET step": other.get(location + "/identify"),
				"POST":     other.post(location+"/identify", "identifier", u.Email, "password", "correct horse"),
			} {
				wantPage(t, w, http.StatusForbidden, "another browser")
				if strings.Contains(w.Body.String(), "App") {
					t.Errorf("%s tells the client's name", target)
				}
			}
			if row := s.row(ar.ID); row.Subject != "" || row.Version != 1 {
				t.Errorf("the row was advanced by another browser: %q, version %d", row.Subject, row.Version)
			}
			wantRedirect(t, mine.post(location+"/identify", "identifier", u.Email, "password", "correct horse"), "/authorize/resume?id="+ar.ID)
			if _, err := other.resume(ar.ID); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("Resume in another browser: %v, want ErrNotFound", err)
			}
			if _, err := mine.resume(ar.ID); err != nil {
				t.Errorf("Resume in its own browser: %v", err)
			}
		})
	}
}

// TestTabs: many tabs of one browser answer at once, under one cookie.
func TestTabs(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	first, second, third := request(thirdParty), request(), request(prompt("login"))
	at1, at2, at3 := b.begin(first), b.begin(second), b.begin(third)
	if len(b.cookies) != 1 {
		t.Fatalf("%d cookies, want 1: %v", len(b.cookies), b.cookies)
	}
	wantPage(t, b.get(at2), http.StatusOK, "password")
	wantRedirect(t, b.post(at1+"/identify", "identifier", u.Email, "password", "correct horse"), at1)
	// The second tab finds the person signed in when it is looked at again.
	wantRedirect(t, b.get(at2), "/authorize/resume?id="+second.ID)
	// prompt=login wants a proof of its own (OIDC Core §3.1.2.1).
	wantPage(t, b.get(at3), http.StatusOK, "password")
	wantRedirect(t, b.post(at1+"/consent", "decision", "allow"), "/authorize/resume?id="+first.ID)
	for _, id := range []string{first.ID, second.ID} {
		if row, err := b.resume(id); err != nil || row.Subject != u.ID || !row.Done {
			t.Errorf("Resume: %v, %v", row, err)
		}
	}
	if _, err := b.resume(third.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Resume before the proof: %v", err)
	}
}

// TestCookieAttributes: what a cookie of ours looks like.
func TestCookieAttributes(t *testing.T) {
	for issuer, prefix := range map[string]string{
		"https://id.example": "__Host-", "http://localhost:8080": "", "https://id.example/p/x": "__Host-",
	} {
		t.Run("S1-18/attributes of "+issuer, func(t *testing.T) {
			s := newSite(t, func(p *storage.Project) { p.Issuer = issuer })
			u := s.user("alice")
			b := s.browser()
			ar := request()
			w := httptest.NewRecorder()
			location, err := s.engine.Begin(w, b.request(http.MethodGet, "/authorize", nil), s.project, ar)
			if err != nil {
				t.Fatal(err)
			}
			seen := b.keep(w).Result().Cookies()
			location = strings.TrimPrefix(location, "/p/x")
			seen = append(seen, b.post(location+"/identify", "identifier", u.Email, "password", "correct horse").Result().Cookies()...)
			if len(seen) != 4 {
				t.Fatalf("%d cookies, want browser, session, state and device: %v", len(seen), seen)
			}
			for _, c := range seen {
				if !strings.HasPrefix(c.Name, prefix+"identity_") {
					t.Errorf("%s has not the prefix %q", c.Name, prefix)
				}
				script, site := false, http.SameSiteLaxMode
				if strings.HasPrefix(c.Name, prefix+"identity_state") { // read in a frame of another site
					if script = true; prefix != "" {
						site = http.SameSiteNoneMode
					}
				}
				if c.Secure != (prefix != "") || c.HttpOnly == script || c.Path != "/" || c.Domain != "" || c.SameSite != site {
					t.Errorf("%s", c)
				}
				if strings.HasSuffix(issuer, "/p/x") != (strings.Count(c.Name, "_") == 4) && prefix != "" {
					t.Errorf("%s: a project on a path has cookies of its own", c.Name)
				}
			}
		})
	}
}

// TestOver: what is answered, expired or unknown can't be gone on with.
func TestOver(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	answered, late := request(), request()
	answeredAt, lateAt := b.begin(answered), b.begin(late)
	wantRedirect(t, b.post(answeredAt+"/identify", "identifier", u.Email, "password", "correct horse"), "/authorize/resume?id="+answered.ID)
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.AuthorizationRequests.Take(answered.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.resume(answered.ID); !errors.Is(err, storage.ErrConsumed) {
		t.Errorf("Resume of what was answered: %v, want ErrConsumed", err)
	}
	s.pass(time.Hour)
	for name, at := range map[string]string{"answered": answeredAt, "expired": lateAt, "unknown": "/interaction/nothing"} {
		t.Run(name, func(t *testing.T) {
			wantPage(t, b.get(at), http.StatusGone, "start again")
			wantPage(t, b.post(at+"/identify", "identifier", u.Email), http.StatusGone, "start again")
		})
	}
	if _, err := b.resume(late.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Resume of what expired: %v, want ErrNotFound", err)
	}
	wantPage(t, b.get("/interaction/nothing/nowhere"), http.StatusNotFound)
}
