package mail

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/templates"
)

var letter = templates.Written{
	Subject: "Ihr Code für Harbour", Lang: "de", Text: "Ihr Code:\n\n    381942\n", HTML: "<p>Ihr Code: 381942</p>",
}

func sender(t *testing.T, s *server, servers ...Server) *Sender {
	t.Helper()
	out, err := New(Config{Servers: servers, From: "Harbour <login@harbour.test>", Timeout: time.Minute, Roots: s.roots})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSend(t *testing.T) {
	for _, row := range []struct {
		name   string
		server *server
		mode   string
	}{
		{"starttls", &server{}, StartTLS},
		{"starttls-with-password", &server{user: "robot", key: "correct horse"}, StartTLS},
		{"tls", &server{implicit: true, user: "robot", key: "correct horse"}, ImplicitTLS},
		{"clear", &server{plain: true}, InsecureNone},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := start(t, row.server)
			if err := sender(t, s, s.settings(row.mode)).Send(t.Context(), "jane@example.test", "0192", letter); err != nil {
				t.Fatal(err)
			}
			if n := len(s.mails()); n != 1 {
				t.Fatalf("%d mails", n)
			}
			check(t, s.mails()[0])
			for _, line := range s.inClear {
				if row.mode != InsecureNone && !strings.HasPrefix(line, "EHLO") && line != "STARTTLS" {
					t.Errorf("in the clear: %s", line)
				}
			}
		})
	}
}

func check(t *testing.T, raw string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != letter.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"From": `"Harbour" <login@harbour.test>`, "To": "<jane@example.test>", "Message-Id": "<0192@harbour.test>",
		"Auto-Submitted": "auto-generated", "Content-Language": "de", "User-Agent": "", "X-Mailer": "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []struct{ kind, body string }{{"text/plain", letter.Text}, {"text/html", letter.HTML}} {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil || !strings.HasPrefix(p.Header.Get("Content-Type"), want.kind) || strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n")) != strings.TrimSpace(want.body) {
			t.Errorf("%s: %q %v", p.Header.Get("Content-Type"), body, err)
		}
	}
}

// What a server does not take goes to the next; what no server will ever take is
// told apart from what may go later (S6-10).
func TestServersThatRefuse(t *testing.T) {
	good := start(t, &server{})
	gone := Server{Host: "localhost", Port: 1, TLS: StartTLS}
	t.Run("next-server", func(t *testing.T) {
		busy := start(t, &server{rcpt: "451 4.7.1 later"})
		busy.roots.AddCert(good.cert)
		for _, first := range []Server{gone, busy.settings(StartTLS)} {
			before := len(good.mails())
			if err := sender(t, busy, first, good.settings(StartTLS)).Send(t.Context(), "jane@example.test", "1", letter); err != nil || len(good.mails()) != before+1 {
				t.Errorf("%s: %v", first, err)
			}
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		var down *Unreachable
		if err := sender(t, good, gone).Send(t.Context(), "jane@example.test", "1", letter); !errors.As(err, &down) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no-such-person", func(t *testing.T) {
		s := start(t, &server{rcpt: "550 5.1.1 jane@example.test is not here"})
		err := sender(t, s, s.settings(StartTLS)).Send(t.Context(), "jane@example.test", "1", letter)
		var refused *Refused
		if !errors.As(err, &refused) || refused.Code != 550 || strings.Contains(err.Error(), "jane") {
			t.Errorf("S5-06: got %v", err)
		}
	})
	t.Run("wrong-password", func(t *testing.T) {
		s := start(t, &server{user: "robot", key: "right"})
		wrong := s.settings(StartTLS)
		wrong.Password = "hunter2-hunter2"
		err := sender(t, s, wrong).Send(t.Context(), "jane@example.test", "1", letter)
		var down *Unreachable
		if !errors.As(err, &down) || strings.Contains(err.Error(), "hunter2") || len(s.mails()) != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("tls-stripped", func(t *testing.T) {
		s := start(t, &server{plain: true})
		if err := sender(t, s, Server{Host: s.host, Port: s.port}).Send(t.Context(), "jane@example.test", "1", letter); err == nil || len(s.mails()) != 0 {
			t.Errorf("a mail went in the clear: %v", err)
		}
	})
	t.Run("strange-certificate", func(t *testing.T) {
		s := start(t, &server{})
		if err := sender(t, good, s.settings(StartTLS)).Send(t.Context(), "jane@example.test", "1", letter); err == nil || len(s.mails()) != 0 {
			t.Errorf("a stranger got a mail: %v", err)
		}
	})
	t.Run("address", func(t *testing.T) {
		for _, to := range []string{"", "jane", "a@b.test, c@d.test", "Jane <jane@example.test>", "a@b.test\r\nBcc: c@d.test"} {
			var refused *Refused
			if err := sender(t, good, good.settings(StartTLS)).Send(t.Context(), to, "1", letter); !errors.As(err, &refused) {
				t.Errorf("%q: %v", to, err)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := sender(t, good, good.settings(StartTLS)).Send(ctx, "jane@example.test", "1", letter); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, s := range []Server{
		{}, {Host: "h", Port: -1}, {Host: "h", Port: 70000}, {Host: "h", TLS: "ssl"}, {Host: "h", Password: "x"}, {Host: "h", User: "u", Password: "x", TLS: InsecureNone},
	} {
		if s.Check() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
