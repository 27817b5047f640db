package op

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/elloloop/identity/storage"
)

// authorization is one authorization request while it is checked.
type authorization struct {
	ctx     context.Context
	http    *http.Request
	project *storage.Project
	params  params
	client  *storage.Client
	request *storage.AuthorizationRequest
	claims  claimsRequest
	bad     error // found while the parameters were parsed
	sent    string
	subject string // who the client wants, in its own words

	outside   params // as they were sent, beside a request object
	objectErr error  // what is wrong with the request object
}

// check is one rule about an authorization request.
type check func(*Provider, *authorization) error

// provenChecks come first. Until they have passed an error is shown here and
// never redirected (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
var provenChecks = []check{
	(*Provider).checkClientID,     // RFC 6749 §2.2
	(*Provider).readRequestObject, // OIDC Core §6: the redirect URI may be inside
	(*Provider).checkRedirectURI,  // RFC 6749 §3.1.2.3, RFC 9700 §2.1
}

// authorizationChecks follow, in this order; their errors go to the client.
var authorizationChecks = []check{
	(*Provider).checkParameters,    // RFC 6749 §3.1: repeated, oversized, not UTF-8
	(*Provider).checkRequestObject, // OIDC Core §6
	(*Provider).checkResponseType,  // RFC 6749 §3.1.1
	(*Provider).checkResponseMode,  // OAuth 2.0 Multiple Response Types §2.1
	(*Provider).checkScope,         // RFC 6749 §3.3, OIDC Core §3.1.2.1
	(*Provider).checkNonce,         // OIDC Core §3.2.2.1, §3.3.2.11
	(*Provider).checkCodeChallenge, // RFC 7636 §4.3, RFC 9700 §2.1.1
	(*Provider).checkPrompt,        // OIDC Core §3.1.2.1
	(*Provider).checkMaxAge,        // OIDC Core §3.1.2.1
	(*Provider).checkIDTokenHint,   // OIDC Core §3.1.2.1
	(*Provider).checkClaims,        // OIDC Core §5.5
	(*Provider).checkSubject,       // OIDC Core §3.1.2.2
	(*Provider).checkOfflineAccess, // OIDC Core §11
	(*Provider).checkSize,          // what is stored for strangers is bounded
	(*Provider).checkConsentScope,  // what the person has to allow
}

