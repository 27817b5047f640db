package storage

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"

	"github.com/google/uuid"
)

// Digest is the SHA-256 of a secret that was handed out: a code, a token, a
// cookie, a client secret. The secrets themselves are never stored. They are
// random with at least 128 bits, so a fast hash is enough (RFC 6819 §5.1.4.1.3).
type Digest [sha256.Size]byte

// DigestOf returns what is stored of a secret.
func DigestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// LogValue hides the digest: it is as good as the secret for telling two apart.
func (Digest) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String hides the digest.
func (Digest) String() string { return "[redacted]" }

// GoString hides the digest.
func (Digest) GoString() string { return "[redacted]" }

// MarshalText encodes the digest for the stored data.
func (d Digest) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, d[:]), nil
}

// UnmarshalText decodes what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	var b [sha256.Size + 3]byte
	n, err := base64.RawURLEncoding.Decode(b[:], text)
	if err != nil {
		return err
	}
	if n != sha256.Size {
		return base64.CorruptInputError(n)
	}
	copy(d[:], b[:n])
	return nil
}

// NewSecret returns 256 random bits in 43 characters of the base64url alphabet.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewID returns a new id for a row: a UUIDv7, ordered by time.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// NewSubject returns a new id for a user: a UUIDv4, because a subject identifier
// goes to every client and must not tell when the account was made.
func NewSubject() string { return uuid.NewString() }
