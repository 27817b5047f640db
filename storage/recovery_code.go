package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// RecoveryCode is one of the codes that stand in for a lost second factor.
type RecoveryCode struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	CodeHash Digest `json:"code_hash"`
	UserID   string `json:"user_id"`
}

func (c *RecoveryCode) keys() (string, []graph.Value, time.Time) {
	return c.ID, []graph.Value{graph.Binary(c.CodeHash[:]), graph.String(c.UserID)}, time.Time{}
}

func (c *RecoveryCode) restore(n graph.Node) { c.ID, c.Meta = n.ID, meta(n) }

// RecoveryCodes keeps the codes by their digest under a pepper that is not in
// the database: they are short enough to be guessed from a plain one.
type RecoveryCodes struct{ repo graph.Repository }

// recoveryDigest covers whose code it is: another account's is none.
func recoveryDigest(pepper []byte, userID, code string) (d Digest) {
	h := hmac.New(sha256.New, pepper)
	_, _ = h.Write([]byte(userID + "\x00" + code)) // a hash never fails
	copy(d[:], h.Sum(nil))
	return d
}

// Replace returns the changes that give an account these codes and no others.
func (s *RecoveryCodes) Replace(userID string, pepper []byte, codes []string) []Change {
	changes := []Change{s.Remove(userID)}
	for _, code := range codes {
		changes = append(changes, create(typeRecoveryCode, &RecoveryCode{
			ID: NewID(), UserID: userID, CodeHash: recoveryDigest(pepper, userID, code),
		}))
	}
	return changes
}

// Find returns a code of this account, used or not. ErrNotFound when it is none.
func (s *RecoveryCodes) Find(ctx context.Context, scope Scope, userID string, pepper []byte, code string) (*RecoveryCode, error) {
	d := recoveryDigest(pepper, userID, code)
	return lookup[RecoveryCode](ctx, s.repo, scope, typeRecoveryCode, "code_hash", graph.Binary(d[:]))
}

// Take returns the change that uses a code: once. The commit gets ErrConsumed
// when it was used before.
func (s *RecoveryCodes) Take(id string) Change {
	return Change{op: graph.Take{Type: typeRecoveryCode, ID: id}}
}

// Remove returns the change that takes all codes of an account away.
func (s *RecoveryCodes) Remove(userID string) Change {
	return removeBy(typeRecoveryCode, "user", graph.String(userID))
}

// Left counts the codes of an account that were not used.
func (s *RecoveryCodes) Left(ctx context.Context, scope Scope, userID string) (int, error) {
	page, err := list[RecoveryCode](ctx, s.repo, scope, graph.Query{
		Type: typeRecoveryCode, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: 100,
	})
	left := 0
	for _, c := range page.Items {
		if c.ConsumedAt.IsZero() {
			left++
		}
	}
	return left, err
}

// Has says whether an account ever got codes, used by now or not.
func (s *RecoveryCodes) Has(ctx context.Context, scope Scope, userID string) (bool, error) {
	page, err := s.repo.List(ctx, scope, graph.Query{
		Type: typeRecoveryCode, Index: "user", Equal: []graph.Value{graph.String(userID)}, Limit: 1,
	})
	return len(page.Nodes) > 0, err
}
