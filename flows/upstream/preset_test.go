package upstream_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
)

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// at are the presets, with one of them at the stand-in.
func at(s *standIn, kind storage.ProviderKind, change func(*upstream.Preset)) map[storage.ProviderKind]upstream.Preset {
	all := upstream.Presets()
	p := all[kind]
	p.Issuer = s.URL
	change(&p)
	all[kind] = p
	return all
}

func preset(kind storage.ProviderKind) upstream.Configured {
	return upstream.Configured{Secret: "shh", Provider: storage.Provider{
		ID: string(kind), Kind: kind, ClientID: "identity", TrustEmail: upstream.Presets()[kind].TrustEmail,
	}}
}

// TestGoogle: its word about an address is taken for its own mail and its
// customers' domains.
func TestGoogle(t *testing.T) {
	for _, tt := range []struct {
		email, hd string
		joins     bool
	}{
		{"alice@gmail.com", "", true}, {"alice@works.test", "works.test", true}, {"alice@elsewhere.test", "", false},
	} {
		in := newStandIn(t)
		in.claims["email"] = tt.email
		if tt.hd != "" {
			in.claims["hd"] = tt.hd
		}
		s := newSite(t, at(in, storage.ProviderGoogle, func(*upstream.Preset) {}), preset(storage.ProviderGoogle))
		u := s.user(tt.email, true)
		b := s.open()
		b.signIn("google")
		if (b.who() == u.ID) != tt.joins {
			t.Errorf("%s: signed in %q", tt.email, b.who())
		}
		if in.tokens[0].Get("client_secret") != "shh" {
			t.Error("no client_secret_post")
		}
	}
}

// TestMicrosoft: one discovery document serves every tenant, so the tenant is
// checked against the token, and the address is worth nothing.
func TestMicrosoft(t *testing.T) {
	const ours, theirs, personal = "7a1f3d0e-1111-4222-8333-444455556666", "0b2c4d6e-1111-4222-8333-444455556666", "9188040d-6c67-4c5b-b112-36a304b66dad"
	for _, tt := range []struct {
		name, setting, iss, tid string
		in                      bool
	}{
		{"common", "common", ours, ours, true},
		{"common-personal", "common", personal, personal, true},
		{"organizations", "organizations", ours, ours, true},
		{"organizations-personal", "organizations", personal, personal, false},
		{"consumers", "consumers", personal, personal, true},
		{"consumers-of-works", "consumers", ours, ours, false},
		{"tid-of-another", "common", ours, theirs, false},
		{"one-tenant", ours, ours, ours, true},
		{"one-tenant-another", ours, theirs, theirs, false},
		{"tid-missing", "common", ours, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newStandIn(t)
			in.issuer = in.URL + "/{tenantid}/v2.0"
			in.claims = map[string]any{"sub": "s", "email": "ceo@victim.test", "email_verified": true, "tid": tt.tid}
			in.tamper = func(c map[string]any) { c["iss"] = in.URL + "/" + tt.iss + "/v2.0" }
			in.pages["/"+tt.setting+"/v2.0/.well-known/openid-configuration"] = http.HandlerFunc(in.discovery)
			c := preset(storage.ProviderMicrosoft)
			c.Tenant = tt.setting
			s := newSite(t, at(in, storage.ProviderMicrosoft, func(*upstream.Preset) {}), c)
			victim := s.user("ceo@victim.test", true)
			b := s.open()
			b.signIn("microsoft")
			if (b.who() != "") != tt.in {
				t.Errorf("signed in %q", b.who())
			}
			if b.who() == victim.ID {
				t.Error("an address of Microsoft was taken for a proof (nOAuth)")
			}
		})
	}
}

// TestGitHub: OAuth 2.0 with a number for an id, and a list of addresses.
func TestGitHub(t *testing.T) {
	user := map[string]any{"id": 583231, "login": "octocat", "name": "The Octocat", "email": "public@example.test", "avatar_url": "https://avatars.example/u/1"}
	emails := []map[string]any{
		{"email": "old@example.test", "primary": false, "verified": true, "visibility": nil},
		{"email": "octocat@example.test", "primary": true, "verified": true, "visibility": "private"},
	}
	in := newStandIn(t)
	bearer := func(v func() any) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer at-") {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			answer(w, v())
		})
	}
	in.pages["/user"], in.pages["/user/emails"] = bearer(func() any { return user }), bearer(func() any { return emails })
	s := newSite(t, at(in, storage.ProviderGitHub, func(p *upstream.Preset) {
		p.AuthorizationEndpoint, p.TokenEndpoint, p.UserinfoEndpoint, p.EmailsEndpoint = in.URL+"/authorize", in.URL+"/token", in.URL+"/user", in.URL+"/user/emails"
	}), preset(storage.ProviderGitHub))
	b := s.open()
	b.signIn("github")
	u, err := s.store.Users.Get(t.Context(), s.project.Scope(), b.who())
	if err != nil || u.Email != "octocat@example.test" || !u.EmailVerified || u.Picture != "https://avatars.example/u/1" {
		t.Fatalf("%+v, %v", u, err)
	}
	if i := s.identities(u.ID)[0]; i.Subject != "583231" {
		t.Errorf("subject %q", i.Subject)
	}
	t.Run("S3-16/login-given-to-another", func(t *testing.T) {
		user["id"], emails[1]["email"] = 99, "thief@example.test"
		c := s.open()
		if c.signIn("github"); c.who() == "" || c.who() == u.ID {
			t.Errorf("signed in %q", c.who())
		}
	})
	t.Run("S3-16/unverified-primary", func(t *testing.T) {
		v := s.user("victim@example.test", true)
		user["id"], emails[1]["email"], emails[1]["verified"] = 100, "victim@example.test", false
		c := s.open()
		if c.signIn("github"); c.who() == v.ID {
			t.Error("an unverified address was enough")
		}
		w, err := s.store.Users.Get(t.Context(), s.project.Scope(), c.who())
		if err != nil || w.Email != "" {
			t.Errorf("the account has the address %q, %v", w.Email, err)
		}
	})
}

