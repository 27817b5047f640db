package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is an SMTP server (RFC 5321) that keeps what it is given.
type server struct {
	host      string
	port      int
	roots     *x509.CertPool
	cert      *x509.Certificate
	implicit  bool   // TLS from the first byte
	plain     bool   // offers no STARTTLS
	rcpt      string // answer to RCPT; "" takes everybody
	user, key string // AUTH PLAIN that is demanded, "" for none

	mu       sync.Mutex
	received []string // DATA of each mail
	inClear  []string // commands that came without TLS
}

func start(t *testing.T, s *server) *server {
	t.Helper()
	cert, roots := certificate(t)
	s.roots = roots
	var err error
	if s.cert, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	s.host, s.port = "localhost", l.Addr().(*net.TCPAddr).Port
	var wg sync.WaitGroup
	ended := make(chan struct{})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		close(ended)
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				raw := c
				wg.Go(func() { // who refused the server may be silent then
					<-ended
					_ = raw.Close()
				})
				if s.implicit {
					c = tls.Server(c, config)
				}
				s.talk(c, config, s.implicit)
			})
		}
	})
	return s
}

func (s *server) talk(c net.Conn, config *tls.Config, secure bool) {
	in := bufio.NewReader(c)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(c, format+"\r\n", args...) }
	say("220 mail.test")
	known := s.user == ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if !secure {
			s.mu.Lock()
			s.inClear = append(s.inClear, line)
			s.mu.Unlock()
		}
		switch verb, rest, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "EHLO", "HELO":
			say("250-mail.test")
			if !secure && !s.plain {
				say("250-STARTTLS")
			}
			if s.user != "" {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			secured := tls.Server(c, config)
			if secured.Handshake() != nil {
				return
			}
			c, secure = secured, true
			in = bufio.NewReader(c)
			say = func(format string, args ...any) { _, _ = fmt.Fprintf(secured, format+"\r\n", args...) }
		case "AUTH":
			_, encoded, _ := strings.Cut(rest, " ")
			plain, _ := base64.StdEncoding.DecodeString(encoded)
			if known = string(plain) == "\x00"+s.user+"\x00"+s.key; !known {
				say("535 5.7.8 who is %s", s.user)
				continue
			}
			say("235 welcome")
		case "MAIL":
			if !known {
				say("530 5.7.0 authenticate first")
				continue
			}
			say("250 ok")
		case "RCPT":
			if s.rcpt != "" {
				say("%s", s.rcpt)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var data strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				data.WriteString(l)
			}
			s.mu.Lock()
			s.received = append(s.received, data.String())
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			_, _ = io.Copy(io.Discard, in)
			return
		default:
			say("250 ok")
		}
	}
}

func (s *server) mails() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.received...)
}

func (s *server) settings(mode string) Server {
	return Server{Host: s.host, Port: s.port, TLS: mode, User: s.user, Password: s.key}
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
