package flows_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// waiter is a browser that waits to be let in.
type waiter struct {
	*browser
	at, id string
}

func qrSite(t *testing.T, change ...func(*storage.Project)) *site {
	t.Helper()
	return newSite(t, append([]func(*storage.Project){func(p *storage.Project) { p.SignIn.QREnabled = true }}, change...)...)
}

func (s *site) waiter(change ...func(*storage.AuthorizationRequest)) waiter {
	s.t.Helper()
	b := s.browser()
	b.header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	ar := request(change...)
	w := waiter{b, b.begin(ar), ar.ID}
	wantRedirect(s.t, b.post(w.at+"/qr", "decision", "start"), w.at)
	return w
}

// sees is what the waiting page shows.
func (w waiter) sees() templates.QRView {
	w.t.Helper()
	r := w.request(http.MethodGet, w.at, nil)
	r.Header.Set("Accept", "application/json")
	var page struct {
		Flow string
		View templates.QRView
	}
	if err := json.Unmarshal(w.send(r).Body.Bytes(), &page); err != nil {
		w.t.Fatal(err)
	}
	if page.Flow != "qr" {
		return templates.QRView{}
	}
	return page.View
}

// scan opens the link of the picture, and returns the ticket that comes of it, ""
// where the code is none.
func (b *browser) scan(link string) string {
	b.t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		b.t.Fatal(err)
	}
	w := b.get(u.RequestURI())
	if w.Code != http.StatusSeeOther {
		wantPage(b.t, w, http.StatusUnprocessableEntity, `name="code"`)
		return ""
	}
	u, err = url.Parse(w.Header().Get("Location"))
	if err != nil || u.Path != "/qr" {
		b.t.Fatalf("%v, %v", u, err)
	}
	return u.Query().Get("ticket")
}

func (b *browser) judge(ticket string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.get("/qr?ticket=" + url.QueryEscape(ticket))
}

// TestQR: one device lets another one in, which is signed in with what was proven
// on the first one, and when.
func TestQR(t *testing.T) {
	s := qrSite(t)
	u := s.user("alice")
	phone := s.browser()
	phone.signIn(u)
	proven := s.now()
	s.pass(time.Minute)
	w := s.waiter()
	view := w.sees()
	if view.State != "waiting" || view.URL != "https://id.example/qr?code="+strings.ReplaceAll(view.Code, "-", "") || len(view.Number) != 2 {
		t.Fatalf("%+v", view)
	}
	wantPage(t, w.get(w.at), http.StatusOK, view.Code, view.QRPath, `http-equiv="refresh"`)
	ticket := phone.scan(view.URL)
	wantPage(t, phone.judge(ticket), http.StatusOK, "Firefox, Linux", "192.0.2.1", "App", u.Email, view.Number, `value="deny"`)
	wantPage(t, phone.post("/qr", "ticket", ticket, "number", view.Number), http.StatusOK)
	if got := w.sees(); got.State != "allowed" {
		t.Fatalf("%+v", got)
	}
	if len(w.sessions()) != 0 {
		t.Error("looking signed somebody in")
	}
	wantRedirect(t, w.post(w.at+"/qr", "decision", "continue"), "/authorize/resume?id="+w.id)
	ar := w.done(w.id)
	if ar.Subject != u.ID || !slices.Equal(ar.AMR, []string{"pwd", "mca"}) || ar.ACR != flows.ACRPassword || !ar.AuthTime.Equal(proven) {
		t.Errorf("amr %v acr %s auth_time %s", ar.AMR, ar.ACR, ar.AuthTime)
	}
	if got := w.sessions(); len(got) != 1 || !got[0].AuthTime.Equal(proven) || got[0].ID == phone.sessions()[0].ID {
		t.Errorf("%+v", got)
	}
	if got := s.actions("qr_login.allowed"); len(got) != 1 {
		t.Errorf("audit: %v", got)
	}
}

// TestQRTypedCode: who has no camera types the code, however they write it.
func TestQRTypedCode(t *testing.T) {
	s := qrSite(t)
	phone := s.browser()
	phone.signIn(s.user("alice"))
	w := s.waiter()
	wantPage(t, phone.get("/qr"), http.StatusOK, `name="code"`)
	code := strings.NewReplacer("0", "o", "1", "l", "-", " ").Replace(strings.ToLower(w.sees().Code))
	if got := phone.post("/qr", "code", " "+code); got.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", got.Code, got.Body)
	}
}

