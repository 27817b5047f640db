package op

import "context"

// Watch drops what is cached of clients, keys and secrets as it is changed, by
// this process or another, until ctx ends. Without it a change is seen when the
// short life of what is cached ends.
func (op *Provider) Watch(ctx context.Context) error {
	notices, err := op.store.Watch(ctx)
	if err != nil {
		return err
	}
	for n := range notices {
		op.clients.invalidate(n)
		op.rotation.invalidate(n)
		op.keys.Invalidate(n)
	}
	return ctx.Err()
}
