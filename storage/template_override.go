package storage

import (
	"context"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// TemplateOverride is the own pages, letters, sentences and images of a project.
type TemplateOverride struct {
	Meta `json:"-"`

	Files map[string][]byte `json:"files"` // by name, such as html/identify.html
}

// templateOverrideID is the id of the one row that a project has.
const templateOverrideID = "files"

func (o *TemplateOverride) keys() (string, []graph.Value, time.Time) {
	return templateOverrideID, nil, time.Time{}
}

func (o *TemplateOverride) restore(n graph.Node) { o.Meta = meta(n) }

// TemplateOverrides keeps the own files of projects.
type TemplateOverrides struct{ repo graph.Repository }

// Get returns those of a project. ErrNotFound when it never had any.
func (s *TemplateOverrides) Get(ctx context.Context, scope Scope) (*TemplateOverride, error) {
	return get[TemplateOverride](ctx, s.repo, scope, typeTemplateOverride, templateOverrideID)
}

// Replace returns the change that puts these files into the place of those that
// were read. ErrConflict when somebody was faster. Without files the row stays, so
// that a version never stands for other files than it did.
func (s *TemplateOverrides) Replace(o *TemplateOverride) Change {
	if o.Version == 0 {
		return create(typeTemplateOverride, o)
	}
	return update(typeTemplateOverride, o, o.Version)
}
