package op

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxSoftwareStatement = 32 << 10
	maxStatementIssuers  = 1 << 20 // bytes of the operator's file
)

// SoftwareStatements are those whose software statements are believed (RFC 7591
// §2.3): an issuer, and the keys that it signs with.
type SoftwareStatements map[string][]jose.JSONWebKey

// ReadSoftwareStatements reads what an operator trusts: a JSON object with a JWKS
// (RFC 7517 §5) for each issuer.
func ReadSoftwareStatements(raw []byte) (SoftwareStatements, error) {
	var sets map[string]json.RawMessage
	if len(raw) > maxStatementIssuers || json.Unmarshal(raw, &sets) != nil || len(sets) == 0 {
		return nil, errors.New("it is no JSON object with a JWKS for each issuer of software statements")
	}
	out := make(SoftwareStatements, len(sets))
	for issuer, set := range sets {
		keys, faults := readJWKS(set)
		if issuer == "" {
			faults = append(faults, "its name is empty")
		}
		if len(faults) > 0 {
			return nil, fmt.Errorf("issuer %q: %s", issuer, faults[0])
		}
		out[issuer] = keys
	}
	return out, nil
}

func badStatement(why string) *Error {
	return ErrInvalidSoftwareStatement.Say("software_statement " + why)
}

// claims proves a statement and returns what it says of the client.
func (trusted SoftwareStatements) claims(raw string, now time.Time) (map[string]json.RawMessage, error) {
	if len(raw) > maxSoftwareStatement || !isCompactJWS(raw) {
		return nil, badStatement("is no signed JWT in compact form, or is larger than 32 KiB")
	}
	h, err := readObjectHeader(raw)
	if err != nil {
		return nil, badStatement("has a header that is not right").Because(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		return nil, badStatement("has a payload that is not base64url")
	}
	var members map[string]json.RawMessage
	var c objectClaims
	if json.Unmarshal(payload, &members) != nil || members == nil || json.Unmarshal(payload, &c) != nil {
		return nil, badStatement("has a payload that is not a JSON object with the claims of RFC 7519")
	}
	keys, known := trusted[c.Issuer]
	if !known { // RFC 7591 §3.2.2
		return nil, ErrUnapprovedSoftwareStatement.Say("software_statement is of an issuer that is not trusted here")
	}
	if !signedByOne(keys, raw, h) {
		return nil, badStatement("has a signature that no key of its issuer verifies")
	}
	at, leeway := float64(now.UnixMicro())/1e6, clockLeeway.Seconds()
	switch {
	case c.Expires != nil && *c.Expires <= at-leeway:
		return nil, badStatement("has expired")
	case c.NotBefore != nil && *c.NotBefore > at+leeway, c.IssuedAt != nil && *c.IssuedAt > at+leeway:
		return nil, badStatement("is not valid yet")
	}
	return members, nil
}

// signedByOne says whether one of the keys signed a JWT whose alg is none of those
// with a shared secret, and not none.
func signedByOne(keys []jose.JSONWebKey, raw string, h tokenHeader) bool {
	if !slices.Contains(assertionAlgs, h.Alg) || strings.HasPrefix(h.Alg, "HS") {
		return false
	}
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(h.Alg)})
	if err != nil {
		return false
	}
	return slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool {
		if h.KID != "" && k.KeyID != "" && k.KeyID != h.KID || k.Use != "" && k.Use != "sig" ||
			k.Algorithm != "" && k.Algorithm != h.Alg || !keyFits(h.Alg, k.Key) {
			return false
		}
		_, err := jws.Verify(k.Key)
		return err == nil
	})
}

// useStatement puts what a software statement says in the place of the members
// beside it (RFC 7591 §2.3, §3.1.1). Where no issuer is trusted it is ignored, as
// that section allows.
func (op *Provider) useStatement(members map[string]json.RawMessage) error {
	raw, there := members["software_statement"]
	if !there || len(op.statements) == 0 || string(raw) == "null" {
		delete(members, "software_statement")
		return nil
	}
	var statement string
	if json.Unmarshal(raw, &statement) != nil {
		return badStatement("is not a string")
	}
	claims, err := op.statements.claims(statement, op.now())
	if err != nil {
		return err
	}
	for name, value := range claims {
		if slices.Contains(registrable, name) {
			members[name] = value
		}
	}
	return nil
}
