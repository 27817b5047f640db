package op

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// The ways in which a client authenticates at the token endpoint (OIDC Core §9).
const (
	authBasic         = "client_secret_basic"
	authPost          = "client_secret_post"
	authNone          = "none"
	authPrivateKeyJWT = "private_key_jwt"
	authSecretJWT     = "client_secret_jwt"
)

// maxClientIDLength bounds what is looked for.
const maxClientIDLength = 256

// credentials is what a request says of its client.
type credentials struct {
	method    string
	ids       []string // the client_id, and for Basic what it may also mean
	secrets   []string // the secret, and for Basic what it may also mean
	assertion *clientAssertion
}

// LogValue hides the secrets.
func (credentials) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// authenticateClient returns the client that sends the request, if it proves to
// be it in the way that it is registered for (RFC 6749 §2.3, §3.2.1; OIDC Core
// §9). The form is the parsed body. The client must not be changed. Faults of
// the request are an *Error; other errors are ours.
func (op *Provider) authenticateClient(r *http.Request, p *storage.Project, form url.Values) (*storage.Client, error) {
	cred, err := presented(r, form)
	if err != nil {
		return nil, err
	}
	buckets := [...]inProject{failureBucket(p, cred.ids[0], r.RemoteAddr), addressBucket(p, r.RemoteAddr)}
	for _, bucket := range buckets {
		if until := op.clients.blocks.until(bucket, op.now()); !until.IsZero() {
			return nil, tooManyFailures(until.Sub(op.now()))
		}
	}
	client, err := op.proveClient(r.Context(), p, cred)
	if errors.Is(err, ErrInvalidClient) && cred.method != authNone { // without a secret nothing was guessed
		return nil, op.countFailure(r.Context(), p, buckets, err)
	}
	return client, err
}

// presented finds the credentials of a request. More than one way at once is
// refused (RFC 6749 §2.3).
func presented(r *http.Request, form url.Values) (credentials, error) {
	var found []credentials
	if usedBasic(r) {
		c, err := basicCredentials(r)
		if err != nil {
			return credentials{}, err
		}
		found = append(found, c)
	}
	id := form.Get("client_id")
	if secret := form.Get("client_secret"); secret != "" { // §3.1: without a value it was not sent
		found = append(found, credentials{method: authPost, ids: []string{id}, secrets: []string{secret}})
	}
	if form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "" {
		a, err := readClientAssertion(form.Get("client_assertion_type"), form.Get("client_assertion"))
		if err != nil {
			return credentials{}, err
		}
		found = append(found, credentials{method: a.method(), ids: []string{a.Subject}, assertion: a})
	}
	switch {
	case len(found) > 1:
		return credentials{}, ErrInvalidClient.Say("the client authenticates in more than one way at once: " + found[0].method + " and " + found[1].method)
	case len(found) == 0 && id == "":
		return credentials{}, ErrInvalidClient.Say("the request does not say which client sends it: client_id is missing")
	case len(found) == 0:
		return credentials{method: authNone, ids: []string{id}}, nil
	case id == "" && found[0].method == authPost:
		return credentials{}, ErrInvalidClient.Say("client_secret was sent without client_id")
	case id != "" && !slices.Contains(found[0].ids, id):
		return credentials{}, ErrInvalidClient.Say("client_id in the body is not the client that authenticates")
	}
	return found[0], nil
}

// usedBasic says whether the request carries HTTP Basic credentials: a 401 then
// has to answer with WWW-Authenticate: Basic (RFC 6749 §5.2).
func usedBasic(r *http.Request) bool {
	return slices.ContainsFunc(r.Header.Values("Authorization"), func(v string) bool {
		return len(v) >= 5 && strings.EqualFold(v[:5], "Basic") && (len(v) == 5 || v[5] == ' ')
	})
}

// basicCredentials reads the Authorization header. Both parts are form-encoded
// before they are joined (RFC 6749 §2.3.1). Clients that forget it are common,
// so the plain reading counts too where it differs.
func basicCredentials(r *http.Request) (credentials, error) {
	if len(r.Header.Values("Authorization")) != 1 {
		return credentials{}, ErrInvalidClient.Say("more than one Authorization header was sent")
	}
	id, secret, ok := r.BasicAuth()
	if !ok {
		return credentials{}, ErrInvalidClient.Say("the Authorization header is not base64 of client_id:client_secret (RFC 7617)")
	}
	c := credentials{method: authBasic, ids: readings(id), secrets: readings(secret)}
	if c.ids[0] == "" {
		return credentials{}, ErrInvalidClient.Say("the Authorization header names no client")
	}
	return c, nil
}

// readings returns the form-decoded value first, and the raw one if it differs.
func readings(raw string) []string {
	decoded, err := url.QueryUnescape(raw)
	if err != nil || decoded == raw {
		return []string{raw}
	}
	return []string{decoded, raw}
}

