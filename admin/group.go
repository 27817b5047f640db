package admin

import (
	"context"
	"errors"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (s *Server) groupTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.GroupService/CreateGroup", s.createGroup),
		rpc(s, "/identity.admin.v1.GroupService/GetGroup", s.getGroup),
		rpc(s, "/identity.admin.v1.GroupService/ListGroups", s.listGroups),
		rpc(s, "/identity.admin.v1.GroupService/UpdateGroup", s.updateGroup),
		rpc(s, "/identity.admin.v1.GroupService/DeleteGroup", s.deleteGroup),
		rpc(s, "/identity.admin.v1.GroupService/AddGroupMember", s.addGroupMember),
		rpc(s, "/identity.admin.v1.GroupService/RemoveGroupMember", s.removeGroupMember),
		rpc(s, "/identity.admin.v1.GroupService/ListGroupMembers", s.listGroupMembers),
		rpc(s, "/identity.admin.v1.GroupService/ListUserGroups", s.listUserGroups),
		rpc(s, "/identity.admin.v1.GroupService/AddSubgroup", s.addSubgroup),
		rpc(s, "/identity.admin.v1.GroupService/RemoveSubgroup", s.removeSubgroup),
		rpc(s, "/identity.admin.v1.GroupService/ListSubgroups", s.listSubgroups),
	}
}

func groupMessage(g *storage.WorkingGroup) *adminv1.Group {
	return &adminv1.Group{
		Id: g.ID, Name: g.Name, Description: g.Description, ExternalId: g.ExternalID,
		CreatedAt: stamp(g.CreatedAt), UpdatedAt: stamp(g.UpdatedAt), Etag: etagOf(g.Version),
	}
}

func (s *Server) group(ctx context.Context, c *call, id string) (*storage.WorkingGroup, error) {
	g, err := s.Store.WorkingGroups.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("group", id)
	}
	return g, err
}

// groupFault says in which field a group is wrong.
func groupFault(err error) error {
	switch {
	case errors.Is(err, storage.ErrAlreadyExists) && storage.ClashingKey(err) == "external_id":
		return taken("group.external_id", "belongs to another group")
	case errors.Is(err, storage.ErrAlreadyExists):
		return taken("group.name", "belongs to another group")
	case errors.Is(err, storage.ErrInvalidArgument):
		return invalid("group.name", "has to be 1 to 200 bytes that are not all blank")
	}
	return err
}

func (s *Server) createGroup(ctx context.Context, c *call, req *adminv1.CreateGroupRequest) (*adminv1.CreateGroupResponse, error) {
	once, err := s.once(c, c.scope(), req.GetIdempotencyKey(), req)
	if err != nil {
		return nil, err
	}
	if was, err := once.before(ctx); err != nil || was != nil {
		return s.createdGroup(ctx, c, was, err)
	}
	in := req.GetGroup()
	if in.GetId() != "" {
		return nil, invalid("group.id", "is set by the server")
	}
	g := &storage.WorkingGroup{
		ID: storage.NewID(), Name: in.GetName(), Description: in.GetDescription(), ExternalID: in.GetExternalId(), CreatedOrder: c.now.UnixMicro(),
	}
	also, err := once.remember(outcome{ID: g.ID})
	if err != nil {
		return nil, err
	}
	if err := s.Store.WorkingGroups.Create(ctx, c.scope(), g, append(also, s.event(c, "group.created", g.ID))...); err != nil {
		if was, err := once.raced(ctx, err); err != nil || was != nil {
			return s.createdGroup(ctx, c, was, err)
		}
		return nil, groupFault(err)
	}
	return &adminv1.CreateGroupResponse{Group: groupMessage(g)}, nil
}

func (s *Server) createdGroup(ctx context.Context, c *call, was *outcome, err error) (*adminv1.CreateGroupResponse, error) {
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, c, was.ID)
	if err != nil {
		return nil, err
	}
	return &adminv1.CreateGroupResponse{Group: groupMessage(g)}, nil
}

