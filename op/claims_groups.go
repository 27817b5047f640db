package op

import (
	"context"
	"slices"

	"github.com/elloloop/identity/storage"
)

// maxGroupsClaim bounds the groups claim: a token has to fit into headers.
const maxGroupsClaim = 200

// personClaims are the claims of a person with the groups that they are in,
// themselves or by a group of theirs, nearest first.
func (op *Provider) personClaims(ctx context.Context, p *storage.Project, u *storage.User, sub string, scope []string, requested map[string]*claimRequest) (map[string]any, error) {
	out := userClaims(u, sub, scope, requested)
	req, asked := requested["groups"]
	byScope := slices.Contains(scope, scopeGroups)
	if !asked && !byScope { // most clients: nothing is read
		return out, nil
	}
	groups, _, err := op.store.GroupMembers.Effective(ctx, p.Scope(), u.ID, maxGroupsClaim)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	if len(names) > 0 && (byScope || req.wants(names)) {
		out["groups"] = names
	}
	return out, nil
}
