package flows_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

func maxAge(seconds int64) func(*storage.AuthorizationRequest) {
	return func(ar *storage.AuthorizationRequest) { ar.MaxAge = &seconds }
}

// TestSilent: what a request needs of a browser where alice signed in an hour ago
// and bob, who is current, half an hour ago.
func TestSilent(t *testing.T) {
	var alice, bob *storage.User
	type change = func(*storage.AuthorizationRequest)
	hinted := func(u **storage.User) change {
		return func(ar *storage.AuthorizationRequest) { ar.HintedSubject = (*u).ID }
	}
	login := func(hint string) change {
		return func(ar *storage.AuthorizationRequest) { ar.LoginHint = hint }
	}
	stranger := &storage.User{ID: "someone-else"}
	tests := []struct {
		name   string // the section that is tried
		change []change
		want   string
		who    **storage.User
	}{
		{"OIDCCore-3.1.2.1/current-session", nil, "", &bob},
		{"OIDCCore-3.1.2.1/prompt-none", []change{prompt("none")}, "", &bob},
		{"OIDCCore-3.1.2.1/prompt-login", []change{prompt("login")}, "login", nil},
		{"OIDCCore-3.1.2.1/prompt-consent", []change{prompt("consent")}, "consent", nil},
		{"OIDCCore-3.1.2.1/prompt-login-consent", []change{prompt("login", "consent")}, "login", nil},
		{"OIDCCore-3.1.2.1/prompt-select_account", []change{prompt("select_account")}, "select_account", nil},
		{"InitiatingUserRegistration-4/prompt-create", []change{prompt("create")}, "login", nil},
		{"OIDCCore-3.1.2.1/max_age-younger", []change{maxAge(1900)}, "", &bob},
		{"OIDCCore-3.1.2.1/max_age-older", []change{maxAge(1700)}, "login", nil},
		{"OIDCCore-3.1.2.1/max_age-0", []change{maxAge(0)}, "login", nil},
		{"OIDCCore-3.1.2.1/id_token_hint-current", []change{hinted(&bob)}, "", &bob},
		{"OIDCCore-3.1.2.1/id_token_hint-other-account", []change{hinted(&alice)}, "", &alice},
		{"OIDCCore-3.1.2.1/id_token_hint-stranger", []change{hinted(&stranger)}, "login", nil},
		{"OIDCCore-3.1.2.1/id_token_hint-too-old", []change{hinted(&alice), maxAge(1900)}, "login", nil},
		{"OIDCCore-3.1.2.1/login_hint-other-account", []change{login("Alice@example.test")}, "", &alice},
		{"OIDCCore-3.1.2.1/login_hint-stranger", []change{login("carol@example.test")}, "", &bob},
		{"OIDCCore-3.1.2.4/third-party", []change{thirdParty}, "consent", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			alice, bob = s.user("alice"), s.user("bob")
			b := s.browser()
			b.signIn(alice)
			s.pass(30 * time.Minute)
			b.signIn(bob)
			s.pass(30 * time.Minute)
			before := s.dump()
			ar := request(tt.change...)
			got := b.silent(ar)
			if got != tt.want || ar.Done != (tt.want == "") {
				t.Fatalf("needs %q (done %v), want %q", got, ar.Done, tt.want)
			}
			if tt.want != "" {
				if ar.Subject != "" || ar.SessionID != "" {
					t.Errorf("%s is told although %q is needed", ar.Subject, got)
				}
			} else if ar.Subject != (*tt.who).ID || ar.SessionID == "" || ar.AuthTime.IsZero() || !slices.Equal(ar.AMR, []string{"pwd"}) || ar.ACR != "pwd" {
				t.Errorf("subject %s, session %q, auth_time %s, amr %v, acr %q", ar.Subject, ar.SessionID, ar.AuthTime, ar.AMR, ar.ACR)
			}
			if after := s.dump(); len(after) != len(before) {
				t.Errorf("something was stored:\n%s", after)
			}
		})
	}
}

// TestFreshProof: what the client asks for is proven in this interaction, once.
func TestFreshProof(t *testing.T) {
	for name, change := range map[string]func(*storage.AuthorizationRequest){
		"OIDCCore-3.1.2.1/prompt-login": prompt("login"),
		"OIDCCore-3.1.2.1/max_age-0":    maxAge(0),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			u := s.user("alice")
			b := s.browser()
			b.signIn(u)
			if got := b.silent(request(change)); got != "login" { // in the same instant
				t.Errorf("needs %q", got)
			}
			s.pass(time.Minute)
			ar := request(change)
			at := b.begin(ar)
			wantPage(t, b.get(at), http.StatusOK, "password", u.Email)
			wantRedirect(t, b.post(at+"/identify", "identifier", u.Email, "password", "correct horse"), "/authorize/resume?id="+ar.ID)
			row, err := b.resume(ar.ID)
			if err != nil || !row.AuthTime.Equal(s.now()) {
				t.Errorf("auth_time %s, want %s; %v", row.AuthTime, s.now(), err)
			}
		})
	}
}

