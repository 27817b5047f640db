package op

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxClientKeys = 20
	maxClientJWKS = 64 << 10
)

// readJWKS reads the public keys of a client (RFC 7517 §5), and lists every
// fault with the key that has it.
func readJWKS(raw json.RawMessage) (keys []jose.JSONWebKey, faults []string) {
	if len(raw) > maxClientJWKS {
		return nil, []string{"it is larger than 64 KiB"}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) == 0 {
		return nil, []string{"it is not a JSON object with an array of keys"}
	}
	if len(set.Keys) > maxClientKeys {
		return nil, []string{fmt.Sprintf("it has %d keys, more than %d", len(set.Keys), maxClientKeys)}
	}
	seen := map[string]bool{}
	for i, one := range set.Keys {
		key, kid, err := readJWK(one)
		name := fmt.Sprintf("key %d", i+1)
		if kid != "" {
			name = fmt.Sprintf("key %d (kid %q)", i+1, kid)
		}
		if err != nil {
			faults = append(faults, name+": "+err.Error())
			continue
		}
		if seen[kid] {
			faults = append(faults, name+": another key has the same kid, or none as well")
		}
		seen[kid] = true
		keys = append(keys, key)
	}
	return keys, faults
}

// readJWK reads one public key. A private or symmetric key does not belong into a
// registration: whoever reads it could sign as the client.
func readJWK(raw json.RawMessage) (key jose.JSONWebKey, kid string, err error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return key, "", errors.New("it is not a JSON object")
	}
	_ = json.Unmarshal(members["kid"], &kid) // for the message; the key itself is read below
	if len(kid) > 255 {
		return key, "", errors.New("its kid is longer than 255 bytes")
	}
	var kty string
	if json.Unmarshal(members["kty"], &kty) != nil || kty == "" {
		return key, kid, errors.New("it has no kty")
	}
	if kty == "oct" || members["k"] != nil {
		return key, kid, errors.New("it is a symmetric key: only public keys are registered")
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth"} {
		if members[private] != nil {
			return key, kid, errors.New("it has a private part: register the public key alone, and make a new key, since this one is known now")
		}
	}
	if err := key.UnmarshalJSON(raw); err != nil {
		return key, kid, errors.New("it can't be read: " + strings.TrimPrefix(err.Error(), "go-jose/go-jose: "))
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		err = strongRSA(k)
	case *ecdsa.PublicKey, ed25519.PublicKey: // the curve was checked as it was read
	default:
		err = errors.New("only RSA, EC (P-256, P-384, P-521) and OKP (Ed25519) keys can be used")
	}
	switch {
	case err != nil:
	case key.Use != "" && key.Use != "sig" && key.Use != "enc":
		err = errors.New(`its use is neither "sig" nor "enc"`)
	case key.Use == "sig" && key.Algorithm != "" && !keyFits(key.Algorithm, key.Key):
		err = fmt.Errorf("its alg %q does not fit %s", key.Algorithm, keyKind(key.Key))
	}
	return key, kid, err
}

// keyFits says whether alg signs with such a key (RFC 7518 §3.1, RFC 8037 §3.1).
func keyFits(alg string, key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return len(alg) == 5 && (alg[:2] == "RS" || alg[:2] == "PS") && slices.Contains(assertionAlgs, alg)
	case *ecdsa.PublicKey:
		return alg == map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[k.Curve.Params().Name]
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}
