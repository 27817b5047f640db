package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/projects"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/identifier"
	"github.com/elloloop/identity/flows/invite"
	"github.com/elloloop/identity/flows/passhash"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// adminConfig wires the administration: what it needs of the provider and of the
// flows comes through the small types of this file.
func adminConfig(c *config.Config, p *provider, h *hashing, rules *passwordRules, log *slog.Logger) admin.Config {
	found := adminProjects{p}
	return admin.Config{
		Store: p.store, Projects: found, Tokens: adminTokens{p.op, found}, Clients: clientRules{p.store}, Providers: providerRules{configuredFor(c), c.Insecure.LoopbackFetch}, Keys: adminKeys{p.keys},
		People: people{}, Passwords: adminPasswords{h, rules}, Resolver: net.DefaultResolver, Pages: adminPages{c, p}, Post: adminPost{}, Ways: slices.Sorted(maps.Keys(flowModules)), ControlProject: p.project.ID, Now: time.Now, Log: log,
		Secret: c.Admin.Secret.Reveal(), PublicMailDomains: c.Admin.PublicMailDomains, AssumeDomains: !c.Server.RequireVerifiedAuthDomain,
		Limits: admin.Limits{Window: c.RateLimit.Window, Failures: c.RateLimit.ClientAuth, Bootstraps: c.RateLimit.Bootstrap},
	}
}

// mountAdmin serves the administration beside everything else.
func mountAdmin(r interface{ Handle(string, http.Handler) }, s *admin.Server) {
	h := s.Handler()
	for _, path := range admin.Paths() {
		r.Handle(path+"*", h)
	}
}

// adminPages tries the own files of projects. At the command line there is no
// renderer until one is needed: making it draws everything once.
type adminPages struct {
	c *config.Config
	p *provider
}

// Try draws everything with the files.
func (a adminPages) Try(files map[string][]byte, base string) error {
	r := a.p.renderer
	if r == nil {
		pages := pageConfig(a.c, nil, a.p.log)
		pages.Look = nil
		var err error
		if r, err = templates.New(pages); err != nil {
			return err
		}
	}
	return r.Try(files, base)
}

type adminProjects struct{ p *provider }

// Resolve implements admin.Projects.
func (a adminProjects) Resolve(rec *storage.ProjectRecord) *storage.Project {
	base := a.p.project
	return rec.Resolve(base, projects.Issuer(base.Issuer, base.ID, rec.ID, rec.Host(a.p.assumeDomains)))
}

// ofIssuer finds the project of a token.
func (a adminProjects) ofIssuer(ctx context.Context, issuer string) (*storage.Project, error) {
	id := a.p.project.ID
	if rest, ok := strings.CutPrefix(issuer, a.p.project.Issuer+"/p/"); ok {
		id = rest
	} else if host, ok := strings.CutPrefix(issuer, "https://"); ok && issuer != a.p.project.Issuer {
		var err error
		if id, err = a.p.Domain(ctx, host); err != nil {
			return nil, err
		}
	}
	p, err := a.p.finder.ByID(ctx, id)
	switch {
	case errors.Is(err, projects.ErrDisabled):
		return nil, storage.ErrNotFound
	case err != nil:
		return nil, err
	case p.Issuer != issuer:
		return nil, storage.ErrNotFound
	}
	return p, nil
}

type adminTokens struct {
	op       *op.Provider
	projects adminProjects
}

// AccessToken implements admin.Tokens. The issuer is read from the token only to
// know whose keys it has to be verified with.
func (a adminTokens) AccessToken(ctx context.Context, raw string) (*admin.Token, error) {
	p, err := a.projects.ofIssuer(ctx, claimedIssuer(raw))
	if err != nil {
		return nil, err
	}
	t, err := a.op.AccessTokenFor(ctx, p, raw, p.Issuer, p.Issuer+adminResource)
	if err != nil {
		return nil, err
	}
	return &admin.Token{Project: p.ID, ClientID: t.ClientID, UserID: t.UserID, Scopes: t.Scope}, nil
}

// adminResource after an issuer is the audience of tokens for the administration
// (RFC 8707 §2). The issuer itself is one, too.
const adminResource = "/admin"

