package op

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// issuance is what tokens are made of.
type issuance struct {
	client *storage.Client
	grant  *storage.Grant // nil for client credentials
	user   *storage.User  // nil for client credentials
	scope  []string       // of the access token: never more than the grant's
	nonce  string         // of the ID token
	front  *frontChannel  // what the authorization endpoint answers; nil: the token endpoint does
}

// frontChannel is what is special about tokens that go through the browser (OIDC
// Core §3.2.2.5, §3.3.2.5).
type frontChannel struct {
	responseType string
	code         string // issued beside them, "" for none
	state        string
}

// wantsAccessToken says whether an access token is asked for.
func (in issuance) wantsAccessToken() bool {
	return in.front == nil || returns(in.front.responseType, "token")
}

// wantsIDToken says whether an ID token is asked for.
func (in issuance) wantsIDToken() bool {
	return in.user != nil && slices.Contains(in.scope, scopeOpenID) && (in.front == nil || returns(in.front.responseType, "id_token"))
}

// issued is what came of it: an answer, and what must be committed before it is
// sent.
type issued struct {
	response TokenResponse
	changes  []storage.Change
}

// issue is the one door through which every access token and ID token leaves.
// Nothing is stored here: the caller commits the changes with its own, and sends
// the response only after that.
func (op *Provider) issue(ctx context.Context, p *storage.Project, in issuance) (issued, error) {
	now := op.now()
	out := issued{response: TokenResponse{TokenType: "Bearer", Scope: in.scope, ExpiresIn: uint64(p.AccessTokenTTL / time.Second)}}
	var err error
	switch {
	case !in.wantsAccessToken():
	case in.client.AccessTokenFormat == "opaque":
		op.issueOpaque(p, in, now, &out)
	default:
		if out.response.AccessToken, err = op.accessTokenJWT(ctx, p, in, now); err != nil {
			return issued{}, err
		}
	}
	if in.wantsIDToken() {
		if out.response.IDToken, err = op.idToken(ctx, p, in, now, out.response.AccessToken); err != nil {
			return issued{}, err
		}
	}
	return out, nil
}

// accessTokenClaims are those of RFC 9068 §2.2.
type accessTokenClaims struct {
	Issuer   string   `json:"iss"`
	Expires  int64    `json:"exp"`
	Audience audience `json:"aud"`
	Subject  string   `json:"sub"`
	ClientID string   `json:"client_id"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Scope    string   `json:"scope,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
}

func (op *Provider) accessTokenJWT(ctx context.Context, p *storage.Project, in issuance, now time.Time) (string, error) {
	claims := accessTokenClaims{
		Issuer: p.Issuer, Subject: in.client.ID, Audience: tokenAudience(in.client, p), ClientID: in.client.ID,
		IssuedAt: now.Unix(), Expires: now.Add(p.AccessTokenTTL).Unix(),
		ID: tokenID(in.grant), Scope: joinScope(in.scope),
	}
	if in.grant != nil {
		claims.Subject = in.grant.Sub()
		claims.AuthTime, claims.ACR, claims.AMR = in.grant.AuthTime.Unix(), in.grant.ACR, in.grant.AMR
	}
	typ := in.client.AccessTokenType
	if typ == "" {
		typ = typAccessToken
	}
	alg := in.client.AccessTokenSignedAlg
	if alg == "" {
		if alg = idTokenAlg(p, in.client); alg == algNone {
			alg = "RS256"
		}
	}
	return op.keys.sign(ctx, p, alg, typ, claims)
}

func (op *Provider) issueOpaque(p *storage.Project, in issuance, now time.Time, out *issued) {
	secret := storage.NewSecret()
	t := &storage.AccessToken{
		ID: storage.NewID(), TokenHash: storage.DigestOf(secret), ClientID: in.client.ID,
		Scope: in.scope, Audience: tokenAudience(in.client, p), IssuedAt: now, ExpiresAt: now.Add(p.AccessTokenTTL),
	}
	if in.grant != nil {
		t.GrantID, t.UserID = in.grant.ID, in.grant.UserID
	}
	out.response.AccessToken = secret
	out.changes = append(out.changes, op.store.AccessTokens.Add(t))
}

// The JOSE types of what we sign. Each kind of token has checks of its own
// beside its type (RFC 8725 §3.11, §3.12).
const (
	typAccessToken = "at+jwt" // RFC 9068 §2.1
	typJWT         = "JWT"
	typLogoutToken = "logout+jwt" // OIDC Back-Channel Logout §2.4
)

// tokenID makes a jti. It begins with the grant's id, so that a token leads to
// the root of its revocation without a row of its own.
func tokenID(g *storage.Grant) string {
	if g == nil {
		return storage.NewID()
	}
	return g.ID + "." + storage.NewSecret()[:16]
}

// grantOf returns the grant id of a jti, "" when it has none.
func grantOf(jti string) string {
	id, _, _ := strings.Cut(jti, ".")
	if id == jti {
		return ""
	}
	return id
}

// tokenAudience is aud of access tokens: the client's own setting, the
// project's, or the client (RFC 9068 §3).
func tokenAudience(c *storage.Client, p *storage.Project) audience {
	switch {
	case len(c.Audience) > 0:
		return c.Audience
	case len(p.Audience) > 0:
		return p.Audience
	}
	return audience{c.ID}
}

// TokenResponse is the answer of RFC 6749 §5.1 and OIDC Core §3.1.3.3.
type TokenResponse struct {
	AccessToken  string
	TokenType    string
	ExpiresIn    uint64 // seconds
	RefreshToken string
	IDToken      string
	Scope        []string
}

// MarshalJSON writes the wire form.
func (t TokenResponse) MarshalJSON() ([]byte, error) { return json.Marshal(wireTokenResponse(t)) }
