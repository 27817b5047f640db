package upstream_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestSignup: who may get an account by a provider.
func TestSignup(t *testing.T) {
	for _, tt := range []struct {
		name   string
		access storage.AccessPolicy
		change func(*storage.Provider)
		in     bool
	}{
		{"open", storage.AccessPolicy{}, nil, true},
		{"closed", storage.AccessPolicy{Mode: storage.AccessClosed}, nil, false},
		{"signup-disabled", storage.AccessPolicy{}, nil, false},
		{"invite", storage.AccessPolicy{Mode: storage.AccessInvite}, nil, false},
		{"allowlist", storage.AccessPolicy{Mode: storage.AccessAllowlist, Domains: []string{"example.test"}}, nil, true},
		{"allowlist-of-others", storage.AccessPolicy{Mode: storage.AccessAllowlist, Domains: []string{"example.com"}}, nil, false},
		{"allowlist-not-trusted", storage.AccessPolicy{Mode: storage.AccessAllowlist, Domains: []string{"example.test"}}, func(p *storage.Provider) { p.TrustEmail = false }, false},
		{"invited", storage.AccessPolicy{Mode: storage.AccessInvite}, nil, true},
		{"invited-not-trusted", storage.AccessPolicy{Mode: storage.AccessInvite}, func(p *storage.Provider) { p.TrustEmail = false }, false},
		{"no-signup", storage.AccessPolicy{}, func(p *storage.Provider) { p.NoSignup = true }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newStandIn(t)
			c := works(in)
			if tt.change != nil {
				tt.change(&c.Provider)
			}
			s := newSite(t, nil, c)
			s.project.Access = tt.access
			s.project.SignupEnabled = tt.name != "signup-disabled"
			invitation := &storage.UserInvitation{Email: "alice@example.test", EmailKey: "alice@example.test", Role: "guest", EndsAt: time.Now().Add(time.Hour)}
			if strings.HasPrefix(tt.name, "invited") {
				_, changes := s.store.UserInvitations.Issue(invitation)
				if err := s.store.Commit(t.Context(), s.project.Scope(), changes...); err != nil {
					t.Fatal(err)
				}
			}
			b := s.open()
			w := b.signIn("works")
			if (b.who() != "") != tt.in {
				t.Errorf("signed in %q, want %v", b.who(), tt.in)
			}
			if tt.name == "invited" {
				u, err := s.store.Users.Get(t.Context(), s.project.Scope(), b.who())
				if err != nil || u.Role != "guest" || !s.audited("invitation.accepted", "") {
					t.Errorf("not accepted: %+v, %v", u, err)
				}
			}
			if !tt.in && (w.Code != http.StatusForbidden || !s.audited("user.sign_in_failed", "upstream_no_signup")) {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}
