package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/elloloop/identity/storage/graph"
)

// GroupMembers keeps who is in which group.
type GroupMembers struct{ repo graph.Repository }

// Add puts a person into a group. Being there already is no error; ErrNotFound
// when the group or the person is missing.
func (s *GroupMembers) Add(ctx context.Context, scope Scope, groupID, userID string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{{op: graph.Link{Edge: edgeGroupMember, From: groupID, To: userID}}}, also...))
	return err
}

// Remove takes a person out of a group. ErrNotFound when they are not in it.
func (s *GroupMembers) Remove(ctx context.Context, scope Scope, groupID, userID string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{{op: graph.Unlink{Edge: edgeGroupMember, From: groupID, To: userID}}}, also...))
	return err
}

// OfGroup lists the people who are in a group themselves.
func (s *GroupMembers) OfGroup(ctx context.Context, scope Scope, groupID string, p PageRequest) (List[User], error) {
	return list[User](ctx, s.repo, scope, graph.Query{Type: typeUser, Edge: edgeGroupMember, From: groupID, Limit: p.Limit, After: p.After, Reverse: p.Reverse})
}

// OfUser lists the groups that a person is in themselves.
func (s *GroupMembers) OfUser(ctx context.Context, scope Scope, userID string, p PageRequest) (List[WorkingGroup], error) {
	return list[WorkingGroup](ctx, s.repo, scope, graph.Query{Type: typeWorkingGroup, Edge: edgeGroupMember, To: userID, Limit: p.Limit, After: p.After, Reverse: p.Reverse})
}

// Effective returns up to limit groups that a person is in, themselves or because
// a group of theirs is inside another, nearest first, and whether those are all.
func (s *GroupMembers) Effective(ctx context.Context, scope Scope, userID string, limit int) (groups []*WorkingGroup, all bool, err error) {
	own := graph.Query{Type: typeWorkingGroup, Edge: edgeGroupMember, To: userID}
	return climb(ctx, s.repo, scope, own, limit)
}

// climb returns up to limit groups: those that q finds, then those that they are
// inside of, and so on.
func climb(ctx context.Context, repo graph.Repository, scope Scope, q graph.Query, limit int) (groups []*WorkingGroup, all bool, err error) {
	seen := map[string]bool{}
	for next := 0; ; next++ {
		for q.Limit = graph.MaxLimit; ; {
			page, err := list[WorkingGroup](ctx, repo, scope, q)
			if err != nil {
				return nil, false, err
			}
			for _, g := range page.Items {
				if seen[g.ID] {
					continue
				}
				if len(groups) == limit {
					return groups, false, nil
				}
				seen[g.ID] = true
				groups = append(groups, g)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if next == len(groups) {
			return groups, true, nil
		}
		q = graph.Query{Type: typeWorkingGroup, Edge: edgeSubgroup, To: groups[next].ID}
	}
}

// ErrCycle: a group would be inside itself.
var ErrCycle = fmt.Errorf("%w: the group would be inside itself", ErrInvalidArgument)

// maxAncestors is how many groups one may be inside of.
const maxAncestors = 1000

// Subgroups keeps which group is inside which.
type Subgroups struct{ repo graph.Repository }

// Add puts a group into another. ErrCycle when that is inside it, or is it.
// Additions in a project happen one after the other: each changes a row of its
// own, and is tried again when another was faster, so that no two of them make a
// cycle together that neither makes alone.
func (s *Subgroups) Add(ctx context.Context, scope Scope, parentID, childID string, also ...Change) error {
	if parentID == childID {
		return ErrCycle
	}
	for range maxTurns {
		turn, err := s.turn(ctx, scope)
		if err != nil {
			return err
		}
		above, all, err := climb(ctx, s.repo, scope, graph.Query{Type: typeWorkingGroup, Edge: edgeSubgroup, To: parentID}, maxAncestors)
		if err != nil {
			return err
		}
		if !all {
			return fmt.Errorf("%w: the group is inside more than %d others", ErrInvalidArgument, maxAncestors)
		}
		if slices.ContainsFunc(above, func(g *WorkingGroup) bool { return g.ID == childID }) {
			return ErrCycle
		}
		_, err = commit(ctx, s.repo, scope, append([]Change{turn, {op: graph.Link{Edge: edgeSubgroup, From: parentID, To: childID}}}, also...))
		if e := (*graph.OpError)(nil); !errors.As(err, &e) || e.Index != 0 { // else another was faster
			return err
		}
	}
	return ErrConflict
}

// maxTurns is how often an addition is tried again.
const maxTurns = 30

// turnName is the row, among the leases of the project, whose version orders the
// additions. Nobody holds it.
const turnName = "subgroups"

// turn reads that row and returns the change that only the first to commit it
// succeeds with.
func (s *Subgroups) turn(ctx context.Context, scope Scope) (Change, error) {
	l, err := get[Lease](ctx, s.repo, scope, typeLease, turnName)
	if errors.Is(err, ErrNotFound) {
		return create(typeLease, &Lease{Name: turnName}), nil
	}
	if err != nil {
		return Change{}, err
	}
	return update(typeLease, l, l.Version), nil
}

// Remove takes a group out of another. ErrNotFound when it is not in it.
func (s *Subgroups) Remove(ctx context.Context, scope Scope, parentID, childID string, also ...Change) error {
	_, err := commit(ctx, s.repo, scope, append([]Change{{op: graph.Unlink{Edge: edgeSubgroup, From: parentID, To: childID}}}, also...))
	return err
}

// Children lists the groups that are directly inside a group.
func (s *Subgroups) Children(ctx context.Context, scope Scope, groupID string, p PageRequest) (List[WorkingGroup], error) {
	return list[WorkingGroup](ctx, s.repo, scope, graph.Query{Type: typeWorkingGroup, Edge: edgeSubgroup, From: groupID, Limit: p.Limit, After: p.After, Reverse: p.Reverse})
}

// Parents lists the groups that a group is directly inside of.
func (s *Subgroups) Parents(ctx context.Context, scope Scope, groupID string, p PageRequest) (List[WorkingGroup], error) {
	return list[WorkingGroup](ctx, s.repo, scope, graph.Query{Type: typeWorkingGroup, Edge: edgeSubgroup, To: groupID, Limit: p.Limit, After: p.After, Reverse: p.Reverse})
}
