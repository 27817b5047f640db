package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/elloloop/identity/cmd/identity/projects"
	"github.com/elloloop/identity/storage"
)

var _ projects.Directory = (*database)(nil)

// Project returns a project as it runs: the settings of the process, and what is
// stored of it over them.
func (d *database) Project(ctx context.Context, id string) (projects.Entry, error) {
	rec, err := d.store.Projects.Get(ctx, id)
	switch {
	case errors.Is(err, storage.ErrNotFound) && id == d.project.ID:
		return projects.Entry{Project: d.project}, nil
	case err != nil:
		return projects.Entry{}, err
	}
	e := projects.Entry{Primary: rec.Host(d.assumeDomains), Disabled: rec.Status == storage.ProjectDisabled}
	if rec.Status == storage.ProjectDeleting {
		return e, storage.ErrNotFound
	}
	e.Project = rec.Resolve(d.project, "") // the finder knows the issuer
	return e, nil
}

// Domain returns the id of the project that has proven a host.
func (d *database) Domain(ctx context.Context, host string) (string, error) {
	domain, err := d.store.ProjectDomains.ByHost(ctx, host)
	if err != nil {
		return "", err
	}
	if domain.Assumed && !d.assumeDomains {
		return "", storage.ErrNotFound
	}
	return domain.ProjectID, nil
}

// seedDefault stores the default project, and the hosts that the configuration
// vouches for. Replicas may do it at once.
func (d *database) seedDefault(ctx context.Context, hosts []string, log *slog.Logger) error {
	now := time.Now().UTC()
	id := d.project.ID
	rec := &storage.ProjectRecord{ID: id, Status: storage.ProjectActive, CreatedOrder: now.UnixMicro()}
	err := d.store.Projects.Create(ctx, rec, d.vouched("project.created", id))
	switch {
	case errors.Is(err, storage.ErrInvalidArgument): // an id from before there were more projects
		log.WarnContext(ctx, "the default project can't be stored, and has no hosts of its own", "cause", err)
		return nil
	case err != nil && !errors.Is(err, storage.ErrAlreadyExists):
		return fmt.Errorf("the default project: %w", err)
	}
	for i, host := range hosts {
		if err := d.vouch(ctx, host, i == 0, now); err != nil {
			return fmt.Errorf("GATEWAY_DEFAULT_PROJECT_AUTH_DOMAINS: %s: %w", host, err)
		}
	}
	return nil
}

// vouched tells what the configuration did to the default project.
func (d *database) vouched(action, target string) storage.Change {
	return d.store.AuditEvents.Append(storage.AuditEvent{
		At: time.Now().UTC(), Action: action, Outcome: "success", Actor: "system", Target: target, Details: map[string]string{"project_id": d.project.ID},
	})
}

func (d *database) vouch(ctx context.Context, host string, primary bool, now time.Time) error {
	domain, err := d.store.ProjectDomains.ByHost(ctx, host)
	switch {
	case err == nil && domain.ProjectID != d.project.ID:
		return fmt.Errorf("%w: it belongs to the project %s", storage.ErrAlreadyExists, domain.ProjectID)
	case err == nil:
		return nil // what an operator made of it since stays
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	if domain, err = d.store.ProjectDomains.Claim(ctx, d.project.ID, host); err != nil {
		return err
	}
	err = d.store.ProjectDomains.Verify(ctx, domain, now, d.vouched("domain.verified", host))
	if errors.Is(err, storage.ErrAlreadyExists) { // another replica was faster
		return d.store.ProjectDomains.Remove(ctx, domain)
	}
	if err == nil && primary {
		err = d.store.ProjectDomains.MakePrimary(ctx, domain)
	}
	return err
}
