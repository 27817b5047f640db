package storage

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// ProviderState is one journey to a provider and back. It is found by the digest
// of the state parameter (RFC 6749 §10.12) and used once.
type ProviderState struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	StateHash Digest `json:"state_hash"`
	Provider  string `json:"provider"`
	Sealed    []byte `json:"sealed"` // nonce and PKCE verifier

	RequestID string `json:"request_id,omitempty"` // the authorization request that it answers
	// UserID and SessionID are who links an identity to their account, without a
	// request; Back is where they go on.
	UserID    string `json:"user_id,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	Back      string `json:"back,omitempty"`
	// Name is what the provider says of the person once, beside the tokens (Apple).
	Name string `json:"name,omitempty"`

	ExpiresAt time.Time `json:"-"`
}

// LogValue shows the ids alone.
func (s *ProviderState) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", s.ID), slog.String("provider", s.Provider))
}

func (s *ProviderState) keys() (string, []graph.Value, time.Time) {
	return s.ID, []graph.Value{graph.Binary(s.StateHash[:])}, s.ExpiresAt
}

func (s *ProviderState) restore(n graph.Node) { s.ID, s.Meta, s.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// Journey is what nobody but us may know of it.
type Journey struct {
	Nonce        string `json:"nonce"`
	CodeVerifier string `json:"code_verifier"` // RFC 7636 §4.1
}

// LogValue hides it.
func (Journey) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// ProviderStates keeps who is on the way to a provider.
type ProviderStates struct {
	repo graph.Repository
	keys *Keyring
}

// Begin stores a journey.
func (s *ProviderStates) Begin(ctx context.Context, scope Scope, st *ProviderState, j Journey) error {
	plain, err := json.Marshal(j)
	if err != nil {
		return err
	}
	st.Sealed = s.keys.Seal(plain, scope.Project(), "ProviderState", st.ID)
	_, err = commit(ctx, s.repo, scope, []Change{create(typeProviderState, st)})
	return err
}

// Find returns the journey with this state. ErrConsumed when it has ended.
func (s *ProviderStates) Find(ctx context.Context, scope Scope, d Digest) (*ProviderState, error) {
	st, err := lookup[ProviderState](ctx, s.repo, scope, typeProviderState, "state_hash", graph.Binary(d[:]))
	if err != nil {
		return nil, err
	}
	if !st.ConsumedAt.IsZero() {
		return nil, ErrConsumed
	}
	return st, nil
}

// Journey opens what is sealed.
func (s *ProviderStates) Journey(scope Scope, st *ProviderState) (j Journey, err error) {
	plain, err := s.keys.Open(st.Sealed, scope.Project(), "ProviderState", st.ID)
	if err != nil {
		return j, err
	}
	return j, json.Unmarshal(plain, &j)
}

// Name remembers what came beside the answer.
func (s *ProviderStates) Name(ctx context.Context, scope Scope, st *ProviderState, name string) error {
	st.Name = name
	_, err := commit(ctx, s.repo, scope, []Change{update(typeProviderState, st, st.Version)})
	return err
}

// End takes the journey: once. ErrConsumed when it was taken before.
func (s *ProviderStates) End(ctx context.Context, scope Scope, id string) error {
	_, err := commit(ctx, s.repo, scope, []Change{{op: graph.Take{Type: typeProviderState, ID: id}}})
	return err
}
