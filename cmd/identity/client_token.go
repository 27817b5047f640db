package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/storage"
)

func newClientToken(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Give out initial access tokens, which let applications register themselves",
		Long: `Give out initial access tokens (RFC 7591 §3). Where GATEWAY_REGISTRATION_MODE is
token, whoever has one may register an application at the registration endpoint.`,
	}
	cmd.AddCommand(newClientTokenAdd(t), newClientTokenList(t), newClientTokenRevoke(t))
	return cmd
}

func newClientTokenAdd(t *terminal) *cobra.Command {
	s, asJSON, project := newSettings(t), false, ""
	var it storage.InitialAccessToken
	var life time.Duration
	cmd := &cobra.Command{
		Use: "add", Short: "Make a token; prints it once", Args: cobra.NoArgs,
		Example: `  identity client token add --name "CI of the shop" --once --expires 24h`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if life < 0 {
				return usageError{errors.New("--expires is negative")}
			}
			return s.onProject(cmd, &project, func(d *database) error {
				now := time.Now().UTC()
				it.CreatedOrder = now.UnixMicro()
				if life > 0 {
					it.ExpiresAt = now.Add(life).Truncate(time.Microsecond)
				}
				secret, err := d.store.InitialAccessTokens.Issue(cmd.Context(), d.project.Scope(), &it, d.audit("initial_access_token.created", "operator", it.Name))
				if err != nil {
					return err
				}
				if d.project.Registration == storage.RegistrationClosed {
					_, _ = fmt.Fprintln(t.stderr, "note: registration is closed: the token works once the project's registration, or GATEWAY_REGISTRATION_MODE, is token")
				}
				if asJSON {
					out := describeToken(&it)
					out["token"] = secret
					return t.printJSON(out)
				}
				_, err = fmt.Fprintf(t.stdout, "%s\n", secret)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&it.Name, "name", "", "who has it, for people")
	cmd.Flags().BoolVar(&it.Once, "once", false, "for one application alone")
	cmd.Flags().DurationVar(&life, "expires", 0, "how long it works (0: until it is revoked)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	projectFlag(cmd, &project)
	s.flags(cmd)
	return cmd
}

// describeToken says everything of a token but the token.
func describeToken(it *storage.InitialAccessToken) map[string]any {
	out := map[string]any{"id": it.ID, "name": it.Name, "once": it.Once, "created_at": time.UnixMicro(it.CreatedOrder).UTC()}
	if !it.ExpiresAt.IsZero() {
		out["expires_at"] = it.ExpiresAt
	}
	return out
}

func newClientTokenList(t *terminal) *cobra.Command {
	s, asJSON, project := newSettings(t), false, ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the tokens, without the tokens themselves: nobody can read them again", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onProject(cmd, &project, func(d *database) error {
				tokens, err := all(func(p storage.PageRequest) (storage.List[storage.InitialAccessToken], error) {
					return d.store.InitialAccessTokens.List(cmd.Context(), d.project.Scope(), p)
				})
				if err != nil {
					return err
				}
				if asJSON {
					out := make([]map[string]any, len(tokens))
					for i, it := range tokens {
						out[i] = describeToken(it)
					}
					return t.printJSON(out)
				}
				rows := make([][]string, len(tokens))
				for i, it := range tokens {
					uses := "many"
					if it.Once {
						uses = "one"
					}
					rows[i] = []string{it.ID, it.Name, uses, date(time.UnixMicro(it.CreatedOrder)), date(it.ExpiresAt)}
				}
				return t.printTable([]string{"ID", "NAME", "APPLICATIONS", "CREATED", "EXPIRES"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	projectFlag(cmd, &project)
	s.flags(cmd)
	return cmd
}

func newClientTokenRevoke(t *terminal) *cobra.Command {
	s, project := newSettings(t), ""
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End a token; what was registered with it stays", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.onProject(cmd, &project, func(d *database) error {
				err := d.store.InitialAccessTokens.Revoke(cmd.Context(), d.project.Scope(), args[0], d.audit("initial_access_token.revoked", "operator", args[0]))
				if errors.Is(err, storage.ErrNotFound) {
					return fmt.Errorf("there is no initial access token %q; identity client token list shows them all", args[0])
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(t.stdout, "%s is revoked\n", args[0])
				return err
			})
		},
	}
	projectFlag(cmd, &project)
	s.flags(cmd)
	return cmd
}
