package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
)

func newConfigCommand(t *terminal) *cobra.Command {
	s, reference, changed, bare := newSettings(t), false, false, false
	cmd := &cobra.Command{
		Use: "config", Short: "Print the effective configuration, with secrets hidden, and what each setting means",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reference {
				_, err := fmt.Fprint(t.stdout, config.Reference())
				return err
			}
			c, err := s.configured(cmd)
			if err != nil {
				return err
			}
			return config.Print(t.stdout, c, config.PrintOptions{Bare: bare, Changed: changed})
		},
	}
	cmd.Flags().BoolVar(&reference, "reference", false, "print the documentation of every setting as Markdown")
	cmd.Flags().BoolVar(&changed, "changed", false, "only what is not the default")
	cmd.Flags().BoolVar(&bare, "bare", false, "without the explanations")
	s.flags(cmd)
	return cmd
}
