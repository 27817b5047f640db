package op

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// Error is an error response in the words of the standards (RFC 6749 §4.1.2.1
// and §5.2, RFC 6750 §3.1, OIDC Core §3.1.2.6). Code and Description reach the
// client; the cause reaches the log alone.
type Error struct {
	Code        string
	Description string // what to mend, naming the parameter; ASCII (RFC 6749 §5.2)
	Status      int
	RetryAfter  time.Duration // sent as Retry-After when not 0
	cause       error
}

// The errors. The spelling is the wire spelling.
var (
	ErrInvalidRequest          = &Error{Code: "invalid_request", Status: http.StatusBadRequest}
	ErrInvalidClient           = &Error{Code: "invalid_client", Status: http.StatusUnauthorized}
	ErrInvalidGrant            = &Error{Code: "invalid_grant", Status: http.StatusBadRequest}
	ErrUnauthorizedClient      = &Error{Code: "unauthorized_client", Status: http.StatusBadRequest}
	ErrUnsupportedGrantType    = &Error{Code: "unsupported_grant_type", Status: http.StatusBadRequest}
	ErrUnsupportedResponseType = &Error{Code: "unsupported_response_type", Status: http.StatusBadRequest}
	ErrUnsupportedTokenType    = &Error{Code: "unsupported_token_type", Status: http.StatusBadRequest}
	ErrInvalidScope            = &Error{Code: "invalid_scope", Status: http.StatusBadRequest}
	ErrAccessDenied            = &Error{Code: "access_denied", Status: http.StatusForbidden}
	ErrLoginRequired           = &Error{Code: "login_required", Status: http.StatusBadRequest}
	ErrConsentRequired         = &Error{Code: "consent_required", Status: http.StatusBadRequest}
	ErrInteractionRequired     = &Error{Code: "interaction_required", Status: http.StatusBadRequest}
	ErrAccountSelection        = &Error{Code: "account_selection_required", Status: http.StatusBadRequest}
	ErrUnmetAuthentication     = &Error{Code: "unmet_authentication_requirements", Status: http.StatusBadRequest}
	ErrRequestNotSupported     = &Error{Code: "request_not_supported", Status: http.StatusBadRequest}
	ErrRequestURINotSupported  = &Error{Code: "request_uri_not_supported", Status: http.StatusBadRequest}
	ErrInvalidRequestObject    = &Error{Code: "invalid_request_object", Status: http.StatusBadRequest}
	ErrInvalidRequestURI       = &Error{Code: "invalid_request_uri", Status: http.StatusBadRequest}
	ErrInvalidToken            = &Error{Code: "invalid_token", Status: http.StatusUnauthorized}
	ErrInsufficientScope       = &Error{Code: "insufficient_scope", Status: http.StatusForbidden}
	ErrInvalidRedirectURI      = &Error{Code: "invalid_redirect_uri", Status: http.StatusBadRequest}
	// RFC 7591 §3.2.2
	ErrInvalidSoftwareStatement    = &Error{Code: "invalid_software_statement", Status: http.StatusBadRequest}
	ErrUnapprovedSoftwareStatement = &Error{Code: "unapproved_software_statement", Status: http.StatusBadRequest}
	ErrInvalidClientMetadata       = &Error{Code: "invalid_client_metadata", Status: http.StatusBadRequest}
	ErrServerError                 = &Error{Code: "server_error", Status: http.StatusInternalServerError}
	ErrTemporarilyUnavailable      = &Error{Code: "temporarily_unavailable", Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second}
	ErrSlowDown                    = &Error{Code: "temporarily_unavailable", Status: http.StatusTooManyRequests}
)

func (e *Error) Error() string {
	if e.Description == "" {
		return e.Code
	}
	return e.Code + ": " + e.Description
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is compares the code: a said or caused error is still the same error.
func (e *Error) Is(target error) bool { t, ok := target.(*Error); return ok && t.Code == e.Code }

// Say returns a copy of e with a description for the client.
func (e *Error) Say(description string) *Error {
	c := *e
	c.Description = printable(description)
	return &c
}

// Because returns a copy of e that remembers why, for the log alone.
func (e *Error) Because(err error) *Error { c := *e; c.cause = err; return &c }

// printable keeps a description within the characters of RFC 6749 §5.2:
// %x20-21 / %x23-5B / %x5D-7E.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r == '\\' || r < 0x20 || r > 0x7e:
			return '?'
		}
		return r
	}, s)
}

// asError makes an *Error of any error. What is unknown is a server_error
// without a word about the inside.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, storage.ErrUnavailable):
		return ErrTemporarilyUnavailable.Say("the database does not answer; try again").Because(err)
	}
	return ErrServerError.Because(err)
}
