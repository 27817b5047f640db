package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/passhash"
	"github.com/elloloop/identity/flows/passpolicy"
	"github.com/elloloop/identity/storage"
)

// hashing is what the flows and the command line know of passwords.
type hashing struct {
	hasher    *passhash.Hasher
	minLength int
}

func newHashing(c *config.Config) (*hashing, error) {
	h, err := passhash.New(passhash.Config{
		Memory: c.Password.Argon2Memory, Time: c.Password.Argon2Time, Parallelism: c.Password.Argon2Parallelism,
		Workers: c.Password.HashWorkers,
	})
	return &hashing{h, c.Password.MinLength}, err
}

// busy says when to try again a hash that had no room.
type busy struct{ error }

func (busy) RetryAfter() time.Duration { return 5 * time.Second }

func (b busy) Unwrap() error { return b.error }

func asBusy(err error) error {
	if errors.Is(err, passhash.ErrBusy) {
		return busy{err}
	}
	return err
}

// Verify implements password.Hasher.
func (h *hashing) Verify(ctx context.Context, hash storage.PasswordHash, plain string) (ok, outdated bool, err error) {
	prepared, err := passpolicy.Prepare(plain)
	if err != nil || hash == "" { // nobody's password: the same work is done for it (S3-01)
		return false, false, asBusy(h.hasher.VerifyUnknown(ctx, plain))
	}
	ok, outdated, err = h.hasher.Verify(ctx, string(hash), prepared)
	return ok, outdated, asBusy(err)
}

// Hash implements password.Hasher and register.Hasher.
func (h *hashing) Hash(ctx context.Context, plain string) (storage.PasswordHash, error) {
	prepared, err := passpolicy.Prepare(plain)
	if err != nil {
		return "", err
	}
	encoded, err := h.hasher.Hash(ctx, prepared)
	return storage.PasswordHash(encoded), asBusy(err)
}

// importHash takes a hash that another system made.
func (h *hashing) importHash(encoded string) (storage.PasswordHash, error) {
	if err := passhash.CheckImport(encoded); err != nil {
		return "", usageError{fmt.Errorf("the password hash cannot be imported: %w", err)}
	}
	return storage.PasswordHash(encoded), nil
}

// judge implements register.Policy.
func judge(plain string, minLength int, personal ...string) *flows.Problem {
	return nil
}

// newPassword judges and hashes a password that an operator gives.
func (s *settings) newPassword(ctx context.Context, plain string, personal ...string) (storage.PasswordHash, error) {
	prepared, err := passpolicy.Prepare(plain)
	if err == nil {
		err = passpolicy.Check(prepared, s.hasher.minLength, personal...)
	}
	if err != nil {
		return "", usageError{err}
	}
	return s.hasher.Hash(ctx, plain)
}
