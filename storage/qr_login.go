package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// QRLogin is a browser that waits for somebody on another device to let it in.
type QRLogin struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	CodeHash  Digest    `json:"code_hash"` // keyed, of the part of the code that stays
	RequestID string    `json:"request_id"`
	ClientID  string    `json:"client_id,omitempty"`
	App       string    `json:"app,omitempty"` // the client's name
	IP        string    `json:"ip"`            // of the browser that waits
	UserAgent string    `json:"user_agent"`
	StartedAt time.Time `json:"started_at"`
	// ProvenAfter is when the person who answers must have proven again who they
	// are; zero: as lately as the project wants.
	ProvenAfter time.Time `json:"proven_after,omitzero"`

	// The answer.
	Subject   string    `json:"subject,omitempty"`    // who let it in
	SessionID string    `json:"session_id,omitempty"` // theirs
	AuthTime  time.Time `json:"auth_time,omitzero"`
	AMR       []string  `json:"amr,omitempty"`
	Methods   []string  `json:"methods,omitempty"` // of their session
	Denied    bool      `json:"denied,omitempty"`

	ExpiresAt time.Time `json:"-"`
}

// Answered says whether somebody let it in or refused.
func (q *QRLogin) Answered() bool { return q.Subject != "" || q.Denied }

func (q *QRLogin) keys() (string, []graph.Value, time.Time) {
	return q.ID, []graph.Value{graph.Binary(q.CodeHash[:]), graph.String(q.RequestID)}, q.ExpiresAt
}

func (q *QRLogin) restore(n graph.Node) { q.ID, q.Meta, q.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// QRLogins keeps what waits, for minutes.
type QRLogins struct{ repo graph.Repository }

// Begin returns the changes that let a request wait, in place of what it waited
// for before.
func (s *QRLogins) Begin(q *QRLogin) []Change {
	return []Change{s.Stop(q.RequestID), create(typeQRLoginSession, q)}
}

// Get returns one that waits, answered or not.
func (s *QRLogins) Get(ctx context.Context, scope Scope, id string) (*QRLogin, error) {
	return unused(get[QRLogin](ctx, s.repo, scope, typeQRLoginSession, id))
}

// ByCode finds one by the digest of its code.
func (s *QRLogins) ByCode(ctx context.Context, scope Scope, d Digest) (*QRLogin, error) {
	return unused(lookup[QRLogin](ctx, s.repo, scope, typeQRLoginSession, "code_hash", graph.Binary(d[:])))
}

func unused(q *QRLogin, err error) (*QRLogin, error) {
	if err == nil && !q.ConsumedAt.IsZero() {
		return nil, ErrConsumed
	}
	return q, err
}

// OfRequest returns the one of an authorization request. ErrNotFound when it waits
// for none.
func (s *QRLogins) OfRequest(ctx context.Context, scope Scope, requestID string) (*QRLogin, error) {
	page, err := list[QRLogin](ctx, s.repo, scope, graph.Query{
		Type: typeQRLoginSession, Index: "request", Equal: []graph.Value{graph.String(requestID)}, Limit: 1,
	})
	if err != nil {
		return nil, err
	}
	if len(page.Items) == 0 {
		return nil, ErrNotFound
	}
	return unused(page.Items[0], nil)
}

// Answer returns the change that stores the answer. Of any number of answers one
// is stored: the commits of the others get ErrConflict.
func (s *QRLogins) Answer(q *QRLogin) Change { return update(typeQRLoginSession, q, q.Version) }

// Take returns the change that uses the answer: once.
func (s *QRLogins) Take(id string) Change {
	return Change{op: graph.Take{Type: typeQRLoginSession, ID: id}}
}

// Stop returns the change that ends the waiting of a request.
func (s *QRLogins) Stop(requestID string) Change {
	return removeBy(typeQRLoginSession, "request", graph.String(requestID))
}
