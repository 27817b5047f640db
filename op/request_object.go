package op

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a request object by reference (OIDC Core §6.2). One by value has
// those of a parameter.
const (
	maxRequestObject     = 32 << 10
	maxRequestURI        = 512
	maxCachedObjects     = 256
	requestObjectKept    = 5 * time.Minute
	typRequestObject     = "oauth-authz-req+jwt" // RFC 9101 §10.8
	maxRequestObjectLife = 24 * time.Hour
)

// readRequestObject puts what a request object says in the place of what was sent
// beside it (OIDC Core §6). It runs before the redirect URI is looked at, which
// may be inside. Its error waits until it is known where to answer.
func (op *Provider) readRequestObject(a *authorization) error {
	value, reference := a.params.get("request"), a.params.get("request_uri")
	if value == "" && reference == "" {
		return nil
	}
	if value != "" && reference != "" {
		a.objectErr = ErrInvalidRequest.Say("request and request_uri were both sent") // OIDC Core §6.1
		return nil
	}
	a.objectErr = op.useRequestObject(a, value, reference)
	return nil
}

func (op *Provider) useRequestObject(a *authorization, value, reference string) error {
	raw, unsupported := value, ErrRequestNotSupported
	if reference != "" {
		var err error
		if raw, err = op.fetchRequestObject(a, reference); err != nil {
			return err
		}
		unsupported = ErrRequestURINotSupported
	}
	claims, err := op.openRequestObject(a, raw, unsupported)
	if err != nil {
		return err
	}
	return a.merge(claims)
}

// fetchRequestObject gets a request object by reference. Only what the client
// registered is fetched. A fragment is the hash of what is there: while it is the
// same, so is the object, and it is kept for a while.
func (op *Provider) fetchRequestObject(a *authorization, uri string) (string, error) {
	if _, none := op.fetch.(noFetcher); none {
		return "", ErrRequestURINotSupported.Say("request_uri is not supported here: send the request object itself")
	}
	plain, hash, _ := strings.Cut(uri, "#")
	registered := slices.Contains(a.client.RequestURIs, uri) || slices.Contains(a.client.RequestURIs, plain)
	if len(uri) > maxRequestURI || !registered {
		return "", ErrInvalidRequestURI.Say("request_uri is not one of the request_uris that are registered for this client")
	}
	key, now := inProject{a.project.ID, a.client.ID + " " + uri}, op.now()
	if object, ok := op.objects.get(key, now); ok && hash != "" {
		return object, nil
	}
	body, err := op.fetch.Fetch(a.ctx, plain, maxRequestObject)
	if err != nil {
		return "", ErrInvalidRequestURI.Say("the request object could not be fetched from request_uri").Because(err)
	}
	object := strings.TrimSpace(string(body))
	if hash != "" {
		op.objects.put(key, object, now, requestObjectKept, func() bool { return true })
	}
	return object, nil
}

func badObject(why string) *Error { return ErrInvalidRequestObject.Say("the request object " + why) }

// openRequestObject checks who made a request object and for whom, and returns
// what it says (OIDC Core §6.1, §6.3; RFC 9101 §4).
func (op *Provider) openRequestObject(a *authorization, raw string, unsupported *Error) (map[string]json.RawMessage, error) {
	if strings.Count(raw, ".") == 4 { // RFC 9101 §4: encrypted, what is inside is signed
		var err error
		if raw, err = op.keys.decrypt(a.ctx, a.project, raw); err != nil {
			return nil, err
		}
	}
	if !isCompactJWS(raw) { // nor a JWE in a JWE
		return nil, badObject("is no JWS in compact form")
	}
	h, err := readObjectHeader(raw)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(raw, ".")
	registered := a.client.RequestObjectSigningAlg
	switch {
	case registered != "" && h.Alg != registered: // OIDC Dynamic Client Registration §2
		return nil, badObject("has another alg than the registered request_object_signing_alg")
	case h.Alg == algNone && !a.project.InsecureUnsigned:
		return nil, unsupported.Say("request objects have to be signed here")
	case h.Alg == algNone && parts[2] != "":
		return nil, badObject("has the alg none and a signature")
	case h.Alg == algNone:
	case !slices.Contains(requestObjectAlgs, h.Alg):
		return nil, badObject("has an alg that is not one of " + strings.Join(requestObjectAlgs, ", "))
	default:
		if err := op.proveRequestObject(a, raw, h); err != nil {
			return nil, err
		}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, badObject("has a payload that is not base64url")
	}
	return readObjectClaims(payload, a, op.now())
}

