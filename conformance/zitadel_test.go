package conformance

import (
	"testing"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

// TestZitadelRP logs in through zitadel/oidc's relying party, and introspects
// through its resource server.
func TestZitadelRP(t *testing.T) {
	for name, style := range map[string]oauth2.AuthStyle{"basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			ctx := t.Context()
			party, err := rp.NewRelyingPartyOIDC(ctx, w.issuer, w.web.ID, w.web.Secret, w.web.redirect,
				[]string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess},
				rp.WithHTTPClient(w.http), rp.WithAuthStyle(style), rp.WithSigningAlgsFromDiscovery())
			if err != nil {
				t.Fatal(err)
			}
			verifier, state := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
			b := member(t, w)
			p := b.finish(b.get(rp.AuthURL(state, party, rp.WithCodeChallenge(oidc.NewSHACodeChallenge(verifier)), rp.WithPrompt(oidc.PromptConsent))))
			resp, ok := p.response(w.issuer)
			if !ok || resp.Get("state") != state {
				t.Fatalf("state is %q: %s", resp.Get("state"), p.text())
			}
			got, err := rp.CodeExchange[*oidc.IDTokenClaims](ctx, resp.Get("code"), party, rp.WithCodeVerifier(verifier))
			if err != nil {
				t.Fatal(err)
			}
			w.log.secret(resp.Get("code"), got.AccessToken, got.RefreshToken, got.IDToken)
			info, err := rp.Userinfo[*oidc.UserInfo](ctx, got.AccessToken, "Bearer", got.IDTokenClaims.GetSubject(), party)
			if err != nil {
				t.Fatal(err)
			}
			if info.Subject != w.alice.sub || info.Email != w.alice.email || !bool(info.EmailVerified) || info.Name != "Alice Archer" {
				t.Errorf("userinfo: %q %q %v %q", info.Subject, info.Email, info.EmailVerified, info.Name)
			}
			next, err := rp.RefreshTokens[*oidc.IDTokenClaims](ctx, party, got.RefreshToken, "", "")
			if err != nil {
				t.Fatal(err)
			}
			w.log.secret(next.AccessToken, next.RefreshToken)
			if next.IDTokenClaims == nil || next.IDTokenClaims.Subject != w.alice.sub {
				t.Error("no ID token of the same person after the refresh")
			}
			resource, err := rs.NewResourceServerClientCredentials(ctx, w.issuer, w.web.ID, w.web.Secret, rs.WithClient(w.http))
			if err != nil {
				t.Fatal(err)
			}
			active := func(token string) bool {
				t.Helper()
				seen, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, resource, token)
				if err != nil {
					t.Fatal(err)
				}
				if seen.Active && (seen.Subject != w.alice.sub || seen.ClientID != w.web.ID) {
					t.Errorf("introspection: sub %q, client_id %q", seen.Subject, seen.ClientID)
				}
				return seen.Active
			}
			if !active(next.AccessToken) {
				t.Error("the access token is not active")
			}
			if err := rp.RevokeToken(ctx, party, next.RefreshToken, "refresh_token"); err != nil {
				t.Fatal(err)
			}
			if active(next.AccessToken) || active(next.RefreshToken) {
				t.Error("a token is active after the revocation")
			}
			to, err := rp.EndSession(ctx, party, got.IDToken, loggedOut, state, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if to == nil || to.Query().Get("state") != state {
				t.Errorf("the logout leads to %v", to)
			}
		})
	}
}
