package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
)

// job is work that goes on beside requests. All replicas know all jobs, and a
// lease gives each to one of them at a time: it saves work and guards nothing,
// for every job stays right when two do it at once.
type job struct {
	name  string
	every time.Duration
	do    func(context.Context) error
}

// jobs are those of this process.
func (p *provider) jobs(c *config.Config) []job {
	all := []job{
		{"sweep", c.Storage.SweepInterval, func(ctx context.Context) error { return p.sweep(ctx, c.Storage.SweepBatch) }},
		{"seal", time.Minute, p.seal},
		{"deletions", 15 * time.Minute, p.deletions},
		{"purge", time.Minute, func(ctx context.Context) error { return p.purge(ctx, c.Storage.SweepBatch) }},
	}
	if every := c.Storage.KeyRotation; every > 0 {
		all = append(all, job{"rotate", time.Hour, func(ctx context.Context) error { return p.rotate(ctx, every) }})
	}
	return all
}

// background runs what goes on beside requests until ctx ends: caches hear of
// changes, what was committed to be sent is sent, and the jobs are done.
func (p *provider) background(ctx context.Context, c *config.Config, log *slog.Logger) {
	for _, watch := range []func(context.Context) error{p.op.Watch, p.watchProjects} {
		go func() {
			for ctx.Err() == nil {
				if err := watch(ctx); err != nil && ctx.Err() == nil {
					log.ErrorContext(ctx, "watching the database failed; trying again", "cause", err)
				}
				pause(ctx, time.Second)
			}
		}()
	}
	p.tasks.Go(func() { p.sender.Run(ctx) })
	for _, j := range p.jobs(c) {
		go func() {
			for pause(ctx, jitter(j.every)) {
				if err := p.share(ctx, j); err != nil && ctx.Err() == nil {
					log.ErrorContext(ctx, "a job failed; trying again later", "job", j.name, "cause", err)
				}
			}
		}()
	}
}

// share does a job unless another replica has done it within its interval.
func (p *provider) share(ctx context.Context, j job) error {
	lease, err := p.store.Leases.Take(ctx, j.name, time.Now(), j.every*9/10)
	if errors.Is(err, storage.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := j.do(ctx); err != nil {
		return errors.Join(err, p.store.Leases.Release(ctx, lease)) // another may fare better
	}
	return nil // kept: until it ends there is nothing to do
}

// jitter spreads what replicas that started together do.
func jitter(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5+1) }

// watchProjects drops what is cached of projects as they change.
func (p *provider) watchProjects(ctx context.Context) error {
	notices, err := p.store.Watch(ctx)
	if err != nil {
		return err
	}
	for n := range notices {
		p.finder.Invalidate(n)
	}
	return ctx.Err()
}

// sweep removes what has expired, in bounded batches, so that no writer waits long.
func (p *provider) sweep(ctx context.Context, batch int) error {
	for {
		n, err := p.store.Sweep(ctx, time.Now(), batch)
		if err != nil || n < batch {
			return err
		}
	}
}

// purge goes on with the removal of projects.
func (p *provider) purge(ctx context.Context, batch int) error {
	return p.eachProject(ctx, storage.ProjectDeleting, func(rec *storage.ProjectRecord) error {
		for ctx.Err() == nil {
			if done, err := p.store.Projects.Purge(ctx, rec.ID, batch); done || err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// deletions deletes the accounts whose owners asked for it and did not come back.
func (p *provider) deletions(ctx context.Context) error {
	return p.eachProject(ctx, storage.ProjectActive, func(rec *storage.ProjectRecord) error {
		scope, page, now := storage.In(rec.ID), storage.PageRequest{Limit: 200}, time.Now().UTC()
		for {
			due, err := p.store.UserStatuses.DueForDeletion(ctx, scope, now, page)
			if err != nil {
				return err
			}
			for _, u := range due.Items {
				gone := p.store.AuditEvents.Append(storage.AuditEvent{At: now, Action: "user.deleted", Outcome: "success", Actor: "operator", Target: u.ID, Reason: "grace_over"})
				// Who comes back in this moment changes the row, and is not deleted.
				if err := p.store.Users.Delete(ctx, scope, u.ID, p.store.Users.Replace(u), gone); err != nil && !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound) {
					return err
				}
			}
			if page.After = due.Next; page.After == "" {
				return nil
			}
		}
	})
}

// seal makes the audit log of every project a chain, up to now.
func (p *provider) seal(ctx context.Context) error {
	scopes, err := p.scopes(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, scope := range scopes {
		for more := true; more && ctx.Err() == nil; {
			_, again, err := p.store.AuditSeals.Seal(ctx, scope, time.Now())
			more = again && err == nil
			if err != nil && !errors.Is(err, storage.ErrConflict) { // else somebody was faster
				failed = append(failed, fmt.Errorf("sealing the audit log of %s: %w", scope.Project(), err))
			}
		}
	}
	return errors.Join(failed...)
}

// rotate lets new keys sign where the old ones have signed for long enough.
func (p *provider) rotate(ctx context.Context, every time.Duration) error {
	return p.eachProject(ctx, storage.ProjectActive, func(rec *storage.ProjectRecord) error {
		rotated, err := p.keys.RotateDue(ctx, rec.Resolve(p.project, ""), every)
		for _, r := range rotated {
			p.log.InfoContext(ctx, "a signing key was rotated", "project", rec.ID, "alg", r.Alg, "active", r.Active, "retiring", r.Retiring)
		}
		if errors.Is(err, storage.ErrConflict) || errors.Is(err, op.ErrKeyTooNew) { // somebody was faster
			return nil
		}
		return err
	})
}

// eachProject calls do for every project of a status. What fails for one is told
// at the end, and keeps the others from nothing.
func (p *provider) eachProject(ctx context.Context, status storage.ProjectStatus, do func(*storage.ProjectRecord) error) error {
	var failed []error
	page := storage.PageRequest{Limit: 100}
	for {
		l, err := p.store.Projects.List(ctx, status, page)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		for _, rec := range l.Items {
			if err := do(rec); err != nil {
				failed = append(failed, err)
			}
		}
		if page.After = l.Next; page.After == "" {
			return errors.Join(failed...)
		}
	}
}

// pause waits, and says whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
