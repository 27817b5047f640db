package op

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

const (
	clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 §2.2
	maxClientAssertion  = 8 << 10
	maxAssertionLife    = time.Hour
	maxJTI              = 512
)

// assertionAlgs are the algorithms of assertions: those with HS are for
// client_secret_jwt, the others for private_key_jwt. "none" is not among them
// (RFC 8725 §3.1).
var assertionAlgs = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	"HS256", "HS384", "HS512",
}

// clientAssertion is an assertion as it was sent. Nothing of it is proven until
// proveAssertion says so.
type clientAssertion struct {
	raw string
	alg string
	kid string

	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   *float64 `json:"exp"` // NumericDate (RFC 7519 §2): may have a fraction
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
	ID        string   `json:"jti"`
}

func (a *clientAssertion) method() string {
	if strings.HasPrefix(a.alg, "HS") {
		return authSecretJWT
	}
	return authPrivateKeyJWT
}

func badAssertion(why string) *Error { return ErrInvalidClient.Say("client_assertion " + why) }

// readClientAssertion takes an assertion apart, to learn which client to ask for
// its keys.
func readClientAssertion(kind, raw string) (*clientAssertion, error) {
	switch {
	case kind != clientAssertionType:
		return nil, ErrInvalidClient.Say("client_assertion_type has to be " + clientAssertionType)
	case raw == "":
		return nil, ErrInvalidClient.Say("client_assertion is missing")
	case len(raw) > maxClientAssertion:
		return nil, badAssertion("is larger than 8 KiB")
	case !isCompactJWS(raw):
		return nil, badAssertion("is not a signed JWT in compact form")
	}
	parts := strings.Split(raw, ".")
	a := &clientAssertion{raw: raw}
	if err := a.readHeader(parts[0]); err != nil {
		return nil, err
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, badAssertion("has a payload that is not base64url")
	}
	if err := json.Unmarshal(payload, a); err != nil {
		return nil, badAssertion("has a payload that is not a JSON object with the claims of RFC 7523")
	}
	if a.Issuer == "" || a.Issuer != a.Subject { // RFC 7523 §3, items 1 and 2.B
		return nil, badAssertion("needs iss and sub, both the client_id")
	}
	return a, nil
}

// readHeader reads the JOSE header. A header that brings a key, or says where to
// fetch one, is refused: keys come from the registration (RFC 8725 §3.10).
func (a *clientAssertion) readHeader(encoded string) error {
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return badAssertion("has a header that is not base64url")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return badAssertion("has a header that is not a JSON object")
	}
	for _, name := range []string{"jwk", "jku", "x5c", "x5u", "crit", "b64", "zip"} {
		if _, there := members[name]; there {
			return badAssertion("may not have " + name + " in its header")
		}
	}
	var typ string
	for name, into := range map[string]*string{"alg": &a.alg, "kid": &a.kid, "typ": &typ} {
		if v, there := members[name]; there && json.Unmarshal(v, into) != nil {
			return badAssertion("has a header whose " + name + " is not a string")
		}
	}
	if !slices.Contains(assertionAlgs, a.alg) {
		return badAssertion("has an alg that is not one of " + strings.Join(assertionAlgs, ", "))
	}
	// RFC 8725 §3.11: a JWT that says it is something else is not an assertion.
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "", "jwt", "client-authentication+jwt":
		return nil
	}
	return badAssertion("has another typ than JWT")
}

// proveAssertion checks an assertion of a client (RFC 7523 §3, OIDC Core §9).
// The jti is marked as used last: who can't sign can't use up anything.
func (op *Provider) proveAssertion(ctx context.Context, p *storage.Project, c *storage.Client, a *clientAssertion) error {
	keys, err := op.assertionKeys(ctx, p, c, a)
	if err != nil {
		return err
	}
	jws, err := jose.ParseSignedCompact(a.raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.alg)})
	if err != nil {
		return badAssertion("is not a signed JWT").Because(err)
	}
	if !slices.ContainsFunc(keys, func(key any) bool { _, err := jws.Verify(key); return err == nil }) {
		return badAssertion("has a signature that no registered key of the client verifies")
	}
	expires, err := a.checkClaims(p, op.now())
	if err != nil {
		return err
	}
	err = op.store.ClientAssertions.Use(ctx, p.Scope(), c.ID, a.ID, expires)
	if errors.Is(err, storage.ErrAlreadyExists) {
		return badAssertion("was used before: each needs a jti of its own")
	}
	return err
}

