package admin

import (
	"context"
	"errors"
	"time"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// Keys sees and rotates the signing keys of projects.
type Keys interface {
	List(ctx context.Context, p *storage.Project) ([]Key, error)
	// Ensure makes the keys that a project lacks.
	Ensure(ctx context.Context, p *storage.Project) error
	// Rotate returns ErrKeyState, with a sentence, when it is too early.
	Rotate(ctx context.Context, p *storage.Project, actor, alg string, force bool, also storage.Change) ([]Rotation, error)
	// Revoke returns storage.ErrNotFound when the project has no such key.
	Revoke(ctx context.Context, p *storage.Project, actor, id string, also storage.Change) error
}

// ErrKeyState is what Rotate wraps when it is too early.
var ErrKeyState = errors.New("admin: the next key is too new")

// Key is what may be shown of a signing key.
type Key struct {
	ID, Alg                           string
	Status                            storage.KeyStatus
	CreatedAt, ActiveSince, ExpiresAt time.Time
}

// Rotation is what a rotation did to one alg: kids.
type Rotation struct{ Alg, Retiring, Active, Next string }

func (s *Server) keyTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.KeyService/ListKeys", s.listKeys),
		rpc(s, "/identity.admin.v1.KeyService/RotateKeys", s.rotateKeys),
		rpc(s, "/identity.admin.v1.KeyService/RevokeKey", s.revokeKey),
	}
}

func keyStatusMessage(k storage.KeyStatus) adminv1.KeyStatus {
	switch k {
	case storage.KeyNext:
		return adminv1.KeyStatus_KEY_STATUS_NEXT
	case storage.KeyActive:
		return adminv1.KeyStatus_KEY_STATUS_ACTIVE
	case storage.KeyRetiring:
		return adminv1.KeyStatus_KEY_STATUS_RETIRING
	case storage.KeyRetired:
		return adminv1.KeyStatus_KEY_STATUS_RETIRED
	case storage.KeyRevoked:
		return adminv1.KeyStatus_KEY_STATUS_REVOKED
	}
	return adminv1.KeyStatus_KEY_STATUS_UNSPECIFIED
}

func (s *Server) listKeys(ctx context.Context, c *call, _ *adminv1.ListKeysRequest) (*adminv1.ListKeysResponse, error) {
	keys, err := s.Keys.List(ctx, c.project)
	if err != nil {
		return nil, err
	}
	res := &adminv1.ListKeysResponse{}
	for _, k := range keys {
		res.Keys = append(res.Keys, &adminv1.Key{
			Id: k.ID, Alg: k.Alg, Status: keyStatusMessage(k.Status), CreatedAt: stamp(k.CreatedAt),
			ActiveSince: stamp(k.ActiveSince), ExpiresAt: stamp(k.ExpiresAt),
		})
	}
	return res, nil
}

func (s *Server) rotateKeys(ctx context.Context, c *call, req *adminv1.RotateKeysRequest) (*adminv1.RotateKeysResponse, error) {
	rotations, err := s.Keys.Rotate(ctx, c.project, c.caller.Actor, req.GetAlg(), req.GetForce(), s.event(c, "signing_key.rotation_asked", c.project.ID))
	if errors.Is(err, ErrKeyState) {
		return nil, forbidden("force", err.Error())
	}
	if errors.Is(err, storage.ErrConflict) {
		return nil, raced("the keys were rotated by another at the same moment: list them, and rotate again only if that is still wanted")
	}
	if err != nil {
		return nil, err
	}
	res := &adminv1.RotateKeysResponse{}
	for _, r := range rotations {
		res.Rotations = append(res.Rotations, &adminv1.KeyRotation{Alg: r.Alg, Retiring: r.Retiring, Active: r.Active, Next: r.Next})
	}
	return res, nil
}

func (s *Server) revokeKey(ctx context.Context, c *call, req *adminv1.RevokeKeyRequest) (*adminv1.RevokeKeyResponse, error) {
	err := s.Keys.Revoke(ctx, c.project, c.caller.Actor, req.GetKeyId(), s.event(c, "signing_key.revocation_asked", req.GetKeyId()))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notFound("key", req.GetKeyId())
	}
	if errors.Is(err, storage.ErrConflict) {
		return nil, raced("the keys were changed by another at the same moment: list them, and try again")
	}
	return &adminv1.RevokeKeyResponse{}, err
}
