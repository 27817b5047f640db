package main

import (
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
)

// The exit codes, by what has to be done: nothing, look, type it otherwise, name
// another, look again at what is there, get a right, wait.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitDenied      = 5
	exitUnavailable = 6
)

// exitOf is the exit code of an error.
func exitOf(err error) int {
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	switch connect.CodeOf(err) {
	case connect.CodeInvalidArgument:
		return exitUsage
	case connect.CodeNotFound:
		return exitNotFound
	case connect.CodeAlreadyExists, connect.CodeAborted, connect.CodeFailedPrecondition:
		return exitConflict
	case connect.CodeUnauthenticated, connect.CodePermissionDenied:
		return exitDenied
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeResourceExhausted:
		return exitUnavailable
	}
	return exitFailed
}

// told is an error of a service in the words of the command line.
type told struct {
	text  string
	cause error
}

func (e *told) Error() string { return e.text }

// Unwrap returns the error of the service.
func (e *told) Unwrap() error { return e.cause }

// explain ends an error of a service with the next command to try.
func (a *api) explain(err error) error {
	var e *connect.Error
	if !errors.As(err, &e) {
		return err
	}
	parent := a.path[:max(strings.LastIndexByte(a.path, ' '), 0)]
	message, next := e.Message(), a.path+" --help"
	switch e.Code() {
	case connect.CodeInvalidArgument:
		if a.project == "" && strings.HasPrefix(message, "project_id is missing") { // a secret of an operator is bound to none
			message, next = "a project is missing: name it with --project, or in IDENTITY_PROJECT", "identity project list"
		}
	case connect.CodeNotFound, connect.CodeAlreadyExists:
		next = parent + " list"
	case connect.CodeUnauthenticated:
		next = "a fresh token in IDENTITY_TOKEN or --token-file; identity client add --preset machine --audience ISSUER/admin makes a client that gets one"
	case connect.CodePermissionDenied:
		next = "a token with that scope; docs/api.md says which there are"
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded:
		next = "identity doctor"
	case connect.CodeAborted:
		next = "the same again"
	case connect.CodeInternal, connect.CodeUnknown:
		next = "the log of the server"
	}
	return &told{fmt.Sprintf("%s\ntry: %s", message, next), err}
}
