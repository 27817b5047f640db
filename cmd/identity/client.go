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

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/op"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func newClientCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "client", Short: "Register and manage applications"}
	cmd.AddCommand(newClientAdd(t), newClientList(t), newClientShow(t), newClientUpdate(t), newClientRotateSecret(t), newClientDelete(t), newClientToken(t))
	return cmd
}

// clientFlags are what a client is registered with.
type clientFlags struct {
	id, name, preset, url, authMethod, jwksFile, scope, accessTokenFormat, accessTokenType, idTokenAlg, userinfoAlg string
	logoURI, policyURI, tosURI, clientURI                                                                           string
	frontChannelLogoutURI, backChannelLogoutURI                                                                     string
	redirectURIs, postLogoutRedirectURIs, webOrigins, grantTypes, responseTypes, audience                           []string
	firstParty, idTokenClaims, withoutPKCE, keepRefreshToken, secretStdin                                           bool
}

func newClientAdd(t *terminal) *cobra.Command {
	f := &clientFlags{}
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Register an application; prints its secret once",
		Example: `  identity client add --name Shop --preset spa --redirect-uri https://shop.example.com/callback
  identity client add --preset next --url http://localhost:3000
  identity client add --name Worker --preset machine --scope "orders:read"`,
	}
	fl := cmd.Flags()
	fl.StringVar(&f.preset, "preset", "web", "what kind of application: "+strings.Join(presetNames(), ", "))
	fl.StringVar(&f.url, "url", "", "where the application runs; the preset's paths are added to it")
	fl.StringVar(&f.name, "name", "", "name that people see")
	fl.StringVar(&f.id, "id", "", "client_id (default: a random one)")
	fl.StringArrayVar(&f.redirectURIs, "redirect-uri", nil, "redirect URI, compared character by character (repeatable)")
	fl.StringArrayVar(&f.postLogoutRedirectURIs, "post-logout-redirect-uri", nil, "where to go after sign-out (repeatable)")
	fl.StringVar(&f.frontChannelLogoutURI, "frontchannel-logout-uri", "", "page of the application that ends its session, loaded in a frame at sign-out")
	fl.StringVar(&f.backChannelLogoutURI, "backchannel-logout-uri", "", "address of the application that is told of the end of a session")
	fl.StringArrayVar(&f.webOrigins, "web-origin", nil, "more origins that browsers may call from (repeatable)")
	fl.StringArrayVar(&f.grantTypes, "grant-type", nil, "grant type instead of the preset's (repeatable)")
	fl.StringArrayVar(&f.responseTypes, "response-type", nil, "response type instead of code (repeatable)")
	fl.BoolVar(&f.secretStdin, "secret-stdin", false, "read the client secret from standard input, such as one of another system: at least 32 characters")
	fl.StringArrayVar(&f.audience, "audience", nil, "aud of its access tokens (repeatable; default: its client_id)")
	fl.StringVar(&f.authMethod, "auth-method", "", "token endpoint authentication: none, client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt (default: basic or post)")
	fl.StringVar(&f.jwksFile, "jwks-file", "", "file with its public keys (JWKS), for private_key_jwt")
	fl.StringVar(&f.scope, "scope", "", "scopes that it may ask for, separated by spaces (default: the standard ones)")
	fl.StringVar(&f.accessTokenFormat, "access-token-format", "", "jwt or opaque (default: jwt)")
	fl.StringVar(&f.accessTokenType, "access-token-typ", "", "JOSE typ of its JWT access tokens: at+jwt or JWT (default: at+jwt)")
	fl.StringVar(&f.idTokenAlg, "id-token-alg", "", "RS256, PS256, ES256 or EdDSA (default: RS256)")
	fl.StringVar(&f.userinfoAlg, "userinfo-alg", "", "sign userinfo with this alg (default: plain JSON)")
	fl.StringVar(&f.clientURI, "client-uri", "", "home page")
	fl.StringVar(&f.logoURI, "logo-uri", "", "logo")
	fl.StringVar(&f.policyURI, "policy-uri", "", "privacy policy")
	fl.StringVar(&f.tosURI, "tos-uri", "", "terms of service")
	fl.BoolVar(&f.firstParty, "first-party", false, "the operator's own: people are not asked for consent")
	fl.BoolVar(&f.idTokenClaims, "id-token-claims", false, "put the claims of its scopes into the ID token too")
	fl.BoolVar(&f.withoutPKCE, "without-pkce", false, "do not demand PKCE of this confidential client")
	fl.BoolVar(&f.keepRefreshToken, "keep-refresh-token", false, "do not rotate the refresh tokens of this confidential client")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error { return addClient(ctx, a, f) })
}

