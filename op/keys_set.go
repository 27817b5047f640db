package op

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// signedTypes are the JOSE typ values of what is signed here (RFC 8725 §3.11).
var signedTypes = [...]string{"JWT", "at+jwt", "logout+jwt", "token-introspection+jwt"}

// signingKey is a parsed key. It never changes.
type signingKey struct {
	kid         string
	alg         string
	status      storage.KeyStatus
	createdAt   time.Time
	activeSince time.Time
	unpublished time.Time
	sealed      []byte
	der         []byte                 // PKIX, of a key that only verifies
	private     crypto.Signer          // nil for a key that only verifies
	public      crypto.PublicKey       // of the kind that alg needs
	signers     map[string]jose.Signer // by typ
}

// LogValue shows which key it is, and nothing of it.
func (k *signingKey) LogValue() slog.Value { return slog.StringValue(k.kid + " [redacted]") }

// String hides the key.
func (k *signingKey) String() string { return k.kid + " [redacted]" }

// GoString hides the key.
func (k *signingKey) GoString() string { return k.String() }

// keySet is the keys of a project at one time. It never changes.
type keySet struct {
	active     map[string]*signingKey // by alg
	byKID      map[string]*signingKey
	decrypting map[string]*decryptionKey // by kid: what clients encrypt to

	jwks []byte // RFC 7517 §5, public parts only
	etag string // RFC 9110 §8.8.3, with its quotes

	notices  uint64
	loadedAt time.Time
}

func newKeySet(keys []*signingKey, decrypting map[string]*decryptionKey, now time.Time) (*keySet, error) {
	set := &keySet{active: make(map[string]*signingKey, len(signingAlgs)), byKID: make(map[string]*signingKey, len(keys))}
	slices.SortStableFunc(keys, func(a, b *signingKey) int {
		if n := algOrder(a.alg) - algOrder(b.alg); n != 0 {
			return n
		}
		if n := statusOrder(a.status) - statusOrder(b.status); n != 0 {
			return n
		}
		return a.createdAt.Compare(b.createdAt)
	})
	public := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for _, k := range keys {
		if set.byKID[k.kid] = k; k.status == storage.KeyActive && set.active[k.alg] == nil {
			set.active[k.alg] = k
		}
		if k.publishedAt(now) {
			public.Keys = append(public.Keys, jose.JSONWebKey{Key: k.public, KeyID: k.kid, Algorithm: k.alg, Use: "sig"})
		}
	}
	set.decrypting = decrypting
	public.Keys = append(public.Keys, published(decrypting, now)...)
	body, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("the JWKS can't be written: %w", err)
	}
	sum := sha256.Sum256(body)
	set.jwks, set.etag = body, `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`
	return set, nil
}

func algOrder(alg string) int { return slices.Index(signingAlgs[:], alg) }

func statusOrder(s storage.KeyStatus) int {
	return slices.Index([]storage.KeyStatus{storage.KeyActive, storage.KeyNext, storage.KeyRetiring, storage.KeyRetired}, s)
}

// reuse returns the parsed key of a row that holds the same key as before.
func (s *keySet) reuse(r *storage.SigningKey) *signingKey {
	if s == nil {
		return nil
	}
	old := s.byKID[r.ID]
	if old == nil || old.alg != r.Alg || !bytes.Equal(old.sealed, r.Sealed) || !bytes.Equal(old.der, r.Public) {
		return nil
	}
	key := *old
	key.status, key.activeSince, key.unpublished = r.Status, r.ActiveSince, r.UnpublishedAt
	return &key
}

// parseSigningKey reads PKCS #8. A key that does not fit its alg is refused: it
// would sign what no client verifies, or what anybody could forge.
func parseSigningKey(r *storage.SigningKey, pkcs8 []byte) (*signingKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: its PKCS #8 can't be read", r.ID) // err may quote the key
	}
	k := ofRow(r)
	if k.private, err = fitting(r.Alg, parsed); err != nil {
		return nil, fmt.Errorf("signing key %s: %w", r.ID, err)
	}
	k.public = k.private.Public()
	k.signers = make(map[string]jose.Signer, len(signedTypes))
	for _, typ := range signedTypes {
		k.signers[typ], err = jose.NewSigner(
			jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.alg), Key: jose.JSONWebKey{Key: parsed, KeyID: k.kid}},
			(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", r.ID, err)
		}
	}
	return k, nil
}

// parsePublicKey reads what is left of a key that signs no more.
func parsePublicKey(r *storage.SigningKey) (*signingKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(r.Public)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: its public part can't be read: %w", r.ID, err)
	}
	k := ofRow(r)
	k.der, k.public = r.Public, parsed
	return k, nil
}

func ofRow(r *storage.SigningKey) *signingKey {
	return &signingKey{
		kid: r.ID, alg: r.Alg, status: r.Status, createdAt: publishedSince(r),
		activeSince: r.ActiveSince, unpublished: r.UnpublishedAt, sealed: r.Sealed,
	}
}

// fitting returns the private key if alg can use it (RFC 7518 §3.3, §3.4;
// RFC 8037 §3.1).
func fitting(alg string, key any) (crypto.Signer, error) {
	switch alg {
	case "RS256", "PS256":
		if k, ok := key.(*rsa.PrivateKey); ok {
			if err := strongRSA(&k.PublicKey); err != nil {
				return nil, err
			}
			return k, nil
		}
		return nil, fmt.Errorf("%s needs an RSA key, and its PKCS #8 holds %s", alg, keyKind(key))
	case "ES256":
		if k, ok := key.(*ecdsa.PrivateKey); ok && k.Curve == elliptic.P256() {
			return k, nil
		}
		return nil, fmt.Errorf("%s needs a key on P-256, and its PKCS #8 holds %s", alg, keyKind(key))
	case "EdDSA":
		if k, ok := key.(ed25519.PrivateKey); ok {
			return k, nil
		}
		return nil, fmt.Errorf("%s needs an Ed25519 key, and its PKCS #8 holds %s", alg, keyKind(key))
	}
	return nil, fmt.Errorf("alg %q is not one of %s", alg, strings.Join(signingAlgs[:], ", "))
}

// strongRSA refuses what RFC 7518 §3.3 forbids (less than 2048 bits), and
// exponents that make a key useless.
func strongRSA(k *rsa.PublicKey) error {
	switch bits := k.N.BitLen(); {
	case bits < 2048:
		return fmt.Errorf("an RSA key needs 2048 bits or more, and this one has %d", bits)
	case bits > 8192: // verifying would take too long
		return fmt.Errorf("an RSA key may have 8192 bits or fewer, and this one has %d", bits)
	case k.E < 3 || k.E%2 == 0:
		return fmt.Errorf("the exponent of an RSA key is odd and 3 or more, and this one is %d", k.E)
	}
	return nil
}

func keyKind(key any) string {
	switch k := key.(type) {
	case *rsa.PrivateKey, *rsa.PublicKey:
		return "an RSA key"
	case *ecdsa.PrivateKey:
		return "a key on " + k.Curve.Params().Name
	case *ecdsa.PublicKey:
		return "a key on " + k.Curve.Params().Name
	case ed25519.PrivateKey, ed25519.PublicKey:
		return "an Ed25519 key"
	}
	return "another kind of key"
}

// publishedAt says whether the key is still published at this time.
func (k *signingKey) publishedAt(now time.Time) bool {
	return k.unpublished.IsZero() || now.Before(k.unpublished)
}
