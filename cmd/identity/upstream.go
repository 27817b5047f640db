package main

import (
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/outbound"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/identifier"
	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
)

// newUpstream makes the way in by other providers.
func newUpstream(c *config.Config, store *storage.Store, client *outbound.Client) *upstream.Flow {
	return upstream.New(upstream.Config{
		Accounts: &flows.Accounts{Users: store.Users, Email: identifier.Email, Username: identifier.Username},
		Stored:   store.Providers, States: store.ProviderStates, Identities: store.OAuthIdentities, Invitations: store.UserInvitations,
		Client: client.HTTP(), Now: time.Now, Back: "identify", Configured: configuredFor(c),
	})
}

// configuredFor returns the providers of the settings that a project has.
func configuredFor(c *config.Config) func(*storage.Project) []upstream.Configured {
	all := configuredProviders(c)
	return func(p *storage.Project) []upstream.Configured {
		if p.ID != c.Storage.DefaultProjectID {
			return nil
		}
		return all
	}
}

// configuredProviders are those of the settings, which belong to the default
// project.
func configuredProviders(c *config.Config) []upstream.Configured {
	u, presets := &c.Upstream, upstream.Presets()
	var all []upstream.Configured
	add := func(p storage.Provider, secret config.Secret) {
		if p.ClientID == "" {
			return
		}
		if p.ID == "" {
			p.ID, p.TrustEmail = string(p.Kind), presets[p.Kind].TrustEmail
		}
		all = append(all, upstream.Configured{Provider: p, Secret: secret.Reveal()})
	}
	add(storage.Provider{Kind: storage.ProviderGoogle, ClientID: u.GoogleClientID}, u.GoogleClientSecret)
	add(storage.Provider{Kind: storage.ProviderMicrosoft, ClientID: u.MicrosoftClientID, Tenant: u.MicrosoftTenantID}, u.MicrosoftClientSecret)
	add(storage.Provider{Kind: storage.ProviderGitHub, ClientID: u.GitHubClientID}, u.GitHubClientSecret)
	add(storage.Provider{Kind: storage.ProviderApple, ClientID: u.AppleClientID, TeamID: u.AppleTeamID, KeyID: u.AppleKeyID}, u.ApplePrivateKey)
	if u.OIDCEnabled {
		add(storage.Provider{
			ID: u.OIDCProviderKey, Kind: storage.ProviderOIDC, Name: strings.ToUpper(u.OIDCProviderKey[:1]) + u.OIDCProviderKey[1:],
			ClientID: u.OIDCClientID, Issuer: u.OIDCIssuer, DiscoveryURL: u.OIDCDiscoveryURL, Scopes: u.OIDCScopes, TrustEmail: u.OIDCTrustEmail,
		}, u.OIDCClientSecret)
	}
	return all
}

// providerRules are admin.ProviderRules, as the flow sees providers.
type providerRules struct {
	configured            func(*storage.Project) []upstream.Configured
	insecureAllowLoopback bool
}

// Faults implements admin.ProviderRules.
func (r providerRules) Faults(p, was *storage.Provider, secret string) [][2]string {
	var out [][2]string
	for _, f := range upstream.Check(upstream.Proposal{Provider: p, Was: was, Secret: secret, InsecureAllowLoopback: r.insecureAllowLoopback}) {
		out = append(out, [2]string{f.Field, f.Why})
	}
	return out
}

// TrustsEmail implements admin.ProviderRules.
func (providerRules) TrustsEmail(kind storage.ProviderKind) bool {
	return upstream.Presets()[kind].TrustEmail
}

// Configured implements admin.ProviderRules.
func (r providerRules) Configured(p *storage.Project, id string) bool {
	return slices.ContainsFunc(r.configured(p), func(c upstream.Configured) bool { return c.ID == id })
}

// RedirectURI implements admin.ProviderRules.
func (providerRules) RedirectURI(p *storage.Project, id string) string {
	return flows.ArrivalURL(p, "upstream", id)
}
