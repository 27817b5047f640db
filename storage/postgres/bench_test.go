package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elloloop/identity/migrations"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// benchUsers is how many accounts the commits are about.
const benchUsers = 1000

// exchange is what a benchmark commits: an account is checked, an access token and
// a refresh token are stored, a counter goes up.
func exchange(r *Repository, tb testing.TB, id, user string, hash []byte, expires time.Time) []graph.Op {
	tb.Helper()
	ops := []graph.Op{graph.Check{Type: 1, ID: user}}
	for _, name := range []string{"access_tokens", "refresh_tokens"} {
		for _, info := range r.catalog.Types() {
			if info.Table != name {
				continue
			}
			n := graph.Node{Type: info.ID, ID: id, Data: make([]byte, 400), ExpiresAt: expires}
			for _, col := range info.Columns {
				v := graph.String(user)
				if col.Kind == graph.Bytes {
					v = graph.Binary(hash)
				}
				n.Columns = append(n.Columns, v)
			}
			ops = append(ops, graph.Create{Node: n})
		}
	}
	if len(ops) != 3 {
		tb.Fatal("the schema has other tables of tokens")
	}
	return append(ops, graph.Increment{Counter: user, By: 1, Window: time.Hour})
}

// BenchmarkCommit compares a commit with pgbench, which sends the same statements
// in the same pipeline, prepared as ours, through as many connections, right
// before. The ratio is ours to pgbench's, in commits per second.
func BenchmarkCommit(b *testing.B) {
	d := pgtest.New(b)
	config := Config{DSN: d.App, MigrateDSN: d.Owner, Migrations: migrations.Postgres()}
	if _, err := Migrate(b.Context(), config); err != nil {
		b.Fatal(err)
	}
	for _, conns := range []int{1, 8, 64} {
		config.MaxConns = conns
		r, err := Open(b.Context(), storage.Schema(), config)
		if err != nil {
			b.Fatal(err)
		}
		if conns == 1 {
			for i := range benchUsers {
				n := graph.Node{Type: 1, ID: fmt.Sprint("u", i), Columns: make([]graph.Value, len(r.tables[1].info.Columns))}
				if _, err := r.Commit(b.Context(), graph.In("bench"), graph.Create{Node: n}); err != nil {
					b.Fatal(err)
				}
			}
		}
		theirs := pgbench(b, r, d, conns)
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			b.ReportAllocs()
			var next atomic.Int64
			var all sync.WaitGroup
			began := time.Now()
			for range conns {
				all.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						id := strconv.FormatInt(began.UnixNano()+i, 10)
						ops := exchange(r, b, id, fmt.Sprint("u", i%benchUsers), fmt.Appendf(nil, "%32s", id), began.Add(time.Hour))
						if _, err := r.Commit(b.Context(), graph.In("bench"), ops...); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			ours := float64(b.N) / time.Since(began).Seconds()
			b.ReportMetric(ours, "commits/s")
			b.ReportMetric(theirs, "pgbench/s")
			b.ReportMetric(ours/theirs, "ratio")
		})
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// pgbench runs the statements of exchange, with other values each time, and
// returns how many transactions there were in a second.
func pgbench(b *testing.B, r *Repository, d pgtest.Database, conns int) float64 {
	b.Helper()
	program, err := pgtest.Program("pgbench")
	if err != nil {
		b.Fatal(err)
	}
	ops := exchange(r, b, "@id", "@user", []byte("@hash"), time.Now().Add(time.Hour))
	w := &work{Repository: r, project: "bench", now: r.instant(), result: make(graph.Result, len(ops)), locks: locks(ops)}
	if !w.pipeline(ops) {
		b.Fatal("nothing to commit")
	}
	script := "\\set id random(1, 9000000000000000000)\n\\set user random(0, " + strconv.Itoa(benchUsers-1) + ")\n\\startpipeline\n"
	for _, q := range w.batch.QueuedQueries {
		script += regexp.MustCompile(`\$\d+`).ReplaceAllStringFunc(q.SQL, func(at string) string {
			n, _ := strconv.Atoi(at[1:])
			switch v := literal(q.Arguments[n-1]); v {
			case "'@id'":
				return "(:id)::text"
			case "'@user'":
				return "('u' || (:user)::text)"
			case literal([]byte("@hash")):
				return "convert_to(lpad((:id)::text, 32), 'UTF8')"
			default:
				return v
			}
		}) + ";\n"
	}
	script += "\\endpipeline\n"
	file := filepath.Join(b.TempDir(), "commit.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		b.Fatal(err)
	}
	out, err := exec.CommandContext(b.Context(), program, "-n", "-M", "prepared", "-c", strconv.Itoa(conns), "-j", "2", "-T", "5", "-f", file, d.App).CombinedOutput()
	if err != nil {
		b.Fatalf("pgbench: %v\n%s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), "tps = ")
	tps, err := strconv.ParseFloat(strings.Fields(rest + " none")[0], 64)
	if err != nil {
		b.Fatalf("pgbench said: %s", out)
	}
	return tps
}
