package passhash

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2 with HMAC-SHA-1 is read for accounts that move in, never written
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// What one check may cost at most. A hash that comes from outside names its own
// cost; without these, one line of an import could hold a worker for hours.
const (
	maxMemory           = 256 * 1024  // KiB
	maxLanes            = 16          // of Argon2
	maxArgon2Work       = 1024 * 1024 // KiB times passes: about a second
	maxBcryptCost       = 14          // 2^14 rounds: about a second
	maxScryptWork       = 1 << 22     // N times r times p: four times OWASP's first choice
	maxPBKDF2Iterations = 4_000_000   // about a second with SHA-1 and SHA-256
)

// bcryptLength is how many bytes of a password bcrypt looks at.
const bcryptLength = 72

type kind int

const (
	argon2id kind = iota + 1
	argon2i
	bcrypted
	scrypted
	pbkdf2SHA1
	pbkdf2SHA256
	pbkdf2SHA512
)

// parsed is a password hash, taken apart. Its costs are within the bounds above.
type parsed struct {
	kind kind
	// Argon2: KiB, passes and lanes.
	memory, time uint32
	lanes        uint8
	// scrypt: N, r and p. PBKDF2: n iterations.
	n, r, p int
	// bcrypt: the hash as the library reads it.
	bcrypt string

	salt, sum []byte
}

// LogValue hides the hash.
func (parsed) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String hides the hash.
func (parsed) String() string { return "[redacted]" }

// GoString hides the hash.
func (parsed) GoString() string { return "[redacted]" }

// matches says whether the hash was made of this password, in a time that does
// not depend on where they differ.
func (h parsed) matches(password string) (bool, error) {
	if h.kind == bcrypted {
		// bcrypt looks at 72 bytes and no more: so hashed whoever made the hash, and
		// so its owner signs in. New hashes are never made by it.
		b := []byte(password)
		if len(b) > bcryptLength {
			b = b[:bcryptLength]
		}
		err := bcrypt.CompareHashAndPassword([]byte(h.bcrypt), b)
		if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			return false, nil
		}
		if err != nil {
			return false, ErrMalformed
		}
		return true, nil
	}
	sum, err := h.derive(password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, h.sum) == 1, nil
}

// partly says whether the hash is of the beginning of the password alone.
func (h parsed) partly(password string) bool {
	return h.kind == bcrypted && len(password) > bcryptLength
}

// derive makes the bytes that the hash ends with, as many as it has. A new hash
// has none yet and gets sumLength.
func (h parsed) derive(password string) ([]byte, error) {
	length := len(h.sum)
	if length == 0 {
		length = sumLength
	}
	switch h.kind {
	case argon2id:
		return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.lanes, uint32(length)), nil
	case argon2i:
		return argon2.Key([]byte(password), h.salt, h.time, h.memory, h.lanes, uint32(length)), nil
	case scrypted:
		return scrypt.Key([]byte(password), h.salt, h.n, h.r, h.p, length)
	case pbkdf2SHA1:
		return pbkdf2.Key(sha1.New, password, h.salt, h.n, length)
	case pbkdf2SHA256:
		return pbkdf2.Key(sha256.New, password, h.salt, h.n, length)
	case pbkdf2SHA512:
		return pbkdf2.Key(sha512.New, password, h.salt, h.n, length)
	case bcrypted:
	}
	return nil, ErrUnsupported
}

// phc is the PHC string of an Argon2id hash.
func (h parsed) phc() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.memory, h.time, h.lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

func argon2Cost(memory, time, lanes uint64) error {
	if memory > maxMemory || time > maxArgon2Work || memory*time > maxArgon2Work || lanes > maxLanes {
		return ErrCost
	}
	return nil
}

func scryptCost(n, r, p uint64) error {
	// n is 2^32 at most and r of 32 bits: no product wraps before the one that is
	// refused.
	if n*r > maxScryptWork || 128*n*r > maxMemory*1024 || n*r*p > maxScryptWork {
		return ErrCost
	}
	return nil
}
