package sqlite_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/sqlite"
)

// The test binary is its own second process: with this variable set it runs one
// of the children below instead of the tests.
const childVariable = "IDENTITY_SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	role := os.Getenv(childVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	children := map[string]func(c *child) error{
		"write": (*child).write, "count": (*child).count, "limit": (*child).limit, "read-only": (*child).readOnly,
	}
	c := &child{path: os.Getenv(childVariable + "_PATH"), name: os.Getenv(childVariable + "_NAME")}
	if err := children[role](c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is what runs in the second process.
type child struct {
	path, name string
	mu         sync.Mutex
}

// spawn starts a child. Its lines come through the channel, which is closed when
// the child has ended.
func spawn(t *testing.T, role, path, name string) (*exec.Cmd, <-chan string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+role, childVariable+"_PATH="+path, childVariable+"_NAME="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1<<16)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return cmd, lines
}

// says writes one line, whole, to the parent.
func (c *child) says(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Printf(format+"\n", args...)
}

func (c *child) open(config sqlite.Config) (*sqlite.Repository, error) {
	config.Path = c.path
	config.Migrations = ddl(graphtest.Schema())
	return sqlite.Open(background, graphtest.Schema(), config)
}

func tickets(id string) []graph.Op {
	return []graph.Op{
		graph.Create{Node: graph.Node{Type: graphtest.Ticket, ID: id, Columns: []graph.Value{graph.Binary([]byte(id)), graph.String("f")}, Data: make([]byte, 300)}},
		graph.Create{Node: graph.Node{Type: graphtest.Plain, ID: id, Data: []byte(id)}},
	}
}

// write commits under load until it is killed, and says what was acknowledged:
// "C id" for a created pair of nodes, "T id" for a ticket that it took.
func (c *child) write() error {
	r, err := c.open(sqlite.Config{})
	if err != nil {
		return err
	}
	errs := make(chan error)
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%06d", c.name, w, i)
				if _, err := r.Commit(background, scope, tickets(id)...); err != nil {
					errs <- err
				}
				c.says("C %s", id)
				if i%2 == 0 {
					continue
				}
				if _, err := r.Commit(background, scope, graph.Take{Type: graphtest.Ticket, ID: id}); err != nil {
					errs <- err
				}
				c.says("T %s", id)
			}
		}()
	}
	return <-errs
}

// count increments one counter 200 times, and says each number that it got.
func (c *child) count() error {
	r, err := c.open(sqlite.Config{BusyTimeout: 30 * time.Second})
	if err != nil {
		return err
	}
	for i := range 200 {
		ops := append(tickets(fmt.Sprintf("%s-%d", c.name, i)), graph.Increment{Counter: "n", By: 1, Window: time.Hour})
		out, err := r.Commit(background, scope, ops...)
		if err != nil {
			return err
		}
		c.says("%d", out[2].Count)
	}
	return r.Close()
}

// limit lets no file grow (as a full disk does) and says what the commits get;
// then it lets them grow again.
func (c *child) limit() error {
	signal.Ignore(syscall.SIGXFSZ)
	r, err := c.open(sqlite.Config{})
	if err != nil {
		return err
	}
	grow := func(id string) error {
		_, err := r.Commit(background, scope, graph.Create{Node: graph.Node{Type: graphtest.Plain, ID: id, Data: make([]byte, 100_000)}})
		return err
	}
	if err := grow("before"); err != nil {
		return err
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: before.Max}); err != nil {
		return err
	}
	stored, refused := 0, 0
	for i := range 30 {
		switch err := grow(fmt.Sprintf("limited-%02d", i)); {
		case err == nil:
			stored++
		case errors.Is(err, graph.ErrUnavailable):
			refused++
		default:
			return err
		}
	}
	if _, err := r.Get(background, scope, graphtest.Plain, "before"); err != nil {
		return fmt.Errorf("reading while the disk is full: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := grow("after"); err != nil {
		return fmt.Errorf("when there is room again: %w", err)
	}
	c.says("%d %d", stored, refused)
	return r.Close()
}

// readOnly gives up root, for whom no file is read-only, and tries to write.
func (c *child) readOnly() error {
	if os.Geteuid() == 0 {
		if err := errors.Join(syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			return err
		}
	}
	r, err := c.open(sqlite.Config{})
	if err == nil {
		_, err = r.Commit(background, scope, tickets("a")...)
	}
	if !errors.Is(err, graph.ErrUnavailable) {
		return fmt.Errorf("a read-only file: %v, want ErrUnavailable", err)
	}
	c.says("%v", err)
	return nil
}

// sound opens a database file anew and asks SQLite whether it is whole.
func sound(t *testing.T, path string) *sqlite.Repository {
	t.Helper()
	db := raw(t, path)
	defer db.Close()
	if got := rows(t, db, "PRAGMA integrity_check"); strings.Join(got, "") != "ok" {
		t.Fatalf("integrity_check: %v", got)
	}
	r := open(t, sqlite.Config{Path: path})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "graph.db") }
