package conformance

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// companion is a server that others wrote and a test runs.
type companion struct {
	name   string
	log    *logged
	cmd    *exec.Cmd
	exited chan struct{}
	state  error // of the process, after exited
}

// built is a program that .ci/setup built from its Go module.
func built(t *testing.T, name string) string {
	t.Helper()
	kept, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return need(t, name, "bash .ci/setup", filepath.Join(kept, "identity-programs", name))
}

// scripted is a script of conformance/node, told what to do on standard input.
func scripted(t *testing.T, script string, dependency string) *exec.Cmd {
	t.Helper()
	folder := filepath.Join(suite.root, "conformance", "node")
	need(t, dependency, installNode, filepath.Join(folder, "node_modules", dependency, "package.json"))
	cmd := exec.Command(need(t, "node", "apt-get install nodejs", "node"), script)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+suite.ca.caFile, "NODE_NO_WARNINGS=1")
	return cmd
}

// runCompanion starts a server, returns when the address answers, and ends it with
// the test. What it wrote is shown when the test fails.
func runCompanion(t *testing.T, name string, cmd *exec.Cmd, address string) {
	t.Helper()
	p := &companion{name: name, log: &logged{}, cmd: cmd, exited: make(chan struct{})}
	if err := p.start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, p.log.tail())
		}
	})
	if err := p.answers(address, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
}

func (p *companion) start() error {
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	var read sync.WaitGroup
	for _, r := range []io.Reader{stderr, stdout} {
		read.Go(func() { p.log.copy(r) })
	}
	go func() {
		read.Wait()
		p.state = p.cmd.Wait()
		close(p.exited)
	}()
	return nil
}

// answers polls an address until there is an answer of any status.
func (p *companion) answers(address string, limit time.Duration) error {
	client := newHTTPClient()
	defer client.CloseIdleConnections()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended: %v\n%s", p.name, p.state, p.log.tail())
		case <-deadline:
			return fmt.Errorf("%s does not answer after %s\n%s", p.name, limit, p.log.tail())
		case <-tick.C:
		}
		if resp, err := client.Get(address); err == nil {
			return resp.Body.Close()
		}
	}
}

func (p *companion) stop() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s had ended before: %v", p.name, p.state)
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill() // it may have ended by itself
		<-p.exited
	}
	return nil // how it ends is its own affair
}
