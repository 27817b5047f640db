package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	lib "modernc.org/sqlite"

	"github.com/elloloop/identity/storage/graph"
)

func (c Config) inMemory() bool { return c.Path == ":memory:" }

// makeFile makes the file and its directory for their owner alone when they are
// missing. SQLite gives the files beside it (-wal, -shm) the same mode.
func makeFile(path string) error {
	if path == ":memory:" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // not opened: closing it would drop the locks of a connection in this process
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// inPlace says whether the path still leads to the file that is open. SQLite
// itself would go on writing to a file that nobody will find again.
func (r *Repository) inPlace() error {
	if r.file == nil {
		return nil
	}
	now, err := os.Stat(r.config.Path)
	if err == nil && os.SameFile(r.file, now) {
		return nil
	}
	return fmt.Errorf("%w: the database file was removed or replaced, restart to open the one that is there now", graph.ErrUnavailable)
}

// connector names the database and how each connection begins.
func (c Config) connector(readOnly bool) (driver.Connector, error) {
	pragmas := url.Values{"_txlock": {"immediate"}}
	add := func(p string) { pragmas.Add("_pragma", p) }
	add("busy_timeout(" + strconv.FormatInt(c.BusyTimeout.Milliseconds(), 10) + ")")
	if !c.inMemory() && !readOnly {
		add("journal_mode(WAL)")
		add("journal_size_limit(67108864)")
	}
	add("synchronous(" + c.Synchronous + ")")
	add("foreign_keys(1)")
	add("temp_store(MEMORY)")
	if readOnly {
		add("query_only(1)")
	}
	if c.inMemory() {
		return lib.NewConnector(":memory:?" + pragmas.Encode())
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: pragmas.Encode()}
	return lib.NewConnector(name.String())
}

func (c Config) connect(readOnly bool) (*conn, error) {
	connector, err := c.connector(readOnly)
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	return &conn{raw: raw}, nil
}
