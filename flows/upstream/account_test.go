package upstream_test

import (
	"encoding/base32"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
)

// TestNewcomer: the first sign-in makes an account with what the provider says,
// the second one finds it by issuer and subject alone.
func TestNewcomer(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	b := s.open()
	u := b.leave("works")
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "identity", "redirect_uri": "https://id.example/upstream/works/callback",
		"scope": "openid email profile", "code_challenge_method": "S256",
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	w := b.get(b.visit(u))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/authorize/resume?id="+b.row.ID {
		t.Fatalf("%d to %q\n%s", w.Code, w.Header().Get("Location"), w.Body)
	}
	user, err := s.store.Users.Get(t.Context(), s.project.Scope(), b.who())
	if err != nil {
		t.Fatal(err)
	}
	if user.Email != "alice@example.test" || !user.EmailVerified || user.Name != "Alice Example" || user.GivenName != "Alice" {
		t.Errorf("account %+v", user)
	}
	row, err := s.store.AuthorizationRequests.Get(t.Context(), s.project.Scope(), b.row.ID)
	if err != nil || !slices.Equal(row.AMR, []string{"fed"}) || row.ACR != flows.ACRPassword {
		t.Errorf("amr %v, acr %s, %v", row.AMR, row.ACR, err)
	}
	if _, err := s.store.TenantDomains.ByDomain(t.Context(), s.project.Scope(), "example.test"); err != nil {
		t.Errorf("no organisation forms of an address that is believed: %v", err)
	}
	if in.users[0] != "identity" || in.tokens[0].Has("client_secret") {
		t.Error("the client did not authenticate as it is set to")
	}
	in.claims["email"], in.claims["name"] = "moved@example.test", "Somebody Else"
	again := s.open()
	if again.signIn("works"); again.who() != user.ID {
		t.Errorf("the same person got another account")
	}
	for _, action := range []string{"user.registered", "identity.linked", "identity.used"} {
		if !s.audited(action, "") {
			t.Errorf("no audit event %s", action)
		}
	}
}

// TestS316Subject: who it is depends on issuer and subject, never on the address.
func TestS316Subject(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in, func(p *storage.Provider) { p.TrustEmail = false }))
	first := s.open()
	first.signIn("works")
	if _, err := s.store.TenantDomains.ByDomain(t.Context(), s.project.Scope(), "example.test"); err == nil {
		t.Error("an organisation forms of an address that is not believed")
	}
	t.Run("S3-16/same-address-another-subject", func(t *testing.T) {
		in.claims["sub"] = "u-2" // the address was given to somebody else
		b := s.open()
		if b.signIn("works"); b.who() != "" {
			t.Error("an address was enough")
		}
	})
	t.Run("S3-16/same-subject-another-issuer", func(t *testing.T) {
		other := newStandIn(t) // the operator points the same name elsewhere
		other.claims["email"] = "bob@example.test"
		b := newSiteOn(t, s.store, nil, works(other)).open()
		if b.signIn("works"); b.who() == "" || b.who() == first.who() {
			t.Errorf("signed in %q", b.who())
		}
	})
}

// TestS306Linking: an account is never joined by its address alone.
func TestS306Linking(t *testing.T) {
	for _, tt := range []struct {
		name                     string
		trust, says, local, join bool
	}{
		{"both-verified-and-trusted", true, true, true, true},
		{"provider-not-trusted", false, true, true, false},
		{"provider-says-unverified", true, false, true, false},
		{"account-not-verified", true, true, false, false},
	} {
		t.Run("S3-06/"+tt.name, func(t *testing.T) {
			in := newStandIn(t)
			in.claims["email_verified"] = tt.says
			s := newSite(t, nil, works(in, func(p *storage.Provider) { p.TrustEmail = tt.trust }))
			s.mails = true
			u := s.user("alice@example.test", tt.local)
			b := s.open()
			b.signIn("works")
			if got := b.who() == u.ID; got != tt.join {
				t.Errorf("signed in to the account: %v, want %v", got, tt.join)
			}
			if got := len(s.identities(u.ID)); got != map[bool]int{true: 1}[tt.join] {
				t.Errorf("%d identities of the account", got)
			}
			if got := s.letters(); got != map[bool]int{true: 1}[tt.join] {
				t.Errorf("%d letters about a new way in", got)
			}
		})
	}
}

