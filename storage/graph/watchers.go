package graph

import (
	"context"
	"sync"
)

// maxPending is how many changes wait for one watcher; beyond it they become a
// single Change.All, so that a slow watcher costs no memory.
const maxPending = 1024

// Watchers is the part of Watch that is the same in every driver: it hands each
// change to everyone who watches. The zero value is ready.
type Watchers struct {
	mu     sync.Mutex
	closed bool
	all    map[*watcher]struct{}
	wait   sync.WaitGroup
}

type watcher struct {
	pending []Change      // guarded by Watchers.mu
	wake    chan struct{} // holds one: something is pending
	quit    chan struct{} // closed when the driver closes
}

// Add begins a watch. The channel is closed when ctx ends or at Close.
func (w *Watchers) Add(ctx context.Context) (<-chan Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	one := &watcher{wake: make(chan struct{}, 1), quit: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	if w.all == nil {
		w.all = map[*watcher]struct{}{}
	}
	w.all[one] = struct{}{}
	out := make(chan Change)
	w.wait.Go(func() {
		defer close(out)
		defer w.remove(one)
		w.pump(ctx, one, out)
	})
	return out, nil
}

func (w *Watchers) pump(ctx context.Context, one *watcher, out chan<- Change) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-one.quit:
			return
		case <-one.wake:
		}
		w.mu.Lock()
		pending := one.pending
		one.pending = nil
		w.mu.Unlock()
		for _, change := range pending {
			select {
			case <-ctx.Done():
				return
			case <-one.quit:
				return
			case out <- change:
			}
		}
	}
}

func (w *Watchers) remove(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
}

// Any says whether somebody watches.
func (w *Watchers) Any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all) > 0
}

// Tell hands changes to every watcher. It never blocks.
func (w *Watchers) Tell(changes ...Change) {
	if len(changes) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		if len(one.pending)+len(changes) > maxPending {
			one.pending = []Change{{All: true}}
		} else {
			one.pending = append(one.pending, changes...)
		}
		select {
		case one.wake <- struct{}{}:
		default:
		}
	}
}

// Close ends every watch and waits until their channels are closed.
func (w *Watchers) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		for one := range w.all {
			close(one.quit)
		}
	}
	w.mu.Unlock()
	w.wait.Wait()
}