// TestHintedSubject: a client that asked for one person gets nobody else.
func TestHintedSubject(t *testing.T) {
	s := newSite(t)
	alice, bob := s.user("alice"), s.user("bob")
	b := s.browser()
	ar := request(func(ar *storage.AuthorizationRequest) { ar.HintedSubject = alice.ID })
	at := b.begin(ar)
	wantRedirect(t, b.post(at+"/identify", "identifier", bob.Email, "password", "correct horse"), "/authorize/resume?id="+ar.ID)
	row, err := b.resume(ar.ID)
	if err != nil || row.Denied != "login_required" || row.Done {
		t.Errorf("OIDCCore-3.1.2.1/id_token_hint: denied %q, done %v, %v", row.Denied, row.Done, err)
	}
}

// TestEssentialACR: a request that insists on more than was proven is not
// answered.
func TestEssentialACR(t *testing.T) {
	essential := func(values ...string) func(*storage.AuthorizationRequest) {
		return func(ar *storage.AuthorizationRequest) { ar.EssentialACR, ar.ACRValues = values, values }
	}
	for _, tt := range []struct {
		name   string
		values []string
		needed string
		denied string
	}{
		{"OIDCCore-5.5.1.1/reached", []string{"mfa", "pwd"}, "", ""},
		{"OIDCCore-5.5.1.1/not-reached", []string{"mfa"}, "interaction", "unmet_authentication_requirements"},
		{"OIDCCore-5.5.1.1/unknown", []string{"urn:example:gold"}, "interaction", "unmet_authentication_requirements"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, func(p *storage.Project) { p.SignIn.Policy.Second = []string{"none"} })
			u := s.user("alice")
			ended := func(b *browser, ar *storage.AuthorizationRequest) {
				t.Helper()
				row, err := b.resume(ar.ID)
				if err != nil || row.Denied != tt.denied || row.Done != (tt.denied == "") {
					t.Errorf("denied %q, done %v, %v", row.Denied, row.Done, err)
				}
			}
			b := s.browser()
			ar := request(essential(tt.values...))
			wantRedirect(t, b.post(b.begin(ar)+"/identify", "identifier", u.Email, "password", "correct horse"), "/authorize/resume?id="+ar.ID)
			ended(b, ar) // after a sign-in

			if got := b.silent(request(essential(tt.values...), prompt("none"))); got != tt.needed {
				t.Errorf("needs %q, want %q", got, tt.needed)
			}
			ar = request(essential(tt.values...))
			wantRedirect(t, b.get(b.begin(ar)), "/authorize/resume?id="+ar.ID)
			ended(b, ar) // from a session
		})
	}
}

// TestSelectAccount: the chooser, and both ways on from it.
func TestSelectAccount(t *testing.T) {
	s := newSite(t)
	alice, bob := s.user("alice"), s.user("bob")
	b := s.browser()
	forAlice := b.signIn(alice)
	b.signIn(bob)

	ar := request(prompt("select_account"))
	at := b.begin(ar)
	wantPage(t, b.get(at), http.StatusOK, alice.Email, bob.Email)
	wantPage(t, b.post(at+"/selectaccount", "account", "not-a-session"), http.StatusUnprocessableEntity, "choose one")
	wantRedirect(t, b.post(at+"/selectaccount", "account", forAlice.ID), "/authorize/resume?id="+ar.ID)
	if row, err := b.resume(ar.ID); err != nil || row.Subject != alice.ID {
		t.Errorf("chosen %v, %v", row, err)
	}
	if b.sessions()[0].UserID != alice.ID {
		t.Error("who was chosen is not the current one")
	}

	ar = request(prompt("select_account"))
	at = b.begin(ar)
	wantRedirect(t, b.post(at+"/selectaccount", "account", "other"), at)
	wantPage(t, b.get(at), http.StatusOK, "identifier")

	t.Run("OIDCCore-3.1.2.1/select_account and login", func(t *testing.T) {
		ar := request(prompt("login", "select_account"))
		at := b.begin(ar)
		wantRedirect(t, b.post(at+"/selectaccount", "account", forAlice.ID), at)
		wantPage(t, b.get(at), http.StatusOK, alice.Email, `name="password"`)
		if row := s.row(ar.ID); row.Subject != "" {
			t.Error("choosing proved who it is")
		}
		wantRedirect(t, b.post(at+"/password", "password", "correct horse"), "/authorize/resume?id="+ar.ID)
	})
	t.Run("S1-09/session of another browser", func(t *testing.T) {
		stranger := s.browser()
		stranger.signIn(bob)
		at := stranger.begin(request(prompt("select_account")))
		wantPage(t, stranger.post(at+"/selectaccount", "account", forAlice.ID), http.StatusUnprocessableEntity)
	})
}

