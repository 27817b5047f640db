package storage

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// EmailLoginCode is a short code that was sent to a mail address, for one
// interaction. The interaction's row has its id: in another browser it is none.
type EmailLoginCode struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	Email     string    `json:"email"` // as typed
	EmailKey  string    `json:"key"`   // normalised
	CodeHash  Digest    `json:"code_hash"`
	ExpiresAt time.Time `json:"-"`
}

// An address may have one code in each browser that asks: so the unique column
// holds the code's id too, and a stranger who asks makes no other code worthless.
func (c *EmailLoginCode) keys() (string, []graph.Value, time.Time) {
	return c.ID, []graph.Value{graph.String(c.EmailKey + " " + c.ID)}, c.ExpiresAt
}

func (c *EmailLoginCode) restore(n graph.Node) {
	c.ID, c.Meta, c.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// LogValue hides all but the id.
func (c EmailLoginCode) LogValue() slog.Value { return slog.GroupValue(slog.String("id", c.ID)) }

// EmailLoginCodes keeps codes that were sent by mail until they are used.
type EmailLoginCodes struct{ repo graph.Repository }

// Add returns the change that stores a code under a digest that the pepper keys:
// six digits would be guessed from a plain one.
func (s *EmailLoginCodes) Add(c *EmailLoginCode, pepper []byte, code string) Change {
	c.CodeHash = recoveryDigest(pepper, c.ID, code)
	return create(typeEmailLoginCode, c)
}

// Get returns a code that was not used and has not ended. ErrConsumed when it was
// used.
func (s *EmailLoginCodes) Get(ctx context.Context, scope Scope, id string) (*EmailLoginCode, error) {
	c, err := get[EmailLoginCode](ctx, s.repo, scope, typeEmailLoginCode, id)
	if err == nil && !c.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return c, err
}

// Matches says whether this is the code, in constant time.
func (c *EmailLoginCode) Matches(pepper []byte, code string) bool {
	d := recoveryDigest(pepper, c.ID, code)
	return hmac.Equal(d[:], c.CodeHash[:])
}

// Take returns the change that uses a code: once.
func (s *EmailLoginCodes) Take(id string) Change {
	return Change{op: graph.Take{Type: typeEmailLoginCode, ID: id}}
}

// PhoneVerificationCode is a short code that was sent to an account's telephone.
// An account has one at a time, and one in each sign-in that asks: so a stranger
// who asks makes no other code worthless.
type PhoneVerificationCode struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	UserID      string    `json:"user_id"`
	PhoneNumber string    `json:"phone_number"`         // E.164
	RequestID   string    `json:"request_id,omitempty"` // of the sign-in that asked
	CodeHash    Digest    `json:"code_hash"`
	ExpiresAt   time.Time `json:"-"`
}

func (c *PhoneVerificationCode) keys() (string, []graph.Value, time.Time) {
	return c.ID, []graph.Value{graph.String(c.holder()), graph.String(c.PhoneNumber)}, c.ExpiresAt
}

// holder has one code at a time.
func (c *PhoneVerificationCode) holder() string {
	if c.RequestID != "" {
		return c.UserID + " " + c.RequestID
	}
	return c.UserID
}

func (c *PhoneVerificationCode) restore(n graph.Node) {
	c.ID, c.Meta, c.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// LogValue hides all but the ids.
func (c PhoneVerificationCode) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", c.ID), slog.String("user_id", c.UserID))
}

// PhoneVerificationCodes keeps codes that were sent by short message until they
// are used.
type PhoneVerificationCodes struct{ repo graph.Repository }

// Replace returns the changes that store a code, in place of an older one of the
// account or the sign-in.
func (s *PhoneVerificationCodes) Replace(c *PhoneVerificationCode, pepper []byte, code string) []Change {
	c.CodeHash = recoveryDigest(pepper, c.ID, code)
	return []Change{s.Remove(c.holder()), create(typePhoneVerificationCode, c)}
}

// Get returns a code that was not used and has not ended. ErrConsumed when it was
// used.
func (s *PhoneVerificationCodes) Get(ctx context.Context, scope Scope, id string) (*PhoneVerificationCode, error) {
	c, err := get[PhoneVerificationCode](ctx, s.repo, scope, typePhoneVerificationCode, id)
	if err == nil && !c.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return c, err
}

// OfUser returns the code that an account waits for outside of a sign-in, as Get.
func (s *PhoneVerificationCodes) OfUser(ctx context.Context, scope Scope, userID string) (*PhoneVerificationCode, error) {
	c, err := lookup[PhoneVerificationCode](ctx, s.repo, scope, typePhoneVerificationCode, "user", graph.String(userID))
	if err == nil && !c.ConsumedAt.IsZero() {
		err = ErrConsumed
	}
	return c, err
}

// Matches says whether this is the code, in constant time.
func (c *PhoneVerificationCode) Matches(pepper []byte, code string) bool {
	d := recoveryDigest(pepper, c.ID, code)
	return hmac.Equal(d[:], c.CodeHash[:])
}

// Take returns the change that uses a code: once.
func (s *PhoneVerificationCodes) Take(id string) Change {
	return Change{op: graph.Take{Type: typePhoneVerificationCode, ID: id}}
}

// Remove returns the change that forgets the code of an account.
func (s *PhoneVerificationCodes) Remove(userID string) Change {
	return Change{plan: func(ctx context.Context, p *planning) ([]graph.Op, error) {
		old, err := lookup[PhoneVerificationCode](ctx, p.repo, p.scope, typePhoneVerificationCode, "user", graph.String(userID))
		if err != nil {
			return nil, unlessGone(err)
		}
		return []graph.Op{graph.Delete{Type: typePhoneVerificationCode, ID: old.ID}}, nil
	}}
}

// NewCode returns six random digits.
func NewCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("%06d", n)
}
