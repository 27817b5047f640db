package flows_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync/atomic"

	"github.com/elloloop/identity/storage"
)

// hasher is a quick one that counts its work.
type hasher struct {
	verified, hashed atomic.Int64
	outdated         bool
	err              error
}

func plainHash(pw string) storage.PasswordHash {
	sum := sha256.Sum256([]byte(pw))
	return storage.PasswordHash(hex.EncodeToString(sum[:]))
}

func (h *hasher) Verify(_ context.Context, hash storage.PasswordHash, pw string) (bool, bool, error) {
	h.verified.Add(1)
	return h.err == nil && hash == plainHash(pw), h.outdated, h.err
}

func (h *hasher) Hash(_ context.Context, pw string) (storage.PasswordHash, error) {
	h.hashed.Add(1)
	return plainHash(pw), h.err
}
