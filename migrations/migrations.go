// Package migrations holds the numbered SQL of every dialect, to be run by
// goose. The same number means the same change in each dialect. A migration that
// was released is never edited; there is no way back (a backup is).
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// SQLite returns the migrations for SQLite.
func SQLite() fs.FS { return dialect("sqlite") }

// Postgres returns the migrations for PostgreSQL.
func Postgres() fs.FS { return dialect("postgres") }

func dialect(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}
