package storage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Client is a registered application. The names are those of OIDC Dynamic Client
// Registration §2 and RFC 7591 §2 where they have one.
type Client struct {
	ID   string `json:"-"` // client_id
	Meta `json:"-"`

	Name            string   `json:"client_name,omitempty"`
	URI             string   `json:"client_uri,omitempty"`
	LogoURI         string   `json:"logo_uri,omitempty"`
	PolicyURI       string   `json:"policy_uri,omitempty"`
	TOSURI          string   `json:"tos_uri,omitempty"`
	Contacts        []string `json:"contacts,omitempty"`
	ApplicationType string   `json:"application_type"` // web or native

	RedirectURIs           []string `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	// The two ways to hear that a session has ended (OIDC Front-Channel Logout §2,
	// OIDC Back-Channel Logout §2.2); "" for none. iss and sid are always sent.
	FrontChannelLogoutURI             string `json:"frontchannel_logout_uri,omitempty"`
	FrontChannelLogoutSessionRequired bool   `json:"frontchannel_logout_session_required,omitempty"`
	BackChannelLogoutURI              string `json:"backchannel_logout_uri,omitempty"`
	BackChannelLogoutSessionRequired  bool   `json:"backchannel_logout_session_required,omitempty"`

	WebOrigins    []string `json:"web_origins,omitempty"` // CORS origins beside those of the redirect URIs
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Scope         []string `json:"scope,omitempty"` // what it may ask for; empty: every scope of the provider

	// TokenEndpointAuthMethod is "none" for public clients. "" means
	// client_secret_basic or client_secret_post, whichever the client uses.
	TokenEndpointAuthMethod string          `json:"token_endpoint_auth_method"`
	Secrets                 []ClientSecret  `json:"secrets,omitempty"` // at most 2, so that they can be rotated
	JWKS                    json.RawMessage `json:"jwks,omitempty"`    // RFC 7517 §5, public keys
	JWKSURI                 string          `json:"jwks_uri,omitempty"`

	SubjectType         string `json:"subject_type,omitempty"` // public (also ""), or pairwise (OIDC Core §8)
	SectorIdentifierURI string `json:"sector_identifier_uri,omitempty"`

	RequestObjectSigningAlg    string   `json:"request_object_signing_alg,omitempty"` // "" means any that the provider takes
	RequestObjectEncryptionAlg string   `json:"request_object_encryption_alg,omitempty"`
	RequestObjectEncryptionEnc string   `json:"request_object_encryption_enc,omitempty"`
	RequestURIs                []string `json:"request_uris,omitempty"` // OIDC Core §6.2

	// What is encrypted is encrypted to a key of the client (OIDC Core §10.2). An
	// empty enc with an alg means A128CBC-HS256.
	IDTokenEncryptedResponseAlg  string `json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenEncryptedResponseEnc  string `json:"id_token_encrypted_response_enc,omitempty"`
	UserinfoEncryptedResponseAlg string `json:"userinfo_encrypted_response_alg,omitempty"`
	UserinfoEncryptedResponseEnc string `json:"userinfo_encrypted_response_enc,omitempty"`

	IDTokenSignedResponseAlg  string   `json:"id_token_signed_response_alg,omitempty"`     // "" means RS256
	UserinfoSignedResponseAlg string   `json:"userinfo_signed_response_alg,omitempty"`     // "" means plain JSON
	AccessTokenSignedAlg      string   `json:"access_token_signed_response_alg,omitempty"` // "" means as the ID token
	AccessTokenFormat         string   `json:"access_token_format,omitempty"`              // jwt (also ""), or opaque
	AccessTokenType           string   `json:"access_token_typ,omitempty"`                 // JOSE typ: at+jwt (also ""), or JWT
	Audience                  []string `json:"audience,omitempty"`                         // aud of its access tokens
	DefaultMaxAge             *int64   `json:"default_max_age,omitempty"`                  // seconds
	RequireAuthTime           bool     `json:"require_auth_time,omitempty"`
	DefaultACRValues          []string `json:"default_acr_values,omitempty"`

	SignIn SignInPolicy `json:"sign_in,omitzero"` // its own policy, over the project's

	FirstParty    bool  `json:"first_party,omitempty"`     // the operator's own: no consent page
	IDTokenClaims bool  `json:"id_token_claims,omitempty"` // scope claims in the ID token too, not only at userinfo
	RequirePKCE   *bool `json:"require_pkce,omitempty"`    // nil: the project's policy; public clients always
	Disabled      bool  `json:"disabled,omitempty"`
	// RotateRefreshTokens false lets a confidential client keep its refresh token.
	KeepRefreshToken bool `json:"keep_refresh_token,omitempty"`
	// InsecureAnyLocalhostPort lets http://localhost redirect URIs differ in
	// their port. For development only: another program may hold the port.
	InsecureAnyLocalhostPort bool `json:"insecure_any_localhost_port,omitempty"`

	InitiateLoginURI string `json:"initiate_login_uri,omitempty"` // OIDC Core §4
	SoftwareID       string `json:"software_id,omitempty"`
	SoftwareVersion  string `json:"software_version,omitempty"`
	// SoftwareStatement is the one that was proven at the registration (RFC 7591 §2.3).
	SoftwareStatement string `json:"software_statement,omitempty"`
	// Dynamic clients registered themselves (RFC 7591), and manage themselves with
	// the token that has this digest (RFC 7592).
	Dynamic               bool   `json:"dynamic,omitempty"`
	RegistrationTokenHash Digest `json:"registration_token_hash,omitzero"`

	CreatedOrder int64     `json:"created"` // microseconds since 1970; orders lists
	ExpiresAt    time.Time `json:"-"`       // zero: never
}

