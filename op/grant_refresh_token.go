package op

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
)

// maxGraceLinks bounds how many rotations a retry within the grace may be behind.
const maxGraceLinks = 16

// refreshSecret is the name of the project's key that successors are derived with.
const refreshSecret = "refresh_token_rotation"

// grantRefreshToken is RFC 6749 §6 with the rotation of RFC 9700 §4.14.2.
//
// The successor of a refresh token is derived from it with a sealed key of the
// project. A client whose answer was lost, or two tabs that refresh at once, get
// the same successor again within the grace, though nothing is kept in plain;
// after it, a token that comes back is a stolen one, and the grant is revoked.
func (op *Provider) grantRefreshToken(t *tokenRequest) (TokenResponse, error) {
	ctx := t.http.Context()
	raw := t.params.get("refresh_token")
	if raw == "" {
		return TokenResponse{}, ErrInvalidRequest.Say("refresh_token is missing")
	}
	for range 4 { // a lost race is tried again with what the winner stored
		res, err := op.refresh(ctx, t, raw)
		if !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrConsumed) {
			return res, err
		}
	}
	return TokenResponse{}, ErrTemporarilyUnavailable.Say("too many requests with this refresh token at once; try again")
}

// errUnknownRefreshToken is the same for a token that never was, has expired,
// was revoked, or is another client's.
var errUnknownRefreshToken = ErrInvalidGrant.Say("the refresh token is unknown, has expired, was revoked or was issued to another client")

func (op *Provider) refresh(ctx context.Context, t *tokenRequest, raw string) (TokenResponse, error) {
	p, now := t.project, op.now()
	token, raw, err := op.liveRefreshToken(ctx, t, raw, now)
	if err != nil {
		return TokenResponse{}, err
	}
	g, user, session, err := op.liveGrant(ctx, p, token.GrantID)
	if errors.Is(err, storage.ErrNotFound) {
		return TokenResponse{}, errUnknownRefreshToken
	}
	if err != nil {
		return TokenResponse{}, err
	}
	if session != nil && t.client.SignIn.Ended(session.AuthTime, now) {
		return TokenResponse{}, ErrInvalidGrant.Say("the sign-in is older than this client may use: sign in again")
	}
	scope, err := narrowScope(g.Scope, t.params.list("scope"))
	if err != nil {
		return TokenResponse{}, err
	}
	out, err := op.issue(ctx, p, issuance{client: t.client, grant: g, user: user, scope: scope})
	if err != nil {
		return TokenResponse{}, err
	}
	out.response.RefreshToken = raw
	if token.ConsumedAt.IsZero() && raw == t.params.get("refresh_token") && rotates(t.client) {
		next, secret, err := op.successor(ctx, p, token, raw)
		if err != nil {
			return TokenResponse{}, err
		}
		next.ExpiresAt = now.Add(p.RefreshTokenTTL)
		out.response.RefreshToken = secret
		if session != nil && now.Sub(session.LastSeen) > sessionTouch {
			out.changes = append(out.changes, op.store.Sessions.Renew(seen(session, p, now)))
		}
		err = op.store.RefreshTokens.Rotate(ctx, p.Scope(), g, token, next, out.changes...)
		if errors.Is(err, storage.ErrNotFound) { // revoked or deleted meanwhile
			return TokenResponse{}, errUnknownRefreshToken
		}
		return out.response, err
	}
	if len(out.changes) == 0 { // nothing to store: the token that is live stays as it is
		return out.response, nil
	}
	return out.response, op.store.Commit(ctx, p.Scope(), out.changes...)
}

