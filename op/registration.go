package op

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/storage"
)

// maxRegistration bounds a registration document (S5-04).
const maxRegistration = 128 << 10

// register is the client registration endpoint (RFC 7591 §3, OIDC Dynamic Client
// Registration §3).
func (op *Provider) register(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	members, err := op.serveRegistration(w, r, p)
	if err != nil {
		op.writeRegistrationError(w, r, p, err)
		return
	}
	writeJSON(w, http.StatusCreated, members)
}

func registrationOpen(p *storage.Project) bool {
	return p.Registration == storage.RegistrationOpen || p.Registration == storage.RegistrationToken
}

func (op *Provider) serveRegistration(w http.ResponseWriter, r *http.Request, p *storage.Project) (map[string]any, error) {
	if !registrationOpen(p) {
		e := ErrAccessDenied.Say("this project registers no clients here: its operator does")
		return nil, e
	}
	if err := op.countRegistration(r, p); err != nil {
		return nil, err
	}
	also, err := op.mayRegister(r, p)
	if err != nil {
		return nil, err
	}
	body, err := registrationBody(w, r)
	if err != nil {
		return nil, err
	}
	reg, err := op.readRegistration(body)
	if err != nil {
		return nil, err
	}
	now := op.now()
	c := &reg.client
	c.ID, c.Dynamic, c.CreatedOrder = NewClientID(), true, now.UnixMicro()
	secret := op.giveSecret(p, c)
	token := storage.NewSecret()
	c.RegistrationTokenHash = storage.DigestOf(token)
	if p.RegistrationUnusedTTL > 0 {
		c.ExpiresAt = now.Add(p.RegistrationUnusedTTL).UTC().Truncate(time.Microsecond)
	}
	if err := op.checkRegistration(r.Context(), p, c); err != nil {
		return nil, err
	}
	also = append(also, op.registrationEvent(r, "client.registered", c))
	err = op.store.Clients.Create(r.Context(), p.Scope(), c, ClientOrigins(c), also...)
	if errors.Is(err, storage.ErrNotFound) { // another registration spent the token
		return nil, errNoInitialToken
	}
	if err != nil {
		return nil, err
	}
	op.clients.forget(p, c.ID)
	return registrationResponse(p, c, secret, token)
}

var errNoInitialToken = ErrInvalidToken.Say("this project registers clients for an initial access token alone: send a valid one as Authorization: Bearer")

// mayRegister checks the initial access token where one is needed, and returns
// the change that spends it.
func (op *Provider) mayRegister(r *http.Request, p *storage.Project) ([]storage.Change, error) {
	if p.Registration == storage.RegistrationOpen {
		return nil, nil
	}
	sent := headerToken(r)
	if sent == "" {
		return nil, errNoInitialToken
	}
	token, err := op.store.InitialAccessTokens.ByToken(r.Context(), p.Scope(), storage.DigestOf(sent))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errNoInitialToken
	}
	if err != nil {
		return nil, err
	}
	if !token.ExpiresAt.IsZero() && !op.now().Before(token.ExpiresAt) {
		return nil, errNoInitialToken
	}
	if token.Once {
		return []storage.Change{op.store.InitialAccessTokens.Spend(token)}, nil
	}
	return nil, nil
}

// countRegistration bounds what one address may register.
func (op *Provider) countRegistration(r *http.Request, p *storage.Project) error {
	if p.RateLimitRegistration <= 0 || p.RateLimitWindow <= 0 {
		return nil
	}
	counts, err := op.store.Counters.Add(r.Context(), p.Scope(), p.RateLimitWindow, "register/"+storage.AddressPrefix(r.RemoteAddr))
	if err != nil {
		return err
	}
	if counts[0].N > int64(p.RateLimitRegistration) {
		e := ErrSlowDown.Say("too many registrations from this address: try again later")
		e.RetryAfter = max(counts[0].ResetAt.Sub(op.now()), time.Second)
		return e
	}
	return nil
}

func registrationBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, ErrInvalidClientMetadata.Say("Content-Type must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRegistration))
	if err != nil {
		e := ErrInvalidClientMetadata.Say("the body cannot be read, or has more than " + strconv.Itoa(maxRegistration) + " bytes").Because(err)
		e.Status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	return body, nil
}

// checkRegistration checks what a client says of itself.
func (op *Provider) checkRegistration(ctx context.Context, p *storage.Project, c *storage.Client) error {
	if p.Registration == storage.RegistrationOpen && slices.Contains(c.GrantTypes, "client_credentials") {
		return ErrInvalidClientMetadata.Say("grant_types has client_credentials, which an open registration does not give: nobody would stand behind the client")
	}
	if faults := ValidateClientFor(p, c); len(faults) > 0 {
		return faults[0]
	}
	return op.checkSector(ctx, c)
}

// giveSecret makes the client's secret if it needs one and has none. "" if not.
func (op *Provider) giveSecret(p *storage.Project, c *storage.Client) string {
	switch c.TokenEndpointAuthMethod {
	case authBasic, authPost, authSecretJWT:
	default:
		c.Secrets = nil
		return ""
	}
	sealed := len(c.Secrets) > 0 && len(c.Secrets[0].Sealed) > 0
	if len(c.Secrets) > 0 && (sealed || c.TokenEndpointAuthMethod != authSecretJWT) {
		return ""
	}
	secret, stored := NewClientSecret(op.now())
	if c.TokenEndpointAuthMethod == authSecretJWT {
		stored.Sealed = op.store.Clients.SealSecret(p.Scope(), c.ID, secret)
	}
	c.Secrets = []storage.ClientSecret{stored}
	return secret
}

// registrationResponse is the client information response (RFC 7591 §3.2.1, RFC
// 7592 §3). The secret stands in it when it was just made: later there is only
// its digest.
func registrationResponse(p *storage.Project, c *storage.Client, secret, token string) (map[string]any, error) {
	members, err := metadataMembers(c)
	if err != nil {
		return nil, err
	}
	members["client_id_issued_at"] = c.CreatedOrder / 1e6
	if secret != "" {
		members["client_secret"] = secret
	}
	if len(c.Secrets) > 0 {
		members["client_secret_expires_at"] = 0
	}
	members["registration_client_uri"] = p.Issuer + pathRegister + "/" + c.ID
	members["registration_access_token"] = token
	return members, nil
}

func (op *Provider) registrationEvent(r *http.Request, action string, c *storage.Client) storage.Change {
	return op.store.AuditEvents.Append(storage.AuditEvent{
		At: op.now().UTC(), Action: action, Outcome: "success", Actor: "client:" + c.ID, Target: c.ID, ClientID: c.ID, Origin: OriginOf(r),
	})
}

// writeRegistrationError answers in JSON, with a challenge where a token is wrong.
func (op *Provider) writeRegistrationError(w http.ResponseWriter, r *http.Request, p *storage.Project, err error) {
	if errors.Is(err, ErrInvalidToken) {
		op.writeBearerError(w, r, p, err)
		return
	}
	op.writeError(w, r, p, err)
}

// headerToken returns the bearer token of the Authorization header.
func headerToken(r *http.Request) string {
	if h := r.Header.Values("Authorization"); len(h) == 1 {
		if scheme, token, ok := strings.Cut(h[0], " "); ok && strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
	}
	return ""
}

// registered is the client configuration endpoint (RFC 7592 §2).
func (op *Provider) registered(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	c, token, err := op.ownClient(r, p)
	var members map[string]any
	if err == nil {
		switch r.Method {
		case http.MethodPut:
			members, err = op.updateRegistration(w, r, p, c)
		case http.MethodDelete:
			err = op.deleteRegistration(r, p, c)
		default:
			members, err = registrationResponse(p, c, "", token)
		}
	}
	switch {
	case err != nil:
		op.writeRegistrationError(w, r, p, err)
	case r.Method == http.MethodDelete:
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, members)
	}
}

