package op

import (
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
)

// wireTokenResponse is the JSON of RFC 6749 §5.1.
func wireTokenResponse(t TokenResponse) *zoidc.AccessTokenResponse {
	return &zoidc.AccessTokenResponse{
		AccessToken: t.AccessToken, TokenType: t.TokenType, ExpiresIn: t.ExpiresIn,
		RefreshToken: t.RefreshToken, IDToken: t.IDToken, Scope: zoidc.SpaceDelimitedArray(t.Scope),
	}
}
