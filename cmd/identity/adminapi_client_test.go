package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"
	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/admin/client"
	"github.com/elloloop/identity/cmd/identity/web"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// inProcess is a transport to a handler.
type inProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestAdminGoClient calls with the Go client: with a key of the client, with a
// secret, and in process.
func TestAdminGoClient(t *testing.T) {
	a := callers(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Use: "sig", Algorithm: "ES256"}}})
	must(t, err)
	must(t, a.p.store.Clients.Create(t.Context(), storage.In("alpha"), &storage.Client{
		ID: "service", Name: "service", ApplicationType: "web", GrantTypes: []string{"client_credentials"}, Scope: []string{"identity.users:read"},
		Audience: []string{adminIssuer + "/p/alpha/admin"}, TokenEndpointAuthMethod: "private_key_jwt", JWKS: jwks, CreatedOrder: 1,
	}, nil))
	over := &http.Client{Transport: inProcess{a.handler}}
	c, err := client.New(adminIssuer, &client.ClientCredentials{
		Issuer: adminIssuer + "/p/alpha", ClientID: "service", HTTP: over,
		Key: &jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}},
	}, over)
	must(t, err)
	res, err := c.Users.ListUsers(t.Context(), &adminv1.ListUsersRequest{})
	must(t, err)
	if len(res.GetUsers()) == 0 {
		t.Error("no users")
	}
	_, err = c.Users.DeleteUser(t.Context(), &adminv1.DeleteUserRequest{UserId: res.GetUsers()[0].GetId()})
	if connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("deleting with a token to read: %v", err)
	}
	local := client.Over(a.admin.Local("operator"), "http://local")
	got, err := local.Projects.ListProjects(t.Context(), &adminv1.ListProjectsRequest{})
	must(t, err)
	if len(got.GetProjects()) != 3 {
		t.Errorf("%d projects, want 3", len(got.GetProjects()))
	}
	if _, err := client.New("http://login.example.test", client.Static("x"), nil); err == nil {
		t.Error("a token would be sent without TLS")
	}
}

// TestAdminProtocols calls one port by Connect, gRPC and gRPC-Web, without TLS.
func TestAdminProtocols(t *testing.T) {
	a := callers(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	srv := &web.Server{Handler: a.handler, Listeners: []net.Listener{l}, ShutdownTimeout: time.Second, Draining: func() {}, Log: slog.New(slog.DiscardHandler)}
	go func() { done <- srv.Run(ctx) }()
	defer func() {
		stop()
		must(t, <-done)
	}()
	url := "http://" + l.Addr().String()
	h2 := new(http.Protocols)
	h2.SetUnencryptedHTTP2(true)
	for name, c := range map[string]struct {
		transport *http.Transport
		options   []connect.ClientOption
	}{
		"connect":        {&http.Transport{}, nil},
		"connect-json":   {&http.Transport{}, []connect.ClientOption{connect.WithProtoJSON()}},
		"connect-http2":  {&http.Transport{Protocols: h2}, nil},
		"grpc":           {&http.Transport{Protocols: h2}, []connect.ClientOption{connect.WithGRPC()}},
		"grpc-web":       {&http.Transport{}, []connect.ClientOption{connect.WithGRPCWeb()}},
		"grpc-web-http2": {&http.Transport{Protocols: h2}, []connect.ClientOption{connect.WithGRPCWeb()}},
	} {
		t.Run(name, func(t *testing.T) {
			defer c.transport.CloseIdleConnections()
			over := &http.Client{Transport: c.transport}
			api, err := client.New(url, client.Static(adminSecret), over, c.options...)
			must(t, err)
			_, err = api.Users.ListUsers(t.Context(), &adminv1.ListUsersRequest{ProjectId: "alpha"})
			must(t, err)
			_, err = api.Users.ListUsers(t.Context(), &adminv1.ListUsersRequest{ProjectId: "nowhere"})
			if connect.CodeOf(err) != connect.CodeNotFound {
				t.Errorf("another project: %v", err)
			}
			stranger, err := client.New(url, client.Static("x"), over, c.options...)
			must(t, err)
			_, err = stranger.Users.ListUsers(t.Context(), &adminv1.ListUsersRequest{ProjectId: "alpha"})
			if connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("a stranger: %v", err)
			}
		})
	}
	t.Run("reflection", func(t *testing.T) {
		transport := &http.Transport{Protocols: h2}
		defer transport.CloseIdleConnections()
		for caller, works := range map[string]bool{adminSecret: true, "x": false, a.callers["member-of-alpha"]: false} {
			stream := grpcreflect.NewClient(&http.Client{Transport: transport}, url, connect.WithGRPC()).NewStream(t.Context(),
				grpcreflect.WithRequestHeaders(http.Header{"Authorization": {"Bearer " + caller}}))
			names, err := stream.ListServices()
			if (err == nil && len(names) >= 9) != works {
				t.Errorf("reflection: %d services, %v; want it to work: %v", len(names), err, works)
			}
			_, _ = stream.Close()
		}
	})
}
