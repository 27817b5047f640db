package storage_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/sqlite"
)

// BenchmarkUserDirectory reads a page of 50 accounts of a thousand and of a
// million: by the order of making, by a prefix, from the middle, by a status.
func BenchmarkUserDirectory(b *testing.B) {
	for _, size := range []int{1_000, 1_000_000} {
		repo, err := sqlite.Open(b.Context(), storage.Schema(), sqlite.Config{Path: filepath.Join(b.TempDir(), "i.db"), AutoMigrate: true, Synchronous: "NORMAL"})
		if err != nil {
			b.Fatal(err)
		}
		s := storage.New(repo, ring(b, key("k", 7)))
		const batch = 1000
		for from := 0; from < size; from += batch {
			changes := make([]storage.Change, batch)
			for i := range changes {
				n := from + i
				u := user(fmt.Sprintf("u%07d", n))
				u.Name, u.Username, u.UsernameKey, u.CreatedOrder, u.Role = fmt.Sprintf("Name %07d of a person", n), u.ID, u.ID, int64(from+i), "member"
				if n%2 == 0 {
					u.Status = storage.UserSuspended
				}
				changes[i] = s.Users.Add(u)
			}
			if err := s.Commit(b.Context(), scope, changes...); err != nil {
				b.Fatal(err)
			}
		}
		for name, q := range map[string]storage.UserQuery{
			"created": {}, "name": {Order: storage.ByName}, "status": {Status: storage.UserSuspended},
			"prefix": {Prefix: "NAME 00004"}, "email-prefix": {Order: storage.ByEmail, Prefix: "u00004"}, "prefix-and-status": {Prefix: "name 0000", Status: storage.UserSuspended},
		} {
			b.Run(fmt.Sprintf("%s/users=%d", name, size), func(b *testing.B) {
				p := storage.PageRequest{Limit: 50}
				l, err := s.UserDirectory.Search(b.Context(), scope, q, p)
				if err != nil || len(l.Items) == 0 {
					b.Fatal(len(l.Items), err)
				}
				p.After = l.Next // not the first page
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.UserDirectory.Search(b.Context(), scope, q, p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		if err := repo.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
