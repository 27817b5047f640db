package admin

import (
	"context"
	"errors"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// scopeDirectory is all that a directory credential may.
const scopeDirectory = "identity.directory:read"

var credentialKinds = map[adminv1.ProjectCredentialKind]storage.CredentialKind{
	adminv1.ProjectCredentialKind_PROJECT_CREDENTIAL_KIND_PUBLISHABLE: storage.CredentialPublishable,
	adminv1.ProjectCredentialKind_PROJECT_CREDENTIAL_KIND_SECRET:      storage.CredentialSecret,
	adminv1.ProjectCredentialKind_PROJECT_CREDENTIAL_KIND_DIRECTORY:   storage.CredentialDirectory,
}

// credentialCaller is who calls with the key of a project. A publishable one is
// in web pages: it opens nothing.
func (s *Server) credentialCaller(ctx context.Context, d storage.Digest) (*Caller, error) {
	k, err := s.Store.ProjectCredentials.BySecret(ctx, d)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errUnauthenticated
	}
	if err != nil {
		return nil, err
	}
	c := &Caller{Kind: Credential, Actor: "credential:" + k.ID, Project: k.ProjectID}
	switch k.Kind {
	case storage.CredentialSecret:
		c.Scopes = []string{scopeAdmin}
	case storage.CredentialDirectory:
		c.Scopes = []string{scopeDirectory}
	default:
		return nil, errUnauthenticated
	}
	if err := s.Store.ProjectCredentials.Touch(ctx, k, s.Now().UTC()); err != nil {
		s.Log.WarnContext(ctx, "the use of a credential could not be remembered", "credential_id", k.ID, "cause", err)
	}
	return c, nil
}

// projectOfKey returns the id of the project that X-Project-Key names.
func (s *Server) projectOfKey(ctx context.Context, key string) (string, error) {
	k, err := s.Store.ProjectCredentials.BySecret(ctx, storage.DigestOf(key))
	if errors.Is(err, storage.ErrNotFound) {
		return "", invalid(projectKeyHeader, "names no project")
	}
	if err != nil {
		return "", err
	}
	return k.ProjectID, nil
}

func credentialMessage(k *storage.ProjectCredential) *adminv1.ProjectCredential {
	m := &adminv1.ProjectCredential{
		Id: k.ID, Name: k.Name, CreatedAt: stamp(k.CreatedAt), ExpiresAt: stamp(k.ExpiresAt), LastUsedAt: stamp(k.LastUsed),
	}
	for kind, stored := range credentialKinds {
		if stored == k.Kind {
			m.Kind = kind
		}
	}
	return m
}

func (s *Server) createProjectCredential(ctx context.Context, c *call, req *adminv1.CreateProjectCredentialRequest) (*adminv1.CreateProjectCredentialResponse, error) {
	k := &storage.ProjectCredential{
		ProjectID: c.project.ID, Kind: credentialKinds[req.GetKind()], Name: req.GetName(), CreatedOrder: c.now.UnixMicro(),
	}
	if t := req.GetExpiresAt(); t != nil {
		if k.ExpiresAt = t.AsTime(); !k.ExpiresAt.After(c.now) {
			return nil, invalid("expires_at", "has passed already")
		}
	}
	// A secret key is every scope of its project: who has less may not make one (S5-03).
	if k.Kind == storage.CredentialSecret && !c.caller.has(scopeAdmin) {
		s.remember(ctx, c, c.project.ID, "secret_credential")
		return nil, insufficient(scopeAdmin)
	}
	secret, err := s.Store.ProjectCredentials.Issue(ctx, k, s.controlEvent(c, "project_credential.created", k.Name, c.project.ID))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notFound("project", c.project.ID)
	}
	if err != nil {
		return nil, err
	}
	return &adminv1.CreateProjectCredentialResponse{Credential: credentialMessage(k), Secret: secret}, nil
}

func (s *Server) listProjectCredentials(ctx context.Context, c *call, req *adminv1.ListProjectCredentialsRequest) (*adminv1.ListProjectCredentialsResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), "")
	l, err := s.Store.ProjectCredentials.OfProject(ctx, c.project.ID, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListProjectCredentialsResponse{NextPageToken: l.Next}
	for _, k := range l.Items {
		res.Credentials = append(res.Credentials, credentialMessage(k))
	}
	return res, nil
}

func (s *Server) revokeProjectCredential(ctx context.Context, c *call, req *adminv1.RevokeProjectCredentialRequest) (*adminv1.RevokeProjectCredentialResponse, error) {
	err := s.Store.ProjectCredentials.Revoke(ctx, c.project.ID, req.GetCredentialId(),
		s.controlEvent(c, "project_credential.revoked", req.GetCredentialId(), c.project.ID))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notFound("credential", req.GetCredentialId())
	}
	return &adminv1.RevokeProjectCredentialResponse{}, err
}
