// Package mail sends written letters by SMTP (RFC 5321), to the first of several
// servers that takes them.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/elloloop/identity/templates"
)

// How the connection to a server is protected.
const (
	StartTLS     = "starttls"      // STARTTLS, or nothing is sent (RFC 3207)
	ImplicitTLS  = "tls"           // TLS from the first byte (RFC 8314 §3.3)
	InsecureNone = "insecure_none" // in the clear: for a relay on this machine alone
)

// Server is one SMTP server.
type Server struct {
	Host     string `json:"host"`
	Port     int    `json:"port"` // 0: 587 with STARTTLS, 465 with TLS, 25 without
	User     string `json:"user"` // "": no authentication
	Password string `json:"pass"`
	TLS      string `json:"tls"` // "": starttls
}

// LogValue shows where it is, never how to get in.
func (s Server) LogValue() slog.Value { return slog.StringValue(s.address()) }

// String is where it is.
func (s Server) String() string { return s.address() }

// Format writes where it is, whatever the verb.
func (s Server) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, s.address()) }

// MarshalText hides the password from JSON, YAML and XML.
func (s Server) MarshalText() ([]byte, error) { return []byte(s.address()), nil }

func (s Server) address() string { return net.JoinHostPort(s.Host, fmt.Sprint(s.port())) }

func (s Server) port() int {
	switch {
	case s.Port != 0:
		return s.Port
	case s.TLS == ImplicitTLS:
		return 465
	case s.TLS == InsecureNone:
		return 25
	}
	return 587
}

// Check says what is wrong with the settings, nil when nothing is.
func (s Server) Check() error {
	switch {
	case s.Host == "":
		return errors.New("no host")
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("port %d: want 1 to 65535", s.Port)
	case s.TLS != "" && s.TLS != StartTLS && s.TLS != ImplicitTLS && s.TLS != InsecureNone:
		return fmt.Errorf("tls %q: want %s, %s or %s", s.TLS, StartTLS, ImplicitTLS, InsecureNone)
	case s.User == "" && s.Password != "":
		return errors.New("a password without a user")
	case s.TLS == InsecureNone && s.User != "":
		return errors.New("a password would go in the clear: use starttls or tls")
	}
	return nil
}

// Config is what a sender is made of.
type Config struct {
	Servers []Server // the first that takes a letter gets it
	From    string   // address, or "Name <address>"
	Timeout time.Duration
	Roots   *x509.CertPool // nil: those of the system
	Now     func() time.Time
}

// LogValue shows the servers, never how to get in.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c.Servers)) }

// LogValue shows the servers, never how to get in.
func (s *Sender) LogValue() slog.Value { return s.config.LogValue() }

// Sender sends letters.
type Sender struct {
	config Config
	from   *netmail.Address
}

// New makes a sender, which connects with the first letter.
func New(c Config) (*Sender, error) {
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("mail: sender address %q: %w", c.From, err)
	}
	if len(c.Servers) == 0 {
		return nil, errors.New("mail: no server")
	}
	for _, s := range c.Servers {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("mail: server %s: %w", s, err)
		}
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Sender{c, from}, nil
}

// Refused is a letter that no server will ever take: trying again is in vain.
type Refused struct{ Code int }

// Error names the code alone: what servers say holds addresses.
func (r *Refused) Error() string { return fmt.Sprintf("mail: refused with %d", r.Code) }

// Unreachable says that no server took the letter now.
type Unreachable struct{ Codes []int } // of each server's answer; 0 for none

// Error names the codes.
func (u *Unreachable) Error() string {
	return "mail: no server takes it now: " + strings.Trim(fmt.Sprint(u.Codes), "[]")
}

// Send sends one letter to one address. id makes the Message-ID: the same for
// every try, so that a repetition can be told. The errors are *Refused,
// *Unreachable and ctx.Err(); none holds an address or what a server said.
func (s *Sender) Send(ctx context.Context, to, id string, w templates.Written) error {
	msg, err := s.message(to, id, w)
	if err != nil {
		return err
	}
	down := &Unreachable{}
	for _, server := range s.config.Servers {
		err := s.try(ctx, server, msg)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var sent *gomail.SendError
		if errors.As(err, &sent) {
			code := sent.ErrorCode()
			// What the address itself causes is the same at every server. The rest,
			// such as a sender that this server does not know, may not be.
			if code >= 550 && code <= 553 && sent.Reason == gomail.ErrSMTPRcptTo {
				return &Refused{code}
			}
			down.Codes = append(down.Codes, code)
			continue
		}
		down.Codes = append(down.Codes, 0)
	}
	return down
}

func (s *Sender) message(to, id string, w templates.Written) (*gomail.Msg, error) {
	address, err := netmail.ParseAddress(to)
	if err != nil || address.Name != "" {
		return nil, &Refused{553}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.EnvelopeFromMailAddress(s.from)
	msg.ToMailAddress(address)
	msg.Subject(w.Subject)
	_, domain, _ := strings.Cut(s.from.Address, "@")
	msg.SetMessageIDWithValue(id + "@" + domain)
	msg.SetDateWithValue(s.config.Now())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no answer by a machine
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetGenHeader("Content-Language", w.Lang)
	msg.SetBodyString(gomail.TypeTextPlain, w.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, w.HTML)
	return msg, nil
}

func (s *Sender) try(ctx context.Context, server Server, msg *gomail.Msg) error {
	options := []gomail.Option{
		gomail.WithPort(server.port()), gomail.WithTimeout(s.config.Timeout), gomail.WithoutNoop(),
		gomail.WithTLSConfig(&tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12, RootCAs: s.config.Roots}),
	}
	switch server.TLS {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL())
	case InsecureNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if server.User != "" {
		options = append(options, gomail.WithUsername(server.User), gomail.WithPassword(server.Password), gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
	}
	client, err := gomail.NewClient(server.Host, options...)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, msg)
}
