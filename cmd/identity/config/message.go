package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/elloloop/identity/cmd/identity/mail"
)

// Mail is how letters leave. Without a server, and outside development, nothing
// that needs a mail is offered.
type Mail struct {
	Host      string      `key:"smtp.host" env:"GATEWAY_SMTP_HOST" doc:"SMTP server that takes the mails. Empty: no mail is sent, and nothing that needs one is offered."`
	Port      int         `key:"smtp.port" env:"GATEWAY_SMTP_PORT" default:"0" min:"0" max:"65535" doc:"Its port. 0: 587 with starttls, 465 with tls, 25 with insecure_none."`
	User      string      `key:"smtp.user" env:"GATEWAY_SMTP_USER" doc:"User to authenticate as. Empty: no authentication."`
	Password  Secret      `key:"smtp.pass" env:"GATEWAY_SMTP_PASS" secret:"true" doc:"Password of the user."`
	From      string      `key:"smtp.from" env:"GATEWAY_SMTP_FROM" doc:"Sender of the mails, as an address or \"Name <address>\". Required with a server."`
	TLS       string      `key:"smtp.tls" env:"GATEWAY_SMTP_TLS" default:"starttls" oneof:"starttls tls insecure_none" doc:"How the connection is protected. insecure_none sends in the clear and takes no password: for a relay on the same machine."`
	Providers MailServers `key:"smtp.providers" env:"GATEWAY_SMTP_PROVIDERS" secret:"true" doc:"More servers, tried in order when those before do not take a mail: a JSON array of {\"host\", \"port\", \"user\", \"pass\", \"tls\"}."`
}

// MailServers are the servers of GATEWAY_SMTP_PROVIDERS.
type MailServers []mail.Server

func (m MailServers) String() string {
	if len(m) == 0 {
		return ""
	}
	return redacted
}

// LogValue hides the passwords.
func (m MailServers) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Format hides the passwords whatever the verb.
func (m MailServers) Format(w fmt.State, _ rune) { fmt.Fprint(w, m.String()) }

// MarshalText hides the passwords from JSON, YAML and XML.
func (m MailServers) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Servers returns all servers, in the order in which they are tried.
func (m Mail) Servers() []mail.Server {
	var all []mail.Server
	if m.Host != "" {
		all = append(all, mail.Server{Host: m.Host, Port: m.Port, User: m.User, Password: m.Password.Reveal(), TLS: m.TLS})
	}
	return append(all, m.Providers...)
}

// SMS is how short messages leave.
type SMS struct {
	Enabled    bool          `key:"sms.enabled" env:"GATEWAY_SMS_ENABLED" default:"false" doc:"Whether codes are sent by short message."`
	Provider   string        `key:"sms.provider" env:"GATEWAY_SMS_PROVIDER" default:"webhook" oneof:"webhook twilio log" doc:"Who sends them: webhook posts JSON to the URL, twilio speaks Twilio's interface, log writes them to the log of a development server."`
	URL        string        `key:"sms.url" env:"GATEWAY_SMS_URL" doc:"URL of the webhook, or of the Twilio-like service. Empty with twilio: Twilio's own."`
	Account    string        `key:"sms.account" env:"GATEWAY_SMS_ACCOUNT" doc:"Account at the Twilio-like service."`
	Token      Secret        `key:"sms.token" env:"GATEWAY_SMS_TOKEN" secret:"true" doc:"Its token, or the bearer token of the webhook."`
	From       string        `key:"sms.from" env:"GATEWAY_SMS_FROM" doc:"Number or messaging service that sends, for twilio."`
	CodeTTL    time.Duration `key:"phone_code.ttl_seconds" env:"GATEWAY_PHONE_CODE_TTL_SECONDS" default:"300" min:"60" max:"3600" doc:"How long a code that was sent by short message works."`
	CodeTries  int           `key:"phone_code.max_attempts" env:"GATEWAY_PHONE_CODE_MAX_ATTEMPTS" default:"5" min:"1" max:"20" doc:"How many tries a code that was sent by short message has."`
	Cooldown   time.Duration `key:"phone_code.cooldown_seconds" env:"GATEWAY_PHONE_CODE_COOLDOWN_SECONDS" default:"60" min:"0" max:"3600" doc:"How long nobody can have another short message sent to the same number."`
	PrefixRate int           `key:"phone_code.range_limit" env:"GATEWAY_PHONE_CODE_RANGE_LIMIT" default:"100" min:"0" max:"1000000" doc:"Most short messages in an hour to one range of numbers, which is the first six digits: fraud that earns from them goes to ranges. 0: no limit."`
}

// checkMessages holds the settings of mail and short messages against each other.
func (l *loader) checkMessages(c *Config, report func(key, format string, args ...any)) {
	if c.Mail.Host != "" {
		if err := (mail.Server{Host: c.Mail.Host, Port: c.Mail.Port, User: c.Mail.User, Password: c.Mail.Password.Reveal(), TLS: c.Mail.TLS}).Check(); err != nil {
			report("smtp.host", "the server can't be used: %v", err)
		}
	}
	if len(c.Mail.Servers()) > 0 {
		if _, err := netmail.ParseAddress(c.Mail.From); err != nil {
			report("smtp.from", "%s is no sender: write an address, such as login@example.com", quote(c.Mail.From))
		}
	}
	if !c.SMS.Enabled {
		return
	}
	u, err := url.Parse(c.SMS.URL)
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "127.0.0.1")
	switch {
	case c.SMS.Provider == "log" && !l.in.Dev:
		report("sms.provider", "log is for development alone: codes in a log let its readers in")
	case c.SMS.Provider == "webhook" && (!secure || u.Host == ""):
		report("sms.url", "the webhook needs an https URL")
	case c.SMS.Provider == "twilio" && c.SMS.URL != "" && !secure:
		report("sms.url", "%s is no https URL", quote(c.SMS.URL))
	case c.SMS.Provider == "twilio" && (c.SMS.Account == "" || c.SMS.Token == "" || c.SMS.From == ""):
		report("sms.account", "twilio needs GATEWAY_SMS_ACCOUNT, GATEWAY_SMS_TOKEN and GATEWAY_SMS_FROM")
	}
}

// parseMailServers reads the JSON array of servers. Its errors never show a value.
func parseMailServers(text string) (MailServers, error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	var servers MailServers
	if err := d.Decode(&servers); err != nil || d.More() {
		return nil, errors.New(`it is no JSON array of {"host", "port", "user", "pass", "tls"}`)
	}
	for i, s := range servers {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("server %d: %w", i+1, err)
		}
	}
	return servers, nil
}
