package sqlite

import (
	"context"
	"errors"
	"sync"

	"github.com/elloloop/identity/storage/graph"
)

// pool lends connections, and opens them when they are first needed.
type pool struct {
	open  func() (*conn, error)
	slots chan *conn // a nil in it is a connection not opened yet
	quit  chan struct{}
	once  sync.Once
	err   error
}

func newPool(size int, open func() (*conn, error)) *pool {
	p := &pool{open: open, slots: make(chan *conn, size), quit: make(chan struct{})}
	for range size {
		p.slots <- nil
	}
	return p
}

// take lends a connection. It prefers those that are open.
func (p *pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.quit:
		return nil, graph.ErrClosed
	default:
	}
	select {
	case <-p.quit:
		return nil, graph.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	case c := <-p.slots:
		if c != nil {
			return c, nil
		}
		c, err := p.open()
		if err != nil {
			p.slots <- nil
			return nil, unavailable(err)
		}
		return c, nil
	}
}

func (p *pool) give(c *conn) { p.slots <- c }

// close waits for what is lent and closes all connections, once.
func (p *pool) close() error {
	p.once.Do(func() {
		close(p.quit)
		for range cap(p.slots) {
			if c := <-p.slots; c != nil {
				p.err = errors.Join(p.err, c.close())
			}
		}
	})
	return p.err
}
