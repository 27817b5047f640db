package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/elloloop/identity/storage"
)

// Configured is a provider that is not stored, with its secret.
type Configured struct {
	storage.Provider
	Secret string
}

// LogValue hides the secret.
func (c Configured) LogValue() slog.Value { return c.Provider.LogValue() }

// Preset is what is known of a provider by its kind. What a Provider says itself
// takes its place.
type Preset struct {
	Name       string
	AuthMethod string
	Scopes     []string
	Query      url.Values // more parameters of the authorization request
	Prompt     string     // the prompt that makes people prove themselves again; "": there is none

	Issuer                                                                 string // OpenID Connect, by discovery
	AuthorizationEndpoint, TokenEndpoint, UserinfoEndpoint, EmailsEndpoint string // without discovery

	TrustEmail bool // unless the Provider is stored with a word of its own
}

// Presets are the providers that are known by name, and the two kinds that are not.
func Presets() map[storage.ProviderKind]Preset {
	return map[storage.ProviderKind]Preset{
		storage.ProviderGoogle: {
			Name: "Google", AuthMethod: "client_secret_post", Scopes: []string{"openid", "email", "profile"},
			Issuer: "https://accounts.google.com", Prompt: "select_account", TrustEmail: true,
		},
		// Addresses of Microsoft are what an administrator of any tenant wrote there:
		// they prove nothing (nOAuth).
		storage.ProviderMicrosoft: {
			Name: "Microsoft", AuthMethod: "client_secret_post", Scopes: []string{"openid", "email", "profile"},
			Issuer: "https://login.microsoftonline.com", Prompt: "login",
		},
		storage.ProviderGitHub: {
			Name: "GitHub", AuthMethod: "client_secret_post", Scopes: []string{"read:user", "user:email"},
			Issuer: "https://github.com", AuthorizationEndpoint: "https://github.com/login/oauth/authorize",
			TokenEndpoint: "https://github.com/login/oauth/access_token", UserinfoEndpoint: "https://api.github.com/user",
			EmailsEndpoint: "https://api.github.com/user/emails", Prompt: "select_account", TrustEmail: true,
		},
		// Apple posts its answer when it is asked for a name or an address.
		storage.ProviderApple: {
			Name: "Apple", AuthMethod: "client_secret_post", Scopes: []string{"openid", "email", "name"},
			Issuer: "https://appleid.apple.com", Query: url.Values{"response_mode": {"form_post"}}, TrustEmail: true,
		},
		storage.ProviderOIDC:  {AuthMethod: "client_secret_basic", Scopes: []string{"openid", "email", "profile"}, Prompt: "login"},
		storage.ProviderOAuth: {AuthMethod: "client_secret_basic"},
	}
}

// Fill completes a provider with what is known of its kind.
func (p Preset) Fill(out *storage.Provider) {
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&out.Name, p.Name}, {&out.AuthMethod, p.AuthMethod}, {&out.AuthorizationEndpoint, p.AuthorizationEndpoint},
		{&out.TokenEndpoint, p.TokenEndpoint}, {&out.UserinfoEndpoint, p.UserinfoEndpoint}, {&out.EmailsEndpoint, p.EmailsEndpoint},
	} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if out.Kind == storage.ProviderMicrosoft && out.Tenant == "" {
		out.Tenant = "common"
	}
	if out.Issuer == "" {
		out.Issuer = p.Issuer
		if out.Kind == storage.ProviderMicrosoft {
			out.Issuer += "/" + out.Tenant + "/v2.0"
		}
	}
	if out.Name == "" {
		out.Name = out.ID
	}
	if len(out.Scopes) == 0 {
		out.Scopes = p.Scopes
	}
}

// openid says whether the provider speaks OpenID Connect.
func openid(p *storage.Provider) bool {
	return p.Kind != storage.ProviderGitHub && p.Kind != storage.ProviderOAuth
}

// providers are those that may be used, in their order. What is configured comes
// first, and takes the place of a stored one of the same id.
func (f *Flow) providers(ctx context.Context, pr *storage.Project) ([]*storage.Provider, error) {
	stored, err := f.config.Stored.List(ctx, pr.Scope(), storage.PageRequest{Limit: storage.MaxProviders})
	if err != nil {
		return nil, err
	}
	var all []*storage.Provider
	seen := map[string]bool{}
	for _, c := range f.config.Configured(pr) {
		p := c.Provider
		all, seen[p.ID] = append(all, &p), true
	}
	for _, p := range stored.Items {
		if !seen[p.ID] && !p.Disabled {
			all = append(all, p)
		}
	}
	for _, p := range all {
		f.config.Presets[p.Kind].Fill(p)
	}
	return all, nil
}

// provider returns the one with this id. storage.ErrNotFound when there is none
// that may be used.
func (f *Flow) provider(ctx context.Context, pr *storage.Project, id string) (*storage.Provider, error) {
	all, err := f.providers(ctx, pr)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, storage.ErrNotFound
}

// secret is the client secret for one request to the token endpoint.
func (f *Flow) secret(pr *storage.Project, p *storage.Provider) (string, error) {
	secret := ""
	for _, c := range f.config.Configured(pr) {
		if c.ID == p.ID {
			secret = c.Secret
		}
	}
	if secret == "" {
		var err error
		if secret, err = f.config.Stored.Secret(pr.Scope(), p); err != nil {
			return "", err
		}
	}
	if p.Kind == storage.ProviderApple {
		return appleSecret(p, secret, f.config.Now())
	}
	return secret, nil
}

// authStyle is never guessed: x/oauth2 guesses by sending the code twice.
func authStyle(p *storage.Provider) oauth2.AuthStyle {
	if p.AuthMethod == "client_secret_basic" {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams // with no secret: none
}

var errNoSecret = errors.New("upstream: the provider has no key that can sign")
