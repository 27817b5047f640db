package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// signInForm opens a sign-in and returns the form that takes the password,
// already filled in.
func (b *browser) signInForm(r request) form {
	b.t.Helper()
	p := b.get(b.server.authorizeURL(r))
	f, ok := p.form("password")
	if !ok || !f.has("password") {
		if f, ok = p.form("identifier"); !ok {
			b.t.Fatalf("no form: %s", p.text())
		}
		p = b.submit(f, map[string]string{"identifier": b.who.email})
		if f, ok = p.form("password"); !ok {
			b.t.Fatalf("no form takes a password: %s", p.text())
		}
	}
	f.values.Set("password", b.who.password)
	if f.has("identifier") {
		f.values.Set("identifier", b.who.email)
	}
	return f
}

// TestInteraction is what people's pages promise: S1-07 to S1-11, S3-01, S3-18,
// S3-19.
func TestInteraction(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"S1-09/opened-in-another-browser": func(t *testing.T, w *world) {
			victim, attacker := member(t, w), member(t, w)
			f := attacker.signInForm(w.request(w.web))
			for _, p := range []*page{victim.get(f.action.String()), victim.post(f.action.String(), f.values, w.issuer)} {
				if p.callback != nil || p.status < 400 {
					t.Errorf("status %d, redirected to %v, want an error page", p.status, p.callback)
				}
				for _, f := range p.forms {
					if f.has("password") {
						t.Error("the other browser is asked for a password")
					}
				}
			}
			victim.signedOut(w.web)
		},
		"S3-18/forged-by-another-site": func(t *testing.T, w *world) {
			b := member(t, w)
			f := b.signInForm(w.request(w.web))
			if p := b.post(f.action.String(), f.values, "https://evil.example.test"); p.status != http.StatusForbidden {
				t.Errorf("status %d, want 403", p.status)
			}
			b.signedOut(w.web)
		},
		"S3-19/resume-before-the-end": func(t *testing.T, w *world) {
			b := member(t, w)
			f := b.signInForm(w.request(w.web))
			for _, address := range []string{"/authorize/resume", "/authorize/resume?id=" + pathID(f.action.Path), "/authorize/resume?request=" + pathID(f.action.Path)} {
				if p := b.get(w.issuer + address); p.callback != nil && p.callback.Query().Has("code") {
					t.Errorf("%s gave a code", address)
				}
			}
		},
		"S3-19/consent-before-the-password": func(t *testing.T, w *world) {
			b := member(t, w)
			f := b.signInForm(w.request(w.third))
			consent := strings.TrimSuffix(f.action.Path, "/"+lastSegment(f.action.Path)) + "/consent"
			v := f.values
			v.Del("password")
			v.Set("decision", "allow")
			if p := b.post(w.issuer+consent, v, w.issuer); p.callback != nil && p.callback.Query().Has("code") {
				t.Error("a code without a password")
			}
		},
		"finished-once": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.web)
			f := b.signInForm(r)
			b.redeem(r, b.answer(r, b.finish(b.submit(f, nil))).Get("code"))
			if p := b.submit(f, nil); p.callback != nil && p.callback.Query().Has("code") {
				t.Error("the form that was sent again gave another code")
			}
		},
		"S3-01/unknown-account-as-wrong-password": func(t *testing.T, w *world) {
			answers := []*page{}
			for _, who := range []person{{email: w.alice.email, password: "wrong-password-1"}, {email: "nobody@example.test", password: "wrong-password-1"}} {
				b := newBrowser(t, w.server, who)
				answers = append(answers, b.submit(b.signInForm(w.request(w.web)), nil))
			}
			known, unknown := answers[0], answers[1]
			if known.callback != nil || unknown.callback != nil {
				t.Fatal("a wrong password led on")
			}
			if known.status != unknown.status {
				t.Errorf("status %d and %d", known.status, unknown.status)
			}
			if a, b := strings.ReplaceAll(known.text(), w.alice.email, "X"), strings.ReplaceAll(unknown.text(), "nobody@example.test", "X"); a != b {
				t.Errorf("the pages differ:\n%s\n%s", a, b)
			}
			for name := range known.header {
				if unknown.header.Get(name) == "" {
					t.Errorf("only one answer has the header %s", name)
				}
			}
		},
		"wrong-password-then-right": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.web)
			f := b.signInForm(r)
			p := b.submit(f, map[string]string{"password": "wrong-password-2"})
			if got, ok := p.form("password"); !ok || got.values.Get("password") != "" {
				t.Fatalf("no empty password field again: %s", p.text())
			} else if carried, _ := p.form("identifier"); carried.values.Get("identifier") != w.alice.email {
				t.Errorf("the identifier is %q: the person types it again", carried.values.Get("identifier"))
			}
			b.redeem(r, b.answer(r, b.finish(p)).Get("code"))
		},
		"password-managers": func(t *testing.T, w *world) {
			b := member(t, w)
			f := b.signInForm(w.request(w.web))
			if got := f.fields["password"]; got.kind != "password" || got.autocomplete != "current-password" {
				t.Errorf("the password field is %+v", got)
			}
			if got := f.fields["identifier"]; !strings.Contains(got.autocomplete, "username") {
				t.Errorf("the identifier's field is %+v", got)
			}
		},
		"S1-11/markup-in-every-field": func(t *testing.T, w *world) {
			payload := `"'><img src=x onerror=alert(1)><script>alert(1)</script>`
			b := member(t, w)
			for _, name := range []string{"login_hint", "ui_locales", "state", "display"} {
				p := b.get(w.authorizeURL(w.request(w.web, name, payload)))
				if strings.Contains(string(p.body), "<img src=x") || strings.Contains(string(p.body), "<script>alert") {
					t.Errorf("%s is not escaped", name)
				}
			}
			p := b.get(w.authorizeURL(w.request(w.web, "redirect_uri", payload)))
			b.errorPage(p, 400)
			if strings.Contains(string(p.body), "<img src=x") {
				t.Error("redirect_uri is not escaped")
			}
			c, err := w.another("markup", "--preset", "web", "--redirect-uri", webRedirect, "--name", payload)
			if err != nil {
				return // refused at registration is as good
			}
			c.redirect = webRedirect
			if p := b.get(w.authorizeURL(w.request(c))); strings.Contains(string(p.body), "<img src=x") {
				t.Error("the client's name is not escaped")
			}
		},
		"languages": func(t *testing.T, w *world) {
			b := member(t, w)
			en, de := b.get(w.authorizeURL(w.request(w.web))), b.get(w.authorizeURL(w.request(w.web, "ui_locales", "de")))
			if en.text() == de.text() || !strings.Contains(string(de.body), `lang="de`) {
				t.Error("ui_locales=de shows the same page")
			}
		},
		"json": func(t *testing.T, w *world) {
			b := member(t, w)
			f := b.signInForm(w.request(w.web))
			req := get(f.action.String())
			req.Header.Set("Accept", "application/json")
			resp, err := b.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
				t.Errorf("%d %s: a page of one's own can't be drawn", resp.StatusCode, resp.Header.Get("Content-Type"))
			}
		},
		"S3-18/json-without-its-content-type": func(t *testing.T, w *world) {
			b := member(t, w)
			f := b.signInForm(w.request(w.web))
			req := posted(f.action.String(), url.Values{"{": {"}"}})
			req.Header.Set("Content-Type", "text/plain")
			req.Header.Set("Origin", w.issuer)
			resp, err := b.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode < 400 {
				t.Errorf("status %d", resp.StatusCode)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}

func lastSegment(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// pathID is the id in /interaction/{id}/{flow}.
func pathID(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}
