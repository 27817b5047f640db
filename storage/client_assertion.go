package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// clientAssertion marks a jti as used.
type clientAssertion struct {
	id      string
	expires time.Time
}

func (a *clientAssertion) keys() (string, []graph.Value, time.Time) { return a.id, nil, a.expires }
func (a *clientAssertion) restore(graph.Node)                       {}

// ClientAssertions remembers which client assertions were used (RFC 7523 §3,
// item 7), for all replicas, until they expire.
type ClientAssertions struct{ repo graph.Repository }

// Use marks a client's jti as used until it expires. ErrAlreadyExists when it
// was used before.
func (s *ClientAssertions) Use(ctx context.Context, scope Scope, clientID, jti string, expires time.Time) error {
	sum := sha256.Sum256(associated([]string{clientID, jti})) // any length, any characters
	_, err := commit(ctx, s.repo, scope, []Change{
		create(typeClientAssertion, &clientAssertion{hex.EncodeToString(sum[:]), expires}),
	})
	return err
}
