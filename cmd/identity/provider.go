package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elloloop/identity/flows/upstream"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newProviderCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "provider", Short: "Manage the services that people may sign in with"}
	cmd.AddCommand(newProviderAdd(t), newProviderList(t), newProviderShow(t), newProviderUpdate(t), newProviderDelete(t))
	return cmd
}

// secretFlags say where the client secret is read from: a file or standard input,
// never an argument.
type secretFlags struct {
	file  string
	stdin bool
}

func (f *secretFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "secret-file", "", "file with the client secret; of Apple the private key")
	fs.BoolVar(&f.stdin, "secret-stdin", false, "read the client secret from standard input")
}

// read returns the secret, "" when none is given.
func (f *secretFlags) read(t *terminal) (string, error) {
	if f.file == "" && !f.stdin {
		return "", nil
	}
	return t.readSecret("client secret", f.file, f.stdin)
}

func newProviderAdd(t *terminal) *cobra.Command {
	m, secret, scopes, trustEmail := &adminv1.Provider{}, &secretFlags{}, "", false
	cmd := &cobra.Command{
		Use:   "add KIND",
		Short: "Let people sign in with a service: " + strings.Join(upstream.Kinds(), ", "),
		Example: `  identity provider add google --client-id 123.apps.googleusercontent.com --secret-file google.secret
  identity provider add oidc --id works --name Works --provider-issuer https://login.works.example --client-id identity --secret-stdin
  identity provider add apple --client-id com.example.web --team-id TEAM123456 --key-id KEY1234567 --secret-file AuthKey.p8`,
		Args: oneArg,
	}
	fl := cmd.Flags()
	fl.StringVar(&m.Id, "id", "", "name in its redirect URI: lower-case letters, digits and hyphens (default: the kind)")
	fl.StringVar(&m.Name, "name", "", "name on its button")
	fl.StringVar(&m.ClientId, "client-id", "", "client id there (required)")
	secret.add(fl)
	fl.StringVar(&m.AuthMethod, "auth-method", "", "client_secret_basic, client_secret_post or none (default: that of the kind)")
	fl.StringVar(&scopes, "scope", "", "scopes to ask for, separated by spaces (default: those of the kind)")
	fl.StringVar(&m.Issuer, "provider-issuer", "", "issuer of an OpenID provider")
	fl.StringVar(&m.DiscoveryUrl, "discovery-url", "", "its discovery document (default: below the issuer)")
	fl.StringVar(&m.AuthorizationEndpoint, "authorization-endpoint", "", "for oauth2")
	fl.StringVar(&m.TokenEndpoint, "token-endpoint", "", "for oauth2")
	fl.StringVar(&m.UserinfoEndpoint, "userinfo-endpoint", "", "for oauth2: where it tells who somebody is")
	fl.StringVar(&m.SubjectClaim, "subject-claim", "", "for oauth2: the member that is the id, never given to another (default: sub, then id)")
	fl.StringVar(&m.Tenant, "tenant", "", "for microsoft: a tenant's id, or common, organizations or consumers")
	fl.StringVar(&m.TeamId, "team-id", "", "for apple")
	fl.StringVar(&m.KeyId, "key-id", "", "for apple")
	fl.BoolVar(&trustEmail, "trust-email", false, "an address is verified when it says so (default: google, github, apple)")
	fl.BoolVar(&m.TrustMfa, "trust-mfa", false, "several factors were used when it says so (amr mfa)")
	fl.BoolVar(&m.NoSignup, "no-signup", false, "only people who have an account sign in with it")
	fl.BoolVar(&m.KeepTokens, "keep-tokens", false, "keep its tokens, sealed")
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		if m.Kind = args[0]; !slices.Contains(upstream.Kinds(), m.GetKind()) {
			return usageError{fmt.Errorf("there is no kind %q; there are %s", m.GetKind(), strings.Join(upstream.Kinds(), ", "))}
		}
		if m.Scopes = strings.Fields(scopes); cmd.Flags().Changed("trust-email") {
			m.TrustEmail = &trustEmail
		}
		plain, err := secret.read(t)
		if err != nil {
			return err
		}
		if plain == "" && m.GetAuthMethod() != "none" {
			return usageError{errors.New("the client secret is missing: give it with --secret-stdin or --secret-file")}
		}
		res, err := a.Providers.CreateProvider(ctx, &adminv1.CreateProviderRequest{ProjectId: a.project, Provider: m, ClientSecret: plain})
		if err != nil {
			return err
		}
		return a.added(res.GetProvider())
	})
}

