package flows_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// TestAccountPassword: S3-13, what a change of the password ends.
func TestAccountPassword(t *testing.T) {
	for name, end := range map[string]bool{"S3-13/others-end": true, "S3-13/others-stay": false} {
		t.Run(name, func(t *testing.T) {
			s := newHome(t)
			u := s.user("alice")
			b, other := s.browser(), s.browser()
			before := b.signIn(u)
			other.signIn(u)
			grant := &storage.Grant{ID: storage.NewID(), UserID: u.ID, ClientID: "app", SessionID: before.ID, ExpiresAt: s.now().Add(time.Hour)}
			if err := s.store.Grants.Start(t.Context(), s.project.Scope(), grant); err != nil {
				t.Fatal(err)
			}
			pairs := []string{"password", "another password"}
			if end {
				pairs = append(pairs, "end_others", "1")
			}
			copied := b.cookies["__Host-identity_session"]
			wantRedirect(t, b.form("/account/password", pairs...), "/account/security?done=password")
			if len(b.sessions()) != 1 || len(other.sessions()) == 1 == end {
				t.Errorf("sessions: %d here, %d there", len(b.sessions()), len(other.sessions()))
			}
			_, err := s.store.Grants.Get(t.Context(), s.project.Scope(), grant.ID)
			if (err == nil) == end {
				t.Errorf("the grant: %v", err)
			}
			if after := b.sessions()[0]; end && (after.ID == before.ID || b.cookies["__Host-identity_session"] == copied || !after.AuthTime.Equal(before.AuthTime)) {
				t.Error("the session was not begun anew")
			}
			c := s.browser()
			at := c.begin(request(prompt("login")))
			wantPage(t, c.post(at+"/identify", "identifier", u.Email, "password", "correct horse"), http.StatusUnprocessableEntity)
			at = c.begin(request(prompt("login")))
			wantPage(t, c.post(at+"/identify", "identifier", u.Email, "password", "another password"), http.StatusSeeOther)
			if got := s.actions("password.changed"); len(got) != 1 {
				t.Errorf("audit: %v", got)
			}
			if !strings.Contains(s.dump(), "OutboxMessage") {
				t.Error("nobody told the owner")
			}
		})
	}
	t.Run("short", func(t *testing.T) {
		s := newHome(t)
		b := s.browser()
		b.signIn(s.user("alice"))
		wantPage(t, b.form("/account/password", "password", "short"), http.StatusUnprocessableEntity, "At least", `aria-invalid="true"`)
	})
}

// TestAccountLastWay: S3-15, the last way in is never removed.
func TestAccountLastWay(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	b := s.browser()
	b.signIn(u)
	if w := b.form("/account/security", "do", "remove-password"); w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("S3-15/password: %d", w.Code)
	}
	key := &storage.PasskeyCredential{ID: storage.NewID(), CredentialID: []byte("one"), UserID: u.ID, Name: "Phone", CreatedOrder: 1}
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.PasskeyCredentials.Add(key)); err != nil {
		t.Fatal(err)
	}
	wantRedirect(t, b.form("/account/security", "do", "rename", "passkey", key.ID, "name", "My phone"), "/account/security?done=saved")
	wantPage(t, b.get("/account/security"), http.StatusOK, "My phone")
	wantRedirect(t, b.form("/account/security", "do", "remove-passkey", "passkey", key.ID), "/account/security?done=removed")
	if _, err := s.store.PasswordCredentials.Get(t.Context(), s.project.Scope(), u.ID); err != nil {
		t.Error("the password is gone")
	}
	other := &storage.PasskeyCredential{ID: storage.NewID(), CredentialID: []byte("two"), UserID: s.user("bob").ID, Name: "His", CreatedOrder: 1}
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.PasskeyCredentials.Add(other)); err != nil {
		t.Fatal(err)
	}
	wantRedirect(t, b.form("/account/security", "do", "remove-passkey", "passkey", other.ID), "/account/security")
	if _, err := s.store.PasskeyCredentials.Find(t.Context(), s.project.Scope(), []byte("two")); err != nil {
		t.Error("another person's passkey is gone")
	}
}

