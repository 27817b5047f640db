package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/storage"
)

func newKeyReseal(t *terminal) *cobra.Command {
	s, asJSON := newSettings(t), false
	cmd := &cobra.Command{
		Use: "reseal", Short: "Seal everything with the first key-encryption key", Args: cobra.NoArgs,
		Long: `Seal everything in every project with the first key of GATEWAY_KEY_ENCRYPTION_KEYS,
so that the others can be taken away. The servers go on meanwhile, with the old and
the new key configured. It may be repeated at any time.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onDatabase(cmd, func(d *database) error {
				done, err := d.reseal(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					err = t.printJSON(map[string]any{"resealed": done.Resealed, "waiting": done.Waiting, "unreadable": len(done.Unreadable), "key": d.ring.IDs()[0]})
				} else {
					_, err = fmt.Fprintf(t.stdout, "%d values are sealed anew with %s\n", done.Resealed, d.ring.IDs()[0])
				}
				return errors.Join(err, unfinished(done))
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	s.flags(cmd)
	return cmd
}

// unfinished says why the older keys are needed still.
func unfinished(done storage.ResealReport) error {
	var left []error
	if done.Waiting > 0 {
		left = append(left, fmt.Errorf("%d rows are in use: run it again before you take the older keys away", done.Waiting))
	}
	if len(done.Unreadable) > 0 {
		var names []string
		for _, r := range done.Unreadable[:min(len(done.Unreadable), 10)] {
			names = append(names, r.Type+" "+r.ID)
		}
		left = append(left, fmt.Errorf("%d rows can't be opened with any of the keys: %s", len(done.Unreadable), strings.Join(names, ", ")))
	}
	return errors.Join(left...)
}

const (
	resealRows   = 500 // are looked at at once
	resealPasses = 3   // how often what was in use is tried
)

func (d *database) reseal(ctx context.Context) (storage.ResealReport, error) {
	var all storage.ResealReport
	scopes, err := d.scopes(ctx)
	if err != nil {
		return all, err
	}
	for _, scope := range scopes {
		for pass := 1; ; pass++ {
			done, err := d.resealScope(ctx, scope)
			all.Resealed += done.Resealed
			if err != nil {
				return all, fmt.Errorf("project %s: %w", scope.Project(), err)
			}
			if done.Waiting > 0 && pass < resealPasses && pause(ctx, time.Second) {
				continue
			}
			all.Waiting += done.Waiting
			all.Unreadable = append(all.Unreadable, done.Unreadable...)
			break
		}
	}
	return all, nil
}

func (d *database) resealScope(ctx context.Context, scope storage.Scope) (storage.ResealReport, error) {
	var all storage.ResealReport
	from := ""
	for {
		step, err := d.store.Sealing.Reseal(ctx, scope, from, time.Now(), resealRows)
		all.Resealed += step.Resealed
		all.Waiting += step.Waiting
		all.Unreadable = append(all.Unreadable, step.Unreadable...)
		if from = step.Next; err != nil || from == "" {
			return all, err
		}
	}
}

// scopes are those of everything that is stored and stays: what is written into a
// project that is being removed would outlive it.
func (d *database) scopes(ctx context.Context) ([]storage.Scope, error) {
	scopes := []storage.Scope{storage.ControlScope(), d.project.Scope()}
	page := storage.PageRequest{Limit: 100}
	for {
		l, err := d.store.Projects.List(ctx, "", page)
		if err != nil {
			return nil, err
		}
		for _, rec := range l.Items {
			if rec.ID != d.project.ID && rec.Status != storage.ProjectDeleting {
				scopes = append(scopes, storage.In(rec.ID))
			}
		}
		if page.After = l.Next; page.After == "" {
			return scopes, nil
		}
	}
}
