// Package outbox sends what was committed to be sent: mails, texts, logout
// tokens. A message is sent at least once, by one process at a time, soon after
// its commit; what fails is tried again, later and later, and then given up.
package outbox

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/elloloop/identity/storage"
)

// Message is one that a handler sends.
type Message struct {
	ID      string // the receiver may tell a repetition by it
	Attempt int    // 1 for the first
	Payload []byte
}

// Kind is how the messages of one kind are sent.
type Kind struct {
	// Send makes one attempt, within the time of its context. A *Failure says
	// whether another one makes sense.
	Send func(ctx context.Context, p *storage.Project, m Message) error
	// Destination names where a message goes: of one destination few are sent at
	// once, so that a slow one does not hold up the others. nil: one for all.
	Destination func(payload []byte) string
	// AtOnce bounds the messages of the kind that are sent at once by this process,
	// PerDestination those of one destination. 0: 16 and 4.
	AtOnce, PerDestination int
	// Attempts is how often a message of the kind is tried. 0: as the runner's.
	Attempts int
}

// Failure is why a message was not sent.
type Failure struct {
	Reason     string        // machine-readable: no secret, no address
	Permanent  bool          // give up now
	RetryAfter time.Duration // at the earliest; 0: the runner's own pace
	Err        error         // for the log
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Reason
	}
	return f.Reason + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Projects finds the projects whose messages are sent.
type Projects interface {
	// Project returns a project by its id. storage.ErrNotFound when there is none.
	Project(ctx context.Context, id string) (*storage.Project, error)
	// IDs returns the id of every project.
	IDs(ctx context.Context) ([]string, error)
}

// Config is what a runner is made of. Store, Projects, Kinds and Now are required.
type Config struct {
	Store    *storage.Store
	Projects Projects
	Kinds    map[string]Kind
	Now      func() time.Time
	Log      *slog.Logger // nil: discarded

	Attempts int           // 0: 6
	Backoff  time.Duration // before the second attempt, doubled for each; 0: 2 s
	Longest  time.Duration // between two attempts; 0: 300 s
	Scan     time.Duration // the net below the notices: how often every project is looked at; 0: 15 s
	Lease    time.Duration // of a message that is being sent; 0: 30 s
	Grace    time.Duration // for what is being sent when the runner ends; 0: 5 s
}

// Runner sends messages until it is told to end.
type Runner struct {
	Config
	wake  chan struct{}
	mu    sync.Mutex
	due   map[string]bool // projects to look at
	lanes map[string]*lane
	work  sync.WaitGroup
}

// New makes a runner. It does nothing until Run.
func New(c Config) (*Runner, error) {
	if c.Store == nil || c.Projects == nil || len(c.Kinds) == 0 || c.Now == nil {
		return nil, errors.New("outbox: Store, Projects, Kinds and Now are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	or(&c.Backoff, 2*time.Second)
	or(&c.Longest, 300*time.Second)
	or(&c.Scan, 15*time.Second)
	or(&c.Lease, 30*time.Second)
	or(&c.Grace, 5*time.Second)
	if c.Attempts == 0 {
		c.Attempts = 6
	}
	r := &Runner{Config: c, wake: make(chan struct{}, 1), due: map[string]bool{}, lanes: map[string]*lane{}}
	for name, k := range c.Kinds {
		r.lanes[name] = newLane(k)
	}
	return r, nil
}

// Run sends messages until ctx ends, and then waits for what is being sent, for a
// while: what is cut off is sent again when its lease ends.
func (r *Runner) Run(ctx context.Context) {
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	go r.listen(ctx)
	scan := time.NewTicker(r.Scan)
	defer scan.Stop()
	r.look(ctx)
	for {
		r.pass(ctx, sending)
		select {
		case <-ctx.Done():
			done := make(chan struct{})
			go func() { r.work.Wait(); close(done) }()
			select {
			case <-done:
			case <-time.After(r.Grace):
				cut()
				<-done
			}
			return
		case <-scan.C:
			r.look(ctx)
		case <-r.wake:
		}
	}
}

// listen wakes the runner when a message was committed, here or by another process.
func (r *Runner) listen(ctx context.Context) {
	for ctx.Err() == nil {
		notices, err := r.Store.Watch(ctx)
		if err != nil {
			r.Log.ErrorContext(ctx, "watching the outbox failed; trying again", "cause", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		for n := range notices {
			switch {
			case n.All:
				r.look(ctx)
			case storage.IsOutboxNotice(n):
				r.nudge(n.Project)
			}
		}
	}
}

// look marks every project.
func (r *Runner) look(ctx context.Context) {
	ids, err := r.Projects.IDs(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.Log.ErrorContext(ctx, "the projects of the outbox cannot be listed; trying again later", "cause", err)
		}
		return
	}
	r.nudge(ids...)
}

// nudge marks projects to be looked at soon.
func (r *Runner) nudge(projects ...string) {
	r.mu.Lock()
	for _, id := range projects {
		r.due[id] = true
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // awake already
	}
}

// pass claims what is due of the projects that are marked.
func (r *Runner) pass(ctx, sending context.Context) {
	r.mu.Lock()
	ids := r.due
	r.due = map[string]bool{}
	r.mu.Unlock()
	for id := range ids {
		if ctx.Err() != nil {
			return
		}
		p, err := r.Projects.Project(ctx, id)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err == nil {
			for kind, l := range r.lanes {
				err = errors.Join(err, r.claim(ctx, sending, p, kind, l))
			}
		}
		if err != nil && ctx.Err() == nil {
			r.Log.ErrorContext(ctx, "the outbox cannot be read; trying again later", "project", id, "cause", err)
		}
	}
}

// claim begins to send what is due of one kind, as much as there is room for.
func (r *Runner) claim(ctx, sending context.Context, p *storage.Project, kind string, l *lane) error {
	for {
		room := l.room(p.ID)
		if room == 0 {
			return nil
		}
		found, err := r.Store.Outbox.Claim(ctx, p.Scope(), kind, r.Now(), r.Lease, room)
		for _, m := range found {
			l.enter()
			r.work.Go(func() {
				r.handle(sending, p, kind, l, m)
				r.nudge(l.leave()...)
			})
		}
		if err != nil || len(found) == 0 {
			return err
		}
	}
}

// pace is how long to wait after this many attempts: doubled each time, and
// spread, so that what failed together does not come back together.
func (r *Runner) pace(attempt int, wish time.Duration) time.Duration {
	d := r.Longest
	if shift := attempt - 1; shift < 30 && r.Backoff<<shift < r.Longest {
		d = r.Backoff << shift
	}
	d = d*3/4 + rand.N(d/4+1)
	return max(d, wish)
}
