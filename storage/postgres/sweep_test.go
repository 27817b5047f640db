package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// TestSweepLeavesWhatLivesAgain: a node that was found dead got another life before
// it was removed.
func TestSweepLeavesWhatLivesAgain(t *testing.T) {
	d := pgtest.New(t)
	r, err := Open(t.Context(), storage.Schema(), Config{DSN: d.App, MigrateDSN: d.Owner, AutoMigrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var tab *table
	for _, candidate := range r.tables {
		if candidate.name == "sessions" {
			tab = candidate
		}
	}
	now := time.Now()
	for id, expires := range map[string]time.Time{"dead": now.Add(-time.Hour), "alive": now.Add(time.Hour)} {
		n := graph.Node{Type: tab.info.ID, ID: id, Columns: make([]graph.Value, len(tab.info.Columns)), ExpiresAt: expires}
		if _, err := r.Commit(t.Context(), graph.In("alpha"), graph.Create{Node: n}); err != nil {
			t.Fatal(err)
		}
	}
	var removed int
	err = r.with(t.Context(), func(ctx context.Context, c *pgx.Conn) error {
		removed, err = r.bury(ctx, c, tab, now.UnixMicro(), map[string][]string{"alpha": {"dead", "alive"}})
		return err
	})
	if left := pgtest.Texts(t, d.Super, "SELECT id FROM sessions"); err != nil || removed != 1 || len(left) != 1 || left[0] != "alive" {
		t.Errorf("removed %d, left %v: %v", removed, left, err)
	}
}
