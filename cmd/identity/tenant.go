package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newTenantCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "Manage the organisations inside a project, their mail domains and members"}
	cmd.AddCommand(newTenantCreate(t), newTenantList(t), newTenantShow(t), newTenantUpdate(t), newTenantDelete(t), newTenantDomain(t), newTenantMember(t))
	return cmd
}

func newTenantCreate(t *terminal) *cobra.Command {
	owner := ""
	cmd := &cobra.Command{Use: "create", Short: "Make an organisation", Example: `  identity tenant create --name Acme --owner jane@acme.example`}
	cmd.Flags().StringVar(&owner, "owner", "", "its first owner: EMAIL|SUB|USERNAME (required)")
	f := newFieldFlags(cmd.Flags(), &adminv1.Tenant{})
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		m := &adminv1.Tenant{}
		if _, err := f.fill(m); err != nil {
			return err
		}
		if owner == "" {
			return usageError{fmt.Errorf("the first owner is missing: give them with --owner\ntry: %s --help", a.path)}
		}
		u, err := a.user(ctx, owner)
		if err != nil {
			return err
		}
		res, err := a.Tenants.CreateTenant(ctx, &adminv1.CreateTenantRequest{ProjectId: a.project, Tenant: m, OwnerUserId: u.GetId()})
		if err != nil {
			return err
		}
		return a.printOne(res.GetTenant())
	})
}

func (a *api) listTenants(ctx context.Context, search string) ([]*adminv1.Tenant, error) {
	return every(ctx, func(ctx context.Context, token string) ([]*adminv1.Tenant, string, error) {
		res, err := a.Tenants.ListTenants(ctx, &adminv1.ListTenantsRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token, Search: search})
		return res.GetTenants(), res.GetNextPageToken(), err
	})
}

func newTenantList(t *terminal) *cobra.Command {
	search := ""
	cmd := &cobra.Command{Use: "list", Short: "List the organisations"}
	cmd.Flags().StringVar(&search, "search", "", "only those whose name begins with this")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		tenants, err := a.listTenants(ctx, search)
		if err != nil {
			return err
		}
		return printList(a, tenants, []string{"ID", "NAME", "CREATED"}, func(m *adminv1.Tenant) []string {
			return []string{m.GetId(), m.GetName(), day(m.GetCreatedAt())}
		})
	})
}

func newTenantShow(t *terminal) *cobra.Command {
	return t.apiCall(&cobra.Command{Use: "show ID", Short: "Show an organisation", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
		res, err := a.Tenants.GetTenant(ctx, &adminv1.GetTenantRequest{ProjectId: a.project, TenantId: args[0]})
		if err != nil {
			return err
		}
		return a.printOne(res.GetTenant())
	})
}

func newTenantUpdate(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use: "update ID", Short: "Change an organisation", Args: oneArg,
		Example: `  identity tenant update ID --login-policy '{"second_factor_required": true}'`,
	}
	f := newFieldFlags(cmd.Flags(), &adminv1.Tenant{})
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		m := &adminv1.Tenant{Id: args[0]}
		mask, err := f.fill(m)
		if err != nil {
			return err
		}
		res, err := a.Tenants.UpdateTenant(ctx, &adminv1.UpdateTenantRequest{ProjectId: a.project, Tenant: m, UpdateMask: mask})
		if err != nil {
			return err
		}
		return a.printOne(res.GetTenant())
	})
}

func newTenantDelete(t *terminal) *cobra.Command {
	yes := false
	cmd := &cobra.Command{Use: "delete ID", Short: "Delete an organisation; its members keep their accounts", Args: oneArg}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		res, err := a.Tenants.GetTenant(ctx, &adminv1.GetTenantRequest{ProjectId: a.project, TenantId: args[0]})
		if err != nil {
			return err
		}
		m := res.GetTenant()
		if err := a.confirm(yes, fmt.Sprintf("Delete the organisation %s (%s)?", m.GetName(), m.GetId()), m.GetName()); err != nil {
			return err
		}
		_, err = a.Tenants.DeleteTenant(ctx, &adminv1.DeleteTenantRequest{ProjectId: a.project, TenantId: m.GetId(), Etag: m.GetEtag()})
		return err
	})
}

