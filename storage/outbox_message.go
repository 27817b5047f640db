package storage

import (
	"context"
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// The kinds of message that leave the service.
const (
	OutboxMail              = "mail"
	OutboxSMS               = "sms"
	OutboxBackchannelLogout = "backchannel_logout"
	OutboxWebhook           = "webhook"
)

// OutboxStatus says where a message is.
type OutboxStatus string

// The statuses of a message.
const (
	OutboxPending OutboxStatus = "pending" // to be sent when it is due; a claimed one is due again when its lease ends
	OutboxDone    OutboxStatus = "done"    // sent; its payload is gone
	OutboxDead    OutboxStatus = "dead"    // given up; its payload stays for an operator who tries again
)

// How long what was sent or given up can still be seen.
const (
	outboxDoneKeep = 24 * time.Hour
	outboxDeadKeep = 30 * 24 * time.Hour
)

// OutboxMessage is something that has to reach another system: it is committed
// with the change that causes it, and sent afterwards, at least once.
type OutboxMessage struct {
	ID   string `json:"-"` // the receiver may tell a repetition by it
	Meta `json:"-"`

	Kind      string       `json:"kind"`
	Status    OutboxStatus `json:"status"`
	Due       time.Time    `json:"due"`
	Attempts  int          `json:"attempts,omitempty"`   // claims so far
	LastError string       `json:"last_error,omitempty"` // machine-readable, never a secret or an address
	Sealed    []byte       `json:"sealed,omitempty"`     // the payload: it may hold a link that signs in
	ExpiresAt time.Time    `json:"-"`
}

func (m *OutboxMessage) keys() (string, []graph.Value, time.Time) {
	return m.ID, []graph.Value{graph.String(string(m.Status)), graph.Time(m.Due), graph.String(m.Kind)}, m.ExpiresAt
}

func (m *OutboxMessage) restore(n graph.Node) { m.ID, m.Meta, m.ExpiresAt = n.ID, meta(n), n.ExpiresAt }

// Outbox keeps the messages of a project until they are sent.
type Outbox struct {
	repo graph.Repository
	keys *Keyring
}

// Add returns the change that leaves a message to be sent at due, or soon after.
// The payload is sealed.
func (s *Outbox) Add(scope Scope, kind string, payload []byte, due time.Time) Change {
	m := &OutboxMessage{ID: NewID(), Kind: kind, Status: OutboxPending, Due: due}
	m.Sealed = s.keys.Seal(payload, scope.Project(), "OutboxMessage", m.ID)
	return create(typeOutboxMessage, m)
}

// Open returns the payload of a message.
func (s *Outbox) Open(scope Scope, m *OutboxMessage) ([]byte, error) {
	return s.keys.Open(m.Sealed, scope.Project(), "OutboxMessage", m.ID)
}

// Claim returns up to limit messages that are due, of one kind or of all (""),
// for the caller to send within the lease. Nobody else gets them until it ends;
// then they are due again.
func (s *Outbox) Claim(ctx context.Context, scope Scope, kind string, now time.Time, lease time.Duration, limit int) ([]*OutboxMessage, error) {
	page, err := s.List(ctx, scope, OutboxFilter{Status: OutboxPending, Kind: kind}, PageRequest{Limit: limit})
	if err != nil {
		return nil, err
	}
	var claimed []*OutboxMessage
	for _, m := range page.Items {
		if m.Due.After(now) {
			break // ordered by due
		}
		m.Attempts++
		m.Due = now.Add(lease)
		switch err := s.store(ctx, scope, m, nil); {
		case err == nil:
			claimed = append(claimed, m)
		case !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound): // else another was faster
			return claimed, err
		}
	}
	return claimed, nil
}

// Done tells that a claimed message was sent. ErrConflict when its lease ended
// and somebody else has claimed it.
func (s *Outbox) Done(ctx context.Context, scope Scope, m *OutboxMessage, now time.Time, also ...Change) error {
	next := *m
	next.Status, next.LastError, next.Sealed, next.ExpiresAt = OutboxDone, "", nil, now.Add(outboxDoneKeep)
	return s.store(ctx, scope, &next, also)
}

// Retry makes a claimed message due at another time, or brings a dead one back.
func (s *Outbox) Retry(ctx context.Context, scope Scope, m *OutboxMessage, at time.Time, reason string, also ...Change) error {
	next := *m
	next.Status, next.LastError, next.Due, next.ExpiresAt = OutboxPending, reason, at, time.Time{}
	return s.store(ctx, scope, &next, also)
}

// Dead gives a claimed message up.
func (s *Outbox) Dead(ctx context.Context, scope Scope, m *OutboxMessage, now time.Time, reason string, also ...Change) error {
	next := *m
	next.Status, next.LastError, next.ExpiresAt = OutboxDead, reason, now.Add(outboxDeadKeep)
	return s.store(ctx, scope, &next, also)
}

func (s *Outbox) store(ctx context.Context, scope Scope, m *OutboxMessage, also []Change) error {
	res, err := commit(ctx, s.repo, scope, append([]Change{update(typeOutboxMessage, m, m.Version)}, also...))
	if err == nil {
		m.Meta = meta(res[0].Node)
	}
	return err
}

// OutboxFilter narrows a list of messages.
type OutboxFilter struct {
	Status OutboxStatus
	Kind   string
}

// List returns messages in the order in which they are due, and without a filter
// in the order in which they were added.
func (s *Outbox) List(ctx context.Context, scope Scope, f OutboxFilter, p PageRequest) (List[OutboxMessage], error) {
	q := graph.Query{Type: typeOutboxMessage, Limit: p.Limit, After: p.After, Reverse: p.Reverse}
	switch {
	case f.Kind != "" && f.Status != "":
		q.Index, q.Equal = "kind", []graph.Value{graph.String(f.Kind), graph.String(string(f.Status))}
	case f.Kind != "":
		q.Index, q.Equal = "kind", []graph.Value{graph.String(f.Kind)}
	case f.Status != "":
		q.Index, q.Equal = "due", []graph.Value{graph.String(string(f.Status))}
	}
	return list[OutboxMessage](ctx, s.repo, scope, q)
}
