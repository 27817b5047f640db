package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/admin/client"
	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/outbound"
	"github.com/elloloop/identity/cmd/identity/projects"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

// apiFlags say whom a command calls: the services in process, on the configured
// database, or those of a running server.
type apiFlags struct {
	server, project, tokenFile, clientID, keyFile, secretFile, issuer string
	json                                                              bool
}

func (f *apiFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.project, "project", "", "id of the project; empty: the default one, or that of the token (IDENTITY_PROJECT)")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	fs.StringVar(&f.server, "server", "", "URL of a running server to call, instead of the local database (IDENTITY_SERVER)")
	fs.StringVar(&f.tokenFile, "token-file", "", "file with the token for --server; - is standard input (or the token itself in IDENTITY_TOKEN)")
	fs.StringVar(&f.clientID, "as-client", "", "get the token for --server as this client, with a key or a secret")
	fs.StringVar(&f.keyFile, "client-key-file", "", "private key of that client: a JWK")
	fs.StringVar(&f.secretFile, "client-secret-file", "", "secret of that client; - is standard input")
	fs.StringVar(&f.issuer, "token-issuer", "", "issuer that gives the token (default: --server)")
}

// api is the administration as a command calls it.
type api struct {
	*client.Client
	*terminal
	project  string
	json     bool
	database *database // nil for a running server
	path     string    // of the command
}

// apiCall makes a command of what it does with the administration.
func (t *terminal) apiCall(cmd *cobra.Command, do func(context.Context, *api, []string) error) *cobra.Command {
	return t.apiCommand(cmd, func(ctx context.Context, _ *settings, a *api, args []string) error { return do(ctx, a, args) })
}

// apiCommand is apiCall for those who need the settings, too. A setting of the same
// name as a flag of the command has none.
func (t *terminal) apiCommand(cmd *cobra.Command, do func(context.Context, *settings, *api, []string) error) *cobra.Command {
	s, f := newSettings(t), &apiFlags{}
	f.add(cmd.Flags())
	t.late[cmd] = func() { s.quietFlags(cmd) }
	if cmd.Args == nil {
		cmd.Args = cobra.NoArgs
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.onAPI(cmd, f, func(a *api) error { return do(cmd.Context(), s, a, args) })
	}
	if strings.Contains(cmd.Use, " ") { // has an argument: the names of what there is
		cmd.ValidArgsFunction = t.complete(s, f)
	}
	return cmd
}

// quietFlags adds every setting as a flag that help does not list: a command has
// flags of its own, and they go before.
func (s *settings) quietFlags(cmd *cobra.Command) {
	s.own = pflag.NewFlagSet("settings", pflag.ContinueOnError)
	config.Flags(s.own)
	s.own.VisitAll(func(f *pflag.Flag) {
		if cmd.Flags().Lookup(f.Name) == nil {
			f.Hidden = f.Name != "config"
			cmd.Flags().AddFlag(f)
		}
	})
}

// onAPI runs a command against the administration.
func (s *settings) onAPI(cmd *cobra.Command, f *apiFlags, do func(*api) error) error {
	a := &api{terminal: s.terminal, project: f.project, json: f.json, path: cmd.CommandPath()}
	if a.project == "" {
		a.project = s.terminal.env("IDENTITY_PROJECT")
	}
	server := f.server
	if server == "" {
		server = s.terminal.env("IDENTITY_SERVER")
	}
	if server != "" {
		tokens, err := f.tokens(s.terminal, strings.TrimSuffix(server, "/"))
		if err != nil {
			return err
		}
		if a.Client, err = client.New(strings.TrimSuffix(server, "/"), tokens, nil); err != nil {
			return usageError{fmt.Errorf("--server: %w", err)}
		}
		return a.explain(do(a))
	}
	if f.tokenFile != "" || f.clientID != "" {
		return usageError{fmt.Errorf("a token is for a running server: name it with --server\ntry: %s --help", a.path)}
	}
	return s.onDatabase(cmd, func(d *database) error {
		services, err := d.services(s)
		if err != nil {
			return err
		}
		a.Client, a.database = client.Over(services.Local("operator"), "http://local"), d
		if a.project == "" {
			a.project = d.project.ID
		}
		return a.explain(do(a))
	})
}

// services are those of the administration, on a database that nobody serves.
func (d *database) services(s *settings) (*admin.Server, error) {
	p := &provider{database: d, log: s.log}
	p.finder = projects.New(projects.Config{Directory: d, Issuer: d.project.Issuer, Default: d.project.ID, Found: d.keys.Ensure, Now: time.Now})
	rules, err := newPasswordRules(s.config, outbound.New(outbound.Config{InsecureAllowLoopback: s.config.Insecure.LoopbackFetch}), s.log)
	if err != nil {
		return nil, err
	}
	return admin.New(adminConfig(s.config, p, s.hasher, rules, s.log))
}

// tokens is where the token for a server comes from. It is never an argument.
func (f *apiFlags) tokens(t *terminal, server string) (client.TokenSource, error) {
	if f.clientID != "" {
		return f.credentials(t, server)
	}
	if f.tokenFile != "" {
		token, err := t.readSecret("token", fileOf(f.tokenFile), f.tokenFile == "-")
		return client.Static(token), err
	}
	if token := t.env("IDENTITY_TOKEN"); token != "" {
		return client.Static(token), nil
	}
	return nil, usageError{errors.New("a token is missing: --token-file FILE, IDENTITY_TOKEN, or --as-client with a key\ntry: identity client add --preset machine --audience ISSUER/admin --scope identity.admin")}
}

func (f *apiFlags) credentials(t *terminal, server string) (client.TokenSource, error) {
	c := &client.ClientCredentials{Issuer: f.issuer, ClientID: f.clientID}
	if c.Issuer == "" {
		c.Issuer = server
	}
	if f.keyFile == "" {
		if f.secretFile == "" {
			return nil, usageError{errors.New("--as-client needs --client-key-file or --client-secret-file")}
		}
		var err error
		c.Secret, err = t.readSecret("client secret", fileOf(f.secretFile), f.secretFile == "-")
		return c, err
	}
	b, err := os.ReadFile(f.keyFile)
	if err != nil {
		return nil, err
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(b, &key); err != nil || key.IsPublic() || !key.Valid() {
		return nil, usageError{fmt.Errorf("--client-key-file %s: is not a private key as JWK (RFC 7517)", f.keyFile)}
	}
	if key.Algorithm == "" {
		return nil, usageError{fmt.Errorf("--client-key-file %s: the key does not say its alg", f.keyFile)}
	}
	c.Key = &jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}
	return c, nil
}

// fileOf is "" for standard input.
func fileOf(name string) string {
	if name == "-" {
		return ""
	}
	return name
}

// env is a variable of the environment, "" when it is not set.
func (t *terminal) env(name string) string {
	i := slices.IndexFunc(t.environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	if i < 0 {
		return ""
	}
	return t.environ[i][len(name)+1:]
}

// issuer is that of the project, "" for a caller who may not see it.
func (a *api) issuer(ctx context.Context) string {
	res, err := a.Projects.GetProject(ctx, &adminv1.GetProjectRequest{ProjectId: a.project})
	if err != nil {
		return ""
	}
	return res.GetProject().GetIssuer()
}
