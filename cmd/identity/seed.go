package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/elloloop/identity/cmd/identity/playground"
	"github.com/elloloop/identity/flows/identifier"
	"github.com/elloloop/identity/storage"
)

// seed is what a development server begins with. Its secrets are known to
// everybody: serve refuses a database that was seeded.
type seed struct {
	Users   []seedUser   `yaml:"users"`
	Clients []seedClient `yaml:"clients"`
}

type seedUser struct {
	Email    string `yaml:"email"`
	Password string `yaml:"password"`
	Name     string `yaml:"name"`
	Username string `yaml:"username"`
	Role     string `yaml:"role"`

	Profile seedProfile `yaml:",inline"`
}

type seedClient struct {
	ID                     string   `yaml:"client_id"`
	Secret                 string   `yaml:"client_secret"` // "": public, unless it only has client_credentials
	Name                   string   `yaml:"client_name"`
	RedirectURIs           []string `yaml:"redirect_uris"`
	PostLogoutRedirectURIs []string `yaml:"post_logout_redirect_uris"`
	GrantTypes             []string `yaml:"grant_types"`
	Scope                  string   `yaml:"scope"`
	IDTokenAlg             string   `yaml:"id_token_signed_response_alg"`
	FirstParty             bool     `yaml:"first_party"`
	AnyLocalhostPort       bool     `yaml:"any_localhost_port"`
}

// LogValue hides the passwords and secrets: development data is public, and yet
// what is copied from it may not be.
func (*seed) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// LogValue hides the password.
func (u seedUser) LogValue() slog.Value { return slog.StringValue(u.Email) }

// LogValue hides the secret.
func (c seedClient) LogValue() slog.Value { return slog.StringValue(c.ID) }

// demo is what there is without a file.
func demo() *seed {
	return &seed{
		Users: []seedUser{
			{Email: "alice@example.test", Password: "alice-dev-password", Name: "Alice Example", Username: "alice", Role: "member", Profile: demoProfile("Alice", "Example", "+15555550100")},
			{Email: "admin@example.test", Password: "admin-dev-password", Name: "Ada Admin", Username: "admin", Role: "admin", Profile: demoProfile("Ada", "Admin", "+15555550101")},
		},
		Clients: []seedClient{
			{ID: "demo-spa", Name: "Demo SPA", RedirectURIs: []string{"http://localhost/callback"}, PostLogoutRedirectURIs: []string{"http://localhost/"}, AnyLocalhostPort: true},
			{ID: "demo-web", Name: "Demo web application", Secret: "demowebsecretdemowebsecret", RedirectURIs: []string{"http://localhost/callback"}, PostLogoutRedirectURIs: []string{"http://localhost/"}, AnyLocalhostPort: true},
			{ID: "demo-machine", Name: "Demo service", Secret: "demomachinesecretdemomachine", GrantTypes: []string{"client_credentials"}, Scope: "demo:read demo:write"},
		},
	}
}

// readSeed reads a seed file. Unknown keys are mistakes.
func readSeed(file string) (*seed, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	var s seed
	if err := dec.Decode(&s); err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", file, err)}
	}
	return &s, nil
}

// store makes what is not there yet.
func (s *seed) store(ctx context.Context, d *database, set *settings) error {
	clients := []*storage.Client{playground.Client(d.project.Issuer)}
	for _, c := range s.Clients {
		clients = append(clients, c.client(time.Now()))
	}
	for _, c := range clients {
		if _, err := d.store.Clients.Get(ctx, d.project.Scope(), c.ID); err == nil {
			continue
		} else if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if err := d.createClient(ctx, c, "seed"); err != nil {
			return err
		}
	}
	for _, u := range s.Users {
		if err := u.store(ctx, d, set); err != nil {
			return fmt.Errorf("seed: user %s: %w", u.Email, err)
		}
	}
	return nil
}

// resourceServer is the client that the playground asks about tokens as, if the
// seed has it.
func (s *seed) resourceServer() playground.ResourceServer {
	for _, c := range s.Clients {
		if c.ID == "demo-machine" && c.Secret != "" {
			return playground.ResourceServer{ClientID: c.ID, Secret: c.Secret}
		}
	}
	return playground.ResourceServer{}
}

