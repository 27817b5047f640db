package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/projects"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
)

func newKeyCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "See, rotate and revoke the signing keys"}
	cmd.AddCommand(newKeyList(t), newKeyRotate(t), newKeyRetire(t), newKeyRevoke(t), newKeyReseal(t))
	return cmd
}

// onProject runs a command on one project of the configured database.
func (s *settings) onProject(cmd *cobra.Command, id *string, do func(*database) error) error {
	return s.onDatabase(cmd, func(d *database) error {
		if *id == "" || *id == d.project.ID {
			return do(d)
		}
		e, err := d.Project(cmd.Context(), *id)
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("there is no project with the id %q", *id)
		}
		if err != nil {
			return err
		}
		of := *d
		of.project = e.Project
		of.project.Issuer = projects.Issuer(d.project.Issuer, d.project.ID, *id, e.Primary)
		return do(&of)
	})
}

func projectFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVar(id, "project", "", "id of the project; empty: the default one")
}

func newKeyRetire(t *terminal) *cobra.Command {
	return keyAct(t, &cobra.Command{
		Use: "retire KID", Short: "Unpublish a key that signs no more, before its time",
		Long: `Unpublish a key that signs no more, before the last token that it signed has
expired. ID tokens that it signed still come back as hints.`,
	}, "retired", (*op.Keys).Retire)
}

func newKeyRevoke(t *terminal) *cobra.Command {
	return keyAct(t, &cobra.Command{
		Use: "revoke KID", Short: "End a key that is compromised",
		Long: `End a key that is compromised: it is unpublished and destroyed, and nothing that it
signed is believed. If it signed, the next key signs from now on. Resource servers
that verify by themselves learn of it when their copy of the JWKS ends: 15 minutes.`,
	}, "revoked", (*op.Keys).Revoke)
}

func keyAct(t *terminal, cmd *cobra.Command, done string, act func(*op.Keys, context.Context, *storage.Project, string, ...storage.Change) error) *cobra.Command {
	s, project := newSettings(t), ""
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.onProject(cmd, &project, func(d *database) error {
			if err := act(d.keys, cmd.Context(), d.project, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(t.stdout, "%s is %s\n", args[0], done)
			return err
		})
	}
	projectFlag(cmd, &project)
	s.flags(cmd)
	return cmd
}

func newKeyList(t *terminal) *cobra.Command {
	s, asJSON, project := newSettings(t), false, ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onProject(cmd, &project, func(d *database) error {
				keys, err := d.keys.List(cmd.Context(), d.project)
				if err != nil {
					return err
				}
				if asJSON {
					out := make([]map[string]any, len(keys))
					for i, k := range keys {
						out[i] = map[string]any{"kid": k.KID, "alg": k.Alg, "status": k.Status, "created_at": k.CreatedAt}
						if !k.ActiveSince.IsZero() {
							out[i]["active_since"] = k.ActiveSince
						}
						if !k.ExpiresAt.IsZero() {
							out[i]["unpublished_at"] = k.ExpiresAt
						}
					}
					return t.printJSON(out)
				}
				rows := make([][]string, len(keys))
				for i, k := range keys {
					rows[i] = []string{k.KID, k.Alg, string(k.Status), date(k.CreatedAt), date(k.ActiveSince), date(k.ExpiresAt)}
				}
				return t.printTable([]string{"KID", "ALG", "STATUS", "CREATED", "ACTIVE SINCE", "UNPUBLISHED AT"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	projectFlag(cmd, &project)
	s.flags(cmd)
	return cmd
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func newKeyRotate(t *terminal) *cobra.Command {
	s, alg, force, asJSON, project := newSettings(t), "", false, false, ""
	cmd := &cobra.Command{
		Use: "rotate", Short: "Let the next keys sign, and publish new next ones", Args: cobra.NoArgs,
		Long: `Let the next keys sign, and publish new next ones. The keys that signed until now
stay published until the last token that they signed has expired. A next key that
was published too short a time ago for every client to know it is refused, unless
--now (or --force): use it when a key is compromised, or to try a rotation. Running
servers take the new keys up at once: the key that signs now was in the JWKS before,
and the one that comes after it is in the JWKS from now on.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onProject(cmd, &project, func(d *database) error {
				rotated, err := d.keys.Rotate(cmd.Context(), d.project, alg, force)
				if err != nil {
					return err
				}
				if asJSON {
					return t.printJSON(rotated)
				}
				rows := make([][]string, len(rotated))
				for i, r := range rotated {
					rows[i] = []string{r.Alg, r.Retiring, r.Active, r.Next}
				}
				return t.printTable([]string{"ALG", "RETIRING", "ACTIVE", "NEXT"}, rows)
			})
		},
	}
	cmd.Flags().StringVar(&alg, "alg", "", "only this alg: RS256, PS256, ES256 or EdDSA")
	cmd.Flags().BoolVar(&force, "force", false, "do not wait until every client can know the next key")
	cmd.Flags().BoolVar(&force, "now", false, "the same as --force")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	projectFlag(cmd, &project)
	s.flags(cmd)
	return cmd
}
