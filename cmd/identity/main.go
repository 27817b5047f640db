// Command identity is a standards-first OpenID Provider in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(command()) }

// command runs the process's own arguments until it is told to stop.
func command() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
}

// terminal is where a command reads and writes, so that tests call it as people do.
type terminal struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer

	late map[*cobra.Command]func() // see flagsOf
}

// run is main without the process. It returns the exit code: 0 for success, else
// one of those of exitOf.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := &terminal{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(t)
	t.flagsOf(root, args)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := known(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintln(stderr, "identity:", err) // a terminal that is gone: nobody is left to tell
	return exitOf(err)
}

// flagsOf adds the settings to the command that these arguments call: they are some
// two hundred flags, and for every command they would be half of what a server
// keeps in memory.
func (t *terminal) flagsOf(root *cobra.Command, args []string) {
	for len(args) > 0 && slices.Contains(ofCobra(), args[0]) {
		args = args[1:]
	}
	for {
		cmd, _, err := root.Find(args)
		add := t.late[cmd]
		if err != nil || add == nil { // what is wrong, Execute says
			return
		}
		add()
		delete(t.late, cmd) // and again: with its flags known, another may be meant
	}
}

// ofCobra are the commands that the library adds.
func ofCobra() []string {
	return []string{"help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}
}

// known says which command there is none of. The library says so of the first word
// alone, and answers a second one with help, as if all were well.
func known(root *cobra.Command, args []string) error {
	if len(args) == 0 || slices.Contains(ofCobra(), args[0]) {
		return nil
	}
	cmd, rest, err := root.Find(args)
	switch {
	case err != nil:
		return usageError{fmt.Errorf("%w\ntry: %s --help", err, root.Name())}
	case cmd.HasParent() && !cmd.Runnable() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-"):
		return usageError{fmt.Errorf("unknown command %q for %q\ntry: %s --help", rest[0], cmd.CommandPath(), cmd.CommandPath())}
	}
	return nil
}

// countArguments makes what a command says of its arguments a usageError, in words
// of its own.
func countArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if usage := (usageError{}); err == nil || errors.As(err, &usage) {
				return err
			}
			if names := strings.Fields(cmd.Use)[1:]; len(names) > 0 {
				return usageError{fmt.Errorf("%s takes %s\ntry: %s --help", cmd.CommandPath(), strings.Join(names, " "), cmd.CommandPath())}
			}
			return usageError{fmt.Errorf("%s takes no argument: %q is one\ntry: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())}
		}
	}
	for _, sub := range cmd.Commands() {
		countArguments(sub)
	}
}

// usageError is a command line that was not understood.
type usageError struct{ error }

// Unwrap returns what was not understood.
func (e usageError) Unwrap() error { return e.error }

// newRoot makes all commands. Those that take settings get them from flagsOf.
func newRoot(t *terminal) *cobra.Command {
	if t.late == nil {
		t.late = map[*cobra.Command]func(){}
	}
	root := &cobra.Command{
		Use:   "identity",
		Short: "A standards-first OpenID Provider",
		Long: `identity signs people in for your applications: a standards-first OpenID Provider
in one binary, on an embedded SQLite or on Postgres.

  identity dev      start a development server with demo accounts and a playground
  identity serve    start the server; "identity config --reference" explains every setting

The commands that manage something work on the configured database, or on a running
server with --server. Exit codes: 1 failed, 2 not understood, 3 not found, 4 in the
way of what is there, 5 not allowed, 6 not available now.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate(versionLine())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\ntry: %s --help", err, c.CommandPath())}
	})
	root.AddCommand(
		newDevCommand(t), newServeCommand(t), newMigrateCommand(t), newDoctorCommand(t), newConfigCommand(t),
		newProjectCommand(t), newDomainCommand(t), newTenantCommand(t), newUserCommand(t), newGroupCommand(t), newClientCommand(t),
		newSessionCommand(t), newKeyCommand(t), newAuditCommand(t), newHealthcheckCommand(t), newVersionCommand(t), newReferenceCommand(t),
		newProviderCommand(t), newInvitationCommand(t), newHelpRequestCommand(t), newBreachCommand(t), newBackupCommand(t), newRestoreCommand(t),
	)
	countArguments(root)
	return root
}
