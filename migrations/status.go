package migrations

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// ErrSchema: a database's schema is not the one this binary works with. The text
// says what to do.
var ErrSchema = errors.New("storage: wrong schema version")

// Status says where a database's schema is.
type Status struct {
	Current int64    // number of the last migration that was applied, 0 for none
	Latest  int64    // number of the last migration that this binary has
	Pending []string // file names of those to come, in order
}

// StatusOf compares the version of a database with the files of the binary.
func StatusOf(files fs.FS, current int64) (Status, error) {
	s := Status{Current: current}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return s, err
	}
	for _, name := range names {
		digits, _, _ := strings.Cut(name, "_")
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return s, fmt.Errorf("the migration %s has no number", name)
		}
		s.Latest = max(s.Latest, number)
		if number > current {
			s.Pending = append(s.Pending, name)
		}
	}
	return s, nil
}

// TooNew is ErrSchema for a schema that only a newer release knows.
func (s Status) TooNew() error {
	if s.Current <= s.Latest {
		return nil
	}
	return fmt.Errorf("%w: the database has schema version %d, this binary knows %d: it was migrated by a newer release, run that one or restore a backup", ErrSchema, s.Current, s.Latest)
}

// TooOld is ErrSchema for a schema that has to be migrated before it is used.
func (s Status) TooOld() error {
	if s.Current >= s.Latest {
		return nil
	}
	return fmt.Errorf("%w: the database has schema version %d, this binary needs %d: run the migration first", ErrSchema, s.Current, s.Latest)
}