// TestS306Proof: who proves the account that has the address links it.
func TestS306Proof(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	s.mails = true
	u := s.user("alice@example.test", false)
	b := s.open()
	w := b.signIn("works")
	if at := b.at + "/upstream"; w.Header().Get("Location") != at {
		t.Fatalf("%d to %q, want %s", w.Code, w.Header().Get("Location"), at)
	}
	if page := b.get(b.at + "/upstream").Body.String(); !strings.Contains(page, "alice@example.test") || !strings.Contains(page, `value="continue"`) {
		t.Fatalf("the page does not say what is to be done:\n%s", page)
	}
	if b.post(b.at+"/upstream", "decision", "link"); len(s.identities(u.ID)) > 0 { // skips the proof
		t.Fatal("linked without a proof of the account")
	}
	b.begin()
	b.signIn("works")
	b.post(b.at+"/upstream", "decision", "continue")
	if w := b.post(b.at+"/password", "password", "correct horse"); w.Header().Get("Location") != b.at {
		t.Fatalf("%d to %q\n%.300s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if len(s.identities(u.ID)) > 0 {
		t.Fatal("linked without a question")
	}
	if page := b.get(b.at).Body.String(); !strings.Contains(page, `value="link"`) {
		t.Fatalf("no question:\n%s", page)
	}
	if w := b.post(b.at+"/upstream", "decision", "link"); w.Header().Get("Location") != "/authorize/resume?id="+b.row.ID {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if got := s.letters(); got != 1 {
		t.Errorf("%d letters about a new way in", got)
	}
	fresh := s.open()
	if fresh.signIn("works"); fresh.who() != u.ID {
		t.Error("the linked identity does not sign in")
	}
}

// TestS314TrustedLink: the identity of a provider whose addresses are trusted is
// linked without a question, and not before the account's second factor.
func TestS314TrustedLink(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in, func(p *storage.Provider) { p.TrustEmail = true }))
	s.mails = true
	s.project.SignIn.Policy.SecondFactor = storage.SecondFactorOff
	u, seed := s.user("alice@example.test", true), []byte("12345678901234567890")
	err := s.store.Commit(t.Context(), s.project.Scope(), s.store.TOTPCredentials.Set(s.project.Scope(), u.ID, seed, 0, time.Now())...)
	if err != nil {
		t.Fatal(err)
	}
	b := s.open()
	if b.signIn("works"); len(s.identities(u.ID)) > 0 || b.who() != "" {
		t.Fatal("linked by an address alone")
	}
	code, err := otp.GenerateCode(base32.StdEncoding.EncodeToString(seed), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b.post(b.at+"/totp", "code", code)
	if len(s.identities(u.ID)) != 1 || b.who() != u.ID || s.letters() != 1 {
		t.Errorf("%d identities, %q is signed in, %d letters", len(s.identities(u.ID)), b.who(), s.letters())
	}
}

// TestS314Link: an identity is a new way in, so who links one shows the second
// factor that the account has, where none is asked otherwise too.
func TestS314Link(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in, func(p *storage.Provider) { p.TrustEmail = false }))
	s.project.SignIn.Policy.SecondFactor = storage.SecondFactorOff
	u := s.user("alice@example.test", true)
	err := s.store.Commit(t.Context(), s.project.Scope(), s.store.TOTPCredentials.Set(s.project.Scope(), u.ID, []byte("12345678901234567890"), 0, time.Now())...)
	if err != nil {
		t.Fatal(err)
	}
	b := s.open()
	b.signIn("works")
	b.post(b.at+"/upstream", "decision", "continue")
	b.post(b.at+"/password", "password", "correct horse")
	if page := b.get(b.at).Body.String(); !strings.Contains(page, "one-time-code") {
		t.Errorf("the second factor is not asked:\n%.300s", page)
	}
	if b.post(b.at+"/upstream", "decision", "link"); len(s.identities(u.ID)) > 0 {
		t.Error("linked with a password alone")
	}
}

// TestSSORequired: where a project wants single sign-on, this is the way in.
func TestSSORequired(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	s.project.Login.SSORequired = true
	b := s.open()
	if b.signIn("works"); b.who() == "" {
		t.Error("nobody can sign in")
	}
}

// TestLeave: who does not want to link goes on without.
func TestLeave(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	u := s.user("alice@example.test", false)
	b := s.open()
	b.signIn("works")
	b.post(b.at+"/upstream", "decision", "continue")
	b.post(b.at+"/password", "password", "correct horse")
	if w := b.post(b.at+"/upstream", "decision", "leave"); w.Header().Get("Location") != "/authorize/resume?id="+b.row.ID {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if len(s.identities(u.ID)) > 0 {
		t.Error("linked all the same")
	}
}

// TestMFA: several factors at the provider count where it is trusted with that.
func TestMFA(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		in := newStandIn(t)
		in.claims["amr"] = []string{"pwd", "otp", "mfa"}
		s := newSite(t, nil, works(in, func(p *storage.Provider) { p.TrustMFA = trusted }))
		b := s.open()
		b.signIn("works")
		row, err := s.store.AuthorizationRequests.Get(t.Context(), s.project.Scope(), b.row.ID)
		if err != nil || (row.ACR == flows.ACRMultiFactor) != trusted {
			t.Errorf("trusted %v: acr %s, %v", trusted, row.ACR, err)
		}
	}
}

