package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/flows/upstream"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

// complete offers the names of what there is: the first argument of a command is
// of the kind that its parent is called by.
func (t *terminal) complete(s *settings, f *apiFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 || cmd.Name() == "import" || cmd.Name() == "create" || cmd.Name() == "replace" {
			return nil, cobra.ShellCompDirectiveDefault
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
		defer cancel()
		var names []string
		quiet := *s
		quiet.quiet = true
		err := quiet.onAPI(cmd, f, func(a *api) (err error) {
			names, err = a.names(ctx, cmd, typed)
			return err
		})
		if err != nil { // nobody who presses the tab key wants to read why
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// names are what a command may be called with, a page of them at most.
func (a *api) names(ctx context.Context, cmd *cobra.Command, typed string) ([]string, error) {
	kind := cmd.Parent().Name()
	if kind == "member" || kind == "subgroup" {
		kind = cmd.Parent().Parent().Name()
	}
	var names []string
	switch kind {
	case "project":
		res, err := a.Projects.ListProjects(ctx, &adminv1.ListProjectsRequest{PageSize: pageSize})
		for _, p := range res.GetProjects() {
			names = append(names, cobra.CompletionWithDesc(p.GetId(), p.GetName()))
		}
		return names, err
	case "client":
		res, err := a.Clients.ListClients(ctx, &adminv1.ListClientsRequest{ProjectId: a.project, PageSize: pageSize})
		for _, c := range res.GetClients() {
			names = append(names, cobra.CompletionWithDesc(c.GetId(), c.GetClientName()))
		}
		return names, err
	case "user", "session":
		res, err := a.Users.ListUsers(ctx, &adminv1.ListUsersRequest{ProjectId: a.project, PageSize: 50, OrderBy: "email", Search: typed})
		for _, u := range res.GetUsers() {
			names = append(names, cobra.CompletionWithDesc(nameOf(u), u.GetName()))
		}
		return names, err
	case "group":
		res, err := a.Groups.ListGroups(ctx, &adminv1.ListGroupsRequest{ProjectId: a.project, PageSize: 50, OrderBy: "name", Search: typed})
		for _, g := range res.GetGroups() {
			names = append(names, g.GetName())
		}
		return names, err
	case "tenant":
		res, err := a.Tenants.ListTenants(ctx, &adminv1.ListTenantsRequest{ProjectId: a.project, PageSize: 50})
		for _, m := range res.GetTenants() {
			names = append(names, cobra.CompletionWithDesc(m.GetId(), m.GetName()))
		}
		return names, err
	case "domain":
		domains, err := a.listDomains(ctx)
		for _, d := range domains {
			names = append(names, d.GetHost())
		}
		return names, err
	case "provider":
		if cmd.Name() == "add" {
			return upstream.Kinds(), nil
		}
		providers, err := a.listProviders(ctx)
		for _, p := range providers {
			names = append(names, cobra.CompletionWithDesc(p.GetId(), p.GetName()))
		}
		return names, err
	case "key":
		res, err := a.Keys.ListKeys(ctx, &adminv1.ListKeysRequest{ProjectId: a.project})
		for _, k := range res.GetKeys() {
			names = append(names, cobra.CompletionWithDesc(k.GetId(), k.GetAlg()+" "+wordOf(k.GetStatus())))
		}
		return names, err
	}
	return nil, nil
}
