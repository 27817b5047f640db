package config

import (
	"net/url"
	"time"
)

// Messages is what is sent to people so that they get in, and how often.
type Messages struct {
	Signup    bool          `key:"passwordless.signup_enabled" env:"GATEWAY_PASSWORDLESS_SIGNUP_ENABLED" default:"true" doc:"Whether somebody who proves a mail address by a code or a link, and has no account, gets one."`
	CodeTTL   time.Duration `key:"passwordless.code_ttl_seconds" env:"GATEWAY_PASSWORDLESS_CODE_TTL_SECONDS" default:"300" min:"60" max:"3600" doc:"How long a code that was sent by mail works."`
	CodeTries int           `key:"passwordless.code_max_attempts" env:"GATEWAY_PASSWORDLESS_CODE_MAX_ATTEMPTS" default:"5" min:"1" max:"20" doc:"How many tries a code that was sent by mail has."`
	LinkTTL   time.Duration `key:"passwordless.magic_link_ttl_seconds" env:"GATEWAY_PASSWORDLESS_MAGIC_LINK_TTL_SECONDS" default:"900" min:"60" max:"86400" doc:"How long a link that signs in works."`
	Cooldown  time.Duration `key:"email.send_cooldown_seconds" env:"GATEWAY_EMAIL_SEND_COOLDOWN_SECONDS" default:"60" min:"0" max:"3600" doc:"How long nobody can have another mail of a kind sent to the same address."`
	VerifyTTL time.Duration `key:"email.token_expiry_seconds" env:"GATEWAY_EMAIL_TOKEN_EXPIRY_SECONDS" default:"86400" min:"300" max:"604800" doc:"How long a link that proves a mail address works."`

	HelpEnabled   bool          `key:"help_requests.enabled" env:"GATEWAY_HELP_REQUESTS_ENABLED" default:"true" doc:"Whether people who can not get in may write to the administrators. Without a mail server nobody can."`
	InvitationTTL time.Duration `key:"tenant_invitation.expiry_seconds" env:"GATEWAY_TENANT_INVITATION_EXPIRY_SECONDS" default:"604800" min:"3600" max:"7776000" doc:"How long an invitation, into a tenant or not, can be accepted."`

	TermsVersion string `key:"terms.version" env:"GATEWAY_TERMS_VERSION" doc:"Version of the terms of use, such as 2026-11-01: who has not accepted this one is asked before going on to an application. Empty: there are none."`
	TermsURL     string `key:"terms.url" env:"GATEWAY_TERMS_URL" doc:"Where the terms can be read."`
}

// checkTerms wants terms that have a version, and an address that browsers open.
func (l *loader) checkTerms(c *Config, report func(key, format string, args ...any)) {
	m := c.Messages
	u, err := url.Parse(m.TermsURL)
	switch {
	case m.TermsURL == "":
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil:
		report("terms.url", "%s is no https URL", quote(m.TermsURL))
	case m.TermsVersion == "":
		report("terms.version", "terms that have a URL need a version, or nobody is asked")
	}
}

// checkBreached wants a service that nobody reads along with.
func (l *loader) checkBreached(c *Config, report func(key, format string, args ...any)) {
	text := c.Password.BreachedURL
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	loopback := err == nil && u.Scheme == "http" && c.Insecure.LoopbackFetch
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Scheme != "https" && !loopback {
		report("password.breached_url", "%s is no https URL", quote(text))
	}
}