func addClient(ctx context.Context, a *api, f *clientFlags) error {
	c, err := f.client(time.Now())
	if err != nil {
		return err
	}
	given := ""
	if f.secretStdin {
		if given, err = givenClientSecret(a, c); err != nil {
			return err
		}
	}
	m, err := admin.ClientMessage(c)
	if err != nil {
		return err
	}
	res, err := a.Clients.CreateClient(ctx, &adminv1.CreateClientRequest{ProjectId: a.project, Client: m})
	if err != nil {
		return err
	}
	c.ID = res.GetClient().GetId()
	secret := res.GetClientSecret()
	if given != "" {
		if err := a.database.giveClientSecret(ctx, c.ID, given); err != nil {
			return err
		}
		secret = given
	}
	issuer := a.issuer(ctx)
	if a.json {
		return a.printJSON(map[string]any{
			"client_id": c.ID, "client_secret": secret, "client_name": c.Name, "redirect_uris": c.RedirectURIs,
			"grant_types": c.GrantTypes, "token_endpoint_auth_method": c.TokenEndpointAuthMethod, "issuer": issuer,
		})
	}
	_, err = fmt.Fprint(a.stdout, describeClient(&storage.Project{Issuer: issuer}, c, secret, f.preset))
	return err
}

// newClientSecret makes a secret for a client, sealed where it has to be read back.
func (d *database) newClientSecret(c *storage.Client, now time.Time) (plain string, stored storage.ClientSecret) {
	plain, stored = op.NewClientSecret(now)
	return plain, d.sealed(c, plain, stored)
}

// sealed adds to a secret what has to be read back of it.
func (d *database) sealed(c *storage.Client, plain string, stored storage.ClientSecret) storage.ClientSecret {
	if c.TokenEndpointAuthMethod == "client_secret_jwt" {
		stored.Sealed = d.store.Clients.SealSecret(d.project.Scope(), c.ID, plain)
	}
	return stored
}

// givenClientSecret reads a secret that was made elsewhere. Over the network no
// secret is given: a server makes its own.
func givenClientSecret(a *api, c *storage.Client) (string, error) {
	if a.database == nil || a.project != a.database.project.ID || !needsSecret(c) {
		return "", usageError{errors.New("--secret-stdin works on the local database, in the default project, for a client that has a secret")}
	}
	plain, err := a.readSecret("client secret", "", true)
	if err != nil {
		return "", err
	}
	if len(plain) < 32 || len(plain) > 255 || strings.ContainsFunc(plain, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", usageError{errors.New("--secret-stdin: a client secret has 32 to 255 visible ASCII characters")}
	}
	return plain, nil
}

// giveClientSecret puts the given secret in the place of the one that was made.
func (d *database) giveClientSecret(ctx context.Context, id, plain string) error {
	c, err := d.store.Clients.Get(ctx, d.project.Scope(), id)
	if err != nil {
		return err
	}
	c.Secrets = []storage.ClientSecret{d.sealed(c, plain, storage.ClientSecret{Digest: storage.DigestOf(plain), CreatedAt: time.Now().UTC()})}
	return d.store.Clients.Replace(ctx, d.project.Scope(), c, op.ClientOrigins(c), d.audit("client.secret_given", "operator", c.ID))
}