func (op *Provider) checkClientID(a *authorization) error {
	id := a.params.get("client_id")
	if id == "" {
		return ErrInvalidRequest.Say("client_id is missing, or was sent twice")
	}
	c, err := op.clients.get(a.ctx, a.project, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && c.Disabled {
		a.sent = id
		return ErrInvalidClient.Say("no client with this client_id is registered here")
	}
	if err != nil {
		return err
	}
	a.client = c
	a.request.ClientID = c.ID
	a.request.Client = storage.ClientDisplay{
		Name: c.Name, URI: c.URI, LogoURI: c.LogoURI, PolicyURI: c.PolicyURI, TOSURI: c.TOSURI, FirstParty: c.FirstParty,
	}
	return nil
}

func (op *Provider) checkRedirectURI(a *authorization) error {
	uri := a.params.get("redirect_uri")
	if uri == "" && a.objectErr != nil { // which could have told it
		return a.objectErr
	}
	if uri == "" { // required by OIDC Core §3.1.2.1, even where only one is registered
		return ErrInvalidRequest.Say("redirect_uri is missing, or was sent twice")
	}
	if !matchRedirectURI(a.client, uri) {
		a.sent = uri
		says := "redirect_uri is not one of those registered for this client; they are compared character by character"
		if hint := redirectURIHint(a.client, uri); hint != "" {
			says += " (" + hint + ")"
		}
		return ErrInvalidRedirectURI.Say(says)
	}
	a.request.RedirectURI = uri
	return nil
}

func (op *Provider) checkParameters(a *authorization) error { return a.bad }

func (op *Provider) checkResponseType(a *authorization) error {
	t := canonicalResponseType(a.params.get("response_type"))
	supported := supportedResponseTypes(a.project)
	switch {
	case t == "":
		return ErrInvalidRequest.Say("response_type is missing: send code")
	case !slices.Contains(supported, t):
		return ErrUnsupportedResponseType.Say("response_type must be one of: " + strings.Join(supported, ", "))
	case !registeredFor(a.client, t):
		return ErrUnauthorizedClient.Say("this client is not registered for response_type " + t)
	}
	a.request.ResponseType = t
	return nil
}

// responseModes are those that a response may be sent by.
var responseModes = []string{"query", "fragment", "form_post"}

// responseMode is how a response goes to the client: as it asked, or as is usual
// for the response type (OAuth 2.0 Multiple Response Types §2.1, §5). Errors that
// come before the checks use it too.
func responseMode(responseType, asked string) string {
	switch {
	case slices.Contains(responseModes, asked) && (asked != "query" || !throughBrowser(responseType)):
		return asked
	case throughBrowser(responseType):
		return "fragment"
	}
	return "query"
}

func (op *Provider) checkResponseMode(a *authorization) error {
	m := a.params.get("response_mode")
	if m != "" && !slices.Contains(responseModes, m) {
		return ErrInvalidRequest.Say("response_mode must be query, fragment or form_post")
	}
	if m == "query" && throughBrowser(a.request.ResponseType) { // a query ends in logs and in Referer
		return ErrInvalidRequest.Say("response_mode query may not carry tokens: use fragment or form_post")
	}
	return nil
}

// checkNonce: an ID token that comes through the browser has to be tied to the
// request (OIDC Core §3.2.2.1, §3.3.2.11).
func (op *Provider) checkNonce(a *authorization) error {
	if returns(a.request.ResponseType, "id_token") && a.request.Nonce == "" {
		return ErrInvalidRequest.Say("nonce is missing: response_type " + a.request.ResponseType + " needs it")
	}
	return nil
}

func (op *Provider) checkScope(a *authorization) error {
	asked := a.params.list("scope")
	for _, s := range asked {
		if !scopeToken(s) { // RFC 6749 §3.3
			return ErrInvalidScope.Say("scope has characters that are not allowed")
		}
	}
	// What is unknown, or not for this client, is left out, and the token
	// response says what was granted (RFC 6749 §3.3).
	a.request.Scope = allowedScope(a.client, asked)
	if len(asked) > 0 && len(a.request.Scope) == 0 {
		return ErrInvalidScope.Say("none of the requested scopes is available to this client")
	}
	if returns(a.request.ResponseType, "id_token") && !slices.Contains(a.request.Scope, scopeOpenID) { // OIDC Core §3.1.2.1
		return ErrInvalidScope.Say("response_type " + a.request.ResponseType + " needs the scope openid")
	}
	return nil
}

func (op *Provider) checkCodeChallenge(a *authorization) error {
	challenge, method := a.params.get("code_challenge"), a.params.get("code_challenge_method")
	if challenge == "" {
		if method != "" {
			return ErrInvalidRequest.Say("code_challenge_method was sent without code_challenge")
		}
		if returns(a.request.ResponseType, "code") && pkceRequired(a.client, a.project) {
			return ErrInvalidRequest.Say("code_challenge is missing: this client must use PKCE with S256")
		}
		return nil
	}
	if method != "S256" { // RFC 9700 §2.1.1: plain shows the verifier; absent means plain (RFC 7636 §4.3)
		return ErrInvalidRequest.Say("code_challenge_method must be S256")
	}
	if !challengeS256(challenge) {
		return ErrInvalidRequest.Say("code_challenge must be the 43 characters of a base64url SHA-256")
	}
	a.request.CodeChallenge = challenge
	return nil
}

var prompts = []string{"none", "login", "consent", "select_account", "create"}

func (op *Provider) checkPrompt(a *authorization) error {
	prompt := a.params.list("prompt")
	for _, p := range prompt {
		if !slices.Contains(prompts, p) {
			return ErrInvalidRequest.Say("prompt must be of none, login, consent, select_account, create")
		}
	}
	if len(prompt) > 1 && slices.Contains(prompt, "none") {
		return ErrInvalidRequest.Say("prompt none cannot be combined with others")
	}
	a.request.Prompt = prompt
	return nil
}

func (op *Provider) checkMaxAge(a *authorization) error {
	raw := a.params.get("max_age")
	if raw == "" {
		a.request.MaxAge = a.client.DefaultMaxAge // OIDC Dynamic Client Registration §2
		return nil
	}
	n, err := strconv.ParseInt(raw, 10, 32)
	if err != nil || n < 0 || strings.HasPrefix(raw, "+") {
		return ErrInvalidRequest.Say("max_age must be a number of seconds")
	}
	a.request.MaxAge = &n
	return nil
}

func (op *Provider) checkIDTokenHint(a *authorization) error {
	hint := a.params.get("id_token_hint")
	if hint == "" {
		return nil
	}
	token, err := op.readIDTokenHint(a.ctx, a.project, hint)
	if err != nil {
		return err
	}
	if !slices.Contains(token.Audience, a.client.ID) {
		return ErrInvalidRequest.Say("id_token_hint was issued to another client")
	}
	a.subject = token.Subject
	return nil
}

func (op *Provider) checkClaims(a *authorization) error {
	raw := a.params.get("claims")
	if raw == "" {
		return nil
	}
	req, err := parseClaimsRequest([]byte(raw))
	if err != nil {
		return err
	}
	a.request.Claims = json.RawMessage(raw)
	a.claims = req
	// OIDC Core §5.5.1.1: an essential acr that is not reached is a failed sign-in.
	if acr := req.IDToken["acr"]; acr != nil {
		if values := acr.texts(); acr.Essential {
			a.request.EssentialACR = values
		}
		if len(a.request.ACRValues) == 0 {
			a.request.ACRValues = acr.texts()
		}
	}
	for _, requested := range []map[string]*claimRequest{req.IDToken, req.UserInfo} {
		for _, sub := range requested["sub"].texts() { // OIDC Core §3.1.2.2: this person or nobody
			if a.subject != "" && a.subject != sub {
				return ErrInvalidRequest.Say("claims and id_token_hint ask for different subjects")
			}
			a.subject = sub
		}
	}
	return nil
}

// checkSubject finds the account that the client asked for. Where a pairwise one
// is nobody who is signed in here, a page asks who it is, and the answer is
// compared.
func (op *Provider) checkSubject(a *authorization) error {
	if a.subject == "" {
		return nil
	}
	if err := op.hintedSubject(a, a.subject); err != nil || a.request.HintedSector == "" {
		return err
	}
	if slices.Contains(a.request.Prompt, "none") {
		return ErrLoginRequired.Say("the person that was asked for is not signed in")
	}
	if !slices.Contains(a.request.Prompt, "login") {
		a.request.Prompt = append(a.request.Prompt, "login")
	}
	return nil
}

// Bounds of what a request leaves in the database while a person answers it.
const (
	maxNonce       = 512
	maxStoredBytes = 12 << 10
)

func (op *Provider) checkSize(a *authorization) error {
	ar := a.request
	if len(ar.Nonce) > maxNonce {
		return ErrInvalidRequest.Say("nonce is longer than 512 bytes")
	}
	if len(ar.LoginHint) > maxLoginHint {
		ar.LoginHint = "" // it only pre-fills a field: OIDC Core §3.1.2.1 lets us ignore it
	}
	ar.UILocales, ar.ACRValues = first(ar.UILocales), first(ar.ACRValues)
	if !slices.Contains(displays, ar.Display) {
		ar.Display = ""
	}
	if len(ar.State)+len(ar.Nonce)+len(ar.Claims)+len(ar.RedirectURI) > maxStoredBytes {
		return ErrInvalidRequest.Say("state and claims are too long together: keep them below 12 KiB")
	}
	return nil
}

const maxLoginHint = 320 // RFC 5321 §4.5.3.1 ends mail addresses at 254

// displays are the values of display (OIDC Core §3.1.2.1).
var displays = []string{"page", "popup", "touch", "wap"}

// first keeps a list of preferences short.
func first(list []string) []string {
	const items, length = 16, 128
	list = slices.DeleteFunc(list, func(s string) bool { return len(s) > length })
	return list[:min(len(list), items)]
}

// checkConsentScope collects what the person has to allow: the scopes, and those
// of claims that are asked for by name and that the client may have.
func (op *Provider) checkConsentScope(a *authorization) error {
	ar := a.request
	ar.ConsentScope = slices.Clone(ar.Scope)
	for _, s := range allowedScope(a.client, a.claims.scopes()) {
		if !slices.Contains(ar.ConsentScope, s) {
			ar.ConsentScope = append(ar.ConsentScope, s)
		}
	}
	asked := a.params.list("scope")
	slices.Sort(asked)
	ar.ScopeNarrowed = len(slices.Compact(asked)) != len(ar.Scope)
	// RFC 8252 §8.6: any program can claim these addresses.
	ar.Native = a.client.TokenEndpointAuthMethod == "none" && !strings.HasPrefix(ar.RedirectURI, "https:")
	return nil
}

// checkOfflineAccess drops offline_access where no refresh token could come of
// it. That the person agreed is the flows' business: a client that is not the
// operator's own always needs a consent that covers it.
func (op *Provider) checkOfflineAccess(a *authorization) error {
	if !slices.Contains(a.client.GrantTypes, "refresh_token") || !returns(a.request.ResponseType, "code") {
		a.request.Scope = slices.DeleteFunc(a.request.Scope, func(s string) bool { return s == scopeOfflineAccess })
	}
	return nil
}

func pkceRequired(c *storage.Client, p *storage.Project) bool {
	switch {
	case c.TokenEndpointAuthMethod == "none": // RFC 9700 §2.1.1
		return true
	case c.RequirePKCE != nil:
		return *c.RequirePKCE
	}
	return p.RequirePKCE
}
