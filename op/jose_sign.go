package op

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/elloloop/identity/storage"
)

// sign returns claims as a JWS in compact form, signed with the project's active
// key for alg. The header holds alg, kid and typ (RFC 8725 §3.11), nothing else.
func (k *Keys) sign(ctx context.Context, p *storage.Project, alg, typ string, claims any) (string, error) {
	set, err := k.current(ctx, p)
	if err != nil {
		return "", err
	}
	key := set.active[alg]
	if key == nil { // nothing is signed without an active key
		return "", ErrServerError.Because(fmt.Errorf("project %s has no active %s signing key", p.ID, alg))
	}
	signer := key.signers[typ]
	if signer == nil {
		return "", ErrServerError.Because(fmt.Errorf("nothing is signed as typ %q", typ))
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", ErrServerError.Because(fmt.Errorf("claims can't be written: %w", err))
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", ErrServerError.Because(fmt.Errorf("signing with %s: %w", key.kid, err))
	}
	return jws.CompactSerialize()
}

// JWKS returns the published public keys of the project (RFC 7517 §5) and an
// entity tag for them. The body must not be changed.
func (k *Keys) JWKS(ctx context.Context, p *storage.Project) (body []byte, etag string, err error) {
	set, err := k.current(ctx, p)
	if err != nil {
		return nil, "", err
	}
	return set.jwks, set.etag, nil
}
