package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Session is one sign-in of one person on one browser. Its id is the sid claim;
// the browser's cookie holds a secret of which only the digest is kept.
type Session struct {
	ID   string `json:"-"` // sid (OIDC Front-Channel Logout §3)
	Meta `json:"-"`

	SecretHash Digest    `json:"secret_hash"`
	UserID     string    `json:"user_id"`
	AuthTime   time.Time `json:"auth_time"` // when the person last proved who they are
	AMR        []string  `json:"amr"`       // RFC 8176
	// Methods are the ids of the flows that said who it is; nil: not known.
	Methods   []string  `json:"methods,omitempty"`
	ACR       string    `json:"acr"`
	LastSeen  time.Time `json:"last_seen"`
	EndsAt    time.Time `json:"ends_at"` // absolute end, whatever happens
	ExpiresAt time.Time `json:"-"`       // idle end, never after EndsAt
	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	// Clients are those that got an ID token of this session and want to hear of its
	// end (OIDC Front-Channel Logout §2, OIDC Back-Channel Logout §2.2).
	Clients []SessionClient `json:"clients,omitempty"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (s *Session) keys() (string, []graph.Value, time.Time) {
	return s.ID, []graph.Value{graph.Binary(s.SecretHash[:]), graph.String(s.UserID), graph.Int64(s.CreatedOrder)}, s.ExpiresAt
}

func (s *Session) restore(n graph.Node) { s.ID, s.Meta, s.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// Sessions keeps sign-ins.
type Sessions struct {
	repo   graph.Repository
	outbox *Outbox
}

// Start returns the changes that begin a session. The commit gets ErrNotFound
// when the account is gone.
func (s *Sessions) Start(v *Session) []Change {
	return []Change{{op: graph.Check{Type: typeUser, ID: v.UserID}}, create(typeSession, v)}
}

// Get returns a live session by its sid.
func (s *Sessions) Get(ctx context.Context, scope Scope, sid string) (*Session, error) {
	return get[Session](ctx, s.repo, scope, typeSession, sid)
}

// BySecret returns the live session of a cookie.
func (s *Sessions) BySecret(ctx context.Context, scope Scope, d Digest) (*Session, error) {
	return lookup[Session](ctx, s.repo, scope, typeSession, "secret_hash", graph.Binary(d[:]))
}

// Renew returns the change that stores a session again: a new proof with a new
// secret, or a later idle end. The commit gets ErrConflict when it was changed,
// ErrNotFound when it was ended meanwhile.
func (s *Sessions) Renew(v *Session) Change { return update(typeSession, v, v.Version) }

// OfUser lists the live sessions of an account, oldest first.
func (s *Sessions) OfUser(ctx context.Context, scope Scope, userID string, p PageRequest) (List[Session], error) {
	return list[Session](ctx, s.repo, scope, graph.Query{
		Type: typeSession, Index: "user", Equal: []graph.Value{graph.String(userID)},
		Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
