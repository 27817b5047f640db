package op

import (
	"slices"
)

// grantClientCredentials is RFC 6749 §4.4: a client on its own behalf. There is
// no person, hence no ID token and no refresh token (RFC 6749 §4.4.3).
func (op *Provider) grantClientCredentials(t *tokenRequest) (TokenResponse, error) {
	if t.client.TokenEndpointAuthMethod == "none" { // RFC 6749 §4.4: confidential clients only
		return TokenResponse{}, ErrUnauthorizedClient.Say("a public client cannot use client_credentials")
	}
	asked := t.params.list("scope")
	if len(asked) == 0 { // RFC 6749 §3.3: the client's own default
		asked = t.client.Scope
	}
	granted := slices.DeleteFunc(allowedScope(t.client, asked), func(s string) bool {
		return slices.Contains(supportedScopes, s) // these speak of a person
	})
	if len(t.params.list("scope")) > 0 && len(granted) == 0 {
		return TokenResponse{}, ErrInvalidScope.Say("none of the requested scopes is available to this client on its own behalf")
	}
	ctx := t.http.Context()
	out, err := op.issue(ctx, t.project, issuance{client: t.client, scope: granted})
	if err != nil {
		return TokenResponse{}, err
	}
	if len(out.changes) > 0 {
		if err := op.store.Commit(ctx, t.project.Scope(), out.changes...); err != nil {
			return TokenResponse{}, err
		}
	}
	return out.response, nil
}
