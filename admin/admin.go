// Package admin is the administration of the server: the services of
// identity.admin.v1, called by Connect, gRPC, gRPC-Web and plain JSON. Every call
// is authenticated, authorized by what its descriptor says, validated by the rules
// in the .proto, and leaves an audit event in the commit of its change.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

//go:generate go -C ../proto run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate
//go:generate go -C ../proto run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate --template buf.gen.ts.yaml
//go:generate go -C .. run ./cmd/openapi

const (
	maxMessageBytes = 1 << 20
	callTimeout     = 15 * time.Second
)

// Config is what the services are made of. Every field but Log, Secret, Limits,
// Ways and PublicMailDomains is required.
type Config struct {
	Store     *storage.Store
	Projects  Projects
	Tokens    Tokens
	Clients   ClientRules
	Providers ProviderRules
	Keys      Keys
	People    People
	Passwords Passwords
	Resolver  Resolver
	Pages     Pages
	Post      Post
	// Ways are the ids of the ways in that a policy may name; nil: any.
	Ways []string
	// Secret is a bearer token for the control plane; "": there is none.
	Secret string
	// ControlProject is the id of the project whose administrators and clients may
	// be let into the control plane.
	ControlProject string
	// PublicMailDomains are more mail domains that no tenant can have.
	PublicMailDomains []string
	// AssumeDomains: a host that a project claims needs no proof.
	AssumeDomains bool
	Limits        Limits
	Now           func() time.Time
	Log           *slog.Logger // nil: discarded
}

// LogValue hides the secret.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("control_project", c.ControlProject), slog.Bool("secret", c.Secret != ""))
}

// Projects makes of what is stored of a project what the process runs.
type Projects interface {
	Resolve(rec *storage.ProjectRecord) *storage.Project
}

// Server serves the services.
type Server struct {
	Config
	secret  storage.Digest // compared instead of the secret, so that its length is no secret either
	blocked blocklist
	methods []method
}

// LogValue hides the secret.
func (s *Server) LogValue() slog.Value { return s.Config.LogValue() }

// method is one RPC that is served.
type method struct {
	procedure string
	handler   func(authenticator, ...connect.HandlerOption) http.Handler
}

// New makes the services. It fails when an RPC that is served does not say who
// may call it.
func New(c Config) (*Server, error) {
	if c.Store == nil || c.Projects == nil || c.Tokens == nil || c.Clients == nil || c.Providers == nil || c.Keys == nil || c.People == nil || c.Passwords == nil || c.Resolver == nil || c.Pages == nil || c.Post == nil || c.Now == nil || c.ControlProject == "" {
		return nil, errors.New("admin: a required field of the configuration is not set")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Config: c, secret: storage.DigestOf(c.Secret)}
	s.methods = s.table()
	for _, m := range s.methods {
		if accessOf(descriptorOf(m.procedure)).GetScope() == "" {
			return nil, errors.New("admin: " + m.procedure + " does not say who may call it")
		}
	}
	return s, nil
}

// Handler serves every RPC to callers who prove who they are, health to anybody,
// and reflection to those who may call something.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.mount(mux, s.authenticate, connect.WithRequestGate(s.gate(s.limited)))
	health := grpchealth.NewStaticChecker(Services()...)
	mux.Handle(grpchealth.NewHandler(health, s.options()...))
	reflector := grpcreflect.NewStaticReflector(Services()...)
	for _, reflect := range []func() (string, http.Handler){
		func() (string, http.Handler) { return grpcreflect.NewHandlerV1(reflector, s.reflection()...) },
		func() (string, http.Handler) { return grpcreflect.NewHandlerV1Alpha(reflector, s.reflection()...) },
	} {
		mux.Handle(reflect())
	}
	return mux
}

// Paths are the prefixes of what Handler serves.
func Paths() []string {
	paths := []string{"/" + grpchealth.HealthV1ServiceName + "/", "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"}
	for _, name := range Services() {
		paths = append(paths, "/"+name+"/")
	}
	return paths
}

// Local serves the same RPCs in process, to one caller who was let in elsewhere:
// to the operator at the command line. It is a client for the generated New…Client.
func (s *Server) Local(actor string) connect.HTTPClient {
	mux := http.NewServeMux()
	s.mount(mux, func(context.Context, http.Header) (*Caller, error) {
		return &Caller{Kind: Operator, Actor: actor, Control: true, Scopes: []string{scopeAdmin}}, nil
	})
	return localClient{mux}
}

func (s *Server) mount(mux *http.ServeMux, who authenticator, more ...connect.HandlerOption) {
	for _, m := range s.methods {
		mux.Handle(m.procedure, m.handler(who, more...))
	}
}

