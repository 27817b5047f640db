package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/dump"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/sqlite"
)

func newBackupCommand(t *terminal) *cobra.Command {
	s, format := newSettings(t), ""
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write a copy of the database to a new file", Args: oneArg,
		Long: `Write a copy of the database to a new file that only its owner can read.

On SQLite it is a database file, consistent while servers go on. With --format jsonl,
and on Postgres, it is lines of JSON that identity restore reads into any driver;
nobody should write meanwhile. What is sealed stays sealed: keep the key-encryption
keys apart.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.configured(cmd)
			if err != nil {
				return err
			}
			switch {
			case format != "" && format != "sqlite" && format != "jsonl":
				return usageError{fmt.Errorf("--format: %q is neither sqlite nor jsonl", format)}
			case format == "sqlite" && c.Storage.Driver != "sqlite":
				return usageError{fmt.Errorf("--format sqlite: the driver is %s: use jsonl, or the tools of the database", c.Storage.Driver)}
			case c.Storage.Driver == "sqlite" && format != "jsonl":
				if err := sqlite.Backup(cmd.Context(), sqliteConfig(c), args[0]); err != nil {
					return err
				}
				_, err = fmt.Fprintf(t.stdout, "%s holds a copy of %s\n", args[0], c.Storage.SQLitePath)
				return err
			}
			summary, err := writeLines(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(t.stdout, "%s holds %d entries, sha256 %s\n", args[0], total(summary), summary.SHA256)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "sqlite or jsonl; otherwise what the driver has")
	s.flags(cmd)
	return cmd
}

func total(s dump.Summary) (n int) {
	for _, count := range s.Counts {
		n += count
	}
	return n
}

// writeLines writes a file of lines, and leaves none behind when that fails.
func writeLines(ctx context.Context, c *config.Config, name string) (summary dump.Summary, err error) {
	d, err := openDatabase(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	scopes, err := d.scopes(ctx)
	if err != nil {
		return summary, err
	}
	out, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return summary, fmt.Errorf("the backup is not written: %w", err)
	}
	summary, err = dump.Write(ctx, d.repo, scopes, out)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return summary, err
}

func newRestoreCommand(t *terminal) *cobra.Command {
	s := newSettings(t)
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Make the database of a backup", Args: oneArg,
		Long: `Make the database that the settings name of a file that identity backup wrote.

The database must not be there yet: a SQLite file is never replaced, and on Postgres
the database must be empty. A SQLite file is restored to SQLite; lines of JSON go into
any driver. The whole file is checked before anything is stored.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.configured(cmd)
			if err != nil {
				return err
			}
			lines, err := isLines(args[0])
			switch {
			case err != nil:
				return err
			case !lines && c.Storage.Driver != "sqlite":
				return usageError{fmt.Errorf("%s is a SQLite file, and the driver is %s: write the backup with --format jsonl", args[0], c.Storage.Driver)}
			case !lines:
				if err := sqlite.Restore(cmd.Context(), sqliteConfig(c), args[0]); err != nil {
					return err
				}
				_, err = fmt.Fprintf(t.stdout, "%s is restored\n", c.Storage.SQLitePath)
				return err
			}
			summary, err := readLines(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(t.stdout, "%d entries are restored, and read back with the same sha256 %s\n", total(summary), summary.SHA256)
			return err
		},
	}
	s.flags(cmd)
	return cmd
}

// isLines tells lines of JSON from a SQLite file.
func isLines(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return !strings.HasPrefix(string(head[:n]), "SQLite format 3"), nil
}

// readLines restores lines, reads everything back, and compares.
func readLines(ctx context.Context, c *config.Config, name string) (summary dump.Summary, err error) {
	in, err := os.Open(name)
	if err != nil {
		return summary, err
	}
	defer in.Close()
	if summary, err = dump.Check(in); err != nil {
		return summary, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return summary, err
	}
	var clock atomic.Pointer[time.Time] // nil: the time that it is
	repo, err := openEmpty(ctx, c, func() time.Time {
		if at := clock.Load(); at != nil {
			return *at
		}
		return time.Now()
	})
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	if _, err := dump.Read(ctx, in, repo, func(at time.Time) { clock.Store(&at) }); err != nil {
		return summary, fmt.Errorf("%w; empty the database before another try", err)
	}
	clock.Store(nil)
	d := &database{repo: repo, store: storage.New(repo, nil), project: projectOf(c)}
	scopes, err := d.scopes(ctx)
	if err != nil {
		return summary, err
	}
	back, err := dump.Write(ctx, repo, scopes, io.Discard)
	if err == nil && !back.Equal(summary) {
		err = fmt.Errorf("what was stored is not what the backup holds: %d entries of %d; what expired meanwhile is missing", total(back), total(summary))
	}
	return summary, err
}

// openEmpty opens the database for restoring, and wants that nothing is in it.
func openEmpty(ctx context.Context, c *config.Config, now func() time.Time) (repo graph.Repository, err error) {
	switch c.Storage.Driver {
	case "sqlite":
		settings := sqliteConfig(c)
		settings.Now, settings.AutoMigrate = now, true
		if _, err := os.Lstat(settings.Path); err == nil {
			return nil, fmt.Errorf("%s is there: stop every process that uses it, and move it away first", filepath.Clean(settings.Path))
		}
		repo, err = sqlite.Open(ctx, storage.Schema(), settings)
	case "postgres":
		settings := postgresConfig(c)
		settings.Now, settings.AutoMigrate = now, true
		repo, err = postgres.Open(ctx, storage.Schema(), settings)
	default:
		return nil, usageError{fmt.Errorf("the %s driver keeps nothing", c.Storage.Driver)}
	}
	if err != nil {
		return nil, err
	}
	for _, t := range storage.Schema().Types {
		for _, scope := range []storage.Scope{storage.ControlScope(), storage.In(c.Storage.DefaultProjectID)} {
			page, err := repo.List(ctx, scope, graph.Query{Type: t.ID, Limit: 1})
			if err == nil && len(page.Nodes) > 0 {
				err = fmt.Errorf("the database is in use, it has a %s: restore into an empty one", t.Name)
			}
			if err != nil {
				return nil, errors.Join(err, repo.Close())
			}
		}
	}
	return repo, nil
}
