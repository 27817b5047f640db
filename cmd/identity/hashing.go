package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/passhash"
	"github.com/elloloop/identity/flows/passpolicy"
	"github.com/elloloop/identity/storage"
)

// hashing is what the flows and the command line know of passwords.
type hashing struct {
	hasher    hasher
	minLength int
}

// hasher is what hashing needs of a *passhash.Hasher.
type hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, encoded, password string) (ok, rehash bool, err error)
	VerifyUnknown(ctx context.Context, password string) error
	Current(encoded string) bool
}

func newHashing(c *config.Config) (*hashing, error) {
	h, err := passhash.New(passhash.Config{
		Memory: c.Password.Argon2Memory, Time: c.Password.Argon2Time, Parallelism: c.Password.Argon2Parallelism,
		Workers: c.Password.HashWorkers,
	})
	return &hashing{h, c.Password.MinLength}, err
}

// Verify implements password.Hasher. An error that is passhash.ErrBusy implements
// password.Busy.
//
// A hash that another system made may be of a password as it was typed there, which
// passpolicy would prepare otherwise or refuse. Such a password is tried both ways.
// How often it is tried depends on the password alone, so that the work for an
// account that does not exist is the same (S3-01).
func (h *hashing) Verify(ctx context.Context, hash storage.PasswordHash, plain string) (ok, outdated bool, err error) {
	all := forms(plain)
	for _, form := range all {
		matches, old, err := h.verify(ctx, hash, form)
		if err != nil {
			return false, false, err
		}
		if matches { // and the other form is tried all the same
			ok, outdated = true, old || form != all[0]
		}
	}
	return ok, outdated, nil
}

func (h *hashing) verify(ctx context.Context, hash storage.PasswordHash, form string) (ok, outdated bool, err error) {
	if hash == "" {
		return false, false, h.hasher.VerifyUnknown(ctx, form)
	}
	ok, outdated, err = h.hasher.Verify(ctx, string(hash), form)
	if err != nil || ok || h.hasher.Current(string(hash)) {
		return ok, outdated, err
	}
	// A wrong password for a cheap hash of another system must not be answered
	// sooner than one for nobody (S3-01).
	return false, false, h.hasher.VerifyUnknown(ctx, form)
}

// forms are the strings that a hash of this password may be of: nearly always one.
func forms(plain string) []string {
	prepared, err := passpolicy.Prepare(plain)
	switch {
	case err != nil:
		return []string{plain}
	case prepared == plain:
		return []string{plain}
	}
	return []string{prepared, plain}
}

// Hash implements password.Hasher and register.Hasher. Of a password that was not
// judged before, and can't be prepared, it makes none.
func (h *hashing) Hash(ctx context.Context, plain string) (storage.PasswordHash, error) {
	prepared, err := passpolicy.Prepare(plain)
	if err != nil {
		return "", err
	}
	encoded, err := h.hasher.Hash(ctx, prepared)
	return storage.PasswordHash(encoded), err
}

// importHash takes a hash that another system made.
func (h *hashing) importHash(encoded string) (storage.PasswordHash, error) {
	switch err := passhash.CheckImport(encoded); {
	case err == nil:
		return storage.PasswordHash(encoded), nil
	case errors.Is(err, passhash.ErrUnsupported):
		return "", usageError{errors.New("the password hash is of a kind that is not read: want argon2id, argon2i, bcrypt (2a, 2b, 2y), scrypt or PBKDF2 (SHA-1, SHA-256, SHA-512)")}
	case errors.Is(err, passhash.ErrCost):
		return "", usageError{errors.New("the password hash asks for too much memory or time: each sign-in would need it")}
	}
	return "", usageError{errors.New("the password hash is broken, or in neither the PHC string format nor the modular crypt format")}
}

// judge implements register.Policy.
func judge(plain string, minLength int, personal ...string) *flows.Problem {
	err := acceptable(plain, minLength, personal...)
	if err == nil {
		return nil
	}
	p := &flows.Problem{Field: "password"}
	switch {
	case errors.Is(err, passpolicy.ErrTooShort) && plain == "":
		p.Message = "problem.password_missing"
	case errors.Is(err, passpolicy.ErrTooShort):
		p.Message, p.Data = "problem.password_short", map[string]any{"Min": max(minLength, passpolicy.MinLength)}
	case errors.Is(err, passpolicy.ErrTooLong):
		p.Message = "problem.password_long"
	case errors.Is(err, passpolicy.ErrCommon):
		p.Message = "problem.password_common"
	case errors.Is(err, passpolicy.ErrContainsIdentifier):
		p.Message = "problem.password_contains_identifier"
	default:
		p.Message = "problem.password_invalid"
	}
	return p
}

// acceptable says what is wrong with a new password: an error of passpolicy, which
// does not hold it.
func acceptable(plain string, minLength int, personal ...string) error {
	prepared, err := passpolicy.Prepare(plain)
	if err != nil {
		return err
	}
	return passpolicy.Check(prepared, minLength, personal...)
}

// newPassword judges and hashes a password that an operator gives.
func (s *settings) newPassword(ctx context.Context, plain string, personal ...string) (storage.PasswordHash, error) {
	if err := acceptable(plain, s.hasher.minLength, personal...); err != nil {
		return "", usageError{s.hasher.sentence(err)}
	}
	return s.hasher.Hash(ctx, plain)
}

// sentence is what an operator reads of a refusal.
func (h *hashing) sentence(err error) error {
	switch {
	case errors.Is(err, passpolicy.ErrTooShort):
		return fmt.Errorf("the password is too short: it needs at least %d characters (GATEWAY_PASSWORD_MIN_LENGTH)", max(h.minLength, passpolicy.MinLength))
	case errors.Is(err, passpolicy.ErrTooLong):
		return fmt.Errorf("the password is too long: it may have %d characters at most", passpolicy.MaxLength)
	case errors.Is(err, passpolicy.ErrCommon):
		return errors.New("the password is one of the most used and would be guessed at once")
	case errors.Is(err, passpolicy.ErrContainsIdentifier):
		return errors.New("the password is made of the account's mail address, username or name")
	case errors.Is(err, passpolicy.ErrInvalidCharacter):
		return errors.New("the password contains characters that can't be used, such as a tab or one that nobody sees")
	}
	return err
}
