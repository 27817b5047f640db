package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pressly/goose/v3"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage/graph"
)

// Migrate brings the schema of the database at config.Path up to date, and makes
// the database when it is missing. Each migration is one transaction. A schema
// newer than the binary is migrations.ErrSchema.
func Migrate(ctx context.Context, config Config) (migrations.Status, error) {
	config, err := config.withDefaults()
	if err != nil {
		return migrations.Status{}, err
	}
	config.AutoMigrate = true
	if err := makeFile(config.Path); err != nil {
		return migrations.Status{}, fmt.Errorf("%w: sqlite: the database file cannot be made: %w", graph.ErrUnavailable, err)
	}
	return config.withConn(func(c *conn) (migrations.Status, error) {
		if err := config.ready(ctx, c); err != nil {
			return migrations.Status{}, err
		}
		return config.status(ctx, c)
	})
}

// Status says where the schema of the database at config.Path is. It changes
// nothing; a file that is missing has version 0.
func Status(ctx context.Context, config Config) (migrations.Status, error) {
	config, err := config.withDefaults()
	if err != nil {
		return migrations.Status{}, err
	}
	if _, err := os.Stat(config.Path); errors.Is(err, fs.ErrNotExist) && !config.inMemory() {
		return migrations.StatusOf(config.Migrations, 0)
	}
	return config.withConn(func(c *conn) (migrations.Status, error) { return config.status(ctx, c) })
}

func (c Config) withConn(f func(*conn) (migrations.Status, error)) (migrations.Status, error) {
	one, err := c.connect(false)
	if err != nil {
		return migrations.Status{}, unavailable(err)
	}
	status, err := f(one)
	return status, errors.Join(err, one.close())
}

func (c Config) status(ctx context.Context, one *conn) (migrations.Status, error) {
	current, err := schemaVersion(ctx, one)
	if err != nil {
		return migrations.Status{}, unavailable(err)
	}
	return migrations.StatusOf(c.Migrations, current)
}

// ready makes sure that the schema is the binary's: it migrates if it may.
func (c Config) ready(ctx context.Context, one *conn) error {
	for tries := 0; ; tries++ {
		s, err := c.status(ctx, one)
		switch {
		case err != nil:
			return err
		case s.Current >= s.Latest:
			return s.TooNew()
		case !c.AutoMigrate:
			return s.TooOld()
		}
		// Two processes may migrate at once. The one that comes late fails, since
		// the tables are there by then; it looks again, and goes on where the other
		// one stopped.
		if err := c.up(ctx, one); err != nil {
			if again, e := schemaVersion(ctx, one); e != nil || again == s.Current || tries > 3 {
				return fmt.Errorf("sqlite: migrating from version %d failed, nothing of that step was kept: %w", s.Current, err)
			}
		} else if tries > 3 {
			return fmt.Errorf("%w: the database stays at schema version %d", migrations.ErrSchema, s.Current)
		}
	}
}

func (c Config) up(ctx context.Context, one *conn) (err error) {
	db := sql.OpenDB(borrowed{one.raw})
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, c.Migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// schemaVersion reads goose's table, without making it.
func schemaVersion(ctx context.Context, one *conn) (version int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	tables, err := one.number("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'")
	if err != nil || tables == 0 {
		return 0, err
	}
	return one.number("SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied")
}

// number runs a query that gives one number, and does not keep it prepared.
func (c *conn) number(query string) (n int64, err error) {
	stmt, err := c.raw.Prepare(query)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), nil)
	if err != nil {
		return 0, err
	}
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	return asInt(row[0]), errors.Join(err, rows.Close())
}

// borrowed lends one connection to database/sql, which goose wants, and keeps it
// open when database/sql is done: a database in memory would be gone with it.
type borrowed struct{ raw driver.Conn }

func (b borrowed) Connect(context.Context) (driver.Conn, error) {
	full, ok := b.raw.(fullConn)
	if !ok {
		return nil, errors.New("sqlite: the driver's connection lacks a method")
	}
	return lent{full}, nil
}

func (b borrowed) Driver() driver.Driver { return nil }

// fullConn is what database/sql looks for in a connection.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type lent struct{ fullConn }

// Close leaves the connection open: it was only lent.
func (lent) Close() error { return nil }
