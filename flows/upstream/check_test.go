package upstream_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
)

// keyFile is a private key as Apple gives it.
func keyFile(t *testing.T, curve elliptic.Curve) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
}

// proposals are one good provider of each kind, by the name that cases call it.
func proposals(t *testing.T) map[string]upstream.Proposal {
	with := func(secret string, p storage.Provider) upstream.Proposal {
		return upstream.Proposal{Provider: &p, Secret: secret}
	}
	return map[string]upstream.Proposal{
		"google":    with("s", storage.Provider{ID: "google", Kind: storage.ProviderGoogle, ClientID: "c"}),
		"microsoft": with("s", storage.Provider{ID: "ms", Kind: storage.ProviderMicrosoft, ClientID: "c", Tenant: "contoso.onmicrosoft.com"}),
		"github":    with("s", storage.Provider{ID: "github", Kind: storage.ProviderGitHub, ClientID: "c"}),
		"apple":     with(keyFile(t, elliptic.P256()), storage.Provider{ID: "apple", Kind: storage.ProviderApple, ClientID: "c", TeamID: "TEAM123456", KeyID: "KEY1234567"}),
		"oidc":      with("s", storage.Provider{ID: "works", Kind: storage.ProviderOIDC, ClientID: "c", Issuer: "https://works.example"}),
		"oauth2": with("s", storage.Provider{
			ID: "chat", Kind: storage.ProviderOAuth, ClientID: "c", AuthorizationEndpoint: "https://chat.example/authorize",
			TokenEndpoint: "https://chat.example/token", UserinfoEndpoint: "https://chat.example/me",
		}),
		"public": with("", storage.Provider{ID: "works", Kind: storage.ProviderOIDC, ClientID: "c", Issuer: "https://works.example", AuthMethod: "none"}),
	}
}