func newTenantDomain(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "domain", Short: "The mail domains of an organisation"}
	cmd.AddCommand(
		t.apiCall(&cobra.Command{Use: "add TENANT DOMAIN", Short: "Claim a mail domain; prints the TXT record that proves it", Args: cobra.ExactArgs(2)},
			func(ctx context.Context, a *api, args []string) error {
				res, err := a.Tenants.AddTenantDomain(ctx, &adminv1.AddTenantDomainRequest{ProjectId: a.project, TenantId: args[0], Domain: args[1]})
				if err != nil {
					return err
				}
				return a.printOne(res.GetDomain())
			}),
		t.apiCall(&cobra.Command{Use: "verify TENANT DOMAIN_ID", Short: "Look for the TXT record, now", Args: cobra.ExactArgs(2)},
			func(ctx context.Context, a *api, args []string) error {
				res, err := a.Tenants.VerifyTenantDomain(ctx, &adminv1.VerifyTenantDomainRequest{ProjectId: a.project, TenantId: args[0], DomainId: args[1]})
				if err != nil {
					return err
				}
				return a.printOne(res.GetDomain())
			}),
		t.apiCall(&cobra.Command{Use: "remove TENANT DOMAIN_ID", Short: "Give a mail domain up", Args: cobra.ExactArgs(2)},
			func(ctx context.Context, a *api, args []string) error {
				_, err := a.Tenants.RemoveTenantDomain(ctx, &adminv1.RemoveTenantDomainRequest{ProjectId: a.project, TenantId: args[0], DomainId: args[1]})
				return err
			}),
		t.apiCall(&cobra.Command{Use: "list TENANT", Short: "List the mail domains", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
			domains, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.TenantDomain, string, error) {
				res, err := a.Tenants.ListTenantDomains(ctx, &adminv1.ListTenantDomainsRequest{ProjectId: a.project, TenantId: args[0], PageSize: pageSize, PageToken: token})
				return res.GetDomains(), res.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return printList(a, domains, []string{"ID", "DOMAIN", "VERIFIED", "TXT NAME", "TXT VALUE"}, func(d *adminv1.TenantDomain) []string {
				return []string{d.GetId(), d.GetDomain(), yesNo(d.GetVerified()), d.GetTxtName(), d.GetTxtValue()}
			})
		}),
	)
	return cmd
}

func newTenantMember(t *terminal) *cobra.Command {
	role := ""
	set := &cobra.Command{Use: "set TENANT USER", Short: "Make an account a member, or change what it is", Args: cobra.ExactArgs(2)}
	set.Flags().StringVar(&role, "role", "member", "member, admin or owner")
	cmd := &cobra.Command{Use: "member", Short: "The members of an organisation"}
	cmd.AddCommand(
		t.apiCall(set, func(ctx context.Context, a *api, args []string) error {
			r := adminv1.TenantRole_value["TENANT_ROLE_"+strings.ToUpper(role)]
			if r == 0 {
				return usageError{fmt.Errorf("--role %q: want member, admin or owner", role)}
			}
			u, err := a.user(ctx, args[1])
			if err != nil {
				return err
			}
			res, err := a.Tenants.SetTenantMember(ctx, &adminv1.SetTenantMemberRequest{ProjectId: a.project, TenantId: args[0], UserId: u.GetId(), Role: adminv1.TenantRole(r)})
			if err != nil {
				return err
			}
			return a.printOne(res.GetMember())
		}),
		t.apiCall(&cobra.Command{Use: "remove TENANT USER", Short: "End a membership", Args: cobra.ExactArgs(2)}, func(ctx context.Context, a *api, args []string) error {
			u, err := a.user(ctx, args[1])
			if err != nil {
				return err
			}
			_, err = a.Tenants.RemoveTenantMember(ctx, &adminv1.RemoveTenantMemberRequest{ProjectId: a.project, TenantId: args[0], UserId: u.GetId()})
			return err
		}),
		t.apiCall(&cobra.Command{Use: "list TENANT", Short: "List the members", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
			members, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.TenantMember, string, error) {
				res, err := a.Tenants.ListTenantMembers(ctx, &adminv1.ListTenantMembersRequest{ProjectId: a.project, TenantId: args[0], PageSize: pageSize, PageToken: token})
				return res.GetMembers(), res.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return printList(a, members, []string{"SUB", "ROLE", "SINCE"}, func(m *adminv1.TenantMember) []string {
				return []string{m.GetUserId(), wordOf(m.GetRole()), day(m.GetCreatedAt())}
			})
		}),
	)
	return cmd
}
