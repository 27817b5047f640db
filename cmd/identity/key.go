package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/projects"
	"github.com/elloloop/identity/op"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func newKeyCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "See, rotate and revoke the signing keys"}
	cmd.AddCommand(newKeyList(t), newKeyRotate(t), newKeyRetire(t), newKeyRevoke(t), newKeyReseal(t))
	return cmd
}

// onProject runs a command on one project of the configured database, as it runs:
// what is stored of it goes before the settings.
func (s *settings) onProject(cmd *cobra.Command, id *string, do func(*database) error) error {
	return s.onDatabase(cmd, func(d *database) error {
		wanted := *id
		if wanted == "" {
			wanted = d.project.ID
		}
		e, err := d.Project(cmd.Context(), wanted)
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("there is no project with the id %q", wanted)
		}
		if err != nil {
			return err
		}
		project := *e.Project
		project.Issuer = projects.Issuer(d.project.Issuer, d.project.ID, wanted, e.Primary)
		of := *d
		of.project = &project
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
	cmd := &cobra.Command{
		Use: "revoke KID", Short: "End a key that is compromised", Args: cobra.ExactArgs(1),
		Long: `End a key that is compromised: it is unpublished and destroyed, and nothing that it
signed is believed. If it signed, the next key signs from now on. Resource servers
that verify by themselves learn of it when their copy of the JWKS ends: 15 minutes.`,
	}
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		if _, err := a.Keys.RevokeKey(ctx, &adminv1.RevokeKeyRequest{ProjectId: a.project, KeyId: args[0]}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.stdout, "%s is revoked\n", args[0])
		return err
	})
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
	return t.apiCall(&cobra.Command{Use: "list", Short: "List the keys"}, func(ctx context.Context, a *api, _ []string) error {
		res, err := a.Keys.ListKeys(ctx, &adminv1.ListKeysRequest{ProjectId: a.project})
		if err != nil {
			return err
		}
		if a.json {
			out := make([]map[string]any, len(res.GetKeys()))
			for i, k := range res.GetKeys() {
				out[i] = map[string]any{"kid": k.GetId(), "alg": k.GetAlg(), "status": wordOf(k.GetStatus()), "created_at": k.GetCreatedAt().AsTime()}
				if k.GetActiveSince() != nil {
					out[i]["active_since"] = k.GetActiveSince().AsTime()
				}
				if k.GetExpiresAt() != nil {
					out[i]["unpublished_at"] = k.GetExpiresAt().AsTime()
				}
			}
			return a.printJSON(out)
		}
		rows := make([][]string, len(res.GetKeys()))
		for i, k := range res.GetKeys() {
			rows[i] = []string{k.GetId(), k.GetAlg(), wordOf(k.GetStatus()), day(k.GetCreatedAt()), day(k.GetActiveSince()), day(k.GetExpiresAt())}
		}
		return a.printTable([]string{"KID", "ALG", "STATUS", "CREATED", "ACTIVE SINCE", "UNPUBLISHED AT"}, rows)
	})
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func newKeyRotate(t *terminal) *cobra.Command {
	alg, force := "", false
	cmd := &cobra.Command{
		Use: "rotate", Short: "Let the next keys sign, and publish new next ones",
		Long: `Let the next keys sign, and publish new next ones. The keys that signed until now
stay published until the last token that they signed has expired. A next key that
was published too short a time ago for every client to know it is refused, unless
--now (or --force): use it when a key is compromised, or to try a rotation. Running
servers take the new keys up at once: the key that signs now was in the JWKS before,
and the one that comes after it is in the JWKS from now on.`,
	}
	cmd.Flags().StringVar(&alg, "alg", "", "only this alg: RS256, PS256, ES256 or EdDSA")
	cmd.Flags().BoolVar(&force, "force", false, "do not wait until every client can know the next key")
	cmd.Flags().BoolVar(&force, "now", false, "the same as --force")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		res, err := a.Keys.RotateKeys(ctx, &adminv1.RotateKeysRequest{ProjectId: a.project, Alg: alg, Force: force})
		if err != nil {
			return err
		}
		if a.json {
			out := make([]map[string]string, len(res.GetRotations()))
			for i, r := range res.GetRotations() {
				out[i] = map[string]string{"Alg": r.GetAlg(), "Retiring": r.GetRetiring(), "Active": r.GetActive(), "Next": r.GetNext()}
			}
			return a.printJSON(out)
		}
		rows := make([][]string, len(res.GetRotations()))
		for i, r := range res.GetRotations() {
			rows[i] = []string{r.GetAlg(), r.GetRetiring(), r.GetActive(), r.GetNext()}
		}
		return a.printTable([]string{"ALG", "RETIRING", "ACTIVE", "NEXT"}, rows)
	})
}
