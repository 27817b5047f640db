package conformance

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// letter is a mail, as the person reads its text.
type letter struct{ to, subject, text string }

var (
	linkInLetter = regexp.MustCompile(`(?m)^https://\S+$`)
	codeInLetter = regexp.MustCompile(`(?m)^    (\S+)\s*$`)
)

func (l letter) link() string { return strings.TrimSpace(linkInLetter.FindString(l.text)) }

func (l letter) code() string {
	if m := codeInLetter.FindStringSubmatch(l.text); m != nil {
		return m[1]
	}
	return ""
}

// postbox is a mail server that keeps what it is given.
type postbox struct {
	net.Listener
	arrived chan letter
	talks   sync.WaitGroup
	kept    []letter // that nobody has asked for yet
}

func startPostbox(t *testing.T) *postbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postbox{Listener: l, arrived: make(chan letter, 100)}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		p.talks.Wait()
	})
	p.talks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed at the end of the test
			}
			p.talks.Go(func() {
				if err := p.talk(c); err != nil {
					t.Logf("the mail server: %v", err) // whoever is killed breaks off
				}
			})
		}
	})
	return p
}

// settings are those of a server that sends its mail here.
func (p *postbox) settings(t *testing.T) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return []string{"GATEWAY_SMTP_HOST=" + host, "GATEWAY_SMTP_PORT=" + port, "GATEWAY_SMTP_TLS=insecure_none", "GATEWAY_SMTP_FROM=login@example.test"}
}

// talk answers a client of SMTP.
func (p *postbox) talk(c net.Conn) error {
	defer c.Close()                                    //nolint:errcheck // the conversation is over
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute)) // a peer that is gone ends it too
	conn := textproto.NewConn(c)
	if err := conn.PrintfLine("220 postbox.example.test"); err != nil {
		return err
	}
	to := ""
	for {
		line, err := conn.ReadLine()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		answer := "250 ok"
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			answer = "250 postbox.example.test"
		case "RCPT":
			to = strings.Trim(line[len("RCPT TO:"):], "<>")
		case "DATA":
			if err := conn.PrintfLine("354 go on"); err != nil {
				return err
			}
			raw, err := conn.ReadDotBytes()
			if err != nil {
				return err
			}
			l, err := read(raw)
			if err != nil {
				return err
			}
			l.to = to
			p.arrived <- l
		case "QUIT":
			return conn.PrintfLine("221 bye")
		}
		if err := conn.PrintfLine("%s", answer); err != nil {
			return err
		}
	}
}

// read takes subject and text out of a mail of several parts.
func read(raw []byte) (letter, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return letter{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return letter{}, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return letter{}, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return letter{}, fmt.Errorf("no text in the mail: %w", err)
		}
		if !strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			continue
		}
		var body io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(body)
		return letter{subject: subject, text: strings.ReplaceAll(string(text), "\r\n", "\n")}, err
	}
}

// letter waits for one to this address with this in its subject.
func (p *postbox) letter(t *testing.T, to, subject string) letter {
	t.Helper()
	wanted := func(l letter) bool { return l.to == to && strings.Contains(l.subject, subject) }
	if i := slices.IndexFunc(p.kept, wanted); i >= 0 {
		l := p.kept[i]
		p.kept = slices.Delete(p.kept, i, i+1)
		return l
	}
	var others []string
	late := time.After(time.Minute)
	for {
		select {
		case l := <-p.arrived:
			if wanted(l) {
				return l
			}
			p.kept, others = append(p.kept, l), append(others, l.to+": "+l.subject)
		case <-late:
			t.Fatalf("no letter to %s about %q within a minute, but %q", to, subject, others)
		}
	}
}
