package admin

import (
	"context"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (s *Server) auditTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.AuditService/ListAuditEvents", s.listAuditEvents),
	}
}

func (s *Server) listAuditEvents(ctx context.Context, c *call, req *adminv1.ListAuditEventsRequest) (*adminv1.ListAuditEventsResponse, error) {
	f := storage.AuditFilter{Action: req.GetAction(), Actor: req.GetActor(), Target: req.GetTarget()}
	given := 0
	for _, v := range []string{f.Action, f.Actor, f.Target} {
		if v != "" {
			given++
		}
	}
	if given > 1 {
		return nil, invalid("action", "can't be combined with actor or target: give one of them")
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), req.GetOrderBy())
	l, err := s.Store.AuditEvents.List(ctx, c.scope(), f, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListAuditEventsResponse{NextPageToken: l.Next}
	for _, e := range l.Items {
		res.Events = append(res.Events, &adminv1.AuditEvent{
			Id: e.ID, At: stamp(e.At), Action: e.Action, Outcome: e.Outcome, Actor: e.Actor, Target: e.Target,
			ClientId: e.ClientID, SessionId: e.SessionID, Reason: e.Reason, Details: e.Details,
			Ip: e.IP, UserAgent: e.UserAgent, RequestId: e.RequestID,
		})
	}
	return res, nil
}
