package op

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
)

// inactive is all that a caller learns of a token that is dead or is none of its
// business (RFC 7662 §2.2).
var inactive = map[string]any{"active": false}

// introspect is the introspection endpoint (RFC 7662 §2). A client may ask about
// tokens that were issued to it or that have it as audience.
func (op *Provider) introspect(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	body, err := op.serveIntrospection(r, p)
	if err != nil {
		op.writeError(w, r, p, err)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func (op *Provider) serveIntrospection(r *http.Request, p *storage.Project) (map[string]any, error) {
	form, ps, err := formParams(r)
	if err != nil {
		return nil, err
	}
	client, err := op.authenticateClient(r, p, form)
	if err != nil {
		return nil, err
	}
	if client.TokenEndpointAuthMethod == "none" { // RFC 7662 §2.1: some form of authorization
		return nil, ErrInvalidClient.Say("introspection needs a client that authenticates")
	}
	raw := ps.get("token")
	if raw == "" {
		return nil, ErrInvalidRequest.Say("token is missing")
	}
	ctx := r.Context()
	t, err := op.readAccessToken(ctx, p, raw)
	if errors.Is(err, errDeadToken) {
		return op.introspectRefreshToken(ctx, p, client, raw)
	}
	if err != nil {
		return nil, err
	}
	if t.clientID != client.ID && !slices.Contains(t.audience, client.ID) {
		return inactive, nil
	}
	return op.describeAccessToken(p, t), nil
}

func (op *Provider) describeAccessToken(p *storage.Project, t *accessToken) map[string]any {
	out := map[string]any{
		"active": true, "iss": p.Issuer, "sub": t.subject, "client_id": t.clientID, "aud": t.audience,
		"exp": t.expires.Unix(), "iat": t.issued.Unix(), "jti": t.id, "token_type": "Bearer",
	}
	if len(t.scope) > 0 {
		out["scope"] = joinScope(t.scope)
	}
	if t.grant != nil {
		out["auth_time"] = t.grant.AuthTime.Unix()
		out["sid"] = t.grant.SessionID
		if t.grant.ACR != "" {
			out["acr"] = t.grant.ACR
		}
		if len(t.grant.AMR) > 0 {
			out["amr"] = t.grant.AMR
		}
	}
	if t.user != nil && slices.Contains(t.scope, scopeProfile) { // RFC 7662 §2.2, as far as the scope goes
		out["username"] = displayName(t.user, t.subject, slices.Contains(t.scope, scopeEmail))
	}
	return out
}

// introspectRefreshToken answers for a refresh token, to the client that has it alone.
func (op *Provider) introspectRefreshToken(ctx context.Context, p *storage.Project, c *storage.Client, raw string) (map[string]any, error) {
	t, err := op.store.RefreshTokens.ByToken(ctx, p.Scope(), storage.DigestOf(raw))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (t.ClientID != c.ID || !t.ConsumedAt.IsZero()) {
		return inactive, nil
	}
	if err != nil {
		return nil, err
	}
	g, _, _, err := op.liveGrant(ctx, p, t.GrantID)
	if errors.Is(err, storage.ErrNotFound) {
		return inactive, nil
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"active": true, "iss": p.Issuer, "sub": g.Sub(), "client_id": g.ClientID, "scope": joinScope(g.Scope),
		"exp": t.ExpiresAt.Unix(), "iat": t.CreatedAt.Truncate(time.Second).Unix(), "sid": g.SessionID,
	}, nil
}
