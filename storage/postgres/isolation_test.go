package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/postgres"
)

func plain(id string) graph.Op {
	return graph.Create{Node: graph.Node{Type: graphtest.Plain, ID: id}}
}

// TestRowLevelSecurity runs statements that forget the project: what the layer
// behind our statements lets through. The owner is held as well.
func TestRowLevelSecurity(t *testing.T) {
	d := prepared(t)
	r := open(t, postgres.Config{DSN: d.App})
	defer r.Close()
	for _, project := range []string{"alpha", "beta"} {
		dead := graph.Node{Type: graphtest.Thing, ID: "dead-" + project, Columns: make([]graph.Value, 5), ExpiresAt: time.Unix(1, 0)}
		lives := graph.Node{Type: graphtest.Thing, ID: "lives-" + project, Columns: make([]graph.Value, 5)}
		if _, err := r.Commit(t.Context(), graph.In(project), plain("of-"+project), graph.Create{Node: dead}, graph.Create{Node: lives},
			graph.Increment{Counter: "of-" + project, By: 1, Window: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	const sweep, alpha = "set_config('identity.sweep', 'on', true)", "set_config('identity.project', 'alpha', true)"
	for name, c := range map[string]struct {
		dsn, settings, statement string
		want                     []string
	}{
		"no-project":       {d.App, "", "SELECT id FROM plains", nil},
		"no-project/owner": {d.Owner, "", "SELECT id FROM plains", nil},
		"one-project":      {d.App, alpha, "SELECT id FROM plains", []string{"of-alpha"}},
		"delete":           {d.App, alpha, "DELETE FROM plains RETURNING id", []string{"of-alpha"}},
		"update":           {d.App, alpha, "UPDATE plains SET version = 9 RETURNING id", []string{"of-alpha"}},
		"all":              {d.App, "set_config('identity.project', '*', true)", "SELECT id FROM plains", nil},
		"sweep":            {d.App, sweep, "SELECT id FROM plains", nil}, // they do not expire
		// Whoever sweeps sees what has an expiry, and changes nothing but in a project.
		"sweep/select":           {d.App, sweep, "SELECT id FROM things ORDER BY 1", []string{"dead-alpha", "dead-beta"}},
		"sweep/delete":           {d.App, sweep, "DELETE FROM things RETURNING id", nil},
		"sweep/update":           {d.App, sweep, "UPDATE things SET version = 9 RETURNING id", nil},
		"sweep/delete-in-one":    {d.App, sweep + ", " + alpha, "DELETE FROM things WHERE expires_at IS NOT NULL RETURNING id", []string{"dead-alpha"}},
		"sweep/delete-counters":  {d.App, sweep, "DELETE FROM counters RETURNING name", nil},
		"sweep/another-spelling": {d.App, "set_config('identity.sweep', 'true', true)", "SELECT id FROM things", nil},
		"superuser":              {d.Super, "", "SELECT id FROM plains ORDER BY 1", []string{"of-alpha", "of-beta"}},
	} {
		t.Run(name, func(t *testing.T) {
			c1, err := pgx.Connect(t.Context(), c.dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer c1.Close(t.Context())
			tx, err := c1.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback(t.Context())
			if c.settings != "" {
				if _, err := tx.Exec(t.Context(), "SELECT "+c.settings); err != nil {
					t.Fatal(err)
				}
			}
			rows, _ := tx.Query(t.Context(), c.statement)
			got, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil || !cmp.Equal(append([]string{}, got...), append([]string{}, c.want...)) {
				t.Errorf("%s: %v, %v; want %v", c.statement, got, err, c.want)
			}
		})
	}
	t.Run("insert-elsewhere", func(t *testing.T) {
		c, err := pgx.Connect(t.Context(), d.App)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		_, err = c.Exec(t.Context(), "INSERT INTO edges (project_id, edge_id, from_id, to_id) VALUES ('beta', 1, 'a', 'b')")
		if err == nil || !strings.Contains(err.Error(), "row-level security") {
			t.Errorf("an insert into another project: %v", err)
		}
		_, err = c.Exec(t.Context(), "ALTER TABLE plains DISABLE ROW LEVEL SECURITY")
		if err == nil || !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("the role that works could switch it off: %v", err)
		}
	})
	t.Run("weaknesses", func(t *testing.T) {
		for dsn, want := range map[string]string{d.App: "", d.Owner: "owns the tables", d.Super: "is a superuser"} {
			r := open(t, postgres.Config{DSN: dsn})
			weak, err := r.Weaknesses(t.Context())
			if got := strings.Join(weak, "\n"); err != nil || !strings.Contains(got, want) || (want == "") != (got == "") {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
