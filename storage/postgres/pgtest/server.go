// Package pgtest gives tests a real PostgreSQL: the one of
// IDENTITY_TEST_POSTGRES_DSN, or one of its own for the run of a package. It knows
// nothing of what is stored.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names a superuser's DSN of a server to be shared. make test sets it.
const Env = "IDENTITY_TEST_POSTGRES_DSN"

// sharedEnv names the database of Shared.
const sharedEnv = "IDENTITY_TEST_POSTGRES_SHARED"

// Main is for the TestMain of a package: it starts a server unless there is one.
// A missing PostgreSQL fails the run; nothing is ever skipped.
func Main(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	name := "p_" + strings.ToLower(rand.Text())
	if err := os.Setenv(sharedEnv, name); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return 1
	}
	if dsn := os.Getenv(Env); dsn != "" {
		code := m.Run()
		if err := drop(dsn, name); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			return max(code, 1)
		}
		return code
	}
	s, err := Start(false)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return 1
	}
	defer s.Stop()
	if err := os.Setenv(Env, s.DSN); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return 1
	}
	return m.Run()
}

func drop(dsn, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	return errors.Join(err, c.Close(ctx))
}

// Server is a PostgreSQL of our own, on a free port of loopback.
type Server struct {
	DSN string // of a superuser
	Dir string

	bin  string
	port int
	as   *syscall.Credential // PostgreSQL refuses to run as root
	args []string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start makes a database cluster and starts it. Unless durable it does not wait
// for the disk.
func Start(durable bool) (*Server, error) {
	s := &Server{}
	if err := s.find(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "identity-postgres-")
	if err != nil {
		return nil, err
	}
	s.Dir = dir
	if s.as != nil {
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, err
		}
	}
	if out, err := s.command("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(dir))
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	s.DSN = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
	s.args = []string{"-D", s.data(), "-p", strconv.Itoa(s.port), "-k", dir}
	for _, set := range []string{"listen_addresses=127.0.0.1", "max_connections=300", "shared_buffers=64MB", "logging_collector=off"} {
		s.args = append(s.args, "-c", set)
	}
	if !durable {
		s.args = append(s.args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	if err := s.Run(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// find looks for the programs of PostgreSQL, and for somebody to run them as.
func (s *Server) find() error {
	if found, err := exec.LookPath("initdb"); err == nil {
		s.bin = filepath.Dir(found)
	}
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return err
	}
	best := 0
	for _, dir := range all {
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && n > best {
			best, s.bin = n, dir
		}
	}
	if s.bin == "" {
		return errors.New("there is no PostgreSQL here: run make setup, or set " + Env)
	}
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32) // numbers, as on every Unix
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return nil
		}
	}
	return errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// Program returns the path of a program that comes with PostgreSQL.
func Program(name string) (string, error) {
	var s Server
	err := s.find()
	return filepath.Join(s.bin, name), err
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return cmd
}

// Run starts the server and waits until it answers.
func (s *Server) Run() error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd, s.done = s.command("postgres", s.args...), make(chan struct{})
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT // it does not outlive a test that was killed
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends that started it
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait()
			close(s.done)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	return s.answers()
}

func (s *Server) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			said, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			return fmt.Errorf("PostgreSQL ended at once: %s", said)
		case <-ctx.Done():
			return errors.New("PostgreSQL does not answer")
		case <-tick.C:
		}
		if c, err := pgx.Connect(ctx, s.DSN); err == nil {
			return c.Close(ctx)
		}
	}
}

// Crash ends the server as a crash does: nothing is written any more, open
// connections break. Run starts it again.
func (s *Server) Crash() error {
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	<-s.done
	return nil
}

// Freeze stops the server from answering, or lets it go on.
func (s *Server) Freeze(stop bool) error {
	signal := syscall.SIGCONT
	if stop {
		signal = syscall.SIGSTOP
	}
	// Every connection has a process of its own, a child of this one.
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(s.cmd.Process.Pid)).Output()
	if err != nil {
		return err
	}
	for _, field := range append(strings.Fields(string(out)), strconv.Itoa(s.cmd.Process.Pid)) {
		if pid, err := strconv.Atoi(field); err == nil {
			_ = syscall.Kill(pid, signal) // it may have ended by itself
		}
	}
	return nil
}

// Stop ends the server and removes what it wrote.
func (s *Server) Stop() error {
	err := s.cmd.Process.Signal(syscall.SIGINT)
	<-s.done
	return errors.Join(err, os.RemoveAll(s.Dir))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
