package playground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/elloloop/identity/templates"
)

// discovered is the server as its metadata describes it (OIDC Discovery §4).
type discovered struct {
	*oidc.Provider
	endpoints
}

// endpoints are those that the library does not read.
type endpoints struct {
	JWKS       string `json:"jwks_uri"`
	Introspect string `json:"introspection_endpoint"` // RFC 8414 §2
	Revoke     string `json:"revocation_endpoint"`
	EndSession string `json:"end_session_endpoint"` // OIDC RP-Initiated Logout §2.1
}

func (p *Playground) discover(ctx context.Context) (*discovered, error) {
	op, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	d := &discovered{Provider: op}
	if err := op.Claims(&d.endpoints); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	return d, nil
}

func (p *Playground) oauth(op *discovered, scope string) *oauth2.Config {
	endpoint := op.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // RFC 6749 §3.2.1: a public client sends its client_id
	return &oauth2.Config{
		ClientID: p.clientID, Endpoint: endpoint, RedirectURL: p.issuer + pathCallback, Scopes: strings.Fields(scope),
	}
}

// authorizeURL is the authorization request (OIDC Core §3.1.2.1, RFC 7636 §4.3).
func (p *Playground) authorizeURL(op *discovered, r *run) (string, []templates.PlaygroundParameter) {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.verifier), oidc.Nonce(r.nonce)}
	for _, o := range [...]struct{ name, value string }{
		{"prompt", r.prompt}, {"max_age", r.maxAge}, {"login_hint", r.loginHint},
	} {
		if o.value != "" {
			options = append(options, oauth2.SetAuthURLParam(o.name, o.value))
		}
	}
	location := p.oauth(op, r.scope).AuthCodeURL(r.state, options...)
	_, query, _ := strings.Cut(location, "?")
	return location, parameters(query)
}

// parameters takes a query apart, in its order.
func parameters(query string) []templates.PlaygroundParameter {
	var list []templates.PlaygroundParameter
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if nameErr == nil && valueErr == nil && name != "" {
			list = append(list, templates.PlaygroundParameter{Name: name, Value: value})
		}
	}
	return list
}

// receive checks the authorization response and redeems its code (OIDC Core
// §3.1.2.5, §3.1.3.3). The state is known to be right.
func (p *Playground) receive(ctx context.Context, r *run, response url.Values) {
	r.response = parameters(response.Encode())
	r.received = []templates.PlaygroundCheck{
		{Name: "state", OK: true, Detail: r.state},
		// RFC 9207 §2.4: an answer without iss, or of another issuer, is not looked
		// at; this server says in its metadata that it always sends one.
		{Name: "iss_response", OK: response.Get("iss") == p.issuer, Detail: response.Get("iss")},
	}
	switch {
	case response.Get("iss") != p.issuer:
		r.problem = "The answer was refused: its iss is not the issuer that was asked (RFC 9207 §2.4)."
	case response.Get("error") != "":
		r.problem = answerSentence(response.Get("error"), response.Get("error_description"))
	case response.Get("code") == "":
		r.problem = "The answer has neither a code nor an error."
	default:
		if err := p.redeem(ctx, r, response.Get("code")); err != nil {
			r.problem = sentence(err)
		}
	}
}

// redeem exchanges the code, verifies what comes back, and asks who it is. It
// makes the mistake that the person asked for.
func (p *Playground) redeem(ctx context.Context, r *run, code string) error {
	op, err := p.discover(ctx)
	if err != nil {
		return err
	}
	verifier := r.verifier
	if r.mistake == templates.BreakWrongVerifier {
		verifier, r.expected = oauth2.GenerateVerifier(), true
	}
	config := p.oauth(op, r.scope)
	send := func(name string) (*oauth2.Token, error) {
		rec := p.recorder(name)
		token, err := config.Exchange(rec.context(ctx), code, oauth2.VerifierOption(verifier))
		r.exchanged(rec.list)
		return token, err
	}
	token, err := send("token")
	if err != nil {
		return err
	}
	r.take(token)
	if err := p.verify(ctx, op, r, r.nonce); err != nil {
		return err
	}
	if err := p.askUserinfo(ctx, op, r); err != nil {
		return err
	}
	if r.mistake == templates.BreakReusedCode {
		r.expected = true
		r.note = "A code that comes twice may be stolen, so the server has revoked every token that it gave for it (RFC 6749 §4.1.2): ask userinfo, and see."
		_, err = send("reuse")
	}
	return err
}

