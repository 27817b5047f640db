package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// Post is what of the pages and mails for people the services have to know.
type Post interface {
	// InvitationLink is where an invitation is accepted.
	InvitationLink(p *storage.Project, token string) string
}

func (s *Server) invitationTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.InvitationService/CreateInvitation", s.createInvitation),
		rpc(s, "/identity.admin.v1.InvitationService/ListInvitations", s.listInvitations),
		rpc(s, "/identity.admin.v1.InvitationService/RevokeInvitation", s.revokeInvitation),
	}
}

func invitationMessage(i *storage.UserInvitation, now time.Time) *adminv1.Invitation {
	state := "INVITATION_STATE_" + strings.ToUpper(i.State(now))
	m := &adminv1.Invitation{
		Id: i.ID, Email: i.Email, Role: roleMessage(i.Role), TenantId: i.TenantID, InvitedBy: i.InvitedBy,
		State: adminv1.InvitationState(adminv1.InvitationState_value[state]), CreatedAt: stamp(i.CreatedAt), ExpiresAt: stamp(i.EndsAt),
	}
	if i.TenantID != "" {
		m.TenantRole = adminv1.TenantRole(adminv1.TenantRole_value["TENANT_ROLE_"+strings.ToUpper(string(i.TenantRole))])
	}
	return m
}

func (s *Server) createInvitation(ctx context.Context, c *call, req *adminv1.CreateInvitationRequest) (*adminv1.CreateInvitationResponse, error) {
	once, err := s.once(c, c.scope(), req.GetIdempotencyKey(), req)
	if err != nil {
		return nil, err
	}
	if was, err := once.before(ctx); err != nil || was != nil {
		return s.createdInvitation(ctx, c, was, err)
	}
	i, letter, err := s.invitation(ctx, c, req)
	if err != nil {
		return nil, err
	}
	token, changes := s.Store.UserInvitations.Issue(i)
	link := s.Post.InvitationLink(c.project, token)
	mailed := c.project.SendsMail()
	if mailed {
		letter.To, letter.Link, letter.EndsAt = i.Email, link, i.EndsAt
		changes = append(changes, s.Store.Outbox.Mail(c.scope(), letter, c.now))
	}
	e := s.eventOf(c, "invitation.created", i.ID)
	e.Details = map[string]string{"role": i.Role, "tenant_id": i.TenantID}
	also, err := once.remember(outcome{ID: i.ID, Secret: link})
	if err != nil {
		return nil, err
	}
	if err := s.Store.Commit(ctx, c.scope(), append(append(changes, s.Store.AuditEvents.Append(e)), also...)...); err != nil {
		if was, err := once.raced(ctx, err); err != nil || was != nil {
			return s.createdInvitation(ctx, c, was, err)
		}
		return nil, err
	}
	i.CreatedAt = c.now
	return &adminv1.CreateInvitationResponse{Invitation: invitationMessage(i, c.now), Link: link, Mailed: mailed}, nil
}

// invitation is what a request asks for, with the letter that goes with it.
func (s *Server) invitation(ctx context.Context, c *call, req *adminv1.CreateInvitationRequest) (*storage.UserInvitation, storage.Mail, error) {
	in := req.GetInvitation()
	if in.GetId() != "" {
		return nil, storage.Mail{}, invalid("invitation.id", "is set by the server")
	}
	if c.project.Access.Mode == storage.AccessClosed {
		return nil, storage.Mail{}, forbidden("invitation", "can't be accepted: the access mode of the project is closed, its accounts are made by operators")
	}
	address, key, err := s.People.Email(in.GetEmail())
	if err != nil {
		return nil, storage.Mail{}, invalid("invitation.email", err.Error())
	}
	i := &storage.UserInvitation{
		Email: address, EmailKey: key, Role: roleOf(in.GetRole()), TenantID: in.GetTenantId(), TenantRole: tenantRoleOf(in.GetTenantRole()),
		InvitedBy: c.caller.Actor, EndsAt: c.now.Add(c.project.Messages.InvitationTTL), CreatedOrder: c.now.UnixMicro(),
	}
	if i.Role == "" {
		i.Role = roleMember
	}
	if err := s.mayMake(ctx, c, nil, &storage.User{ID: i.EmailKey, Role: i.Role}); err != nil {
		return nil, storage.Mail{}, err
	}
	letter := storage.Mail{Name: "invitation", Data: map[string]any{"Days": max(1, int(c.project.Messages.InvitationTTL/(24*time.Hour)))}}
	if req.GetLocale() != "" {
		letter.Locales = []string{req.GetLocale()}
	}
	if i.TenantID == "" {
		if i.TenantRole != "" {
			return nil, storage.Mail{}, invalid("invitation.tenant_role", "is for an invitation into a tenant")
		}
		_, err := s.Store.Users.ByEmail(ctx, c.scope(), key)
		if u := in.GetEmail(); err == nil {
			return nil, storage.Mail{}, taken("invitation.email", "belongs to an account: "+u)
		} else if !errors.Is(err, storage.ErrNotFound) {
			return nil, storage.Mail{}, err
		}
		return i, letter, nil
	}
	if !c.caller.has(scopeTenants) { // nobody joins a tenant by who may not add its members (S5-03)
		s.remember(ctx, c, i.TenantID, "tenant_member")
		return nil, storage.Mail{}, insufficient(scopeTenants)
	}
	t, err := s.tenant(ctx, c, i.TenantID)
	if err != nil {
		return nil, storage.Mail{}, err
	}
	if i.TenantRole == "" {
		i.TenantRole = storage.TenantPlain
	}
	letter.Name, letter.Data["Tenant"] = "tenant", t.Name
	return i, letter, nil
}

func (s *Server) createdInvitation(ctx context.Context, c *call, was *outcome, err error) (*adminv1.CreateInvitationResponse, error) {
	if err != nil {
		return nil, err
	}
	i, err := s.invited(ctx, c, was.ID)
	if err != nil {
		return nil, err
	}
	return &adminv1.CreateInvitationResponse{Invitation: invitationMessage(i, c.now), Link: was.Secret, Mailed: c.project.SendsMail()}, nil
}

func (s *Server) invited(ctx context.Context, c *call, id string) (*storage.UserInvitation, error) {
	i, err := s.Store.UserInvitations.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("invitation", id)
	}
	return i, err
}

func (s *Server) listInvitations(ctx context.Context, c *call, req *adminv1.ListInvitationsRequest) (*adminv1.ListInvitationsResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.UserInvitations.List(ctx, c.scope(), page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListInvitationsResponse{NextPageToken: l.Next}
	for _, i := range l.Items {
		res.Invitations = append(res.Invitations, invitationMessage(i, c.now))
	}
	return res, nil
}

func (s *Server) revokeInvitation(ctx context.Context, c *call, req *adminv1.RevokeInvitationRequest) (*adminv1.RevokeInvitationResponse, error) {
	i, err := s.invited(ctx, c, req.GetInvitationId())
	if err != nil {
		return nil, err
	}
	if state := i.State(c.now); state == storage.InvitationAccepted {
		return nil, forbidden("invitation_id", "was accepted already")
	}
	if err := s.Store.Commit(ctx, c.scope(), s.Store.UserInvitations.Revoke(i, c.now), s.event(c, "invitation.revoked", i.ID)); err != nil {
		return nil, err
	}
	i.RevokedAt = c.now
	return &adminv1.RevokeInvitationResponse{Invitation: invitationMessage(i, c.now)}, nil
}
