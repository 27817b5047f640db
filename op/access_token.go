package op

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// accessToken is a live access token, whatever its format.
type accessToken struct {
	id       string // jti
	opaque   bool
	clientID string
	subject  string // sub: the person as the client knows them, or the client itself
	scope    []string
	audience audience
	issued   time.Time
	expires  time.Time
	grant    *storage.Grant // nil for client credentials
	user     *storage.User  // nil for client credentials
}

// errDeadToken: not ours, expired, revoked, or of an account or session that ended.
var errDeadToken = errors.New("op: no live access token")

// readAccessToken returns a token that is good now. errDeadToken if it is not;
// other errors mean that nobody knows.
func (op *Provider) readAccessToken(ctx context.Context, p *storage.Project, raw string) (*accessToken, error) {
	t, err := op.parseAccessToken(ctx, p, raw)
	if err != nil {
		return nil, err
	}
	if t.grant == nil {
		if _, err := op.activeClient(ctx, p, t.clientID); err != nil {
			return nil, deadIfGone(err)
		}
		return t, nil
	}
	id := t.grant.ID
	if t.grant, t.user, _, err = op.liveGrant(ctx, p, id); err != nil {
		return nil, deadIfGone(err)
	}
	if t.opaque && t.subject == t.grant.UserID { // its row holds the account
		t.subject = t.grant.Sub()
	}
	if t.grant.ClientID != t.clientID || t.grant.Sub() != t.subject {
		return nil, errDeadToken
	}
	_, err = op.activeClient(ctx, p, t.clientID)
	return t, deadIfGone(err)
}

func (op *Provider) parseAccessToken(ctx context.Context, p *storage.Project, raw string) (*accessToken, error) {
	if strings.Count(raw, ".") == 2 {
		return op.parseAccessTokenJWT(ctx, p, raw)
	}
	s, err := op.store.AccessTokens.ByToken(ctx, p.Scope(), storage.DigestOf(raw))
	if err != nil {
		return nil, deadIfGone(err)
	}
	t := &accessToken{
		id: s.ID, opaque: true, clientID: s.ClientID, subject: s.UserID, scope: s.Scope, audience: s.Audience,
		issued: s.IssuedAt, expires: s.ExpiresAt,
	}
	if s.GrantID != "" {
		t.grant = &storage.Grant{ID: s.GrantID}
	} else {
		t.subject = s.ClientID
	}
	return t, nil
}

func (op *Provider) parseAccessTokenJWT(ctx context.Context, p *storage.Project, raw string) (*accessToken, error) {
	payload, _, err := op.keys.verify(ctx, p, raw, []string{typAccessToken, typJWT})
	if err != nil {
		return nil, deadUnlessUnavailable(err)
	}
	var c accessTokenClaims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, errDeadToken
	}
	// An ID token has neither jti nor client_id: one is never taken for the other
	// (RFC 8725 §3.12), whatever typ a client's access tokens have.
	expires := time.Unix(c.Expires, 0)
	if c.Issuer != p.Issuer || c.ID == "" || c.ClientID == "" || !op.now().Before(expires) {
		return nil, errDeadToken
	}
	revoked, err := op.store.AccessTokens.JWTRevoked(ctx, p.Scope(), c.ID)
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, errDeadToken
	}
	t := &accessToken{
		id: c.ID, clientID: c.ClientID, subject: c.Subject, scope: strings.Fields(c.Scope), audience: c.Audience,
		issued: time.Unix(c.IssuedAt, 0), expires: expires,
	}
	if id := grantOf(c.ID); id != "" {
		t.grant = &storage.Grant{ID: id}
	}
	return t, nil
}

func (op *Provider) activeClient(ctx context.Context, p *storage.Project, id string) (*storage.Client, error) {
	c, err := op.clients.get(ctx, p, id)
	if err == nil && c.Disabled {
		return nil, storage.ErrNotFound
	}
	return c, err
}

func deadIfGone(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return errDeadToken
	}
	return err
}

func deadUnlessUnavailable(err error) error {
	if errors.Is(err, storage.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errDeadToken
}
