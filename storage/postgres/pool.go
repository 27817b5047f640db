package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elloloop/identity/storage/graph"
)

// slack is how much longer than the server we wait for its answer, before a
// connection counts as dead.
const slack = 5 * time.Second

// parse reads a DSN. What pgx says of a bad one is not repeated: it quotes it.
func (c Config) parse(dsn string) (*pgxpool.Config, error) {
	pooled, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("%w: postgres: the DSN cannot be understood: write postgres://user:password@host:5432/database?sslmode=verify-full", graph.ErrInvalidArgument)
	}
	conn := pooled.ConnConfig
	conn.ConnectTimeout = c.ConnTimeout
	c.parameter(conn, "application_name", "identity")
	return pooled, nil
}

// parameter sets a parameter of the session, unless the DSN does.
func (c Config) parameter(conn *pgx.ConnConfig, name, value string) {
	if _, set := conn.RuntimeParams[name]; !set && c.Pooling == PoolingSession {
		conn.RuntimeParams[name] = value
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// pool makes the configuration of the connections that statements run on.
func (c Config) pool() (*pgxpool.Config, error) {
	pooled, err := c.parse(c.DSN)
	if err != nil {
		return nil, err
	}
	pooled.MaxConns = int32(min(c.MaxConns, 1<<16))
	conn := pooled.ConnConfig
	if c.Pooling == PoolingTransaction {
		conn.DefaultQueryExecMode = pgx.QueryExecModeExec
		conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
		return pooled, nil
	}
	conn.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	c.parameter(conn, "statement_timeout", millis(c.StatementTimeout))
	c.parameter(conn, "lock_timeout", millis(c.LockTimeout))
	c.parameter(conn, "idle_in_transaction_session_timeout", millis(c.StatementTimeout))
	return pooled, nil
}

// begin is the first statement of every transaction. It names the project for
// row-level security, until the transaction ends. Behind a proxy the limits are
// set here as well, since no session is ours.
func (r *Repository) begin(project string) *statement {
	s := say("SELECT set_config('identity.project', ").bind(project).say(", true)")
	if r.config.Pooling == PoolingTransaction {
		s.say(", set_config('statement_timeout', '", millis(r.config.StatementTimeout), "', true), set_config('lock_timeout', '", millis(r.config.LockTimeout), "', true)")
	}
	return s
}

// with lends a connection to f for a bounded time.
func (r *Repository) with(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, r.config.ConnTimeout)
	c, err := r.pool.Acquire(waiting)
	cancel()
	if err != nil {
		return &noConnection{err}
	}
	defer c.Release()
	running, cancel := context.WithTimeout(ctx, r.config.StatementTimeout+slack)
	defer cancel()
	err = f(running, c.Conn())
	if code(err) == codeReadOnly {
		// The server became a standby. Nobody should ask it again: a new connection
		// goes to the one that can be written to, if the DSN leads there.
		_ = c.Conn().Close(running)
		r.pool.Reset()
	}
	return err
}

// noConnection: f was never called.
type noConnection struct{ err error }

func (e *noConnection) Error() string { return "no connection: " + e.err.Error() }
func (e *noConnection) Unwrap() error { return e.err }

// Repeating: how often, and the longest pause before it.
const (
	maxTries = 20
	maxPause = 50 * time.Millisecond
)

// repeated lends a connection to f, and does so again where that is safe: the
// server has rolled everything back, or nothing was ever sent to it. After a
// COMMIT was sent nothing is repeated, for it may stand. What only reads is also
// repeated when its connection breaks.
func (r *Repository) repeated(ctx context.Context, reads bool, f func(context.Context, *pgx.Conn) error) error {
	broken := 0
	for try := 0; ; try++ {
		err := r.with(ctx, f)
		if err == nil && !reads {
			r.wrote.Store(int64(time.Since(r.opened)))
		}
		if err == nil || ctx.Err() != nil || try == maxTries {
			return r.translate(ctx, err)
		}
		switch {
		case errors.Is(err, errClash), rolledBack(err):
		case pgconn.SafeToRetry(err) || reads && lost(err):
			if broken++; broken > r.config.MaxConns+1 { // each of the pool may be dead
				return r.translate(ctx, err)
			}
		default:
			return r.translate(ctx, err)
		}
		pause := time.NewTimer(rand.N(min(time.Millisecond<<min(try, 6), maxPause)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}
