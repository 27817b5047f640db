package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// List implements graph.Repository.
func (r *Repository) List(ctx context.Context, s graph.Scope, q graph.Query) (page graph.Page, err error) {
	plan, err := r.catalog.Query(s, q)
	if err != nil {
		return graph.Page{}, err
	}
	err = r.view(ctx, s, func(p *project) error {
		if p != nil {
			page = p.list(plan, r.instant())
		}
		return nil
	})
	return page, err
}

func (p *project) list(plan *graph.Plan, now time.Time) graph.Page {
	var nodes []*graph.Node
	for at, n := range p.nodes {
		if at.t == plan.Type.ID && !expired(n, now) && p.matches(plan, n, now) {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *graph.Node) int {
		return compare(plan, pick(a.Columns, plan.Rest), a.ID, pick(b.Columns, plan.Rest), b.ID)
	})
	if after := plan.After; after != nil {
		nodes = slices.DeleteFunc(nodes, func(n *graph.Node) bool {
			return compare(plan, pick(n.Columns, plan.Rest), n.ID, after.Values, after.ID) <= 0
		})
	}
	var page graph.Page
	if len(nodes) > plan.Limit {
		nodes = nodes[:plan.Limit]
		page.Next = plan.Cursor(*nodes[plan.Limit-1])
	}
	for _, n := range nodes {
		page.Nodes = append(page.Nodes, clone(*n))
	}
	return page
}

// matches says whether a live node of the right type belongs to the query.
func (p *project) matches(plan *graph.Plan, n *graph.Node, now time.Time) bool {
	q := plan.Query
	switch {
	case plan.Edge != nil && q.From != "":
		_, linked := p.edges[edge{q.Edge, q.From, n.ID}]
		_, err := p.live(plan.Edge.From, q.From, now)
		return linked && err == nil
	case plan.Edge != nil:
		_, linked := p.edges[edge{q.Edge, n.ID, q.To}]
		_, err := p.live(plan.Edge.To, q.To, now)
		return linked && err == nil
	case plan.Index >= 0:
		at := plan.Type.IndexAt[plan.Index][:len(q.Equal)]
		return slices.Equal(pick(n.Columns, at), q.Equal) && (q.Prefix == "" || strings.HasPrefix(n.Columns[plan.Rest[0]].Text(), q.Prefix))
	}
	return true
}

// compare orders two positions as the plan wants them.
func compare(plan *graph.Plan, a []graph.Value, aID string, b []graph.Value, bID string) int {
	order := slices.CompareFunc(a, b, func(x, y graph.Value) int {
		return cmp.Or(cmp.Compare(x.Kind(), y.Kind()), cmp.Compare(x.Int(), y.Int()), cmp.Compare(x.Text(), y.Text()))
	})
	order = cmp.Or(order, cmp.Compare(aID, bID))
	if plan.Query.Reverse {
		return -order
	}
	return order
}
