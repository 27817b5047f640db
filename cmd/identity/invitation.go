package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newInvitationCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "invitation", Short: "Invite people by mail"}
	cmd.AddCommand(
		newInvitationCreate(t),
		t.apiCall(&cobra.Command{Use: "list", Short: "List the invitations, with those that ended in the last 30 days"}, func(ctx context.Context, a *api, _ []string) error {
			all, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.Invitation, string, error) {
				res, err := a.Invitations.ListInvitations(ctx, &adminv1.ListInvitationsRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token})
				return res.GetInvitations(), res.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return printList(a, all, []string{"ID", "EMAIL", "STATE", "ROLE", "TENANT", "ENDS"}, func(i *adminv1.Invitation) []string {
				return []string{i.GetId(), i.GetEmail(), wordOf(i.GetState()), wordOf(i.GetRole()), i.GetTenantId(), day(i.GetExpiresAt())}
			})
		}),
		t.apiCall(&cobra.Command{Use: "revoke ID", Short: "Take an invitation back", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
			_, err := a.Invitations.RevokeInvitation(ctx, &adminv1.RevokeInvitationRequest{ProjectId: a.project, InvitationId: args[0]})
			return err
		}),
	)
	return cmd
}

func newInvitationCreate(t *terminal) *cobra.Command {
	role, tenant, tenantRole, locale := "", "", "", ""
	cmd := &cobra.Command{
		Use: "create EMAIL", Short: "Invite somebody; prints the link where no mail is sent", Args: oneArg,
		Example: `  identity invitation create jane@example.com
  identity invitation create jane@acme.example --tenant ID --tenant-role admin`,
	}
	fl := cmd.Flags()
	fl.StringVar(&role, "role", "member", "what the account will be: admin, member or guest")
	fl.StringVar(&tenant, "tenant", "", "id of the organisation that they join")
	fl.StringVar(&tenantRole, "tenant-role", "", "what they will be there: owner, admin or member")
	fl.StringVar(&locale, "locale", "", "language of the mail, such as de")
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		i := &adminv1.Invitation{Email: args[0], TenantId: tenant}
		for _, word := range []struct {
			flag, value, prefix string
			known               map[string]int32
			set                 func(int32)
		}{
			{"role", role, "USER_ROLE_", adminv1.UserRole_value, func(n int32) { i.Role = adminv1.UserRole(n) }},
			{"tenant-role", tenantRole, "TENANT_ROLE_", adminv1.TenantRole_value, func(n int32) { i.TenantRole = adminv1.TenantRole(n) }},
		} {
			n, ok := word.known[word.prefix+strings.ToUpper(word.value)]
			switch {
			case word.value == "":
			case !ok:
				return usageError{fmt.Errorf("--%s: %q is none", word.flag, word.value)}
			default:
				word.set(n)
			}
		}
		res, err := a.Invitations.CreateInvitation(ctx, &adminv1.CreateInvitationRequest{ProjectId: a.project, Invitation: i, Locale: locale})
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(map[string]any{"id": res.GetInvitation().GetId(), "email": res.GetInvitation().GetEmail(), "mailed": res.GetMailed(), "link": res.GetLink()})
		}
		if res.GetMailed() {
			_, err = fmt.Fprintf(a.stdout, "A mail to %s is on its way.\n", res.GetInvitation().GetEmail())
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "No mail is sent here. Hand this link over; whoever has it can accept:\n%s\n", res.GetLink())
		return err
	})
}

func newHelpRequestCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "help-request", Short: "Answer people who can't get in"}
	all, answer := false, ""
	list := &cobra.Command{Use: "list", Short: "List the requests that wait for an answer"}
	list.Flags().BoolVar(&all, "all", false, "those that were answered, too")
	resolve := &cobra.Command{Use: "resolve ID", Short: "Close a request, with an answer by mail or without", Args: oneArg}
	resolve.Flags().StringVar(&answer, "answer", "", "what the person is told; empty: nothing")
	cmd.AddCommand(
		t.apiCall(list, func(ctx context.Context, a *api, _ []string) error {
			found, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.HelpRequest, string, error) {
				res, err := a.Help.ListHelpRequests(ctx, &adminv1.ListHelpRequestsRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token, All: all})
				return res.GetHelpRequests(), res.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return printList(a, found, []string{"ID", "ASKED", "EMAIL", "ACCOUNT", "RESOLVED", "MESSAGE"}, func(r *adminv1.HelpRequest) []string {
				return []string{r.GetId(), day(r.GetCreatedAt()), printable(r.GetEmail()), r.GetUserId(), yesNo(r.GetResolved()), printable(r.GetMessage())}
			})
		}),
		t.apiCall(resolve, func(ctx context.Context, a *api, args []string) error {
			_, err := a.Help.ResolveHelpRequest(ctx, &adminv1.ResolveHelpRequestRequest{ProjectId: a.project, HelpRequestId: args[0], Answer: answer})
			return err
		}),
	)
	return cmd
}
