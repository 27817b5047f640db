package upstream_test

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/account"
	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// ownIdentities is wired as cmd/identity does it.
type ownIdentities struct{ *upstream.Flow }

func (o ownIdentities) Links(ctx context.Context, m *flows.Member) ([]templates.AccountLink, error) {
	all, err := o.Flow.Links(ctx, m.Project, m.User.ID)
	var out []templates.AccountLink
	for _, l := range all {
		out = append(out, templates.AccountLink{ID: l.ID, Provider: l.Provider.Name, Email: l.Email, Linked: l.LinkedAt, Works: l.Works})
	}
	return out, err
}

func (o ownIdentities) Linkable(ctx context.Context, m *flows.Member) ([]templates.ProviderButton, error) {
	return o.Flow.Linkable(ctx, m.Project)
}

func (o ownIdentities) Begin(ctx context.Context, m *flows.Member, provider, back string) (*templates.AccountLeaveView, error) {
	location, err := o.BeginLink(ctx, m.Interaction(), m.Account, provider, back)
	return &templates.AccountLeaveView{URL: location, Name: provider}, err
}

func (o ownIdentities) Unlink(ctx context.Context, m *flows.Member, id string, others int) ([]storage.Change, []storage.AuditEvent, error) {
	changes, events, err := o.Flow.Unlink(ctx, m.Interaction(), m.Account, id, others)
	if errors.Is(err, upstream.ErrLastWayIn) {
		err = &flows.Problem{Message: "problem.last_way_in"}
	}
	return changes, events, err
}

// home adds the pages of the account.
func (s *site) home() {
	rooms := s.engine.Rooms(account.Rooms(account.Config{Store: s.store, Username: fold, MaxLength: 1024, Identities: ownIdentities{s.flow}}))
	interactions := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/account") {
			rooms.ServeHTTP(w, r)
			return
		}
		interactions.ServeHTTP(w, r)
	})
}

var (
	formToken = regexp.MustCompile(`name="form_token" value="([^"]+)"`)
	leaves    = regexp.MustCompile(`href="([^"]+)" data-go`)
)

// security sends a form of the page of the ways in.
func (b *browser) security(pairs ...string) (status int, body, location string) {
	b.t.Helper()
	token := formToken.FindStringSubmatch(b.get("/account/sessions").Body.String())
	if token == nil {
		b.t.Fatal("nobody is signed in")
	}
	w := b.post("/account/security", append(pairs, "form_token", token[1])...)
	return w.Code, w.Body.String(), w.Header().Get("Location")
}

// signed is a browser where the account with the password is signed in.
func (s *site) signed(u *storage.User) *browser {
	s.t.Helper()
	b := s.open()
	b.post(b.at+"/identify", "identifier", u.Email)
	b.post(b.at+"/password", "password", "correct horse")
	if b.who() != u.ID {
		s.t.Fatal("not signed in")
	}
	return b
}

// TestAccountLinks: a person links an account elsewhere on the page of the ways in,
// signs in with it, and takes it away again.
func TestAccountLinks(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	s.home()
	s.mails = true
	in.claims["email"] = "elsewhere@example.test"
	u := s.user("alice@example.test", true)
	b := s.signed(u)
	if page := b.get("/account/security").Body.String(); !strings.Contains(page, `value="link"`) || strings.Contains(page, `value="unlink"`) {
		t.Fatalf("no way to link:\n%s", page)
	}
	status, body, _ := b.security("do", "link", "provider", "works")
	m := leaves.FindStringSubmatch(body)
	if status != http.StatusOK || m == nil {
		t.Fatalf("%d\n%s", status, body)
	}
	to, err := url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	w := b.get(b.visit(to))
	at := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(at, "/account/security?") || len(s.identities(u.ID)) != 1 {
		t.Fatalf("%d to %q, %d identities\n%.400s", w.Code, at, len(s.identities(u.ID)), w.Body)
	}
	if page := b.get(at).Body.String(); !strings.Contains(page, "The accounts are linked.") || !strings.Contains(page, "elsewhere@example.test") {
		t.Errorf("the page says nothing of it:\n%s", page)
	}
	if !s.audited("identity.linked", "") || s.letters() != 1 {
		t.Errorf("audited %v, %d letters", s.audited("identity.linked", ""), s.letters())
	}
	other := s.open()
	if other.signIn("works"); other.who() != u.ID {
		t.Error("the link signs nobody in")
	}
	id, before := s.identities(u.ID)[0].ID, s.letters()
	if status, _, location := b.security("do", "unlink", "identity", id); status != http.StatusSeeOther || location != "/account/security?done=removed" {
		t.Errorf("%d to %q", status, location)
	}
	if len(s.identities(u.ID)) != 0 || !s.audited("identity.unlinked", "") || s.letters() != before+1 {
		t.Errorf("%d identities, audited %v, %d letters", len(s.identities(u.ID)), s.audited("identity.unlinked", ""), s.letters())
	}
}

