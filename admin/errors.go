package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/elloloop/identity/storage"
)

// fault is one field that is wrong.
type fault struct{ field, why string }

// invalid says that one field of the request is wrong.
func invalid(field, why string) error {
	return invalidAll(connect.CodeInvalidArgument, fault{field, why})
}

// taken says that the value of a field belongs to another already.
func taken(field, why string) error { return invalidAll(connect.CodeAlreadyExists, fault{field, why}) }

// forbidden says that the state of things does not allow it.
func forbidden(field, why string) error {
	return invalidAll(connect.CodeFailedPrecondition, fault{field, why})
}

func invalidAll(code connect.Code, faults ...fault) error {
	lines := make([]string, len(faults))
	detail := &errdetails.BadRequest{}
	for i, f := range faults {
		lines[i] = strings.TrimSpace(f.field + " " + f.why)
		detail.FieldViolations = append(detail.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.field, Description: f.why})
	}
	return with(connect.NewError(code, errors.New(strings.Join(lines, "; "))), detail)
}

// notFound is all that is said of what does not exist and of what is another's.
func notFound(kind, id string) error {
	return with(connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no %s %q", kind, id)),
		&errdetails.ResourceInfo{ResourceType: kind, ResourceName: id})
}

// fieldOf is the first field that an error blames, "" when it blames none.
func fieldOf(e *connect.Error) string {
	for _, d := range e.Details() {
		v, err := d.Value()
		if bad, ok := v.(*errdetails.BadRequest); err == nil && ok && len(bad.GetFieldViolations()) > 0 {
			return bad.GetFieldViolations()[0].GetField()
		}
	}
	return ""
}

// stale says that a resource is not as the caller saw it.
func stale() error {
	return with(connect.NewError(connect.CodeAborted, errors.New("etag is not the current one: it was changed meanwhile; read it again")),
		&errdetails.ErrorInfo{Reason: "ETAG_MISMATCH", Domain: "identity"})
}

// raced says that another call was faster where the caller named no version.
func raced(why string) error {
	return with(connect.NewError(connect.CodeAborted, errors.New(why)), &errdetails.ErrorInfo{Reason: "CHANGED_MEANWHILE", Domain: "identity"})
}

// unauthenticated names the way in (RFC 6750 §3). Of a request that brought
// nothing it says no error (RFC 6750 §3.1).
func unauthenticated(tried bool) error {
	challenge, text := "Bearer", "an access token or the admin secret is needed: Authorization: Bearer …"
	if tried {
		challenge, text = `Bearer error="invalid_token"`, "the bearer token is none, has ended, or is not for the administration"
	}
	e := connect.NewError(connect.CodeUnauthenticated, errors.New(text))
	e.Meta().Set("WWW-Authenticate", challenge)
	return e
}

// insufficient names the scope that is missing (RFC 6750 §3.1).
func insufficient(scope string) error {
	e := connect.NewError(connect.CodePermissionDenied, fmt.Errorf("the scope %q is needed", scope))
	e.Meta().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
	return with(e, &errdetails.ErrorInfo{Reason: "INSUFFICIENT_SCOPE", Domain: "identity", Metadata: map[string]string{"scope": scope}})
}

func with(e *connect.Error, detail proto.Message) error {
	if d, err := connect.NewErrorDetail(detail); err == nil {
		e.AddDetail(d)
	}
	return e
}

// answer makes of any error one that may leave: with a code, and without the
// inner text of what nobody outside can mend.
func (s *Server) answer(ctx context.Context, c *call, procedure string, err error) error {
	var known *connect.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errUnauthenticated):
		return unauthenticated(true)
	case errors.Is(err, context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, errors.New("it took too long"))
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, errors.New("the caller went away"))
	case errors.Is(err, storage.ErrConflict):
		return stale()
	case errors.Is(err, storage.ErrNotFound):
		return connect.NewError(connect.CodeNotFound, errors.New("what it refers to does not exist any more"))
	case errors.Is(err, storage.ErrUnavailable):
		s.Log.WarnContext(ctx, "the database does not answer", "procedure", procedure, "cause", err, "request_id", c.origin.RequestID)
		return connect.NewError(connect.CodeUnavailable, errors.New("the database does not answer; try again"))
	}
	return s.internal(ctx, procedure, c.origin.RequestID, err)
}

func (s *Server) internal(ctx context.Context, procedure, requestID string, err error) error {
	s.Log.ErrorContext(ctx, "an administrative call failed", "procedure", procedure, "cause", err, "request_id", requestID)
	return connect.NewError(connect.CodeInternal, errors.New("the server failed; its log has the reason under the request id"))
}
