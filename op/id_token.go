package op

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// idTokenAlg is the alg of a client's ID tokens. What a project does not allow
// any more is not done for the clients that registered it before.
func idTokenAlg(p *storage.Project, c *storage.Client) string {
	switch alg := c.IDTokenSignedResponseAlg; {
	case alg == "", alg == algNone && !p.InsecureUnsigned:
		return "RS256" // OIDC Dynamic Client Registration §2
	default:
		return alg
	}
}

// idToken makes an ID token (OIDC Core §2, §3.1.3.6, §3.2.2.10, §3.3.2.11).
func (op *Provider) idToken(ctx context.Context, p *storage.Project, in issuance, now time.Time, accessToken string) (string, error) {
	g := in.grant
	req, err := parseClaimsRequest(g.Claims)
	if err != nil {
		return "", err
	}
	// Scope claims come from userinfo, unless the client wants them here or has no
	// access token to ask with (OIDC Core §5.4).
	var scope []string
	if in.client.IDTokenClaims || in.front != nil && in.front.responseType == "id_token" {
		scope = in.scope
	}
	alg := idTokenAlg(p, in.client)
	if in.front != nil && alg == algNone { // OIDC Dynamic Client Registration §2: never through the browser
		alg = "RS256"
	}
	claims, err := op.personClaims(ctx, p, in.user, g.Sub(), scope, within(req.IDToken, claimScopes(in.client, g, in.scope)))
	if err != nil {
		return "", err
	}
	claims["iss"] = p.Issuer
	claims["sub"] = g.Sub()
	claims["aud"] = in.client.ID
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(p.IDTokenTTL).Unix()
	claims["auth_time"] = g.AuthTime.Unix()
	claims["sid"] = g.SessionID
	if alg != algNone {
		in.bind(claims, alg, accessToken)
	}
	if in.nonce != "" {
		claims["nonce"] = in.nonce
	}
	if g.ACR != "" {
		claims["acr"] = g.ACR
	}
	if len(g.AMR) > 0 {
		claims["amr"] = g.AMR
	}
	return op.signFor(ctx, p, in.client, alg, claims, encryptionTo{in.client.IDTokenEncryptedResponseAlg, in.client.IDTokenEncryptedResponseEnc})
}

// bind adds the hashes that tie an ID token to what is sent with it.
func (in issuance) bind(claims map[string]any, alg, accessToken string) {
	if accessToken != "" {
		claims["at_hash"] = leftHash(alg, accessToken)
	}
	if in.front == nil || in.front.code == "" {
		return
	}
	claims["c_hash"] = leftHash(alg, in.front.code)
	if in.front.state != "" { // the response cannot be mixed from several
		claims["s_hash"] = leftHash(alg, in.front.state)
	}
}

// leftHash is at_hash, c_hash and s_hash: the left half of the hash that the alg
// uses (OIDC Core §3.1.3.6, §3.3.2.11). EdDSA with Ed25519 uses SHA-512.
func leftHash(alg, value string) string {
	var sum []byte
	switch {
	case alg == "EdDSA" || strings.HasSuffix(alg, "512"):
		h := sha512.Sum512([]byte(value))
		sum = h[:]
	case strings.HasSuffix(alg, "384"):
		h := sha512.Sum384([]byte(value))
		sum = h[:]
	default:
		h := sha256.Sum256([]byte(value))
		sum = h[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