// liveRefreshToken finds the token that is the leaf of the chain now. For a token
// that was rotated within the grace that is its successor, or the successor's.
func (op *Provider) liveRefreshToken(ctx context.Context, t *tokenRequest, raw string, now time.Time) (*storage.RefreshToken, string, error) {
	for range maxGraceLinks {
		token, err := op.store.RefreshTokens.ByToken(ctx, t.project.Scope(), storage.DigestOf(raw))
		if errors.Is(err, storage.ErrNotFound) || err == nil && token.ClientID != t.client.ID {
			return nil, "", errUnknownRefreshToken
		}
		if err != nil {
			return nil, "", err
		}
		if token.ConsumedAt.IsZero() {
			return token, raw, nil
		}
		if now.Sub(token.ConsumedAt) > t.project.RefreshGrace {
			return nil, "", op.reusedRefreshToken(ctx, t, token)
		}
		if _, raw, err = op.successor(ctx, t.project, token, raw); err != nil {
			return nil, "", err
		}
	}
	return nil, "", errUnknownRefreshToken
}

// reusedRefreshToken revokes the grant: a token that was rotated long ago is in
// two hands (RFC 9700 §4.14.2).
func (op *Provider) reusedRefreshToken(ctx context.Context, t *tokenRequest, token *storage.RefreshToken) error {
	err := op.store.Grants.Revoke(ctx, t.project.Scope(), token.GrantID, op.store.AuditEvents.Append(storage.AuditEvent{
		At: op.now(), Action: "grant.revoked", Outcome: "success", Actor: "client:" + t.client.ID, Target: token.GrantID,
		ClientID: t.client.ID, Reason: "refresh_token_reused", Origin: OriginOf(t.http),
	}))
	if err != nil {
		return err
	}
	return ErrInvalidGrant.Say("the refresh token was used before; the grant is revoked: sign in again")
}

// successor derives the next token of a chain.
func (op *Provider) successor(ctx context.Context, p *storage.Project, old *storage.RefreshToken, raw string) (*storage.RefreshToken, string, error) {
	key, err := op.rotation.get(ctx, p, refreshSecret)
	if err != nil {
		return nil, "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(raw))
	secret := base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	return &storage.RefreshToken{
		ID: storage.NewID(), TokenHash: storage.DigestOf(secret), GrantID: old.GrantID, ClientID: old.ClientID,
	}, secret, nil
}

// liveGrant returns a grant whose account is active and whose session has not
// ended, unless it is for offline access. storage.ErrNotFound if not.
func (op *Provider) liveGrant(ctx context.Context, p *storage.Project, id string) (*storage.Grant, *storage.User, *storage.Session, error) {
	g, err := op.store.Grants.Get(ctx, p.Scope(), id)
	if err != nil {
		return nil, nil, nil, err
	}
	var session *storage.Session
	if !g.Offline {
		if session, err = op.store.Sessions.Get(ctx, p.Scope(), g.SessionID); err != nil {
			return nil, nil, nil, err
		}
	}
	u, err := op.activeUser(ctx, p, g.UserID)
	return g, u, session, err
}

// sessionTouch is how seldom the use of an application keeps its session alive:
// not every refresh has to write a session.
const sessionTouch = 5 * time.Minute

// seen returns a session whose idle time begins again.
func seen(s *storage.Session, p *storage.Project, now time.Time) *storage.Session {
	next := *s
	next.LastSeen = now
	if next.ExpiresAt = now.Add(p.SessionIdle); next.ExpiresAt.After(s.EndsAt) {
		next.ExpiresAt = s.EndsAt
	}
	return &next
}

// rotates says whether a client gets a new refresh token each time. Public
// clients always do (RFC 9700 §2.2.2).
func rotates(c *storage.Client) bool {
	return c.TokenEndpointAuthMethod == "none" || !c.KeepRefreshToken
}

// narrowScope returns what was asked for of what was granted; nothing asked
// means all of it. More is never given (RFC 6749 §6).
func narrowScope(granted, asked []string) ([]string, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	for _, s := range asked {
		if !slices.Contains(granted, s) {
			return nil, ErrInvalidScope.Say("scope asks for more than was granted")
		}
	}
	return asked, nil
}
