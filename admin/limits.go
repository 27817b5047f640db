package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/elloloop/identity/storage"
)

const bootstrapProcedure = "/identity.admin.v1.ProjectService/BootstrapPlatformAdmin"

// Limits bound what one address may try within a window, counted for all
// replicas. 0: there is no limit.
type Limits struct {
	Window     time.Duration
	Failures   int // credentials that are none
	Bootstraps int // calls that would make the first administrator
}

// limited authenticates a request from outside. An address that brought too many
// credentials that are none is turned away without a look at the next one until
// the window ends. Another replica learns of it with the next failure that it
// sees: successes cost no query.
func (s *Server) limited(ctx context.Context, spec connect.Spec, peer connect.Peer, h http.Header) (*Caller, error) {
	if _, ok := bearer(h); !ok { // guesses nothing, and is not counted
		return nil, unauthenticated(false)
	}
	address := storage.AddressPrefix(peer.Addr)
	if left := s.blocked.left(address, s.Now()); left > 0 {
		return nil, tooMany("credentials that are none", left)
	}
	c, err := s.authenticate(ctx, h)
	switch {
	case errors.Is(err, errUnauthenticated):
		return nil, s.countFailure(ctx, address)
	case err != nil:
		return nil, err
	case spec.Procedure == bootstrapProcedure:
		return c, s.countBootstrap(ctx, address)
	}
	return c, nil
}

// countFailure counts a credential that is none, and returns what to answer.
func (s *Server) countFailure(ctx context.Context, address string) error {
	if s.Limits.Failures <= 0 || s.Limits.Window <= 0 {
		return unauthenticated(true)
	}
	n, left, err := s.count(ctx, "admin_auth/"+address)
	if err != nil {
		return err // who can't be counted can't go on guessing
	}
	if n >= int64(s.Limits.Failures) && left > 0 {
		s.blocked.put(address, s.Now(), left)
		if n > int64(s.Limits.Failures) {
			return tooMany("credentials that are none", left)
		}
	}
	return unauthenticated(true)
}

// countBootstrap counts a call that would make the first administrator (S5-09).
func (s *Server) countBootstrap(ctx context.Context, address string) error {
	if s.Limits.Bootstraps <= 0 || s.Limits.Window <= 0 {
		return nil
	}
	n, left, err := s.count(ctx, "admin_bootstrap/"+address)
	if err == nil && n > int64(s.Limits.Bootstraps) {
		return tooMany("attempts to make the first administrator", left)
	}
	return err
}

func (s *Server) count(ctx context.Context, name string) (n int64, left time.Duration, err error) {
	counts, err := s.Store.Counters.Add(ctx, storage.In(s.ControlProject), s.Limits.Window, name)
	if err != nil {
		return 0, 0, err
	}
	return counts[0].N, counts[0].ResetAt.Sub(s.Now()), nil
}

// tooMany says when to try again (RFC 9110 §10.2.3).
func tooMany(what string, left time.Duration) error {
	left = max(left.Round(time.Second), time.Second)
	e := connect.NewError(connect.CodeResourceExhausted, errors.New("too many "+what+" from this address: try again later"))
	e.Meta().Set("Retry-After", strconv.Itoa(int(left/time.Second)))
	return with(e, &errdetails.RetryInfo{RetryDelay: durationpb.New(left)})
}

const maxBlocked = 4096

// blocklist remembers addresses until their windows end. It has a bound: what it
// forgets comes back with the next failure.
type blocklist struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (b *blocklist) left(address string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, ok := b.until[address]
	if !ok {
		return 0
	}
	if !until.After(now) {
		delete(b.until, address)
	}
	return until.Sub(now)
}

func (b *blocklist) put(address string, now time.Time, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = map[string]time.Time{}
	}
	if len(b.until) >= maxBlocked {
		for a, until := range b.until {
			if !until.After(now) {
				delete(b.until, a)
			}
		}
	}
	for a := range b.until {
		if len(b.until) < maxBlocked {
			break
		}
		delete(b.until, a)
	}
	b.until[address] = now.Add(left)
}
