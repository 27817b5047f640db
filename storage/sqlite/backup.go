package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage/graph"
)

// Backup writes a consistent copy of the database at config.Path to a new file,
// while others read and write it. The copy is of its owner alone.
func Backup(ctx context.Context, config Config, to string) (err error) {
	config, err = config.withDefaults()
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.Path); err != nil || config.inMemory() {
		return fmt.Errorf("%w: sqlite: there is no database file at %s", graph.ErrInvalidArgument, config.Path)
	}
	made, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // SQLite fills an empty file
	if err != nil {
		return fmt.Errorf("the backup is not written: %w", err)
	}
	defer func() {
		if err = errors.Join(err, made.Sync(), made.Close()); err != nil {
			err = errors.Join(err, os.Remove(to)) // half a backup is none
		}
	}()
	one, err := config.connect(false)
	if err != nil {
		return unavailable(err)
	}
	defer func() { err = errors.Join(err, one.close()) }()
	stmt, err := one.raw.Prepare("VACUUM INTO ?")
	if err != nil {
		return unavailable(err)
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	path, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	if _, err := stmt.(driver.StmtExecContext).ExecContext(ctx, []driver.NamedValue{{Ordinal: 1, Value: path}}); err != nil {
		return unavailable(err)
	}
	return nil
}

// Restore puts a copy of a backup where config.Path leads to, after a look at
// whether it is whole and of a schema that this binary knows. It refuses to
// replace anything: a process may have the file open.
func Restore(ctx context.Context, config Config, from string) (err error) {
	config, err = config.withDefaults()
	if err != nil {
		return err
	}
	if config.inMemory() {
		return fmt.Errorf("%w: sqlite: a database in memory can't be restored", graph.ErrInvalidArgument)
	}
	for _, beside := range []string{"", "-wal", "-shm"} {
		if _, err := os.Lstat(config.Path + beside); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: sqlite: %s is there: stop every process that uses the database, and move it away first", graph.ErrInvalidArgument, config.Path+beside)
		}
	}
	if err := os.MkdirAll(filepath.Dir(config.Path), 0o700); err != nil {
		return err
	}
	copied, err := duplicate(from, filepath.Dir(config.Path))
	if err != nil {
		return err
	}
	defer func() {
		for _, beside := range []string{"", "-wal", "-shm", "-journal"} {
			if e := os.Remove(copied + beside); !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	looked := config
	looked.Path = copied
	status, err := looked.withConn(func(one *conn) (migrations.Status, error) {
		wrong, err := one.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'")
		if err == nil && wrong > 0 {
			err = errors.New("it is damaged")
		}
		if err != nil {
			return migrations.Status{}, fmt.Errorf("%w: sqlite: %s is no whole database: %w", graph.ErrInvalidArgument, from, err)
		}
		return looked.status(ctx, one)
	})
	switch {
	case err != nil:
		return err
	case status.Current == 0:
		return fmt.Errorf("%w: sqlite: %s is no database of identity", graph.ErrInvalidArgument, from)
	case status.Current > status.Latest:
		return fmt.Errorf("%w: the backup has schema version %d, this binary knows %d: restore it with the release that made it, or a newer one", migrations.ErrSchema, status.Current, status.Latest)
	}
	return os.Link(copied, config.Path) // unlike a rename it replaces nothing
}

// duplicate copies a file into a folder, durably, for its owner alone.
func duplicate(from, dir string) (name string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.CreateTemp(dir, ".restoring-*") // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}
