package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// reminder says that an account was asked something, and until when it must not
// be asked again.
type reminder struct {
	id, userID, kind string
	expiresAt        time.Time
}

func (r *reminder) keys() (string, []graph.Value, time.Time) {
	return r.id, []graph.Value{graph.String(r.userID), graph.String(r.kind)}, r.expiresAt
}

func (r *reminder) restore(n graph.Node) { r.id, r.expiresAt = n.ID, n.ExpiresAt }

// Reminders remembers what a person was offered and did not want now.
type Reminders struct{ repo graph.Repository }

func reminderID(userID, kind string) string { return kind + ":" + userID }

// Rests says whether the person must not be asked yet.
func (s *Reminders) Rests(ctx context.Context, scope Scope, userID, kind string) (bool, error) {
	return exists(s.repo.Get(ctx, scope, typeLoginChallenge, reminderID(userID, kind)))
}

// Rest returns the changes that keep the person from being asked until then.
func (s *Reminders) Rest(userID, kind string, until time.Time) []Change {
	return []Change{
		removeBy(typeLoginChallenge, "user", graph.String(userID), graph.String(kind)),
		create(typeLoginChallenge, &reminder{reminderID(userID, kind), userID, kind, until}),
	}
}
