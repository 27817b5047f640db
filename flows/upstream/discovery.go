package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/elloloop/identity/storage"
)

const (
	maxAnswer = 1 << 20          // of a provider, in bytes (S3-16)
	patience  = 10 * time.Second // with one request to a provider (S3-16)
	fresh     = time.Hour        // how long a discovery document is believed
)

// errTooLarge: the answer is larger than it may be.
var errTooLarge = errors.New("upstream: the answer is too large")

// bounded is a client whose answers end at maxAnswer: the libraries read all
// there is.
func bounded(c *http.Client) *http.Client {
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	return &http.Client{Transport: limited{next}, CheckRedirect: c.CheckRedirect, Timeout: patience}
}

type limited struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err == nil {
		res.Body = &limitedBody{res.Body, maxAnswer}
	}
	return res, err
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read fails where a cut answer could be taken for a whole one.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// discovery is what an OpenID provider says of itself (OIDC Discovery §3).
type discovery struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	SigningAlgs           []string `json:"id_token_signing_alg_values_supported"`
	IssParameter          bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3

	keys oidc.KeySet
	read time.Time
}

// discoveries keeps the documents by their URL.
type discoveries struct {
	mu    sync.Mutex
	byURL map[string]*discovery
}

// maxDiscoveries bounds what is kept: projects come and go.
const maxDiscoveries = 1000

func discoveryURL(p *storage.Provider) string {
	if p.DiscoveryURL != "" {
		return p.DiscoveryURL
	}
	return strings.TrimSuffix(p.Issuer, "/") + "/.well-known/openid-configuration"
}

// discover returns what the provider says of itself. One that does not answer is
// believed what it said before.
func (f *Flow) discover(ctx context.Context, p *storage.Provider) (*discovery, error) {
	at, now := discoveryURL(p), f.config.Now()
	f.found.mu.Lock()
	d := f.found.byURL[at]
	f.found.mu.Unlock()
	if d != nil && now.Sub(d.read) < fresh {
		return d, d.belongsTo(p)
	}
	next, err := f.fetchDiscovery(ctx, at)
	switch {
	case err != nil && d != nil:
		return d, d.belongsTo(p)
	case err != nil:
		return nil, err
	}
	if err := next.belongsTo(p); err != nil {
		return nil, err
	}
	next.read = now
	next.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), f.http), next.JWKSURI)
	if d != nil && d.JWKSURI == next.JWKSURI {
		next.keys = d.keys // with what it has read
	}
	f.found.mu.Lock()
	defer f.found.mu.Unlock()
	if f.found.byURL == nil || len(f.found.byURL) >= maxDiscoveries {
		f.found.byURL = map[string]*discovery{}
	}
	f.found.byURL[at] = next
	return next, nil
}

// belongsTo: the document must be that of the issuer that was asked (OIDC
// Discovery §4.3). Microsoft's for several tenants has a template there.
func (d *discovery) belongsTo(p *storage.Provider) error {
	if d.Issuer == p.Issuer || p.Kind == storage.ProviderMicrosoft && strings.Contains(d.Issuer, tenantPlace) {
		return nil
	}
	return fmt.Errorf("upstream: the discovery document of %s is of another issuer", p.ID)
}

func (f *Flow) fetchDiscovery(ctx context.Context, at string) (*discovery, error) {
	d := &discovery{}
	if err := f.getJSON(ctx, at, "", d); err != nil {
		return nil, err
	}
	for name, v := range map[string]string{"authorization_endpoint": d.AuthorizationEndpoint, "token_endpoint": d.TokenEndpoint, "jwks_uri": d.JWKSURI} {
		if v == "" {
			return nil, fmt.Errorf("upstream: the discovery document has no %s", name)
		}
	}
	return d, nil
}

// getJSON reads a JSON answer into v, with an access token where there is one.
func (f *Flow) getJSON(ctx context.Context, at, accessToken string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return errors.New("upstream: the endpoint is no URL")
	}
	req.Header.Set("Accept", "application/json")
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken) // RFC 6750 §2.1
	}
	res, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read, or is of no use
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("upstream: the answer has status %d", res.StatusCode)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return errors.New("upstream: the answer is not the JSON that was expected")
	}
	return nil
}
