// Package client calls the administration of an identity server from Go.
package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"connectrpc.com/connect"

	"github.com/elloloop/identity/proto/gen/identity/admin/v1/adminv1connect"
)

// Client has one client for each service.
type Client struct {
	Projects    adminv1connect.ProjectServiceClient
	Domains     adminv1connect.DomainServiceClient
	Tenants     adminv1connect.TenantServiceClient
	Users       adminv1connect.UserServiceClient
	Groups      adminv1connect.GroupServiceClient
	Clients     adminv1connect.ClientServiceClient
	Sessions    adminv1connect.SessionServiceClient
	Keys        adminv1connect.KeyServiceClient
	Audit       adminv1connect.AuditServiceClient
	Invitations adminv1connect.InvitationServiceClient
	Help        adminv1connect.HelpServiceClient
	Providers   adminv1connect.ProviderServiceClient
}

// New makes the clients of a server, which is named by its URL. A token is sent
// over https alone, or to the own machine. A nil httpClient is http.DefaultClient.
func New(server string, tokens TokenSource, httpClient *http.Client, options ...connect.ClientOption) (*Client, error) {
	if err := safe(server); err != nil {
		return nil, err
	}
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	return Over(&authorized{httpClient, tokens}, server, options...), nil
}

// Over makes the clients on any transport, such as the server itself in process.
func Over(h connect.HTTPClient, server string, options ...connect.ClientOption) *Client {
	return &Client{
		Projects:    adminv1connect.NewProjectServiceClient(h, server, options...),
		Domains:     adminv1connect.NewDomainServiceClient(h, server, options...),
		Tenants:     adminv1connect.NewTenantServiceClient(h, server, options...),
		Users:       adminv1connect.NewUserServiceClient(h, server, options...),
		Groups:      adminv1connect.NewGroupServiceClient(h, server, options...),
		Clients:     adminv1connect.NewClientServiceClient(h, server, options...),
		Sessions:    adminv1connect.NewSessionServiceClient(h, server, options...),
		Keys:        adminv1connect.NewKeyServiceClient(h, server, options...),
		Audit:       adminv1connect.NewAuditServiceClient(h, server, options...),
		Invitations: adminv1connect.NewInvitationServiceClient(h, server, options...),
		Help:        adminv1connect.NewHelpServiceClient(h, server, options...),
		Providers:   adminv1connect.NewProviderServiceClient(h, server, options...),
	}
}

// safe refuses to send secrets where anybody on the way can read them.
func safe(server string) error {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return errors.New("client: the server is not a URL")
	}
	switch host := u.Hostname(); {
	case u.Scheme == "https", u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1"):
		return nil
	}
	return errors.New("client: a token is sent over https alone, or to this machine")
}

// authorized adds the token to each request.
type authorized struct {
	next   *http.Client
	tokens TokenSource
}

// Do implements connect.HTTPClient.
func (a *authorized) Do(r *http.Request) (*http.Response, error) {
	token, err := a.tokens.Token(r.Context())
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return a.next.Do(r)
}

// TokenSource gives the token of a request. It may be called at the same time by
// many.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// Static is a token that does not change: a credential of a project, or the admin
// secret.
type Static string

// Token implements TokenSource.
func (s Static) Token(context.Context) (string, error) { return string(s), nil }

// LogValue hides the token.
func (Static) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String hides the token.
func (Static) String() string { return "[redacted]" }
