package storage

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// AuthorizationRequest is a validated authorization request (OIDC Core §3.1.2.1)
// while a person answers it: the one row that the protocol and the flows share.
// The protocol writes the first part, once; the flows write the second.
type AuthorizationRequest struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	ClientID      string          `json:"client_id"`
	Client        ClientDisplay   `json:"client"` // as it was when the request came
	RedirectURI   string          `json:"redirect_uri"`
	ResponseType  string          `json:"response_type"`
	ResponseMode  string          `json:"response_mode"`            // resolved: query, fragment or form_post
	Scope         []string        `json:"scope"`                    // what the client may have of what it asked for
	ScopeNarrowed bool            `json:"scope_narrowed,omitempty"` // the client asked for more than Scope
	ConsentScope  []string        `json:"consent_scope"`            // what the person has to allow: Scope, and the scopes of the claims asked for by name
	Native        bool            `json:"native,omitempty"`         // a public client at a loopback or private-use URI: another program may pose as it (RFC 8252 §8.6)
	State         string          `json:"state,omitempty"`
	Nonce         string          `json:"nonce,omitempty"`
	CodeChallenge string          `json:"code_challenge,omitempty"` // S256 (RFC 7636 §4.2)
	Prompt        []string        `json:"prompt,omitempty"`
	MaxAge        *int64          `json:"max_age,omitempty"` // seconds
	LoginHint     string          `json:"login_hint,omitempty"`
	UILocales     []string        `json:"ui_locales,omitempty"`
	Display       string          `json:"display,omitempty"`
	ACRValues     []string        `json:"acr_values,omitempty"`
	Claims        json.RawMessage `json:"claims,omitempty"`         // OIDC Core §5.5
	HintedSubject string          `json:"hinted_subject,omitempty"` // sub of the id_token_hint, or sub that claims asks for
	HintedSector  string          `json:"hinted_sector,omitempty"`  // the same, of a pairwise client and of nobody who is signed in here
	EssentialACR  []string        `json:"essential_acr,omitempty"`  // one of these, or no answer (OIDC Core §5.5.1.1)
	SignIn        SignInPolicy    `json:"sign_in,omitzero"`         // the client's, as it was when the request came

	// ReturnTo is set where no client asked: the path of ours, below the issuer, that
	// the person goes on to. The protocol never answers such a request.
	ReturnTo string `json:"return_to,omitempty"`

	BrowserHash Digest `json:"browser_hash"` // of the cookie that binds the row to one browser

	Identifier   string            `json:"identifier,omitempty"`  // as the person typed it
	Subject      string            `json:"subject,omitempty"`     // proven, or chosen among the browser's sessions
	SessionID    string            `json:"session_id,omitempty"`  // "" while a second factor is due: nobody is signed in before it
	SetAt        time.Time         `json:"set_at,omitzero"`       // when the credential that proved Subject was set
	ProvenAs     int64             `json:"proven_as,omitempty"`   // between two factors: the version that the account's row had when the first was passed
	Link         *PendingLink      `json:"link,omitempty"`        // an identity that waits until its person has proven the account
	CanPasskey   bool              `json:"can_passkey,omitempty"` // the browser said that it can keep a passkey
	AuthTime     time.Time         `json:"auth_time,omitzero"`
	AMR          []string          `json:"amr,omitempty"`
	Methods      []string          `json:"methods,omitempty"` // ids of the flows that said who it is
	ACR          string            `json:"acr,omitempty"`
	Proven       []string          `json:"proven,omitempty"`        // flows that were passed in this interaction
	Sent         map[string]string `json:"sent,omitempty"`          // flow to the id of what it sent to the person last
	ConsentGiven bool              `json:"consent_given,omitempty"` // on the consent page, in this interaction
	Denied       string            `json:"denied,omitempty"`        // error code that ends the request: access_denied
	Done         bool              `json:"done,omitempty"`          // nothing is needed any more: the protocol may answer

	ExpiresAt time.Time `json:"-"`
}

// PendingLink is an identity at a provider that was proven in this interaction,
// whose address an account has that was not.
type PendingLink struct {
	Provider string `json:"provider"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Email    string `json:"email,omitempty"`
	Name     string `json:"name,omitempty"`

	// Trusted: nothing is asked about it, the account gets it when somebody is
	// signed in. ID and Sealed are those that it gets.
	Trusted bool   `json:"trusted,omitempty"`
	ID      string `json:"id,omitempty"`
	Sealed  []byte `json:"sealed,omitempty"`
}

// LogValue shows the provider alone.
func (l PendingLink) LogValue() slog.Value { return slog.StringValue(l.Provider) }

// ClientDisplay is what pages show of a client.
type ClientDisplay struct {
	Name       string `json:"name,omitempty"`
	URI        string `json:"uri,omitempty"`
	LogoURI    string `json:"logo_uri,omitempty"`
	PolicyURI  string `json:"policy_uri,omitempty"`
	TOSURI     string `json:"tos_uri,omitempty"`
	FirstParty bool   `json:"first_party,omitempty"`
}

func (r *AuthorizationRequest) keys() (string, []graph.Value, time.Time) {
	return r.ID, []graph.Value{graph.String(r.ClientID)}, r.ExpiresAt
}

func (r *AuthorizationRequest) restore(n graph.Node) {
	r.ID, r.Meta, r.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// AuthorizationRequests keeps requests until they are answered or expire.
type AuthorizationRequests struct{ repo graph.Repository }

// Create stores a request that a person has to answer.
func (s *AuthorizationRequests) Create(ctx context.Context, scope Scope, r *AuthorizationRequest, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{create(typeAuthorizationRequest, r)}, also...))
	return err
}

// Get returns a request that was not answered yet. ErrConsumed when it was.
func (s *AuthorizationRequests) Get(ctx context.Context, scope Scope, id string) (*AuthorizationRequest, error) {
	r, err := get[AuthorizationRequest](ctx, s.repo, scope, typeAuthorizationRequest, id)
	if err != nil {
		return nil, err
	}
	if !r.ConsumedAt.IsZero() {
		return nil, ErrConsumed
	}
	return r, nil
}

// Advance stores what a step proved, if no other step was stored since the row
// was read (ErrConflict), and sets r's version to the new one.
func (s *AuthorizationRequests) Advance(ctx context.Context, scope Scope, r *AuthorizationRequest, also ...Change) error {
	res, err := commit(ctx, s.repo, scope, append([]Change{update(typeAuthorizationRequest, r, r.Version)}, also...))
	if err != nil {
		return err
	}
	r.Meta = meta(res[0].Node)
	return nil
}

// Take returns the change that answers a request: once.
func (s *AuthorizationRequests) Take(id string) Change {
	return Change{op: graph.Take{Type: typeAuthorizationRequest, ID: id}}
}