// TestQRSecondFactor: nobody gets further on the new device than on the old one,
// nor past what the policy asks there.
func TestQRSecondFactor(t *testing.T) {
	s := qrSite(t)
	u := s.user("alice")
	phone := s.browser()
	phone.signIn(u)
	w := s.waiter()
	view := w.sees()
	phone.post("/qr", "ticket", phone.scan(view.URL), "number", view.Number)
	s.app(u) // set up after the phone signed in
	wantRedirect(t, w.post(w.at+"/qr", "decision", "continue"), w.at)
	if len(w.sessions()) != 0 {
		t.Fatal("signed in with one factor")
	}
	wantPage(t, w.get(w.at), http.StatusOK, "one-time-code")
	wantRedirect(t, w.post(w.at+"/totp", "code", s.appCode()), "/authorize/resume?id="+w.id)
}

// TestQRRefused: what another device must not do (S3-12).
func TestQRRefused(t *testing.T) {
	type scene struct {
		s     *site
		u     *storage.User
		phone *browser
		w     waiter
		view  templates.QRView
	}
	refused := func(c *scene, ticket string, pairs ...string) {
		c.s.t.Helper()
		c.phone.post("/qr", append([]string{"ticket", ticket, "number", c.view.Number}, pairs...)...)
	}
	for name, attempt := range map[string]func(t *testing.T, c *scene){
		"S3-12/code-of-a-minute-ago": func(t *testing.T, c *scene) {
			c.s.pass(time.Minute)
			if c.phone.scan(c.view.URL) != "" {
				t.Error("taken")
			}
			if c.w.sees().Code == c.view.Code {
				t.Error("the code did not change")
			}
		},
		"S3-12/after-the-end": func(t *testing.T, c *scene) {
			ticket := c.phone.scan(c.view.URL)
			c.s.pass(5 * time.Minute)
			c.phone.signIn(c.u)
			refused(c, ticket)
		},
		"S3-12/wrong-number": func(t *testing.T, c *scene) {
			ticket := c.phone.scan(c.view.URL)
			wantPage(t, c.phone.post("/qr", "ticket", ticket, "number", "00"), http.StatusOK)
			refused(c, ticket) // one try
			if got := c.w.sees(); got.State != "denied" {
				t.Errorf("%+v", got)
			}
			if got := c.s.actions("qr_login.denied"); !slices.Equal(got, []string{"qr_login.denied:wrong_number"}) {
				t.Errorf("audit %v", got)
			}
		},
		"S3-12/denied": func(t *testing.T, c *scene) {
			ticket := c.phone.scan(c.view.URL)
			c.phone.post("/qr", "ticket", ticket, "decision", "deny")
			refused(c, ticket)
			if got := c.s.actions("qr_login.denied"); !slices.Equal(got, []string{"qr_login.denied:denied"}) {
				t.Errorf("audit %v", got)
			}
		},
		"S3-12/ticket-of-another-browser": func(t *testing.T, c *scene) {
			mallory := c.s.browser()
			refused(c, mallory.scan(c.view.URL))
		},
		"S3-12/tampered-ticket": func(t *testing.T, c *scene) {
			ticket := []byte(c.phone.scan(c.view.URL))
			ticket[len(ticket)-1] ^= 1
			refused(c, string(ticket))
		},
		"S3-12/nobody-signed-in": func(t *testing.T, c *scene) {
			c.phone = c.s.browser()
			refused(c, c.phone.scan(c.view.URL))
		},
		"S3-12/old-proof": func(t *testing.T, c *scene) {
			c.s.pass(6 * time.Minute)
			c.w = c.s.waiter()
			c.view = c.w.sees()
			refused(c, c.phone.scan(c.view.URL))
		},
		"S3-12/old-code-after-a-new-one": func(t *testing.T, c *scene) {
			ticket := c.phone.scan(c.view.URL)
			c.w.post(c.w.at+"/qr", "decision", "new")
			refused(c, ticket)
		},
		"S3-12/another-site": func(t *testing.T, c *scene) {
			ticket := c.phone.scan(c.view.URL)
			c.phone.header.Set("Sec-Fetch-Site", "cross-site")
			refused(c, ticket)
		},
		"S3-12/switched-off": func(t *testing.T, c *scene) {
			ticket := c.phone.scan(c.view.URL)
			c.s.project.SignIn.QREnabled = false
			refused(c, ticket)
		},
		"S3-12/other-network": func(t *testing.T, c *scene) {
			c.s.project.SignIn.QRSameNetwork = true
			c.phone.ip = "198.51.100.7:4711"
			refused(c, c.phone.scan(c.view.URL))
		},
		"S3-12/signed-out-meanwhile": func(t *testing.T, c *scene) {
			refused(c, c.phone.scan(c.view.URL))
			if err := c.s.store.Commit(t.Context(), c.s.project.Scope(), c.s.store.Sessions.EndAll(c.u.ID)...); err != nil {
				t.Fatal(err)
			}
		},
		"S3-12/suspended-meanwhile": func(t *testing.T, c *scene) {
			refused(c, c.phone.scan(c.view.URL))
			c.u.Status = storage.UserSuspended
			if err := c.s.store.Commit(t.Context(), c.s.project.Scope(), c.s.store.Users.Replace(c.u)); err != nil {
				t.Fatal(err)
			}
		},
		"S3-12/continued-by-another-browser": func(t *testing.T, c *scene) {
			refused(c, c.phone.scan(c.view.URL))
			mallory := c.s.browser()
			wantPage(t, mallory.post(c.w.at+"/qr", "decision", "continue"), http.StatusForbidden)
			c.w.post(c.w.at+"/qr", "decision", "stop")
		},
		"OIDCCore-3.1.2.1/prompt-login-and-a-proof-of-before": func(t *testing.T, c *scene) {
			c.s.pass(time.Second)
			c.w = c.s.waiter(prompt("login"))
			c.view = c.w.sees()
			refused(c, c.phone.scan(c.view.URL))
		},
		"OIDCCore-3.1.2.1/another-person": func(t *testing.T, c *scene) {
			c.w = c.s.waiter(func(ar *storage.AuthorizationRequest) { ar.HintedSubject = "someone-else" })
			c.view = c.w.sees()
			refused(c, c.phone.scan(c.view.URL))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := qrSite(t)
			c := &scene{s: s, u: s.user("alice"), phone: s.browser()}
			c.phone.signIn(c.u)
			c.w = s.waiter()
			c.view = c.w.sees()
			attempt(t, c)
			c.w.post(c.w.at+"/qr", "decision", "continue")
			if ar, err := c.w.resume(c.w.id); err == nil && ar.Done {
				t.Error("the other device was let in")
			}
		})
	}
}

