package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newProjectCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "project", Short: "Make and manage projects, each with its own issuer, people and applications"}
	cmd.AddCommand(newProjectCreate(t), newProjectList(t), newProjectShow(t), newProjectUpdate(t), newProjectDelete(t),
		newProjectCredential(t), newProjectAdmin(t), newProjectFiles(t))
	return cmd
}

func newProjectCreate(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use: "create ID", Short: "Make a project; its id is never given again", Args: oneArg,
		Example: `  identity project create shop --name "The shop" --signup-enabled=false`,
	}
	f := newFieldFlags(cmd.Flags(), &adminv1.Project{})
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		p := &adminv1.Project{Id: args[0]}
		if _, err := f.fill(p); err != nil {
			return err
		}
		res, err := a.Projects.CreateProject(ctx, &adminv1.CreateProjectRequest{Project: p})
		if err != nil {
			return err
		}
		return a.printOne(res.GetProject())
	})
}

func (a *api) listProjects(ctx context.Context) ([]*adminv1.Project, error) {
	return every(ctx, func(ctx context.Context, token string) ([]*adminv1.Project, string, error) {
		res, err := a.Projects.ListProjects(ctx, &adminv1.ListProjectsRequest{PageSize: pageSize, PageToken: token})
		return res.GetProjects(), res.GetNextPageToken(), err
	})
}

func newProjectList(t *terminal) *cobra.Command {
	return t.apiCall(&cobra.Command{Use: "list", Short: "List the projects"}, func(ctx context.Context, a *api, _ []string) error {
		projects, err := a.listProjects(ctx)
		if err != nil {
			return err
		}
		return printList(a, projects, []string{"ID", "NAME", "STATUS", "ISSUER"}, func(p *adminv1.Project) []string {
			return []string{p.GetId(), p.GetName(), wordOf(p.GetStatus()), p.GetIssuer()}
		})
	})
}

func newProjectShow(t *terminal) *cobra.Command {
	return t.apiCall(&cobra.Command{Use: "show ID", Short: "Show a project", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
		res, err := a.Projects.GetProject(ctx, &adminv1.GetProjectRequest{ProjectId: args[0]})
		if err != nil {
			return err
		}
		return a.printOne(res.GetProject())
	})
}

func newProjectUpdate(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "update ID", Short: "Change a project", Args: oneArg}
	f := newFieldFlags(cmd.Flags(), &adminv1.Project{})
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		p := &adminv1.Project{}
		mask, err := f.fill(p)
		if err != nil {
			return err
		}
		res, err := a.Projects.UpdateProject(ctx, &adminv1.UpdateProjectRequest{ProjectId: args[0], Project: p, UpdateMask: mask})
		if err != nil {
			return err
		}
		return a.printOne(res.GetProject())
	})
}

func newProjectDelete(t *terminal) *cobra.Command {
	yes := false
	cmd := &cobra.Command{Use: "delete ID", Short: "Delete a project with everything in it", Args: oneArg}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		res, err := a.Projects.GetProject(ctx, &adminv1.GetProjectRequest{ProjectId: args[0]})
		if err != nil {
			return err
		}
		p := res.GetProject()
		if err := a.confirm(yes, fmt.Sprintf("Delete the project %s (%s) with everybody and everything in it?", p.GetId(), p.GetName()), p.GetId()); err != nil {
			return err
		}
		_, err = a.Projects.DeleteProject(ctx, &adminv1.DeleteProjectRequest{ProjectId: p.GetId(), Etag: p.GetEtag()})
		return err
	})
}

func newProjectCredential(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "credential", Short: "Make, list and revoke the keys of a project"}
	cmd.AddCommand(newCredentialCreate(t),
		t.apiCall(&cobra.Command{Use: "list", Short: "List the keys of the project"}, func(ctx context.Context, a *api, _ []string) error {
			keys, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.ProjectCredential, string, error) {
				res, err := a.Projects.ListProjectCredentials(ctx, &adminv1.ListProjectCredentialsRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token})
				return res.GetCredentials(), res.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return printList(a, keys, []string{"ID", "KIND", "NAME", "CREATED", "EXPIRES", "LAST USED"}, func(k *adminv1.ProjectCredential) []string {
				return []string{k.GetId(), wordOf(k.GetKind()), k.GetName(), day(k.GetCreatedAt()), day(k.GetExpiresAt()), day(k.GetLastUsedAt())}
			})
		}),
		t.apiCall(&cobra.Command{Use: "revoke ID", Short: "Revoke a key of the project, at once", Args: oneArg}, func(ctx context.Context, a *api, args []string) error {
			_, err := a.Projects.RevokeProjectCredential(ctx, &adminv1.RevokeProjectCredentialRequest{ProjectId: a.project, CredentialId: args[0]})
			return err
		}))
	return cmd
}

func newCredentialCreate(t *terminal) *cobra.Command {
	var kind, name string
	var life time.Duration
	cmd := &cobra.Command{
		Use: "create", Short: "Make a key of the project; prints it once",
		Long: `Make a key of the project; prints it once. A secret key may do everything in the
project. A directory key may look up accounts by their addresses. A publishable one
only names the project, and may be in web pages.`,
	}
	cmd.Flags().StringVar(&kind, "kind", "", "secret, directory or publishable (required)")
	cmd.Flags().StringVar(&name, "name", "", "what it is for (required)")
	cmd.Flags().DurationVar(&life, "expires-in", 0, "how long it works; 0: until it is revoked")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		k, ok := adminv1.ProjectCredentialKind_value["PROJECT_CREDENTIAL_KIND_"+strings.ToUpper(kind)]
		if !ok || k == 0 {
			return usageError{fmt.Errorf("--kind %q: want secret, directory or publishable", kind)}
		}
		req := &adminv1.CreateProjectCredentialRequest{ProjectId: a.project, Kind: adminv1.ProjectCredentialKind(k), Name: name}
		if life > 0 {
			req.ExpiresAt = timestamppb.New(time.Now().Add(life))
		}
		res, err := a.Projects.CreateProjectCredential(ctx, req)
		if err != nil {
			return err
		}
		return a.printOne(res)
	})
}

func newProjectAdmin(t *terminal) *cobra.Command {
	req, password := &adminv1.BootstrapPlatformAdminRequest{}, &passwordFlags{}
	bootstrap := &cobra.Command{
		Use: "bootstrap", Short: "Make the first administrator of the platform; this works once, ever",
		Example: `  identity project admin bootstrap --email root@example.com --password-file password.txt`,
	}
	bootstrap.Flags().StringVar(&req.Email, "email", "", "mail address (required)")
	bootstrap.Flags().StringVar(&req.Name, "name", "", "full name")
	password.add(bootstrap)
	cmd := &cobra.Command{Use: "admin", Short: "The administrators of the platform"}
	cmd.AddCommand(t.apiCall(bootstrap, func(ctx context.Context, a *api, _ []string) error {
		var err error
		if req.Password, err = a.readSecret("password", password.file, password.stdin); err != nil {
			return err
		}
		res, err := a.Projects.BootstrapPlatformAdmin(ctx, req)
		if err != nil {
			return err
		}
		return a.printOne(res)
	}))
	return cmd
}
