package admin

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/elloloop/identity/storage"
)

// Kind is the kind of a caller.
type Kind string

// The kinds of callers.
const (
	Operator   Kind = "operator"   // the admin secret, or the command line on the database
	Person     Kind = "user"       // an access token of a person
	Machine    Kind = "client"     // an access token of a client on its own behalf
	Credential Kind = "credential" // a credential of a project
)

// The scopes that are asked for beside that of a service.
const (
	scopeAdmin   = "identity.admin"   // everything in the caller's project
	scopeControl = "identity.control" // every project
	scopeTenants = "identity.tenants:write"
	scopePrefix  = "identity."
)

// Caller is who calls, and what they may.
type Caller struct {
	Kind     Kind
	Actor    string // as audit events name it
	ClientID string // of the access token
	Project  string // the only project they see; "" together with Control
	Control  bool   // they see every project
	Scopes   []string
}

func (c *Caller) has(scope string) bool {
	return slices.Contains(c.Scopes, scope) || slices.Contains(c.Scopes, scopeAdmin)
}

// authenticator finds out who calls. An error that is no errUnauthenticated means
// that nobody knows.
type authenticator func(context.Context, http.Header) (*Caller, error)

// doorkeeper is an authenticator that counts who knocks.
type doorkeeper func(context.Context, connect.Spec, connect.Peer, http.Header) (*Caller, error)

// Tokens reads access tokens of our own.
type Tokens interface {
	// AccessToken returns what a live access token says. storage.ErrNotFound for
	// whatever is none: expired, revoked, of another issuer, for another audience.
	AccessToken(ctx context.Context, token string) (*Token, error)
}

// Token is a live access token that is meant for the administration.
type Token struct {
	Project  string // whose issuer made it
	ClientID string
	UserID   string // "" when it is the client's own
	Scopes   []string
}

var errUnauthenticated = errors.New("admin: unauthenticated")

// authenticate reads the bearer token of a request (RFC 6750 §2.1).
func (s *Server) authenticate(ctx context.Context, h http.Header) (*Caller, error) {
	token, ok := bearer(h)
	if !ok {
		return nil, errUnauthenticated
	}
	digest := storage.DigestOf(token)
	// Digests are compared, in constant time: neither the bytes nor the length of
	// the secret can be learnt from how long it takes.
	if s.Secret != "" && subtle.ConstantTimeCompare(digest[:], s.secret[:]) == 1 {
		return &Caller{Kind: Operator, Actor: "operator", Control: true, Scopes: []string{scopeAdmin}}, nil
	}
	t, err := s.Tokens.AccessToken(ctx, token)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return s.credentialCaller(ctx, digest)
	case err != nil:
		return nil, err
	case t.UserID != "":
		return s.person(ctx, t)
	}
	c := &Caller{Kind: Machine, Actor: "client:" + t.ClientID, ClientID: t.ClientID, Project: t.Project, Scopes: adminScopes(t.Scopes)}
	c.Control = t.Project == s.ControlProject && slices.Contains(t.Scopes, scopeControl)
	return c, nil
}

// person is a caller with the token of a person. The scope is what the client may
// do for the person; what the person may do, the account says, as it now is.
func (s *Server) person(ctx context.Context, t *Token) (*Caller, error) {
	u, err := s.Store.Users.Get(ctx, storage.In(t.Project), t.UserID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && u.Status != storage.UserActive {
		return nil, errUnauthenticated
	}
	if err != nil {
		return nil, err
	}
	c := &Caller{Kind: Person, Actor: u.ID, ClientID: t.ClientID, Project: t.Project}
	if u.Role == roleAdmin || isPlatformAdmin(u) {
		c.Scopes = adminScopes(t.Scopes)
	}
	c.Control = isPlatformAdmin(u) && t.Project == s.ControlProject && slices.Contains(t.Scopes, scopeControl)
	return c, nil
}

// adminScopes are those of a token that mean something here.
func adminScopes(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !strings.HasPrefix(s, scopePrefix) })
}

// bearer returns the one bearer token of a request.
func bearer(h http.Header) (string, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	return token, ok && token != "" && strings.EqualFold(scheme, "Bearer")
}

// gate lets nobody's request go on to where its body is read. The call asks again
// who it is: what the gate learnt has no way there but hidden in a context.
func (s *Server) gate(who doorkeeper) connect.RequestGateFunc {
	return func(ctx context.Context, spec connect.Spec, peer connect.Peer, h http.Header) (context.Context, error) {
		asking, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if _, err := who(asking, spec, peer, h); err != nil {
			return nil, s.answer(ctx, &call{origin: originOf(peer, h)}, spec.Procedure, err)
		}
		return ctx, nil
	}
}

// reflection is open to those who may call something: what there is to call tells
// a stranger nothing that the documentation does not, but costs memory.
func (s *Server) reflection() []connect.HandlerOption {
	return append(s.options(), connect.WithRequestGate(s.gate(func(ctx context.Context, spec connect.Spec, peer connect.Peer, h http.Header) (*Caller, error) {
		c, err := s.limited(ctx, spec, peer, h)
		if err == nil && len(c.Scopes) == 0 {
			err = insufficient(scopeAdmin)
		}
		return c, err
	})))
}
