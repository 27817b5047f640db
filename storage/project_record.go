package storage

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// ProjectStatus says what a project may do.
type ProjectStatus string

// The statuses of a project.
const (
	ProjectActive   ProjectStatus = "active"
	ProjectDisabled ProjectStatus = "disabled" // answers nobody, keeps everything
	ProjectDeleting ProjectStatus = "deleting" // answers nobody, is being removed
	ProjectDeleted  ProjectStatus = "deleted"  // nothing is left but the id, which is never used again: its issuer is known to clients
)

// ProjectRecord is a project as it is stored: what it does otherwise than the
// process would by itself.
type ProjectRecord struct {
	ID   string `json:"-"` // lower-case letters, digits and hyphens
	Meta `json:"-"`

	Name        string          `json:"name"`
	Status      ProjectStatus   `json:"status"`
	Settings    ProjectSettings `json:"settings"`
	PrimaryHost string          `json:"primary_host,omitempty"` // of its verified domains: there can't be two
	// PrimaryAssumed: nobody has proven that host.
	PrimaryAssumed bool `json:"primary_assumed,omitempty"`

	CreatedOrder int64 `json:"created"` // microseconds since 1970; orders lists
}

func (p *ProjectRecord) keys() (string, []graph.Value, time.Time) {
	return p.ID, []graph.Value{graph.String(string(p.Status)), graph.Int64(p.CreatedOrder)}, time.Time{}
}

// Host is the one that the project's issuer and links are made with, "" for none. A
// host that was assumed counts where the deployment asks for no proof.
func (p *ProjectRecord) Host(assume bool) string {
	if p.PrimaryAssumed && !assume {
		return ""
	}
	return p.PrimaryHost
}

func (p *ProjectRecord) restore(n graph.Node) { p.ID, p.Meta = n.ID, meta(n) }

var projectID = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// maxProjectName is in bytes.
const maxProjectName = 200

func (p *ProjectRecord) check() error {
	switch {
	case !projectID.MatchString(p.ID):
		return fmt.Errorf("%w: project id %q: want 1 to 63 of a-z, 0-9 and -", ErrInvalidArgument, p.ID)
	case len(p.Name) > maxProjectName:
		return fmt.Errorf("%w: name: at most %d bytes", ErrInvalidArgument, maxProjectName)
	case p.Status != ProjectActive && p.Status != ProjectDisabled:
		return fmt.Errorf("%w: status %q: want active or disabled", ErrInvalidArgument, p.Status)
	}
	return p.Settings.check()
}

// ControlScope is the scope of what is above the projects, such as the audit
// events of operators.
func ControlScope() Scope { return controlScope }

// Projects keeps the projects. What is committed with their changes is committed
// in ControlScope.
type Projects struct{ repo graph.Repository }

// Create stores a new project. ErrAlreadyExists when the id was ever used.
func (s *Projects) Create(ctx context.Context, p *ProjectRecord, also ...Change) error {
	if err := p.check(); err != nil {
		return err
	}
	return s.store(ctx, p, create(typeProject, p), also)
}

// Get returns a project, also one that is being removed. ErrNotFound once it is.
func (s *Projects) Get(ctx context.Context, id string) (*ProjectRecord, error) {
	p, err := get[ProjectRecord](ctx, s.repo, controlScope, typeProject, id)
	if err == nil && p.Status == ProjectDeleted {
		return nil, ErrNotFound
	}
	return p, err
}

// Update stores a changed project. ErrConflict when it was changed since it was
// read.
func (s *Projects) Update(ctx context.Context, p *ProjectRecord, also ...Change) error {
	if err := p.check(); err != nil {
		return err
	}
	return s.store(ctx, p, update(typeProject, p, p.Version), also)
}

// List returns the projects of a status, of all that are left when it is "", in
// the order in which they were made.
func (s *Projects) List(ctx context.Context, status ProjectStatus, p PageRequest) (List[ProjectRecord], error) {
	q := graph.Query{Type: typeProject, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse}
	if status != "" {
		q.Index, q.Equal = "status", []graph.Value{graph.String(string(status))}
	}
	l, err := list[ProjectRecord](ctx, s.repo, controlScope, q)
	left := l.Items[:0]
	for _, v := range l.Items {
		if v.Status != ProjectDeleted || status == ProjectDeleted {
			left = append(left, v)
		}
	}
	l.Items = left
	return l, err
}

// Delete begins to remove a project: from now on it answers nobody, its hosts and
// credentials are gone, and Purge removes the rest. Nothing brings it back.
func (s *Projects) Delete(ctx context.Context, p *ProjectRecord, also ...Change) error {
	next := *p
	next.Status, next.PrimaryHost, next.PrimaryAssumed = ProjectDeleting, "", false
	owner := graph.String(p.ID)
	err := s.store(ctx, &next, update(typeProject, &next, p.Version), append([]Change{
		removeBy(typeProjectDomain, "owner", owner), removeBy(typeProjectCredential, "owner", owner),
	}, also...))
	if err == nil {
		*p = next
	}
	return err
}

// Purge removes up to limit things of a project that is being removed, and says
// whether nothing is left. It is called until then, by any replica, from the
// start or after a crash. Called again for a removed project it removes what a
// replica that did not know yet has written since.
func (s *Projects) Purge(ctx context.Context, id string, limit int) (bool, error) {
	p, err := get[ProjectRecord](ctx, s.repo, controlScope, typeProject, id)
	if err != nil {
		return false, err
	}
	if p.Status != ProjectDeleting && p.Status != ProjectDeleted {
		return false, fmt.Errorf("%w: project %s is %s, it is not being removed", ErrInvalidArgument, id, p.Status)
	}
	types := []graph.TypeID{0} // counters
	for _, t := range Schema().Types {
		types = append(types, t.ID)
	}
	for _, t := range types {
		res, err := s.repo.Commit(ctx, In(id), graph.Purge{Type: t, Limit: min(limit, graph.MaxLimit)})
		if err != nil {
			return false, err
		}
		if limit -= int(res[0].Count); limit <= 0 {
			return false, nil // whether something is left says the next call
		}
	}
	if p.Status == ProjectDeleted {
		return true, nil
	}
	gone := &ProjectRecord{ID: id, Status: ProjectDeleted, CreatedOrder: p.CreatedOrder}
	err = s.store(ctx, gone, update(typeProject, gone, p.Version), nil)
	if errors.Is(err, ErrConflict) { // another replica did it
		err = nil
	}
	return err == nil, err
}

func (s *Projects) store(ctx context.Context, p *ProjectRecord, c Change, also []Change) error {
	res, err := commit(ctx, s.repo, controlScope, append([]Change{c}, also...))
	if err == nil {
		p.Meta = meta(res[0].Node)
	}
	return err
}