// TestQRStepUp: who has to prove again who they are comes back to the question.
func TestQRStepUp(t *testing.T) {
	for name, signedIn := range map[string]bool{"signed-in-long-ago": true, "nobody": false} {
		t.Run(name, func(t *testing.T) {
			s := qrSite(t)
			u := s.user("alice")
			phone := s.browser()
			if signedIn {
				phone.signIn(u)
				s.pass(time.Hour)
			}
			w := s.waiter()
			view := w.sees()
			ticket := phone.scan(view.URL)
			at := phone.judge(ticket).Header().Get("Location")
			if !strings.HasPrefix(at, "/interaction/") {
				t.Fatalf("sent to %q", at)
			}
			s.pass(90 * time.Second) // longer than the code lives
			back := "/qr?ticket=" + url.QueryEscape(ticket)
			wantRedirect(t, phone.post(at+"/identify", "identifier", u.Email, "password", "correct horse"), back)
			if _, err := phone.resume(strings.TrimPrefix(at, "/interaction/")); err == nil {
				t.Error("the protocol would answer a request that no client sent")
			}
			wantPage(t, phone.get(back), http.StatusOK, view.Number)
			wantPage(t, phone.post("/qr", "ticket", ticket, "number", view.Number), http.StatusOK)
			wantRedirect(t, w.post(w.at+"/qr", "decision", "continue"), "/authorize/resume?id="+w.id)
		})
	}
}

// TestQRRaced: of 100 answers of people who scanned the same code one counts, and
// of 100 clicks on the other device one signs in.
func TestQRRaced(t *testing.T) {
	s := qrSite(t)
	w := s.waiter()
	view := w.sees()
	type one struct {
		b      *browser
		ticket string
	}
	var all []one
	for i := range 20 {
		b := s.browser()
		b.signIn(s.user("user" + string(rune('a'+i))))
		all = append(all, one{b, b.scan(view.URL)})
	}
	var wg sync.WaitGroup
	for i := range 100 {
		o := all[i%len(all)]
		r := o.b.request(http.MethodPost, "/qr", values("ticket", o.ticket, "number", view.Number))
		wg.Go(func() { s.handler.ServeHTTP(httptest.NewRecorder(), r) })
	}
	wg.Wait()
	if got := s.actions("qr_login.allowed"); len(got) != 1 {
		t.Errorf("S3-12/raced: %d were let in by", len(got))
	}
	before := len(s.actions("user.signed_in"))
	for range 100 {
		r := w.request(http.MethodPost, w.at+"/qr", values("decision", "continue"))
		wg.Go(func() { s.handler.ServeHTTP(httptest.NewRecorder(), r) })
	}
	wg.Wait()
	if got := len(s.actions("user.signed_in")) - before; got != 1 {
		t.Errorf("S3-12/raced: %d sign-ins", got)
	}
}
