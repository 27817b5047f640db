package postgres_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/postgres"
)

// deaf is a way to the server on which, once cut, statements arrive and the
// connection breaks instead of an answer.
func deaf(t *testing.T, dsn string) (through string, cut *atomic.Bool) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	server := u.Host
	cut = new(atomic.Bool)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(up, client); _ = up.Close() }()
			go func() {
				defer client.Close()
				answer := make([]byte, 64<<10)
				for {
					n, err := up.Read(answer)
					if err != nil || cut.CompareAndSwap(true, false) {
						return
					}
					if _, err := client.Write(answer[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	u.Host = l.Addr().String()
	return u.String(), cut
}

// TestUnansweredCommit: a commit that stands, but whose answer was lost, is not
// repeated. The caller is told that nobody knows.
func TestUnansweredCommit(t *testing.T) {
	d := prepared(t)
	through, cut := deaf(t, d.App)
	r := open(t, postgres.Config{DSN: through, MaxConns: 1})
	defer r.Close()
	count := graph.Increment{Counter: "n", By: 1, Window: time.Hour}
	if _, err := r.Commit(t.Context(), scope, count); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := r.Commit(t.Context(), scope, count); err != nil { // statements are prepared
			t.Fatal(err)
		}
	}
	cut.Store(true)
	if _, err := r.Commit(t.Context(), scope, count); !errors.Is(err, graph.ErrUnavailable) {
		t.Errorf("a lost answer: %v, want ErrUnavailable", err)
	}
	result, err := r.Commit(t.Context(), scope, count)
	if err != nil || result[0].Count != 8 {
		t.Errorf("then: %+v, %v; want the count 8", result, err)
	}
}
