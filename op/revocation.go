package op

import (
	"errors"
	"net/http"

	"github.com/elloloop/identity/storage"
)

// revoke is the revocation endpoint (RFC 7009 §2). A token that is unknown or
// dead already is no error (RFC 7009 §2.2). Revoking a refresh token ends its
// grant, and so every token under it (RFC 7009 §2.1).
func (op *Provider) revoke(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	if err := op.serveRevocation(r, p); err != nil {
		op.writeError(w, r, p, err)
		return
	}
	writeBody(w, http.StatusOK, "application/json", nil)
}

func (op *Provider) serveRevocation(r *http.Request, p *storage.Project) error {
	form, ps, err := formParams(r)
	if err != nil {
		return err
	}
	client, err := op.authenticateClient(r, p, form)
	if err != nil {
		return err
	}
	raw := ps.get("token")
	if raw == "" {
		return ErrInvalidRequest.Say("token is missing")
	}
	// token_type_hint only says where to look first (RFC 7009 §2.1); both are looked at.
	found, err := op.revokeRefreshToken(r, p, client, raw)
	if found || err != nil {
		return err
	}
	return op.revokeAccessToken(r, p, client, raw)
}

func (op *Provider) revokeRefreshToken(r *http.Request, p *storage.Project, c *storage.Client, raw string) (bool, error) {
	t, err := op.store.RefreshTokens.ByToken(r.Context(), p.Scope(), storage.DigestOf(raw))
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if t.ClientID != c.ID {
		return true, errNotYours
	}
	return true, op.store.Grants.Revoke(r.Context(), p.Scope(), t.GrantID, op.revoked(r, c, t.GrantID, "grant.revoked"))
}

func (op *Provider) revokeAccessToken(r *http.Request, p *storage.Project, c *storage.Client, raw string) error {
	t, err := op.parseAccessToken(r.Context(), p, raw)
	if errors.Is(err, errDeadToken) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.clientID != c.ID {
		return errNotYours
	}
	event := op.revoked(r, c, t.id, "access_token.revoked")
	if t.opaque {
		return op.store.AccessTokens.Revoke(r.Context(), p.Scope(), t.id, event)
	}
	err = op.store.AccessTokens.RevokeJWT(r.Context(), p.Scope(), t.id, t.expires, event)
	if errors.Is(err, storage.ErrAlreadyExists) {
		return nil
	}
	return err
}

// errNotYours: RFC 7009 §2.1, the request is refused and the client is told.
var errNotYours = ErrInvalidGrant.Say("the token was issued to another client")

func (op *Provider) revoked(r *http.Request, c *storage.Client, target, action string) storage.Change {
	return op.store.AuditEvents.Append(storage.AuditEvent{
		At: op.now(), Action: action, Outcome: "success", Actor: "client:" + c.ID, Target: target,
		ClientID: c.ID, Reason: "client_request", Origin: OriginOf(r),
	})
}
