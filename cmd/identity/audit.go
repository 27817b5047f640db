package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newAuditCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Read the audit log, and check that nobody changed it"}
	cmd.AddCommand(newAuditList(t), newAuditTail(t), newAuditVerify(t))
	return cmd
}

// auditFilter says which events are asked for.
type auditFilter struct {
	action, actor, target string
	control               bool
}

func (f *auditFilter) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.action, "action", "", "only this action, such as user.created")
	fl.StringVar(&f.actor, "actor", "", "only what this one did: a sub, operator, client:ID, credential:ID")
	fl.StringVar(&f.target, "target", "", "only what was done to this id")
	fl.BoolVar(&f.control, "control", false, "the log above the projects instead of the project's")
}

// page asks for events.
func (f *auditFilter) page(ctx context.Context, a *api, size int32, token, order string, from time.Time) ([]*adminv1.AuditEvent, string, error) {
	var since *timestamppb.Timestamp
	if !from.IsZero() {
		since = timestamppb.New(from)
	}
	if f.control {
		res, err := a.Audit.ListControlEvents(ctx, &adminv1.ListControlEventsRequest{
			PageSize: size, PageToken: token, OrderBy: order, Action: f.action, Actor: f.actor, Target: f.target, From: since,
		})
		return res.GetEvents(), res.GetNextPageToken(), err
	}
	res, err := a.Audit.ListAuditEvents(ctx, &adminv1.ListAuditEventsRequest{
		ProjectId: a.project, PageSize: size, PageToken: token, OrderBy: order, Action: f.action, Actor: f.actor, Target: f.target, From: since,
	})
	return res.GetEvents(), res.GetNextPageToken(), err
}

func newAuditList(t *terminal) *cobra.Command {
	f, limit, since := &auditFilter{}, 50, time.Duration(0)
	cmd := &cobra.Command{Use: "list", Short: "List events, the newest first"}
	f.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "most events; 0: all")
	cmd.Flags().DurationVar(&since, "since", 0, "only of so long ago, such as 24h")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		from := time.Time{}
		if since > 0 {
			from = time.Now().Add(-since)
		}
		got := 0
		events, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.AuditEvent, string, error) {
			size := pageSize
			if limit > 0 {
				size = min(size, limit-got)
			}
			events, next, err := f.page(ctx, a, int32(size), token, "at desc", from) //nolint:gosec // at most pageSize
			if got += len(events); limit > 0 && got >= limit {
				next = ""
			}
			return events, next, err
		})
		if err != nil {
			return err
		}
		return printList(a, events, auditHeader, auditRow)
	})
}

var auditHeader = []string{"AT", "ACTION", "OUTCOME", "ACTOR", "TARGET", "CLIENT", "IP", "DETAILS"}

func auditRow(e *adminv1.AuditEvent) []string {
	var details []string
	if e.GetReason() != "" {
		details = append(details, e.GetReason())
	}
	for _, k := range slices.Sorted(maps.Keys(e.GetDetails())) {
		details = append(details, k+"="+e.GetDetails()[k])
	}
	return []string{
		e.GetAt().AsTime().Format(time.RFC3339), e.GetAction(), e.GetOutcome(), printable(e.GetActor()), printable(e.GetTarget()), e.GetClientId(), e.GetIp(),
		printable(strings.Join(details, " ")),
	}
}

func newAuditTail(t *terminal) *cobra.Command {
	f, lines, follow, interval := &auditFilter{}, 20, false, time.Second
	cmd := &cobra.Command{Use: "tail", Short: "Print the newest events, the newest last; with --follow, those to come", Example: `  identity audit tail --follow --json | jq .action`}
	f.add(cmd)
	cmd.Flags().IntVarP(&lines, "lines", "n", lines, "how many events, at most 500")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until it is stopped")
	cmd.Flags().DurationVar(&interval, "interval", interval, "how often to look, with --follow")
	return t.apiCall(cmd, func(ctx context.Context, a *api, _ []string) error {
		if lines < 1 || lines > pageSize || interval < 100*time.Millisecond {
			return usageError{errors.New("--lines: want 1 to 500; --interval: want at least 100ms")}
		}
		events, _, err := f.page(ctx, a, int32(lines), "", "at desc", time.Time{}) //nolint:gosec // at most pageSize
		if err != nil {
			return err
		}
		slices.Reverse(events)
		seen := &tail{api: a, known: map[string]time.Time{}}
		if err := seen.print(events); err != nil || !follow {
			return err
		}
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil // it was stopped: that is how this ends
			case <-tick.C:
			}
			events, err := every(ctx, func(ctx context.Context, token string) ([]*adminv1.AuditEvent, string, error) {
				return f.page(ctx, a, pageSize, token, "at", seen.newest.Add(-overlap))
			})
			if ctx.Err() != nil {
				return nil
			}
			if err == nil {
				err = seen.print(events)
			}
			if err != nil {
				return err
			}
		}
	})
}

// overlap is how far back each look goes: an event is stored a moment after its
// time, and the clocks of replicas differ.
const overlap = 30 * time.Second

// tail prints each event once.
type tail struct {
	*api
	known  map[string]time.Time
	newest time.Time
}

func (l *tail) print(events []*adminv1.AuditEvent) error {
	for _, e := range events {
		at := e.GetAt().AsTime()
		if _, ok := l.known[e.GetId()]; ok {
			continue
		}
		l.known[e.GetId()] = at
		if at.After(l.newest) {
			l.newest = at
		}
		var err error
		if l.json {
			b, bad := raw(e)
			if bad != nil {
				return bad
			}
			err = l.printJSON(b)
		} else {
			_, err = fmt.Fprintln(l.stdout, strings.Join(auditRow(e), "  "))
		}
		if err != nil {
			return err
		}
	}
	maps.DeleteFunc(l.known, func(_ string, at time.Time) bool { return at.Before(l.newest.Add(-2 * overlap)) })
	return nil
}

func newAuditVerify(t *terminal) *cobra.Command {
	return t.apiCall(&cobra.Command{
		Use: "verify", Short: "Check the chain of the log: that no sealed event was changed, taken away or added",
		Long: `Check the chain of the log: that no sealed event was changed, taken away or added.
Keep the head that it prints elsewhere: a log that was cut off at its end has another.`,
	}, func(ctx context.Context, a *api, _ []string) error {
		res, err := a.Audit.VerifyAuditLog(ctx, &adminv1.VerifyAuditLogRequest{ProjectId: a.project})
		if err != nil {
			return err
		}
		if err := a.printOne(res); err != nil {
			return err
		}
		if !res.GetIntact() {
			return fmt.Errorf("the log is not intact: %s at event %s", res.GetProblem(), res.GetFaultEventId())
		}
		return nil
	})
}
