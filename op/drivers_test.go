package op

import (
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
	"github.com/elloloop/identity/storage/sqlite"
	"github.com/elloloop/identity/storage/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestOnDrivers runs once more, on SQLite and on Postgres, what rests on the
// database: what is taken once, raced, ended together, found by an index. All tests
// of the package run in memory.
func TestOnDrivers(t *testing.T) {
	for _, driver := range []string{"sqlite", "postgres"} {
		for name, test := range map[string]func(*testing.T){
			"Resume": TestResume, "CodeGrant": TestCodeGrant, "CodeReplay": TestCodeReplay, "CodeLife": TestCodeLife, "CommitFails": TestCommitFails,
			"Refresh": TestRefresh, "RefreshRace": TestRefreshRace, "RefreshAfterTheEnd": TestRefreshAfterTheEnd,
			"Userinfo": TestUserinfo, "IntrospectionAndRevocation": TestIntrospectionAndRevocation, "ClientCredentials": TestClientCredentials,
			"ClientAssertionRaced": TestClientAssertionRaced, "GroupsAndRoles": TestGroupsAndRoles,
			"BackChannelLogout": TestBackChannelLogout, "LogoutAnswers": TestLogoutAnswers, "RotateRaced": TestRotateRaced,
			"Registration": TestRegistration, "RegistrationManagement": TestRegistrationManagement, "ClientOrigins": TestClientOrigins,
		} {
			t.Run(driver+"/"+name, test)
		}
	}
}

// openRepository opens the driver of the test: memory, unless TestOnDrivers runs it.
func openRepository(t testing.TB, now func() time.Time) graph.Repository {
	t.Helper()
	var r graph.Repository
	var err error
	switch {
	case strings.HasPrefix(t.Name(), "TestOnDrivers/sqlite/"):
		r, err = sqlite.Open(t.Context(), storage.Schema(), sqlite.Config{Path: sqlitetest.File(t), Synchronous: "NORMAL", Now: now})
	case strings.HasPrefix(t.Name(), "TestOnDrivers/postgres/"):
		d := pgtest.Shared(t, func(d pgtest.Database) error {
			_, err := postgres.Migrate(t.Context(), postgres.Config{DSN: d.App, MigrateDSN: d.Owner})
			return err
		})
		r, err = postgres.Open(t.Context(), storage.Schema(), postgres.Config{DSN: d.App, Now: now})
	default:
		r = memory.Open(storage.Schema(), memory.Config{Now: now})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
