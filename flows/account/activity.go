package account

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

const (
	activityDays = 90
	activityPage = 25
)

// activity is what the person did and what was done to their account, the newest
// first.
func (p *pages) activity(ctx context.Context, m *flows.Member) (any, error) {
	until := m.Now.Add(time.Microsecond)
	if micros, err := strconv.ParseInt(m.Query.Get("before"), 10, 64); err == nil {
		until = time.UnixMicro(micros).UTC()
	}
	from := m.Now.AddDate(0, 0, -activityDays)
	var events []*storage.AuditEvent
	for _, f := range []storage.AuditFilter{{Actor: m.User.ID}, {Target: m.User.ID}} {
		f.From, f.Until = from, until
		l, err := p.Store.AuditEvents.List(ctx, m.Project.Scope(), f, storage.PageRequest{Limit: activityPage * 2, Reverse: true})
		if err != nil {
			return nil, err
		}
		events = append(events, l.Items...)
	}
	slices.SortFunc(events, func(a, b *storage.AuditEvent) int {
		if n := b.At.Compare(a.At); n != 0 {
			return n
		}
		if a.ID < b.ID {
			return 1
		} else if a.ID > b.ID {
			return -1
		}
		return 0
	})
	events = slices.CompactFunc(events, func(a, b *storage.AuditEvent) bool { return a.ID == b.ID })
	v := templates.AccountActivityView{Days: activityDays}
	for i, e := range events {
		// Events of one moment stay on one page: the next one begins before it.
		if i >= activityPage && e.At.Truncate(time.Microsecond).Before(events[i-1].At.Truncate(time.Microsecond)) {
			v.OlderURL = m.URL(pathActivity) + "?before=" + strconv.FormatInt(events[i-1].At.UnixMicro(), 10)
			break
		}
		v.Events = append(v.Events, templates.AccountEvent{
			At: e.At, Action: e.Action, Failed: e.Outcome == "failure", Browser: flows.BrowserName(e.UserAgent), IP: e.IP,
			ByOther: e.Actor != "" && e.Actor != m.User.ID,
		})
	}
	return v, nil
}
