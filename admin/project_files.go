package admin

import (
	"context"
	"errors"
	"strconv"
	"strings"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Pages tries files before they are a project's own.
type Pages interface {
	// Try draws everything with the files. base is the path of the project's issuer.
	// A *templates.OwnError says what is wrong.
	Try(files map[string][]byte, base string) error
}

// projectFiles are those that there are, of version 0 where there never were any.
func (s *Server) projectFiles(ctx context.Context, c *call) (*storage.TemplateOverride, error) {
	own, err := s.Store.TemplateOverrides.Get(ctx, c.project.Scope())
	if errors.Is(err, storage.ErrNotFound) {
		return &storage.TemplateOverride{}, nil
	}
	return own, err
}

func filesEtag(own *storage.TemplateOverride) string {
	if own.Version == 0 {
		return ""
	}
	return etagOf(own.Version)
}

func (s *Server) getProjectFiles(ctx context.Context, c *call, _ *adminv1.GetProjectFilesRequest) (*adminv1.GetProjectFilesResponse, error) {
	own, err := s.projectFiles(ctx, c)
	if err != nil {
		return nil, err
	}
	return &adminv1.GetProjectFilesResponse{Files: own.Files, Etag: filesEtag(own)}, nil
}

func (s *Server) replaceProjectFiles(ctx context.Context, c *call, req *adminv1.ReplaceProjectFilesRequest) (*adminv1.ReplaceProjectFilesResponse, error) {
	own, err := s.projectFiles(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := current(req.GetEtag(), own.Version); err != nil {
		return nil, err
	}
	if len(req.GetFiles()) == 0 && own.Version == 0 {
		return &adminv1.ReplaceProjectFilesResponse{}, nil
	}
	_, rest, _ := strings.Cut(c.project.Issuer, "://")
	_, base, below := strings.Cut(rest, "/")
	if below {
		base = "/" + base
	}
	err = s.Pages.Try(req.GetFiles(), base)
	var bad *templates.OwnError
	if errors.As(err, &bad) {
		return nil, invalid("files", bad.Error())
	}
	if err != nil {
		return nil, err
	}
	own.Files = req.GetFiles()
	e := s.eventOf(c, "project.files_replaced", c.project.ID)
	e.Details = map[string]string{"files": strconv.Itoa(len(own.Files))}
	if err := s.Store.Commit(ctx, c.project.Scope(), s.Store.TemplateOverrides.Replace(own), s.Store.AuditEvents.Append(e)); err != nil {
		return nil, err
	}
	if own, err = s.projectFiles(ctx, c); err != nil {
		return nil, err
	}
	return &adminv1.ReplaceProjectFilesResponse{Etag: filesEtag(own)}, nil
}