// readObjectHeader reads the JOSE header. One that brings a key, or says where to
// fetch one, is refused: keys come from the registration (RFC 8725 §3.10).
func readObjectHeader(raw string) (tokenHeader, error) {
	encoded, _, _ := strings.Cut(raw, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return tokenHeader{}, badObject("has a header that is not base64url")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(decoded, &members) != nil {
		return tokenHeader{}, badObject("has a header that is not a JSON object")
	}
	for _, name := range []string{"jwk", "jku", "x5c", "x5u", "crit", "b64", "zip"} {
		if _, there := members[name]; there {
			return tokenHeader{}, badObject("may not have " + name + " in its header")
		}
	}
	var h tokenHeader
	for name, into := range map[string]*string{"alg": &h.Alg, "kid": &h.KID, "typ": &h.Typ} {
		if v, there := members[name]; there && json.Unmarshal(v, into) != nil {
			return tokenHeader{}, badObject("has a header whose " + name + " is not a string")
		}
	}
	// RFC 8725 §3.11: a JWT that says it is something else is no request object.
	switch strings.TrimPrefix(strings.ToLower(h.Typ), "application/") {
	case "", "jwt", typRequestObject:
		return h, nil
	}
	return tokenHeader{}, badObject("has the typ of another kind of JWT")
}

// proveRequestObject checks the signature with the client's keys.
func (op *Provider) proveRequestObject(a *authorization, raw string, h tokenHeader) error {
	keys, err := op.clientKeysWith(a.ctx, a.project, a.client, h.KID)
	if errors.Is(err, ErrInvalidClient) { // no code of an authorization error
		return badObject("is signed, and the keys at jwks_uri of the client cannot be used").Because(err)
	}
	if err != nil {
		return err
	}
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(h.Alg)})
	if err != nil {
		return badObject("is no signed JWT").Because(err)
	}
	for _, k := range keys {
		if (h.KID == "" || k.KeyID == "" || k.KeyID == h.KID) && (k.Use == "" || k.Use == "sig") &&
			(k.Algorithm == "" || k.Algorithm == h.Alg) && keyFits(h.Alg, k.Key) {
			if _, err := jws.Verify(k.Key); err == nil {
				return nil
			}
		}
	}
	return badObject("has a signature that no registered key of the client verifies")
}

// objectClaims are what a request object says of itself (RFC 7519 §2). They are
// no parameters.
type objectClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

var aboutTheObject = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

func readObjectClaims(payload []byte, a *authorization, now time.Time) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	var c objectClaims
	if json.Unmarshal(payload, &members) != nil || json.Unmarshal(payload, &c) != nil {
		return nil, badObject("has a payload that is not a JSON object with the claims of RFC 7519")
	}
	at, leeway := float64(now.UnixMicro())/1e6, clockLeeway.Seconds()
	switch {
	case c.Issuer != "" && c.Issuer != a.client.ID: // OIDC Core §6.1
		return nil, badObject("has another iss than the client")
	case c.Subject == a.client.ID: // RFC 9101 §10.8: it could be used to authenticate, or was made for that
		return nil, badObject("may not have the client as its sub")
	case len(c.Audience) > 0 && !slices.Contains(c.Audience, a.project.Issuer):
		return nil, badObject("is not for this issuer: its aud has to be " + a.project.Issuer)
	case c.Expires != nil && *c.Expires <= at-leeway:
		return nil, badObject("has expired")
	case c.NotBefore != nil && *c.NotBefore > at+leeway:
		return nil, badObject("is not valid yet: nbf is ahead")
	case c.IssuedAt != nil && *c.IssuedAt > at+leeway:
		return nil, badObject("has an iat ahead of the time")
	case c.IssuedAt != nil && c.Expires == nil && *c.IssuedAt < at-maxRequestObjectLife.Seconds():
		return nil, badObject("was made more than a day ago and says no exp")
	}
	for _, name := range aboutTheObject {
		delete(members, name)
	}
	return members, nil
}

// merge puts the parameters of a request object in the place of those beside it
// (OIDC Core §6.1, §6.3.3). What says who asks for what has to agree.
func (a *authorization) merge(claims map[string]json.RawMessage) error {
	if len(claims) > maxParameters {
		return badObject("has more than 100 parameters")
	}
	merged := make(params, len(a.params)+len(claims))
	for name, v := range a.params {
		if name != "request" && name != "request_uri" {
			merged[name] = v
		}
	}
	for name, raw := range claims {
		value, err := parameterOf(raw)
		if err != nil {
			return badObject("has a parameter that is neither a string, a number nor an object")
		}
		if problem := refuse(name, []string{value}); problem != "" {
			return badObject("is not right: " + problem)
		}
		switch {
		case name == "request" || name == "request_uri": // RFC 9101 §4
			return badObject("may not have request or request_uri inside")
		case name == "client_id" && value != a.client.ID:
			return badObject("has another client_id than the request")
		case name == "response_type" && a.params.get(name) != "" && canonicalResponseType(value) != canonicalResponseType(a.params.get(name)):
			return badObject("has another response_type than the request")
		case value != "":
			merged[name] = value
		}
	}
	a.params = merged
	a.fill()
	return nil
}

var errNoParameter = errors.New("op: no parameter")

// parameterOf is a JSON value as a parameter: max_age is a number, claims an object.
func parameterOf(raw json.RawMessage) (string, error) {
	var s string
	switch {
	case len(raw) == 0:
		return "", errNoParameter
	case raw[0] == '"':
		err := json.Unmarshal(raw, &s)
		return s, err
	case raw[0] == '{', raw[0] == '-', raw[0] >= '0' && raw[0] <= '9':
		return string(raw), nil
	}
	return "", errNoParameter
}

// checkRequestObject tells the client what was wrong with its request object.
func (op *Provider) checkRequestObject(a *authorization) error { return a.objectErr }
