package op

import (
	"net/http"
	"slices"

	"github.com/elloloop/identity/storage"
)

// tokenRequest is a request to the token endpoint of an authenticated client.
type tokenRequest struct {
	http    *http.Request
	project *storage.Project
	client  *storage.Client
	params  params
}

// grant serves one grant_type.
type grant func(*Provider, *tokenRequest) (TokenResponse, error)

var grants = map[string]grant{
	"authorization_code": (*Provider).grantAuthorizationCode, // RFC 6749 §4.1.3
	"refresh_token":      (*Provider).grantRefreshToken,      // RFC 6749 §6
	"client_credentials": (*Provider).grantClientCredentials, // RFC 6749 §4.4
}

// token is the token endpoint (RFC 6749 §3.2). The client is authenticated before
// anything is looked at, and a code or refresh token is consumed only by the
// commit that stores what comes of it: a failed request burns nothing.
func (op *Provider) token(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	res, err := op.serveToken(r, p)
	if err != nil {
		op.writeError(w, r, p, err)
		return
	}
	writeJSON(w, http.StatusOK, res)
}

func (op *Provider) serveToken(r *http.Request, p *storage.Project) (TokenResponse, error) {
	form, ps, err := formParams(r)
	if err != nil {
		return TokenResponse{}, err
	}
	client, err := op.authenticateClient(r, p, form)
	if err != nil {
		return TokenResponse{}, err
	}
	grantType := ps.get("grant_type")
	serve, ok := grants[grantType]
	switch {
	case grantType == "":
		return TokenResponse{}, ErrInvalidRequest.Say("grant_type is missing")
	case !ok:
		return TokenResponse{}, ErrUnsupportedGrantType.Say("grant_type must be authorization_code, refresh_token or client_credentials")
	case !slices.Contains(client.GrantTypes, grantType):
		return TokenResponse{}, ErrUnauthorizedClient.Say("this client is not registered for grant_type " + grantType)
	}
	res, err := serve(op, &tokenRequest{http: r, project: p, client: client, params: ps})
	if err == nil {
		op.keepClient(r.Context(), p, client)
	}
	return res, err
}

// OriginOf is where a request came from, for the audit log: the peer that the
// layer in front has found, and the id that it gave the request.
func OriginOf(r *http.Request) storage.Origin {
	return storage.Origin{IP: remoteHost(r), UserAgent: cut(r.UserAgent(), 256), RequestID: r.Header.Get("X-Request-Id")}
}
