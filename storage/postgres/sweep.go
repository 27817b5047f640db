package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage/graph"
)

// sweepChunk bounds one transaction of a sweep, and how many rows it locks.
const sweepChunk = 500

// Sweep implements graph.Repository. Row-level security lets it look, with a
// setting of its own, at what has an expiry in every project; removing is done
// within each project, like everything else.
func (r *Repository) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, fmt.Errorf("%w: a limit of %d", graph.ErrInvalidArgument, limit)
	}
	total := 0
	for _, info := range r.catalog.Types() {
		if !info.Expires {
			continue
		}
		removed, err := r.sweepTable(ctx, r.tables[info.ID], now.UnixMicro(), limit-total)
		if total += removed; err != nil || total >= limit {
			return total, err
		}
	}
	removed, err := r.sweepTable(ctx, &table{name: "counters"}, now.UnixMicro(), limit-total)
	return total + removed, err
}

func (r *Repository) sweepTable(ctx context.Context, t *table, now int64, limit int) (total int, err error) {
	for total < limit {
		chunk, removed, found := min(limit-total, sweepChunk), 0, 0
		err := r.repeated(ctx, false, func(ctx context.Context, c *pgx.Conn) error {
			dead, n, err := r.dead(ctx, c, t, now, chunk)
			if found = n; err != nil || n == 0 {
				return err
			}
			removed, err = r.bury(ctx, c, t, now, dead)
			return err
		})
		if total += removed; err != nil || found < chunk {
			return total, err
		}
	}
	return total, nil
}

// key and expiry are the columns that a sweep needs; a table without a type is
// that of the counters.
func (t *table) key() (key, expiry string) {
	if t.info == nil {
		return "name", "reset_at"
	}
	return "id", "expires_at"
}

// dead finds what has expired, by project.
func (r *Repository) dead(ctx context.Context, c *pgx.Conn, t *table, now int64, limit int) (map[string][]string, int, error) {
	w := &work{Repository: r}
	w.add(r.begin(""), nil)
	w.add(say("SELECT set_config('identity.sweep', 'on', true)"), nil)
	dead, n := map[string][]string{}, 0
	w.add(expired(t, now, limit), func(row scan) error {
		var project, id string
		err := row(&project, &id)
		dead[project] = append(dead[project], id)
		n++
		return err
	})
	return dead, n, w.send(ctx, c)
}

// expired finds the nodes, or counters, of all projects that are over the longest.
func expired(t *table, now int64, limit int) *statement {
	key, expiry := t.key()
	return say("SELECT project_id, ", key, " FROM ", t.name, " WHERE ", expiry, " <= ").bind(now).say(" ORDER BY ", expiry, " LIMIT ").bind(int64(limit))
}

// bury removes them, project by project, in one transaction. One that got another
// life meanwhile stays.
func (r *Repository) bury(ctx context.Context, c *pgx.Conn, t *table, now int64, dead map[string][]string) (removed int, err error) {
	key, expiry := t.key()
	w := &work{Repository: r}
	for project, ids := range dead {
		w.add(r.begin(project), nil)
		s := say("WITH gone AS (DELETE FROM ", t.name).project(project).say(" AND ", key, " = ANY (").bind(ids).say("::text[]) AND ", expiry, " <= ").bind(now)
		s.say(" RETURNING ", key, ") SELECT ", key)
		if t.info != nil && t.info.Watched {
			s.say(", ").told(t, project)
		} else {
			s.say(", NULL")
		}
		w.add(s.say(" FROM gone"), func(row scan) error {
			removed++
			return row(nil, nil)
		})
		if t.info == nil {
			continue
		}
		for _, edges := range t.edgesOfAll(project, ids) {
			w.add(edges, nil)
		}
	}
	return removed, w.send(ctx, c)
}
