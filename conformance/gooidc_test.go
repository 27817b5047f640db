package conformance

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// TestGoOIDC logs in through coreos/go-oidc and x/oauth2, with each way in which
// x/oauth2 sends a secret, its trial and error among them.
func TestGoOIDC(t *testing.T) {
	for name, c := range map[string]struct {
		style  oauth2.AuthStyle
		client func(*world) client
		alg    string
	}{
		"basic":       {oauth2.AuthStyleInHeader, func(w *world) client { return w.web }, ""},
		"post":        {oauth2.AuthStyleInParams, func(w *world) client { return w.web }, ""},
		"auto-detect": {oauth2.AuthStyleAutoDetect, func(w *world) client { return w.other }, ""},
		"public":      {oauth2.AuthStyleInParams, func(w *world) client { return w.native }, ""},
		"ES256":       {oauth2.AuthStyleInHeader, func(w *world) client { return w.es256 }, "ES256"},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			who := c.client(w)
			ctx := oidc.ClientContext(t.Context(), w.http)
			provider, err := oidc.NewProvider(ctx, w.issuer)
			if err != nil {
				t.Fatal(err)
			}
			endpoint := provider.Endpoint()
			endpoint.AuthStyle = c.style
			conf := oauth2.Config{ClientID: who.ID, ClientSecret: who.Secret, Endpoint: endpoint, RedirectURL: who.redirect, Scopes: []string{oidc.ScopeOpenID, "email", "profile", oidc.ScopeOfflineAccess}}
			verifier, state, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
			b := member(t, w)
			p := b.finish(b.get(conf.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce), oauth2.SetAuthURLParam("prompt", "consent"))))
			resp, ok := p.response(w.issuer)
			if !ok || resp.Get("state") != state {
				t.Fatalf("state is %q: %s", resp.Get("state"), p.text())
			}
			token, err := conf.Exchange(ctx, resp.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := token.Extra("id_token").(string)
			id, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: who.ID}).Verify(ctx, raw)
			if err != nil {
				t.Fatal(err)
			}
			if id.Nonce != nonce || id.Subject != w.alice.sub {
				t.Errorf("nonce %q, sub %q", id.Nonce, id.Subject)
			}
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				t.Error(err)
			}
			w.log.secret(resp.Get("code"), token.AccessToken, token.RefreshToken, raw, verifier)
			checkGoUserInfo(t, w, ctx, provider, oauth2.StaticTokenSource(token))
			old := *token
			old.Expiry = time.Now().Add(-time.Hour) // the library refreshes
			source := conf.TokenSource(ctx, &old)
			next, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			if next.AccessToken == token.AccessToken || next.RefreshToken == token.RefreshToken {
				t.Error("the tokens are the old ones")
			}
			w.log.secret(next.AccessToken, next.RefreshToken)
			checkGoUserInfo(t, w, ctx, provider, source)
			_, err = conf.Exchange(ctx, resp.Get("code"), oauth2.VerifierOption(verifier))
			if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_grant" || refused.Response.StatusCode != http.StatusBadRequest {
				t.Errorf("the code again: %v", err)
			}
		})
	}
}

func checkGoUserInfo(t *testing.T, w *world, ctx context.Context, provider *oidc.Provider, source oauth2.TokenSource) {
	t.Helper()
	info, err := provider.UserInfo(ctx, source)
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != w.alice.sub || info.Email != w.alice.email || !info.EmailVerified {
		t.Errorf("userinfo: sub %q, email %q, verified %v", info.Subject, info.Email, info.EmailVerified)
	}
}
