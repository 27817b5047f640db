// Package postgres is the driver that keeps everything in PostgreSQL, for
// several replicas at once. A commit is one pipelined round trip; what others
// changed comes by NOTIFY; no statement sees another project, for each says
// project_id, and row-level security stands behind it.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage/graph"
)

// Ways to reach the server.
const (
	// PoolingSession: a connection is ours until we close it. Statements are
	// prepared once on each.
	PoolingSession = "session"
	// PoolingTransaction: a proxy gives us another server connection for each
	// transaction. Nothing is kept on a connection: no prepared statements, no
	// settings. NOTIFY does not come through such a proxy: without a ListenDSN a
	// watcher is told Change.All twice a second.
	PoolingTransaction = "transaction"
)

// Config configures the driver.
type Config struct {
	// DSN is a connection string of libpq, as URL or as key=value. The role in it
	// is the one that statements run as; it should own nothing.
	DSN string
	// MigrateDSN is the one whose role owns the tables, used for migrations alone.
	// Empty: DSN. It may not lead through a proxy that pools transactions.
	MigrateDSN string
	// ListenDSN is the one to listen on, past a proxy. Empty: DSN.
	ListenDSN string
	// MaxConns is the number of connections; one more listens. 0: 10.
	MaxConns int
	// Pooling is PoolingSession, the default, or PoolingTransaction.
	Pooling string
	// ConnTimeout bounds the wait for a connection, new or from the pool. 0: 5 s.
	ConnTimeout time.Duration
	// StatementTimeout bounds a statement, LockTimeout its wait for another
	// transaction. 0: 10 s and 5 s.
	StatementTimeout, LockTimeout time.Duration
	// Now is the clock, for CreatedAt and for what has expired. Nil: time.Now.
	Now func() time.Time
	// Log is told what went wrong. Nil: nothing is logged.
	Log *slog.Logger
	// AutoMigrate brings the schema up to date at Open. Without it Open refuses
	// a database whose schema is not this binary's.
	AutoMigrate bool
	// Migrations are the numbered SQL files. Nil: migrations.Postgres(), which
	// belongs to storage.Schema().
	Migrations fs.FS
}

func (c Config) withDefaults() (Config, error) {
	if c.DSN == "" {
		return c, fmt.Errorf("%w: postgres: no DSN", graph.ErrInvalidArgument)
	}
	if c.MaxConns < 0 || c.ConnTimeout < 0 || c.StatementTimeout < 0 || c.LockTimeout < 0 {
		return c, fmt.Errorf("%w: postgres: a negative limit", graph.ErrInvalidArgument)
	}
	if c.MigrateDSN == "" {
		c.MigrateDSN = c.DSN
	}
	if c.MaxConns == 0 {
		c.MaxConns = 10
	}
	if c.Pooling == "" {
		c.Pooling = PoolingSession
	}
	if c.Pooling != PoolingSession && c.Pooling != PoolingTransaction {
		return c, fmt.Errorf("%w: postgres: pooling is %q, it can be session or transaction", graph.ErrInvalidArgument, c.Pooling)
	}
	for limit, otherwise := range map[*time.Duration]time.Duration{&c.ConnTimeout: 5 * time.Second, &c.StatementTimeout: 10 * time.Second, &c.LockTimeout: 5 * time.Second} {
		if *limit == 0 {
			*limit = otherwise
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Migrations == nil {
		c.Migrations = migrations.Postgres()
	}
	return c, nil
}

// Repository is a graph.Repository on PostgreSQL.
type Repository struct {
	config   Config
	catalog  *graph.Catalog
	tables   map[graph.TypeID]*table
	log      *slog.Logger
	pool     *pgxpool.Pool
	listens  *pgx.ConnConfig
	watchers graph.Watchers
	listener listener
	closed   atomic.Bool
	wrote    atomic.Int64 // time of the last commit, as time since opened
	opened   time.Time
}

var _ graph.Repository = (*Repository)(nil)

// Open connects to a database, and migrates it if AutoMigrate is set. The errors
// are graph.ErrInvalidArgument, migrations.ErrSchema and graph.ErrUnavailable, each with a
// sentence.
func Open(ctx context.Context, schema graph.Schema, config Config) (*Repository, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	catalog, err := graph.NewCatalog(schema)
	if err != nil {
		return nil, err
	}
	pooled, err := config.pool()
	if err != nil {
		return nil, err
	}
	listens := pooled
	if config.ListenDSN != "" {
		if listens, err = config.parse(config.ListenDSN); err != nil {
			return nil, err
		}
	}
	if err := config.ready(ctx); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), pooled)
	if err != nil {
		return nil, unavailable(err)
	}
	r := &Repository{config: config, catalog: catalog, tables: map[graph.TypeID]*table{}, log: config.Log, pool: pool, listens: listens.ConnConfig, opened: time.Now()}
	for _, info := range catalog.Types() {
		r.tables[info.ID] = newTable(info)
	}
	weak, err := r.Weaknesses(ctx)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	for _, sentence := range weak {
		r.log.Warn("postgres: " + sentence)
	}
	return r, nil
}

