package op

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// signatory is clients that authenticate by assertions, and their keys.
type signatory struct {
	*bench
	rsa, stranger *rsa.PrivateKey
	ec            *ecdsa.PrivateKey
	ed            ed25519.PrivateKey
	secret        string
	jti           atomic.Int64
}

func newSignatory(tb testing.TB) *signatory {
	tb.Helper()
	s := &signatory{bench: newBench(tb)}
	s.project.RateLimitClientAuth = 0
	var errs [4]error
	s.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	s.stranger, errs[1] = rsa.GenerateKey(rand.Reader, 2048)
	s.ec, errs[2] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, s.ed, errs[3] = ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(errs[:]...); err != nil {
		tb.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: s.rsa.Public(), KeyID: "rsa"}, {Key: s.ec.Public(), KeyID: "ec", Algorithm: "ES256", Use: "sig"}, {Key: s.ed.Public(), KeyID: "ed"},
		{Key: s.stranger.Public(), KeyID: "enc", Use: "enc"},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	theirs, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.stranger.Public(), KeyID: "rsa"}}})
	if err != nil {
		tb.Fatal(err)
	}
	s.create(tb, &storage.Client{ID: "app", TokenEndpointAuthMethod: authPrivateKeyJWT, JWKS: set})
	s.create(tb, &storage.Client{ID: "other", TokenEndpointAuthMethod: authPrivateKeyJWT, JWKS: theirs})
	plain, stored := NewClientSecret(s.clock.now())
	stored.Sealed = s.store.Clients.SealSecret(s.project.Scope(), "mac", plain)
	ended := secretOf("ended")
	ended.ExpiresAt = s.clock.now()
	ended.Sealed = s.store.Clients.SealSecret(s.project.Scope(), "mac", strings.Repeat("e", 64))
	s.secret = plain
	s.create(tb, &storage.Client{ID: "mac", TokenEndpointAuthMethod: authSecretJWT, Secrets: []storage.ClientSecret{ended, stored}})
	s.create(tb, &storage.Client{ID: "basic", TokenEndpointAuthMethod: "", Secrets: []storage.ClientSecret{stored}, JWKS: set})
	return s
}