// checkClaims checks the claims, and returns until when the jti has to be
// remembered: until the assertion is refused for its age.
func (a *clientAssertion) checkClaims(p *storage.Project, now time.Time) (time.Time, error) {
	// RFC 7523 §3, item 3: it is meant for us and for nobody else, who could use
	// it here. OIDC Core §9 has the token endpoint as aud, what came after it the
	// issuer.
	if len(a.Audience) == 0 || slices.ContainsFunc(a.Audience, func(aud string) bool {
		return aud != p.Issuer && (aud != p.Issuer+pathToken || p.AssertionIssuerOnly)
	}) {
		return time.Time{}, badAssertion("needs the aud " + p.Issuer + " alone")
	}
	at := float64(now.UnixMicro()) / 1e6
	leeway := clockLeeway.Seconds()
	switch {
	case a.Expires == nil: // item 4
		return time.Time{}, badAssertion("needs exp")
	case *a.Expires <= at-leeway:
		return time.Time{}, badAssertion("has expired")
	case *a.Expires > at+maxAssertionLife.Seconds()+leeway:
		return time.Time{}, badAssertion("has an exp more than an hour ahead")
	case a.NotBefore != nil && *a.NotBefore > at+leeway: // item 5
		return time.Time{}, badAssertion("is not valid yet: nbf is ahead")
	case a.IssuedAt != nil && *a.IssuedAt > at+leeway: // item 6
		return time.Time{}, badAssertion("has an iat ahead of the time")
	case a.IssuedAt != nil && *a.IssuedAt < at-maxAssertionLife.Seconds()-leeway:
		return time.Time{}, badAssertion("has an iat more than an hour ago")
	case a.ID == "" || len(a.ID) > maxJTI: // item 7; OIDC Core §9 demands it
		return time.Time{}, badAssertion(fmt.Sprintf("needs a jti of 1 to %d bytes", maxJTI))
	}
	return time.UnixMicro(int64(*a.Expires * 1e6)).Add(clockLeeway + time.Second).UTC(), nil
}

// assertionKeys returns the keys that may have signed: the registered public keys
// that fit the header, or the client's secrets.
func (op *Provider) assertionKeys(ctx context.Context, p *storage.Project, c *storage.Client, a *clientAssertion) ([]any, error) {
	if a.method() == authSecretJWT {
		return op.sealedSecrets(p, c)
	}
	set, err := op.clientKeysWith(ctx, p, c, a.kid)
	if err != nil {
		return nil, err
	}
	var keys []any
	for _, k := range set {
		if (a.kid == "" || k.KeyID == "" || k.KeyID == a.kid) &&
			(k.Use == "" || k.Use == "sig") &&
			(k.Algorithm == "" || k.Algorithm == a.alg) && keyFits(a.alg, k.Key) {
			keys = append(keys, k.Key)
		}
	}
	if len(keys) == 0 {
		return nil, badAssertion("has a kid and alg that fit no registered key of the client")
	}
	return keys, nil
}

func (op *Provider) sealedSecrets(p *storage.Project, c *storage.Client) ([]any, error) {
	var keys []any
	for _, s := range c.Secrets {
		if len(s.Sealed) == 0 || !s.ExpiresAt.IsZero() && !op.now().Before(s.ExpiresAt) {
			continue
		}
		secret, err := op.store.Clients.OpenSecret(p.Scope(), c.ID, s.Sealed)
		if err != nil {
			return nil, err
		}
		keys = append(keys, secret)
	}
	if len(keys) == 0 {
		return nil, badAssertion("can't be checked: the client has no live secret for client_secret_jwt")
	}
	return keys, nil
}
