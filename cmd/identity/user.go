package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newUserCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Make and manage accounts"}
	cmd.AddCommand(newUserAdd(t), newUserList(t), newUserShow(t), newUserUpdate(t), newUserSetPassword(t), newUserDelete(t), newUserImport(t))
	return cmd
}

// passwordFlags are the ways to give a password.
type passwordFlags struct {
	file  string
	stdin bool
}

func (p *passwordFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "password-file", "", "read the password from a file")
	cmd.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input")
}

func newUserAdd(t *terminal) *cobra.Command {
	password, hashStdin, noPassword, claims := &passwordFlags{}, false, false, ""
	cmd := &cobra.Command{
		Use: "add", Short: "Make an account",
		Example: `  identity user add --email jane@example.com --name "Jane Doe" --password-stdin < password.txt`,
	}
	f := newFieldFlags(cmd.Flags(), &adminv1.User{})
	fl := cmd.Flags()
	fl.StringVar(&claims, "claims-file", "", "file with a JSON object of standard claims, such as birthdate, for what no flag says")
	fl.BoolVar(&hashStdin, "password-hash-stdin", false, "read a password hash from standard input: PHC or modular crypt format of argon2, bcrypt, scrypt or PBKDF2")
	fl.BoolVar(&noPassword, "no-password", false, "make the account without a password")
	password.add(cmd)
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		req := &adminv1.CreateUserRequest{ProjectId: a.project, User: &adminv1.User{}}
		if _, err := f.fill(req.GetUser()); err != nil {
			return err
		}
		if claims != "" {
			if err := fillClaims(req.GetUser(), claims); err != nil {
				return err
			}
		}
		switch {
		case noPassword:
		case hashStdin:
			hash, err := a.readSecret("password hash", "", true)
			if err != nil {
				return err
			}
			req.Credential = &adminv1.CreateUserRequest_PasswordHash{PasswordHash: hash}
		default:
			plain, err := a.readSecret("password", password.file, password.stdin)
			if err != nil {
				return err
			}
			req.Credential = &adminv1.CreateUserRequest_Password{Password: plain}
		}
		res, err := a.Users.CreateUser(ctx, req)
		if err != nil {
			return err
		}
		u := res.GetUser()
		if a.json {
			return a.printJSON(map[string]any{"sub": u.GetId(), "email": u.GetEmail()})
		}
		_, err = fmt.Fprintf(a.stdout, "sub    %s\nemail  %s\n", u.GetId(), u.GetEmail())
		return err
	})
}

// user finds an account by its subject identifier, mail address or username.
func (a *api) user(ctx context.Context, who string) (*adminv1.User, error) {
	req := &adminv1.GetUserRequest{ProjectId: a.project, Key: &adminv1.GetUserRequest_UserId{UserId: who}}
	if strings.Contains(who, "@") {
		req.Key = &adminv1.GetUserRequest_Email{Email: who}
	}
	res, err := a.Users.GetUser(ctx, req)
	if connect.CodeOf(err) == connect.CodeNotFound && !strings.Contains(who, "@") {
		req.Key = &adminv1.GetUserRequest_Username{Username: who}
		again, other := a.Users.GetUser(ctx, req)
		if code := connect.CodeOf(other); other == nil || code != connect.CodeNotFound && code != connect.CodeInvalidArgument {
			res, err = again, other
		}
	}
	if who == "" {
		return nil, usageError{errors.New("an account is missing: its mail address, sub or username")}
	}
	return res.GetUser(), err
}

// nameOf is what people call an account by.
func nameOf(u *adminv1.User) string {
	for _, name := range []string{u.GetEmail(), u.GetUsername(), u.GetExternalId()} {
		if name != "" {
			return name
		}
	}
	return u.GetId()
}
