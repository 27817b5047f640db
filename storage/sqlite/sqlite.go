// Package sqlite is the driver that keeps everything in one SQLite file, or in
// an SQLite database in memory. One goroutine writes; it gathers the commits
// that wait into one transaction, each inside a savepoint of its own, and
// answers them after the one COMMIT made all of them durable. Reads go through a
// pool of connections beside it (WAL).
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage/graph"
)

// Config configures the driver.
type Config struct {
	// Path is the database file, or ":memory:" for a database that lives as long
	// as the repository. A file that is missing is made with mode 0600, its
	// directory with 0700.
	Path string
	// MaxConns is the number of connections that read. 0: 4. In memory there is
	// always one connection, for reads and writes.
	MaxConns int
	// Synchronous is SQLite's pragma: "FULL", the default, or "NORMAL". With
	// NORMAL a commit that was answered can be lost when the machine loses power
	// (not when the process dies); the file stays consistent with both.
	Synchronous string
	// BusyTimeout is how long a commit waits for another process that writes to
	// the same file. 0: 5 seconds.
	BusyTimeout time.Duration
	// Now is the clock, for CreatedAt and for what has expired. Nil: time.Now.
	Now func() time.Time
	// Log is told when the database cannot write. Nil: nothing is logged.
	Log *slog.Logger
	// AutoMigrate brings the schema up to date at Open. Without it Open refuses
	// a database whose schema is not this binary's.
	AutoMigrate bool
	// Migrations are the numbered SQL files. Nil: migrations.SQLite(), which
	// belongs to storage.Schema().
	Migrations fs.FS
}

func (c Config) withDefaults() (Config, error) {
	if c.Path == "" {
		return c, fmt.Errorf("%w: sqlite: no path", graph.ErrInvalidArgument)
	}
	if c.Synchronous == "" {
		c.Synchronous = "FULL"
	}
	if c.Synchronous != "FULL" && c.Synchronous != "NORMAL" {
		return c, fmt.Errorf("%w: sqlite: synchronous is %q, it can be FULL or NORMAL", graph.ErrInvalidArgument, c.Synchronous)
	}
	if c.MaxConns < 0 || c.BusyTimeout < 0 {
		return c, fmt.Errorf("%w: sqlite: a negative limit", graph.ErrInvalidArgument)
	}
	if c.MaxConns == 0 {
		c.MaxConns = 4
	}
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Migrations == nil {
		c.Migrations = migrations.SQLite()
	}
	return c, nil
}

// Repository is a graph.Repository on SQLite.
type Repository struct {
	config   Config
	catalog  *graph.Catalog
	sql      *queries
	now      func() time.Time
	log      *slog.Logger
	watchers graph.Watchers
	pool     *pool

	sending sync.RWMutex // held for reading while sending to jobs, for writing to close it
	closed  bool
	jobs    chan *job
	watched chan struct{} // somebody began to watch
	stopped chan struct{} // the writer has ended
	wrote   atomic.Int64  // time of the last COMMIT, as time since opened
	opened  time.Time
	file    os.FileInfo // as it was at Open, nil in memory
}

var _ graph.Repository = (*Repository)(nil)

// Open opens a database, makes it when it is missing, and migrates it if
// AutoMigrate is set. The errors are graph.ErrInvalidArgument, migrations.ErrSchema and
// graph.ErrUnavailable, each with a sentence.
func Open(ctx context.Context, schema graph.Schema, config Config) (*Repository, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	catalog, err := graph.NewCatalog(schema)
	if err != nil {
		return nil, err
	}
	if err := makeFile(config.Path); err != nil {
		return nil, fmt.Errorf("%w: sqlite: the database file cannot be made: %w", graph.ErrUnavailable, err)
	}
	writer, err := config.connect(false)
	if err != nil {
		return nil, unavailable(err)
	}
	if err := config.ready(ctx, writer); err != nil {
		return nil, errors.Join(err, writer.close())
	}
	r := &Repository{
		config: config, catalog: catalog, sql: newQueries(catalog), now: config.Now, log: config.Log,
		jobs: make(chan *job, maxBatch), watched: make(chan struct{}, 1), stopped: make(chan struct{}), opened: time.Now(),
	}
	if !config.inMemory() {
		if r.file, err = os.Stat(config.Path); err != nil {
			return nil, errors.Join(unavailable(err), writer.close())
		}
	}
	r.pool = newPool(config.MaxConns, func() (*conn, error) { return config.connect(true) })
	if config.inMemory() {
		r.pool = newPool(1, nil)
		<-r.pool.slots
		r.pool.give(writer)
	}
	go r.write(writer)
	return r, nil
}

// Watch implements graph.Repository. What other processes write to the file is
// noticed within half a second, as a Change.All.
func (r *Repository) Watch(ctx context.Context) (<-chan graph.Change, error) {
	changes, err := r.watchers.Add(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case r.watched <- struct{}{}:
	default:
	}
	return changes, nil
}

// Check says whether the database can be written to. Unless something was
// committed within the last second, it commits a row of its own.
func (r *Repository) Check(ctx context.Context) error {
	if last := r.wrote.Load(); last != 0 && time.Since(r.opened)-time.Duration(last) < time.Second && !r.isClosed() {
		return ctx.Err()
	}
	return r.do(ctx, &job{run: func(w *work) error {
		_, err := w.conn.bind().exec(w.sql.touch)
		return err
	}})
}

// SchemaVersion returns the number of the last migration that the database has.
func (r *Repository) SchemaVersion(ctx context.Context) (version int64, err error) {
	err = r.read(ctx, func(c *conn) error {
		version, err = schemaVersion(ctx, c)
		return err
	})
	return version, err
}

func (r *Repository) isClosed() bool {
	r.sending.RLock()
	defer r.sending.RUnlock()
	return r.closed
}

// Close implements graph.Repository: commits that were accepted are finished.
func (r *Repository) Close() error {
	r.sending.Lock()
	first := !r.closed
	r.closed = true
	if first {
		close(r.jobs)
	}
	r.sending.Unlock()
	<-r.stopped
	r.watchers.Close()
	return r.pool.close()
}
