package passkey

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage"
)

// ceremony is one registration or authentication: what it is for, whose it is,
// and what binds it to one browser.
type ceremony struct {
	project *storage.Project
	purpose string // create or get
	userID  string // "" where anybody may answer
	bound   []string
	now     time.Time
}

// challengeLength is 256 bits: the time, and a MAC of it and of the ceremony.
// Nothing is stored until a challenge is answered, so that looking at a page
// costs nothing, and each answer spends it (WebAuthn L3 §13.4.3).
const challengeLength = 32

func (c Config) challenge(ctx context.Context, of ceremony, at time.Time) ([]byte, error) {
	key, err := c.Secrets.Get(ctx, of.project.Scope(), "passkey")
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))
	h := hmac.New(sha256.New, key)
	_, _ = h.Write(out) // a hash never fails
	for _, part := range append([]string{of.project.ID, of.purpose, of.userID}, of.bound...) {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(out)[:challengeLength], nil
}

// answered checks the challenge of an answer, and returns it. The reason is ""
// when it is good.
func (c Config) answered(ctx context.Context, of ceremony, text string) (challenge []byte, reason string, err error) {
	got, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(got) != challengeLength {
		return nil, "challenge", nil
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(got)), 0)
	want, err := c.challenge(ctx, of, at)
	if err != nil {
		return nil, "", err
	}
	if !hmac.Equal(got, want) {
		return nil, "challenge", nil
	}
	if of.now.Sub(at) > life(of.project) {
		return nil, "challenge_expired", nil
	}
	spent, err := c.Credentials.Spent(ctx, of.project.Scope(), got)
	if err != nil {
		return nil, "", err
	}
	if spent {
		return nil, "challenge_replayed", nil
	}
	return got, "", nil
}

// spend returns the change that uses the challenge up.
func (c Config) spend(of ceremony, challenge []byte) storage.Change {
	return c.Credentials.Spend(challenge, of.userID, of.now.Add(life(of.project)+time.Minute))
}
