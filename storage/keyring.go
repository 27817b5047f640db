package storage

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// ErrSealed: something sealed can't be opened, because its key is missing or
// because it was altered or moved to another row.
var ErrSealed = errors.New("storage: sealed value can't be opened")

// KeyEncryptionKey is a named AES-256 key.
type KeyEncryptionKey struct {
	ID  string // 1 to 64 letters, digits, "-" or "_"; stored in each envelope
	Key []byte // 32 bytes
}

// LogValue hides the key.
func (k KeyEncryptionKey) LogValue() slog.Value { return slog.StringValue(k.ID + " [redacted]") }

// String hides the key.
func (k KeyEncryptionKey) String() string { return k.ID + " [redacted]" }

// GoString hides the key.
func (k KeyEncryptionKey) GoString() string { return k.String() }

// Keyring seals what must be read back, such as private signing keys, with
// AES-256-GCM (NIST SP 800-38D). The first key seals; all of them open.
type Keyring struct {
	ids   []string
	aeads map[string]cipher.AEAD
}

// NewKeyring makes a keyring. It needs at least one key, of 32 bytes each, with
// different ids.
func NewKeyring(keys ...KeyEncryptionKey) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: no key-encryption key", ErrInvalidArgument)
	}
	r := &Keyring{aeads: make(map[string]cipher.AEAD, len(keys))}
	for _, k := range keys {
		if k.ID == "" || len(k.ID) > 64 || strings.Trim(k.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return nil, fmt.Errorf("%w: key-encryption key id %q: want 1 to 64 letters, digits, - or _", ErrInvalidArgument, k.ID)
		}
		if len(k.Key) != 32 {
			return nil, fmt.Errorf("%w: key-encryption key %q has %d bytes, want 32", ErrInvalidArgument, k.ID, len(k.Key))
		}
		if _, twice := r.aeads[k.ID]; twice {
			return nil, fmt.Errorf("%w: two key-encryption keys are called %q", ErrInvalidArgument, k.ID)
		}
		block, err := aes.NewCipher(k.Key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		r.ids, r.aeads[k.ID] = append(r.ids, k.ID), aead
	}
	return r, nil
}

// IDs returns the ids of the keys, the sealing one first.
func (r *Keyring) IDs() []string { return slices.Clone(r.ids) }

// LogValue shows the ids alone.
func (r *Keyring) LogValue() slog.Value { return slog.StringValue(strings.Join(r.ids, ",")) }

// Seal encrypts a value for one place: project, type and row are authenticated
// with it, so that an envelope moved elsewhere does not open.
func (r *Keyring) Seal(plain []byte, place ...string) []byte {
	id := r.ids[0]
	aead := r.aeads[id]
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process instead
	out := append([]byte{byte(len(id))}, id...)
	out = append(out, nonce...)
	return aead.Seal(out, nonce, plain, associated(place))
}

// Open decrypts an envelope that was sealed for the same place. The error names
// the key that is missing, if that is why.
func (r *Keyring) Open(envelope []byte, place ...string) ([]byte, error) {
	if len(envelope) == 0 || len(envelope) < 1+int(envelope[0]) {
		return nil, fmt.Errorf("%w: envelope is cut", ErrSealed)
	}
	id, rest := string(envelope[1:1+envelope[0]]), envelope[1+envelope[0]:]
	aead, ok := r.aeads[id]
	if !ok {
		return nil, fmt.Errorf("%w: it needs the key-encryption key %q, and only %s is configured", ErrSealed, id, strings.Join(r.ids, ", "))
	}
	if len(rest) < aead.NonceSize() {
		return nil, fmt.Errorf("%w: envelope is cut", ErrSealed)
	}
	plain, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], associated(place))
	if err != nil {
		return nil, fmt.Errorf("%w: key %q does not fit, or the value was altered or moved", ErrSealed, id)
	}
	return plain, nil
}

// associated joins the parts with their lengths, so that no two places are alike.
func associated(place []string) []byte {
	var b []byte
	for _, p := range place {
		b = fmt.Appendf(b, "%d:%s", len(p), p)
	}
	return b
}
