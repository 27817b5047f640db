package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

const defaultOverlap = 24 * time.Hour

// ClientRules are the provider's rules for clients: what it would refuse later is
// refused when it is registered.
type ClientRules interface {
	// Faults lists every mistake: the field, and what is wrong with it.
	Faults(p *storage.Project, c *storage.Client) [][2]string
	// Origins are the CORS origins that the client may call from.
	Origins(c *storage.Client) []string
	NewID() string
	// NewSecret makes a secret, "" for a client that has none.
	NewSecret(p *storage.Project, c *storage.Client, now time.Time) (plain string, stored storage.ClientSecret)
}

func (s *Server) clientTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.ClientService/CreateClient", s.createClient),
		rpc(s, "/identity.admin.v1.ClientService/GetClient", s.getClient),
		rpc(s, "/identity.admin.v1.ClientService/ListClients", s.listClients),
		rpc(s, "/identity.admin.v1.ClientService/UpdateClient", s.updateClient),
		rpc(s, "/identity.admin.v1.ClientService/RotateClientSecret", s.rotateClientSecret),
		rpc(s, "/identity.admin.v1.ClientService/DeleteClient", s.deleteClient),
	}
}

// ClientMessage shows a client without its secrets. The fields of both have the
// same names, those of the standards.
func ClientMessage(c *storage.Client) (*adminv1.Client, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	m := &adminv1.Client{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, m); err != nil {
		return nil, err
	}
	m.Id, m.Etag, m.CreatedAt, m.UpdatedAt = c.ID, etagOf(c.Version), stamp(c.CreatedAt), stamp(c.UpdatedAt)
	return m, nil
}

// clientOutput are the fields of a client that the server sets.
var clientOutput = []string{"secrets", "dynamic"}

// clientOf makes a client of another by setting the fields of these names to what
// a message says. Everything else stays as it was, to the byte: what is stored may
// know more than the message.
func clientOf(m *adminv1.Client, was *storage.Client, names []string) (*storage.Client, error) {
	fields, err := fieldsOf(json.Marshal(was))
	if err != nil {
		return nil, err
	}
	said, err := fieldsOf(protojson.MarshalOptions{UseProtoNames: true}.Marshal(m))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		delete(fields, name)
		if v, ok := said[name]; ok {
			fields[name] = v
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	c := &storage.Client{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, err
	}
	c.ID, c.Meta, c.ExpiresAt = was.ID, was.Meta, was.ExpiresAt // which are no part of the JSON
	return c, nil
}

func fieldsOf(b []byte, err error) (map[string]json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	return fields, json.Unmarshal(b, &fields)
}

// checkClient lists every mistake of a client that is about to be stored.
func (s *Server) checkClient(ctx context.Context, c *call, client, was *storage.Client) error {
	var faults []fault
	for _, f := range s.Clients.Faults(c.project, client) {
		field := "client." + f[0]
		if f[0] == "client_id" {
			field = "client.id"
		}
		faults = append(faults, fault{field, f[1]})
	}
	faults = append(faults, s.unknownWays("client.sign_in.first", client.SignIn.First)...)
	faults = append(faults, s.unknownWays("client.sign_in.second", client.SignIn.Second)...)
	if len(faults) > 0 {
		return invalidAll(connect.CodeInvalidArgument, faults...)
	}
	// Nobody gives a client more than they may do themselves (S5-03). A scope that
	// it has already stays, for a caller that only renames it: who sets its keys, or
	// where its tokens go, is as good as the client.
	renamed := was != nil && sameButNames(client, was)
	for _, scope := range client.Scope {
		if !strings.HasPrefix(scope, scopePrefix) || renamed && slices.Contains(was.Scope, scope) {
			continue
		}
		if scope == scopeControl && !c.caller.Control || !c.caller.has(scope) && !(scope == scopeControl && c.caller.has(scopeAdmin)) {
			s.remember(ctx, c, client.ID, "scope "+scope)
			return insufficient(scope)
		}
	}
	return nil
}

// sameButNames says whether two clients differ at most in what people see of them
// and in their scopes.
func sameButNames(a, b *storage.Client) bool {
	x, y := *a, *b
	for _, c := range []*storage.Client{&x, &y} {
		c.Name, c.URI, c.LogoURI, c.PolicyURI, c.TOSURI, c.Contacts, c.Scope = "", "", "", "", "", nil, nil
	}
	one, err := json.Marshal(x)
	other, fault := json.Marshal(y)
	return err == nil && fault == nil && bytes.Equal(one, other)
}

func (s *Server) client(ctx context.Context, c *call, id string) (*storage.Client, error) {
	client, err := s.Store.Clients.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("client", id)
	}
	return client, err
}

func (s *Server) createClient(ctx context.Context, c *call, req *adminv1.CreateClientRequest) (*adminv1.CreateClientResponse, error) {
	once, err := s.once(c, c.scope(), req.GetIdempotencyKey(), req)
	if err != nil {
		return nil, err
	}
	if was, err := once.before(ctx); err != nil || was != nil {
		return s.createdClient(ctx, c, was, err)
	}
	in := req.GetClient()
	empty := &storage.Client{ID: in.GetId(), CreatedOrder: c.now.UnixMicro()}
	client, err := clientOf(in, empty, settable(in.ProtoReflect().Descriptor(), clientOutput...))
	if err != nil {
		return nil, err
	}
	if client.ID == "" {
		client.ID = s.Clients.NewID()
	}
	withDefaults(client)
	secret, stored := s.Clients.NewSecret(c.project, client, c.now)
	if secret != "" {
		client.Secrets = []storage.ClientSecret{stored}
	}
	if err := s.checkClient(ctx, c, client, nil); err != nil {
		return nil, err
	}
	also, err := once.remember(outcome{client.ID, secret})
	if err != nil {
		return nil, err
	}
	err = s.Store.Clients.Create(ctx, c.scope(), client, s.Clients.Origins(client), append(also, s.event(c, "client.created", client.ID))...)
	if errors.Is(err, storage.ErrAlreadyExists) {
		if was, err := once.raced(ctx, err); err != nil || was != nil {
			return s.createdClient(ctx, c, was, err)
		}
		return nil, taken("client.id", "belongs to another client")
	}
	return s.createdClient(ctx, c, &outcome{client.ID, secret}, err)
}

