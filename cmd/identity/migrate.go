package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/sqlite"
)

func newMigrateCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the schema of the database up to date, or say where it is"}
	up := migrateStep(t, "up", "Bring the schema up to date", sqlite.Migrate, postgres.Migrate)
	cmd.AddCommand(up,
		migrateStep(t, "status", "Say where the schema is; changes nothing", sqlite.Status, postgres.Status),
		migrateStep(t, "plan", "Say which migrations are to come; changes nothing", sqlite.Status, postgres.Status))
	cmd.Args, cmd.RunE = cobra.NoArgs, up.RunE
	newSettings(t).flags(cmd)
	return cmd
}

// schema is a database by a name that may be shown, and where its schema is.
type schema struct {
	database string
	migrations.Status
}

func migrateStep(t *terminal, use, short string, onSQLite func(context.Context, sqlite.Config) (migrations.Status, error), onPostgres func(context.Context, postgres.Config) (migrations.Status, error)) *cobra.Command {
	s, asJSON := newSettings(t), false
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.configured(cmd)
			if err != nil {
				return err
			}
			var is schema
			switch c.Storage.Driver {
			case "sqlite":
				is.database = c.Storage.SQLitePath
				is.Status, err = onSQLite(cmd.Context(), sqliteConfig(c))
			case "postgres":
				is.database = "the database"
				is.Status, err = onPostgres(cmd.Context(), postgresConfig(c))
			default:
				return usageError{fmt.Errorf("the %s driver has no schema to migrate", c.Storage.Driver)}
			}
			if err != nil {
				return err
			}
			return printSchema(t, is, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
}

func printSchema(t *terminal, s schema, asJSON bool) error {
	if s.Current > s.Latest { // S6-07
		return fmt.Errorf("%s is at version %d, and this binary knows %d: use the binary that migrated it, or a newer one", s.database, s.Current, s.Latest)
	}
	if asJSON {
		return t.printJSON(map[string]any{"database": s.database, "version": s.Current, "latest": s.Latest, "pending": s.Pending})
	}
	if len(s.Pending) == 0 {
		_, err := fmt.Fprintf(t.stdout, "%s is at version %d: up to date\n", s.database, s.Current)
		return err
	}
	_, err := fmt.Fprintf(t.stdout, "%s is at version %d of %d; to come: %v\n", s.database, s.Current, s.Latest, s.Pending)
	return err
}