func (s *Server) options() []connect.HandlerOption {
	return []connect.HandlerOption{
		connect.WithReadMaxBytes(maxMessageBytes),
		connect.WithCodec(strictJSON{"json"}),
		connect.WithCodec(strictJSON{"json; charset=utf-8"}),
		connect.WithCompressMinBytes(1 << 10),
	}
}

// call is a request that was let in.
type call struct {
	caller  *Caller
	record  *storage.ProjectRecord // nil for what is above the projects
	project *storage.Project       // the same, as it runs
	origin  storage.Origin
	now     time.Time
}

func (c *call) scope() storage.Scope { return c.project.Scope() }

// rpc makes a method of a function. It is the one door: nothing is called before
// the caller was authenticated and authorized and the request was found valid.
func rpc[Req, Res any](s *Server, procedure string, do func(context.Context, *call, *Req) (*Res, error)) method {
	desc := descriptorOf(procedure)
	options := append(s.options(), connect.WithSchema(desc))
	return method{procedure, func(who authenticator, more ...connect.HandlerOption) http.Handler {
		return connect.NewUnaryHandlerSimple(procedure, func(ctx context.Context, req *Req) (*Res, error) {
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			info, _ := connect.CallInfoForHandlerContext(ctx)
			c := &call{now: s.Now().UTC(), origin: originOf(info.Peer(), info.RequestHeader())}
			msg, ok := any(req).(proto.Message)
			if !ok {
				return nil, s.answer(ctx, c, procedure, errors.New("admin: a request is no message"))
			}
			if err := s.admit(ctx, c, who, info.RequestHeader(), desc, msg); err != nil {
				return nil, s.answer(ctx, c, procedure, err)
			}
			res, err := do(ctx, c, req)
			if err != nil {
				return nil, s.answer(ctx, c, procedure, err)
			}
			info.ResponseHeader().Set("Cache-Control", "no-store") // secrets, and people
			return res, nil
		}, append(slices.Clone(options), more...)...)
	}}
}

// originOf says where a request came from. The outer layer of the server has
// made the address and the request id trustworthy.
func originOf(peer connect.Peer, h http.Header) storage.Origin {
	addr := peer.Addr
	if i := strings.LastIndexByte(addr, ':'); i > 0 {
		addr = strings.Trim(addr[:i], "[]")
	}
	agent := h.Get("User-Agent")
	return storage.Origin{
		IP: addr, UserAgent: strings.ToValidUTF8(agent[:min(len(agent), 256)], ""), RequestID: h.Get("X-Request-Id"),
	}
}

// table is every RPC that is served.
func (s *Server) table() []method {
	return slices.Concat(
		s.projectTable(), s.domainTable(), s.tenantTable(), s.userTable(), s.groupTable(), s.clientTable(), s.sessionTable(), s.keyTable(), s.auditTable(),
		s.invitationTable(), s.helpTable(), s.providerTable(),
	)
}

// files are the descriptors of the services.
func files() []protoreflect.FileDescriptor {
	return []protoreflect.FileDescriptor{
		adminv1.File_identity_admin_v1_project_service_proto, adminv1.File_identity_admin_v1_domain_service_proto,
		adminv1.File_identity_admin_v1_tenant_service_proto, adminv1.File_identity_admin_v1_user_service_proto,
		adminv1.File_identity_admin_v1_group_service_proto, adminv1.File_identity_admin_v1_client_service_proto,
		adminv1.File_identity_admin_v1_session_service_proto, adminv1.File_identity_admin_v1_key_service_proto,
		adminv1.File_identity_admin_v1_audit_service_proto, adminv1.File_identity_admin_v1_invitation_service_proto,
		adminv1.File_identity_admin_v1_help_service_proto, adminv1.File_identity_admin_v1_provider_service_proto,
	}
}

// Services are the full names of the services.
func Services() []string {
	var names []string
	for _, f := range files() {
		for i := range f.Services().Len() {
			names = append(names, string(f.Services().Get(i).FullName()))
		}
	}
	return names
}

// descriptorOf returns the descriptor of a procedure, nil when there is none.
func descriptorOf(procedure string) protoreflect.MethodDescriptor {
	service, name, _ := strings.Cut(strings.TrimPrefix(procedure, "/"), "/")
	for _, f := range files() {
		if f.Package().Append(protoreflect.FullName(service).Name()) != protoreflect.FullName(service) {
			continue
		}
		if d := f.Services().ByName(protoreflect.FullName(service).Name()); d != nil {
			return d.Methods().ByName(protoreflect.Name(name))
		}
	}
	return nil
}

// accessOf says who may call an RPC; nil when it does not say.
func accessOf(d protoreflect.MethodDescriptor) *adminv1.Access {
	if d == nil || !proto.HasExtension(d.Options(), adminv1.E_Access) {
		return nil
	}
	a, _ := proto.GetExtension(d.Options(), adminv1.E_Access).(*adminv1.Access)
	return a
}