// TestConsent: what is asked, remembered and asked again.
func TestConsent(t *testing.T) {
	scope := func(names ...string) func(*storage.AuthorizationRequest) {
		return func(ar *storage.AuthorizationRequest) { ar.Scope = names }
	}
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	b.signIn(u)
	allow := func(ar *storage.AuthorizationRequest) {
		t.Helper()
		at := b.begin(ar)
		wantPage(t, b.get(at), http.StatusOK, "app.example", u.Email, "decision")
		wantRedirect(t, b.post(at+"/consent", "decision", "allow"), "/authorize/resume?id="+ar.ID)
	}
	allow(request(thirdParty, scope("openid", "email")))
	byName := func(names ...string) func(*storage.AuthorizationRequest) {
		return func(ar *storage.AuthorizationRequest) { ar.ConsentScope = names }
	}
	native := func(ar *storage.AuthorizationRequest) { ar.Native = true }
	tests := []struct {
		name   string
		change []func(*storage.AuthorizationRequest)
		want   string
	}{
		{"S1-15/remembered", []func(*storage.AuthorizationRequest){thirdParty}, ""},
		{"S1-15/narrower", []func(*storage.AuthorizationRequest){thirdParty, scope("openid")}, ""},
		{"S1-15/wider", []func(*storage.AuthorizationRequest){thirdParty, scope("openid", "email", "phone")}, "consent"},
		{"S1-15/claims-by-name", []func(*storage.AuthorizationRequest){thirdParty, byName("openid", "email", "phone")}, "consent"},
		{"S1-15/claims-by-name-allowed", []func(*storage.AuthorizationRequest){thirdParty, byName("openid", "email")}, ""},
		{"RFC8252-8.6/native", []func(*storage.AuthorizationRequest){thirdParty, native}, "consent"},
		{"RFC8252-8.6/native-prompt-none", []func(*storage.AuthorizationRequest){thirdParty, native, prompt("none")}, "consent"},
		{"RFC8252-8.6/native-first-party", []func(*storage.AuthorizationRequest){native}, ""},
		{"OIDCCore-11/offline_access", []func(*storage.AuthorizationRequest){thirdParty, scope("openid", "offline_access")}, "consent"},
		{"S1-15/other-client", []func(*storage.AuthorizationRequest){thirdParty, func(ar *storage.AuthorizationRequest) { ar.ClientID = "other" }}, "consent"},
		{"OIDCCore-3.1.2.1/prompt-consent", []func(*storage.AuthorizationRequest){thirdParty, prompt("consent")}, "consent"},
		{"OIDCCore-11/first-party", []func(*storage.AuthorizationRequest){scope("openid", "offline_access")}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := b.silent(request(tt.change...)); got != tt.want {
				t.Errorf("needs %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("S1-15/what-is-new", func(t *testing.T) {
		b.header.Set("Accept", "application/json")
		defer b.header.Del("Accept")
		wantPage(t, b.get(b.begin(request(thirdParty, scope("openid", "offline_access")))), http.StatusOK,
			`{"scope":"openid","new":false},{"scope":"offline_access","new":true}`)
	})
	t.Run("S1-15/wider is added", func(t *testing.T) {
		allow(request(thirdParty, scope("openid", "phone")))
		if got := b.silent(request(thirdParty, scope("openid", "email", "phone"))); got != "" {
			t.Errorf("needs %q", got)
		}
	})
	t.Run("S1-15/claims by name are shown and remembered", func(t *testing.T) {
		ar := request(thirdParty, scope("openid"), byName("openid", "address"))
		at := b.begin(ar)
		b.header.Set("Accept", "application/json")
		wantPage(t, b.get(at), http.StatusOK, `{"scope":"address","new":true}`)
		b.header.Del("Accept")
		wantRedirect(t, b.post(at+"/consent", "decision", "allow"), "/authorize/resume?id="+ar.ID)
		if got := b.silent(request(thirdParty, scope("openid"), byName("openid", "address"))); got != "" {
			t.Errorf("needs %q", got)
		}
	})
	t.Run("RFC8252-8.6/native each time, but in development", func(t *testing.T) {
		allow(request(thirdParty, native))
		allow(request(thirdParty, native))
		s.project.InsecureDevelopment = true
		defer func() { s.project.InsecureDevelopment = false }()
		if got := b.silent(request(thirdParty, native)); got != "" {
			t.Errorf("needs %q", got)
		}
	})
	t.Run("OIDCCore-3.1.2.6/denied", func(t *testing.T) {
		ar := request(thirdParty, prompt("consent"))
		at := b.begin(ar)
		wantPage(t, b.post(at+"/consent", "decision", "perhaps"), http.StatusUnprocessableEntity)
		wantRedirect(t, b.post(at+"/consent", "decision", "deny"), "/authorize/resume?id="+ar.ID)
		row, err := b.resume(ar.ID)
		if err != nil || row.Denied != "access_denied" || row.Done {
			t.Errorf("denied %q, done %v, %v", row.Denied, row.Done, err)
		}
		wantRedirect(t, b.post(at+"/consent", "decision", "allow"), at)
		if row := s.row(ar.ID); row.ConsentGiven || row.Denied == "" {
			t.Error("a denied request was allowed after all")
		}
	})
}
