package upstream_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestTenantSSO: an organisation that wants single sign-on gets it: an address of
// its domain leads to the providers, whether an account has it or not; a password
// is not asked; who comes back is signed in, and stays so.
func TestTenantSSO(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	u := s.user("alice@example.test", true)
	org := &storage.Tenant{ID: storage.NewID(), Name: "Example", Login: storage.LoginPolicy{SSORequired: true}}
	if err := s.store.Tenants.Create(t.Context(), s.project.Scope(), org, u.ID); err != nil {
		t.Fatal(err)
	}
	d, err := s.store.TenantDomains.Claim(t.Context(), s.project.Scope(), org.ID, "example.test", nil)
	if err == nil {
		err = s.store.TenantDomains.Verify(t.Context(), s.project.Scope(), d, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	var b *browser
	for _, typed := range []string{"nobody@example.test", "alice@example.test"} {
		b = s.open()
		if w := b.post(b.at+"/identify", "identifier", typed); w.Header().Get("Location") != b.at {
			t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
		}
		if page := b.get(b.at).Body.String(); !strings.Contains(page, b.at+"/upstream/works") || strings.Contains(page, `type="password"`) {
			t.Errorf("%s is not led to the provider:\n%s", typed, page)
		}
		if w := b.post(b.at+"/password", "password", "correct horse"); w.Header().Get("Location") != b.at || b.who() != "" {
			t.Errorf("%s: a password is taken: %d", typed, w.Code)
		}
	}
	if b.signIn("works"); b.who() != u.ID {
		t.Fatalf("signed in %q", b.who())
	}
	silent := func() string {
		ar := storage.AuthorizationRequest{ClientID: "app", Scope: []string{"openid"}, Client: storage.ClientDisplay{FirstParty: true}}
		needed, err := b.engine.Silent(b.request(http.MethodGet, "/authorize", nil), b.project, &ar)
		if err != nil {
			t.Fatal(err)
		}
		return needed
	}
	if needed := silent(); needed != "" {
		t.Errorf("silent needs %q", needed)
	}
	org.Login = storage.LoginPolicy{Methods: []string{"password"}} // and no provider any more
	if err := s.store.Tenants.Update(t.Context(), s.project.Scope(), org); err != nil {
		t.Fatal(err)
	}
	s.later(time.Second)
	if needed := silent(); needed != "login" {
		t.Errorf("silent needs %q after the policy changed", needed)
	}
	again := s.open()
	if w := again.signIn("works"); w.Code != http.StatusForbidden || again.who() != "" || !s.audited("user.sign_in_failed", "way_not_allowed") {
		t.Errorf("the provider is taken: %d", w.Code)
	}
}