// claims returns good claims of a client with a jti of their own, changed.
func (s *signatory) claims(client string, change map[string]any) string {
	now := s.clock.now().Unix()
	c := map[string]any{
		"iss": client, "sub": client, "aud": testIssuer, "exp": now + 60, "iat": now, "jti": fmt.Sprint("jti-", s.jti.Add(1)),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	b, _ := json.Marshal(c) // strings and numbers
	return string(b)
}

func assertionForm(assertion string) url.Values {
	return url.Values{"client_assertion_type": {clientAssertionType}, "client_assertion": {assertion}}
}

func TestClientAssertion(t *testing.T) {
	s := newSignatory(t)
	now := s.clock.now().Unix()
	header := func(kv ...any) map[jose.HeaderKey]any {
		h := map[jose.HeaderKey]any{"kid": "rsa"}
		for i := 0; i < len(kv); i += 2 {
			h[jose.HeaderKey(kv[i].(string))] = kv[i+1]
		}
		return h
	}
	app := func(change map[string]any) string {
		return joseSign(t, jose.RS256, s.rsa, header(), s.claims("app", change))
	}
	with := func(kv ...any) string {
		return joseSign(t, jose.RS256, s.rsa, header(kv...), s.claims("app", nil))
	}
	der, err := x509.MarshalPKIXPublicKey(s.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	good := app(nil)
	parts := strings.Split(good, ".")
	type row struct{ assertion, says string }
	for name, test := range map[string]row{
		"S2-08/jti-missing":        {app(map[string]any{"jti": nil}), "needs a jti"},
		"S2-08/jti-empty":          {app(map[string]any{"jti": ""}), "needs a jti"},
		"S2-08/jti-number":         {app(map[string]any{"jti": 7}), "payload"},
		"S2-08/jti-too-long":       {app(map[string]any{"jti": strings.Repeat("j", maxJTI+1)}), "needs a jti"},
		"S2-08/exp-missing":        {app(map[string]any{"exp": nil}), "needs exp"},
		"S2-08/exp-string":         {app(map[string]any{"exp": "9999999999"}), "payload"},
		"S2-08/exp-past":           {app(map[string]any{"exp": now - 60}), "has expired"},
		"S2-08/exp-far-away":       {app(map[string]any{"exp": now + 3661}), "more than an hour"},
		"S2-08/exp-infinite":       {app(map[string]any{"exp": 1e300}), "more than an hour"},
		"S2-08/exp-negative":       {app(map[string]any{"exp": -1e300}), "has expired"},
		"S2-08/nbf-ahead":          {app(map[string]any{"nbf": now + 61}), "nbf is ahead"},
		"S2-08/iat-ahead":          {app(map[string]any{"iat": now + 61}), "iat ahead"},
		"S2-08/iat-long-ago":       {app(map[string]any{"iat": now - 3661}), "iat more than an hour ago"},
		"S2-08/aud-missing":        {app(map[string]any{"aud": nil}), "needs the aud"},
		"S2-08/aud-empty":          {app(map[string]any{"aud": []string{}}), "needs the aud"},
		"S2-08/aud-other-issuer":   {app(map[string]any{"aud": "https://other.example"}), "needs the aud"},
		"S2-08/aud-slash":          {app(map[string]any{"aud": testIssuer + "/"}), "needs the aud"},
		"S2-08/aud-other-endpoint": {app(map[string]any{"aud": testIssuer + pathIntrospect}), "needs the aud"},
		"S2-08/aud-with-stranger":  {app(map[string]any{"aud": []string{testIssuer, "https://other.example"}}), "needs the aud"},
		"S2-08/iss-differs":        {app(map[string]any{"iss": "other"}), "iss and sub"},
		"S2-08/iss-missing":        {app(map[string]any{"iss": nil}), "iss and sub"},
		"S2-08/sub-missing":        {app(map[string]any{"sub": nil}), "iss and sub"},
		"S2-08/both-missing":       {app(map[string]any{"iss": nil, "sub": nil}), "iss and sub"},
		"S2-08/unknown-client":     {joseSign(t, jose.RS256, s.rsa, header(), s.claims("stranger", nil)), "the client is unknown"},
		"S2-08/key-of-another":     {joseSign(t, jose.RS256, s.stranger, header(), s.claims("app", nil)), "signature"},
		"S2-08/as-another":         {joseSign(t, jose.RS256, s.rsa, header(), s.claims("other", nil)), "signature"},
		"S2-08/key-for-encryption": {joseSign(t, jose.RS256, s.stranger, header("kid", "enc"), s.claims("app", nil)), "fit no registered key"},
		"S2-08/kid-unknown":        {with("kid", "nobody"), "fit no registered key"},
		"S2-08/kid-path":           {with("kid", "../../../../dev/null"), "fit no registered key"},
		"S2-08/kid-of-another-alg": {with("kid", "ec"), "fit no registered key"},
		"S2-08/kid-array":          {with("kid", []string{"rsa"}), "kid is not a string"},
		"S2-08/alg-none":           {forge(t, map[string]any{"alg": "none"}, s.claims("app", nil), unsigned), "has an alg"},
		"S2-08/alg-nOnE":           {forge(t, map[string]any{"alg": "nOnE"}, s.claims("app", nil), unsigned), "has an alg"},
		"S2-08/alg-missing":        {forge(t, map[string]any{}, s.claims("app", nil), unsigned), "has an alg"},
		"S2-08/hs256-public-key":   {forge(t, map[string]any{"alg": "HS256", "kid": "rsa"}, s.claims("app", nil), hs256(der)), "registered for private_key_jwt"},
		"S2-08/hs256-empty-key":    {forge(t, map[string]any{"alg": "HS256"}, s.claims("mac", nil), hs256(nil)), "signature"},
		"S2-08/hs256-ended-secret": {joseSign(t, jose.HS256, []byte(strings.Repeat("e", 64)), nil, s.claims("mac", nil)), "signature"},
		"S2-08/rs256-for-secret":   {joseSign(t, jose.RS256, s.rsa, header(), s.claims("mac", nil)), "registered for client_secret_jwt"},
		"S2-08/jwk":                {with("jwk", jose.JSONWebKey{Key: s.rsa.Public()}), "may not have jwk"},
		"S2-08/jku":                {with("jku", "https://evil.example"), "may not have jku"},
		"S2-08/x5u":                {with("x5u", "https://evil.example"), "may not have x5u"},
		"S2-08/x5c":                {with("x5c", []string{}), "may not have x5c"},
		"S2-08/crit":               {with("crit", []string{"exp"}, "exp", 1), "may not have crit"},
		"S2-08/zip":                {with("zip", "DEF"), "may not have zip"},
		"S2-08/signature-cut":      {parts[0] + "." + parts[1] + "." + parts[2][:20], "signature"},
		"S2-08/signature-missing":  {parts[0] + "." + parts[1] + ".", "signature"},
		"S2-08/payload-of-another": {strings.Split(app(nil), ".")[0] + "." + parts[1] + "." + strings.Split(app(nil), ".")[2], "signature"},
		"S2-08/ecdsa-zero":         {forge(t, map[string]any{"alg": "ES256", "kid": "ec"}, s.claims("app", nil), func([]byte) []byte { return make([]byte, 64) }), "signature"},
		"S2-08/basic-client":       {joseSign(t, jose.RS256, s.rsa, header(), s.claims("basic", nil)), "registered for client_secret_basic or client_secret_post"},
		"S2-09/access-token":       {with("typ", "at+jwt"), "another typ"},
		"S2-09/request-object":     {with("typ", "oauth-authz-req+jwt"), "another typ"},
		"S2-09/dpop":               {with("typ", "dpop+jwt"), "another typ"},
		"S2-10/too-large":          {app(map[string]any{"x": strings.Repeat("x", maxClientAssertion)}), "larger than 8 KiB"},
		"S2-10/jwe":                {"a.b.c.d.e", "not a signed JWT"},
		"S2-08/no-jwt":             {"x", "not a signed JWT"},
		"S2-08/line-break":         {parts[0] + "\n." + parts[1] + "." + parts[2], "not a signed JWT"},
		"S2-08/header-garbage":     {"AAAA." + parts[1] + "." + parts[2], "header"},
		"S2-08/payload-garbage":    {parts[0] + ".AAAA." + parts[2], "payload"},
		"S2-08/missing":            {"", "client_assertion is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := s.authenticate("", assertionForm(test.assertion))
			var e *Error
			if !errors.As(err, &e) || e.Code != "invalid_client" || c != nil {
				t.Fatalf("authenticateClient = %v, %v, want invalid_client", c, err)
			}
			if !strings.Contains(e.Description, test.says) {
				t.Errorf("it says %q, want %q", e.Description, test.says)
			}
		})
	}
	for name, test := range map[string]struct{ assertion, client string }{
		"rs256":                {good, "app"},
		"ps384":                {joseSign(t, jose.PS384, s.rsa, header(), s.claims("app", nil)), "app"},
		"es256":                {joseSign(t, jose.ES256, s.ec, header("kid", "ec"), s.claims("app", nil)), "app"},
		"eddsa":                {joseSign(t, jose.EdDSA, s.ed, header("kid", "ed"), s.claims("app", nil)), "app"},
		"without-kid":          {joseSign(t, jose.ES256, s.ec, nil, s.claims("app", nil)), "app"},
		"typ":                  {with("typ", "JWT"), "app"},
		"typ-explicit":         {with("typ", "client-authentication+jwt"), "app"},
		"aud-array":            {app(map[string]any{"aud": []string{testIssuer}}), "app"},
		"aud-token-endpoint":   {app(map[string]any{"aud": testIssuer + pathToken}), "app"},
		"aud-both":             {app(map[string]any{"aud": []string{testIssuer, testIssuer + pathToken}}), "app"},
		"exp-fraction":         {app(map[string]any{"exp": float64(now) + 60.5}), "app"},
		"S2-17/client-behind":  {app(map[string]any{"exp": now - 59, "iat": now - 119}), "app"},
		"S2-17/client-ahead":   {app(map[string]any{"exp": now + 120, "iat": now + 60, "nbf": now + 60}), "app"},
		"hs256":                {joseSign(t, jose.HS256, []byte(s.secret), nil, s.claims("mac", nil)), "mac"},
		"hs512":                {joseSign(t, jose.HS512, []byte(s.secret), nil, s.claims("mac", nil)), "mac"},
		"jti-of-other-client":  {joseSign(t, jose.RS256, s.stranger, header(), s.claims("other", map[string]any{"jti": "jti-1"})), "other"},
		"without-iat":          {app(map[string]any{"iat": nil}), "app"},
		"unknown-claim":        {app(map[string]any{"x": []int{1}}), "app"},
		"S2-08/after-failures": {app(nil), "app"},
	} {
		t.Run("good/"+name, func(t *testing.T) {
			form := assertionForm(test.assertion)
			form.Set("client_id", test.client)
			c, err := s.authenticate("", form)
			if err != nil || c.ID != test.client {
				t.Fatalf("authenticateClient = %v, %v, want %s", c, err, test.client)
			}
			if _, err := s.authenticate("", form); !errors.Is(err, ErrInvalidClient) || !strings.Contains(err.Error(), "was used before") {
				t.Errorf("S2-08/replayed-jti: %v", err)
			}
		})
	}
	t.Run("S2-08/other-type", func(t *testing.T) {
		for _, kind := range []string{"", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", clientAssertionType + " "} {
			form := assertionForm(app(nil))
			form.Set("client_assertion_type", kind)
			if _, err := s.authenticate("", form); !errors.Is(err, ErrInvalidClient) {
				t.Errorf("type %q: %v", kind, err)
			}
		}
	})
	t.Run("S2-07/other-client-id", func(t *testing.T) {
		form := assertionForm(app(nil))
		form.Set("client_id", "other")
		if _, err := s.authenticate("", form); !errors.Is(err, ErrInvalidClient) {
			t.Errorf("authenticateClient = %v", err)
		}
	})
	t.Run("S2-07/assertion-and-secret", func(t *testing.T) {
		form := assertionForm(app(nil))
		form.Set("client_id", "app")
		form.Set("client_secret", "x")
		if _, err := s.authenticate("", form); !errors.Is(err, ErrInvalidClient) {
			t.Errorf("authenticateClient = %v", err)
		}
	})
}

// TestClientAssertionRaced: of 100 uses of one assertion one wins, at whatever
// replica; and it is remembered as long as it would be accepted.
func TestClientAssertionRaced(t *testing.T) {
	s := newSignatory(t)
	assertion := joseSign(t, jose.EdDSA, s.ed, map[jose.HeaderKey]any{"kid": "ed"}, s.claims("app", nil))
	won := atomic.Int64{}
	var all sync.WaitGroup
	for i := range 100 {
		replica := *s.bench
		if i%2 == 1 {
			replica.op = &Provider{store: s.store, now: s.clock.now, log: s.op.log, clients: newClientCache(s.store, s.clock.now)}
		}
		all.Go(func() {
			if _, err := replica.authenticate("", assertionForm(assertion)); err == nil {
				won.Add(1)
			} else if !errors.Is(err, ErrInvalidClient) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d uses won", won.Load())
	}
	for range 130 {
		s.clock.advance(time.Second)
		if _, err := s.authenticate("", assertionForm(assertion)); !errors.Is(err, ErrInvalidClient) {
			t.Fatalf("used again at %v: %v", s.clock.now(), err)
		}
	}
}

// FuzzClientAssertion holds that only what the client signed authenticates it.
func FuzzClientAssertion(f *testing.F) {
	s := newSignatory(f)
	good := joseSign(f, jose.EdDSA, s.ed, map[jose.HeaderKey]any{"kid": "ed"}, s.claims("app", map[string]any{"exp": s.clock.now().Unix() + 3600}))
	signed := good[:strings.LastIndex(good, ".")]
	f.Add(clientAssertionType, good)
	f.Add(clientAssertionType, forge(f, map[string]any{"alg": "none"}, s.claims("app", nil), unsigned))
	f.Add(clientAssertionType, forge(f, map[string]any{"alg": "HS256"}, s.claims("mac", nil), hs256(nil)))
	f.Add(clientAssertionType, forge(f, map[string]any{"alg": "ES256", "kid": "ec"}, s.claims("app", nil), func([]byte) []byte { return make([]byte, 64) }))
	f.Add(clientAssertionType, "..")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, kind, assertion string) {
		_, err := s.authenticate("", url.Values{"client_assertion_type": {kind}, "client_assertion": {assertion}})
		switch {
		case err == nil && (kind != clientAssertionType || !strings.HasPrefix(assertion, signed)):
			t.Errorf("authenticated by what was not signed: %q", assertion)
		case err != nil && !errors.Is(err, ErrInvalidClient):
			t.Errorf("%q: %v, want invalid_client", assertion, err)
		}
	})
}
