package op

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/elloloop/identity/storage"
)

// authorize is the authorization endpoint, GET and POST (RFC 6749 §3.1, OIDC
// Core §3.1.2.1).
func (op *Provider) authorize(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	a, err := op.parseAuthorization(r, p)
	if err == nil {
		err = op.runChecks(a, provenChecks)
	}
	if err != nil {
		op.showError(w, r, p, a, err)
		return
	}
	if a.bad == nil && asGET(w, r, p, a.outside) {
		return
	}
	// From here on the redirect URI is proven: errors go to the client.
	if err := op.runChecks(a, authorizationChecks); err != nil {
		op.answerError(w, r, p, a.request, err)
		return
	}
	needed, err := op.interactions.Silent(r, p, a.request)
	switch {
	case err != nil:
		op.answerError(w, r, p, a.request, err)
	case needed == "":
		op.answerDone(w, r, p, a.request)
	case slices.Contains(a.request.Prompt, "none"):
		op.answerError(w, r, p, a.request, neededError(needed))
	case !op.mayBegin(r, p):
		op.answerError(w, r, p, a.request, ErrTemporarilyUnavailable.Say("too many sign-ins were started from this network: try again in a minute"))
	default:
		location, err := op.interactions.Begin(w, r, p, a.request)
		if err != nil {
			op.answerError(w, r, p, a.request, err)
			return
		}
		redirect(w, location)
	}
}

// resume goes on with a stored request when the person is done with it.
func (op *Provider) resume(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	ar, err := op.interactions.Resume(r, p, r.URL.Query().Get("id"))
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrConsumed):
		op.showExpired(w, r, p, nil)
	case err != nil:
		op.showError(w, r, p, nil, err)
	case !op.stillRegistered(r.Context(), p, ar):
		op.showError(w, r, p, nil, ErrInvalidClient.Say("the client is not registered any more, or not with this redirect_uri"))
	case ar.Denied != "":
		err := op.store.Commit(r.Context(), p.Scope(), op.store.AuthorizationRequests.Take(ar.ID))
		if errors.Is(err, storage.ErrConsumed) || errors.Is(err, storage.ErrNotFound) { // a faster click
			op.showExpired(w, r, p, ar.UILocales)
			return
		}
		if err != nil {
			op.showError(w, r, p, nil, err)
			return
		}
		op.answerError(w, r, p, ar, deniedError(ar.Denied))
	case ar.Done:
		op.answerDone(w, r, p, ar, op.store.AuthorizationRequests.Take(ar.ID))
	default:
		op.showExpired(w, r, p, nil)
	}
}

// stillRegistered says whether the client may still be answered at the address of
// the request: a person may have taken half an hour to answer it.
func (op *Provider) stillRegistered(ctx context.Context, p *storage.Project, ar *storage.AuthorizationRequest) bool {
	c, err := op.activeClient(ctx, p, ar.ClientID)
	return err == nil && matchRedirectURI(c, ar.RedirectURI)
}

// asGET sends a form that another site posted here on as a GET: cookies that are
// SameSite=Lax do not come with such a POST, and with a GET they do.
func asGET(w http.ResponseWriter, r *http.Request, p *storage.Project, ps params) bool {
	if r.Method != http.MethodPost || r.Header.Get("Sec-Fetch-Site") != "cross-site" {
		return false
	}
	query := url.Values{}
	for name, value := range ps {
		query.Set(name, value)
	}
	location := issuerPath(p) + pathAuthorize + "?" + query.Encode()
	if len(location) > maxGETLength {
		return false
	}
	redirect(w, location)
	return true
}

// maxGETLength is what every browser and proxy takes as a URL.
const maxGETLength = 4096

func (op *Provider) parseAuthorization(r *http.Request, p *storage.Project) (*authorization, error) {
	a := &authorization{ctx: r.Context(), http: r, project: p, request: &storage.AuthorizationRequest{
		ID: storage.NewID(), ExpiresAt: op.now().Add(p.AuthorizationRequestTTL),
	}}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return a, ErrInvalidRequest.Say("the query cannot be parsed")
	}
	if r.Method == http.MethodPost { // OIDC Core §3.1.2.1: form serialization
		if values, _, err = formParams(r); values == nil {
			return a, err
		}
	}
	a.params, a.bad = newParams(values)
	if a.params == nil {
		return a, a.bad
	}
	a.outside = a.params
	a.fill()
	return a, nil
}

// fill takes over what needs no check of its own, and how an error is answered.
func (a *authorization) fill() {
	ar := a.request
	ar.State, ar.Nonce = a.params.get("state"), a.params.get("nonce")
	ar.LoginHint, ar.Display = a.params.get("login_hint"), a.params.get("display")
	ar.UILocales = a.params.list("ui_locales")
	ar.ACRValues = a.params.list("acr_values")
	ar.ResponseMode = responseMode(a.params.get("response_type"), a.params.get("response_mode"))
}

func (op *Provider) runChecks(a *authorization, checks []check) error {
	for _, c := range checks {
		if err := c(op, a); err != nil {
			return err
		}
	}
	if a.client != nil {
		a.request.SignIn = a.client.SignIn
	}
	if len(a.request.ACRValues) == 0 && a.client != nil {
		a.request.ACRValues = a.client.DefaultACRValues // OIDC Dynamic Client Registration §2
	}
	return nil
}

// deniedError says why the flows ended a request.
func deniedError(code string) error {
	switch code {
	case ErrAccessDenied.Code:
		return ErrAccessDenied.Say("the person did not agree")
	case ErrLoginRequired.Code:
		return ErrLoginRequired.Say("another person than the one of id_token_hint signed in")
	}
	if code == ErrUnmetAuthentication.Code {
		return ErrUnmetAuthentication.Say("the acr that claims asks for as essential was not reached")
	}
	return (&Error{Code: code, Status: http.StatusBadRequest}).Say("the person did not go on")
}

// neededError says what prompt=none would have needed (OIDC Core §3.1.2.6).
func neededError(needed string) error {
	switch needed {
	case "login":
		return ErrLoginRequired.Say("nobody is signed in, or a new sign-in is needed")
	case "consent":
		return ErrConsentRequired.Say("the person has to agree first")
	case "select_account":
		return ErrAccountSelection.Say("the person has to choose an account first")
	}
	return ErrInteractionRequired.Say("the person has to do something first")
}
