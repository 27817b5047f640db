package outbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/elloloop/identity/storage"
)

// lane is what is being sent of one kind.
type lane struct {
	kind Kind

	mu      sync.Mutex
	sending int
	to      map[string]int  // by destination
	waiting map[string]bool // projects that found no room
}

func newLane(k Kind) *lane {
	if k.AtOnce == 0 {
		k.AtOnce = 16
	}
	if k.PerDestination == 0 {
		k.PerDestination = 4
	}
	return &lane{kind: k, to: map[string]int{}, waiting: map[string]bool{}}
}

// room says how many more may be sent at once. A project that finds none is
// looked at again when there is some.
func (l *lane) room(project string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sending >= l.kind.AtOnce {
		l.waiting[project] = true
	}
	return max(0, l.kind.AtOnce-l.sending)
}

func (l *lane) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sending++
}

// leave makes room, and returns who waited for it.
func (l *lane) leave() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sending--
	var out []string
	for id := range l.waiting {
		out = append(out, id)
	}
	clear(l.waiting)
	return out
}

// take says whether another message may go there now.
func (l *lane) take(destination string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to[destination] >= l.kind.PerDestination {
		return false
	}
	l.to[destination]++
	return true
}

func (l *lane) give(destination string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to[destination]--; l.to[destination] == 0 {
		delete(l.to, destination)
	}
}

// crowded is how long a message waits whose destination has enough to do.
const crowded = 250 * time.Millisecond

// handle makes one attempt and writes down how it went.
func (r *Runner) handle(ctx context.Context, p *storage.Project, kind string, l *lane, m *storage.OutboxMessage) {
	payload, err := r.Store.Outbox.Open(p.Scope(), m)
	if err != nil { // its key is missing; it may come back
		r.settle(ctx, p, m, &Failure{Reason: "sealed", Err: err})
		return
	}
	destination := p.ID
	if l.kind.Destination != nil {
		destination += " " + l.kind.Destination(payload)
	}
	if !l.take(destination) {
		m.Attempts-- // it was none
		r.later(ctx, p, m, crowded, m.LastError)
		return
	}
	defer l.give(destination)
	limited, cancel := context.WithTimeout(ctx, r.Lease*4/5)
	defer cancel()
	err = l.kind.Send(limited, p, Message{ID: m.ID, Attempt: m.Attempts, Payload: payload})
	if ctx.Err() != nil { // cut off at the end of the process: the lease ends by itself
		return
	}
	r.settle(ctx, p, m, err)
}

func (r *Runner) settle(ctx context.Context, p *storage.Project, m *storage.OutboxMessage, failure error) {
	if failure == nil {
		r.wrote(ctx, m, r.Store.Outbox.Done(ctx, p.Scope(), m, r.Now()))
		return
	}
	var f *Failure
	if !errors.As(failure, &f) {
		f = &Failure{Reason: "failed", Err: failure}
	}
	level, what := slog.LevelInfo, "a message was not sent; trying again"
	if f.Permanent || m.Attempts >= r.attempts(m.Kind) {
		level, what = slog.LevelWarn, "a message was given up"
		now := r.Now()
		r.wrote(ctx, m, r.Store.Outbox.Dead(ctx, p.Scope(), m, now, f.Reason, r.Store.AuditEvents.Append(storage.AuditEvent{
			At: now.UTC(), Action: "message.given_up", Outcome: "failure", Target: m.ID, Reason: f.Reason, Details: map[string]string{"kind": m.Kind},
		})))
	} else {
		r.later(ctx, p, m, r.pace(m.Attempts, f.RetryAfter), f.Reason)
	}
	r.Log.LogAttrs(ctx, level, what, slog.String("kind", m.Kind), slog.String("message", m.ID), slog.String("project", p.ID),
		slog.Int("attempt", m.Attempts), slog.String("reason", f.Reason), slog.Any("cause", f.Err))
}

// attempts is how often a message of this kind is tried.
func (r *Runner) attempts(kind string) int {
	if n := r.Kinds[kind].Attempts; n > 0 {
		return n
	}
	return r.Attempts
}

// later makes a message due again, and wakes the runner then.
func (r *Runner) later(ctx context.Context, p *storage.Project, m *storage.OutboxMessage, wait time.Duration, reason string) {
	r.wrote(ctx, m, r.Store.Outbox.Retry(ctx, p.Scope(), m, r.Now().Add(wait), reason))
	time.AfterFunc(wait+time.Millisecond, func() { r.nudge(p.ID) })
}

// wrote looks at how writing down went. Where it failed the lease ends by itself,
// and the message is sent once more.
func (r *Runner) wrote(ctx context.Context, m *storage.OutboxMessage, err error) {
	if err != nil && !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound) {
		r.Log.ErrorContext(ctx, "what became of a message cannot be stored; it will be sent again", "message", m.ID, "cause", err)
	}
}
