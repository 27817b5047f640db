package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newGroupCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "group", Short: "Manage groups, who is in them, and groups inside groups"}
	cmd.AddCommand(newGroupCreate(t), newGroupList(t), newGroupShow(t), newGroupUpdate(t), newGroupDelete(t), newGroupMember(t), newSubgroup(t))
	return cmd
}

func newGroupCreate(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "create", Short: "Make a group", Example: `  identity group create --name editors`}
	f := newFieldFlags(cmd.Flags(), &adminv1.Group{})
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		m := &adminv1.Group{}
		if _, err := f.fill(m); err != nil {
			return err
		}
		res, err := a.Groups.CreateGroup(ctx, &adminv1.CreateGroupRequest{ProjectId: a.project, Group: m})
		if err != nil {
			return err
		}
		return a.printOne(res.GetGroup())
	})
}

func (a *api) listGroups(ctx context.Context, search string) ([]*adminv1.Group, error) {
	order := ""
	if search != "" {
		order = "name" // as a search wants it, and nothing else can have it
	}
	return every(ctx, func(ctx context.Context, token string) ([]*adminv1.Group, string, error) {
		res, err := a.Groups.ListGroups(ctx, &adminv1.ListGroupsRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token, Search: search, OrderBy: order})
		return res.GetGroups(), res.GetNextPageToken(), err
	})
}

// group finds a group by its name or its id.
func (a *api) group(ctx context.Context, which string) (*adminv1.Group, error) {
	groups, err := a.listGroups(ctx, which)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if g.GetName() == which {
			return g, nil
		}
	}
	res, err := a.Groups.GetGroup(ctx, &adminv1.GetGroupRequest{ProjectId: a.project, GroupId: which})
	return res.GetGroup(), err
}

func printGroups(a *api, groups []*adminv1.Group) error {
	return printList(a, groups, []string{"ID", "NAME", "DESCRIPTION", "EXTERNAL ID"}, func(g *adminv1.Group) []string {
		return []string{g.GetId(), g.GetName(), g.GetDescription(), g.GetExternalId()}
	})
}

func newGroupList(t *terminal) *cobra.Command {
	search, user := "", ""
	cmd := &cobra.Command{Use: "list", Short: "List the groups"}
	cmd.Flags().StringVar(&search, "search", "", "only those whose name begins with this")
	cmd.Flags().StringVar(&user, "user", "", "only those that this account is in: EMAIL|SUB|USERNAME")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		if user == "" {
			groups, err := a.listGroups(ctx, search)
			if err != nil {
				return err
			}
			return printGroups(a, groups)
		}
		u, err := a.user(ctx, user)
		if err != nil {
			return err
		}
		groups, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.Group, string, error) {
			res, err := a.Groups.ListUserGroups(ctx, &adminv1.ListUserGroupsRequest{ProjectId: a.project, UserId: u.GetId(), PageSize: pageSize, PageToken: token})
			return res.GetGroups(), res.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		return printGroups(a, groups)
	})
}

// onGroup makes a command of what it does with a group.
func (t *terminal) onGroup(cmd *cobra.Command, do func(context.Context, *api, *adminv1.Group, []string) error) *cobra.Command {
	if cmd.Args == nil {
		cmd.Args = oneArg
	}
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		g, err := a.group(ctx, args[0])
		if err != nil {
			return err
		}
		return do(ctx, a, g, args[1:])
	})
}

func newGroupShow(t *terminal) *cobra.Command {
	return t.onGroup(&cobra.Command{Use: "show NAME|ID", Short: "Show a group"}, func(_ context.Context, a *api, g *adminv1.Group, _ []string) error {
		return a.printOne(g)
	})
}

func newGroupUpdate(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "update NAME|ID", Short: "Change a group"}
	f := newFieldFlags(cmd.Flags(), &adminv1.Group{})
	return t.onGroup(cmd, func(ctx context.Context, a *api, g *adminv1.Group, _ []string) error {
		m := &adminv1.Group{Id: g.GetId(), Etag: g.GetEtag()}
		mask, err := f.fill(m)
		if err != nil {
			return err
		}
		res, err := a.Groups.UpdateGroup(ctx, &adminv1.UpdateGroupRequest{ProjectId: a.project, Group: m, UpdateMask: mask})
		if err != nil {
			return err
		}
		return a.printOne(res.GetGroup())
	})
}

