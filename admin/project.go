package admin

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (s *Server) projectTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.ProjectService/CreateProject", s.createProject),
		rpc(s, "/identity.admin.v1.ProjectService/GetProject", s.getProject),
		rpc(s, "/identity.admin.v1.ProjectService/ListProjects", s.listProjects),
		rpc(s, "/identity.admin.v1.ProjectService/UpdateProject", s.updateProject),
		rpc(s, "/identity.admin.v1.ProjectService/DeleteProject", s.deleteProject),
		rpc(s, "/identity.admin.v1.ProjectService/CreateProjectCredential", s.createProjectCredential),
		rpc(s, "/identity.admin.v1.ProjectService/ListProjectCredentials", s.listProjectCredentials),
		rpc(s, "/identity.admin.v1.ProjectService/RevokeProjectCredential", s.revokeProjectCredential),
		rpc(s, "/identity.admin.v1.ProjectService/GetProjectFiles", s.getProjectFiles),
		rpc(s, "/identity.admin.v1.ProjectService/ReplaceProjectFiles", s.replaceProjectFiles),
		rpc(s, "/identity.admin.v1.ProjectService/BootstrapPlatformAdmin", s.bootstrapPlatformAdmin),
	}
}

// controlEvent is the event of a change above the projects: it goes into the
// control scope, with the project that it is about.
func (s *Server) controlEvent(c *call, action, target, project string) storage.Change {
	e := s.eventOf(c, action, target)
	e.Details = map[string]string{"project_id": project}
	return s.Store.AuditEvents.Append(e)
}

func (s *Server) createProject(ctx context.Context, c *call, req *adminv1.CreateProjectRequest) (*adminv1.CreateProjectResponse, error) {
	once, err := s.once(c, storage.ControlScope(), req.GetIdempotencyKey(), req)
	if err != nil {
		return nil, err
	}
	if was, err := once.before(ctx); err != nil || was != nil {
		return s.createdProject(ctx, was, err)
	}
	in := req.GetProject()
	rec := &storage.ProjectRecord{ID: in.GetId(), CreatedOrder: c.now.UnixMicro()}
	if rec.ID == "" {
		rec.ID = storage.NewID()
	}
	if err := s.fillProject(rec, in); err != nil {
		return nil, err
	}
	if err := s.checkSignIn(rec, &storage.ProjectSettings{}); err != nil {
		return nil, err
	}
	also, err := once.remember(outcome{ID: rec.ID})
	if err != nil {
		return nil, err
	}
	err = s.Store.Projects.Create(ctx, rec, append(also, s.controlEvent(c, "project.created", rec.ID, rec.ID))...)
	switch {
	case errors.Is(err, storage.ErrAlreadyExists):
		if was, err := once.raced(ctx, err); err != nil || was != nil {
			return s.createdProject(ctx, was, err)
		}
		return nil, taken("project.id", "was given to a project before, and is never given again")
	case errors.Is(err, storage.ErrInvalidArgument):
		return nil, invalid("project", err.Error())
	case err != nil:
		return nil, err
	}
	p := s.Projects.Resolve(rec)
	if err := s.Keys.Ensure(ctx, p); err != nil {
		return nil, err
	}
	return &adminv1.CreateProjectResponse{Project: projectMessage(rec, p)}, nil
}

func (s *Server) createdProject(ctx context.Context, was *outcome, err error) (*adminv1.CreateProjectResponse, error) {
	if err != nil {
		return nil, err
	}
	rec, err := s.record(ctx, was.ID)
	if err != nil {
		return nil, err
	}
	return &adminv1.CreateProjectResponse{Project: projectMessage(rec, s.Projects.Resolve(rec))}, nil
}

func (s *Server) getProject(_ context.Context, c *call, _ *adminv1.GetProjectRequest) (*adminv1.GetProjectResponse, error) {
	return &adminv1.GetProjectResponse{Project: projectMessage(c.record, c.project)}, nil
}

func (s *Server) listProjects(ctx context.Context, _ *call, req *adminv1.ListProjectsRequest) (*adminv1.ListProjectsResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), req.GetOrderBy())
	l, err := s.Store.Projects.List(ctx, projectStatusOf(req.GetStatus()), page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListProjectsResponse{NextPageToken: l.Next}
	for _, rec := range l.Items {
		res.Projects = append(res.Projects, projectMessage(rec, s.Projects.Resolve(rec)))
	}
	return res, nil
}

