package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newSessionCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "session", Short: "See who is signed in, and end it"}
	yes := false
	all := &cobra.Command{Use: "revoke-all USER", Short: "End every session of an account, and its tokens", Args: oneArg}
	all.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.AddCommand(
		t.apiCall(&cobra.Command{Use: "list USER", Short: "List the sessions of an account: EMAIL|SUB|USERNAME", Args: oneArg},
			func(ctx context.Context, a *api, args []string) error {
				u, err := a.user(ctx, args[0])
				if err != nil {
					return err
				}
				sessions, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.Session, string, error) {
					res, err := a.Sessions.ListSessions(ctx, &adminv1.ListSessionsRequest{ProjectId: a.project, UserId: u.GetId(), PageSize: pageSize, PageToken: token})
					return res.GetSessions(), res.GetNextPageToken(), err
				})
				if err != nil {
					return err
				}
				return printList(a, sessions, []string{"ID", "SIGNED IN", "BY", "LAST SEEN", "ENDS", "IP", "USER AGENT"}, func(v *adminv1.Session) []string {
					return []string{
						v.GetId(), day(v.GetAuthTime()), strings.Join(v.GetAmr(), ","), day(v.GetLastSeenAt()), day(v.GetExpiresAt()), v.GetIp(), printable(v.GetUserAgent()),
					}
				})
			}),
		t.apiCall(&cobra.Command{Use: "show ID", Short: "Show a session", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
			res, err := a.Sessions.GetSession(ctx, &adminv1.GetSessionRequest{ProjectId: a.project, SessionId: args[0]})
			if err != nil {
				return err
			}
			return a.printOne(res.GetSession())
		}),
		t.apiCall(&cobra.Command{Use: "revoke ID", Short: "End a session, and its tokens", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
			_, err := a.Sessions.RevokeSession(ctx, &adminv1.RevokeSessionRequest{ProjectId: a.project, SessionId: args[0]})
			return err
		}),
		t.apiCall(all, func(ctx context.Context, a *api, args []string) error {
			u, err := a.user(ctx, args[0])
			if err != nil {
				return err
			}
			if err := a.confirm(yes, fmt.Sprintf("Sign %s (%s) out everywhere?", nameOf(u), u.GetId()), nameOf(u)); err != nil {
				return err
			}
			_, err = a.Sessions.RevokeUserSessions(ctx, &adminv1.RevokeUserSessionsRequest{ProjectId: a.project, UserId: u.GetId()})
			return err
		}),
	)
	return cmd
}

// printable takes out what could move the cursor of a terminal: it was sent by a
// browser, or by whoever said to be one.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}
