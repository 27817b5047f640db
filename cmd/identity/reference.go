package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elloloop/identity/cmd/identity/config"
)

//go:generate sh -c "go run . reference > ../../docs/cli.md"

func newReferenceCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use: "reference", Short: "Print every command and flag as Markdown", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return writeReference(t.stdout, cmd.Root()) },
	}
}

// writeReference writes docs/cli.md. The settings, which every command takes as
// flags, are in docs/configuration.md.
func writeReference(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	b.WriteString("# The command line\n\nMade by `identity reference`. Every setting of [the configuration](configuration.md) is a flag, too, and is not repeated here.\n")
	own := settingFlags()
	var describe func(c *cobra.Command)
	describe = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			return
		}
		if c.Runnable() || !c.HasParent() {
			entry(&b, c, own)
		}
		for _, sub := range c.Commands() {
			describe(sub)
		}
	}
	describe(root)
	_, err := io.WriteString(w, b.String())
	return err
}

// settingFlags are the flags of the settings, by their usage: a command may have
// a flag of its own of the same name.
func settingFlags() map[string]string {
	fs := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	config.Flags(fs)
	out := map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) { out[f.Name] = f.Usage })
	return out
}

func entry(b *strings.Builder, c *cobra.Command, settings map[string]string) {
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	use := strings.TrimSuffix(c.UseLine(), " [flags]")
	_, _ = fmt.Fprintf(b, "\n## %s\n\n%s\n\n```sh\n%s\n```\n", c.CommandPath(), long, use) // a strings.Builder does not fail
	if c.Example != "" {
		_, _ = fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
	}
	rows := 0
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if usage, ok := settings[f.Name]; f.Hidden || f.Name == "help" || ok && usage == f.Usage {
			return
		}
		if rows++; rows == 1 {
			b.WriteString("\n| flag | |\n|---|---|\n")
		}
		usage := strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(f.Usage)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "0s" {
			usage += " (default `" + f.DefValue + "`)"
		}
		_, _ = fmt.Fprintf(b, "| `--%s` | %s |\n", f.Name, usage)
	})
}
