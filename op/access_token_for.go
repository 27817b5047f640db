package op

import (
	"context"
	"errors"
	"slices"

	"github.com/elloloop/identity/storage"
)

// TokenInfo is what a live access token says to a resource server of ours.
type TokenInfo struct {
	ClientID string
	UserID   string // "" for a token of a client on its own behalf
	Scope    []string
}

// AccessTokenFor checks an access token as a resource server has to (RFC 9068
// §4): a JWT of the type at+jwt, of this issuer, with one of these audiences, not
// expired, not revoked. storage.ErrNotFound for whatever is none.
func (op *Provider) AccessTokenFor(ctx context.Context, p *storage.Project, raw string, audiences ...string) (*TokenInfo, error) {
	if h, err := ownHeader(raw); err != nil || h.Typ != typAccessToken {
		return nil, storage.ErrNotFound
	}
	t, err := op.readAccessToken(ctx, p, raw)
	if errors.Is(err, errDeadToken) {
		return nil, storage.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(t.audience, a) }) {
		return nil, storage.ErrNotFound
	}
	info := &TokenInfo{ClientID: t.clientID, Scope: t.scope}
	if t.grant != nil {
		info.UserID = t.subject
	}
	return info, nil
}
