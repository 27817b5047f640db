package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/elloloop/identity/migrations"
)

// Migrate brings the schema up to date, as the role of MigrateDSN, and lets the
// role of DSN use the tables. Each migration is one transaction. Several may be
// called at once: one works, the others wait. A schema newer than the binary is
// migrations.ErrSchema.
func Migrate(ctx context.Context, config Config) (migrations.Status, error) {
	config, err := config.withDefaults()
	if err != nil {
		return migrations.Status{}, err
	}
	config.AutoMigrate = true
	if err := config.ready(ctx); err != nil {
		return migrations.Status{}, err
	}
	return config.status(ctx, config.MigrateDSN)
}

// Status says where the schema of the database is. It changes nothing.
func Status(ctx context.Context, config Config) (migrations.Status, error) {
	config, err := config.withDefaults()
	if err != nil {
		return migrations.Status{}, err
	}
	return config.status(ctx, config.MigrateDSN)
}

// onOne lends a connection to f that is closed afterwards.
func (c Config) onOne(ctx context.Context, dsn string, f func(*pgx.Conn) error) error {
	parsed, err := c.parse(dsn)
	if err != nil {
		return err
	}
	if c.Pooling == PoolingTransaction {
		parsed.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	one, err := pgx.ConnectConfig(ctx, parsed.ConnConfig)
	if err != nil {
		return unavailable(err)
	}
	defer one.Close(ctx)
	if err := f(one); err != nil && !errors.Is(err, migrations.ErrSchema) {
		return unavailable(err)
	} else if err != nil {
		return err
	}
	return nil
}

func (c Config) status(ctx context.Context, dsn string) (s migrations.Status, err error) {
	err = c.onOne(ctx, dsn, func(one *pgx.Conn) (err error) {
		s.Current, err = schemaVersion(ctx, one)
		return err
	})
	if err != nil {
		return s, err
	}
	return migrations.StatusOf(c.Migrations, s.Current)
}

// ready makes sure that the schema is the binary's: it migrates if it may.
func (c Config) ready(ctx context.Context) error {
	dsn := c.DSN
	if c.AutoMigrate {
		dsn = c.MigrateDSN
	}
	s, err := c.status(ctx, dsn)
	switch {
	case err != nil:
		return err
	case s.Current > s.Latest:
		return s.TooNew()
	case !c.AutoMigrate:
		return s.TooOld()
	}
	if s.Current < s.Latest {
		if err := c.up(ctx); err != nil {
			return fmt.Errorf("postgres: migrating from version %d failed, nothing of that step was kept: %w", s.Current, err)
		}
	}
	return c.grant(ctx)
}

// lockEvery is how often a replica looks whether the one that migrates is done,
// lockTries how often at most.
const (
	lockEvery = time.Second
	lockTries = 600
)

func (c Config) up(ctx context.Context) (err error) {
	parsed, err := c.parse(c.MigrateDSN)
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(uint64(lockEvery/time.Second), lockTries))
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*parsed.ConnConfig)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, c.Migrations, goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// grant lets the role of DSN read and write the tables that the other role owns,
// and nothing else.
func (c Config) grant(ctx context.Context) error {
	parsed, err := c.parse(c.DSN)
	if err != nil {
		return err
	}
	role := pgx.Identifier{parsed.ConnConfig.User}.Sanitize()
	return c.onOne(ctx, c.MigrateDSN, func(one *pgx.Conn) error {
		var owner, schema string
		if err := one.QueryRow(ctx, "SELECT current_user::text, current_schema()::text").Scan(&owner, &schema); err != nil || owner == parsed.ConnConfig.User {
			return err
		}
		in := pgx.Identifier{schema}.Sanitize()
		for _, sql := range []string{
			"BEGIN", "SELECT pg_advisory_xact_lock(5887940537704921)", // two at once would fail: "tuple concurrently updated"
			"GRANT USAGE ON SCHEMA " + in + " TO " + role,
			"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + in + " TO " + role,
			"REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM " + role,
			"COMMIT",
		} {
			if _, err := one.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// schemaVersion reads goose's table, without making it.
func schemaVersion(ctx context.Context, one *pgx.Conn) (version int64, err error) {
	var there bool
	if err := one.QueryRow(ctx, "SELECT to_regclass('goose_db_version') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, err
	}
	err = one.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	return version, err
}
