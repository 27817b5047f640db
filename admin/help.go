package admin

import (
	"context"
	"errors"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (s *Server) helpTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.HelpService/ListHelpRequests", s.listHelpRequests),
		rpc(s, "/identity.admin.v1.HelpService/ResolveHelpRequest", s.resolveHelpRequest),
	}
}

func helpMessage(r *storage.HelpRequest) *adminv1.HelpRequest {
	return &adminv1.HelpRequest{
		Id: r.ID, UserId: r.UserID, Email: r.Email, Message: r.Message, Resolved: r.Status == storage.HelpResolved, Answer: r.Answer,
		ResolvedBy: r.ResolvedBy, ResolvedAt: stamp(r.ResolvedAt), CreatedAt: stamp(r.CreatedAt), Ip: r.Origin.IP, UserAgent: r.Origin.UserAgent,
	}
}

func (s *Server) listHelpRequests(ctx context.Context, c *call, req *adminv1.ListHelpRequestsRequest) (*adminv1.ListHelpRequestsResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	status := storage.HelpOpen
	if req.GetAll() {
		status = ""
	}
	l, err := s.Store.HelpRequests.List(ctx, c.scope(), status, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListHelpRequestsResponse{NextPageToken: l.Next}
	for _, r := range l.Items {
		res.HelpRequests = append(res.HelpRequests, helpMessage(r))
	}
	return res, nil
}

// resolveHelpRequest answers the address that asked: what it says of itself is
// unproven, so the answer should be nothing that lets anybody in.
func (s *Server) resolveHelpRequest(ctx context.Context, c *call, req *adminv1.ResolveHelpRequestRequest) (*adminv1.ResolveHelpRequestResponse, error) {
	r, err := s.Store.HelpRequests.Get(ctx, c.scope(), req.GetHelpRequestId())
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("help request", req.GetHelpRequestId())
	}
	if err != nil {
		return nil, err
	}
	if r.Status == storage.HelpResolved {
		return nil, forbidden("help_request_id", "was answered already")
	}
	changes := []storage.Change{
		s.Store.HelpRequests.Resolve(r, req.GetAnswer(), c.caller.Actor, c.now), s.event(c, "help.resolved", r.ID),
	}
	if req.GetAnswer() != "" && c.project.SendsMail() {
		letter := storage.Mail{To: r.Email, Name: "help_resolved", Data: map[string]any{"Answer": req.GetAnswer()}}
		changes = append(changes, s.Store.Outbox.Mail(c.scope(), letter, c.now))
	}
	if err := s.Store.Commit(ctx, c.scope(), changes...); err != nil {
		return nil, err
	}
	r.Status, r.Answer, r.ResolvedBy, r.ResolvedAt = storage.HelpResolved, req.GetAnswer(), c.caller.Actor, c.now
	return &adminv1.ResolveHelpRequestResponse{HelpRequest: helpMessage(r)}, nil
}
