package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/sqlite"
)

// cpu is the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured runs f and reports the processor time of one operation beside the
// wall time, which is mostly the disk's.
func measured(b *testing.B, f func()) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	f()
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N)/1000, "cpu-µs/op")
}

// BenchmarkCommit commits what a code exchange does: take one node, create two.
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct {
		name    string
		config  sqlite.Config
		writers int
	}{
		{"memory/writers=1", sqlite.Config{Path: ":memory:"}, 1},
		{"FULL/writers=1", sqlite.Config{Synchronous: "FULL"}, 1},
		{"FULL/writers=8", sqlite.Config{Synchronous: "FULL"}, 8},
		{"FULL/writers=64", sqlite.Config{Synchronous: "FULL"}, 64},
		{"NORMAL/writers=1", sqlite.Config{Synchronous: "NORMAL"}, 1},
		{"NORMAL/writers=8", sqlite.Config{Synchronous: "NORMAL"}, 8},
		{"NORMAL/writers=64", sqlite.Config{Synchronous: "NORMAL"}, 64},
	} {
		b.Run(c.name, func(b *testing.B) {
			config := c.config
			if config.Path == "" { // a new file for each size of b.N
				config.Path = filepath.Join(b.TempDir(), "graph.db")
			}
			r := open(b, config)
			defer r.Close()
			scope := graph.In("bench")
			ops := make([][]graph.Op, b.N)
			for from := 0; from < b.N; from += 200 {
				var seed []graph.Op
				for i := from; i < min(from+200, b.N); i++ {
					code := node(i)
					ops[i] = []graph.Op{graph.Take{Type: graphtest.Ticket, ID: code.ID}, graph.Create{Node: node(-1 - 2*i)}, graph.Create{Node: node(-2 - 2*i)}}
					seed = append(seed, graph.Create{Node: code})
				}
				if _, err := r.Commit(b.Context(), scope, seed...); err != nil {
					b.Fatal(err)
				}
			}
			measured(b, func() {
				var next atomic.Int64
				var writers sync.WaitGroup
				for range c.writers {
					writers.Go(func() {
						for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
							if _, err := r.Commit(b.Context(), scope, ops[i]...); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				writers.Wait()
			})
		})
	}
}

// node is a ticket with 400 bytes of data, as codes and tokens have.
func node(i int) graph.Node {
	return graph.Node{
		Type: graphtest.Ticket, ID: uuid.Must(uuid.NewV7()).String(), Data: make([]byte, 400), ExpiresAt: time.Now().Add(time.Hour),
		Columns: []graph.Value{graph.Binary(fmt.Appendf(nil, "%032d", i)), graph.String(fmt.Sprintf("family-%d", i%1000))},
	}
}

func BenchmarkRead(b *testing.B) {
	for _, path := range []string{"memory", "file"} {
		config := sqlite.Config{Path: ":memory:"}
		if path == "file" {
			config.Path = filepath.Join(b.TempDir(), "graph.db")
		}
		r := open(b, config)
		defer r.Close()
		scope := graph.In("bench")
		for from := range 50 {
			var seed []graph.Op
			for i := range 200 {
				seed = append(seed, graph.Create{Node: node(from*200 + i)})
			}
			if _, err := r.Commit(b.Context(), scope, seed...); err != nil {
				b.Fatal(err)
			}
		}
		read := func(name string, f func(i int) error) {
			b.Run(name+"/"+path, func(b *testing.B) {
				measured(b, func() {
					for i := range b.N {
						if err := f(i); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
		}
		read("Lookup", func(i int) error {
			_, err := r.Lookup(b.Context(), scope, graph.Key{Type: graphtest.Ticket, Name: "hash", Values: []graph.Value{graph.Binary(fmt.Appendf(nil, "%032d", i%10_000))}})
			return err
		})
		read("List10", func(i int) error {
			_, err := r.List(b.Context(), scope, graph.Query{Type: graphtest.Ticket, Index: "family", Equal: []graph.Value{graph.String(fmt.Sprintf("family-%d", i%1000))}})
			return err
		})
		read("List50", func(int) error {
			_, err := r.List(b.Context(), scope, graph.Query{Type: graphtest.Ticket})
			return err
		})
	}
}
