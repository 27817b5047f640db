package op

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
)

// grantAuthorizationCode is RFC 6749 §4.1.3 with RFC 7636 §4.6. The code is read
// first and consumed last, in the commit that stores what comes of it: a wrong
// client's try neither burns the code of the rightful one nor tells that it exists.
func (op *Provider) grantAuthorizationCode(t *tokenRequest) (TokenResponse, error) {
	ctx, scope := t.http.Context(), t.project.Scope()
	raw := t.params.get("code")
	if raw == "" {
		return TokenResponse{}, ErrInvalidRequest.Say("code is missing")
	}
	code, err := op.store.AuthorizationCodes.ByCode(ctx, scope, storage.DigestOf(raw))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return TokenResponse{}, errUnknownCode
	case errors.Is(err, storage.ErrConsumed) && code.ClientID == t.client.ID:
		return TokenResponse{}, op.replayedCode(t, code)
	case err != nil && !errors.Is(err, storage.ErrConsumed):
		return TokenResponse{}, err
	case code.ClientID != t.client.ID: // RFC 6749 §5.2: issued to another client
		return TokenResponse{}, errUnknownCode
	}
	if sent := t.params.get("redirect_uri"); sent != code.RedirectURI { // RFC 6749 §4.1.3
		if sent == "" {
			return TokenResponse{}, ErrInvalidGrant.Say("redirect_uri is missing: it must be the one of the authorization request")
		}
		return TokenResponse{}, ErrInvalidGrant.Say("redirect_uri differs from the one of the authorization request")
	}
	if err := verifyCodeVerifier(code.CodeChallenge, t.params.get("code_verifier")); err != nil {
		return TokenResponse{}, err
	}
	res, err := op.redeem(ctx, t, code)
	switch {
	case errors.Is(err, storage.ErrConsumed): // a concurrent request was faster
		return TokenResponse{}, op.replayedCode(t, code)
	case errors.Is(err, storage.ErrNotFound):
		return TokenResponse{}, ErrInvalidGrant.Say("the session or the account of this code has ended").Because(err)
	}
	return res, err
}

// errUnknownCode is the same for a code that never was, has expired, or is
// another client's.
var errUnknownCode = ErrInvalidGrant.Say("the code is unknown, has expired or was issued to another client")

func (op *Provider) redeem(ctx context.Context, t *tokenRequest, code *storage.AuthorizationCode) (TokenResponse, error) {
	p, now := t.project, op.now()
	user, err := op.activeUser(ctx, p, code.UserID)
	if err != nil {
		return TokenResponse{}, err
	}
	g, err := op.grantOfCode(ctx, t, code)
	if err != nil {
		return TokenResponse{}, err
	}
	g.ExpiresAt = later(g.ExpiresAt, now.Add(p.AccessTokenTTL))
	out, err := op.issue(ctx, p, issuance{client: t.client, grant: g, user: user, scope: code.Scope, nonce: code.Nonce})
	if err != nil {
		return TokenResponse{}, err
	}
	if slices.Contains(t.client.GrantTypes, "refresh_token") {
		secret := storage.NewSecret()
		refresh := &storage.RefreshToken{
			ID: storage.NewID(), TokenHash: storage.DigestOf(secret), GrantID: g.ID, ClientID: g.ClientID,
			ExpiresAt: now.Add(p.RefreshTokenTTL),
		}
		g.ExpiresAt = later(g.ExpiresAt, refresh.ExpiresAt)
		out.response.RefreshToken = secret
		out.changes = append(out.changes, op.store.RefreshTokens.Add(refresh))
	}
	if !code.Granted {
		out.changes = append(out.changes, op.grantCreated(t.http, g))
	}
	if c, wants := sessionClient(t.client); wants {
		out.changes = append(out.changes, op.store.Sessions.Visit(g.SessionID, c))
	}
	if err := op.store.AuthorizationCodes.Redeem(ctx, p.Scope(), code, g, out.changes...); err != nil {
		return TokenResponse{}, err
	}
	return out.response, nil
}

// grantOfCode returns the grant that a code stands for: a new one, or the one
// that its response brought tokens of already (OIDC Core §3.3).
func (op *Provider) grantOfCode(ctx context.Context, t *tokenRequest, code *storage.AuthorizationCode) (*storage.Grant, error) {
	if code.Granted {
		return op.store.Grants.Get(ctx, t.project.Scope(), code.GrantID)
	}
	g := &storage.Grant{
		ID: code.GrantID, UserID: code.UserID, ClientID: code.ClientID, SessionID: code.SessionID,
		Offline: slices.Contains(code.Scope, scopeOfflineAccess), Scope: code.Scope, Claims: code.Claims,
		AuthTime: code.AuthTime, AMR: code.AMR, ACR: code.ACR,
	}
	return g, op.nameSubject(ctx, t.project, t.client, g)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// replayedCode revokes what came of a code that is presented again
// (RFC 6749 §4.1.2, §10.5).
func (op *Provider) replayedCode(t *tokenRequest, code *storage.AuthorizationCode) error {
	err := op.store.Grants.Revoke(t.http.Context(), t.project.Scope(), code.GrantID, op.store.AuditEvents.Append(storage.AuditEvent{
		At: op.now(), Action: "grant.revoked", Outcome: "success", Actor: "client:" + t.client.ID, Target: code.GrantID,
		ClientID: t.client.ID, SessionID: code.SessionID, Reason: "code_replayed", Origin: OriginOf(t.http),
	}))
	if err != nil {
		return err
	}
	return ErrInvalidGrant.Say("the code was used before; what came of it is revoked")
}

// activeUser returns the account if it may have tokens. storage.ErrNotFound if not.
func (op *Provider) activeUser(ctx context.Context, p *storage.Project, id string) (*storage.User, error) {
	u, err := op.store.Users.Get(ctx, p.Scope(), id)
	if err != nil {
		return nil, err
	}
	if u.Status != storage.UserActive {
		return nil, storage.ErrNotFound
	}
	return u, nil
}
