package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
)

func newProviderCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "provider", Short: "Manage the services that people may sign in with"}
	cmd.AddCommand(newProviderAdd(t), newProviderList(t), newProviderDelete(t))
	return cmd
}

// providerFlags are what a provider is stored with.
type providerFlags struct {
	storage.Provider
	kind, scopes, file string
	stdin              bool
	trustEmail         bool
}

func newProviderAdd(t *terminal) *cobra.Command {
	f, s := &providerFlags{}, newSettings(t)
	cmd := &cobra.Command{
		Use:   "add KIND",
		Short: "Let people sign in with a service: " + strings.Join(providerKinds(), ", "),
		Example: `  identity provider add google --client-id 123.apps.googleusercontent.com --secret-file google.secret
  identity provider add oidc --id works --name Works --provider-issuer https://login.works.example --client-id identity --secret-stdin
  identity provider add apple --client-id com.example.web --team-id TEAM123456 --key-id KEY1234567 --secret-file AuthKey.p8`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.kind = args[0]
			return s.onDatabase(cmd, func(d *database) error { return addProvider(cmd, t, d, f) })
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.ID, "id", "", "name in its redirect URI: lower-case letters, digits and hyphens (default: the kind)")
	fl.StringVar(&f.Name, "name", "", "name on its button")
	fl.StringVar(&f.ClientID, "client-id", "", "client id there (required)")
	fl.StringVar(&f.file, "secret-file", "", "file with the client secret; of Apple the private key")
	fl.BoolVar(&f.stdin, "secret-stdin", false, "read the client secret from standard input")
	fl.StringVar(&f.AuthMethod, "auth-method", "", "client_secret_basic, client_secret_post or none (default: that of the kind)")
	fl.StringVar(&f.scopes, "scope", "", "scopes to ask for, separated by spaces (default: those of the kind)")
	fl.StringVar(&f.Issuer, "provider-issuer", "", "issuer of an OpenID provider")
	fl.StringVar(&f.DiscoveryURL, "discovery-url", "", "its discovery document (default: below the issuer)")
	fl.StringVar(&f.AuthorizationEndpoint, "authorization-endpoint", "", "for oauth2")
	fl.StringVar(&f.TokenEndpoint, "token-endpoint", "", "for oauth2")
	fl.StringVar(&f.UserinfoEndpoint, "userinfo-endpoint", "", "for oauth2: where it tells who somebody is")
	fl.StringVar(&f.SubjectClaim, "subject-claim", "", "for oauth2: the member that is the id, never given to another (default: sub, then id)")
	fl.StringVar(&f.Tenant, "tenant", "", "for microsoft: a tenant's id, or common, organizations or consumers")
	fl.StringVar(&f.TeamID, "team-id", "", "for apple")
	fl.StringVar(&f.KeyID, "key-id", "", "for apple")
	fl.BoolVar(&f.trustEmail, "trust-email", false, "an address is verified when it says so (default: google, github, apple)")
	fl.BoolVar(&f.TrustMFA, "trust-mfa", false, "several factors were used when it says so (amr mfa)")
	fl.BoolVar(&f.NoSignup, "no-signup", false, "only people who have an account sign in with it")
	fl.BoolVar(&f.KeepTokens, "keep-tokens", false, "keep its tokens, sealed")
	s.flags(cmd)
	return cmd
}

func providerKinds() []string {
	var kinds []string
	for k := range upstream.Presets() {
		kinds = append(kinds, string(k))
	}
	slices.Sort(kinds)
	return kinds
}

func addProvider(cmd *cobra.Command, t *terminal, d *database, f *providerFlags) error {
	p := f.Provider
	p.Kind = storage.ProviderKind(f.kind)
	preset, ok := upstream.Presets()[p.Kind]
	if !ok {
		return usageError{fmt.Errorf("there is no kind %q; there are %s", f.kind, strings.Join(providerKinds(), ", "))}
	}
	if p.ID == "" {
		p.ID = f.kind
	}
	p.Scopes, p.CreatedOrder = strings.Fields(f.scopes), time.Now().UnixMicro()
	if p.TrustEmail = preset.TrustEmail; cmd.Flags().Changed("trust-email") {
		p.TrustEmail = f.trustEmail
	}
	if err := upstream.Check(&p); err != nil {
		return usageError{err}
	}
	secret := ""
	if p.AuthMethod != "none" {
		if f.file == "" && !f.stdin {
			return usageError{errors.New("the client secret is missing: give it with --secret-stdin or --secret-file")}
		}
		var err error
		if secret, err = t.readSecret("client secret", f.file, f.stdin); err != nil {
			return err
		}
	}
	err := d.store.Providers.Add(cmd.Context(), d.project.Scope(), &p, secret, d.audit("provider.added", "operator", p.ID))
	if errors.Is(err, storage.ErrAlreadyExists) {
		return fmt.Errorf("there is a provider with the id %q already", p.ID)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.stdout, "added %s; register this redirect URI there:\n  %s\n", p.ID, flows.ArrivalURL(d.project, "upstream", p.ID))
	return err
}

func newProviderList(t *terminal) *cobra.Command {
	s, asJSON := newSettings(t), false
	cmd := &cobra.Command{
		Use: "list", Short: "List the stored services", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				all, err := d.store.Providers.List(cmd.Context(), d.project.Scope())
				if err != nil {
					return err
				}
				rows, out := make([][]string, len(all)), make([]map[string]any, len(all))
				for i, p := range all {
					at := flows.ArrivalURL(d.project, "upstream", p.ID)
					rows[i] = []string{p.ID, string(p.Kind), p.ClientID, at}
					out[i] = map[string]any{"id": p.ID, "kind": p.Kind, "client_id": p.ClientID, "redirect_uri": at, "trust_email": p.TrustEmail, "disabled": p.Disabled}
				}
				if asJSON {
					return t.printJSON(out)
				}
				return t.printTable([]string{"ID", "KIND", "CLIENT_ID", "REDIRECT URI"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
}

func newProviderDelete(t *terminal) *cobra.Command {
	s, yes := newSettings(t), false
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Delete a service with the identities that people have there", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				p, err := d.store.Providers.Get(cmd.Context(), d.project.Scope(), args[0])
				if errors.Is(err, storage.ErrNotFound) {
					return fmt.Errorf("there is no provider %q; identity provider list shows them all", args[0])
				}
				if err != nil {
					return err
				}
				if err := t.confirm(yes, fmt.Sprintf("Delete %s? Who has no other way in can't sign in any more.", p.ID), p.ID); err != nil {
					return err
				}
				return d.store.Providers.Delete(cmd.Context(), d.project.Scope(), p.ID, d.audit("provider.deleted", "operator", p.ID))
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	s.flags(cmd)
	return cmd
}
