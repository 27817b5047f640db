package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// suite is what all tests of the package use: made by TestMain, changed by nobody.
var suite struct {
	root   string // of the module
	dir    string // temporary
	binary string
	ca     *authority
}

func TestMain(m *testing.M) {
	if os.Getenv(postgresEnv) == "" { // without make: with a PostgreSQL for this run
		fmt.Fprintln(os.Stderr, "conformance:", againWithPostgres())
		os.Exit(1)
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "identity-conformance-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	suite.root, suite.dir, suite.binary = root, dir, filepath.Join(dir, "identity")
	build := exec.Command("go", "build", "-o", suite.binary, "./cmd/identity")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build of the binary: %w\n%s", err, out)
	}
	if suite.ca, err = newAuthority(dir); err != nil {
		return 0, err
	}
	if err := readSources(root); err != nil {
		return 0, err
	}
	defer dropDatabases()
	code := m.Run()
	chromium.end()
	for _, w := range started() { // the shared servers: their end is a test too
		if err := w.server.stop(); err != nil {
			return 1, err
		}
		if wrong := w.server.audit(); len(wrong) > 0 {
			return 1, fmt.Errorf("log of the server:\n%s", strings.Join(wrong, "\n"))
		}
	}
	return code, nil
}

// readSources looks at every file that the binary is made of, so that `go test`
// does not answer from its cache when one of them has changed.
func readSources(root string) error {
	for _, folder := range []string{"cmd", "op", "flows", "admin", "proto", "storage", "templates", "migrations", "go.mod"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(file)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// world is a running server with the clients and people that most tests need.
type world struct {
	*server
	web     client // confidential, Basic or post, of the operator
	other   client // as web: a stranger to its tokens
	third   client // confidential, not of the operator: people are asked for consent
	spa     client // public
	native  client // public, loopback addresses
	machine client // client_credentials
	opaque  client // as web, opaque access tokens
	signed  client // private_key_jwt
	hashed  client // client_secret_jwt
	es256   client // as web, ID tokens signed with ES256
	legacy  client // as web, need not use PKCE
	alice   person
}

var (
	sharedWorld   = sync.OnceValues(func() (*world, error) { return newWorld(filepath.Join(suite.dir, "shared"), false) })
	sharedReplica = sync.OnceValues(func() (*world, error) { return newWorld(filepath.Join(suite.dir, "shared-postgres"), true) })
)

var startedOnce struct {
	sync.Mutex
	worlds []*world
}

func started() []*world {
	startedOnce.Lock()
	defer startedOnce.Unlock()
	return startedOnce.worlds
}

// shared returns the server that most tests use together: on SQLite, and below
// TestOnPostgres on Postgres. At the end of each test its log is read: an error,
// or a secret, fails the test.
func shared(t *testing.T) *world {
	t.Helper()
	get := sharedWorld
	if onPostgres(t) {
		get = sharedReplica
	}
	w, err := get()
	if err != nil {
		t.Fatal(err)
	}
	startedOnce.Lock()
	if !slices.Contains(startedOnce.worlds, w) {
		startedOnce.worlds = append(startedOnce.worlds, w)
	}
	startedOnce.Unlock()
	watch(t, w.server)
	return w
}

// watch fails the test for what the log of the server must not hold (S5-06).
func watch(t *testing.T, s *server) {
	t.Cleanup(func() {
		for _, wrong := range s.audit() {
			t.Error(wrong)
		}
	})
}
