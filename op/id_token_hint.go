package op

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/elloloop/identity/storage"
)

// idTokenHint is what is read of an ID token that comes back as a hint.
type idTokenHint struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	SessionID string   `json:"sid"`
	Expires   int64    `json:"exp"`       // a signed userinfo answer has none, nor a sid
	ClientID  string   `json:"client_id"` // access tokens have it, ID tokens do not
	TokenID   string   `json:"jti"`
}

// readIDTokenHint verifies an ID token of ours that comes back as a hint (OIDC
// Core §3.1.2.1, OIDC RP-Initiated Logout §2). That it has expired does not
// matter, nor that its key has retired: it proves nothing but who it was about.
func (op *Provider) readIDTokenHint(ctx context.Context, p *storage.Project, raw string) (idTokenHint, error) {
	var h idTokenHint
	payload, err := op.keys.verifyHint(ctx, p, raw, []string{typJWT})
	if err != nil {
		if e := deadUnlessUnavailable(err); !errors.Is(e, errDeadToken) {
			return h, e
		}
		return h, errBadHint.Because(err)
	}
	if err := json.Unmarshal(payload, &h); err != nil || h.Issuer != p.Issuer || h.Subject == "" || h.SessionID == "" || h.Expires == 0 || h.ClientID != "" || h.TokenID != "" {
		return idTokenHint{}, errBadHint
	}
	return h, nil
}

var errBadHint = ErrInvalidRequest.Say("id_token_hint is not an ID token of this issuer")
