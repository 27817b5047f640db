package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func newClientList(t *terminal) *cobra.Command {
	return t.apiCall(&cobra.Command{Use: "list", Short: "List the applications"}, func(ctx context.Context, a *api, _ []string) error {
		clients, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.Client, string, error) {
			res, err := a.Clients.ListClients(ctx, &adminv1.ListClientsRequest{ProjectId: a.project, PageSize: pageSize, PageToken: token})
			return res.GetClients(), res.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if a.json {
			out := make([]map[string]any, len(clients))
			for i, c := range clients {
				out[i] = map[string]any{
					"client_id": c.GetId(), "client_name": c.GetClientName(), "redirect_uris": c.GetRedirectUris(), "grant_types": c.GetGrantTypes(),
					"token_endpoint_auth_method": c.GetTokenEndpointAuthMethod(), "first_party": c.GetFirstParty(), "created_at": c.GetCreatedAt().AsTime(),
				}
			}
			return a.printJSON(out)
		}
		rows := make([][]string, len(clients))
		for i, c := range clients {
			rows[i] = []string{c.GetId(), printable(c.GetClientName()), strings.Join(c.GetGrantTypes(), ","), strings.Join(c.GetRedirectUris(), " ")}
		}
		return a.printTable([]string{"CLIENT_ID", "NAME", "GRANT TYPES", "REDIRECT URIS"}, rows)
	})
}

// onClient makes a command of what it does with a client.
func (t *terminal) onClient(cmd *cobra.Command, do func(context.Context, *api, *adminv1.Client) error) *cobra.Command {
	cmd.Args = oneArg
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		res, err := a.Clients.GetClient(ctx, &adminv1.GetClientRequest{ProjectId: a.project, ClientId: args[0]})
		if err != nil {
			return err
		}
		return do(ctx, a, res.GetClient())
	})
}

func newClientShow(t *terminal) *cobra.Command {
	return t.onClient(&cobra.Command{Use: "show CLIENT_ID", Short: "Show an application"}, func(_ context.Context, a *api, c *adminv1.Client) error {
		return a.printOne(c)
	})
}

func newClientUpdate(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use: "update CLIENT_ID", Short: "Change an application",
		Example: `  identity client update shop --client-name "The shop" --redirect-uris https://shop.example.com/cb --redirect-uris https://shop.example.com/cb2
  identity client update shop --sign-in '{"second_factor": "required"}'`,
	}
	f := newFieldFlags(cmd.Flags(), &adminv1.Client{})
	return t.onClient(cmd, func(ctx context.Context, a *api, c *adminv1.Client) error {
		m := &adminv1.Client{Id: c.GetId(), Etag: c.GetEtag()}
		mask, err := f.fill(m)
		if err != nil {
			return err
		}
		res, err := a.Clients.UpdateClient(ctx, &adminv1.UpdateClientRequest{ProjectId: a.project, Client: m, UpdateMask: mask})
		if err != nil {
			return err
		}
		return a.printOne(res.GetClient())
	})
}

func newClientRotateSecret(t *terminal) *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{Use: "rotate-secret CLIENT_ID", Short: "Make a new secret; the old one works until the overlap ends", Args: oneArg}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret still works")
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		res, err := a.Clients.RotateClientSecret(ctx, &adminv1.RotateClientSecretRequest{
			ProjectId: a.project, ClientId: args[0], Overlap: durationpb.New(overlap),
		})
		if err != nil {
			return err
		}
		c := res.GetClient()
		if a.json {
			return a.printJSON(map[string]any{"client_id": c.GetId(), "client_secret": res.GetClientSecret()})
		}
		_, err = fmt.Fprint(a.stdout, describeClient(&storage.Project{Issuer: a.issuer(ctx)}, described(c), res.GetClientSecret(), ""))
		return err
	})
}

// described is of a client what describeClient tells.
func described(c *adminv1.Client) *storage.Client {
	return &storage.Client{ID: c.GetId(), RedirectURIs: c.GetRedirectUris()}
}

func newClientDelete(t *terminal) *cobra.Command {
	yes := false
	cmd := &cobra.Command{Use: "delete CLIENT_ID", Short: "Delete an application with its grants, tokens and consents"}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return t.onClient(cmd, func(ctx context.Context, a *api, c *adminv1.Client) error {
		if err := a.confirm(yes, fmt.Sprintf("Delete %q (%s)? Its tokens stop working.", c.GetClientName(), c.GetId()), c.GetId()); err != nil {
			return err
		}
		_, err := a.Clients.DeleteClient(ctx, &adminv1.DeleteClientRequest{ProjectId: a.project, ClientId: c.GetId(), Etag: c.GetEtag()})
		return err
	})
}

// all reads every page of a list.
func all[T any](page func(storage.PageRequest) (storage.List[T], error)) ([]*T, error) {
	var items []*T
	for after := ""; ; {
		l, err := page(storage.PageRequest{Limit: 500, After: after})
		if err != nil {
			return nil, err
		}
		items = append(items, l.Items...)
		if after = l.Next; after == "" {
			return items, nil
		}
	}
}

func oneArg(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%s takes exactly one argument, %s\ntry: %s --help", cmd.CommandPath(), strings.Join(strings.Fields(cmd.Use)[1:], " "), cmd.CommandPath())}
	}
	return nil
}
