package storage

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/elloloop/identity/storage/graph"
)

// FoldName returns the form of a name that is compared: without case, compatible
// characters alike (NFKC), single spaces.
func FoldName(name string) string {
	folded := cases.Fold().String(norm.NFKC.String(name))
	return strings.Join(strings.Fields(norm.NFKC.String(folded)), " ")
}

// UserOrder is the order of a search.
type UserOrder string

// The orders of a search.
const (
	ByCreated  UserOrder = "created"
	ByName     UserOrder = "name"
	ByEmail    UserOrder = "email"
	ByUsername UserOrder = "username"
)

// UserQuery asks for accounts.
type UserQuery struct {
	// Prefix keeps those whose name, mail address or username, whichever Order
	// says, begins with it. Mail addresses and usernames are compared normalised.
	Prefix string
	Status UserStatus
	Role   string
	Order  UserOrder // "": by created; by name when there is a Prefix
}

// maxSearched is how many accounts one call looks at: a rare status among
// millions of names costs no more than that.
const maxSearched = 2000

// UserDirectory finds accounts for those who administer them. What a call costs
// does not depend on how many accounts there are.
type UserDirectory struct{ repo graph.Repository }

// Search returns accounts in the order asked for. With more than one condition a
// page may be shorter than its limit, even empty, and yet have a next one.
func (s *UserDirectory) Search(ctx context.Context, scope Scope, uq UserQuery, p PageRequest) (List[User], error) {
	q, err := uq.query()
	if err != nil {
		return List[User]{}, err
	}
	q.Limit, q.After, q.Reverse = p.Limit, p.After, p.Reverse
	for seen := 0; ; {
		page, err := list[User](ctx, s.repo, scope, q)
		if err != nil {
			return List[User]{}, err
		}
		seen += len(page.Items)
		kept := page.Items[:0]
		for _, u := range page.Items {
			if (uq.Status == "" || u.Status == uq.Status) && (uq.Role == "" || u.Role == uq.Role) {
				kept = append(kept, u)
			}
		}
		if page.Items = kept; len(kept) > 0 || page.Next == "" || seen >= maxSearched {
			return page, nil
		}
		q.After = page.Next
	}
}

// query chooses the index: that of the order, or when the order is that of
// making, that of one of the conditions.
func (uq UserQuery) query() (graph.Query, error) {
	q := graph.Query{Type: typeUser}
	order := uq.Order
	if order == "" && uq.Prefix != "" {
		order = ByName
	}
	switch order {
	case ByName, ByEmail, ByUsername:
		q.Index, q.Prefix = string(order), uq.Prefix
		if order == ByName {
			q.Prefix = FoldName(uq.Prefix)
		}
		return q, nil
	case ByCreated, "":
	default:
		return q, fmt.Errorf("%w: order %q: want created, name, email or username", ErrInvalidArgument, uq.Order)
	}
	switch {
	case uq.Prefix != "":
		return q, fmt.Errorf("%w: a prefix needs an order by name, email or username", ErrInvalidArgument)
	case uq.Status != "":
		q.Index, q.Equal = "status", []graph.Value{graph.String(string(uq.Status))}
	case uq.Role != "":
		q.Index, q.Equal = "role", []graph.Value{graph.String(uq.Role)}
	default:
		q.Index = "created"
	}
	return q, nil
}

// ByExternalID returns the account that another system knows by this id.
func (s *UserDirectory) ByExternalID(ctx context.Context, scope Scope, externalID string) (*User, error) {
	return lookup[User](ctx, s.repo, scope, typeUser, "external_id", graph.String(externalID))
}