// TestApple: a signed client secret, and an answer that is posted from Apple's
// site without our cookies.
func TestApple(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	in := newStandIn(t)
	in.claims = map[string]any{"sub": "001.abc", "email": "x@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true"}
	c := preset(storage.ProviderApple)
	c.TeamID, c.KeyID = "TEAM123456", "KEY1234567"
	c.Secret = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	s := newSite(t, at(in, storage.ProviderApple, func(*upstream.Preset) {}), c)
	b := s.open()
	u := b.leave("apple")
	if u.Query().Get("response_mode") != "form_post" {
		t.Error("no response_mode")
	}
	back := parse(t, b.visit(u))
	form := back.Query()
	form.Set("user", `{"name":{"firstName":"Ann","lastName":"Example"},"email":"forged@example.test"}`)
	r := b.request(http.MethodPost, "/upstream/apple/callback", form)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://appleid.apple.com")
	r.Header.Del("Cookie") // SameSite=Lax
	w := b.send(r)
	location := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(location, "/upstream/apple/callback?") || strings.Contains(location, "Ann") {
		t.Fatalf("%d to %q\n%.300s", w.Code, location, w.Body)
	}
	b.get(location)
	user, err := s.store.Users.Get(t.Context(), s.project.Scope(), b.who())
	if err != nil || user.Name != "Ann Example" || user.Email != "x@privaterelay.appleid.com" || !user.EmailVerified {
		t.Fatalf("%+v, %v", user, err)
	}
	token, err := jwt.ParseSigned(in.tokens[0].Get("client_secret"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	if err := token.Claims(key.Public(), &claims); err != nil {
		t.Fatal(err)
	}
	want := jwt.Expected{Issuer: "TEAM123456", Subject: "identity", AnyAudience: jwt.Audience{"https://appleid.apple.com"}, Time: time.Now()}
	if err := claims.Validate(want); err != nil || token.Headers[0].KeyID != "KEY1234567" {
		t.Errorf("%+v, %v", claims, err)
	}
	t.Run("S3-18/posted-without-a-state", func(t *testing.T) {
		r := b.request(http.MethodPost, "/upstream/apple/callback", url.Values{"code": {"c"}, "state": {storage.NewSecret()}})
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if w := b.send(r); w.Code != http.StatusGone {
			t.Errorf("status %d", w.Code)
		}
	})
	t.Run("S3-18/steps-are-not-open", func(t *testing.T) {
		r := b.request(http.MethodPost, b.at+"/upstream", url.Values{"decision": {"link"}})
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if w := b.send(r); w.Code != http.StatusForbidden {
			t.Errorf("status %d", w.Code)
		}
	})
}

// TestButtons: the first page leads to each provider; one that is switched off is
// on no page, and its URL is none.
func TestButtons(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	for _, p := range []*storage.Provider{
		{ID: "stored", Kind: storage.ProviderOIDC, Name: "Stored", ClientID: "c", Issuer: in.URL, TrustEmail: true},
		{ID: "off", Kind: storage.ProviderOIDC, Name: "Switched off", ClientID: "c", Issuer: in.URL, Disabled: true, CreatedOrder: 1},
	} {
		if err := s.store.Providers.Add(t.Context(), s.project.Scope(), p, "shh-stored"); err != nil {
			t.Fatal(err)
		}
	}
	b := s.open()
	page := b.get(b.at).Body.String()
	for _, want := range []string{"Continue with Works", b.at + "/upstream/stored"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page, "Switched off") {
		t.Error("a provider that is off has a button")
	}
	if w := b.get(b.at + "/upstream/off"); w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
	if b.signIn("stored"); b.who() == "" {
		t.Error("the stored provider signs nobody in")
	}
	s.project.SignIn.Policy.First = []string{"password"}
	c := s.open()
	if page := c.get(c.at).Body.String(); strings.Contains(page, "Works") {
		t.Error("a way in that the policy closes has a button")
	}
	if w := c.get(c.at + "/upstream/works"); w.Header().Get("Location") != c.at {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}