// TestCheck: each mistake is told by the field that has it, and nothing else is.
func TestCheck(t *testing.T) {
	good := proposals(t)
	for name, p := range good {
		if faults := upstream.Check(p); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
	other := keyFile(t, elliptic.P384())
	for name, c := range map[string]struct {
		of     string
		change func(*upstream.Proposal)
		field  string
		says   string
	}{
		"id":                    {"google", func(p *upstream.Proposal) { p.ID = "Google" }, "id", "a-z, 0-9 and -"},
		"kind":                  {"google", func(p *upstream.Proposal) { p.Kind = "saml" }, "kind", "apple, github, google"},
		"no-kind":               {"google", func(p *upstream.Proposal) { p.Kind = "" }, "kind", "one of"},
		"name":                  {"google", func(p *upstream.Proposal) { p.Name = "elgooG\u202e" }, "name", "can't be shown"},
		"no-client":             {"google", func(p *upstream.Proposal) { p.ClientID = "" }, "client_id", "is missing"},
		"client":                {"google", func(p *upstream.Proposal) { p.ClientID = "c\n" }, "client_id", "visible ASCII"},
		"auth-method":           {"oidc", func(p *upstream.Proposal) { p.AuthMethod = "private_key_jwt" }, "auth_method", "client_secret_basic"},
		"scope":                 {"oidc", func(p *upstream.Proposal) { p.Scopes = []string{"openid", "e mail"} }, "scopes", "§3.3"},
		"scopes-without-openid": {"oidc", func(p *upstream.Proposal) { p.Scopes = []string{"email"} }, "scopes", "openid"},
		"no-secret":             {"oidc", func(p *upstream.Proposal) { p.Secret = "" }, "client_secret", "is missing"},
		"secret":                {"oidc", func(p *upstream.Proposal) { p.Secret = "s\r\n" }, "client_secret", "line break"},
		"secret-of-none":        {"public", func(p *upstream.Proposal) { p.Secret = "s" }, "client_secret", "of no use"},
		"no-issuer":             {"oidc", func(p *upstream.Proposal) { p.Issuer = "" }, "issuer", "is missing"},
		"issuer-http":           {"oidc", func(p *upstream.Proposal) { p.Issuer = "http://works.example" }, "issuer", "https URL"},
		"issuer-no-url":         {"oidc", func(p *upstream.Proposal) { p.Issuer = "works.example" }, "issuer", "https URL"},
		"issuer-query":          {"oidc", func(p *upstream.Proposal) { p.Issuer = "https://works.example?" }, "issuer", "query"},
		"issuer-fragment":       {"oidc", func(p *upstream.Proposal) { p.Issuer = "https://works.example#" }, "issuer", "fragment"},
		"issuer-credentials":    {"oidc", func(p *upstream.Proposal) { p.Issuer = "https://u:p@works.example" }, "issuer", "credentials"},
		"issuer-port":           {"oidc", func(p *upstream.Proposal) { p.Issuer = "https://works.example:8443" }, "issuer", "443"},
		"issuer-loopback":       {"oidc", func(p *upstream.Proposal) { p.Issuer = "https://127.0.0.1" }, "issuer", "this machine"},
		"issuer-of-google":      {"google", func(p *upstream.Proposal) { p.Issuer = "https://evil.example" }, "issuer", "nothing that the kind google has"},
		"endpoint-of-github":    {"github", func(p *upstream.Proposal) { p.UserinfoEndpoint = "https://evil.example" }, "userinfo_endpoint", "nothing that the kind github has"},
		"discovery":             {"oidc", func(p *upstream.Proposal) { p.DiscoveryURL = "ftp://works.example" }, "discovery_url", "https URL"},
		"no-authorization":      {"oauth2", func(p *upstream.Proposal) { p.AuthorizationEndpoint = "" }, "authorization_endpoint", "is missing"},
		"no-token":              {"oauth2", func(p *upstream.Proposal) { p.TokenEndpoint = "" }, "token_endpoint", "is missing"},
		"no-userinfo":           {"oauth2", func(p *upstream.Proposal) { p.UserinfoEndpoint = "" }, "userinfo_endpoint", "is missing"},
		"subject-claim-of-oidc": {"oidc", func(p *upstream.Proposal) { p.SubjectClaim = "email" }, "subject_claim", "nothing that the kind oidc has"},
		"tenant":                {"microsoft", func(p *upstream.Proposal) { p.Tenant = "../evil" }, "tenant", "tenant's id"},
		"tenant-of-google":      {"google", func(p *upstream.Proposal) { p.Tenant = "common" }, "tenant", "nothing that the kind google has"},
		"no-team":               {"apple", func(p *upstream.Proposal) { p.TeamID = "" }, "team_id", "is missing"},
		"team":                  {"apple", func(p *upstream.Proposal) { p.TeamID = "team123456" }, "team_id", "10 capital letters"},
		"key-id":                {"apple", func(p *upstream.Proposal) { p.KeyID = "KEY" }, "key_id", "10 capital letters"},
		"key-no-pem":            {"apple", func(p *upstream.Proposal) { p.Secret = "hush-hush" }, "client_secret", "P-256"},
		"key-of-another-curve":  {"apple", func(p *upstream.Proposal) { p.Secret = other }, "client_secret", "P-256"},
		"apple-none":            {"apple", func(p *upstream.Proposal) { p.Secret, p.AuthMethod = "", "none" }, "auth_method", "can't be none"},

		"changed-kind":   {"oidc", func(p *upstream.Proposal) { p.Was = &storage.Provider{Kind: "oauth2", Issuer: p.Issuer} }, "kind", "set once"},
		"changed-issuer": {"oidc", func(p *upstream.Proposal) { p.Was = &storage.Provider{Kind: p.Kind, Issuer: "https://was.example"} }, "issuer", "set once"},
		"changed-claim":  {"oauth2", func(p *upstream.Proposal) { was := *p.Provider; p.Was, was.SubjectClaim = &was, "login" }, "subject_claim", "set once"},
		"changed-userinfo": {"oauth2", func(p *upstream.Proposal) {
			was := *p.Provider
			p.Was, was.UserinfoEndpoint = &was, "https://was.example/me"
		}, "userinfo_endpoint", "keeps its host"},
	} {
		t.Run(name, func(t *testing.T) {
			p := good[c.of]
			changed := *p.Provider
			p.Provider = &changed
			c.change(&p)
			faults := upstream.Check(p)
			if len(faults) != 1 || faults[0].Field != c.field || !strings.Contains(faults[0].Why, c.says) {
				t.Errorf("%v, want %s with %q alone", faults, c.field, c.says)
			}
			if p.Secret != "" && slices.ContainsFunc(faults, func(f upstream.Fault) bool { return len(p.Secret) > 1 && strings.Contains(f.Why, p.Secret) }) {
				t.Error("S5-06: the fault repeats the secret")
			}
		})
	}
	local := good["oidc"]
	local.Issuer, local.InsecureAllowLoopback = "http://localhost:5556/dex", true
	if faults := upstream.Check(local); len(faults) > 0 {
		t.Errorf("this machine, where a setting lets it in: %v", faults)
	}
	local.Issuer = "http://works.example"
	if faults := upstream.Check(local); len(faults) != 1 {
		t.Errorf("another machine without TLS: %v", faults)
	}
}

// TestDeletedProvider: with a provider go the links to it, and no account. Whatever
// is called by its id later knows nobody (S3-15).
func TestDeletedProvider(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil)
	add := func() {
		t.Helper()
		p := &storage.Provider{ID: "works", Kind: storage.ProviderOIDC, ClientID: "identity", Issuer: in.URL}
		if err := s.store.Providers.Add(t.Context(), s.project.Scope(), p, "shh"); err != nil {
			t.Fatal(err)
		}
	}
	signIn := func() string {
		t.Helper()
		b := s.open()
		b.signIn("works")
		return b.who()
	}
	add()
	in.claims["email_verified"] = false // so that nothing but the link leads back
	first := signIn()
	if first == "" || signIn() != first || len(s.identities(first)) != 1 {
		t.Fatalf("signed in as %q, %d links", first, len(s.identities(first)))
	}
	if err := s.store.Providers.Delete(t.Context(), s.project.Scope(), "works", true); err != nil {
		t.Fatal(err)
	}
	if u, err := s.store.Users.Get(t.Context(), s.project.Scope(), first); err != nil || u.Status != storage.UserActive {
		t.Errorf("the account: %v, %v", u, err)
	}
	if len(s.identities(first)) != 0 {
		t.Error("a link to nothing stays")
	}
	add()
	if again := signIn(); again == first {
		t.Error("another provider of the id opens the account")
	}
}