func (s *Server) createdClient(ctx context.Context, c *call, was *outcome, err error) (*adminv1.CreateClientResponse, error) {
	if err != nil {
		return nil, err
	}
	m, err := s.clientNow(ctx, c, was.ID)
	return &adminv1.CreateClientResponse{Client: m, ClientSecret: was.Secret}, err
}

// withDefaults are those of RFC 7591 §2.
func withDefaults(c *storage.Client) {
	if c.ApplicationType == "" {
		c.ApplicationType = "web"
	}
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = []string{"authorization_code"}
	}
	if len(c.ResponseTypes) == 0 && slices.Contains(c.GrantTypes, "authorization_code") {
		c.ResponseTypes = []string{"code"}
	}
}

func (s *Server) clientNow(ctx context.Context, c *call, id string) (*adminv1.Client, error) {
	client, err := s.client(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return ClientMessage(client)
}

func (s *Server) getClient(ctx context.Context, c *call, req *adminv1.GetClientRequest) (*adminv1.GetClientResponse, error) {
	m, err := s.clientNow(ctx, c, req.GetClientId())
	return &adminv1.GetClientResponse{Client: m}, err
}

func (s *Server) listClients(ctx context.Context, c *call, req *adminv1.ListClientsRequest) (*adminv1.ListClientsResponse, error) {
	page, _ := pageRequest(req.GetPageSize(), req.GetPageToken(), req.GetOrderBy())
	l, err := s.Store.Clients.List(ctx, c.scope(), page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListClientsResponse{NextPageToken: l.Next}
	for _, client := range l.Items {
		m, err := ClientMessage(client)
		if err != nil {
			return nil, err
		}
		res.Clients = append(res.Clients, m)
	}
	return res, nil
}

func (s *Server) updateClient(ctx context.Context, c *call, req *adminv1.UpdateClientRequest) (*adminv1.UpdateClientResponse, error) {
	was, err := s.client(ctx, c, req.GetClient().GetId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetClient().GetEtag(), was.Version); err != nil {
		return nil, err
	}
	before, err := ClientMessage(was)
	if err != nil {
		return nil, err
	}
	names, err := masked(before.ProtoReflect().Descriptor(), req.GetUpdateMask(), clientOutput...)
	if err != nil {
		return nil, err
	}
	next, err := clientOf(req.GetClient(), was, names)
	if err != nil {
		return nil, err
	}
	after, err := ClientMessage(next)
	if err != nil {
		return nil, err
	}
	if err := s.checkClient(ctx, c, next, was); err != nil {
		return nil, err
	}
	e := s.eventOf(c, "client.updated", next.ID)
	e.Details = map[string]string{"fields": changed(before, after)}
	if err := s.Store.Clients.Replace(ctx, c.scope(), next, s.Clients.Origins(next), s.Store.AuditEvents.Append(e)); err != nil {
		return nil, err
	}
	m, err := s.clientNow(ctx, c, next.ID)
	return &adminv1.UpdateClientResponse{Client: m}, err
}

func (s *Server) rotateClientSecret(ctx context.Context, c *call, req *adminv1.RotateClientSecretRequest) (*adminv1.RotateClientSecretResponse, error) {
	client, err := s.client(ctx, c, req.GetClientId())
	if err != nil {
		return nil, err
	}
	// The secret of a client is as much as its scopes (S5-03).
	if err := s.checkClient(ctx, c, client, nil); err != nil {
		return nil, err
	}
	secret, stored := s.Clients.NewSecret(c.project, client, c.now)
	if secret == "" {
		return nil, forbidden("client_id", "has no secret: it authenticates by "+client.TokenEndpointAuthMethod)
	}
	overlap := defaultOverlap
	if req.GetOverlap() != nil {
		overlap = req.GetOverlap().AsDuration()
	}
	client.Secrets = append([]storage.ClientSecret{stored}, overlapping(client.Secrets, c.now, overlap)...)
	err = s.Store.Clients.Replace(ctx, c.scope(), client, s.Clients.Origins(client), s.event(c, "client.secret_rotated", client.ID))
	if err != nil {
		return nil, err
	}
	m, err := s.clientNow(ctx, c, client.ID)
	return &adminv1.RotateClientSecretResponse{Client: m, ClientSecret: secret}, err
}

// overlapping returns the newest of the old secrets, with an end: two at most.
func overlapping(old []storage.ClientSecret, now time.Time, overlap time.Duration) []storage.ClientSecret {
	if len(old) == 0 || overlap <= 0 {
		return nil
	}
	kept := old[0]
	if end := now.Add(overlap); kept.ExpiresAt.IsZero() || kept.ExpiresAt.After(end) {
		kept.ExpiresAt = end
	}
	return []storage.ClientSecret{kept}
}

func (s *Server) deleteClient(ctx context.Context, c *call, req *adminv1.DeleteClientRequest) (*adminv1.DeleteClientResponse, error) {
	client, err := s.client(ctx, c, req.GetClientId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetEtag(), client.Version); err != nil {
		return nil, err
	}
	err = s.Store.Clients.Delete(ctx, c.scope(), client.ID, s.event(c, "client.deleted", client.ID))
	return &adminv1.DeleteClientResponse{}, err
}