// ownClient returns the client of the URL if the token is its own. Whether there
// is such a client is not told (RFC 7592 §2.1).
func (op *Provider) ownClient(r *http.Request, p *storage.Project) (*storage.Client, string, error) {
	refused := ErrInvalidToken.Say("the registration access token is not that of this client")
	token := headerToken(r)
	if token == "" {
		return nil, "", errNoToken
	}
	if until := op.clients.blocks.until(addressBucket(p, r.RemoteAddr), op.now()); !until.IsZero() {
		return nil, "", tooManyFailures(until.Sub(op.now()))
	}
	id := chi.URLParam(r, "client_id")
	if len(id) > maxClientIDLength {
		return nil, "", refused
	}
	c, err := op.store.Clients.Get(r.Context(), p.Scope(), id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, "", err
	}
	var known, none storage.Digest
	if c != nil {
		known = c.RegistrationTokenHash
	}
	sent := storage.DigestOf(token)
	if subtle.ConstantTimeCompare(sent[:], known[:]) != 1 || c == nil || !c.Dynamic || known == none || c.Disabled {
		return nil, "", op.countFailure(r.Context(), p, [2]inProject{failureBucket(p, id, r.RemoteAddr), addressBucket(p, r.RemoteAddr)}, refused)
	}
	return c, token, nil
}

// updateRegistration replaces what is registered (RFC 7592 §2.2). What is left
// out is unset. The registration access token is a new one from then on.
func (op *Provider) updateRegistration(w http.ResponseWriter, r *http.Request, p *storage.Project, c *storage.Client) (map[string]any, error) {
	body, err := registrationBody(w, r)
	if err != nil {
		return nil, err
	}
	reg, err := op.readRegistration(body)
	if err != nil {
		return nil, err
	}
	if err := reg.checkIdentity(c); err != nil {
		return nil, err
	}
	if c.SoftwareStatement != "" && reg.client.SoftwareStatement == "" && len(op.statements) > 0 { // RFC 7592 §2.2: all that was answered
		return nil, ErrInvalidClientMetadata.Say("software_statement has to be in an update: the client was registered with one")
	}
	next := &reg.client
	next.ID, next.Meta, next.Dynamic, next.CreatedOrder, next.ExpiresAt = c.ID, c.Meta, true, c.CreatedOrder, c.ExpiresAt
	// What operators set stays as they set it.
	next.FirstParty, next.IDTokenClaims, next.RequirePKCE, next.KeepRefreshToken = c.FirstParty, c.IDTokenClaims, c.RequirePKCE, c.KeepRefreshToken
	next.AccessTokenFormat, next.AccessTokenType, next.AccessTokenSignedAlg = c.AccessTokenFormat, c.AccessTokenType, c.AccessTokenSignedAlg
	next.Audience, next.WebOrigins, next.SignIn, next.Secrets = c.Audience, c.WebOrigins, c.SignIn, c.Secrets
	secret := op.giveSecret(p, next)
	token := storage.NewSecret()
	next.RegistrationTokenHash = storage.DigestOf(token)
	if err := op.checkRegistration(r.Context(), p, next); err != nil {
		return nil, err
	}
	err = op.store.Clients.Replace(r.Context(), p.Scope(), next, ClientOrigins(next), op.registrationEvent(r, "client.updated", next))
	if errors.Is(err, storage.ErrConflict) {
		e := ErrTemporarilyUnavailable.Say("the client was changed by another request at the same time; read it and try again")
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	op.clients.forget(p, c.ID)
	return registrationResponse(p, next, secret, token)
}

// checkIdentity checks the members of an update that are not metadata (RFC 7592
// §2.2).
func (reg *registration) checkIdentity(c *storage.Client) error {
	for _, name := range []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"} {
		if _, there := reg.members[name]; there {
			return ErrInvalidClientMetadata.Say(name + " may not be in an update")
		}
	}
	var id, secret string
	if json.Unmarshal(reg.members["client_id"], &id) != nil || id != c.ID {
		return ErrInvalidClientMetadata.Say("client_id has to be in an update, and be that of the URL")
	}
	raw, there := reg.members["client_secret"]
	if !there {
		return nil
	}
	if json.Unmarshal(raw, &secret) != nil || !anySecret(c.Secrets, []string{secret}, time.Time{}) {
		return ErrInvalidClientMetadata.Say("client_secret is not the client's: leave it out, or send the one it has")
	}
	return nil
}

func (op *Provider) deleteRegistration(r *http.Request, p *storage.Project, c *storage.Client) error {
	err := op.store.Clients.Delete(r.Context(), p.Scope(), c.ID, op.registrationEvent(r, "client.deleted", c))
	op.clients.forget(p, c.ID)
	return err
}
