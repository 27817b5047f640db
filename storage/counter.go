package storage

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Counters counts within windows of time, for all replicas: attempts, sends,
// requests.
type Counters struct{ repo graph.Repository }

// Count is what a counter says after a call.
type Count struct {
	N       int64
	ResetAt time.Time // when its window ends
}

// Add adds one to each counter, in one commit, and returns what they say now, in
// the same order. A window begins with the first Add after the last one ended.
func (s *Counters) Add(ctx context.Context, scope Scope, window time.Duration, names ...string) ([]Count, error) {
	ops := make([]graph.Op, len(names))
	for i, n := range names {
		ops[i] = graph.Increment{Counter: n, By: 1, Window: window}
	}
	res, err := s.repo.Commit(ctx, scope, ops...)
	if err != nil {
		return nil, err
	}
	counts := make([]Count, len(res))
	for i, o := range res {
		counts[i] = Count{o.Count, o.ResetAt}
	}
	return counts, nil
}

// Clear returns the change that forgets a counter.
func (s *Counters) Clear(name string) Change { return Change{op: graph.Clear{Counter: name}} }

// AddressPrefix is what attempts from one address are counted by: the address, or
// of IPv6 the /56 that one customer has. A port is no part of it.
func AddressPrefix(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown"
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	prefix, _ := addr.Prefix(56) // 56 is within 128
	return prefix.String()
}
