package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// preset is what applications of one kind need, so that nobody has to know it.
type preset struct {
	title         string
	public        bool // can't keep a secret: PKCE alone proves that it is the same program
	native        bool
	machine       bool
	redirectPaths []string // added to --url
	logoutPaths   []string
	idTokenClaims bool   // reads the person from the ID token and never asks userinfo
	jwtTyp        string // JOSE typ that its resource servers insist on
	hint          func(issuer, clientID, secret string) string
}

// presets by name. The paths and settings are those that each product documents.
var presets = map[string]preset{
	"web":     {title: "Web application", redirectPaths: []string{"/callback"}, logoutPaths: []string{"/"}, hint: envHint},
	"spa":     {title: "Single-page application", public: true, redirectPaths: []string{"/callback"}, logoutPaths: []string{"/"}, hint: envHint},
	"native":  {title: "Native application", public: true, native: true, hint: envHint},
	"machine": {title: "Service", machine: true, hint: machineHint},
	"next": {title: "Next.js application", redirectPaths: []string{"/api/auth/callback/identity"}, logoutPaths: []string{"/"}, idTokenClaims: true, hint: func(issuer, id, secret string) string {
		return fmt.Sprintf("# auth.ts: providers: [{ id: \"identity\", name: \"identity\", type: \"oidc\", issuer: process.env.AUTH_IDENTITY_ISSUER,\n#   clientId: process.env.AUTH_IDENTITY_ID, clientSecret: process.env.AUTH_IDENTITY_SECRET, checks: [\"pkce\", \"state\", \"nonce\"] }]\nAUTH_IDENTITY_ISSUER=%s\nAUTH_IDENTITY_ID=%s\nAUTH_IDENTITY_SECRET=%s\n", issuer, id, secret)
	}},
	"spring": {title: "Spring application", redirectPaths: []string{"/login/oauth2/code/identity"}, logoutPaths: []string{"/"}, jwtTyp: "JWT", hint: func(issuer, id, secret string) string {
		return fmt.Sprintf("spring.security.oauth2.client.provider.identity.issuer-uri=%s\nspring.security.oauth2.client.registration.identity.client-id=%s\nspring.security.oauth2.client.registration.identity.client-secret=%s\nspring.security.oauth2.client.registration.identity.scope=openid,profile,email\n", issuer, id, secret)
	}},
	"grafana": {title: "Grafana", redirectPaths: []string{"/login/generic_oauth"}, logoutPaths: []string{"/login"}, hint: func(issuer, id, secret string) string {
		return fmt.Sprintf("[auth.generic_oauth]\nenabled = true\nname = identity\nclient_id = %s\nclient_secret = %s\nscopes = openid profile email offline_access\nauth_url = %s/authorize\ntoken_url = %s/oauth/token\napi_url = %s/userinfo\nlogin_attribute_path = preferred_username\nuse_pkce = true\nuse_refresh_token = true\n", id, secret, issuer, issuer, issuer)
	}},
	"argocd": {title: "Argo CD", redirectPaths: []string{"/auth/callback"}, logoutPaths: []string{"/"}, idTokenClaims: true, hint: func(issuer, id, secret string) string {
		return fmt.Sprintf("oidc.config: |\n  name: identity\n  issuer: %s\n  clientID: %s\n  clientSecret: %s\n  enablePKCEAuthentication: true\n  requestedScopes: [openid, profile, email]\n", issuer, id, secret)
	}},
	"vault": {title: "Vault", redirectPaths: []string{"/ui/vault/auth/oidc/oidc/callback"}, hint: func(issuer, id, secret string) string {
		return fmt.Sprintf("vault write auth/oidc/config oidc_discovery_url=%s oidc_client_id=%s oidc_client_secret=%s default_role=default\n", issuer, id, secret)
	}},
	"gitlab": {title: "GitLab", redirectPaths: []string{"/users/auth/openid_connect/callback"}, hint: envHint},
	"oauth2-proxy": {title: "oauth2-proxy", redirectPaths: []string{"/oauth2/callback"}, hint: func(issuer, id, secret string) string {
		return fmt.Sprintf("provider = \"oidc\"\noidc_issuer_url = \"%s\"\nclient_id = \"%s\"\nclient_secret = \"%s\"\ncode_challenge_method = \"S256\"\nscope = \"openid profile email\"\n", issuer, id, secret)
	}},
}

func presetNames() []string {
	names := make([]string, 0, len(presets))
	for name := range presets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// client makes a client of the preset for an application at this URL, "" for none.
func (p preset) client(url string) *storage.Client {
	c := &storage.Client{ApplicationType: "web", IDTokenClaims: p.idTokenClaims, AccessTokenType: p.jwtTyp}
	if p.machine {
		c.GrantTypes = []string{"client_credentials"}
		return c
	}
	c.GrantTypes, c.ResponseTypes = []string{"authorization_code", "refresh_token"}, []string{"code"}
	if p.public {
		c.TokenEndpointAuthMethod = "none"
	}
	if p.native {
		c.ApplicationType = "native"
	}
	url = strings.TrimSuffix(url, "/")
	if url == "" {
		return c
	}
	for _, path := range p.redirectPaths {
		c.RedirectURIs = append(c.RedirectURIs, url+path)
	}
	for _, path := range p.logoutPaths {
		c.PostLogoutRedirectURIs = append(c.PostLogoutRedirectURIs, url+path)
	}
	return c
}

// describeClient says what a person has to copy into the application.
func describeClient(p *storage.Project, c *storage.Client, secret, name string) string {
	var b strings.Builder
	line := func(label, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(&b, "%-15s %s\n", label, value) // a strings.Builder does not fail
		}
	}
	line("issuer", p.Issuer)
	line("client_id", c.ID)
	line("client_secret", secret)
	for _, u := range c.RedirectURIs {
		line("redirect_uri", u)
	}
	if secret != "" {
		b.WriteString("\nThe secret is shown this once. A new one: identity client rotate-secret " + c.ID + "\n")
	}
	if hint := presets[name].hint; hint != nil {
		b.WriteString("\n" + hint(p.Issuer, c.ID, secret))
	}
	return b.String()
}

func envHint(issuer, id, secret string) string {
	s := fmt.Sprintf("OIDC_ISSUER=%s\nOIDC_CLIENT_ID=%s\n", issuer, id)
	if secret != "" {
		s += "OIDC_CLIENT_SECRET=" + secret + "\n"
	}
	return s
}

func machineHint(issuer, id, secret string) string {
	if secret == "" {
		return ""
	}
	return fmt.Sprintf("curl -u %s:%s -d grant_type=client_credentials %s/oauth/token\n", id, secret, issuer)
}
