package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The roles of every server: one owns the tables, the other works with them. None
// of them is a superuser.
const (
	OwnerRole = "identity_owner"
	AppRole   = "identity_app"
)

// Database is an empty database, or a copy of another, that a test has for itself.
type Database struct {
	Name  string
	Super string // DSN of a superuser
	Owner string // DSN of OwnerRole, who owns the database
	App   string // DSN of AppRole
}

// New makes an empty database on the server that Main has found. It is dropped
// when the test ends.
func New(t testing.TB) Database {
	t.Helper()
	dsn := os.Getenv(Env)
	if dsn == "" {
		t.Fatalf("no PostgreSQL: %s is not set, and the package has no TestMain that calls pgtest.Main", Env)
	}
	return On(t, dsn)
}

// On makes an empty database on the server of this superuser.
func On(t testing.TB, dsn string) Database {
	t.Helper()
	roles(t, dsn)
	return fresh(t, dsn, "template1")
}

func roles(t testing.TB, dsn string) {
	t.Helper()
	for _, role := range []string{OwnerRole, AppRole} {
		// Several packages may do this at once.
		Exec(t, dsn, "DO $$ BEGIN CREATE ROLE "+role+" LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$")
	}
}

// Shared returns the database that the tests of a package have in turn, since one
// for each would take longer than the test. The first who asks has it made, with
// the tables of migrate; whoever asks finds it empty. Two repositories that a test
// has at once are two replicas. Main drops it.
func Shared(t testing.TB, migrate func(Database) error) Database {
	t.Helper()
	dsn, name := os.Getenv(Env), os.Getenv(sharedEnv)
	if dsn == "" || name == "" {
		t.Fatalf("no PostgreSQL: the package has no TestMain that calls pgtest.Main")
	}
	d := database(dsn, name)
	if len(Texts(t, dsn, "SELECT datname::text FROM pg_database WHERE datname = $1", name)) == 0 {
		roles(t, dsn)
		Exec(t, dsn, "CREATE DATABASE "+name+" OWNER "+OwnerRole)
		if err := migrate(d); err != nil {
			t.Fatal(err)
		}
	}
	// For tables of a few rows this is quicker than TRUNCATE, which makes new files.
	Exec(t, d.Super, `DO $$ DECLARE name text; BEGIN
		FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> 'goose_db_version' LOOP
			EXECUTE format('DELETE FROM %I', name);
		END LOOP; END $$`)
	return d
}

// Clone makes a copy of a database that nobody is connected to.
func (d Database) Clone(t testing.TB) Database {
	t.Helper()
	return fresh(t, d.Super, d.Name)
}

func fresh(t testing.TB, super, template string) Database {
	t.Helper()
	d := database(super, "t_"+strings.ToLower(rand.Text()))
	Exec(t, super, "CREATE DATABASE "+d.Name+" OWNER "+OwnerRole+" TEMPLATE "+template+"")
	t.Cleanup(func() { Exec(t, super, "DROP DATABASE "+d.Name+" WITH (FORCE)") })
	return d
}

func database(super, name string) Database {
	return Database{Name: name, Super: in(super, name, ""), Owner: in(super, name, OwnerRole), App: in(super, name, AppRole)}
}

// in is the DSN for another database and, unless "", role.
func in(dsn, database, role string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn
	}
	u.Path = "/" + database
	if role != "" {
		u.User = url.User(role)
	}
	return u.String()
}

// Exec runs statements on a connection of their own.
func Exec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("no connection to PostgreSQL: %v", err)
	}
	defer c.Close(ctx)
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// Begin runs statements in a transaction that stays open until it is undone.
func Begin(t testing.TB, dsn string, statements ...string) (undo func()) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("no connection to PostgreSQL: %v", err)
	}
	t.Cleanup(func() { _ = c.Close(ctx) })
	for _, sql := range append([]string{"BEGIN"}, statements...) {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return func() {
		if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
}

// Texts runs a query of one column of texts.
func Texts(t testing.TB, dsn, query string, args ...any) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("no connection to PostgreSQL: %v", err)
	}
	defer c.Close(ctx)
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}
