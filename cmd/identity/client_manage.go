package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
)

func newClientList(t *terminal) *cobra.Command {
	s, asJSON := newSettings(t), false
	cmd := &cobra.Command{
		Use: "list", Short: "List the applications", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				clients, err := all(func(p storage.PageRequest) (storage.List[storage.Client], error) {
					return d.store.Clients.List(cmd.Context(), d.project.Scope(), p)
				})
				if err != nil {
					return err
				}
				if asJSON {
					out := make([]map[string]any, len(clients))
					for i, c := range clients {
						out[i] = map[string]any{
							"client_id": c.ID, "client_name": c.Name, "redirect_uris": c.RedirectURIs, "grant_types": c.GrantTypes,
							"token_endpoint_auth_method": c.TokenEndpointAuthMethod, "first_party": c.FirstParty, "created_at": c.CreatedAt,
						}
					}
					return t.printJSON(out)
				}
				rows := make([][]string, len(clients))
				for i, c := range clients {
					rows[i] = []string{c.ID, c.Name, strings.Join(c.GrantTypes, ","), strings.Join(c.RedirectURIs, " ")}
				}
				return t.printTable([]string{"CLIENT_ID", "NAME", "GRANT TYPES", "REDIRECT URIS"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
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

func newClientRotateSecret(t *terminal) *cobra.Command {
	s, asJSON := newSettings(t), false
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate-secret CLIENT_ID", Short: "Make a new secret; the old one works until the overlap ends", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				c, err := d.store.Clients.Get(cmd.Context(), d.project.Scope(), args[0])
				if err != nil {
					return named(err, "client", args[0])
				}
				if !needsSecret(c) {
					return usageError{fmt.Errorf("client %q has no secret: it authenticates by %s", c.ID, c.TokenEndpointAuthMethod)}
				}
				now := time.Now()
				secret, stored := d.newClientSecret(c, now)
				c.Secrets = append([]storage.ClientSecret{stored}, overlapping(c.Secrets, now, overlap)...)
				err = d.store.Clients.Replace(cmd.Context(), d.project.Scope(), c, op.ClientOrigins(c), d.audit("client.secret_rotated", "operator", c.ID))
				if err != nil {
					return err
				}
				if asJSON {
					return t.printJSON(map[string]any{"client_id": c.ID, "client_secret": secret})
				}
				_, err = fmt.Fprint(t.stdout, describeClient(d.project, c, secret, ""))
				return err
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret still works")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
}

// overlapping returns the newest of the old secrets, with an end.
func overlapping(old []storage.ClientSecret, now time.Time, overlap time.Duration) []storage.ClientSecret {
	if len(old) == 0 || overlap <= 0 {
		return nil
	}
	kept := old[0]
	if end := now.Add(overlap).UTC(); kept.ExpiresAt.IsZero() || kept.ExpiresAt.After(end) {
		kept.ExpiresAt = end
	}
	return []storage.ClientSecret{kept}
}

func newClientDelete(t *terminal) *cobra.Command {
	s, yes := newSettings(t), false
	cmd := &cobra.Command{
		Use: "delete CLIENT_ID", Short: "Delete an application with its grants, tokens and consents", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				c, err := d.store.Clients.Get(cmd.Context(), d.project.Scope(), args[0])
				if err != nil {
					return named(err, "client", args[0])
				}
				if err := t.confirm(yes, fmt.Sprintf("Delete %q (%s)? Its tokens stop working.", c.Name, c.ID)); err != nil {
					return err
				}
				return d.store.Clients.Delete(cmd.Context(), d.project.Scope(), c.ID, d.audit("client.deleted", "operator", c.ID))
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	s.flags(cmd)
	return cmd
}

// named makes a sentence of "not found".
func named(err error, kind, id string) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no %s %q; identity %s list shows them all", kind, id, kind)
	}
	return err
}

func oneArg(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%s takes exactly one argument\ntry: %s --help", cmd.CommandPath(), cmd.CommandPath())}
	}
	return nil
}
