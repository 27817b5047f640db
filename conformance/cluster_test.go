package conformance

import (
	"errors"
	"fmt"
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
)

// cluster is a PostgreSQL of one test's own, to be stopped and broken. It does
// not wait for the disk, but acknowledges only what the operating system has: a
// crash of the server loses nothing.
type cluster struct {
	dsn  string // of a superuser
	dir  string
	bin  string
	port int
	as   *syscall.Credential // PostgreSQL refuses to run as root
	cmd  *exec.Cmd
	done chan struct{}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{}
	found := need(t, "PostgreSQL", "make setup", initdbs()...)
	c.bin = filepath.Dir(found)
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			if u, err = user.Lookup("nobody"); err != nil {
				t.Fatal(err)
			}
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32) // numbers, as on every Unix
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	dir, err := os.MkdirTemp("", "identity-cluster-") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c.dir = dir
	if c.as != nil {
		if err := os.Chown(dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := c.program("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	if c.port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	c.dsn = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.port)
	t.Cleanup(func() { c.stop(syscall.SIGINT) })
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	return c
}

func initdbs() []string {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is right
	return append([]string{"initdb"}, all...)
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	return cmd
}

// start starts the server and waits until it answers.
func (c *cluster) start() error {
	c.cmd = c.program("postgres", "-D", c.data(), "-p", strconv.Itoa(c.port), "-k", c.dir, "-c", "listen_addresses=127.0.0.1",
		"-c", "max_connections=100", "-c", "shared_buffers=32MB", "-c", "fsync=off")
	c.cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT // it does not outlive a test that was killed
	var said strings.Builder
	c.cmd.Stderr = &said
	done, started := make(chan struct{}), make(chan error)
	c.done = done
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends that started it
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			_ = c.cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		return err
	}
	deadline := time.Now().Add(3 * time.Minute)
	for time.Now().Before(deadline) {
		select {
		case <-done:
			return errors.New("PostgreSQL ended at once: " + said.String())
		case <-time.After(20 * time.Millisecond):
		}
		if execute(c.dsn) == nil {
			return nil
		}
	}
	return errors.New("PostgreSQL does not answer")
}

// stop ends the server: by SIGINT as pg_ctl stop -m fast does, by SIGQUIT as -m
// immediate, which is a crash. Once it has ended there is nothing to stop.
func (c *cluster) stop(signal syscall.Signal) {
	if c.cmd == nil || c.cmd.Process == nil {
		return
	}
	_ = c.cmd.Process.Signal(signal) // it may have ended
	<-c.done
}
