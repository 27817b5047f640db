package op

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// encryptionTo is how a client wants an answer encrypted; the zero value: not.
type encryptionTo struct{ alg, enc string }

// signFor writes claims for a client: signed, and then encrypted where it wants
// that (OIDC Core §10.2, RFC 7519 §11.2). Without an alg they are only encrypted.
func (op *Provider) signFor(ctx context.Context, p *storage.Project, c *storage.Client, alg string, claims map[string]any, to encryptionTo) (string, error) {
	if alg == "" {
		payload, err := json.Marshal(claims)
		if err != nil {
			return "", ErrServerError.Because(fmt.Errorf("claims can't be written: %w", err))
		}
		return op.encrypt(ctx, p, c, to, payload, "")
	}
	jws, err := op.signOrNot(ctx, p, alg, claims)
	if err != nil || to.alg == "" {
		return jws, err
	}
	return op.encrypt(ctx, p, c, to, []byte(jws), typJWT)
}

// signOrNot signs; with the alg none it does not (RFC 7519 §6).
func (op *Provider) signOrNot(ctx context.Context, p *storage.Project, alg string, claims map[string]any) (string, error) {
	if alg != algNone {
		return op.keys.sign(ctx, p, alg, typJWT, claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", ErrServerError.Because(fmt.Errorf("claims can't be written: %w", err))
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + ".", nil
}

// encrypt writes a JWE in compact form to a key of the client (RFC 7516 §3.1).
func (op *Provider) encrypt(ctx context.Context, p *storage.Project, c *storage.Client, to encryptionTo, payload []byte, contentType jose.ContentType) (string, error) {
	keys, err := op.clientKeys(ctx, p, c)
	if err != nil {
		return "", err
	}
	key := encryptionKey(keys, to.alg)
	if key == nil {
		return "", ErrInvalidRequest.Say("the answer has to be encrypted, and the client has no key for " + to.alg)
	}
	enc := to.enc
	if enc == "" {
		enc = "A128CBC-HS256" // OIDC Dynamic Client Registration §2
	}
	options := (&jose.EncrypterOptions{}).WithType(typJWT)
	if contentType != "" {
		options = options.WithContentType(contentType)
	}
	encrypter, err := jose.NewEncrypter(jose.ContentEncryption(enc), jose.Recipient{
		Algorithm: jose.KeyAlgorithm(to.alg), Key: key.Key, KeyID: key.KeyID,
	}, options)
	if err != nil {
		return "", ErrServerError.Because(fmt.Errorf("encrypting to client %s: %w", c.ID, err))
	}
	jwe, err := encrypter.Encrypt(payload)
	if err != nil {
		return "", ErrServerError.Because(fmt.Errorf("encrypting to client %s: %w", c.ID, err))
	}
	return jwe.CompactSerialize()
}
