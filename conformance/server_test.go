package conformance

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is an identity process over one database, with its configuration.
type server struct {
	issuer string
	kek    string // as the configuration has it
	addr   string
	dir    string
	env    []string
	http   *http.Client                    // trusts the run's authority, follows no redirect, keeps no cookie
	trust  func(*http.Client) *http.Client // nil: clients trust the run's authority alone
	log    *logged

	cmd    *exec.Cmd
	exited chan struct{}
	state  error // of the process, after exited
}

// newServer makes the configuration of a server below dir, and starts nothing.
func newServer(dir string, env ...string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	s := &server{
		issuer: fmt.Sprintf("https://localhost:%d", port), addr: fmt.Sprintf("127.0.0.1:%d", port), dir: dir,
		http: newHTTPClient(), log: &logged{},
	}
	s.kek = "test=" + base64.StdEncoding.EncodeToString(key)
	s.log.secret(s.kek[len("test="):])
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(),
		"GATEWAY_ISSUER=" + s.issuer,
		"GATEWAY_LISTEN=" + s.addr,
		"GATEWAY_SQLITE_PATH=" + filepath.Join(dir, "identity.db"),
		"GATEWAY_KEY_ENCRYPTION_KEYS=" + s.kek,
		"GATEWAY_TLS_CERT_FILE=" + suite.ca.certFile,
		"GATEWAY_TLS_KEY_FILE=" + suite.ca.keyFile,
		"GATEWAY_RATE_LIMIT_LOGIN=100000", "GATEWAY_RATE_LIMIT_SIGNUP=100000", "GATEWAY_RATE_LIMIT_CLIENT_AUTH=100000", // every test comes from one address
		"GATEWAY_LOGIN_MAX_FAILED_ATTEMPTS=100",                                      // and mistypes the same password
		"GATEWAY_PASSWORD_ARGON2_MEMORY_KIB=19456", "GATEWAY_PASSWORD_ARGON2_TIME=2", // the least that is allowed
		"SSL_CERT_FILE=" + suite.ca.caFile, // doctor calls the issuer
		"GATEWAY_LOG_LEVEL=debug",          // S5-06 holds at every level
	}, env...)
	return s, nil
}

func newHTTPClient() *http.Client {
	return &http.Client{
		Timeout:       2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: suite.ca.pool}, MaxIdleConnsPerHost: 128, ForceAttemptHTTP2: true,
		},
	}
}

// start runs `identity serve` and returns when it is ready.
func (s *server) start() error {
	if err := s.spawn("serve"); err != nil {
		return err
	}
	return s.ready(2 * time.Minute)
}

// ready polls /readyz: the only way to see readiness from outside.
func (s *server) ready(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended: %s\n%s", fmt.Sprint(s.state), s.log.tail())
		case <-tick.C:
		}
		resp, err := s.http.Get(s.issuer + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("the server is not ready after %s\n%s", limit, s.log.tail())
}

func (s *server) spawn(args ...string) error {
	cmd := exec.Command(suite.binary, args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	return s.launch(cmd)
}

func (s *server) launch(cmd *exec.Cmd) error {
	s.cmd = cmd
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	var read sync.WaitGroup
	for _, r := range []io.Reader{stderr, stdout} {
		read.Go(func() { s.log.copy(r) })
	}
	go func() {
		read.Wait()
		s.state = s.cmd.Wait()
		close(s.exited)
	}()
	return nil
}

// stop asks the server to end, and wants exit status 0 within 10 s (S6-02).
func (s *server) stop() error {
	if s.ended() {
		return fmt.Errorf("the server had ended before: %s\n%s", fmt.Sprint(s.state), s.log.tail())
	}
	s.http.CloseIdleConnections()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	for p := patient(10 * time.Second); !s.ended(); {
		if !p.wait(s.exited) && !s.ended() {
			s.kill()
			return fmt.Errorf("S6-02: still running 10 s after SIGTERM\n%s", s.log.tail())
		}
	}
	if s.state != nil {
		return fmt.Errorf("S6-02: after SIGTERM: %w\n%s", s.state, s.log.tail())
	}
	return nil
}

func (s *server) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// kill ends the server as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.exited
	s.http.CloseIdleConnections()
}

// identity runs a subcommand against the same database.
func (s *server) identity(stdin string, args ...string) ([]byte, error) {
	cmd := exec.Command(suite.binary, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = s.env, s.dir, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("identity %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out, nil
}

func (s *server) audit() []string { return s.log.audit() }

// start runs a server of the test's own, ended with it.
func start(t *testing.T, env ...string) *world {
	t.Helper()
	w, err := newWorld(t.TempDir(), onPostgres(t), env...)
	if err != nil {
		t.Fatal(err)
	}
	watch(t, w.server)
	t.Cleanup(func() {
		select {
		case <-w.exited:
		default:
			if err := w.stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

// logged is what a server wrote, and the secrets that must not be in it.
type logged struct {
	mu      sync.Mutex
	lines   []string
	read    int // by audit
	secrets map[string]bool
	seen    []string // in the order they were used
	checked int
}

func (l *logged) copy(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			l.mu.Lock()
			l.lines = append(l.lines, strings.TrimSuffix(line, "\n"))
			l.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// secret remembers values that no log may show.
func (l *logged) secret(values ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.secrets == nil {
		l.secrets = map[string]bool{}
	}
	for _, v := range values {
		if len(v) >= 12 && !l.secrets[v] {
			l.secrets[v] = true
			l.seen = append(l.seen, v)
		}
	}
}

func (l *logged) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-20):], "\n")
}

// audit looks at what was written since it was last called: an error, a panic, or
// a secret that was in use (S5-06). A secret that is found is not printed.
func (l *logged) audit() []string {
	return l.look(true)
}

// leaks is audit where errors were to be expected.
func (l *logged) leaks() []string { return l.look(false) }

func (l *logged) look(errors bool) []string {
	l.mu.Lock()
	lines, old := l.lines[l.read:], l.lines[:l.read]
	l.read = len(l.lines)
	secrets, fresh := l.seen, l.seen[l.checked:]
	l.checked = len(l.seen)
	l.mu.Unlock()
	var wrong []string
	find := func(line string, secrets []string) {
		for _, s := range secrets {
			if strings.Contains(line, s) {
				wrong = append(wrong, "S5-06: the log holds a secret: "+strings.ReplaceAll(line, s, "«secret»"))
			}
		}
	}
	for _, line := range lines {
		failed := strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "level=ERROR")
		if errors && failed || strings.Contains(line, "panic") {
			wrong = append(wrong, "the log holds an error: "+line)
		}
		find(line, secrets)
	}
	for _, line := range old { // written before the secret was known here
		find(line, fresh)
	}
	return wrong
}

var errNoPart = errors.New("a part that the tests need is missing")

// need finds a program or a file, or fails and says how to get it.
func need(t *testing.T, what, install string, candidates ...string) string {
	t.Helper()
	for _, c := range candidates {
		if strings.Contains(c, string(filepath.Separator)) {
			if _, err := os.Stat(c); err == nil {
				return c
			}
		} else if found, err := exec.LookPath(c); err == nil {
			return found
		}
	}
	t.Fatalf("%v: %s: run `%s` (`make test` does it)", errNoPart, what, install)
	return ""
}
