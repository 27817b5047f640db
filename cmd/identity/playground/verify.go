package playground

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/elloloop/identity/templates"
)

// clockSkew is how far the two clocks may be apart.
const clockSkew = time.Minute

// idClaims are the claims that are checked.
type idClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	AZP      string   `json:"azp"`
	Nonce    string   `json:"nonce"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
}

// audience is aud: one value or several (RFC 7519 §4.1.3).
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("[")) {
		return json.Unmarshal(b, (*[]string)(a))
	}
	*a = audience{""}
	return json.Unmarshal(b, &(*a)[0])
}

// verify does what a client must do with an ID token before it believes a word
// of it (OIDC Core §3.1.3.7), each step with its own tick. nonce is "" after a
// refresh (OIDC Core §12.2).
func (p *Playground) verify(ctx context.Context, op *discovered, r *run, nonce string) error {
	r.checks = nil
	if r.idToken == "" {
		if slices.Contains(strings.Fields(r.scope), oidc.ScopeOpenID) { // OIDC Core §3.1.3.3
			return errors.New("the scope openid was asked for, and no ID token came")
		}
		r.note = "Without the scope openid this is plain OAuth 2.0: there is no ID token, and so nobody is known to have signed in."
		return nil
	}
	header, payload, err := parts(r.idToken)
	if err != nil {
		return fmt.Errorf("the ID token can't be read: %w", err)
	}
	var claims idClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return fmt.Errorf("the ID token can't be read: %w", err)
	}
	var jose struct{ Alg, KID string }
	if err := json.Unmarshal(header, &jose); err != nil {
		return fmt.Errorf("the header of the ID token can't be read: %w", err)
	}
	now := p.now()
	tick := func(name string, ok bool, detail string) {
		r.checks = append(r.checks, templates.PlaygroundCheck{Name: name, OK: ok, Detail: detail})
	}
	ctx = oidc.ClientContext(ctx, p.http)
	_, signed := oidc.NewRemoteKeySet(ctx, op.JWKS).VerifySignature(ctx, r.idToken)
	tick("signature", signed == nil, jose.Alg+", kid "+jose.KID)
	tick("iss", claims.Issuer == p.issuer, claims.Issuer)
	tick("aud", slices.Contains(claims.Audience, p.clientID), strings.Join(claims.Audience, " "))
	if claims.AZP != "" || len(claims.Audience) > 1 { // OIDC Core §3.1.3.7, 4 and 5
		tick("azp", claims.AZP == p.clientID, claims.AZP)
	}
	if nonce != "" || claims.Nonce != "" {
		tick("nonce", claims.Nonce == r.nonce, claims.Nonce)
	}
	tick("exp", now.Before(time.Unix(claims.Expires, 0)), instant(claims.Expires))
	tick("iat", now.Sub(time.Unix(claims.IssuedAt, 0)).Abs() <= clockSkew, instant(claims.IssuedAt))
	if r.subject != "" { // OIDC Core §12.2
		tick("sub", claims.Subject == r.subject, claims.Subject)
	}
	// What decides is a library that others use too.
	token, err := op.VerifierContext(ctx, &oidc.Config{ClientID: p.clientID, Now: p.now}).Verify(ctx, r.idToken)
	if err != nil {
		return fmt.Errorf("the ID token was refused: %w", err)
	}
	if token.AccessTokenHash != "" { // OIDC Core §3.1.3.6
		tick("at_hash", token.VerifyAccessToken(r.token.AccessToken) == nil, token.AccessTokenHash)
	}
	for _, c := range r.checks {
		if !c.OK {
			return fmt.Errorf("the ID token was refused: its %s is wrong", c.Name)
		}
	}
	r.subject = claims.Subject
	return nil
}

var errNotCompact = errors.New("not three parts of base64url")

// parts returns the header and the payload of a JWS, unverified (RFC 7515 §7.1).
func parts(raw string) (header, payload []byte, err error) {
	p := strings.Split(raw, ".")
	if len(p) != 3 {
		return nil, nil, errNotCompact
	}
	if header, err = base64.RawURLEncoding.DecodeString(p[0]); err == nil {
		payload, err = base64.RawURLEncoding.DecodeString(p[1])
	}
	if err != nil {
		return nil, nil, errNotCompact
	}
	return header, payload, nil
}

// members are those of a JSON object, in its order; nil if it is none.
func members(object []byte) []templates.PlaygroundParameter {
	dec := json.NewDecoder(bytes.NewReader(object))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	var list []templates.PlaygroundParameter
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil
		}
		key, _ := name.(string) // the name of a member is nothing else
		list = append(list, templates.PlaygroundParameter{Name: key, Value: shown(key, value)})
	}
	return list
}

// shown writes a value for people: text without quotes, and instants as such.
func shown(name string, value json.RawMessage) string {
	switch name {
	case "exp", "iat", "nbf", "auth_time", "updated_at": // RFC 7519 §2 NumericDate
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return instant(n)
		}
	}
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

func instant(seconds int64) string {
	return fmt.Sprintf("%d (%s)", seconds, time.Unix(seconds, 0).UTC().Format(time.RFC3339))
}
