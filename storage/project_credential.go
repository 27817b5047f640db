package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// CredentialKind says what a project credential is good for.
type CredentialKind string

// The kinds of project credential.
const (
	CredentialPublishable CredentialKind = "publishable" // names the project (X-Project-Key); may be in a web page
	CredentialSecret      CredentialKind = "secret"      // administers the project
	CredentialDirectory   CredentialKind = "directory"   // provisions users and groups
)

// prefix makes a leaked credential recognisable.
func (k CredentialKind) prefix() string {
	switch k {
	case CredentialPublishable:
		return "idpk_"
	case CredentialSecret:
		return "idsk_"
	case CredentialDirectory:
		return "iddk_"
	}
	return ""
}

// ProjectCredential is a key of a project. The key itself is not stored.
type ProjectCredential struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	SecretHash Digest         `json:"secret_hash"`
	ProjectID  string         `json:"project_id"`
	Kind       CredentialKind `json:"kind"`
	Name       string         `json:"name,omitempty"` // for people
	LastUsed   time.Time      `json:"last_used,omitzero"`
	ExpiresAt  time.Time      `json:"-"` // zero: never

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (c *ProjectCredential) keys() (string, []graph.Value, time.Time) {
	return c.ID, []graph.Value{graph.Binary(c.SecretHash[:]), graph.String(c.ProjectID), graph.Int64(c.CreatedOrder)}, c.ExpiresAt
}

func (c *ProjectCredential) restore(n graph.Node) {
	c.ID, c.Meta, c.ExpiresAt = n.ID, meta(n), n.ExpiresAt
}

// credentialUseStep is how exact LastUsed is: a write for each use would cost
// more than it tells.
const credentialUseStep = time.Hour

// ProjectCredentials keeps the keys of projects.
type ProjectCredentials struct{ repo graph.Repository }

// Issue makes a key for c.ProjectID, stores its digest and returns the key, which
// nobody can read again.
func (s *ProjectCredentials) Issue(ctx context.Context, c *ProjectCredential, also ...Change) (string, error) {
	if c.Kind.prefix() == "" {
		return "", fmt.Errorf("%w: kind %q: want publishable, secret or directory", ErrInvalidArgument, c.Kind)
	}
	secret := c.Kind.prefix() + NewSecret()
	c.ID, c.SecretHash = NewID(), DigestOf(secret)
	res, err := commit(ctx, s.repo, controlScope, append([]Change{
		create(typeProjectCredential, c), {op: graph.Check{Type: typeProject, ID: c.ProjectID}},
	}, also...))
	if err != nil {
		return "", err
	}
	c.Meta = meta(res[0].Node)
	return secret, nil
}

// BySecret returns the live credential of a key.
func (s *ProjectCredentials) BySecret(ctx context.Context, d Digest) (*ProjectCredential, error) {
	return lookup[ProjectCredential](ctx, s.repo, controlScope, typeProjectCredential, "secret_hash", graph.Binary(d[:]))
}

// Touch remembers that a credential was used, at most once an hour.
func (s *ProjectCredentials) Touch(ctx context.Context, c *ProjectCredential, now time.Time) error {
	if now.Sub(c.LastUsed) < credentialUseStep {
		return nil
	}
	next := *c
	next.LastUsed = now
	_, err := commit(ctx, s.repo, controlScope, []Change{update(typeProjectCredential, &next, c.Version)})
	if errors.Is(err, ErrConflict) { // another use was remembered
		return nil
	}
	return unlessGone(err)
}

// Revoke ends a credential of a project. ErrNotFound when the project has none
// of this id.
func (s *ProjectCredentials) Revoke(ctx context.Context, projectID, id string, also ...Change) error {
	c, err := get[ProjectCredential](ctx, s.repo, controlScope, typeProjectCredential, id)
	if err != nil {
		return err
	}
	if c.ProjectID != projectID {
		return ErrNotFound
	}
	_, err = commit(ctx, s.repo, controlScope, append([]Change{remove(typeProjectCredential, id)}, also...))
	return err
}

// OfProject lists the credentials of a project, oldest first.
func (s *ProjectCredentials) OfProject(ctx context.Context, projectID string, p PageRequest) (List[ProjectCredential], error) {
	return list[ProjectCredential](ctx, s.repo, controlScope, graph.Query{
		Type: typeProjectCredential, Index: "owner", Equal: []graph.Value{graph.String(projectID)}, Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
