package conformance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgresEnv names a superuser's DSN of the PostgreSQL that tests share: make
// test starts it.
const postgresEnv = "IDENTITY_TEST_POSTGRES_DSN"

// againWithPostgres runs this program once more, by the script that starts a
// PostgreSQL. It returns only when that can't be done.
func againWithPostgres() error {
	bash, err := exec.LookPath("bash")
	if err != nil {
		return err
	}
	return syscall.Exec(bash, append([]string{"bash", filepath.Join("..", ".ci", "with-postgres")}, os.Args...), os.Environ())
}

// TestOnPostgres runs again, on PostgreSQL, what is about stored things, with every
// way in by Chromium among it. Left to SQLite are time that passes, and what no
// database has a part in.
func TestOnPostgres(t *testing.T) {
	for name, run := range map[string]func(*testing.T){
		"Register": TestRegister, "Import": TestImport, "Lockout": TestLockout,
		"Example": TestExample, "Userinfo": TestUserinfo, "AccessToken": TestAccessToken, "Introspection": TestIntrospection, "Revocation": TestRevocation,
		"ClientAuthentication": TestClientAuthentication, "ClientAssertion": TestClientAssertion, "ClientOptions": TestClientOptions,
		"Code": TestCode, "PKCE": TestPKCE, "RefreshToken": TestRefreshToken, "RefreshTokenReuse": TestRefreshTokenReuse,
		"Interaction": TestInteraction, "Session": TestSession, "Prompt": TestPrompt, "Logout": TestLogout, "OIDCC": TestOIDCC, "OpenID": TestOpenID,
		"Parameters": TestParameters, "ResponseMode": TestResponseMode, "RedirectURI": TestRedirectURI, "UnprovenClient": TestUnprovenClient,
		"KeyRotation": TestKeyRotation, "Restart": TestRestart, "StopUnderLoad": TestStopUnderLoad,
		"Passkey": TestPasskey, "PasskeyDevices": TestPasskeyDevices, "PasskeyUnverified": TestPasskeyUnverified,
		"MailFlows": TestMailFlows, "OtherDevice": TestOtherDevice,
		"SecondFactorPages": TestSecondFactorPages, "AccountInChromium": TestAccountInChromium,
	} {
		t.Run(name, run)
	}
}

func onPostgres(t *testing.T) bool { return strings.HasPrefix(t.Name(), "TestOnPostgres/") }

var databases struct {
	sync.Mutex
	names []string
}

// newDatabase makes an empty database on the shared PostgreSQL, and returns the
// settings that lead a server to it: one role owns the tables, another works.
func newDatabase() ([]string, error) { return databaseOn(os.Getenv(postgresEnv), "template1") }

// databaseOn makes a copy of a database that nobody is connected to.
func databaseOn(super, template string) ([]string, error) {
	name := "conformance_" + strings.ToLower(rand.Text())
	var statements []string
	for _, role := range []string{"identity_owner", "identity_app"} {
		statements = append(statements, "DO $$ BEGIN CREATE ROLE "+role+" LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$")
	}
	statements = append(statements, "CREATE DATABASE "+name+" OWNER identity_owner TEMPLATE "+template)
	err := execute(super, statements...)
	for until := time.Now().Add(time.Minute); inUse(err) && time.Now().Before(until); { // whoever left it may take a while to be gone
		<-time.After(100 * time.Millisecond)
		err = execute(super, statements...)
	}
	if err != nil {
		return nil, err
	}
	if super == os.Getenv(postgresEnv) {
		databases.Lock()
		databases.names = append(databases.names, name)
		databases.Unlock()
	}
	return []string{"GATEWAY_POSTGRES_DSN=" + dsn(super, name, "identity_app"), "GATEWAY_POSTGRES_MIGRATE_DSN=" + dsn(super, name, "identity_owner")}, nil
}

// inUse says whether somebody is connected to the database that should be copied.
func inUse(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "55006"
}

// dropDatabases removes what newDatabase made.
func dropDatabases() {
	for _, name := range databases.names {
		if err := execute(os.Getenv(postgresEnv), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
		}
	}
}

// dsn is that of another database and, unless "", another role.
func dsn(super, database, role string) string {
	u, err := url.Parse(super)
	if err != nil {
		return super
	}
	u.Path = "/" + database
	if role != "" {
		u.User = url.User(role)
	}
	return u.String()
}

// execute runs statements on a connection of their own.
func execute(dsn string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	for _, sql := range statements {
		if _, err = c.Exec(ctx, sql); err != nil {
			err = fmt.Errorf("%s: %w", sql, err)
			break
		}
	}
	return errors.Join(err, c.Close(ctx))
}

// number runs a query for one number.
func number(t *testing.T, dsn, query string, args ...any) (n int64) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	if err := c.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
