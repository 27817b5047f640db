package storage_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/elloloop/identity/storage"
)

func group(t *testing.T, s *storage.Store, id string) {
	t.Helper()
	must(t, s.WorkingGroups.Create(t.Context(), scope, &storage.WorkingGroup{ID: id, Name: "Group " + id}))
}

func groupIDs(groups []*storage.WorkingGroup) []string {
	ids := []string{}
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestWorkingGroups(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		for _, id := range []string{"a", "b", "c", "d"} {
			group(t, s, id)
			must(t, s.Commit(t.Context(), scope, s.Users.Add(user("u-"+id))))
		}
		want(t, s.WorkingGroups.Create(t.Context(), scope, &storage.WorkingGroup{ID: "x", Name: " GROUP  A"}), storage.ErrAlreadyExists)
		want(t, s.WorkingGroups.Create(t.Context(), scope, &storage.WorkingGroup{ID: "x", Name: " "}), storage.ErrInvalidArgument)
		if g, err := s.WorkingGroups.ByName(t.Context(), scope, "group A"); err != nil || g.ID != "a" {
			t.Errorf("got %v %v", g, err)
		}
		g, err := s.WorkingGroups.Get(t.Context(), scope, "a")
		must(t, err)
		stale := *g
		g.ExternalID = "ext"
		must(t, s.WorkingGroups.Update(t.Context(), scope, g))
		want(t, s.WorkingGroups.Update(t.Context(), scope, &stale), storage.ErrConflict)
		if g, err = s.WorkingGroups.ByExternalID(t.Context(), scope, "ext"); err != nil || g.ID != "a" {
			t.Errorf("got %v %v", g, err)
		}
		if l, err := s.WorkingGroups.List(t.Context(), scope, "GROUP", storage.PageRequest{}); err != nil || len(l.Items) != 4 {
			t.Errorf("got %d %v", len(l.Items), err)
		}
		// d is inside c, c inside b and a.
		for _, e := range [][2]string{{"a", "c"}, {"b", "c"}, {"c", "d"}, {"c", "d"}} {
			must(t, s.Subgroups.Add(t.Context(), scope, e[0], e[1]))
		}
		for _, e := range [][2]string{{"a", "a"}, {"d", "a"}, {"c", "a"}, {"d", "c"}} {
			want(t, s.Subgroups.Add(t.Context(), scope, e[0], e[1]), storage.ErrCycle)
		}
		want(t, s.Subgroups.Add(t.Context(), scope, "a", "none"), storage.ErrNotFound)
		want(t, s.GroupMembers.Add(t.Context(), scope, "a", "nobody"), storage.ErrNotFound)
		must(t, s.GroupMembers.Add(t.Context(), scope, "d", "u-a"))
		must(t, s.GroupMembers.Add(t.Context(), scope, "a", "u-a"))
		must(t, s.GroupMembers.Add(t.Context(), scope, "a", "u-b"))
		effective := func(limit int) ([]string, bool) {
			t.Helper()
			groups, all, err := s.GroupMembers.Effective(t.Context(), scope, "u-a", limit)
			must(t, err)
			return groupIDs(groups), all
		}
		if got, all := effective(10); !all || !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("got %v %v", got, all)
		}
		if got, all := effective(4); !all || len(got) != 4 {
			t.Errorf("got %v %v", got, all)
		}
		if got, all := effective(3); all || len(got) != 3 {
			t.Errorf("got %v %v", got, all)
		}
		if l, err := s.GroupMembers.OfGroup(t.Context(), scope, "a", storage.PageRequest{}); err != nil || len(l.Items) != 2 {
			t.Errorf("got %d %v", len(l.Items), err)
		}
		if l, err := s.GroupMembers.OfUser(t.Context(), scope, "u-a", storage.PageRequest{}); err != nil || !slices.Equal(groupIDs(l.Items), []string{"a", "d"}) {
			t.Errorf("got %v %v", groupIDs(l.Items), err)
		}
		children, err := s.Subgroups.Children(t.Context(), scope, "a", storage.PageRequest{})
		must(t, err)
		parents, err := s.Subgroups.Parents(t.Context(), scope, "c", storage.PageRequest{})
		if err != nil || !slices.Equal(groupIDs(children.Items), []string{"c"}) || !slices.Equal(groupIDs(parents.Items), []string{"a", "b"}) {
			t.Errorf("got %v %v", groupIDs(children.Items), groupIDs(parents.Items))
		}
		must(t, s.WorkingGroups.Delete(t.Context(), scope, "c"))
		if got, all := effective(10); !all || !slices.Equal(got, []string{"a", "d"}) {
			t.Errorf("a deleted group is still between: %v", got)
		}
		must(t, s.Subgroups.Add(t.Context(), scope, "d", "a"))
		must(t, s.Subgroups.Remove(t.Context(), scope, "d", "a"))
		want(t, s.Subgroups.Remove(t.Context(), scope, "d", "a"), storage.ErrNotFound)
		must(t, s.GroupMembers.Remove(t.Context(), scope, "a", "u-a"))
		want(t, s.GroupMembers.Remove(t.Context(), scope, "a", "u-a"), storage.ErrNotFound)
		if groups, _, err := s.GroupMembers.Effective(t.Context(), storage.In("other"), "u-a", 10); err != nil || len(groups) != 0 {
			t.Errorf("another project sees %d groups, %v", len(groups), err)
		}
	})
}

// TestSubgroupRace: groups are put into each other in every direction at once, and
// no two additions make a cycle together.
func TestSubgroupRace(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		const n = 5
		for i := range n {
			group(t, s, fmt.Sprint(i))
		}
		race(t, func(i int) error {
			return s.Subgroups.Add(context.Background(), scope, fmt.Sprint(i%n), fmt.Sprint((i*7/n+1+i%n)%n))
		}, storage.ErrCycle, storage.ErrConflict)
		edges := 0
		for i := range n {
			id := fmt.Sprint(i)
			above := map[string]bool{}
			for next := []string{id}; len(next) > 0; next = next[1:] {
				l, err := s.Subgroups.Parents(t.Context(), scope, next[0], storage.PageRequest{})
				must(t, err)
				for _, g := range l.Items {
					if g.ID == id {
						t.Fatalf("group %s is inside itself", id)
					}
					edges++
					if !above[g.ID] {
						above[g.ID] = true
						next = append(next, g.ID)
					}
				}
			}
		}
		if edges == 0 {
			t.Error("nothing was added")
		}
	})
}
