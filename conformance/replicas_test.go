package conformance

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// replicas are two servers on one PostgreSQL behind one address. What embeds is
// that address; each server is reached past it too.
type replicas struct {
	*world
	nodes []*server
	dsn   string // a superuser's, of the database
}

// startReplicas runs two servers on a new database of this PostgreSQL.
func startReplicas(t *testing.T, super string, env ...string) *replicas {
	t.Helper()
	var pattern *pattern // of the PostgreSQL that all share
	var settings []string
	var err error
	if super == os.Getenv(postgresEnv) {
		if pattern, err = onPostgreSQL(); err == nil {
			settings, err = pattern.copy("")
		}
	} else {
		settings, err = databaseOn(super, "template1")
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.TempDir(), append(settings, env...)...)
	if err != nil {
		t.Fatal(err)
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.issuer = fmt.Sprintf("https://localhost:%d", door.Addr().(*net.TCPAddr).Port)
	s.env = append(s.env, "GATEWAY_ISSUER="+s.issuer)
	s.http = withoutKeepAlive() // so that each request goes to the next server
	r := &replicas{world: &world{server: s}, dsn: dsn(super, databaseOf(settings), "")}
	if pattern != nil {
		r.world = pattern.world(s)
	}
	for i := range 2 {
		n, err := newNode(s, i)
		if err != nil {
			t.Fatal(err)
		}
		r.nodes = append(r.nodes, n)
	}
	balance(t, door, r.nodes)
	for _, n := range r.nodes { // the second finds the first one's keys
		if err := n.spawn("serve"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			select {
			case <-n.exited:
			default:
				if err := n.stop(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, n := range r.nodes {
		if err := n.ready(2 * time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if pattern == nil {
		if err := r.register(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// newNode is one of the servers: with an address of its own, and a client that
// asks it whatever the name in the URL leads to.
func newNode(s *server, i int) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	n := *s
	n.addr, n.dir = fmt.Sprintf("127.0.0.1:%d", port), filepath.Join(s.dir, fmt.Sprint("replica-", i))
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return nil, err
	}
	n.env = append(append([]string{}, s.env...), "GATEWAY_LISTEN="+n.addr)
	n.http = newHTTPClient()
	n.http.Transport.(*http.Transport).DialContext = toward(n.addr)
	return &n, nil
}

func withoutKeepAlive() *http.Client {
	c := newHTTPClient()
	c.Transport.(*http.Transport).DisableKeepAlives = true
	c.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	return c
}

// balance gives each connection to the next server that takes it.
func balance(t *testing.T, door net.Listener, nodes []*server) {
	var turn atomic.Int64
	var open sync.WaitGroup
	t.Cleanup(func() {
		_ = door.Close() // it ends the loop below
		open.Wait()
	})
	open.Go(func() {
		for {
			from, err := door.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer from.Close()
				first := turn.Add(1) // others take their turns meanwhile
				for i := range nodes {
					to, err := net.Dial("tcp", nodes[(first+int64(i))%int64(len(nodes))].addr)
					if err != nil {
						continue
					}
					defer to.Close()
					carry(from, to)
					return
				}
			})
		}
	})
}

// carry carries what both say until one of them ends.
func carry(a, b net.Conn) {
	done := make(chan struct{}, 2)
	half := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // a connection that breaks is an end like any other
		done <- struct{}{}
	}
	go half(a, b)
	go half(b, a)
	<-done
}

// on is a browser that meets this server alone until it is moved.
func (r *replicas) on(t *testing.T, node int) *browser {
	t.Helper()
	b := member(t, r.world)
	r.move(b, node)
	return b
}

// move lets a browser meet another of the servers; it keeps its cookies.
func (r *replicas) move(b *browser, node int) { b.client.Transport = r.nodes[node].http.Transport }

// TestReplicas: two servers on one database are one provider.
func TestReplicas(t *testing.T) {
	t.Parallel()
	r := startReplicas(t, os.Getenv(postgresEnv), "GATEWAY_SWEEP_INTERVAL_SECONDS=1")
	watch(t, r.server)
	for name, run := range map[string]func(*testing.T, *replicas){
		"login-by-turns":      loginByTurns,
		"login-moved":         loginMoved,
		"session-ended":       sessionEnded,
		"grant-revoked":       grantRevoked,
		"client-deleted":      clientDeleted,
		"account-deleted":     accountDeleted,
		"client-disabled":     clientDisabled,
		"account-deactivated": accountDeactivated,
		"code-raced-on-both":  codeRaced,
		"keys-rotated":        keysRotated,
		"jobs-shared":         jobsShared,
		"same-JWKS-and-names": sameDocuments,
	} {
		t.Run(name, func(t *testing.T) { run(t, r) })
	}
}
