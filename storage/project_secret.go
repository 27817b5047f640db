package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// projectSecret is a random key of a project, made once, sealed, shared by all
// replicas.
type projectSecret struct {
	id     string
	Sealed []byte `json:"sealed"`
}

func (p *projectSecret) keys() (string, []graph.Value, time.Time) { return p.id, nil, time.Time{} }
func (p *projectSecret) restore(n graph.Node)                     { p.id = n.ID }

// ProjectSecrets keeps the random keys of a project, by name.
type ProjectSecrets struct {
	repo graph.Repository
	keys *Keyring
}

// Get returns the 32 bytes of this name, and makes them the first time.
// However many processes ask at once, all get the same.
func (s *ProjectSecrets) Get(ctx context.Context, scope Scope, name string) ([]byte, error) {
	for range 2 {
		p, err := get[projectSecret](ctx, s.repo, scope, typeProjectSecret, name)
		if err == nil {
			return s.keys.Open(p.Sealed, scope.Project(), "ProjectSecret", name)
		}
		if !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // never fails: crypto/rand ends the process instead
		_, err = commit(ctx, s.repo, scope, []Change{create(typeProjectSecret, &projectSecret{
			id: name, Sealed: s.keys.Seal(fresh, scope.Project(), "ProjectSecret", name),
		})})
		if err == nil {
			return fresh, nil
		}
		if !errors.Is(err, ErrAlreadyExists) { // else somebody was faster: read theirs
			return nil, err
		}
	}
	return nil, ErrConflict
}

// Has says whether there are bytes of this name, and makes none.
func (s *ProjectSecrets) Has(ctx context.Context, scope Scope, name string) (bool, error) {
	_, err := get[projectSecret](ctx, s.repo, scope, typeProjectSecret, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