// TestAccountSessions: one browser is signed out, and only one's own.
func TestAccountSessions(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	b, other, bob := s.browser(), s.browser(), s.browser()
	b.signIn(u)
	sid, foreign := other.signIn(u).ID, bob.signIn(s.user("bob")).ID
	var v templates.AccountSessionsView
	b.object("/account/sessions", &v)
	if len(v.Sessions) != 2 || !v.Sessions[0].Current || v.Sessions[1].ID != sid {
		t.Fatalf("%+v", v)
	}
	b.form("/account/sessions", "session", foreign)
	if len(bob.sessions()) != 1 {
		t.Error("another person was signed out")
	}
	wantRedirect(t, b.form("/account/sessions", "session", sid), "/account/sessions?done=session")
	if len(other.sessions()) != 0 || len(b.sessions()) != 1 {
		t.Error("the wrong browser was signed out")
	}
}

// TestAccountApps: an application loses what it was allowed and what it holds.
func TestAccountApps(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	b := s.browser()
	sid := b.signIn(u).ID
	for _, client := range []string{"app", "own"} {
		g := &storage.Grant{ID: client + "-grant", UserID: u.ID, ClientID: client, SessionID: sid, Scope: []string{"openid"}, ExpiresAt: s.now().Add(time.Hour)}
		if err := s.store.Grants.Start(t.Context(), s.project.Scope(), g); err != nil {
			t.Fatal(err)
		}
	}
	allow, err := s.store.Consents.Allow(t.Context(), s.project.Scope(), u.ID, "app", []string{"openid", "email"}, s.now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Commit(t.Context(), s.project.Scope(), allow); err != nil {
		t.Fatal(err)
	}
	for i, client := range []string{"app", "own"} {
		wantRedirect(t, b.form("/account/apps", "client", client), "/account/apps?done=client")
		if _, err := s.store.Grants.Get(t.Context(), s.project.Scope(), client+"-grant"); err == nil {
			t.Errorf("%s has its grant still", client)
		}
		var v templates.AccountClientsView
		b.object("/account/apps", &v)
		if len(v.Clients) != 1-i {
			t.Errorf("%+v", v)
		}
	}
	if got := s.actions("consent.withdrawn"); len(got) != 2 {
		t.Errorf("audit: %v", got)
	}
}

// TestAccountProfile: what people may write of themselves.
func TestAccountProfile(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	s.user("bob")
	b := s.browser()
	b.signIn(u)
	for _, bad := range [][2]string{
		{"name", "a\u202eb"}, {"name", strings.Repeat("x", 201)}, {"picture", "http://a.example/x"}, {"picture", "javascript:alert(1)"},
		{"birthdate", "31.12.1990"}, {"birthdate", "1990-02-30"}, {"locale", "not a language"}, {"zoneinfo", "Vienna"}, {"username", "a b"}, {"username", "a@b"},
	} {
		if w := b.form("/account/profile", bad[0], bad[1]); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `href="#`+bad[0]+`"`) {
			t.Errorf("%s=%q: %d", bad[0], bad[1], w.Code)
		}
	}
	wantRedirect(t, b.form("/account/profile", "name", "Alice A.", "birthdate", "0000-02-29", "zoneinfo", "Europe/Vienna", "locale", "de-AT", "username", "alice"), "/account/profile?done=saved")
	b.header.Set("Accept-Language", "es")
	wantPage(t, b.get("/account"), http.StatusOK, `<html lang="de"`) // what the person chose, before what the browser asks for
	after, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil || after.Name != "Alice A." || after.Birthdate != "0000-02-29" || after.UsernameKey != "alice" || !after.ProfileUpdatedAt.Equal(s.now()) {
		t.Errorf("%+v %v", after, err)
	}
	c := s.browser()
	c.signIn(func() *storage.User {
		u, _ := s.store.Users.ByEmail(t.Context(), s.project.Scope(), "bob@example.test")
		return u
	}())
	wantPage(t, c.get("/account"), http.StatusOK, `<html lang="en"`)
	wantPage(t, c.form("/account/profile", "username", "ALICE"), http.StatusUnprocessableEntity, "Please choose another one")
}