// TestAccountClosed: an account that may not be signed in is not, by no way.
func TestAccountClosed(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	b := s.open()
	b.signIn("works")
	u, err := s.store.Users.Get(t.Context(), s.project.Scope(), b.who())
	if err != nil {
		t.Fatal(err)
	}
	u.Status = storage.UserSuspended
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.Users.Replace(u)); err != nil {
		t.Fatal(err)
	}
	again := s.open()
	if w := again.signIn("works"); w.Code != http.StatusForbidden || again.who() != "" {
		t.Errorf("status %d, signed in %q", w.Code, again.who())
	}
}

// TestKeepTokens: the provider's tokens are kept where that is wished, sealed.
func TestKeepTokens(t *testing.T) {
	for _, keep := range []bool{true, false} {
		in := newStandIn(t)
		s := newSite(t, nil, works(in, func(p *storage.Provider) { p.KeepTokens = keep }))
		b := s.open()
		b.signIn("works")
		i := s.identities(b.who())[0]
		if (len(i.Sealed) > 0) != keep || strings.Contains(string(i.Sealed), "access_token") {
			t.Errorf("keep %v: %q", keep, i.Sealed)
		}
		if plain, err := s.store.OAuthIdentities.Kept(s.project.Scope(), i); keep && (err != nil || !strings.Contains(string(plain), "at-")) {
			t.Errorf("%s, %v", plain, err)
		}
	}
}

// account is who is signed in, as the account pages see it.
func (b *browser) account() (*flows.Interaction, flows.Account) {
	b.t.Helper()
	list, err := b.engine.Sessions(b.request(http.MethodGet, "/", nil), b.project)
	if err != nil || len(list) == 0 {
		b.t.Fatal(list, err)
	}
	u, err := b.store.Users.Get(b.t.Context(), b.project.Scope(), list[0].UserID)
	if err != nil {
		b.t.Fatal(err)
	}
	return &flows.Interaction{Project: b.project, Now: time.Now().UTC()}, flows.Account{Session: list[0], User: u}
}

// TestLinkFromAccount: somebody who is signed in links an identity, and unlinks
// it, but never the last way in.
func TestLinkFromAccount(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	u := s.user("bob@example.test", true)
	b := s.open()
	b.post(b.at+"/identify", "identifier", u.Email)
	b.post(b.at+"/password", "password", "correct horse")
	it, a := b.account()
	location, err := s.flow.BeginLink(t.Context(), it, a, "works", "/account/providers")
	if err != nil {
		t.Fatal(err)
	}
	at := b.visit(parse(t, location))
	stranger := s.open()
	if w := stranger.get(at); w.Code != http.StatusForbidden {
		t.Errorf("another browser: status %d", w.Code)
	}
	if w := b.get(at); w.Header().Get("Location") != "/account/providers?linked=works" {
		t.Fatalf("%d to %q\n%.300s", w.Code, w.Header().Get("Location"), w.Body)
	}
	links, err := s.flow.Links(t.Context(), s.project, u.ID)
	if err != nil || len(links) != 1 || links[0].Provider.Name != "Works" || links[0].Email != "alice@example.test" {
		t.Fatalf("%+v, %v", links, err)
	}
	t.Run("somebody-else's", func(t *testing.T) {
		v := s.user("carol@example.test", true)
		c := s.open()
		c.post(c.at+"/identify", "identifier", v.Email)
		c.post(c.at+"/password", "password", "correct horse")
		it, a := c.account()
		location, err := s.flow.BeginLink(t.Context(), it, a, "works", "/account/providers")
		if err != nil {
			t.Fatal(err)
		}
		if w := c.get(c.visit(parse(t, location))); w.Header().Get("Location") != "/account/providers?problem=problem.upstream_taken&provider=works" || len(s.identities(v.ID)) > 0 {
			t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
		}
	})
	t.Run("stale", func(t *testing.T) {
		late := *it
		late.Now = late.Now.Add(6 * time.Minute)
		if _, err := s.flow.BeginLink(t.Context(), &late, a, "works", "/account/providers"); err != upstream.ErrStale {
			t.Error(err)
		}
		if _, _, err := s.flow.Unlink(t.Context(), &late, a, links[0].ID, 1); err != upstream.ErrStale {
			t.Error(err)
		}
	})
	for _, back := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", ""} {
		t.Run("S1-12/"+back, func(t *testing.T) {
			if _, err := s.flow.BeginLink(t.Context(), it, a, "works", back); err == nil {
				t.Error("sent to a stranger")
			}
		})
	}
	t.Run("S3-15", func(t *testing.T) {
		if _, _, err := s.flow.Unlink(t.Context(), it, a, links[0].ID, 0); err != upstream.ErrLastWayIn {
			t.Fatal(err)
		}
		changes, events, err := s.flow.Unlink(t.Context(), it, a, links[0].ID, 1)
		if err != nil || len(events) != 1 {
			t.Fatal(err)
		}
		if err := s.store.Commit(t.Context(), s.project.Scope(), changes...); err != nil || len(s.identities(u.ID)) > 0 {
			t.Error(err)
		}
	})
}
