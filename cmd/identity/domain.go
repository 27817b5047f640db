package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newDomainCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "domain", Short: "Give a project hosts of its own, proved by DNS"}
	yes := false
	remove := &cobra.Command{Use: "delete HOST|ID", Short: "Take a host away from the project", Args: oneArg}
	remove.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.AddCommand(
		t.apiCall(&cobra.Command{
			Use: "add HOST", Short: "Claim a host; prints the TXT record that proves it", Args: oneArg,
			Example: `  identity domain add login.example.com --project shop
  identity domain verify login.example.com --project shop`,
		}, func(ctx context.Context, a *api, args []string) error {
			res, err := a.Domains.ClaimDomain(ctx, &adminv1.ClaimDomainRequest{ProjectId: a.project, Host: args[0]})
			if err != nil {
				return err
			}
			return a.printOne(res.GetDomain())
		}),
		t.apiCall(&cobra.Command{Use: "list", Short: "List the hosts of the project"}, func(ctx context.Context, a *api, _ []string) error {
			domains, err := a.listDomains(ctx)
			if err != nil {
				return err
			}
			return printList(a, domains, []string{"ID", "HOST", "STATUS", "PRIMARY", "TXT NAME", "TXT VALUE"}, func(d *adminv1.Domain) []string {
				return []string{d.GetId(), d.GetHost(), wordOf(d.GetStatus()), yesNo(d.GetPrimary()), d.GetTxtName(), d.GetTxtValue()}
			})
		}),
		t.onDomain(&cobra.Command{Use: "show HOST|ID", Short: "Show a host"}, func(_ context.Context, a *api, d *adminv1.Domain) error {
			return a.printOne(d)
		}),
		t.onDomain(&cobra.Command{Use: "verify HOST|ID", Short: "Look for the TXT record of a host, now"}, func(ctx context.Context, a *api, d *adminv1.Domain) error {
			res, err := a.Domains.VerifyDomain(ctx, &adminv1.VerifyDomainRequest{ProjectId: a.project, DomainId: d.GetId()})
			if err != nil {
				return err
			}
			return a.printOne(res.GetDomain())
		}),
		t.onDomain(&cobra.Command{
			Use: "primary HOST|ID", Short: "Make a verified host the issuer of the project; clients know it by the old one until they are told",
		}, func(ctx context.Context, a *api, d *adminv1.Domain) error {
			res, err := a.Domains.SetPrimaryDomain(ctx, &adminv1.SetPrimaryDomainRequest{ProjectId: a.project, DomainId: d.GetId()})
			if err != nil {
				return err
			}
			return a.printOne(res.GetDomain())
		}),
		t.onDomain(remove, func(ctx context.Context, a *api, d *adminv1.Domain) error {
			if err := a.confirm(yes, fmt.Sprintf("Take the host %s away from the project?", d.GetHost()), d.GetHost()); err != nil {
				return err
			}
			_, err := a.Domains.DeleteDomain(ctx, &adminv1.DeleteDomainRequest{ProjectId: a.project, DomainId: d.GetId()})
			return err
		}),
	)
	return cmd
}

func (a *api) listDomains(ctx context.Context) ([]*adminv1.Domain, error) {
	return every(ctx, func(ctx context.Context, token string) ([]*adminv1.Domain, string, error) {
		res, err := a.Domains.ListDomains(ctx, &adminv1.ListDomainsRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token})
		return res.GetDomains(), res.GetNextPageToken(), err
	})
}

// onDomain makes a command of what it does with a host, which is named by itself
// or by its id.
func (t *terminal) onDomain(cmd *cobra.Command, do func(context.Context, *api, *adminv1.Domain) error) *cobra.Command {
	cmd.Args = oneArg
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		domains, err := a.listDomains(ctx)
		if err != nil {
			return err
		}
		for _, d := range domains {
			if d.GetId() == args[0] || strings.EqualFold(d.GetHost(), args[0]) {
				return do(ctx, a, d)
			}
		}
		res, err := a.Domains.GetDomain(ctx, &adminv1.GetDomainRequest{ProjectId: a.project, DomainId: args[0]})
		if err != nil {
			return err
		}
		return do(ctx, a, res.GetDomain())
	})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
