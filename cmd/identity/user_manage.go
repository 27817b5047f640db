package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/storage"
)

func newUserList(t *terminal) *cobra.Command {
	s, asJSON := newSettings(t), false
	cmd := &cobra.Command{
		Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				users, err := all(func(p storage.PageRequest) (storage.List[storage.User], error) {
					return d.store.Users.List(cmd.Context(), d.project.Scope(), p)
				})
				if err != nil {
					return err
				}
				if asJSON {
					out := make([]map[string]any, len(users))
					for i, u := range users {
						out[i] = map[string]any{
							"sub": u.ID, "email": u.Email, "email_verified": u.EmailVerified, "username": u.Username,
							"name": u.Name, "status": u.Status, "role": u.Role, "created_at": u.CreatedAt,
						}
					}
					return t.printJSON(out)
				}
				rows := make([][]string, len(users))
				for i, u := range users {
					rows[i] = []string{u.ID, u.Email, u.Name, string(u.Status), u.CreatedAt.Format(time.DateOnly)}
				}
				return t.printTable([]string{"SUB", "EMAIL", "NAME", "STATUS", "CREATED"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
}

func newUserSetPassword(t *terminal) *cobra.Command {
	s, p := newSettings(t), &passwordFlags{}
	cmd := &cobra.Command{
		Use: "set-password EMAIL|SUB", Short: "Set a password; ends every session of the account", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				u, err := d.findUser(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				plain, err := t.readSecret("new password", p.file, p.stdin)
				if err != nil {
					return err
				}
				hash, err := s.newPassword(cmd.Context(), plain, u.Email, u.Username, u.Name)
				if err != nil {
					return err
				}
				credential := &storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: time.Now().UTC()}
				return d.store.PasswordCredentials.Set(cmd.Context(), d.project.Scope(), credential, d.audit("user.password_set", "operator", u.ID))
			})
		},
	}
	p.add(cmd)
	s.flags(cmd)
	return cmd
}

func newUserDelete(t *terminal) *cobra.Command {
	s, yes := newSettings(t), false
	cmd := &cobra.Command{
		Use: "delete EMAIL|SUB", Short: "Delete an account with its sessions, grants, tokens and consents", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				u, err := d.findUser(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if err := t.confirm(yes, fmt.Sprintf("Delete the account of %s (%s)?", u.Email, u.ID)); err != nil {
					return err
				}
				return d.store.Users.Delete(cmd.Context(), d.project.Scope(), u.ID, d.audit("user.deleted", "operator", u.ID))
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	s.flags(cmd)
	return cmd
}