// createClient checks a client and stores it with its audit event.
func (d *database) createClient(ctx context.Context, c *storage.Client, actor string) error {
	if faults := op.ValidateClientFor(d.project, c); len(faults) > 0 {
		return listFaults("the client cannot be registered", faults)
	}
	err := d.store.Clients.Create(ctx, d.project.Scope(), c, op.ClientOrigins(c), d.audit("client.created", actor, c.ID))
	if errors.Is(err, storage.ErrAlreadyExists) {
		return fmt.Errorf("there is a client with the id %q already", c.ID)
	}
	return err
}

// audit is an event of the command line.
func (d *database) audit(action, actor, target string) storage.Change {
	return d.store.AuditEvents.Append(storage.AuditEvent{
		At: time.Now().UTC(), Action: action, Outcome: "success", Actor: actor, Target: target,
	})
}

func listFaults(what string, faults []*op.Error) error {
	lines := []string{what + ":"}
	for _, f := range faults {
		lines = append(lines, "  - "+f.Description)
	}
	return usageError{errors.New(strings.Join(lines, "\n"))}
}

func needsSecret(c *storage.Client) bool {
	switch c.TokenEndpointAuthMethod {
	case "none", "private_key_jwt":
		return false
	}
	return true
}

// client makes a client of the preset and the flags over it.
func (f *clientFlags) client(now time.Time) (*storage.Client, error) {
	p, ok := presets[f.preset]
	if !ok {
		return nil, usageError{fmt.Errorf("--preset: there is none called %q; there are %s", f.preset, strings.Join(presetNames(), ", "))}
	}
	c := p.client(f.url)
	c.ID, c.CreatedOrder = f.id, now.UnixMicro()
	if c.Name = f.name; c.Name == "" {
		c.Name = p.title
	}
	c.URI, c.LogoURI, c.PolicyURI, c.TOSURI = f.clientURI, f.logoURI, f.policyURI, f.tosURI
	c.RedirectURIs = append(c.RedirectURIs, f.redirectURIs...)
	c.PostLogoutRedirectURIs = append(c.PostLogoutRedirectURIs, f.postLogoutRedirectURIs...)
	c.WebOrigins, c.Audience = f.webOrigins, f.audience
	c.FrontChannelLogoutURI, c.BackChannelLogoutURI = f.frontChannelLogoutURI, f.backChannelLogoutURI
	if len(f.grantTypes) > 0 {
		c.GrantTypes = f.grantTypes
		if !slices.Contains(c.GrantTypes, "authorization_code") {
			c.ResponseTypes = nil
		}
	}
	if len(f.responseTypes) > 0 {
		c.ResponseTypes = f.responseTypes
	}
	if f.authMethod != "" {
		c.TokenEndpointAuthMethod = f.authMethod
	}
	if f.jwksFile != "" {
		b, err := os.ReadFile(f.jwksFile)
		if err != nil {
			return nil, err
		}
		c.JWKS = json.RawMessage(b)
	}
	if f.scope != "" {
		c.Scope = strings.Fields(f.scope)
	}
	set(&c.AccessTokenFormat, f.accessTokenFormat)
	set(&c.AccessTokenType, f.accessTokenType)
	set(&c.IDTokenSignedResponseAlg, f.idTokenAlg)
	set(&c.UserinfoSignedResponseAlg, f.userinfoAlg)
	c.FirstParty = f.firstParty
	c.IDTokenClaims = c.IDTokenClaims || f.idTokenClaims
	c.KeepRefreshToken = f.keepRefreshToken
	if f.withoutPKCE {
		no := false
		c.RequirePKCE = &no
	}
	return c, nil
}

func set(field *string, value string) {
	if value != "" {
		*field = value
	}
}
