package op

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// secretClient registers a client with secrets.
func (b *bench) secretClient(tb testing.TB, id, method string, secrets ...storage.ClientSecret) *storage.Client {
	tb.Helper()
	return b.create(tb, &storage.Client{ID: id, Name: id, TokenEndpointAuthMethod: method, Secrets: secrets})
}

func secretOf(plain string) storage.ClientSecret {
	return storage.ClientSecret{Digest: storage.DigestOf(plain)}
}

// authenticate sends an authorization header, "" for none, and a form.
func (b *bench) authenticate(authorization string, form url.Values) (*storage.Client, error) {
	return b.authenticateFrom("192.0.2.1:1234", authorization, form)
}

func (b *bench) authenticateFrom(remote, authorization string, form url.Values) (*storage.Client, error) {
	r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, nil)
	r.RemoteAddr = remote
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return b.op.authenticateClient(r, b.project, form)
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func postForm(id, secret string) url.Values {
	return url.Values{"client_id": {id}, "client_secret": {secret}}
}

func TestAuthenticateClient(t *testing.T) {
	b := newBench(t)
	now := b.clock.now()
	ended := secretOf("ended")
	ended.ExpiresAt = now
	live := secretOf("live")
	live.ExpiresAt = now.Add(time.Second)
	b.secretClient(t, "either", "", secretOf("s3cret"))
	b.secretClient(t, "basic", authBasic, secretOf("s3cret"))
	b.secretClient(t, "post", authPost, secretOf("s3cret"))
	b.secretClient(t, "public", authNone)
	b.secretClient(t, "two", authBasic, secretOf("old"), secretOf("new"))
	b.secretClient(t, "rotated", authBasic, ended, live)
	b.secretClient(t, "odd id:+%", authBasic, secretOf("a+b %2B:ä"))
	b.secretClient(t, "raw+id", authBasic, secretOf("p%41ss+word"))
	b.secretClient(t, "key", authPrivateKeyJWT)
	b.secretClient(t, "no-secrets", authBasic)
	b.create(t, &storage.Client{ID: "disabled", TokenEndpointAuthMethod: authBasic, Secrets: []storage.ClientSecret{secretOf("s3cret")}, Disabled: true})
	b.create(t, &storage.Client{ID: "disabled-public", TokenEndpointAuthMethod: authNone, Disabled: true})
	var zero storage.Digest
	b.secretClient(t, "zero-digest", authBasic, storage.ClientSecret{Digest: zero})

	const failed = "client authentication failed: the client is unknown, or its secret is wrong or expired"
	for name, test := range map[string]struct {
		authorization string
		form          url.Values
		client        string // "" when it is refused
		says          string
	}{
		"basic":                     {basic("basic", "s3cret"), nil, "basic", ""},
		"basic-in-lower-case":       {strings.Replace(basic("basic", "s3cret"), "Basic", "basic", 1), nil, "basic", ""},
		"basic-and-same-client-id":  {basic("basic", "s3cret"), url.Values{"client_id": {"basic"}}, "basic", ""},
		"basic-and-empty-secret":    {basic("basic", "s3cret"), url.Values{"client_secret": {""}}, "basic", ""},
		"post":                      {"", postForm("post", "s3cret"), "post", ""},
		"none":                      {"", url.Values{"client_id": {"public"}}, "public", ""},
		"either-by-basic":           {basic("either", "s3cret"), nil, "either", ""},
		"either-by-post":            {"", postForm("either", "s3cret"), "either", ""},
		"bearer-is-no-client-auth":  {"Bearer xyz", url.Values{"client_id": {"public"}}, "public", ""},
		"RFC6749-2.3.1/encoded":     {basic(url.QueryEscape("odd id:+%"), url.QueryEscape("a+b %2B:ä")), nil, "odd id:+%", ""},
		"RFC6749-2.3.1/not-encoded": {basic("raw+id", "p%41ss+word"), nil, "raw+id", ""},
		"RFC6749-2.3.1/half":        {basic("raw+id", url.QueryEscape("p%41ss+word")), nil, "raw+id", ""},
		"S2-06/first-of-two":        {basic("two", "old"), nil, "two", ""},
		"S2-06/second-of-two":       {basic("two", "new"), nil, "two", ""},
		"S2-06/not-ended":           {basic("rotated", "live"), nil, "rotated", ""},
		"S2-06/ended":               {basic("rotated", "ended"), nil, "", failed},
		"S2-06/wrong":               {basic("basic", "S3cret"), nil, "", failed},
		"S2-06/wrong-post":          {"", postForm("post", "s3cret "), "", failed},
		"S2-06/empty":               {basic("basic", ""), nil, "", failed},
		"S2-06/unknown":             {basic("stranger", "s3cret"), nil, "", failed},
		"S2-06/unknown-post":        {"", postForm("stranger", "s3cret"), "", failed},
		"S2-06/no-secrets":          {basic("no-secrets", ""), nil, "", failed},
		"S2-06/zero-digest":         {basic("zero-digest", ""), nil, "", failed},
		"S2-06/digest-as-secret":    {basic("basic", fmt.Sprintf("%x", [32]byte(storage.DigestOf("s3cret")))), nil, "", failed},
		"S2-06/other-project":       {basic("elsewhere", "s3cret"), nil, "", failed},
		"S2-14/disabled":            {basic("disabled", "s3cret"), nil, "", "this client is disabled"},
		"S2-14/disabled-public":     {"", url.Values{"client_id": {"disabled-public"}}, "", "this client is disabled"},
		"S2-14/disabled-and-wrong":  {basic("disabled", "x"), nil, "", failed},
		"S2-07/basic-and-post":      {basic("either", "s3cret"), postForm("either", "s3cret"), "", "in more than one way at once: client_secret_basic and client_secret_post"},
		"S2-07/basic-and-assertion": {basic("either", "s3cret"), url.Values{"client_assertion_type": {clientAssertionType}, "client_assertion": {"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIiwic3ViIjoiYSJ9.AA"}}, "", "in more than one way at once: client_secret_basic and private_key_jwt"},
		"S2-07/other-client-id":     {basic("either", "s3cret"), url.Values{"client_id": {"basic"}}, "", "is not the client that authenticates"},
		"S2-07/post-for-basic":      {"", postForm("basic", "s3cret"), "", "authenticated by client_secret_post, and is registered for client_secret_basic"},
		"S2-07/basic-for-post":      {basic("post", "s3cret"), nil, "", "authenticated by client_secret_basic, and is registered for client_secret_post"},
		"S2-07/none-for-either":     {"", url.Values{"client_id": {"either"}}, "", "authenticated by none, and is registered for client_secret_basic or client_secret_post"},
		"S2-07/none-for-basic":      {"", url.Values{"client_id": {"basic"}}, "", "registered for client_secret_basic"},
		"S2-07/none-for-key":        {"", url.Values{"client_id": {"key"}}, "", "registered for private_key_jwt"},
		"S2-07/basic-for-public":    {basic("public", ""), nil, "", "authenticated by client_secret_basic, and is registered for none"},
		"S2-07/post-for-public":     {"", postForm("public", "x"), "", "registered for none"},
		"S2-07/secret-for-key":      {basic("key", "x"), nil, "", "registered for private_key_jwt"},
		"no-client":                 {"", nil, "", "client_id is missing"},
		"unknown-public":            {"", url.Values{"client_id": {"stranger"}}, "", failed},
		"secret-without-id":         {"", postForm("", "s3cret"), "", "client_secret was sent without client_id"},
		"basic-no-base64":           {"Basic !!!", nil, "", "not base64"},
		"basic-no-colon":            {"Basic " + base64.StdEncoding.EncodeToString([]byte("either")), nil, "", "not base64 of"},
		"basic-empty":               {"Basic", nil, "", "not base64 of"},
		"basic-no-id":               {basic("", "s3cret"), nil, "", "names no client"},
		"basic-huge-id":             {basic(strings.Repeat("x", 9000), "s3cret"), nil, "", failed},
	} {
		t.Run(name, func(t *testing.T) {
			if test.form == nil {
				test.form = url.Values{}
			}
			c, err := b.authenticate(test.authorization, test.form)
			if test.client != "" {
				if err != nil || c.ID != test.client {
					t.Fatalf("authenticateClient = %v, %v, want %s", c, err, test.client)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Code != "invalid_client" || e.Status != http.StatusUnauthorized || c != nil {
				t.Fatalf("authenticateClient = %v, %v, want invalid_client", c, err)
			}
			if !strings.Contains(e.Description, test.says) {
				t.Errorf("it says %q, want %q", e.Description, test.says)
			}
			if test.says == failed && e.Description != failed {
				t.Errorf("it says %q, and not what it says of an unknown client", e.Description)
			}
		})
	}
	t.Run("S2-07/two-headers", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, nil)
		r.Header["Authorization"] = []string{"Bearer x", basic("basic", "s3cret")}
		if _, err := b.op.authenticateClient(r, b.project, url.Values{}); !errors.Is(err, ErrInvalidClient) || !usedBasic(r) {
			t.Errorf("authenticateClient = %v, usedBasic %v", err, usedBasic(r))
		}
	})
}

