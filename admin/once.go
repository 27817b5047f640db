package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"google.golang.org/protobuf/proto"

	"github.com/elloloop/identity/storage"
)

// outcome is how a creation ended: what its repetition is answered with.
type outcome struct {
	ID     string `json:"id"`
	Secret string `json:"secret,omitempty"`
}

// LogValue hides the secret.
func (o outcome) LogValue() slog.Value { return slog.StringValue(o.ID) }

// once is a creation with an idempotency key, or without one.
type once struct {
	s       *Server
	c       *call
	scope   storage.Scope
	key     string
	request storage.Digest
}

// LogValue hides the key and the request.
func (o *once) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// once begins a creation. The key belongs to the caller and to the procedure: the
// same one for another request is refused.
func (s *Server) once(c *call, scope storage.Scope, key string, req proto.Message) (*once, error) {
	o := &once{s: s, c: c, scope: scope, key: key}
	if key == "" {
		return o, nil
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	o.request = storage.DigestOf(string(req.ProtoReflect().Descriptor().FullName()) + " " + string(b))
	return o, err
}

// before returns how the same request ended before, nil when there was none.
func (o *once) before(ctx context.Context) (*outcome, error) {
	if o.key == "" {
		return nil, nil
	}
	b, err := o.s.Store.IdempotencyKeys.Outcome(ctx, o.scope, o.c.caller.Actor, o.key, o.request)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil
	case errors.Is(err, storage.ErrOtherRequest):
		return nil, taken("idempotency_key", "was used for another request")
	case err != nil:
		return nil, err
	}
	out := &outcome{}
	return out, json.Unmarshal(b, out)
}

// remember returns the changes that keep the outcome, for the commit of the creation.
func (o *once) remember(out outcome) ([]storage.Change, error) {
	if o.key == "" {
		return nil, nil
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return []storage.Change{o.s.Store.IdempotencyKeys.Remember(o.scope, o.c.caller.Actor, o.key, o.request, b, o.c.now)}, nil
}

// raced returns how the same request ended that was faster by a moment; nil when
// err has another reason.
func (o *once) raced(ctx context.Context, err error) (*outcome, error) {
	if o.key == "" || !errors.Is(err, storage.ErrAlreadyExists) {
		return nil, nil
	}
	return o.before(ctx)
}
