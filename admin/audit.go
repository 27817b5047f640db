package admin

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (s *Server) auditTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.AuditService/ListAuditEvents", s.listAuditEvents),
		rpc(s, "/identity.admin.v1.AuditService/ListControlEvents", s.listControlEvents),
		rpc(s, "/identity.admin.v1.AuditService/VerifyAuditLog", s.verifyAuditLog),
	}
}

// eventList is what both lists of events are asked with.
type eventList interface {
	GetPageSize() int32
	GetPageToken() string
	GetOrderBy() string
	GetAction() string
	GetActor() string
	GetTarget() string
	GetFrom() *timestamppb.Timestamp
}

// lister lists one log, or two together.
type lister func(context.Context, storage.AuditFilter, storage.PageRequest) (storage.List[storage.AuditEvent], error)

func (s *Server) events(ctx context.Context, list lister, req eventList, until *timestamppb.Timestamp) ([]*adminv1.AuditEvent, string, error) {
	f := storage.AuditFilter{Action: req.GetAction(), Actor: req.GetActor(), Target: req.GetTarget()}
	if req.GetFrom() != nil {
		f.From = req.GetFrom().AsTime()
	}
	if until != nil {
		f.Until = until.AsTime()
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), req.GetOrderBy())
	l, err := list(ctx, f, page)
	if err != nil {
		return nil, "", badPage(err)
	}
	out := make([]*adminv1.AuditEvent, len(l.Items))
	for i, e := range l.Items {
		out[i] = &adminv1.AuditEvent{
			Id: e.ID, At: stamp(e.At), Action: e.Action, Outcome: e.Outcome, Actor: e.Actor, Target: e.Target,
			ClientId: e.ClientID, SessionId: e.SessionID, Reason: e.Reason, Details: e.Details,
			Ip: e.IP, UserAgent: e.UserAgent, RequestId: e.RequestID,
		}
	}
	return out, l.Next, nil
}

func (s *Server) listAuditEvents(ctx context.Context, c *call, req *adminv1.ListAuditEventsRequest) (*adminv1.ListAuditEventsResponse, error) {
	events, next, err := s.events(ctx, func(ctx context.Context, f storage.AuditFilter, p storage.PageRequest) (storage.List[storage.AuditEvent], error) {
		return s.Store.AuditEvents.Concerning(ctx, c.project.ID, f, p)
	}, req, req.GetUntil())
	return &adminv1.ListAuditEventsResponse{Events: events, NextPageToken: next}, err
}

func (s *Server) listControlEvents(ctx context.Context, _ *call, req *adminv1.ListControlEventsRequest) (*adminv1.ListControlEventsResponse, error) {
	events, next, err := s.events(ctx, func(ctx context.Context, f storage.AuditFilter, p storage.PageRequest) (storage.List[storage.AuditEvent], error) {
		return s.Store.AuditEvents.List(ctx, storage.ControlScope(), f, p)
	}, req, req.GetUntil())
	return &adminv1.ListControlEventsResponse{Events: events, NextPageToken: next}, err
}

func (s *Server) verifyAuditLog(ctx context.Context, c *call, _ *adminv1.VerifyAuditLogRequest) (*adminv1.VerifyAuditLogResponse, error) {
	report, err := s.Store.AuditSeals.Verify(ctx, c.scope())
	if err != nil {
		return nil, err
	}
	res := &adminv1.VerifyAuditLogResponse{Intact: report.Fault == nil, Sealed: report.Sealed, Unsealed: report.Unsealed, Head: report.Head}
	if f := report.Fault; f != nil {
		res.FaultSequence, res.FaultEventId, res.Problem = f.Sequence, f.EventID, f.Problem
	}
	return res, nil
}