func (a *api) added(p *adminv1.Provider) error {
	if err := a.hidden(p); err != nil {
		return err
	}
	if a.json {
		return a.printOne(p)
	}
	_, err := fmt.Fprintf(a.stdout, "added %s; register this redirect URI there:\n  %s\n", p.GetId(), p.GetRedirectUri())
	return err
}

// hidden says of a provider that nobody signs in with why that is so.
func (a *api) hidden(p *adminv1.Provider) error {
	if !p.GetHiddenByConfiguration() {
		return nil
	}
	_, err := fmt.Fprintf(a.stderr, "the server's configuration has a provider with the id %s, which takes its place: this one is not in use\n", p.GetId())
	return err
}

func (a *api) listProviders(ctx context.Context) ([]*adminv1.Provider, error) {
	return every(ctx, func(ctx context.Context, token string) ([]*adminv1.Provider, string, error) {
		res, err := a.Providers.ListProviders(ctx, &adminv1.ListProvidersRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token})
		return res.GetProviders(), res.GetNextPageToken(), err
	})
}

func newProviderList(t *terminal) *cobra.Command {
	return t.apiCall(&cobra.Command{Use: "list", Short: "List the stored services"}, func(ctx context.Context, a *api, _ []string) error {
		providers, err := a.listProviders(ctx)
		if err != nil {
			return err
		}
		return printList(a, providers, []string{"ID", "KIND", "CLIENT_ID", "STATE", "REDIRECT URI"}, func(p *adminv1.Provider) []string {
			state := "on"
			switch {
			case p.GetHiddenByConfiguration():
				state = "hidden by the configuration"
			case p.GetDisabled():
				state = "off"
			}
			return []string{p.GetId(), p.GetKind(), p.GetClientId(), state, p.GetRedirectUri()}
		})
	})
}

// onProvider makes a command of what it does with a provider.
func (t *terminal) onProvider(cmd *cobra.Command, do func(context.Context, *api, *adminv1.Provider) error) *cobra.Command {
	cmd.Args = oneArg
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		res, err := a.Providers.GetProvider(ctx, &adminv1.GetProviderRequest{ProjectId: a.project, ProviderId: args[0]})
		if err != nil {
			return err
		}
		return do(ctx, a, res.GetProvider())
	})
}

func newProviderShow(t *terminal) *cobra.Command {
	return t.onProvider(&cobra.Command{Use: "show ID", Short: "Show a stored service, without its secret"}, func(_ context.Context, a *api, p *adminv1.Provider) error {
		return a.printOne(p)
	})
}

func newProviderUpdate(t *terminal) *cobra.Command {
	secret := &secretFlags{}
	cmd := &cobra.Command{
		Use: "update ID", Short: "Change a stored service",
		Example: `  identity provider update works --secret-file new.secret
  identity provider update works --name "The works" --disabled=false`,
	}
	// By these people are known: they are set once.
	f := newFieldFlags(cmd.Flags(), &adminv1.Provider{}, "kind", "issuer", "subject_claim", "redirect_uri", "has_client_secret", "hidden_by_configuration")
	secret.add(cmd.Flags())
	return t.onProvider(cmd, func(ctx context.Context, a *api, p *adminv1.Provider) error {
		m := &adminv1.Provider{Id: p.GetId(), Etag: p.GetEtag()}
		mask, err := f.fill(m)
		if err != nil {
			return err
		}
		plain, err := secret.read(t)
		if err != nil {
			return err
		}
		res, err := a.Providers.UpdateProvider(ctx, &adminv1.UpdateProviderRequest{ProjectId: a.project, Provider: m, UpdateMask: mask, ClientSecret: plain})
		if err != nil {
			return err
		}
		if err := a.hidden(res.GetProvider()); err != nil {
			return err
		}
		return a.printOne(res.GetProvider())
	})
}

func newProviderDelete(t *terminal) *cobra.Command {
	yes, unlink := false, false
	cmd := &cobra.Command{Use: "delete ID", Short: "Delete a stored service; people keep their accounts"}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&unlink, "unlink", false, "delete the links that people have to it, too; without it a service that anybody is linked to stays")
	return t.onProvider(cmd, func(ctx context.Context, a *api, p *adminv1.Provider) error {
		question := fmt.Sprintf("Delete %s?", p.GetId())
		if unlink {
			question += " Who has no other way in needs a letter or an administrator to come back."
		}
		if err := a.confirm(yes, question, p.GetId()); err != nil {
			return err
		}
		_, err := a.Providers.DeleteProvider(ctx, &adminv1.DeleteProviderRequest{ProjectId: a.project, ProviderId: p.GetId(), Etag: p.GetEtag(), Unlink: unlink})
		return err
	})
}
