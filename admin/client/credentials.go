package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	early          = 30 * time.Second // a token is got anew so long before it ends
	assertionLife  = time.Minute
	maxTokenAnswer = 64 << 10
)

// ClientCredentials gets tokens for a client on its own behalf (RFC 6749 §4.4).
// One of Secret and Key is set.
type ClientCredentials struct {
	Issuer   string
	ClientID string
	Scope    string // separated by spaces; "": what the client may have
	Secret   string
	Key      *jose.SigningKey // private_key_jwt (RFC 7523 §2.2); its key may be a jose.JSONWebKey with a kid
	HTTP     *http.Client     // nil: http.DefaultClient
	Now      func() time.Time // nil: time.Now

	mu    sync.Mutex
	token string
	ends  time.Time
}

// LogValue hides the secret.
func (c *ClientCredentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", c.Issuer), slog.String("client_id", c.ClientID))
}

// Token implements TokenSource. It keeps a token until shortly before its end.
func (c *ClientCredentials) Token(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	if c.token != "" && now().Add(early).Before(c.ends) {
		return c.token, nil
	}
	if err := safe(c.Issuer); err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ClientID}}
	if c.Scope != "" {
		form.Set("scope", c.Scope)
	}
	if c.Key != nil {
		assertion, err := c.assertion(now())
		if err != nil {
			return "", err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	} else {
		form.Set("client_secret", c.Secret)
	}
	token, life, err := c.ask(ctx, form)
	if err != nil {
		return "", err
	}
	c.token, c.ends = token, now().Add(life)
	return token, nil
}

func (c *ClientCredentials) ask(ctx context.Context, form url.Values) (string, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, errors.New("client: the issuer is not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	res, err := h.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxTokenAnswer)).Decode(&body); err != nil {
		return "", 0, fmt.Errorf("client: the token endpoint answered %s without JSON", res.Status)
	}
	if body.AccessToken == "" {
		return "", 0, fmt.Errorf("client: no token: %s: %s", body.Error, body.Description)
	}
	return body.AccessToken, time.Duration(body.ExpiresIn) * time.Second, nil
}

// assertion is a JWT that proves the client (RFC 7523 §3).
func (c *ClientCredentials) assertion(now time.Time) (string, error) {
	signer, err := jose.NewSigner(*c.Key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	claims, err := json.Marshal(map[string]any{
		"iss": c.ClientID, "sub": c.ClientID, "aud": c.Issuer, "jti": base64.RawURLEncoding.EncodeToString(id[:]),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