// instant is the driver's clock with the precision that is stored.
func (r *Repository) instant() time.Time { return time.UnixMicro(r.config.Now().UnixMicro()).UTC() }

// open says whether the repository can be asked at all.
func (r *Repository) open(ctx context.Context) error {
	if r.closed.Load() {
		return graph.ErrClosed
	}
	return ctx.Err()
}

// healthProject holds the row that Check writes. No project is called so: their
// ids begin with a letter or a digit.
const healthProject = "."

// Check says whether the database can be written to. Unless something was
// committed within the last second, it commits a row of its own.
func (r *Repository) Check(ctx context.Context) error {
	if last := r.wrote.Load(); last != 0 && time.Since(r.opened)-time.Duration(last) < time.Second {
		return r.open(ctx)
	}
	_, err := r.Commit(ctx, graph.In(healthProject), graph.Increment{Counter: "health", By: 1, Window: 100 * 365 * 24 * time.Hour})
	return err
}

// SchemaVersion returns the number of the last migration that the database has.
func (r *Repository) SchemaVersion(ctx context.Context) (version int64, err error) {
	err = r.repeated(ctx, true, func(ctx context.Context, c *pgx.Conn) error {
		version, err = schemaVersion(ctx, c)
		return err
	})
	return version, err
}

// Weaknesses says, in sentences, what in the database's set-up takes a layer of
// the isolation between projects away.
func (r *Repository) Weaknesses(ctx context.Context) (sentences []string, err error) {
	var role string
	var bypasses, owns bool
	var unforced []string
	err = r.repeated(ctx, true, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT current_user::text, rolsuper OR rolbypassrls, "+
			"EXISTS (SELECT 1 FROM pg_class WHERE oid = to_regclass('edges') AND pg_has_role(current_user, relowner, 'USAGE')), "+
			"ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' "+
			"AND relname <> 'goose_db_version' AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY 1) "+
			"FROM pg_roles WHERE rolname = current_user").Scan(&role, &bypasses, &owns, &unforced)
	})
	if bypasses {
		sentences = append(sentences, fmt.Sprintf("the role %q is a superuser or has BYPASSRLS: row-level security does not hold it; use a role of its own, see docs/operations.md", role))
	} else if owns {
		sentences = append(sentences, fmt.Sprintf("the role %q owns the tables and could switch row-level security off; let another role own them, see docs/operations.md", role))
	}
	for _, name := range unforced {
		sentences = append(sentences, fmt.Sprintf("the table %s has no forced row-level security", name))
	}
	return sentences, err
}

// Close implements graph.Repository: it waits for what is in flight.
func (r *Repository) Close() error {
	r.closed.Store(true)
	r.listener.stop()
	r.watchers.Close()
	r.pool.Close()
	return nil
}
