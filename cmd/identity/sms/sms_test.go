package sms

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// gateway answers with a status and keeps the last request.
type gateway struct {
	*httptest.Server
	status int
	header http.Header
	path   string
	body   string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{status: http.StatusCreated}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		g.header, g.path, g.body = r.Header, r.URL.Path, string(b)
		w.WriteHeader(g.status)
		_, _ = w.Write([]byte(`{"message": "+15005550006 is bad, token hunter2hunter2"}`))
	}))
	t.Cleanup(g.Close)
	return g
}

func TestWebhook(t *testing.T) {
	g := newGateway(t)
	h := &Webhook{URL: g.URL + "/sms", Token: "hunter2hunter2", HTTP: g.Client()}
	if err := h.Send(t.Context(), "+15005550006", "0192", "381942 is your code"); err != nil {
		t.Fatal(err)
	}
	if g.path != "/sms" || g.header.Get("Authorization") != "Bearer hunter2hunter2" || g.header.Get("Idempotency-Key") != "0192" ||
		g.body != `{"id":"0192","text":"381942 is your code","to":"+15005550006"}` {
		t.Errorf("%s %v %s", g.path, g.header, g.body)
	}
	answers(t, g, h.Send)
}

func TestTwilio(t *testing.T) {
	g := newGateway(t)
	s := &Twilio{URL: g.URL + "/", Account: "AC1", Token: "hunter2hunter2", From: "+15005550001", HTTP: g.Client()}
	for from, want := range map[string]string{"+15005550001": "Body=Hi&From=%2B15005550001&To=%2B15005550006", "MG9": "Body=Hi&MessagingServiceSid=MG9&To=%2B15005550006"} {
		s.From = from
		if err := s.Send(t.Context(), "+15005550006", "0192", "Hi"); err != nil {
			t.Fatal(err)
		}
		r := http.Request{Header: g.header}
		user, key, _ := r.BasicAuth()
		if g.path != "/2010-04-01/Accounts/AC1/Messages.json" || user != "AC1" || key != "hunter2hunter2" || g.body != want {
			t.Errorf("%s %s %s", g.path, user, g.body)
		}
	}
	answers(t, g, s.Send)
}

// answers: what is the message's fault is refused for good, the rest is tried
// again, and no error holds what the gateway said (S5-06).
func answers(t *testing.T, g *gateway, send func(ctx context.Context, to, id, text string) error) {
	t.Helper()
	for status, again := range map[int]bool{400: false, 404: false, 422: false, 401: true, 403: true, 408: true, 429: true, 500: true, 503: true} {
		g.status = status
		err := send(t.Context(), "+15005550006", "1", "Hi")
		var refused *Refused
		if errors.Is(err, ErrUnreachable) != again || errors.As(err, &refused) == again {
			t.Errorf("%d: %v", status, err)
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "5550006") {
			t.Errorf("S5-06: %v", err)
		}
	}
	g.Close()
	if err := send(t.Context(), "+15005550006", "1", "Hi"); !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "http") {
		t.Errorf("gone: %v", err)
	}
}
