package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// logoutTokenTTL is how long a logout token may be used: OIDC Back-Channel Logout
// §4 recommends at most two minutes. Each attempt gets a new one.
const logoutTokenTTL = 2 * time.Minute

// logoutEvent is the member of events that makes a JWT a logout token (OIDC
// Back-Channel Logout §2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutTokenClaims are those of OIDC Back-Channel Logout §2.4. There is no nonce,
// so that an ID token is never taken for it.
type logoutTokenClaims struct {
	Issuer   string                  `json:"iss"`
	Subject  string                  `json:"sub"`
	Audience string                  `json:"aud"`
	IssuedAt int64                   `json:"iat"`
	Expires  int64                   `json:"exp"`
	ID       string                  `json:"jti"`
	Events   map[string]emptyElement `json:"events"`
	Session  string                  `json:"sid"`
}

type emptyElement struct{}

// DeliveryError says why a client could not be told of the end of a session.
type DeliveryError struct {
	Reason     string        // machine-readable, never an address
	Permanent  bool          // the same request will not be answered otherwise
	RetryAfter time.Duration // the receiver's wish; 0: none
	cause      error
}

func (e *DeliveryError) Error() string {
	if e.cause == nil {
		return e.Reason
	}
	return e.Reason + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *DeliveryError) Unwrap() error { return e.cause }

// PostLogoutToken tells a client, server to server, that a session has ended
// (OIDC Back-Channel Logout §2.5). It makes one attempt. A client that is gone or
// wants no such call any more is no error.
func (op *Provider) PostLogoutToken(ctx context.Context, p *storage.Project, payload []byte, do func(*http.Request) (*http.Response, error)) error {
	var n storage.BackChannelLogout
	if err := json.Unmarshal(payload, &n); err != nil {
		return &DeliveryError{Reason: "unreadable", Permanent: true, cause: err}
	}
	c, err := op.clients.get(ctx, p, n.ClientID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && c.BackChannelLogoutURI == "" {
		return nil
	}
	if err != nil {
		return &DeliveryError{Reason: "storage", cause: err}
	}
	token, err := op.logoutToken(ctx, p, c, n)
	if err != nil {
		return &DeliveryError{Reason: "signing", cause: err}
	}
	body := url.Values{"logout_token": {token}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannelLogoutURI, strings.NewReader(body))
	if err != nil {
		return &DeliveryError{Reason: "bad_uri", Permanent: true, cause: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := do(req)
	if err != nil {
		return &DeliveryError{Reason: "unreachable", cause: err}
	}
	_ = res.Body.Close() // its body says nothing that we act on
	return deliveryAnswer(res)
}

// deliveryAnswer reads the answer of OIDC Back-Channel Logout §2.8: 200 (or 204,
// which some frameworks make of it) is success. A refusal of the request itself
// is final; what may pass is tried again.
func deliveryAnswer(res *http.Response) error {
	switch status := res.StatusCode; {
	case status == http.StatusOK || status == http.StatusNoContent:
		return nil
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		after, _ := strconv.Atoi(res.Header.Get("Retry-After")) // a date, or nonsense: our own pace
		return &DeliveryError{Reason: fmt.Sprintf("http_%d", status), RetryAfter: time.Duration(max(0, min(after, 3600))) * time.Second}
	default:
		return &DeliveryError{Reason: fmt.Sprintf("http_%d", status), Permanent: true}
	}
}

func (op *Provider) logoutToken(ctx context.Context, p *storage.Project, c *storage.Client, n storage.BackChannelLogout) (string, error) {
	sub, err := op.subject(ctx, p, c, n.UserID)
	if err != nil {
		return "", err
	}
	alg := idTokenAlg(p, c)
	if alg == algNone { // OIDC Back-Channel Logout §2.4: a logout token is always signed
		alg = "RS256"
	}
	now := op.now()
	return op.keys.sign(ctx, p, alg, typLogoutToken, logoutTokenClaims{
		Issuer: p.Issuer, Subject: sub, Audience: c.ID, IssuedAt: now.Unix(), Expires: now.Add(logoutTokenTTL).Unix(),
		ID: storage.NewID(), Events: map[string]emptyElement{logoutEvent: {}}, Session: n.SessionID,
	})
}

// sessionClient says how a client wants to hear of the end of a session, and
// whether it does.
func sessionClient(c *storage.Client) (storage.SessionClient, bool) {
	s := storage.SessionClient{ClientID: c.ID, FrontChannel: c.FrontChannelLogoutURI != "", BackChannel: c.BackChannelLogoutURI != ""}
	return s, s.FrontChannel || s.BackChannel
}
