// Package sqlitetest gives tests an SQLite file with today's tables. It knows
// nothing of what is stored.
package sqlitetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/elloloop/identity/storage/sqlite"
)

// migrated is an empty database. It is made once: with the race detector the
// migrations take longer than most tests of what they make.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "identity-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	if _, err := sqlite.Migrate(context.Background(), sqlite.Config{Path: path}); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// File returns the path of an empty database that the test has for itself.
func File(t testing.TB) string {
	t.Helper()
	b, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "i.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
