package playground

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2"
)

// meanings are what the codes of an answer tell a client (RFC 6749 §4.1.2.1,
// §5.2, RFC 6750 §3.1, OIDC Core §3.1.2.6).
var meanings = map[string]string{
	"access_denied":           "The person, or the server for them, said no.",
	"login_required":          "Somebody has to sign in first, and prompt=none forbids asking.",
	"consent_required":        "The person has to agree first, and prompt=none forbids asking.",
	"interaction_required":    "The person has to see a page first, and prompt=none forbids showing one.",
	"invalid_request":         "A parameter is missing, is there twice, or has a value that can't be.",
	"invalid_scope":           "The scope is unknown, or is not for this client.",
	"invalid_grant":           "What the client sent to get tokens is wrong, used up, or was revoked.",
	"invalid_client":          "The client could not prove who it is.",
	"invalid_token":           "The token is unknown, has ended, or was revoked.",
	"insufficient_scope":      "The token is good, but not for this.",
	"temporarily_unavailable": "The server can't answer now: try again.",
	"server_error":            "Something went wrong on the server: its log says what.",
}

// answerSentence says what an error answer means.
func answerSentence(code, description string) string {
	s := fmt.Sprintf("The server answered with the error %q", code)
	if description != "" {
		s += ": " + strings.TrimSuffix(description, ".")
	}
	s += "."
	if m := meanings[code]; m != "" {
		s += " " + m
	}
	return s
}

// oauthError is an error answer of an endpoint.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
	status      int
}

// Error says what the answer means.
func (e *oauthError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("The server answered with the status %d.", e.status)
	}
	return answerSentence(e.Code, e.Description)
}

// answerError makes an error of the last recorded answer if that was one, and is
// otherwise the error that is given.
func answerError(rec *recorder, otherwise error) error {
	if len(rec.list) == 0 || rec.list[len(rec.list)-1].Status < 400 {
		return otherwise
	}
	last := rec.list[len(rec.list)-1]
	e := &oauthError{status: last.Status}
	_, body, challenged := strings.Cut(last.Body, "\n\n")
	if !challenged {
		body = last.Body
	}
	if err := json.Unmarshal([]byte(body), e); err != nil {
		return &oauthError{status: last.Status} // not every answer has a body
	}
	return e
}

// sentence says what went wrong.
func sentence(err error) string {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.ErrorCode != "" {
		return answerSentence(answer.ErrorCode, answer.ErrorDescription)
	}
	var e *oauthError
	if errors.As(err, &e) {
		return e.Error()
	}
	return "That did not work: " + err.Error() + "."
}
