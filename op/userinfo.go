package op

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// errNoToken: the request had no access token at all.
var errNoToken = ErrInvalidToken.Say("send an access token as Authorization: Bearer")

// userinfo is the UserInfo endpoint, GET and POST (OIDC Core §5.3).
func (op *Provider) userinfo(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	body, contentType, err := op.serveUserinfo(r, p)
	if err != nil {
		op.writeBearerError(w, r, p, err)
		return
	}
	if contentType != "" {
		writeBody(w, http.StatusOK, contentType, []byte(body.(string)))
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func (op *Provider) serveUserinfo(r *http.Request, p *storage.Project) (body any, contentType string, err error) {
	raw, err := bearerToken(r)
	if err != nil {
		return nil, "", err
	}
	ctx := r.Context()
	t, err := op.readAccessToken(ctx, p, raw)
	if errors.Is(err, errDeadToken) {
		return nil, "", ErrInvalidToken.Say("the access token is unknown, has expired or was revoked")
	}
	if err != nil {
		return nil, "", err
	}
	if t.user == nil || !slices.Contains(t.scope, scopeOpenID) {
		return nil, "", ErrInsufficientScope.Say("the access token was not issued for scope openid")
	}
	client, err := op.activeClient(ctx, p, t.clientID)
	if err != nil {
		return nil, "", err
	}
	req, err := parseClaimsRequest(t.grant.Claims)
	if err != nil {
		return nil, "", err
	}
	claims, err := op.personClaims(ctx, p, t.user, t.subject, t.scope, within(req.UserInfo, claimScopes(client, t.grant, t.scope)))
	if err != nil {
		return nil, "", err
	}
	claims["sub"] = t.subject // OIDC Core §5.3.2: always
	to := encryptionTo{client.UserinfoEncryptedResponseAlg, client.UserinfoEncryptedResponseEnc}
	if client.UserinfoSignedResponseAlg == "" && to.alg == "" {
		return claims, "", nil
	}
	if client.UserinfoSignedResponseAlg != "" {
		claims["iss"], claims["aud"] = p.Issuer, client.ID // OIDC Core §5.3.2: signed
	}
	jwt, err := op.signFor(ctx, p, client, client.UserinfoSignedResponseAlg, claims, to)
	return jwt, "application/jwt", err
}

// bearerToken takes the token from the header or from the body (RFC 6750 §2.1,
// §2.2), never from the query (RFC 9700 §4.3.2).
func bearerToken(r *http.Request) (string, error) {
	if r.URL.Query().Has("access_token") {
		return "", ErrInvalidRequest.Say("an access token in the query is not accepted: send it in the Authorization header")
	}
	var fromHeader, fromBody string
	if h := r.Header.Values("Authorization"); len(h) == 1 {
		if scheme, token, ok := strings.Cut(h[0], " "); ok && strings.EqualFold(scheme, "Bearer") {
			fromHeader = strings.TrimSpace(token)
		}
	} else if len(h) > 1 {
		return "", ErrInvalidRequest.Say("the Authorization header is repeated")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method == http.MethodPost && err == nil && media == "application/x-www-form-urlencoded" {
		_, ps, err := formParams(r)
		if err != nil {
			return "", err
		}
		fromBody = ps.get("access_token")
	}
	switch {
	case fromHeader != "" && fromBody != "": // RFC 6750 §2: not more than one method
		return "", ErrInvalidRequest.Say("the access token was sent in two ways")
	case fromHeader != "":
		return fromHeader, nil
	case fromBody != "":
		return fromBody, nil
	}
	return "", errNoToken
}