func (s *Server) getGroup(ctx context.Context, c *call, req *adminv1.GetGroupRequest) (*adminv1.GetGroupResponse, error) {
	g, err := s.group(ctx, c, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	return &adminv1.GetGroupResponse{Group: groupMessage(g)}, nil
}

func (s *Server) listGroups(ctx context.Context, c *call, req *adminv1.ListGroupsRequest) (*adminv1.ListGroupsResponse, error) {
	page, by := pageRequest(req.GetPageSize(), req.GetPageToken(), req.GetOrderBy())
	switch {
	case by == "name" && req.GetSearch() == "":
		return nil, invalid("order_by", "can be name only with search")
	case by == "created_at" && req.GetSearch() != "":
		return nil, invalid("order_by", "has to be name with search")
	}
	l, err := s.Store.WorkingGroups.List(ctx, c.scope(), req.GetSearch(), page)
	if err != nil {
		return nil, badPage(err)
	}
	return &adminv1.ListGroupsResponse{Groups: groupMessages(l.Items), NextPageToken: l.Next}, nil
}

func groupMessages(groups []*storage.WorkingGroup) []*adminv1.Group {
	out := make([]*adminv1.Group, len(groups))
	for i, g := range groups {
		out[i] = groupMessage(g)
	}
	return out
}

func (s *Server) updateGroup(ctx context.Context, c *call, req *adminv1.UpdateGroupRequest) (*adminv1.UpdateGroupResponse, error) {
	g, err := s.group(ctx, c, req.GetGroup().GetId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetGroup().GetEtag(), g.Version); err != nil {
		return nil, err
	}
	before, after := groupMessage(g), groupMessage(g)
	if err := merge(after, req.GetGroup(), req.GetUpdateMask()); err != nil {
		return nil, err
	}
	g.Name, g.Description, g.ExternalID = after.GetName(), after.GetDescription(), after.GetExternalId()
	e := s.eventOf(c, "group.updated", g.ID)
	e.Details = map[string]string{"fields": changed(before, after)}
	if err := s.Store.WorkingGroups.Update(ctx, c.scope(), g, s.Store.AuditEvents.Append(e)); err != nil {
		return nil, groupFault(err)
	}
	return &adminv1.UpdateGroupResponse{Group: groupMessage(g)}, nil
}

func (s *Server) deleteGroup(ctx context.Context, c *call, req *adminv1.DeleteGroupRequest) (*adminv1.DeleteGroupResponse, error) {
	g, err := s.group(ctx, c, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetEtag(), g.Version); err != nil {
		return nil, err
	}
	err = s.Store.WorkingGroups.Delete(ctx, c.scope(), g.ID, s.event(c, "group.deleted", g.ID))
	return &adminv1.DeleteGroupResponse{}, err
}

// inGroup is an event of a person, or of a group, in a group.
func (s *Server) inGroup(c *call, action, groupID, what, id string) storage.Change {
	e := s.eventOf(c, action, groupID)
	e.Details = map[string]string{what: id}
	return s.Store.AuditEvents.Append(e)
}

func (s *Server) addGroupMember(ctx context.Context, c *call, req *adminv1.AddGroupMemberRequest) (*adminv1.AddGroupMemberResponse, error) {
	if _, err := s.group(ctx, c, req.GetGroupId()); err != nil {
		return nil, err
	}
	if _, err := s.user(ctx, c, req.GetUserId()); err != nil {
		return nil, err
	}
	err := s.Store.GroupMembers.Add(ctx, c.scope(), req.GetGroupId(), req.GetUserId(),
		s.inGroup(c, "group.member_added", req.GetGroupId(), "user_id", req.GetUserId()))
	return &adminv1.AddGroupMemberResponse{}, err
}

func (s *Server) removeGroupMember(ctx context.Context, c *call, req *adminv1.RemoveGroupMemberRequest) (*adminv1.RemoveGroupMemberResponse, error) {
	if _, err := s.group(ctx, c, req.GetGroupId()); err != nil {
		return nil, err
	}
	err := s.Store.GroupMembers.Remove(ctx, c.scope(), req.GetGroupId(), req.GetUserId(),
		s.inGroup(c, "group.member_removed", req.GetGroupId(), "user_id", req.GetUserId()))
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("group member", req.GetUserId())
	}
	return &adminv1.RemoveGroupMemberResponse{}, err
}

func (s *Server) listGroupMembers(ctx context.Context, c *call, req *adminv1.ListGroupMembersRequest) (*adminv1.ListGroupMembersResponse, error) {
	g, err := s.group(ctx, c, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.GroupMembers.OfGroup(ctx, c.scope(), g.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListGroupMembersResponse{NextPageToken: l.Next}
	for _, u := range l.Items {
		res.Members = append(res.Members, &adminv1.GroupMember{UserId: u.ID, Email: u.Email, Username: u.Username, Name: u.Name})
	}
	return res, nil
}

func (s *Server) listUserGroups(ctx context.Context, c *call, req *adminv1.ListUserGroupsRequest) (*adminv1.ListUserGroupsResponse, error) {
	u, err := s.user(ctx, c, req.GetUserId())
	if err != nil {
		return nil, err
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.GroupMembers.OfUser(ctx, c.scope(), u.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	return &adminv1.ListUserGroupsResponse{Groups: groupMessages(l.Items), NextPageToken: l.Next}, nil
}

func (s *Server) addSubgroup(ctx context.Context, c *call, req *adminv1.AddSubgroupRequest) (*adminv1.AddSubgroupResponse, error) {
	for _, id := range []string{req.GetGroupId(), req.GetSubgroupId()} {
		if _, err := s.group(ctx, c, id); err != nil {
			return nil, err
		}
	}
	err := s.Store.Subgroups.Add(ctx, c.scope(), req.GetGroupId(), req.GetSubgroupId(),
		s.inGroup(c, "group.subgroup_added", req.GetGroupId(), "subgroup_id", req.GetSubgroupId()))
	switch {
	case errors.Is(err, storage.ErrCycle):
		return nil, forbidden("subgroup_id", "is the group, or holds it: a group can't be inside itself")
	case errors.Is(err, storage.ErrInvalidArgument):
		return nil, forbidden("group_id", "is inside too many groups")
	}
	return &adminv1.AddSubgroupResponse{}, err
}

func (s *Server) removeSubgroup(ctx context.Context, c *call, req *adminv1.RemoveSubgroupRequest) (*adminv1.RemoveSubgroupResponse, error) {
	if _, err := s.group(ctx, c, req.GetGroupId()); err != nil {
		return nil, err
	}
	err := s.Store.Subgroups.Remove(ctx, c.scope(), req.GetGroupId(), req.GetSubgroupId(),
		s.inGroup(c, "group.subgroup_removed", req.GetGroupId(), "subgroup_id", req.GetSubgroupId()))
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("subgroup", req.GetSubgroupId())
	}
	return &adminv1.RemoveSubgroupResponse{}, err
}

func (s *Server) listSubgroups(ctx context.Context, c *call, req *adminv1.ListSubgroupsRequest) (*adminv1.ListSubgroupsResponse, error) {
	g, err := s.group(ctx, c, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.Subgroups.Children(ctx, c.scope(), g.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	return &adminv1.ListSubgroupsResponse{Groups: groupMessages(l.Items), NextPageToken: l.Next}, nil
}
