package op

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// decryptionAlgs are the kinds of keys that clients encrypt to (RFC 7518 §4.1). One
// for ECDH-ES opens ECDH-ES+A256KW too. There is no next one: a new key is used
// as soon as it is seen. The old one stays published behind it for a while, and
// opens what was encrypted by those who hold an old JWKS for longer.
var decryptionAlgs = [...]string{"RSA-OAEP-256", "ECDH-ES"}

// decryptionGrace is how long a key opens what comes late, beyond the time that a
// client may keep the JWKS.
const decryptionGrace = time.Hour

func isDecryptionAlg(alg string) bool { return slices.Contains(decryptionAlgs[:], alg) }

// decryptionKey is a parsed key that clients encrypt to. It never changes.
type decryptionKey struct {
	kid     string
	alg     string
	active  bool
	until   time.Time // an old key is published until then
	sealed  []byte
	private crypto.Signer // *rsa.PrivateKey or *ecdsa.PrivateKey
}

// LogValue shows which key it is, and nothing of it.
func (k *decryptionKey) LogValue() slog.Value { return slog.StringValue(k.kid + " [redacted]") }

// String hides the key.
func (k *decryptionKey) String() string { return k.kid + " [redacted]" }

// GoString hides the key.
func (k *decryptionKey) GoString() string { return k.String() }

func (k *Keys) parseDecryptionKey(p *storage.Project, r *storage.SigningKey, old *keySet) (*decryptionKey, error) {
	key := &decryptionKey{kid: r.ID, alg: r.Alg, active: r.Status == storage.KeyActive, until: r.UnpublishedAt, sealed: r.Sealed}
	if old != nil && old.decrypting[r.ID] != nil && bytes.Equal(old.decrypting[r.ID].sealed, r.Sealed) {
		key.private = old.decrypting[r.ID].private
		return key, nil
	}
	pkcs8, err := k.store.SigningKeys.Open(p.Scope(), r)
	if err != nil {
		return nil, fmt.Errorf("decryption key %s: %w", r.ID, err)
	}
	defer clear(pkcs8)
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, fmt.Errorf("decryption key %s: its PKCS #8 can't be read", r.ID) // err may quote the key
	}
	switch private := parsed.(type) {
	case *rsa.PrivateKey:
		if key.private = private; r.Alg == "RSA-OAEP-256" {
			return key, strongRSA(&private.PublicKey)
		}
	case *ecdsa.PrivateKey:
		if key.private = private; r.Alg == "ECDH-ES" && private.Curve == elliptic.P256() {
			return key, nil
		}
	}
	return nil, fmt.Errorf("decryption key %s: its PKCS #8 does not hold a key for %s", r.ID, r.Alg)
}

// jwk is how the key is published (RFC 7517 §5).
func (k *decryptionKey) jwk() jose.JSONWebKey {
	out := jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Use: "enc"}
	if k.alg == "RSA-OAEP-256" { // of the other kind several algs can be used
		out.Algorithm = k.alg
	}
	return out
}

// published lists the keys that clients may encrypt to: those that they should
// first.
func published(keys map[string]*decryptionKey, now time.Time) []jose.JSONWebKey {
	var out []jose.JSONWebKey
	for _, active := range []bool{true, false} {
		for _, kid := range slices.Sorted(maps.Keys(keys)) {
			if k := keys[kid]; k.active == active && (active || now.Before(k.until)) {
				out = append(out, k.jwk())
			}
		}
	}
	return out
}

// completeEncryption adds the keys that the project lacks for being encrypted to.
func (k *Keys) completeEncryption(ctx context.Context, p *storage.Project, rows []*storage.SigningKey, step *rotation) error {
	for _, alg := range decryptionAlgs {
		if find(rows, alg, storage.KeyActive) != nil {
			continue
		}
		kid, err := k.newKID(ctx, p, rows, alg, "")
		if err != nil {
			return err
		}
		step.add(k, &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyActive})
	}
	return nil
}

