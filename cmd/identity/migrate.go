package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage/sqlite"
)

func newMigrateCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the schema of the database up to date, or say where it is"}
	up := migrateStep(t, "up", "Bring the schema up to date", sqlite.Migrate)
	cmd.AddCommand(up, migrateStep(t, "status", "Say where the schema is; changes nothing", sqlite.Status))
	cmd.Args, cmd.RunE = cobra.NoArgs, up.RunE
	newSettings(t).flags(cmd)
	return cmd
}

func migrateStep(t *terminal, use, short string, step func(context.Context, sqlite.Config) (sqlite.SchemaStatus, error)) *cobra.Command {
	s, asJSON := newSettings(t), false
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.load(cmd, nil)
			if err != nil {
				return err
			}
			if c.Storage.Driver != "sqlite" {
				return usageError{fmt.Errorf("the %s driver has no schema to migrate", c.Storage.Driver)}
			}
			status, err := step(cmd.Context(), sqliteConfig(c))
			if err != nil {
				return err
			}
			return printSchema(t, c, status, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
}

func printSchema(t *terminal, c *config.Config, s sqlite.SchemaStatus, asJSON bool) error {
	if s.Current > s.Latest { // S6-07
		return fmt.Errorf("%s is at version %d, and this binary knows %d: use the binary that migrated it, or a newer one", c.Storage.SQLitePath, s.Current, s.Latest)
	}
	if asJSON {
		return t.printJSON(map[string]any{"database": c.Storage.SQLitePath, "version": s.Current, "latest": s.Latest, "pending": s.Pending})
	}
	if len(s.Pending) == 0 {
		_, err := fmt.Fprintf(t.stdout, "%s is at version %d: up to date\n", c.Storage.SQLitePath, s.Current)
		return err
	}
	_, err := fmt.Fprintf(t.stdout, "%s is at version %d of %d; to come: %v\n", c.Storage.SQLitePath, s.Current, s.Latest, s.Pending)
	return err
}
