package op

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of what a request may carry (S1-04). A request object or an
// authorization details array fits; nothing that anybody needs is longer.
const (
	maxParameters      = 100
	maxParameterLength = 8 << 10
)

// repeatable are the parameters that may be sent more than once: resource
// (RFC 8707 §2) and audience (RFC 8693 §2.1).
var repeatable = map[string]bool{"resource": true, "audience": true}

// namedParameters are those that a description may name.
var namedParameters = []string{
	"acr_values", "audience", "claims", "claims_locales", "client_assertion", "client_assertion_type", "client_id", "client_secret",
	"code", "code_challenge", "code_challenge_method", "code_verifier", "display", "grant_type", "id_token_hint", "login_hint",
	"logout_hint", "max_age", "nonce", "post_logout_redirect_uri", "prompt", "redirect_uri", "refresh_token", "request", "request_uri",
	"resource", "response_mode", "response_type", "scope", "state", "token", "token_type_hint", "ui_locales",
}

// params are the parameters of one request, parsed once. A parameter without a
// value counts as not sent (RFC 6749 §3.1).
type params map[string]string

// get returns the value of a parameter, "" when it was not sent.
func (p params) get(name string) string { return p[name] }

// list returns the space-delimited values of a parameter (RFC 6749 §3.3).
func (p params) list(name string) []string { return strings.Fields(p[name]) }

// newParams refuses what no honest client sends. Parameters that could be parsed
// are returned beside the error, so that a response can still find its way.
func newParams(values url.Values) (params, error) {
	out := make(params, len(values))
	var err error
	count := 0
	for name, vs := range values {
		count += len(vs)
		if problem := refuse(name, vs); problem != "" {
			if err == nil {
				err = ErrInvalidRequest.Say(problem)
			}
			continue
		}
		if vs[0] != "" {
			out[name] = vs[0]
		}
	}
	if count > maxParameters {
		return nil, ErrInvalidRequest.Say("more than 100 parameters")
	}
	return out, err
}

func refuse(name string, vs []string) string {
	if len(name) > 256 || !utf8.ValidString(name) || strings.ContainsAny(name, "\x00\r\n") {
		return "a parameter name is too long or has characters that are not allowed"
	}
	if !slices.Contains(namedParameters, name) {
		name = "(one that no standard defines)" // nobody's words go into our descriptions
	}
	if len(vs) > 1 && !repeatable[name] {
		return "parameter " + name + " is repeated" // RFC 6749 §3.1
	}
	for _, v := range vs {
		switch {
		case len(v) > maxParameterLength:
			return "parameter " + name + " is longer than 8192 bytes"
		case !utf8.ValidString(v):
			return "parameter " + name + " is not UTF-8"
		case strings.ContainsAny(v, "\x00\r\n"):
			return "parameter " + name + " has a line break or a NUL"
		}
	}
	return ""
}

// formParams parses the body of a POST request of an OAuth endpoint. Parameters
// in the query are not looked at: a secret or a token there would end in logs
// (RFC 6749 §2.3.1, RFC 9700 §4.3.2).
func formParams(r *http.Request) (url.Values, params, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, nil, ErrInvalidRequest.Say("Content-Type must be application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		return nil, nil, bodyError(err)
	}
	p, err := newParams(r.PostForm)
	return r.PostForm, p, err
}

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		e := ErrInvalidRequest.Say("the request body is too large").Because(err)
		e.Status = http.StatusRequestEntityTooLarge
		return e
	}
	return ErrInvalidRequest.Say("the request cannot be parsed as a form").Because(err)
}
