package op

import (
	"context"
	"errors"
	"time"

	"github.com/elloloop/identity/storage"
)

// useWrite is how seldom the use of a dynamic client is written down.
const useWrite = 24 * time.Hour

// keepClient lets the expiry of a dynamic client begin again: it was used, tokens
// were issued to it (S5-04). It runs after they were, in a commit of its own: of
// many requests at once one writes, the others lose the race and nothing else.
func (op *Provider) keepClient(ctx context.Context, p *storage.Project, c *storage.Client) {
	if !c.Dynamic || c.ExpiresAt.IsZero() {
		return
	}
	next, now := *c, op.now()
	if ttl := p.RegistrationUnusedTTL; ttl <= 0 { // the operator lets them stay now
		next.ExpiresAt = time.Time{}
	} else {
		next.ExpiresAt = now.Add(ttl).UTC().Truncate(time.Microsecond)
		if next.ExpiresAt.Sub(c.ExpiresAt) < min(useWrite, ttl/2) {
			return
		}
	}
	err := op.store.Clients.Replace(ctx, p.Scope(), &next, ClientOrigins(&next))
	op.clients.forget(p, c.ID)
	if err != nil && !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound) {
		op.log.WarnContext(ctx, "the use of a client can't be written down", "client_id", c.ID, "cause", err)
	}
}