func (s *Server) updateProject(ctx context.Context, c *call, req *adminv1.UpdateProjectRequest) (*adminv1.UpdateProjectResponse, error) {
	in := req.GetProject()
	if in.GetId() != "" && in.GetId() != c.record.ID {
		return nil, invalid("project.id", "is not the project_id of the request")
	}
	if err := current(in.GetEtag(), c.record.Version); err != nil {
		return nil, err
	}
	before, after := projectMessage(c.record, c.project), projectMessage(c.record, c.project)
	if err := merge(after, in, req.GetUpdateMask(), "issuer", "primary_host"); err != nil {
		return nil, err
	}
	if after.GetStatus() != before.GetStatus() && !c.caller.Control { // S5-03
		s.remember(ctx, c, c.record.ID, "project_status")
		return nil, insufficient(scopeControl)
	}
	next := *c.record
	if err := s.fillProject(&next, after); err != nil {
		return nil, err
	}
	if err := s.checkSignIn(&next, &c.record.Settings); err != nil {
		return nil, err
	}
	e := s.eventOf(c, "project.updated", next.ID)
	e.Details = map[string]string{"project_id": next.ID, "fields": changed(before, after)}
	err := s.Store.Projects.Update(ctx, &next, s.Store.AuditEvents.Append(e))
	if errors.Is(err, storage.ErrInvalidArgument) {
		return nil, invalid("project", err.Error())
	}
	if err != nil {
		return nil, err
	}
	return &adminv1.UpdateProjectResponse{Project: projectMessage(&next, s.Projects.Resolve(&next))}, nil
}

func (s *Server) deleteProject(ctx context.Context, c *call, req *adminv1.DeleteProjectRequest) (*adminv1.DeleteProjectResponse, error) {
	if c.record.ID == s.ControlProject {
		return nil, forbidden("project_id", "is the default project, which stays")
	}
	if err := current(req.GetEtag(), c.record.Version); err != nil {
		return nil, err
	}
	err := s.Store.Projects.Delete(ctx, c.record, s.controlEvent(c, "project.deleted", c.record.ID, c.record.ID))
	return &adminv1.DeleteProjectResponse{}, err
}

// bootstrapPlatformAdmin makes the first administrator of the platform. Of any
// number of calls one succeeds, ever (S5-09).
func (s *Server) bootstrapPlatformAdmin(ctx context.Context, c *call, req *adminv1.BootstrapPlatformAdminRequest) (*adminv1.BootstrapPlatformAdminResponse, error) {
	closed := connect.NewError(connect.CodeFailedPrecondition, errors.New("the first platform administrator was made before: this is done once"))
	scope := storage.In(s.ControlProject)
	done, err := s.Store.Bootstraps.Done(ctx, scope, storage.FirstAdmin)
	if err != nil {
		return nil, err
	}
	if done {
		return nil, closed
	}
	rec, err := s.record(ctx, s.ControlProject)
	if err != nil {
		return nil, err
	}
	c.record, c.project = rec, s.Projects.Resolve(rec)
	u := &storage.User{ID: storage.NewSubject(), CreatedOrder: c.now.UnixMicro(), ProfileUpdatedAt: c.now}
	err = s.fillUser(u, &adminv1.User{
		Email: req.GetEmail(), EmailVerified: true, Name: req.GetName(), Role: adminv1.UserRole_USER_ROLE_ADMIN, PlatformAdmin: true,
	})
	if err != nil {
		return nil, err
	}
	hash, err := s.credential(ctx, c, req.GetPassword(), "", u)
	if err != nil {
		return nil, err
	}
	err = s.Store.Commit(ctx, scope,
		s.Store.Bootstraps.Once(storage.FirstAdmin, u.ID, c.now),
		s.Store.Users.Add(u),
		s.Store.PasswordCredentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: c.now}),
		s.event(c, "platform_admin.bootstrapped", u.ID))
	if errors.Is(err, storage.ErrAlreadyExists) {
		if storage.ClashingKey(err) == "id" {
			return nil, closed
		}
		return nil, taken("email", "belongs to another account")
	}
	return &adminv1.BootstrapPlatformAdminResponse{ProjectId: s.ControlProject, UserId: u.ID}, err
}