// TestAccountLinksRefused: an old sign-in, another person's link, the last way in,
// and what a stranger writes into the address.
func TestAccountLinksRefused(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	s.home()
	u, bob := s.user("alice@example.test", true), s.user("bob@example.test", true)
	identity := func(userID, subject string) *storage.OAuthIdentity {
		i := &storage.OAuthIdentity{ID: storage.NewID(), Provider: "works", Issuer: in.URL, Subject: subject, UserID: userID, LastUsed: time.Now(), CreatedOrder: 1}
		if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.OAuthIdentities.Add(i)); err != nil {
			t.Fatal(err)
		}
		return i
	}
	his, hers := identity(bob.ID, "u-bob"), identity(u.ID, "u-her")
	b := s.signed(u)
	t.Run("S3-15/another-person", func(t *testing.T) {
		if b.security("do", "unlink", "identity", his.ID); len(s.identities(bob.ID)) != 1 {
			t.Error("another person's link is gone")
		}
	})
	t.Run("S1-11/message-of-a-stranger", func(t *testing.T) {
		page := b.get("/account/security?problem=problem.wrong_password&provider=works").Body.String() +
			b.get("/account/security?problem=problem.upstream_down&provider="+url.QueryEscape("<b>Call 555</b>")).Body.String()
		if strings.Contains(page, `id="problem"`) || strings.Contains(page, "Call 555") {
			t.Error("the page says what the address says")
		}
		if page := b.get("/account/security?problem=problem.upstream_taken&provider=works").Body.String(); !strings.Contains(page, `id="problem"`) {
			t.Error("the page does not say what went wrong")
		}
	})
	t.Run("S3-15/last-way-in", func(t *testing.T) {
		if status, _, _ := b.security("do", "remove-password"); status != http.StatusSeeOther {
			t.Fatalf("the link is no way in: %d", status)
		}
		if status, _, _ := b.security("do", "unlink", "identity", hers.ID); status != http.StatusUnprocessableEntity || len(s.identities(u.ID)) != 1 {
			t.Errorf("the last way in: %d, %d left", status, len(s.identities(u.ID)))
		}
	})
	t.Run("S3-14/old-sign-in", func(t *testing.T) {
		s.project.SignIn.StepUp = time.Nanosecond
		for _, do := range []string{"link", "unlink"} {
			if _, _, location := b.security("do", do, "provider", "works", "identity", hers.ID); !strings.HasPrefix(location, "/interaction/") {
				t.Errorf("%s led to %q", do, location)
			}
		}
		s.project.SignIn.StepUp = 0
	})
}

// TestAccountGoneProvider: S3-15, an identity whose provider is gone is no way in.
func TestAccountGoneProvider(t *testing.T) {
	s := newSite(t, nil)
	s.home()
	u := s.user("alice@example.test", true)
	i := &storage.OAuthIdentity{ID: storage.NewID(), Provider: "gone", Issuer: "https://gone.example", Subject: "u", UserID: u.ID, LastUsed: time.Now(), CreatedOrder: 1}
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.OAuthIdentities.Add(i)); err != nil {
		t.Fatal(err)
	}
	b := s.signed(u)
	if status, _, _ := b.security("do", "remove-password"); status != http.StatusUnprocessableEntity {
		t.Errorf("the last way in was removed: %d", status)
	}
	if status, _, _ := b.security("do", "unlink", "identity", i.ID); status != http.StatusSeeOther || len(s.identities(u.ID)) != 0 {
		t.Errorf("what is no way in stays: %d", status)
	}
}

// letters is how many were left to be sent.
func (s *site) letters() int {
	s.t.Helper()
	page, err := s.store.Outbox.List(s.t.Context(), s.project.Scope(), storage.OutboxFilter{}, storage.PageRequest{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(page.Items)
}