// claimedIssuer is the iss of a JWT, unproven.
func claimedIssuer(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || len(raw) > 16<<10 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(payload, &c) != nil {
		return ""
	}
	return c.Issuer
}

type clientRules struct{ store *storage.Store }

// Faults implements admin.ClientRules.
func (clientRules) Faults(p *storage.Project, c *storage.Client) [][2]string {
	var out [][2]string
	for _, f := range op.ValidateClientFor(p, c) {
		field, why, _ := strings.Cut(f.Description, " ")
		out = append(out, [2]string{field, why})
	}
	return out
}

// Origins implements admin.ClientRules.
func (clientRules) Origins(c *storage.Client) []string { return op.ClientOrigins(c) }

// NewID implements admin.ClientRules.
func (clientRules) NewID() string { return op.NewClientID() }

// NewSecret implements admin.ClientRules.
func (r clientRules) NewSecret(p *storage.Project, c *storage.Client, now time.Time) (plain string, stored storage.ClientSecret) {
	if !needsSecret(c) {
		return "", storage.ClientSecret{}
	}
	return (&database{store: r.store, project: p}).newClientSecret(c, now)
}

type adminKeys struct{ keys *op.Keys }

// List implements admin.Keys.
func (a adminKeys) List(ctx context.Context, p *storage.Project) ([]admin.Key, error) {
	infos, err := a.keys.List(ctx, p)
	out := make([]admin.Key, len(infos))
	for i, k := range infos {
		out[i] = admin.Key{ID: k.KID, Alg: k.Alg, Status: k.Status, CreatedAt: k.CreatedAt, ActiveSince: k.ActiveSince, ExpiresAt: k.ExpiresAt}
	}
	return out, err
}

// Ensure implements admin.Keys.
func (a adminKeys) Ensure(ctx context.Context, p *storage.Project) error {
	return a.keys.Ensure(ctx, p)
}

// Rotate implements admin.Keys.
func (a adminKeys) Rotate(ctx context.Context, p *storage.Project, actor, alg string, force bool, also storage.Change) ([]admin.Rotation, error) {
	rotated, err := a.keys.RotateAs(ctx, actor, p, alg, force, also)
	if errors.Is(err, op.ErrKeyTooNew) {
		return nil, errors.Join(admin.ErrKeyState, err)
	}
	out := make([]admin.Rotation, len(rotated))
	for i, r := range rotated {
		out[i] = admin.Rotation{Alg: r.Alg, Retiring: r.Retiring, Active: r.Active, Next: r.Next}
	}
	return out, err
}

// Revoke implements admin.Keys.
func (a adminKeys) Revoke(ctx context.Context, p *storage.Project, actor, id string, also storage.Change) error {
	return a.keys.RevokeAs(ctx, actor, p, id, also)
}

type adminPost struct{}

// InvitationLink implements admin.Post.
func (adminPost) InvitationLink(p *storage.Project, token string) string {
	return flows.LinkURL(p, invite.ID, token)
}

type people struct{}

// Email implements admin.People.
func (people) Email(typed string) (address, key string, err error) { return identifier.Email(typed) }

// Username implements admin.People.
func (people) Username(typed string) (name, key string, err error) { return identifier.Username(typed) }

type adminPasswords struct {
	h     *hashing
	rules *passwordRules
}

// Hash implements admin.Passwords.
func (a adminPasswords) Hash(ctx context.Context, p *storage.Project, plain string, personal ...string) (storage.PasswordHash, error) {
	if err := acceptable(plain, p.PasswordMinLength, personal...); err != nil {
		return "", &admin.PasswordFault{Why: a.h.sentence(err).Error()}
	}
	if a.rules.breached(plain) {
		return "", &admin.PasswordFault{Why: "is among those that others have lost"}
	}
	hash, err := a.h.Hash(ctx, plain)
	if errors.Is(err, passhash.ErrBusy) {
		return "", errors.Join(storage.ErrUnavailable, err)
	}
	return hash, err
}

// Import implements admin.Passwords.
func (a adminPasswords) Import(encoded string) (storage.PasswordHash, error) {
	hash, err := a.h.importHash(encoded)
	if err != nil {
		return "", &admin.PasswordFault{Why: err.Error()}
	}
	return hash, nil
}
