package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// statement is a piece of SQL that is made once, at Open, and prepared once on
// each connection that uses it.
type statement struct {
	number int
	sql    string
}

// book numbers the statements.
type book struct{ count int }

func (b *book) add(format string, args ...any) *statement {
	s := &statement{number: b.count, sql: fmt.Sprintf(format, args...)}
	b.count++
	return s
}

// conn is one connection, used by one goroutine at a time. It talks to the
// driver's own interfaces: what database/sql adds (a pool, a goroutine for every
// cancellable call, reflection) costs more than the queries do.
type conn struct {
	raw   driver.Conn
	stmts []driver.Stmt
	args  []driver.NamedValue
	row   []driver.Value
}

// bind begins the arguments of the next statement.
func (c *conn) bind() *conn {
	c.args = c.args[:0]
	return c
}

func (c *conn) add(v driver.Value) *conn {
	c.args = append(c.args, driver.NamedValue{Ordinal: len(c.args) + 1, Value: v})
	return c
}

func (c *conn) text(s ...string) *conn {
	for _, s := range s {
		c.add(s)
	}
	return c
}

func (c *conn) int(n int64) *conn { return c.add(n) }

// time adds a time as it is stored, NULL for the zero time.
func (c *conn) time(t time.Time) *conn {
	if t.IsZero() {
		return c.add(nil)
	}
	return c.add(t.UnixMicro())
}

func (c *conn) values(values ...graph.Value) *conn {
	for _, v := range values {
		switch v.Kind() {
		case graph.Text:
			c.add(v.Text())
		case graph.Bytes:
			c.add([]byte(v.Text()))
		case graph.Int:
			c.add(v.Int())
		default:
			c.add(nil)
		}
	}
	return c
}

// live adds the argument of the condition of the same name, which only types
// that expire have.
func (c *conn) live(t *table, now int64) *conn {
	if t.info.Expires {
		c.add(now)
	}
	return c
}

func (c *conn) prepare(s *statement) (driver.Stmt, error) {
	for len(c.stmts) <= s.number {
		c.stmts = append(c.stmts, nil)
	}
	if c.stmts[s.number] == nil {
		stmt, err := c.raw.Prepare(s.sql)
		if err != nil {
			return nil, err
		}
		c.stmts[s.number] = stmt
	}
	return c.stmts[s.number], nil
}

// exec runs a statement with the bound arguments and returns how many rows it
// changed.
func (c *conn) exec(s *statement) (int64, error) {
	stmt, err := c.prepare(s)
	if err != nil {
		return 0, err
	}
	result, err := stmt.(driver.StmtExecContext).ExecContext(context.Background(), c.args)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query runs a statement with the bound arguments and calls f with each row, of
// this many columns. The row is valid until f returns; f must not use c.
func (c *conn) query(s *statement, columns int, f func(row []driver.Value)) (err error) {
	stmt, err := c.prepare(s)
	if err != nil {
		return err
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), c.args)
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for len(c.row) < columns {
		c.row = append(c.row, nil)
	}
	for {
		switch err := rows.Next(c.row[:columns]); err {
		case nil:
			f(c.row[:columns])
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// ids returns the first column of every row, as text.
func (c *conn) ids(s *statement) ([]string, error) {
	var ids []string
	err := c.query(s, 1, func(row []driver.Value) { ids = append(ids, asText(row[0])) })
	return ids, err
}

func asText(v driver.Value) string { s, _ := v.(string); return s }
func asInt(v driver.Value) int64   { n, _ := v.(int64); return n }

func asTime(v driver.Value) time.Time {
	if n, ok := v.(int64); ok {
		return time.UnixMicro(n).UTC()
	}
	return time.Time{}
}

func asValue(v driver.Value) graph.Value {
	switch v := v.(type) {
	case string:
		return graph.String(v)
	case []byte:
		return graph.Binary(v)
	case int64:
		return graph.Int64(v)
	}
	return graph.Value{}
}

// close finalizes the statements and closes the connection.
func (c *conn) close() error {
	for _, stmt := range c.stmts {
		if stmt != nil {
			_ = stmt.Close() // the connection goes anyway
		}
	}
	c.stmts = nil
	return c.raw.Close()
}