// rotateEncryption puts a new key in the place of the one that is encrypted to.
func (k *Keys) rotateEncryption(ctx context.Context, p *storage.Project, rows []*storage.SigningKey, alg string, step *rotation) (Rotated, error) {
	active := find(rows, alg, storage.KeyActive)
	if active == nil {
		return Rotated{}, storage.ErrConflict
	}
	kid, err := k.newKID(ctx, p, rows, alg, active.ID)
	if err != nil {
		return Rotated{}, err
	}
	until := k.now().UTC().Add(jwksCacheTime + clockLeeway).Truncate(time.Microsecond)
	active.Status, active.UnpublishedAt, active.ExpiresAt = storage.KeyRetiring, until, until.Add(jwksCacheTime+decryptionGrace)
	step.changed = append(step.changed, active)
	step.events = append(step.events, k.event(step.actor, "signing_key.retired", active))
	step.add(k, &storage.SigningKey{ID: kid, Alg: alg, Status: storage.KeyActive})
	return Rotated{Alg: alg, Active: kid, Retiring: active.ID, RetiringUntil: until}, nil
}

// encryptedHeader is the JOSE header of a JWE to us.
type encryptedHeader struct {
	Alg, Enc, KID, CTY string
}

// readEncryptedHeader refuses what must not be decrypted before anything is (S2-10):
// passwords with a cost of the sender's choice, compression, keys in the header.
func readEncryptedHeader(raw string) (encryptedHeader, error) {
	var h encryptedHeader
	if len(raw) > maxRequestObject {
		return h, errors.New("it is too large")
	}
	encoded, rest, _ := strings.Cut(raw, ".")
	if strings.Count(rest, ".") != 3 || !isCompactJWS(strings.Replace(raw, ".", "", 2)) {
		return h, errors.New("it is no JWE in compact form")
	}
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	var members map[string]json.RawMessage
	if err != nil || json.Unmarshal(decoded, &members) != nil {
		return h, errors.New("its header is no JSON object")
	}
	for name, value := range members {
		var ignored string
		into := &ignored
		switch name {
		case "alg":
			into = &h.Alg
		case "enc":
			into = &h.Enc
		case "kid":
			into = &h.KID
		case "cty":
			into = &h.CTY
		case "typ", "apu", "apv":
		case "epk":
			continue
		default:
			return h, fmt.Errorf("its header has the member %q", name)
		}
		if json.Unmarshal(value, into) != nil {
			return h, fmt.Errorf("its header's %s is not a string", name)
		}
	}
	switch {
	case !slices.Contains(encryptionAlgs, h.Alg):
		return h, fmt.Errorf("alg %q is not one of %q", h.Alg, encryptionAlgs)
	case !slices.Contains(encryptionEncs, h.Enc):
		return h, fmt.Errorf("enc %q is not one of %q", h.Enc, encryptionEncs)
	case h.CTY != "" && !strings.EqualFold(h.CTY, typJWT):
		return h, fmt.Errorf("cty %q is not JWT", h.CTY)
	}
	return h, nil
}

// decrypt opens a JWE in compact form that was encrypted to the project (RFC 7516
// §5.2). A fault of the JWE is ErrInvalidRequestObject, with the reason as its cause.
func (k *Keys) decrypt(ctx context.Context, p *storage.Project, raw string) (string, error) {
	h, err := readEncryptedHeader(raw)
	if err != nil {
		return "", badObject("cannot be decrypted").Because(err)
	}
	set, err := k.current(ctx, p)
	if err != nil {
		return "", err
	}
	kind := strings.TrimSuffix(h.Alg, "+A256KW")
	parsed, err := jose.ParseEncryptedCompact(raw, []jose.KeyAlgorithm{jose.KeyAlgorithm(h.Alg)}, []jose.ContentEncryption{jose.ContentEncryption(h.Enc)})
	if err != nil {
		return "", badObject("cannot be decrypted").Because(err)
	}
	for _, key := range set.decrypting {
		if key.alg != kind || h.KID != key.kid && (h.KID != "" || !key.active) {
			continue
		}
		plain, err := parsed.Decrypt(key.private)
		if err != nil {
			return "", badObject("cannot be decrypted").Because(err)
		}
		return string(plain), nil
	}
	return "", badObject("is encrypted to a key that is not ours")
}
