package conformance

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// patience is what a server has for something that it does within a promised time.
// A machine that stalls does not use it up: a step of the one who waits counts as
// much as it takes on a machine that runs.
type patience struct {
	left time.Duration
	last time.Time
}

func patient(limit time.Duration) *patience { return &patience{limit, time.Now()} }

const (
	step    = 20 * time.Millisecond
	slowest = 3 * step // with what is asked in it
)

// wait waits for a step, or for the end of something, and says whether time is left.
func (p *patience) wait(ended <-chan struct{}) bool {
	select {
	case <-ended:
	case <-time.After(step):
	}
	now := time.Now()
	p.left -= min(now.Sub(p.last), slowest)
	p.last = now
	return p.left > 0
}

// within wants something within the second in which a cache of one process has to
// learn what another one wrote (S6-09).
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	began, p := time.Now(), patient(time.Second)
	for !ok() {
		if !p.wait(nil) {
			t.Fatalf("S6-09: not within 1 s: %s", what)
		}
	}
	t.Logf("%s: after %s", what, time.Since(began).Round(time.Millisecond))
}

// eventually waits for what has to come, and for which nothing was promised but
// that.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-time.After(step)
	}
}

// ports are those that were given to a test: each once.
var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePort finds a port that nobody listens on, below those that systems give to
// connections: one of them would have it when the server comes back, or a listener
// of another test.
func freePort() (int, error) {
	const first, many = 11000, 9000 // .ci/with-postgres takes the next ones; browsers refuse 10080
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = map[int]bool{}
	}
	var last error
	for range many {
		port := first + rand.IntN(many)
		if ports.given[port] {
			continue
		}
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			last = err
			continue
		}
		ports.given[port] = true
		return port, l.Close()
	}
	return 0, last
}
