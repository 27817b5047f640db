package conformance

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// account opens a page of the account and proves who it is where that is asked.
func (b *browser) account(path string) *page {
	b.t.Helper()
	p := b.get(b.server.issuer + path)
	for range 4 {
		if strings.HasPrefix(p.url.Path, "/account") {
			break
		}
		p = b.step(p)
	}
	if p.url.Path != path || p.status != http.StatusOK {
		b.t.Fatalf("%s led to %s %d: %s", path, p.url, p.status, p.text())
	}
	for _, wrong := range p.wrongs() {
		b.t.Error(wrong)
	}
	return p
}

// press sends the form of an account page that has this button or field.
func (b *browser) press(p *page, name, value string, typed map[string]string) *page {
	b.t.Helper()
	for _, f := range p.forms {
		if f.offers(name, value) || f.has(name) || f.values.Get(name) != "" && f.values.Get(name) == value {
			return b.submit(f, typed, name, value)
		}
	}
	b.t.Fatalf("%s has no %s=%s: %s", p.url.Path, name, value, p.text())
	return nil
}

// TestAccountPages: a person without script sees and changes what is theirs.
func TestAccountPages(t *testing.T) {
	begin := func(t *testing.T, w *world) *browser {
		who, err := w.addPerson("own", "Olive Own")
		if err != nil {
			t.Fatal(err)
		}
		return newBrowser(t, w.server, who)
	}
	offline := []string{"scope", "openid profile email offline_access", "prompt", "consent"}
	for name, run := range map[string]func(*testing.T, *world){
		"every-page": func(t *testing.T, w *world) {
			b := begin(t, w)
			for _, path := range []string{"", "/profile", "/security", "/password", "/passkey", "/authenticator", "/recovery-codes", "/sessions", "/apps", "/activity", "/data"} {
				if p := b.account("/account" + path); !strings.Contains(p.text(), "Security") {
					t.Errorf("%s: %s", path, p.text())
				}
			}
			if p := b.get(w.issuer + "/.well-known/change-password"); p.url.Path != "/account/password" {
				t.Errorf("change-password led to %s", p.url)
			}
			if p := b.get(w.issuer + "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"); p.status != http.StatusNotFound {
				t.Errorf("a well-known resource that is none: %d", p.status)
			}
		},
		"change-password": func(t *testing.T, w *world) {
			b := begin(t, w)
			held := b.tokens(w.web, offline...)
			other := newBrowser(t, w.server, b.who)
			other.account("/account")
			next := "pw-" + rand.Text()
			w.log.secret(next)
			p := b.press(b.account("/account/password"), "end_others", "1", map[string]string{"password": next})
			if p.url.Path != "/account/security" || !strings.Contains(p.text(), "The password was changed.") {
				t.Fatalf("%s: %s", p.url, p.text())
			}
			if p := other.get(w.issuer + "/account"); p.url.Path == "/account" {
				t.Error("S3-13: the other browser is signed in still")
			}
			w.refresh(t, w.web, held.refresh).wantError(t, 400, "invalid_grant")
			c := newBrowser(t, w.server, person{email: b.who.email, password: next, sub: b.who.sub})
			c.account("/account")
		},
		"sign-out-everywhere": func(t *testing.T, w *world) {
			b := begin(t, w)
			held := b.tokens(w.web, offline...)
			other := newBrowser(t, w.server, b.who)
			other.account("/account")
			if p := b.press(b.account("/account/sessions"), "do", "everywhere", nil); p.url.Path != "/account/left" {
				t.Fatalf("%s: %s", p.url, p.text())
			}
			for _, x := range []*browser{b, other} {
				if p := x.get(w.issuer + "/account"); p.url.Path == "/account" {
					t.Error("a browser is signed in still")
				}
			}
			w.refresh(t, w.web, held.refresh).wantError(t, 400, "invalid_grant")
		},
		"revoke-an-application": func(t *testing.T, w *world) {
			b := begin(t, w)
			held := b.tokens(w.web, offline...)
			p := b.press(b.account("/account/apps"), "client", w.web.ID, nil)
			if !strings.Contains(p.text(), "No application has access") {
				t.Errorf("%s", p.text())
			}
			w.refresh(t, w.web, held.refresh).wantError(t, 400, "invalid_grant")
		},
		"export": func(t *testing.T, w *world) {
			b := begin(t, w)
			f, _ := b.account("/account/data").form("do")
			f.values.Set("do", "export")
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.action.String(), strings.NewReader(f.values.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			resp, err := b.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			var got struct {
				Account struct{ Sub, Email string }
			}
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Account.Sub != b.who.sub || got.Account.Email != b.who.email {
				t.Errorf("%d %v: %+v", resp.StatusCode, err, got)
			}
			if !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
				t.Error("not a download")
			}
		},
		"delete-and-come-back": func(t *testing.T, w *world) {
			b := begin(t, w)
			p := b.press(b.account("/account/data"), "do", "delete", map[string]string{"sure": "1"})
			if p.url.Path != "/account/left" || !strings.Contains(p.text(), "will be deleted") {
				t.Fatalf("%s: %s", p.url, p.text())
			}
			if p := b.account("/account/activity"); !strings.Contains(p.text(), "Deletion of the account cancelled") {
				t.Errorf("%s", p.text())
			}
		},
		"S3-18/form-of-another-site": func(t *testing.T, w *world) {
			b := begin(t, w)
			f, _ := b.account("/account/sessions").form("do")
			f.values.Set("do", "everywhere")
			if p := b.post(f.action.String(), f.values, "https://evil.example"); p.status != http.StatusForbidden {
				t.Errorf("%d", p.status)
			}
			b.account("/account")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}
