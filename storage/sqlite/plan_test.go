package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
)

// TestPlans asks SQLite how it would run each statement of the real schema: none
// may scan a table or sort, whatever the number of rows.
func TestPlans(t *testing.T) {
	catalog, err := graph.NewCatalog(storage.Schema())
	if err != nil {
		t.Fatal(err)
	}
	config, err := Config{Path: ":memory:", AutoMigrate: true, Migrations: migrations.SQLite()}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.connect(false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := config.ready(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	q := newQueries(catalog)
	statements := []*statement{q.link, q.unlink, q.unlinkFrom, q.unlinkTo, q.increment, q.clear, q.sweepCounters, q.purgeCounters}
	prefixes := map[*statement]string{} // statement → the column that is searched between two ends
	for _, n := range q.order {
		statements = append(statements, n.get, n.version, n.insert, n.update, n.take, n.remove, n.clear, n.sweep, n.purge)
		statements = append(append(append(statements, n.lookup...), n.holder...), n.clearKey...)
		for _, by := range n.deleteBy {
			statements = append(statements, by[1:]...)
		}
		for shape, s := range n.lists {
			statements = append(statements, s)
			if shape.prefix {
				prefixes[s] = n.info.Columns[n.info.IndexAt[shape.index][shape.equal]].Name
			}
		}
		for _, s := range n.byEdge {
			statements = append(statements, s)
		}
	}
	for _, s := range statements {
		if s == nil {
			continue
		}
		plan, err := explain(c, s.sql)
		if err != nil {
			t.Errorf("%s: %v", s.sql, err)
		}
		// Every column that the WHERE compares narrows the search, but for expires_at,
		// which is looked at afterwards.
		if _, where, ok := strings.Cut(s.sql, " WHERE project_id = ?"); ok && strings.HasPrefix(s.sql, "SELECT") && !strings.Contains(s.sql, " JOIN ") {
			where, _, _ = strings.Cut(where, " ORDER BY")
			for _, condition := range strings.Split(where, " AND ")[1:] {
				name, _, _ := strings.Cut(condition, " ")
				if !strings.Contains(name, "expires_at") && !strings.Contains(condition, "<>") && !strings.Contains(plan[0], name) {
					t.Errorf("%s\n\tdoes not search by %s: %s", s.sql, name, plan[0])
				}
			}
		}
		if name := prefixes[s]; name != "" && !strings.Contains(plan[0], name+">? AND "+name+"<?") {
			t.Errorf("%s\n\tdoes not search between two ends: %s", s.sql, plan[0])
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\n\tis run as: %s", s.sql, strings.Join(plan, "; "))
			}
		}
	}
}

func explain(c *conn, query string) (plan []string, err error) {
	stmt, err := c.raw.Prepare("EXPLAIN QUERY PLAN " + query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	var args []driver.NamedValue
	for i := range strings.Count(query, "?") {
		args = append(args, driver.NamedValue{Ordinal: i + 1})
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), args)
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, 4)
	for rows.Next(row) == nil {
		plan = append(plan, asText(row[3]))
	}
	return plan, rows.Close()
}
