package storage

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// ErrOtherRequest: the idempotency key was used for another request.
var ErrOtherRequest = errors.New("storage: the idempotency key was used for another request")

// idempotencyKeep is how long a repetition gets the first answer.
const idempotencyKeep = 24 * time.Hour

// idempotencyKey remembers how a request ended.
type idempotencyKey struct {
	id      string
	expires time.Time
	Request Digest `json:"request"`
	Sealed  []byte `json:"sealed"` // the outcome: it may be the only copy of a new secret
}

func (k *idempotencyKey) keys() (string, []graph.Value, time.Time) { return k.id, nil, k.expires }
func (k *idempotencyKey) restore(n graph.Node)                     { k.id, k.expires = n.ID, n.ExpiresAt }

// idempotencyID keeps keys of different callers apart.
func idempotencyID(caller, key string) string {
	sum := sha256.Sum256(associated([]string{caller, key}))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// IdempotencyKeys keeps the outcome of requests that callers may repeat.
type IdempotencyKeys struct {
	repo graph.Repository
	keys *Keyring
}

// Remember returns the change that keeps the outcome of a request, to be committed
// with what the request changes. The commit gets ErrAlreadyExists when the same
// caller used the key before, or at the same time: Outcome then says how that
// ended.
func (s *IdempotencyKeys) Remember(scope Scope, caller, key string, request Digest, outcome []byte, now time.Time) Change {
	k := &idempotencyKey{id: idempotencyID(caller, key), Request: request, expires: now.Add(idempotencyKeep)}
	k.Sealed = s.keys.Seal(outcome, scope.Project(), "IdempotencyKey", k.id)
	return create(typeIdempotencyKey, k)
}

// Outcome returns the outcome of an earlier request with this key. ErrNotFound
// when there is none; ErrOtherRequest when it was not the same request.
func (s *IdempotencyKeys) Outcome(ctx context.Context, scope Scope, caller, key string, request Digest) ([]byte, error) {
	k, err := get[idempotencyKey](ctx, s.repo, scope, typeIdempotencyKey, idempotencyID(caller, key))
	if err != nil {
		return nil, err
	}
	if k.Request != request {
		return nil, ErrOtherRequest
	}
	return s.keys.Open(k.Sealed, scope.Project(), "IdempotencyKey", k.id)
}
