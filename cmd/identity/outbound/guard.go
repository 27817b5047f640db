package outbound

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// guard is what every request passes, the first and those of redirects.
type guard struct {
	client *Client
	next   http.RoundTripper
	slots  *slots
}

// RoundTrip sends a request if its URL may be fetched and there is room.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.client.check(req.URL); err != nil {
		return nil, err
	}
	if req.Header.Get("User-Agent") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", "identity") // no version: a stranger reads it
	}
	host := strings.ToLower(req.URL.Host)
	if err := g.slots.take(req.Context(), host); err != nil {
		return nil, err
	}
	res, err := g.next.RoundTrip(req)
	if err != nil {
		g.slots.give(host)
		return nil, err
	}
	res.Body = &body{ReadCloser: res.Body, left: maxAnswer, done: sync.OnceFunc(func() { g.slots.give(host) })}
	// Nothing was asked to be compressed. What comes so would be counted before it grows.
	if coding := res.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%w: the answer is compressed", ErrRefused)
	}
	return res, nil
}

// body counts what is read, and gives the slot back at its end.
type body struct {
	io.ReadCloser
	left int64
	done func()
}

// Read reads as much as an answer may have.
func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxAnswer)
	}
	return n, err
}

// Close closes the body.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.done()
	return err
}

// slots bound how many requests are under way, to one host and in all. Who finds
// none waits as long as its context allows.
type slots struct {
	each int
	all  chan struct{}

	mu    sync.Mutex
	hosts map[string]*hostSlots
}

type hostSlots struct {
	free  chan struct{}
	users int // that hold a slot or wait for one; guarded by slots.mu
}

func newSlots(each, all int) *slots {
	return &slots{each: each, all: make(chan struct{}, all), hosts: map[string]*hostSlots{}}
}

func (s *slots) take(ctx context.Context, host string) error {
	s.mu.Lock()
	h := s.hosts[host]
	if h == nil {
		h = &hostSlots{free: make(chan struct{}, s.each)}
		s.hosts[host] = h
	}
	h.users++
	s.mu.Unlock()
	// The host's first: who waits for a slow host holds nothing that others need.
	select {
	case h.free <- struct{}{}:
	case <-ctx.Done():
		s.leave(host)
		return ctx.Err()
	}
	select {
	case s.all <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-h.free
		s.leave(host)
		return ctx.Err()
	}
}

func (s *slots) give(host string) {
	<-s.all
	s.mu.Lock()
	h := s.hosts[host]
	s.mu.Unlock()
	<-h.free
	s.leave(host)
}

func (s *slots) leave(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hosts[host]; h.users == 1 {
		delete(s.hosts, host)
	} else {
		h.users--
	}
}
