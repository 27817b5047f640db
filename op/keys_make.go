package op

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/elloloop/identity/storage"
)

func find(rows []*storage.SigningKey, alg string, status storage.KeyStatus) *storage.SigningKey {
	i := slices.IndexFunc(rows, func(r *storage.SigningKey) bool { return r.Alg == alg && r.Status == status })
	if i < 0 {
		return nil
	}
	return rows[i]
}

// newKID returns the kid of the key that follows another. It is the same in
// every process, so that of two that make the key at once the database refuses
// one; and it differs between databases, so that no client that remembers a kid
// meets another key under it. A kid that was used, by a key that was revoked
// since, is passed over.
func (k *Keys) newKID(ctx context.Context, p *storage.Project, rows []*storage.SigningKey, alg, after string) (string, error) {
	secret, err := k.store.ProjectSecrets.Get(ctx, p.Scope(), "kid")
	if err != nil {
		return "", err
	}
	for {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s after %s", alg, after)
		kid := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:15])
		if !slices.ContainsFunc(rows, func(r *storage.SigningKey) bool { return r.ID == kid }) {
			return kid, nil
		}
		after = kid
	}
}

// generate makes and seals the keys, on all processors: RSA takes its time.
func (k *Keys) generate(p *storage.Project, keys []*storage.SigningKey) error {
	now := k.now().UTC()
	errs := make([]error, len(keys))
	var all sync.WaitGroup
	for i, key := range keys {
		key.CreatedOrder = now.UnixMicro()
		if key.Status == storage.KeyActive {
			key.ActiveSince = now
		}
		all.Go(func() {
			pkcs8, err := newPrivateKey(key.Alg)
			if err != nil {
				errs[i] = fmt.Errorf("%s signing key can't be made: %w", key.Alg, err)
				return
			}
			k.store.SigningKeys.Seal(p.Scope(), key, pkcs8)
			clear(pkcs8)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func newPrivateKey(alg string) ([]byte, error) {
	var key crypto.Signer
	var err error
	switch alg {
	case "RS256", "PS256", "RSA-OAEP-256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256", "ECDH-ES":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func (k *Keys) event(actor, action string, key *storage.SigningKey) storage.Change {
	return k.store.AuditEvents.Append(storage.AuditEvent{
		At: k.now().UTC(), Action: action, Outcome: "success", Actor: actor, Target: key.ID,
		Details: map[string]string{"alg": key.Alg},
	})
}
