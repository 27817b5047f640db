// Package sms sends short messages through somebody's HTTP interface.
package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Doer sends requests. *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Refused is a message that will not be taken, whenever it is tried again.
type Refused struct{ Status int }

// Error names the status alone.
func (r *Refused) Error() string { return fmt.Sprintf("sms: refused with %d", r.Status) }

// ErrUnreachable: the gateway did not take the message now.
var ErrUnreachable = errors.New("sms: the gateway does not take it now")

// Webhook posts {"id", "to", "text"} as JSON to a URL of the operator.
type Webhook struct {
	URL   string
	Token string // sent as a bearer token; "": none
	HTTP  Doer
}

// LogValue hides the token, and the URL, which may hold one.
func (h *Webhook) LogValue() slog.Value { return slog.StringValue("webhook") }

// Send sends a message to a number in E.164 form. A gateway can tell a
// repetition by the id.
func (h *Webhook) Send(ctx context.Context, to, id, text string) error {
	body, err := json.Marshal(map[string]string{"id": id, "to": to, "text": text})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return ErrUnreachable
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", id)
	if h.Token != "" {
		req.Header.Set("Authorization", "Bearer "+h.Token)
	}
	return answer(h.HTTP, req)
}

// Twilio speaks Twilio's Messages resource, which other gateways speak too:
// POST <URL>/2010-04-01/Accounts/<account>/Messages.json as a form.
type Twilio struct {
	URL            string // "https://api.twilio.com"
	Account, Token string // account SID and auth token
	From           string // number, or "MG…" for a messaging service
	HTTP           Doer
}

// LogValue hides the token.
func (t *Twilio) LogValue() slog.Value { return slog.StringValue(t.Account) }

// Send sends a message to a number in E.164 form.
func (t *Twilio) Send(ctx context.Context, to, _, text string) error {
	form := url.Values{"To": {to}, "Body": {text}}
	if strings.HasPrefix(t.From, "MG") {
		form.Set("MessagingServiceSid", t.From)
	} else {
		form.Set("From", t.From)
	}
	where := strings.TrimSuffix(t.URL, "/") + "/2010-04-01/Accounts/" + url.PathEscape(t.Account) + "/Messages.json"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, strings.NewReader(form.Encode()))
	if err != nil {
		return ErrUnreachable
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(t.Account, t.Token)
	return answer(t.HTTP, req)
}

// maxAnswer is how much of an answer is read, so that the connection can be used
// again. Nothing of it is kept.
const maxAnswer = 64 << 10

func answer(client Doer, req *http.Request) error {
	res, err := client.Do(req)
	if err != nil {
		if ctx := req.Context(); ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrUnreachable // what it says may hold the URL, and the URL a secret
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return nil
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusRequestTimeout, res.StatusCode >= 500,
		res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden: // the operator's mistake may be mended
		return fmt.Errorf("%w: status %d", ErrUnreachable, res.StatusCode)
	}
	return &Refused{res.StatusCode}
}

// Printer writes messages to a terminal: for development alone, since whoever
// reads them can sign in.
type Printer struct {
	Out io.Writer
	mu  sync.Mutex
}

// Send prints a message.
func (p *Printer) Send(_ context.Context, to, _, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := fmt.Fprintf(p.Out, "SMS to %s: %s\n", to, text)
	return err
}
