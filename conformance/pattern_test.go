package conformance

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// pattern is what most servers begin with: the keys, and everybody who is
// registered. It is made once for each database, by a server of its own.
type pattern struct {
	made     *world
	database string // on PostgreSQL, else ""
}

var (
	onSQLite     = sync.OnceValues(func() (*pattern, error) { return newPattern("pattern", nil) })
	onPostgreSQL = sync.OnceValues(func() (*pattern, error) {
		settings, err := newDatabase()
		if err != nil {
			return nil, err
		}
		return newPattern("pattern-postgres", settings)
	})
)

func newPattern(folder string, settings []string) (*pattern, error) {
	s, err := newServer(filepath.Join(suite.dir, folder), settings...)
	if err != nil {
		return nil, err
	}
	p := &pattern{made: &world{server: s}}
	if settings != nil {
		p.database = databaseOf(settings)
	}
	if err := p.made.start(); err != nil {
		return nil, err
	}
	if err := p.made.register(); err != nil {
		p.made.kill()
		return nil, err
	}
	if err := p.made.stop(); err != nil {
		return nil, err
	}
	if wrong := s.audit(); len(wrong) > 0 {
		return nil, errors.New(strings.Join(wrong, "\n"))
	}
	return p, nil
}

// databaseOf is the name of the database that settings lead to.
func databaseOf(settings []string) string {
	app, _, _ := strings.Cut(settings[0], "?")
	return app[strings.LastIndexByte(app, '/')+1:]
}

// copy makes a database of its own, and returns the settings that lead a server in
// this folder to it.
func (p *pattern) copy(dir string) ([]string, error) {
	key := "GATEWAY_KEY_ENCRYPTION_KEYS=" + p.made.kek
	if p.database != "" {
		settings, err := databaseOn(os.Getenv(postgresEnv), p.database)
		return append(settings, key), err
	}
	b, err := os.ReadFile(filepath.Join(p.made.dir, "identity.db"))
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "identity.db"), b, 0o600)
	}
	return []string{key}, err
}

// world is everybody, at a server on a copy.
func (p *pattern) world(s *server) *world {
	w := *p.made
	w.server = s
	s.kek = p.made.kek
	s.log.secret(strings.TrimPrefix(s.kek, "test="), w.alice.password)
	for _, c := range []client{w.web, w.other, w.third, w.machine, w.opaque, w.signed, w.hashed, w.es256, w.legacy} {
		s.log.secret(c.Secret)
	}
	return &w
}
