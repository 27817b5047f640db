package admin

import (
	"context"
	"errors"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (s *Server) sessionTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.SessionService/ListSessions", s.listSessions),
		rpc(s, "/identity.admin.v1.SessionService/GetSession", s.getSession),
		rpc(s, "/identity.admin.v1.SessionService/RevokeSession", s.revokeSession),
		rpc(s, "/identity.admin.v1.SessionService/RevokeUserSessions", s.revokeUserSessions),
	}
}

func sessionMessage(v *storage.Session) *adminv1.Session {
	return &adminv1.Session{
		Id: v.ID, UserId: v.UserID, AuthTime: stamp(v.AuthTime), Amr: v.AMR, Acr: v.ACR, CreatedAt: stamp(v.CreatedAt),
		LastSeenAt: stamp(v.LastSeen), ExpiresAt: stamp(v.ExpiresAt), Ip: v.IP, UserAgent: v.UserAgent,
	}
}

func (s *Server) listSessions(ctx context.Context, c *call, req *adminv1.ListSessionsRequest) (*adminv1.ListSessionsResponse, error) {
	u, err := s.user(ctx, c, req.GetUserId())
	if err != nil {
		return nil, err
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.Sessions.OfUser(ctx, c.scope(), u.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListSessionsResponse{NextPageToken: l.Next}
	for _, v := range l.Items {
		res.Sessions = append(res.Sessions, sessionMessage(v))
	}
	return res, nil
}

func (s *Server) session(ctx context.Context, c *call, id string) (*storage.Session, error) {
	v, err := s.Store.Sessions.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("session", id)
	}
	return v, err
}

func (s *Server) getSession(ctx context.Context, c *call, req *adminv1.GetSessionRequest) (*adminv1.GetSessionResponse, error) {
	v, err := s.session(ctx, c, req.GetSessionId())
	if err != nil {
		return nil, err
	}
	return &adminv1.GetSessionResponse{Session: sessionMessage(v)}, nil
}

func (s *Server) revokeSession(ctx context.Context, c *call, req *adminv1.RevokeSessionRequest) (*adminv1.RevokeSessionResponse, error) {
	v, err := s.session(ctx, c, req.GetSessionId())
	if err != nil {
		return nil, err
	}
	e := s.eventOf(c, "session.revoked", v.UserID)
	e.SessionID = v.ID
	err = s.Store.Commit(ctx, c.scope(), append(s.Store.Sessions.End(v.ID), s.Store.AuditEvents.Append(e))...)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notFound("session", v.ID)
	}
	return &adminv1.RevokeSessionResponse{}, err
}

func (s *Server) revokeUserSessions(ctx context.Context, c *call, req *adminv1.RevokeUserSessionsRequest) (*adminv1.RevokeUserSessionsResponse, error) {
	u, err := s.user(ctx, c, req.GetUserId())
	if err != nil {
		return nil, err
	}
	err = s.Store.Commit(ctx, c.scope(), append(s.Store.Sessions.EndAll(u.ID), s.event(c, "session.all_revoked", u.ID))...)
	return &adminv1.RevokeUserSessionsResponse{}, err
}
