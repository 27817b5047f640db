package conformance

import (
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// memory remembers the most that servers have resident, until it is closed.
func memory(t *testing.T, nodes []*server) (most *atomic.Int64, end func()) {
	most = new(atomic.Int64)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			for _, n := range nodes {
				most.Store(max(most.Load(), int64(resident(t, n.cmd.Process.Pid))))
			}
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return most, func() {
		close(done)
		<-ended
	}
}

// TestPostgresOutage is S6-05: the database stops for a while
// (IDENTITY_TEST_OUTAGE_SECONDS), crashes, and breaks connections, under load.
// Clients are told to come back, memory stays bounded, and both servers go on by
// themselves.
func TestPostgresOutage(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	r := startReplicas(t, c.dsn)
	var l steadfast
	l.run(t, r, 8)
	l.more(t, "both serve", 40, 2*time.Minute)

	before := 0
	for _, n := range r.nodes {
		before = max(before, resident(t, n.cmd.Process.Pid))
	}
	most, end := memory(t, r.nodes)
	outage := time.Duration(setting(t, "IDENTITY_TEST_OUTAGE_SECONDS", 3)) * time.Second
	c.stop(syscall.SIGINT)
	refused := l.refused.Load()
	eventually(t, "readiness is off", func() bool {
		a, err := r.nodes[0].try(get(r.issuer + "/readyz"))
		return err == nil && a.status == http.StatusServiceUnavailable
	})
	<-time.After(outage)
	eventually(t, "somebody is told to come back", func() bool { return l.refused.Load() > refused })
	began := time.Now()
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	l.more(t, "back by itself", 8, 2*time.Minute)
	end()
	t.Logf("stopped for %s: back %s after PostgreSQL answered (%s after its start began), resident %d MiB before, %d MiB at most",
		outage, time.Since(started).Round(time.Millisecond), time.Since(began).Round(time.Millisecond), before>>20, most.Load()>>20)
	if grown := most.Load() - int64(before); grown > 64<<20 {
		t.Errorf("%d MiB more are resident than before", grown>>20)
	}
	if slowest := time.Duration(l.slowest.Load()); slowest > 15*time.Second {
		t.Errorf("an answer took %s", slowest)
	}

	c.stop(syscall.SIGQUIT) // as pg_ctl restart -m immediate
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	l.more(t, "back after a crash", 40, 2*time.Minute)
	for range 5 {
		if err := execute(c.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'identity'"); err != nil {
			t.Fatal(err)
		}
		l.more(t, "back after connections were killed", 8, 2*time.Minute)
	}
	l.held(t, r)
	for _, n := range r.nodes { // no secret in what was logged of the faults
		for _, wrong := range n.log.leaks() {
			t.Error(wrong)
		}
	}
}
