package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
)

// Upstream are the services that people of the default project may sign in with.
// More of them, and those of other projects, are stored: identity provider add.
type Upstream struct {
	GoogleClientID        string   `key:"oauth.google.client_id" env:"GATEWAY_OAUTH_GOOGLE_CLIENT_ID" doc:"Client id at Google. With it people may sign in with Google."`
	GoogleClientSecret    Secret   `key:"oauth.google.client_secret" env:"GATEWAY_OAUTH_GOOGLE_CLIENT_SECRET" secret:"true" doc:"Client secret at Google."`
	MicrosoftClientID     string   `key:"oauth.microsoft.client_id" env:"GATEWAY_OAUTH_MICROSOFT_CLIENT_ID" doc:"Client id at Microsoft Entra."`
	MicrosoftClientSecret Secret   `key:"oauth.microsoft.client_secret" env:"GATEWAY_OAUTH_MICROSOFT_CLIENT_SECRET" secret:"true" doc:"Client secret at Microsoft Entra."`
	GitHubClientID        string   `key:"oauth.github.client_id" env:"GATEWAY_OAUTH_GITHUB_CLIENT_ID" doc:"Client id at GitHub."`
	GitHubClientSecret    Secret   `key:"oauth.github.client_secret" env:"GATEWAY_OAUTH_GITHUB_CLIENT_SECRET" secret:"true" doc:"Client secret at GitHub."`
	AppleClientID         string   `key:"oauth.apple.client_id" env:"GATEWAY_OAUTH_APPLE_CLIENT_ID" doc:"Services id at Apple."`
	AppleTeamID           string   `key:"oauth.apple.team_id" env:"GATEWAY_OAUTH_APPLE_TEAM_ID" doc:"Team id at Apple."`
	AppleKeyID            string   `key:"oauth.apple.key_id" env:"GATEWAY_OAUTH_APPLE_KEY_ID" doc:"Id of the key that signs the client secret."`
	ApplePrivateKey       Secret   `key:"oauth.apple.private_key" env:"GATEWAY_OAUTH_APPLE_PRIVATE_KEY" secret:"true" doc:"That key, as the PEM file that Apple gave."`
	OIDCEnabled           bool     `key:"oauth.oidc.enabled" env:"GATEWAY_OAUTH_OIDC_ENABLED" default:"false" doc:"Whether people may sign in with the OpenID provider of the next settings."`
	OIDCProviderKey       string   `key:"oauth.oidc.provider_key" env:"GATEWAY_OAUTH_OIDC_PROVIDER_KEY" default:"oidc" doc:"Its name, as it stands in the redirect URI and on its button: lower-case letters, digits and hyphens."`
	OIDCIssuer            string   `key:"oauth.oidc.issuer" env:"GATEWAY_OAUTH_OIDC_ISSUER" doc:"Its issuer, as it stands in its ID tokens."`
	OIDCDiscoveryURL      string   `key:"oauth.oidc.discovery_url" env:"GATEWAY_OAUTH_OIDC_DISCOVERY_URL" doc:"Its discovery document. Empty: below the issuer."`
	OIDCClientID          string   `key:"oauth.oidc.client_id" env:"GATEWAY_OAUTH_OIDC_CLIENT_ID" doc:"Client id there."`
	OIDCClientSecret      Secret   `key:"oauth.oidc.client_secret" env:"GATEWAY_OAUTH_OIDC_CLIENT_SECRET" secret:"true" doc:"Client secret there."`
	OIDCScopes            []string `key:"oauth.oidc.scopes" env:"GATEWAY_OAUTH_OIDC_SCOPES" default:"openid,email,profile" doc:"Scopes to ask for."`
	OIDCTrustEmail        bool     `key:"oauth.oidc.trust_email" env:"GATEWAY_OAUTH_OIDC_TRUST_EMAIL" default:"false" doc:"Whether an address is verified when it says so. Then it links to the account that has the address, if that verified it too."`
	MicrosoftTenantID     string   `key:"microsoft.tenant_id" env:"GATEWAY_MICROSOFT_TENANT_ID" default:"common" doc:"Tenant whose people may sign in: its id, or common for everybody, organizations for all but personal accounts, consumers for those alone."`
}

// LogValue redacts the secrets: they redact themselves in every format.
func (u Upstream) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", u)) }

var providerKey = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// checkUpstream holds the settings of the services against each other.
func (l *loader) checkUpstream(c *Config, report func(key, format string, args ...any)) {
	u := &c.Upstream
	for _, s := range []struct {
		key, id string
		secret  Secret
		env     string
	}{
		{"oauth.google.client_id", u.GoogleClientID, u.GoogleClientSecret, "GATEWAY_OAUTH_GOOGLE_CLIENT_SECRET"},
		{"oauth.microsoft.client_id", u.MicrosoftClientID, u.MicrosoftClientSecret, "GATEWAY_OAUTH_MICROSOFT_CLIENT_SECRET"},
		{"oauth.github.client_id", u.GitHubClientID, u.GitHubClientSecret, "GATEWAY_OAUTH_GITHUB_CLIENT_SECRET"},
		{"oauth.apple.client_id", u.AppleClientID, u.ApplePrivateKey, "GATEWAY_OAUTH_APPLE_PRIVATE_KEY"},
	} {
		if s.id != "" && s.secret == "" {
			report(s.key, "it needs %s too", s.env)
		}
	}
	if u.AppleClientID != "" && (u.AppleTeamID == "" || u.AppleKeyID == "") {
		report("oauth.apple.client_id", "it needs GATEWAY_OAUTH_APPLE_TEAM_ID and GATEWAY_OAUTH_APPLE_KEY_ID too")
	}
	if !u.OIDCEnabled {
		return
	}
	if !providerKey.MatchString(u.OIDCProviderKey) || slices.Contains([]string{"google", "microsoft", "github", "apple"}, u.OIDCProviderKey) {
		report("oauth.oidc.provider_key", "%s is no name: write lower-case letters, digits and hyphens, and none of google, microsoft, github, apple", quote(u.OIDCProviderKey))
	}
	if u.OIDCClientID == "" {
		report("oauth.oidc.client_id", "it is required with GATEWAY_OAUTH_OIDC_ENABLED")
	}
	for key, text := range map[string]string{"oauth.oidc.issuer": u.OIDCIssuer, "oauth.oidc.discovery_url": u.OIDCDiscoveryURL} {
		at, err := url.Parse(text)
		if text == "" && key == "oauth.oidc.discovery_url" {
			continue
		}
		if err != nil || at.Host == "" || at.Scheme != "https" && !(at.Scheme == "http" && loopback(at.Hostname())) {
			report(key, "%s is no https URL", quote(text))
		}
	}
}
