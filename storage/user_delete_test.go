package storage_test

import (
	"slices"
	"testing"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
)

// TestUserDeleteEverything: whatever type has a user_id, its rows go with their
// account, and nobody else's. A code that was sent to a phone is found by no index
// of people; it ends within minutes, and is good for nothing without the account.
func TestUserDeleteEverything(t *testing.T) {
	const phoneVerificationCode graph.TypeID = 39
	repo := memory.Open(storage.Schema(), memory.Config{})
	s := storage.New(repo, ring(t, key("k", 7)))
	owned := 0
	for _, u := range []string{"going", "staying"} {
		must(t, s.Commit(t.Context(), scope, s.Users.Add(user(u))))
		for _, ty := range storage.Schema().Types {
			col := slices.IndexFunc(ty.Columns, func(c graph.Column) bool { return c.Name == "user_id" })
			if col < 0 {
				continue
			}
			owned++
			n := graph.Node{Type: ty.ID, ID: u, Columns: make([]graph.Value, len(ty.Columns)), Data: []byte("{}")}
			n.Columns[col] = graph.String(u)
			_, err := repo.Commit(t.Context(), scope, graph.Create{Node: n})
			must(t, err)
		}
	}
	if owned < 20 {
		t.Fatalf("only %d types belong to people", owned/2)
	}
	must(t, s.Users.Delete(t.Context(), scope, "going"))
	for _, ty := range storage.Schema().Types {
		if ty.ID == phoneVerificationCode || !slices.ContainsFunc(ty.Columns, func(c graph.Column) bool { return c.Name == "user_id" }) {
			continue
		}
		if _, err := repo.Get(t.Context(), scope, ty.ID, "going"); err == nil {
			t.Errorf("%s outlives its account", ty.Name)
		}
		if _, err := repo.Get(t.Context(), scope, ty.ID, "staying"); err != nil {
			t.Errorf("%s of another account: %v", ty.Name, err)
		}
	}
}