func (c seedClient) client(now time.Time) *storage.Client {
	out := &storage.Client{
		ID: c.ID, Name: c.Name, ApplicationType: "web", RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
		GrantTypes: c.GrantTypes, Scope: strings.Fields(c.Scope), FirstParty: c.FirstParty,
		IDTokenSignedResponseAlg: c.IDTokenAlg, InsecureAnyLocalhostPort: c.AnyLocalhostPort, CreatedOrder: now.UnixMicro(),
	}
	if len(out.GrantTypes) == 0 {
		out.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	if len(out.RedirectURIs) > 0 {
		out.ResponseTypes = []string{"code"}
	}
	if c.Secret == "" {
		out.TokenEndpointAuthMethod = "none"
	} else {
		out.Secrets = []storage.ClientSecret{{Digest: storage.DigestOf(c.Secret), CreatedAt: now.UTC()}}
	}
	return out
}

func (u seedUser) store(ctx context.Context, d *database, set *settings) error {
	address, key, err := identifier.Email(u.Email)
	if err != nil {
		return err
	}
	if _, err := d.store.Users.ByEmail(ctx, d.project.Scope(), key); err == nil || !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	now := time.Now().UTC()
	user := &storage.User{
		ID: storage.NewSubject(), Email: address, EmailKey: key, EmailVerified: true, Name: u.Name, Role: u.Role,
		Status: storage.UserActive, ProfileUpdatedAt: now, CreatedOrder: now.UnixMicro(),
	}
	u.Profile.fill(user)
	if u.Username != "" {
		if user.Username, user.UsernameKey, err = identifier.Username(u.Username); err != nil {
			return err
		}
	}
	hash, err := set.hasher.Hash(ctx, u.Password)
	if err != nil {
		return err
	}
	credential := &storage.PasswordCredential{UserID: user.ID, Hash: hash, SetAt: now}
	return d.store.Commit(ctx, d.project.Scope(), d.store.Users.Add(user), d.store.PasswordCredentials.Add(credential), d.audit("user.created", "seed", user.ID))
}

// developmentMark is the name of the project secret that a development server
// leaves in its database before anything else. Nothing removes it.
const developmentMark = "development"

// refuseDevelopmentData keeps accounts with public passwords from being served to
// the world: what a development server has opened is not for production.
func refuseDevelopmentData(ctx context.Context, d *database) error {
	marked, err := d.store.ProjectSecrets.Has(ctx, d.project.Scope(), developmentMark)
	if marked {
		return errors.New("this database was made by identity dev: its passwords and secrets are public, whatever was changed since; use a new database")
	}
	return err
}

// describe is the line of JSON for tests.
func (s *seed) describe(issuer string) map[string]any {
	users := make([]map[string]string, len(s.Users))
	for i, u := range s.Users {
		users[i] = map[string]string{"email": u.Email, "password": u.Password}
	}
	clients := make([]map[string]any, len(s.Clients))
	for i, c := range s.Clients {
		clients[i] = map[string]any{"client_id": c.ID}
		if c.Secret != "" {
			clients[i]["client_secret"] = c.Secret
		}
		if len(c.RedirectURIs) > 0 {
			clients[i]["redirect_uri"] = c.shownRedirectURI()
		}
	}
	return map[string]any{"issuer": issuer, "playground": issuer + "/dev/playground", "inbox": issuer + "/dev/inbox", "account": issuer + "/account", "users": users, "clients": clients}
}

func (c seedClient) shownRedirectURI() string {
	if c.AnyLocalhostPort {
		return strings.Replace(c.RedirectURIs[0], "http://localhost/", "http://localhost:{any}/", 1)
	}
	return c.RedirectURIs[0]
}

// banner is what a person reads when the server is ready.
func (s *seed) banner(issuer, folder string, ephemeral bool, took time.Duration) string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) } // a strings.Builder does not fail
	where := folder + string(os.PathSeparator) + " (delete to start over)"
	if ephemeral {
		where = "forgotten at the end"
	}
	line("identity dev  ·  data: %s  ·  NOT for production", where)
	line("")
	line("  Issuer       %s", issuer)
	line("  Playground   %s/dev/playground     run code + PKCE, see decoded tokens", issuer)
	line("  Inbox        %s/dev/inbox          every mail and SMS lands here", issuer)
	line("  Pages        %s/dev/pages          every page and mail in every state", issuer)
	line("  Account      %s/account            what people see of their own account", issuer)
	for i, u := range s.Users {
		label := "Users"
		if i > 0 {
			label = ""
		}
		line("%s  %-12s %s / %s", map[bool]string{true: "\n", false: ""}[i == 0], label, u.Email, u.Password)
	}
	for i, c := range s.Clients {
		label, detail := "Clients", "public, PKCE"
		if i > 0 {
			label = ""
		}
		if c.Secret != "" {
			detail = "secret: " + c.Secret
		}
		where := strings.Join(c.GrantTypes, ", ")
		if len(c.RedirectURIs) > 0 {
			where = c.shownRedirectURI()
		}
		line("  %-12s %-13s %-38s %s", label, c.ID, detail, where)
	}
	line("")
	line("  Try          open the playground, or:  identity client add --preset next --url http://localhost:3000")
	line("\nready after %s; stop with Ctrl-C", took.Round(time.Millisecond))
	return b.String()
}