// ClientSecret is one secret of a client.
type ClientSecret struct {
	Digest    Digest    `json:"digest"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	// Sealed is the secret itself, for client_secret_jwt alone: an HMAC can't be
	// checked with a digest (OIDC Core §9).
	Sealed []byte `json:"sealed,omitempty"`
}

func (c *Client) keys() (string, []graph.Value, time.Time) {
	return c.ID, []graph.Value{graph.String(c.Name), graph.Int64(c.CreatedOrder)}, c.ExpiresAt
}

func (c *Client) restore(n graph.Node) { c.ID, c.Meta, c.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// clientOrigin lets a browser's Origin find whether any client has it.
type clientOrigin struct {
	id, origin, clientID string
	expires              time.Time // with the client
}

func (o *clientOrigin) keys() (string, []graph.Value, time.Time) {
	return o.id, []graph.Value{graph.String(o.origin), graph.String(o.clientID)}, o.expires
}

func (o *clientOrigin) restore(graph.Node) {}

// Clients keeps registered applications.
type Clients struct {
	repo graph.Repository
	keys *Keyring
}

// Create stores a new client with the CORS origins that it may call from.
func (s *Clients) Create(ctx context.Context, scope Scope, c *Client, origins []string, also ...Change) error {
	changes := append([]Change{create(typeClient, c)}, originRows(c, origins)...)
	_, err := commit(ctx, s.repo, scope, append(changes, also...))
	return err
}

// Get returns the client with this client_id.
func (s *Clients) Get(ctx context.Context, scope Scope, id string) (*Client, error) {
	return get[Client](ctx, s.repo, scope, typeClient, id)
}

// Replace stores a changed client if nobody changed it since it was read.
func (s *Clients) Replace(ctx context.Context, scope Scope, c *Client, origins []string, also ...Change) error {
	changes := []Change{update(typeClient, c, c.Version), removeBy(typeClientOrigin, "client", graph.String(c.ID))}
	changes = append(changes, originRows(c, origins)...)
	_, err := commit(ctx, s.repo, scope, append(changes, also...))
	return err
}

// Delete removes a client and what hangs on it: requests, grants (and so its
// tokens) and consents.
func (s *Clients) Delete(ctx context.Context, scope Scope, id string, also ...Change) error {
	client := graph.String(id)
	_, err := commit(ctx, s.repo, scope, append([]Change{
		remove(typeClient, id),
		removeBy(typeClientOrigin, "client", client),
		removeBy(typeAuthorizationRequest, "client", client),
		removeBy(typeGrant, "client", client),
		removeBy(typeConsent, "client", client),
	}, also...))
	return err
}

// List returns clients in the order they were made.
func (s *Clients) List(ctx context.Context, scope Scope, p PageRequest) (List[Client], error) {
	return list[Client](ctx, s.repo, scope, graph.Query{
		Type: typeClient, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}

// HasOrigin says whether any client of the project may call from this origin.
func (s *Clients) HasOrigin(ctx context.Context, scope Scope, origin string) (bool, error) {
	page, err := s.repo.List(ctx, scope, graph.Query{
		Type: typeClientOrigin, Index: "origin", Equal: []graph.Value{graph.String(origin)}, Limit: 1,
	})
	return len(page.Nodes) > 0, err
}

// SealSecret seals a secret for client_secret_jwt.
func (s *Clients) SealSecret(scope Scope, clientID, secret string) []byte {
	return s.keys.Seal([]byte(secret), scope.Project(), "Client", clientID)
}

func originRows(c *Client, origins []string) []Change {
	changes := make([]Change, len(origins))
	for i, o := range origins {
		changes[i] = create(typeClientOrigin, &clientOrigin{id: NewID(), origin: o, clientID: c.ID, expires: c.ExpiresAt})
	}
	return changes
}

// OpenSecret returns the secret that SealSecret sealed for this client.
// ErrSealed when its key is missing or it was altered.
func (s *Clients) OpenSecret(scope Scope, clientID string, sealed []byte) ([]byte, error) {
	return s.keys.Open(sealed, scope.Project(), "Client", clientID)
}