// TestClientAuthLimit: failures are counted for a client and an address, for all
// replicas, and only failures.
func TestClientAuthLimit(t *testing.T) {
	b := newBench(t)
	b.project.RateLimitClientAuth = 3
	b.secretClient(t, "app", authBasic, secretOf("s3cret"))
	b.secretClient(t, "other", authBasic, secretOf("s3cret"))
	expect := func(t *testing.T, what, remote, authorization string, status int) {
		t.Helper()
		_, err := b.authenticateFrom(remote, authorization, url.Values{})
		got := http.StatusOK
		var e *Error
		if errors.As(err, &e) {
			got = e.Status
		} else if err != nil {
			t.Fatal(err)
		}
		if got != status {
			t.Errorf("%s: %d, want %d", what, got, status)
		}
		if status == http.StatusTooManyRequests && (e == nil || e.RetryAfter < time.Second || e.RetryAfter > b.project.RateLimitWindow) {
			t.Errorf("%s: Retry-After of %+v", what, e)
		}
	}
	const here, there = "192.0.2.1:1234", "198.51.100.7:80"
	for range 10 {
		expect(t, "success", here, basic("app", "s3cret"), http.StatusOK)
	}
	for _, id := range []string{"app", "stranger"} { // an unknown client is limited like any
		t.Run("S2-06/limit-"+id, func(t *testing.T) {
			for i := range 3 {
				expect(t, fmt.Sprint("failure ", i+1), here, basic(id, "guess"), http.StatusUnauthorized)
			}
			expect(t, "failure 4", here, basic(id, "guess"), http.StatusTooManyRequests)
		})
	}
	expect(t, "the right secret while limited", here, basic("app", "s3cret"), http.StatusTooManyRequests)
	expect(t, "another port of the address", "192.0.2.1:9", basic("app", "s3cret"), http.StatusTooManyRequests)
	expect(t, "another address", there, basic("app", "s3cret"), http.StatusOK)
	expect(t, "another client", here, basic("other", "s3cret"), http.StatusOK)
	t.Run("S2-06/other-replica", func(t *testing.T) {
		replica := *b
		replica.op = &Provider{store: b.store, now: b.clock.now, log: b.op.log, clients: newClientCache(b.store, b.clock.now)}
		if _, err := replica.authenticate(basic("app", "guess"), url.Values{}); codeOf(err) != ErrSlowDown.Code {
			t.Errorf("a guess at another replica: %v", err)
		}
	})
	t.Run("S2-06/limit-ends", func(t *testing.T) {
		b.clock.advance(b.project.RateLimitWindow)
		expect(t, "after the window", here, basic("app", "s3cret"), http.StatusOK)
		expect(t, "a new failure after the window", here, basic("app", "guess"), http.StatusUnauthorized)
	})
	t.Run("S2-06/ipv6-prefix", func(t *testing.T) {
		for i := range 3 {
			expect(t, "failure", fmt.Sprintf("[2001:db8:1:2::%d]:1", i+1), basic("other", "guess"), http.StatusUnauthorized)
		}
		expect(t, "the same /56", "[2001:db8:1:3::1]:1", basic("other", "guess"), http.StatusTooManyRequests)
		expect(t, "another /56", "[2001:db8:2::1]:1", basic("other", "guess"), http.StatusUnauthorized)
	})
	t.Run("not-a-guess", func(t *testing.T) {
		for range 5 {
			if _, err := b.authenticateFrom("203.0.113.5:1", "", url.Values{"client_id": {"app"}}); !errors.Is(err, ErrInvalidClient) {
				t.Errorf("without credentials: %v", err)
			}
		}
	})
}

func TestNewClientSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		plain, stored := NewClientSecret(time.Now())
		id := NewClientID()
		if len(plain) != 64 || len(id) != 26 || seen[plain] || seen[id] || stored.Digest != storage.DigestOf(plain) {
			t.Fatalf("secret of %d, id %q", len(plain), id)
		}
		if got := readings(plain); len(got) != 1 || url.QueryEscape(plain+id) != plain+id {
			t.Fatalf("%q or %q differs when it is encoded", plain, id)
		}
		seen[plain], seen[id] = true, true
	}
}

// FuzzBasicHeader holds that no header but the client's own authenticates it.
func FuzzBasicHeader(f *testing.F) {
	b := newBench(f)
	b.project.RateLimitClientAuth = 0
	b.secretClient(f, "app", authBasic, secretOf("s3cret"))
	for _, header := range []string{
		basic("app", "s3cret"), basic("app", ""), basic("%61pp", "s3cret"), basic("app", "s3cret%"), "Basic ", "basic", "Basic !", "Bearer x",
		"Basic " + base64.RawURLEncoding.EncodeToString([]byte("app:s3cret")), basic("app:", "s3cret"), basic("\x00", "\xff"),
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := b.authenticate(header, url.Values{})
		if err != nil {
			if !errors.Is(err, ErrInvalidClient) {
				t.Errorf("%q: %v, want invalid_client", header, err)
			}
			return
		}
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		id, secret, _ := r.BasicAuth()
		idDecoded, _ := url.QueryUnescape(id)
		secretDecoded, _ := url.QueryUnescape(secret)
		if c.ID != "app" || id != "app" && idDecoded != "app" || secret != "s3cret" && secretDecoded != "s3cret" {
			t.Errorf("%q authenticates %s", header, c.ID)
		}
	})
}

func TestClientAuthAddressLimit(t *testing.T) {
	b := newBench(t)
	b.project.RateLimitClientAuth = 3
	b.secretClient(t, "app", authBasic, secretOf("s3cret"))
	const here, there = "192.0.2.1:1234", "198.51.100.7:80"
	for i := range 3 * addressFactor { // a new name each time
		if _, err := b.authenticateFrom(here, basic(fmt.Sprint("name", i), "guess"), url.Values{}); !errors.Is(err, ErrInvalidClient) {
			t.Fatalf("S2-06: failure %d: %v", i, err)
		}
	}
	if _, err := b.authenticateFrom(here, basic("app", "s3cret"), url.Values{}); !errors.Is(err, ErrSlowDown) {
		t.Errorf("S2-06: the address goes on: %v", err)
	}
	if _, err := b.authenticateFrom(there, basic("app", "s3cret"), url.Values{}); err != nil {
		t.Errorf("S2-06: another address: %v", err)
	}
}
