package conformance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mailServer is an SMTP server (RFC 5321) as small as can be: it refuses for a
// while, and then takes every mail.
type mailServer struct {
	refusals int // 451 to so many mails first
	taken    chan string
}

func (m *mailServer) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		m.talk(c)
	}
}

func (m *mailServer) talk(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // a peer that is gone ends it too
	r := bufio.NewReader(c)
	say := func(line string) { _, _ = io.WriteString(c, line+"\r\n") }
	say("220 mail.example.test ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch command := strings.ToUpper(strings.Fields(line + " ?")[0]); command {
		case "EHLO", "HELO":
			say("250 mail.example.test")
		case "RCPT":
			if m.refusals > 0 {
				m.refusals--
				say("451 4.3.2 try again later")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var mail strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				mail.WriteString(line)
			}
			say("250 taken")
			m.taken <- mail.String()
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// TestMailServerDown is S6-10: while no mail server answers the page is as fast
// and as honest as ever, and nothing is lost, though the process is killed
// meanwhile; when the server is back, and has refused once more, the mail arrives
// and signs in.
func TestMailServerDown(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, "GATEWAY_SMTP_HOST=127.0.0.1", fmt.Sprintf("GATEWAY_SMTP_PORT=%d", port), "GATEWAY_SMTP_TLS=insecure_none",
		"GATEWAY_SMTP_FROM=login@example.test", "GATEWAY_PASSWORDLESS_CODE_TTL_SECONDS=600")
	b := newBrowser(t, w.server, w.alice)
	r := w.request(w.web)
	f := b.signInForm(r)
	step := w.issuer + strings.TrimSuffix(f.action.Path, "/"+lastSegment(f.action.Path)) + "/emailcode"
	asked := time.Now()
	p := b.post(step, url.Values{"email": {w.alice.email}, "decision": {"send"}}, w.issuer)
	if took := time.Since(asked); took > 10*time.Second { // nobody waits for the mail server's own patience
		t.Errorf("S6-10: the page took %s", took)
	}
	if p.status != http.StatusOK || !strings.Contains(p.text(), "a code is on its way") || !strings.Contains(p.text(), "the junk folder") {
		t.Fatalf("S6-10: status %d: %s", p.status, p.text())
	}
	w.kill() // what was left to be sent is durable
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{refusals: 1, taken: make(chan string, 4)}
	ended := make(chan struct{})
	go func() { m.serve(l); close(ended) }()
	defer func() { l.Close(); <-ended }()
	var mail string
	select {
	case mail = <-m.taken:
	case <-time.After(3 * time.Minute):
		t.Fatalf("S6-10: no mail within three minutes of the server's return\n%s", w.log.tail())
	}
	t.Logf("the mail came %s after it was asked for", time.Since(asked).Round(100*time.Millisecond))
	code := regexp.MustCompile(`(?m)^    (\d{6})\s*$`).FindStringSubmatch(mail)
	if code == nil || !strings.Contains(mail, w.alice.email) {
		t.Fatalf("the mail has no code, or is for somebody else:\n%s", mail)
	}
	w.log.secret(code[1])
	b.redeem(r, b.answer(r, b.finish(b.post(step, url.Values{"code": {code[1]}}, w.issuer))).Get("code"))
}
