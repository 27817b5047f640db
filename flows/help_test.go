package flows_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestHelp: whoever asks gets the same answer; the request is stored, and the
// administrators who have proven their address get a letter.
func TestHelp(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Messages.HelpEnabled = true })
	admin, u := s.verified("admin"), s.verified("alice")
	admin.Role = "admin"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(admin)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*storage.User){
		"unproven": func(u *storage.User) { u.EmailVerified = false }, "suspended": func(u *storage.User) { u.Status = storage.UserSuspended },
	} {
		former := s.verified(name)
		former.Role = "admin"
		change(former)
		if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(former)); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(name string) string {
		b := s.browser()
		at := b.begin(request())
		wantPage(t, b.get(at+"/help"), http.StatusOK, "textarea")
		wantPage(t, b.post(at+"/help", "email", name+"@example.test", "message", ""), http.StatusUnprocessableEntity, "what you need help with")
		w := b.post(at+"/help", "email", name+"@example.test", "message", "I lost my <b>phone</b>.\u202e")
		wantRedirect(t, w, at+"/help")
		return neutral(b.get(at+"/help"), name, at)
	}
	if known, unknown := ask("alice"), ask("nobod"); known != unknown {
		t.Errorf("S3-01: with an account:\n%s\nwithout:\n%s", known, unknown)
	}
	for _, l := range s.letters() {
		if l.To != admin.Email {
			t.Errorf("a letter to %s, who is no administrator who has proven their address", l.To)
		}
	}
	if l := s.lastLetter("help_requested", admin.Email); !strings.Contains(l.Data["Message"].(string), "I lost my") || l.Data["Email"] != "nobod@example.test" {
		t.Errorf("%v", l.Data)
	}
	list, err := s.store.HelpRequests.List(t.Context(), s.project.Scope(), storage.HelpOpen, storage.PageRequest{})
	if err != nil || len(list.Items) != 2 || list.Items[0].UserID != u.ID || list.Items[1].UserID != "" || strings.Contains(list.Items[0].Message, "\u202e") {
		t.Fatalf("%+v, %v", list.Items, err)
	}
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.HelpRequests.Resolve(list.Items[0], "done", "operator", noon)); err != nil {
		t.Fatal(err)
	}
	if list, err = s.store.HelpRequests.List(t.Context(), s.project.Scope(), storage.HelpOpen, storage.PageRequest{}); err != nil || len(list.Items) != 1 {
		t.Errorf("%d open, %v", len(list.Items), err)
	}
	b := s.browser()
	at := b.begin(request())
	wantPage(t, b.post(at+"/help", "email", u.Email, "message", "again"), http.StatusTooManyRequests)
	s.pass(time.Minute)
	s.project.Messages.HelpEnabled = false
	wantRedirect(t, b.get(at+"/help"), at)
}

// TestHelpForSecondFactor: who has lost the second factor finds whom to ask on its
// page, and on the page of the codes, if there is somebody.
func TestHelpForSecondFactor(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Messages.HelpEnabled = true })
	u := s.verified("alice")
	s.app(u)
	b := s.browser()
	at, _ := b.password(u)
	for _, page := range []string{"/totp", "/recoverycode"} {
		wantPage(t, b.get(at+page), http.StatusOK, `href="`+at+`/help"`, "get in</a>")
	}
	wantPage(t, b.get(at+"/help"), http.StatusOK, "textarea")
	s.project.Messages.HelpEnabled = false
	for _, page := range []string{"/totp", "/recoverycode"} {
		if strings.Contains(b.get(at+page).Body.String(), "/help") {
			t.Errorf("%s leads to help where nobody can be asked", page)
		}
	}
}

// TestHelpFlood: of many requests from many networks the administrators see all
// and get twenty letters an hour; neither they nor who the requests name get fewer
// letters of their own (S3-03, S3-08).
func TestHelpFlood(t *testing.T) {
	s := newSite(t, mails, func(p *storage.Project) { p.Messages.HelpEnabled = true })
	admin, u := s.verified("admin"), s.verified("alice")
	admin.Role = "admin"
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(admin)); err != nil {
		t.Fatal(err)
	}
	ask := func(i int, email string) {
		b := s.browser()
		b.ip = fmt.Sprintf("198.51.%d.1:9", i)
		at := b.begin(request())
		wantRedirect(t, b.post(at+"/help", "email", email, "message", "let me in"), at+"/help")
	}
	for i := range 20 {
		ask(i, u.Email)
	}
	for i := range 5 {
		ask(i, fmt.Sprintf("other%d@example.test", i))
	}
	told := 0
	for _, l := range s.letters() {
		if l.Name == "help_requested" {
			told++
		}
	}
	list, err := s.store.HelpRequests.List(t.Context(), s.project.Scope(), storage.HelpOpen, storage.PageRequest{Limit: 100})
	if err != nil || told != 20 || len(list.Items) != 25 {
		t.Errorf("S3-08/help: %d letters, %d requests, %v", told, len(list.Items), err)
	}
	for _, who := range []*storage.User{u, admin} {
		s.browser().ask("emailcode", who.Email)
		s.lastLetter("code", who.Email)
	}
}
