package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/outbound"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/breach"
	"github.com/elloloop/identity/flows/passpolicy"
)

// passwordRules judge new passwords: by themselves, and by who has lost them.
type passwordRules struct {
	known []interface {
		Breached(ctx context.Context, password string) (bool, error)
	}
	log *slog.Logger
}

func newPasswordRules(c *config.Config, client *outbound.Client, log *slog.Logger) (*passwordRules, error) {
	r := &passwordRules{log: log}
	if path := c.Password.BreachedFile; path != "" {
		list, err := breach.Open(path)
		if err != nil {
			return nil, fmt.Errorf("GATEWAY_PASSWORD_BREACHED_FILE: %w", err)
		}
		r.known = append(r.known, list)
	}
	if url := c.Password.BreachedURL; url != "" {
		r.known = append(r.known, &breach.Service{URL: url, HTTP: client.HTTP()})
	}
	return r, nil
}

// judge implements register.Policy and the like.
func (r *passwordRules) judge(plain string, minLength int, personal ...string) *flows.Problem {
	if problem := judge(plain, minLength, personal...); problem != nil {
		return problem
	}
	if r.breached(plain) {
		return &flows.Problem{Message: "problem.password_breached", Field: "password"}
	}
	return nil
}

// breached says whether a password that is good otherwise was lost by others. Who
// does not answer keeps nobody from choosing one: it is logged.
func (r *passwordRules) breached(plain string) bool {
	prepared, err := passpolicy.Prepare(plain)
	if err != nil {
		return false
	}
	for _, k := range r.known {
		found, err := k.Breached(context.Background(), prepared)
		if err != nil {
			r.log.Warn("whether a new password was lost elsewhere could not be looked up", "cause", err)
		}
		if found {
			return true
		}
	}
	return false
}

func newBreachCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "breach", Short: "Lists of passwords that others have lost"}
	cmd.AddCommand(&cobra.Command{
		Use: "import DOWNLOAD LIST", Short: "Make a list for GATEWAY_PASSWORD_BREACHED_FILE", Args: cobra.ExactArgs(2),
		Long: `Makes a list of a download with a line "SHA1:COUNT" for each password, ordered by the
digest. - reads it from standard input. A password takes ten bytes of the list, which is
read in place: it is not held in memory.`,
		Example: "  identity breach import pwned-passwords-sha1-ordered-by-hash.txt breached.list",
		RunE: func(_ *cobra.Command, args []string) (err error) {
			from := t.stdin
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				from = f
			}
			return importList(t.stdout, from, args[1])
		},
	})
	return cmd
}

// importList writes the list beside its place first: one that is in use stays
// whole.
func importList(out io.Writer, from io.Reader, path string) error {
	to, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	n, err := breach.Import(from, to)
	if err = errors.Join(err, to.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	_, err = fmt.Fprintf(out, "%d passwords in %s\n", n, path)
	return err
}
