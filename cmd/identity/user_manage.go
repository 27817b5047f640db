package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newUserList(t *terminal) *cobra.Command {
	var status, role, search, order string
	limit := 0
	cmd := &cobra.Command{Use: "list", Short: "List the accounts"}
	cmd.Flags().StringVar(&status, "status", "", "only those that are active, invited, deactivated, suspended or pending_deletion")
	cmd.Flags().StringVar(&role, "role", "", "only those that are admin, member or guest")
	cmd.Flags().StringVar(&search, "search", "", "only those whose address begins with this (or what --order-by says)")
	cmd.Flags().StringVar(&order, "order-by", "", "created_at, email, username or name, with \" desc\" after it for the other way round")
	cmd.Flags().IntVar(&limit, "limit", 0, "most accounts; 0: all")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		req := &adminv1.ListUsersRequest{ProjectId: a.project, PageSize: pageSize, OrderBy: order, Search: search}
		if search != "" && order == "" {
			req.OrderBy = "email"
		}
		if limit > 0 && limit < pageSize {
			req.PageSize = int32(limit) //nolint:gosec // less than pageSize
		}
		for _, w := range []struct {
			flag, value, prefix string
			words               map[string]int32
			set                 func(int32)
		}{
			{"status", status, "USER_STATUS_", adminv1.UserStatus_value, func(n int32) { req.Status = adminv1.UserStatus(n) }},
			{"role", role, "USER_ROLE_", adminv1.UserRole_value, func(n int32) { req.Role = adminv1.UserRole(n) }},
		} {
			n, ok := w.words[w.prefix+strings.ToUpper(w.value)]
			if w.value != "" && (!ok || n == 0) {
				return usageError{fmt.Errorf("--%s %q: there is no such word\ntry: identity user list --help", w.flag, w.value)}
			}
			w.set(n)
		}
		got := 0
		users, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.User, string, error) {
			req.PageToken = token
			res, err := a.Users.ListUsers(ctx, req)
			next := res.GetNextPageToken()
			if got += len(res.GetUsers()); limit > 0 && got >= limit {
				next = ""
			}
			return res.GetUsers(), next, err
		})
		if err != nil {
			return err
		}
		if limit > 0 && len(users) > limit {
			users = users[:limit]
		}
		return printUsers(a, users)
	})
}

func printUsers(a *api, users []*adminv1.User) error {
	if a.json {
		out := make([]map[string]any, len(users))
		for i, u := range users {
			out[i] = map[string]any{
				"sub": u.GetId(), "email": u.GetEmail(), "email_verified": u.GetEmailVerified(), "username": u.GetUsername(),
				"name": u.GetName(), "status": wordOf(u.GetStatus()), "role": wordOf(u.GetRole()), "created_at": u.GetCreatedAt().AsTime(),
			}
		}
		return a.printJSON(out)
	}
	rows := make([][]string, len(users))
	for i, u := range users {
		rows[i] = []string{u.GetId(), nameOf(u), printable(u.GetName()), wordOf(u.GetStatus()), u.GetCreatedAt().AsTime().Format(time.DateOnly)}
	}
	return a.printTable([]string{"SUB", "EMAIL", "NAME", "STATUS", "CREATED"}, rows)
}

// onUser makes a command of what it does with an account.
func (t *terminal) onUser(cmd *cobra.Command, do func(context.Context, *api, *adminv1.User) error) *cobra.Command {
	cmd.Args = oneArg
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		u, err := a.user(ctx, args[0])
		if err != nil {
			return err
		}
		return do(ctx, a, u)
	})
}

func newUserShow(t *terminal) *cobra.Command {
	return t.onUser(&cobra.Command{Use: "show EMAIL|SUB|USERNAME", Short: "Show an account"}, func(_ context.Context, a *api, u *adminv1.User) error {
		return a.printOne(u)
	})
}

func newUserUpdate(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use: "update EMAIL|SUB|USERNAME", Short: "Change an account, or its status",
		Example: `  identity user update jane@example.com --name "Jane Roe" --clear nickname
  identity user update jane@example.com --status suspended`,
	}
	f := newFieldFlags(cmd.Flags(), &adminv1.User{})
	return t.onUser(cmd, func(ctx context.Context, a *api, u *adminv1.User) error {
		m := &adminv1.User{Id: u.GetId(), Etag: u.GetEtag()}
		mask, err := f.fill(m)
		if err != nil {
			return err
		}
		res, err := a.Users.UpdateUser(ctx, &adminv1.UpdateUserRequest{ProjectId: a.project, User: m, UpdateMask: mask})
		if err != nil {
			return err
		}
		return a.printOne(res.GetUser())
	})
}

func newUserSetPassword(t *terminal) *cobra.Command {
	p := &passwordFlags{}
	cmd := &cobra.Command{Use: "set-password EMAIL|SUB|USERNAME", Short: "Set a password; ends every session of the account"}
	p.add(cmd)
	return t.onUser(cmd, func(ctx context.Context, a *api, u *adminv1.User) error {
		plain, err := a.readSecret("new password", p.file, p.stdin)
		if err != nil {
			return err
		}
		_, err = a.Users.SetUserPassword(ctx, &adminv1.SetUserPasswordRequest{
			ProjectId: a.project, UserId: u.GetId(), Credential: &adminv1.SetUserPasswordRequest_Password{Password: plain},
		})
		return err
	})
}

func newUserDelete(t *terminal) *cobra.Command {
	yes := false
	cmd := &cobra.Command{Use: "delete EMAIL|SUB|USERNAME", Short: "Delete an account with its sessions, grants, tokens and consents"}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return t.onUser(cmd, func(ctx context.Context, a *api, u *adminv1.User) error {
		if err := a.confirm(yes, fmt.Sprintf("Delete the account of %s (%s)?", nameOf(u), u.GetId()), nameOf(u)); err != nil {
			return err
		}
		_, err := a.Users.DeleteUser(ctx, &adminv1.DeleteUserRequest{ProjectId: a.project, UserId: u.GetId(), Etag: u.GetEtag()})
		return err
	})
}