// TestAccountFactors: an app, its codes, and that no codes are shown twice.
func TestAccountFactors(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	b := s.browser()
	b.signIn(u)
	page := b.get("/account/authenticator")
	wantPage(t, b.post("/account/authenticator", "code", "000000", "offer", found(t, offerIn, page), "form_token", found(t, tokenIn, page)), http.StatusUnprocessableEntity)
	none := b.get("/account/recovery-codes") // they would stand in for nothing
	wantPage(t, none, http.StatusOK, `href="/account/authenticator"`)
	wantRedirect(t, b.form("/account/recovery-codes", "saved", "1", "offer", "x"), "/account/recovery-codes")
	if left, err := s.store.RecoveryCodes.Left(t.Context(), s.project.Scope(), u.ID); err != nil || left != 0 || strings.Contains(none.Body.String(), "form_token") {
		t.Errorf("codes for who has no app: %d, %v", left, err)
	}
	s.app(u)
	at, _ := b.password(u)
	b.post(at+"/totp", "code", s.appCode())
	first := b.get("/account/recovery-codes")
	shown := regexp.MustCompile(`[A-Z2-8]{4}-[A-Z2-8]{4}-[A-Z2-8]{4}`)
	pairs := []string{"saved", "1", "offer", found(t, offerIn, first), "form_token", found(t, tokenIn, first)}
	s.pass(time.Second)
	wantRedirect(t, b.post("/account/recovery-codes", pairs...), "/account/security?done=codes")
	if left, err := s.store.RecoveryCodes.Left(t.Context(), s.project.Scope(), u.ID); err != nil || left != 10 {
		t.Errorf("%d codes, %v", left, err)
	}
	second := b.get("/account/recovery-codes")
	if a, b := shown.FindAllString(first.Body.String(), -1), shown.FindAllString(second.Body.String(), -1); len(a) != 10 || slices.Contains(b, a[0]) {
		t.Errorf("the codes are shown again: %v %v", a, b)
	}
	wantPage(t, b.post("/account/recovery-codes", pairs...), http.StatusUnprocessableEntity, "was changed meanwhile")
}

// TestAccountExport: everything of the person, and nothing that signs in.
func TestAccountExport(t *testing.T) {
	s := newHome(t)
	u, other := s.user("alice"), s.user("bob")
	s.browser().signIn(other)
	b := s.browser()
	session := b.signIn(u)
	w := b.form("/account/data", "do", "export")
	wantPage(t, w, http.StatusOK, `"sub": "`+u.ID+`"`, "alice@example.test", "user.signed_in", `"sessions"`, `"applications"`)
	if !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Error("not a download")
	}
	digest, _ := session.SecretHash.MarshalText()
	for _, secret := range []string{string(digest), string(plainHash("correct horse")), "secret_hash", "bob@example.test", other.ID, b.cookies["__Host-identity_session"]} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("the export has %q", secret)
		}
	}
	if got := s.actions("user.exported"); len(got) != 1 {
		t.Errorf("audit: %v", got)
	}
}

// TestAccountDeletion: asked for, taken back by signing in.
func TestAccountDeletion(t *testing.T) {
	s := newHome(t, func(p *storage.Project) { p.DeletionGrace = 48 * time.Hour })
	u := s.user("alice")
	b, other := s.browser(), s.browser()
	b.signIn(u)
	other.signIn(u)
	wantPage(t, b.form("/account/data", "do", "delete"), http.StatusUnprocessableEntity)
	wantRedirect(t, b.form("/account/data", "do", "delete", "sure", "1"), "/account/left?done=deletion")
	wantPage(t, b.get("/account/left?done=deletion"), http.StatusOK, "will be deleted")
	pending, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil || pending.Status != storage.UserPendingDeletion || !pending.Deletion.At.Equal(s.now().Add(48*time.Hour)) || len(b.sessions())+len(other.sessions()) != 0 {
		t.Fatalf("%+v %v", pending, err)
	}
	s.pass(time.Hour)
	b.signIn(u)
	back, err := s.store.Users.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil || back.Status != storage.UserActive || back.Deletion != nil {
		t.Errorf("%+v %v", back, err)
	}
}

// TestAccountActivity: pages that follow one another and leave nothing out.
func TestAccountActivity(t *testing.T) {
	s := newHome(t)
	u := s.user("alice")
	b := s.browser()
	for range 20 {
		b.signIn(u)
		s.pass(time.Second)
	}
	seen, page := 0, "/account/activity"
	var last time.Time
	for page != "" {
		var v templates.AccountActivityView
		b.object(page, &v)
		for _, e := range v.Events {
			if !last.IsZero() && e.At.After(last) {
				t.Errorf("%s after %s", e.At, last)
			}
			last, seen = e.At, seen+1
		}
		page = v.OlderURL
	}
	if seen != 40 { // session.started or renewed, whose target is the session, and signed_in
		t.Errorf("%d events", seen)
	}
}
