package admin

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elloloop/identity/storage"
)

// projectKeyHeader names a project by one of its credentials.
const projectKeyHeader = "X-Project-Key"

// admit lets a request in: who, may they, is it well formed, in which project.
func (s *Server) admit(ctx context.Context, c *call, who authenticator, h http.Header, desc protoreflect.MethodDescriptor, req proto.Message) error {
	var err error
	if c.caller, err = who(ctx, h); err != nil {
		return err
	}
	access := accessOf(desc)
	if !c.caller.has(access.GetScope()) {
		return s.refuse(ctx, c, desc, access.GetScope())
	}
	if access.GetControlPlane() && !c.caller.Control {
		return s.refuse(ctx, c, desc, scopeControl)
	}
	if err := validate(req); err != nil {
		return err
	}
	if in, ok := req.(interface{ GetProjectId() string }); ok {
		if c.record, err = s.projectOf(ctx, c.caller, in.GetProjectId(), h); err != nil {
			return err
		}
		c.project = s.Projects.Resolve(c.record)
	}
	return nil
}

// refuse denies what the caller has no right to, and remembers that it was tried
// (S5-03).
func (s *Server) refuse(ctx context.Context, c *call, desc protoreflect.MethodDescriptor, scope string) error {
	s.remember(ctx, c, string(desc.FullName()), scope)
	return insufficient(scope)
}

// remember writes down that something was refused. Where the event can't be
// stored the refusal stands all the same.
func (s *Server) remember(ctx context.Context, c *call, target, reason string) {
	project := c.caller.Project
	if project == "" {
		project = s.ControlProject
	}
	e := s.eventOf(c, "admin.refused", target)
	e.Outcome, e.Reason = "failure", reason
	if err := s.Store.Commit(ctx, storage.In(project), s.Store.AuditEvents.Append(e)); err != nil {
		s.Log.ErrorContext(ctx, "a refusal could not be audited", "cause", err, "request_id", c.origin.RequestID)
	}
}

// projectOf finds the project of a request. To those who are bound to one project
// there is no other: what they may not see looks as what does not exist (S5-01).
func (s *Server) projectOf(ctx context.Context, caller *Caller, id string, h http.Header) (*storage.ProjectRecord, error) {
	if key := h.Get(projectKeyHeader); key != "" {
		named, err := s.projectOfKey(ctx, key)
		if err != nil {
			return nil, err
		}
		if id != "" && id != named {
			return nil, invalid("project_id", "is not the project that "+projectKeyHeader+" names")
		}
		id = named
	}
	if id == "" {
		id = caller.Project
	}
	switch {
	case id == "":
		return nil, invalid("project_id", "is missing: name a project, or send "+projectKeyHeader)
	case !caller.Control && id != caller.Project:
		return nil, notFound("project", id)
	}
	rec, err := s.record(ctx, id)
	if err == nil && !caller.Control && rec.Status != storage.ProjectActive { // a disabled project answers nobody
		return nil, notFound("project", id)
	}
	return rec, err
}

// record returns what is stored of a project.
func (s *Server) record(ctx context.Context, id string) (*storage.ProjectRecord, error) {
	rec, err := s.Store.Projects.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) && id == s.ControlProject { // it may be made of the configuration alone
		return &storage.ProjectRecord{ID: id, Status: storage.ProjectActive}, nil
	}
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("project", id)
	}
	return rec, err
}

// event is the change that tells of a change. It goes into the same commit.
func (s *Server) event(c *call, action, target string) storage.Change {
	return s.Store.AuditEvents.Append(s.eventOf(c, action, target))
}

func (s *Server) eventOf(c *call, action, target string) storage.AuditEvent {
	return storage.AuditEvent{
		At: c.now, Action: action, Outcome: "success", Actor: c.caller.Actor, Target: target,
		ClientID: c.caller.ClientID, Origin: c.origin,
	}
}