// take keeps the tokens of an answer. A refresh token or ID token that the answer
// lacks stays the old one (RFC 6749 §6, OIDC Core §12.2).
func (r *run) take(token *oauth2.Token) {
	r.token = token
	if raw, ok := token.Extra("id_token").(string); ok && raw != "" {
		r.idToken = raw
	}
}

// refresh is RFC 6749 §6.
func (p *Playground) refresh(ctx context.Context, op *discovered, r *run) error {
	rec := p.recorder("refresh")
	// Without an access token the source has to ask for one.
	token, err := p.oauth(op, r.scope).TokenSource(rec.context(ctx), &oauth2.Token{RefreshToken: r.token.RefreshToken}).Token()
	r.exchanged(rec.list)
	if err != nil {
		return err
	}
	r.take(token)
	return p.verify(ctx, op, r, "") // OIDC Core §12.2: no nonce is asked of it
}

// askUserinfo is OIDC Core §5.3.
func (p *Playground) askUserinfo(ctx context.Context, op *discovered, r *run) error {
	rec := p.recorder("userinfo")
	info, err := op.UserInfo(rec.context(ctx), oauth2.StaticTokenSource(r.token))
	r.exchanged(rec.list)
	if err != nil {
		r.userinfo = ""
		return answerError(rec, err)
	}
	var claims json.RawMessage
	if err := info.Claims(&claims); err != nil {
		return err
	}
	r.userinfo = indent(claims)
	if r.subject != "" && info.Subject != r.subject { // OIDC Core §5.3.2
		return errors.New("userinfo is about somebody else than the ID token: a client must not use it")
	}
	return nil
}

// introspect shows first that a public client may not ask (RFC 7662 §2.1), and
// then what the API hears that the token is for.
func (p *Playground) introspect(ctx context.Context, op *discovered, r *run) error {
	form := url.Values{"token": {r.token.AccessToken}, "token_type_hint": {"access_token"}}
	public := url.Values{"client_id": {p.clientID}}
	for name := range form {
		public.Set(name, form.Get(name))
	}
	r.note = "The playground is a public client: it has no secret to prove who asks, so it is refused (RFC 7662 §2.1). Introspection is for the API that a token is sent to."
	err := p.post(ctx, r, "introspect", op.Introspect, public, ResourceServer{})
	var refused *oauthError
	if err != nil && !errors.As(err, &refused) || p.resource.ClientID == "" {
		return err
	}
	r.note += " Asked again as " + p.resource.ClientID + ", the API in the token's aud, the server answers."
	return p.post(ctx, r, "introspect", op.Introspect, form, p.resource)
}

// revoke is RFC 7009 §2: of the refresh token if there is one, since that ends
// the access tokens too (§2.1).
func (p *Playground) revoke(ctx context.Context, op *discovered, r *run) error {
	form := url.Values{"client_id": {p.clientID}, "token": {r.token.AccessToken}, "token_type_hint": {"access_token"}}
	if r.token.RefreshToken != "" {
		form.Set("token", r.token.RefreshToken)
		form.Set("token_type_hint", "refresh_token")
	}
	r.note = "Revoked. Ask userinfo or refresh, and see that the tokens are dead."
	return p.post(ctx, r, "revoke", op.Revoke, form, ResourceServer{})
}

// post sends a form as a client, with its secret if it has one.
func (p *Playground) post(ctx context.Context, r *run, name, endpoint string, form url.Values, as ResourceServer) error {
	rec := p.recorder(name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if as.ClientID != "" {
		req.SetBasicAuth(url.QueryEscape(as.ClientID), url.QueryEscape(as.Secret)) // RFC 6749 §2.3.1
	}
	res, err := rec.client.Do(req)
	if err != nil {
		return err
	}
	r.exchanged(rec.list)
	if res.StatusCode >= http.StatusBadRequest {
		err = answerError(rec, nil)
	}
	return errors.Join(err, res.Body.Close())
}