func newGroupDelete(t *terminal) *cobra.Command {
	yes := false
	cmd := &cobra.Command{Use: "delete NAME|ID", Short: "Delete a group; its members keep their accounts"}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return t.onGroup(cmd, func(ctx context.Context, a *api, g *adminv1.Group, _ []string) error {
		if err := a.confirm(yes, fmt.Sprintf("Delete the group %s (%s)?", g.GetName(), g.GetId()), g.GetName()); err != nil {
			return err
		}
		_, err := a.Groups.DeleteGroup(ctx, &adminv1.DeleteGroupRequest{ProjectId: a.project, GroupId: g.GetId(), Etag: g.GetEtag()})
		return err
	})
}

func newGroupMember(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "member", Short: "Who is in a group"}
	cmd.AddCommand(
		t.onGroup(&cobra.Command{Use: "add GROUP USER", Short: "Put an account into a group", Args: cobra.ExactArgs(2)},
			func(ctx context.Context, a *api, g *adminv1.Group, args []string) error {
				u, err := a.user(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = a.Groups.AddGroupMember(ctx, &adminv1.AddGroupMemberRequest{ProjectId: a.project, GroupId: g.GetId(), UserId: u.GetId()})
				return err
			}),
		t.onGroup(&cobra.Command{Use: "remove GROUP USER", Short: "Take an account out of a group", Args: cobra.ExactArgs(2)},
			func(ctx context.Context, a *api, g *adminv1.Group, args []string) error {
				u, err := a.user(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = a.Groups.RemoveGroupMember(ctx, &adminv1.RemoveGroupMemberRequest{ProjectId: a.project, GroupId: g.GetId(), UserId: u.GetId()})
				return err
			}),
		t.onGroup(&cobra.Command{Use: "list GROUP", Short: "List who is in a group"}, func(ctx context.Context, a *api, g *adminv1.Group, _ []string) error {
			members, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.GroupMember, string, error) {
				res, err := a.Groups.ListGroupMembers(ctx, &adminv1.ListGroupMembersRequest{ProjectId: a.project, GroupId: g.GetId(), PageSize: pageSize, PageToken: token})
				return res.GetMembers(), res.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return printList(a, members, []string{"SUB", "EMAIL", "USERNAME", "NAME"}, func(m *adminv1.GroupMember) []string {
				return []string{m.GetUserId(), m.GetEmail(), m.GetUsername(), m.GetName()}
			})
		}),
	)
	return cmd
}

func newSubgroup(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "subgroup", Short: "Groups inside a group"}
	cmd.AddCommand(
		t.onGroup(&cobra.Command{Use: "add GROUP SUBGROUP", Short: "Put a group into a group", Args: cobra.ExactArgs(2)},
			func(ctx context.Context, a *api, g *adminv1.Group, args []string) error {
				sub, err := a.group(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = a.Groups.AddSubgroup(ctx, &adminv1.AddSubgroupRequest{ProjectId: a.project, GroupId: g.GetId(), SubgroupId: sub.GetId()})
				return err
			}),
		t.onGroup(&cobra.Command{Use: "remove GROUP SUBGROUP", Short: "Take a group out of a group", Args: cobra.ExactArgs(2)},
			func(ctx context.Context, a *api, g *adminv1.Group, args []string) error {
				sub, err := a.group(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = a.Groups.RemoveSubgroup(ctx, &adminv1.RemoveSubgroupRequest{ProjectId: a.project, GroupId: g.GetId(), SubgroupId: sub.GetId()})
				return err
			}),
		t.onGroup(&cobra.Command{Use: "list GROUP", Short: "List the groups inside a group"}, func(ctx context.Context, a *api, g *adminv1.Group, _ []string) error {
			groups, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.Group, string, error) {
				res, err := a.Groups.ListSubgroups(ctx, &adminv1.ListSubgroupsRequest{ProjectId: a.project, GroupId: g.GetId(), PageSize: pageSize, PageToken: token})
				return res.GetGroups(), res.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return printGroups(a, groups)
		}),
	)
	return cmd
}
