package storage

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// ProviderKind says how a provider is spoken to.
type ProviderKind string

// The kinds of providers. Those with a name of their own know their endpoints.
const (
	ProviderGoogle    ProviderKind = "google"
	ProviderMicrosoft ProviderKind = "microsoft"
	ProviderGitHub    ProviderKind = "github"
	ProviderApple     ProviderKind = "apple"
	ProviderOIDC      ProviderKind = "oidc"   // any OpenID provider, by discovery
	ProviderOAuth     ProviderKind = "oauth2" // any OAuth 2.0 service that tells who somebody is at a URL
)

// Provider is a service that a project's people may sign in with.
type Provider struct {
	ID   string `json:"-"` // stands in its redirect URI; lower-case letters, digits and hyphens
	Meta `json:"-"`

	Kind     ProviderKind `json:"kind"`
	Name     string       `json:"name"` // on its button
	ClientID string       `json:"client_id"`
	Sealed   []byte       `json:"sealed,omitempty"` // the client secret; of Apple the private key, PEM
	// AuthMethod is how the client authenticates at the token endpoint:
	// client_secret_basic, client_secret_post or none (RFC 6749 §2.3.1). It is never
	// guessed: a guess sends the code twice.
	AuthMethod string   `json:"auth_method,omitempty"`
	Scopes     []string `json:"scopes,omitempty"` // empty: those of the kind

	Issuer                string `json:"issuer,omitempty"`        // OpenID Connect
	DiscoveryURL          string `json:"discovery_url,omitempty"` // "": below the issuer (OIDC Discovery §4)
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`
	UserinfoEndpoint      string `json:"userinfo_endpoint,omitempty"`
	EmailsEndpoint        string `json:"emails_endpoint,omitempty"` // GitHub
	SubjectClaim          string `json:"subject_claim,omitempty"`   // oauth2: which member is the id; "": sub, then id

	Tenant string `json:"tenant,omitempty"`  // Microsoft: a tenant's id, or common, organizations or consumers
	TeamID string `json:"team_id,omitempty"` // Apple
	KeyID  string `json:"key_id,omitempty"`  // Apple

	// TrustEmail: when the provider says that an address is verified it is. Only
	// such an address links to an account without another proof.
	TrustEmail bool `json:"trust_email,omitempty"`
	// TrustMFA: when the provider says that more than one factor was used (amr mfa,
	// RFC 8176 §2) it was.
	TrustMFA   bool `json:"trust_mfa,omitempty"`
	NoSignup   bool `json:"no_signup,omitempty"`   // nobody gets an account by it
	KeepTokens bool `json:"keep_tokens,omitempty"` // keep its tokens, sealed, with the identity
	Disabled   bool `json:"disabled,omitempty"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

// LogValue hides the secret.
func (p *Provider) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", p.ID), slog.String("kind", string(p.Kind)))
}

func (p *Provider) keys() (string, []graph.Value, time.Time) {
	return p.ID, []graph.Value{graph.String(string(p.Kind)), graph.Int64(p.CreatedOrder)}, time.Time{}
}

func (p *Provider) restore(n graph.Node) { p.ID, p.Meta = n.ID, meta(n) }

var providerID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// CheckProviderID refuses what can't stand in a redirect URI.
func CheckProviderID(id string) error {
	if !providerID.MatchString(id) {
		return fmt.Errorf("%w: provider id %q: want 1 to 63 of a-z, 0-9 and -, not beginning with -", ErrInvalidArgument, id)
	}
	return nil
}

// Providers keeps the services that people sign in with.
type Providers struct {
	repo graph.Repository
	keys *Keyring
}

// Add stores a new provider with its client secret.
func (s *Providers) Add(ctx context.Context, scope Scope, p *Provider, secret string, also ...Change) error {
	if err := CheckProviderID(p.ID); err != nil {
		return err
	}
	return s.store(ctx, scope, p, secret, func() Change { return create(typeProvider, p) }, also)
}

// Replace stores a changed provider. A secret takes the place of the sealed one; ""
// leaves it as it is. ErrConflict when the provider was changed since it was read.
func (s *Providers) Replace(ctx context.Context, scope Scope, p *Provider, secret string, also ...Change) error {
	return s.store(ctx, scope, p, secret, func() Change { return update(typeProvider, p, p.Version) }, also)
}

// store seals the secret before the row is encoded.
func (s *Providers) store(ctx context.Context, scope Scope, p *Provider, secret string, change func() Change, also []Change) error {
	if secret != "" {
		p.Sealed = s.keys.Seal([]byte(secret), scope.Project(), "Provider", p.ID)
	}
	_, err := commit(ctx, s.repo, scope, append([]Change{change()}, also...))
	return err
}

// Get returns a provider.
func (s *Providers) Get(ctx context.Context, scope Scope, id string) (*Provider, error) {
	return get[Provider](ctx, s.repo, scope, typeProvider, id)
}

// Secret opens the client secret, "" when there is none.
func (s *Providers) Secret(scope Scope, p *Provider) (string, error) {
	if len(p.Sealed) == 0 {
		return "", nil
	}
	b, err := s.keys.Open(p.Sealed, scope.Project(), "Provider", p.ID)
	return string(b), err
}

// MaxProviders is how many a project may have: each is a button.
const MaxProviders = 50

// List returns the providers of a project in the order they were added.
func (s *Providers) List(ctx context.Context, scope Scope, p PageRequest) (List[Provider], error) {
	return list[Provider](ctx, s.repo, scope, graph.Query{Type: typeProvider, Index: "created", Limit: p.Limit, After: p.After})
}

// Linked says whether anybody has an identity at a provider, be it stored or
// configured.
func (s *Providers) Linked(ctx context.Context, scope Scope, id string) (bool, error) {
	page, err := list[OAuthIdentity](ctx, s.repo, scope, graph.Query{
		Type: typeOAuthIdentity, Index: "provider", Equal: []graph.Value{graph.String(id)}, Limit: 1,
	})
	return len(page.Items) > 0, err
}

// Delete removes a provider, and with unlink the identities that people have there
// in the same commit: whatever is called by its id later knows nobody.
func (s *Providers) Delete(ctx context.Context, scope Scope, id string, unlink bool, also ...Change) error {
	changes := []Change{remove(typeProvider, id)}
	if unlink {
		changes = append(changes, removeBy(typeOAuthIdentity, "provider", graph.String(id)))
	}
	_, err := commit(ctx, s.repo, scope, append(changes, also...))
	return err
}