// proveClient finds the client and checks its proof. An unknown client and a
// wrong secret get the same answer, after the same work.
func (op *Provider) proveClient(ctx context.Context, p *storage.Project, cred credentials) (*storage.Client, error) {
	client, err := op.findClient(ctx, p, cred.ids)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	var known []storage.ClientSecret
	if client != nil {
		known = client.Secrets
	}
	proven := anySecret(known, cred.secrets, op.now())
	if client == nil {
		return nil, authenticationFailed()
	}
	if !allowsMethod(client, cred.method) {
		return nil, ErrInvalidClient.Say("the client authenticated by " + cred.method + ", and is registered for " + strings.Join(authMethods(client), " or "))
	}
	switch cred.method {
	case authNone:
	case authBasic, authPost:
		if !proven {
			return nil, authenticationFailed()
		}
	default:
		if err := op.proveAssertion(ctx, p, client, cred.assertion); err != nil {
			return nil, err
		}
	}
	if client.Disabled {
		return nil, ErrInvalidClient.Say("this client is disabled")
	}
	return client, nil
}

func (op *Provider) findClient(ctx context.Context, p *storage.Project, ids []string) (client *storage.Client, err error) {
	for _, id := range ids {
		client, err = op.clients.get(ctx, p, id)
		if !errors.Is(err, storage.ErrNotFound) {
			return client, err
		}
	}
	return nil, err
}

func authenticationFailed() *Error {
	return ErrInvalidClient.Say("client authentication failed: the client is unknown, or its secret is wrong or expired")
}

// anySecret compares every reading with every secret, in constant time, and at
// least once: how long it takes says nothing about what was right.
func anySecret(known []storage.ClientSecret, sent []string, now time.Time) bool {
	found := 0
	for _, s := range sent {
		digest := storage.DigestOf(s)
		var none storage.Digest
		subtle.ConstantTimeCompare(digest[:], none[:])
		for _, k := range known {
			if k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt) {
				found |= subtle.ConstantTimeCompare(digest[:], k.Digest[:])
			}
		}
	}
	return found == 1
}

// authMethods returns the methods that a client may use.
func authMethods(c *storage.Client) []string {
	if c.TokenEndpointAuthMethod == "" {
		return []string{authBasic, authPost}
	}
	return []string{c.TokenEndpointAuthMethod}
}

func allowsMethod(c *storage.Client, method string) bool {
	return slices.Contains(authMethods(c), method)
}

// failureBucket names the counter of failures of one client from one address. An
// unknown client has one like any other, or it would be known by the lack of it.
func failureBucket(p *storage.Project, clientID, remoteAddr string) inProject {
	sum := sha256.Sum256([]byte(clientID)) // any length, any characters
	return inProject{p.ID, "client_auth/" + hex.EncodeToString(sum[:16]) + "/" + storage.AddressPrefix(remoteAddr)}
}

// addressBucket names the counter of failures of one address whatever client it
// says to be: new names do not begin new counts for ever.
func addressBucket(p *storage.Project, remoteAddr string) inProject {
	return inProject{p.ID, "client_auth/" + storage.AddressPrefix(remoteAddr)}
}

// addressFactor is how many more failures an address may have than one client at it.
const addressFactor = 10

// countFailure counts a failure, for all replicas, and returns what to answer.
// Whoever reaches the limit is turned away without a look at the credentials
// until the window ends. Another replica learns of it with the next failure
// that it sees: successes cost no query.
func (op *Provider) countFailure(ctx context.Context, p *storage.Project, buckets [2]inProject, failure error) error {
	if p.RateLimitClientAuth <= 0 || p.RateLimitWindow <= 0 {
		return failure
	}
	counts, err := op.store.Counters.Add(ctx, p.Scope(), p.RateLimitWindow, buckets[0].name, buckets[1].name)
	if err != nil {
		return err // who can't be counted can't go on guessing
	}
	limit, now := int64(p.RateLimitClientAuth), op.now()
	for i, c := range counts {
		if left := c.ResetAt.Sub(now); c.N >= limit && left > 0 {
			op.clients.blocks.put(buckets[i], struct{}{}, now, left, func() bool { return true })
			if c.N > limit {
				return tooManyFailures(left)
			}
		}
		limit *= addressFactor
	}
	return failure
}

func tooManyFailures(left time.Duration) error {
	e := ErrSlowDown.Say("client authentication failed too often from this address: try again later")
	e.RetryAfter = max(left.Round(time.Second), time.Second)
	return e
}

// NewClientID returns a new client_id: 130 random bits in lower-case letters and
// digits, the same in every encoding.
func NewClientID() string { return strings.ToLower(rand.Text()) }

// NewClientSecret returns a new secret and what is stored of it: 320 random bits
// in 64 letters and digits, the same in every encoding, and as many octets as
// HS512 needs (RFC 7518 §3.2). For client_secret_jwt the caller adds Sealed
// (storage.Clients.SealSecret).
func NewClientSecret(now time.Time) (plain string, stored storage.ClientSecret) {
	plain = (rand.Text() + rand.Text() + rand.Text())[:64]
	return plain, storage.ClientSecret{Digest: storage.DigestOf(plain), CreatedAt: now.UTC()}
}
