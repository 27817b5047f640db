package main

import (
	"time"

	"github.com/spf13/cobra"
)

func newKeyCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "See and rotate the signing keys"}
	cmd.AddCommand(newKeyList(t), newKeyRotate(t))
	return cmd
}

func newKeyList(t *terminal) *cobra.Command {
	s, asJSON := newSettings(t), false
	cmd := &cobra.Command{
		Use: "list", Short: "List the published keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onDatabase(cmd, func(d *database) error {
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
	s, alg, force, asJSON := newSettings(t), "", false, false
	cmd := &cobra.Command{
		Use: "rotate", Short: "Let the next keys sign, and publish new next ones", Args: cobra.NoArgs,
		Long: `Let the next keys sign, and publish new next ones. The keys that signed until now
stay published until the last token that they signed has expired. A next key that
was published too short a time ago for every client to know it is refused, unless
--force: use it when a key is compromised.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onDatabase(cmd, func(d *database) error {
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
}
