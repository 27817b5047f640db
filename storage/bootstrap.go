package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// FirstAdmin is the name of making the first platform admin.
const FirstAdmin = "first_platform_admin"

// bootstrap says that something which happens once has happened.
type bootstrap struct {
	name string
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

func (b *bootstrap) keys() (string, []graph.Value, time.Time) { return b.name, nil, time.Time{} }
func (b *bootstrap) restore(n graph.Node)                     { b.name = n.ID }

// Bootstraps keeps what happens exactly once in a project, such as making the
// first admin in the default one.
type Bootstraps struct{ repo graph.Repository }

// Once returns the change that does it. Of any number of concurrent commits with
// it one succeeds; the others get ErrAlreadyExists and change nothing.
func (s *Bootstraps) Once(name, by string, now time.Time) Change {
	return create(typeBootstrap, &bootstrap{name, by, now})
}

// Done says whether it has happened.
func (s *Bootstraps) Done(ctx context.Context, scope Scope, name string) (bool, error) {
	return exists(s.repo.Get(ctx, scope, typeBootstrap, name))
}
