package storage

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ProjectSettings are the overrides of a project. What is nil or empty is as the
// process is configured.
type ProjectSettings struct {
	Access   AccessPolicy `json:"access,omitzero"`
	Login    LoginPolicy  `json:"login,omitzero"`
	Branding Branding     `json:"branding,omitzero"`

	AllowedOrigins []string `json:"allowed_origins,omitempty"`
	Audience       []string `json:"audience,omitempty"`

	AuthorizationCodeTTL    *time.Duration `json:"authorization_code_ttl,omitempty"`
	AuthorizationRequestTTL *time.Duration `json:"authorization_request_ttl,omitempty"`
	AccessTokenTTL          *time.Duration `json:"access_token_ttl,omitempty"`
	IDTokenTTL              *time.Duration `json:"id_token_ttl,omitempty"`
	RefreshTokenTTL         *time.Duration `json:"refresh_token_ttl,omitempty"`
	RefreshGrace            *time.Duration `json:"refresh_grace,omitempty"`
	SessionIdle             *time.Duration `json:"session_idle,omitempty"`
	SessionMax              *time.Duration `json:"session_max,omitempty"`

	// Registration says who may register clients (RFC 7591); "": as configured.
	Registration RegistrationMode `json:"registration,omitempty"`

	RequirePKCE       *bool `json:"require_pkce,omitempty"`
	PasswordEnabled   *bool `json:"password_enabled,omitempty"`
	SignupEnabled     *bool `json:"signup_enabled,omitempty"`
	IdentifierFirst   *bool `json:"identifier_first,omitempty"`
	PasswordMinLength *int  `json:"password_min_length,omitempty"`

	LoginMaxFailed *int           `json:"login_max_failed,omitempty"`
	LoginLockout   *time.Duration `json:"login_lockout,omitempty"`

	SignIn SignInOverrides `json:"sign_in,omitzero"`
	Terms  *Terms          `json:"terms,omitempty"` // without a version: there are none
}

// Branding is how a project's pages and mails look.
type Branding struct {
	Name    string `json:"name,omitempty"` // "": that of the project
	LogoURI string `json:"logo_uri,omitempty"`
	Accent  string `json:"accent,omitempty"` // #rrggbb
	Dark    string `json:"dark,omitempty"`   // the accent on dark
}

// AccessMode says who may make an account.
type AccessMode string

// The access modes. They speak of new accounts; who has one signs in.
const (
	AccessOpen      AccessMode = "open"
	AccessInvite    AccessMode = "invite"    // who was invited
	AccessAllowlist AccessMode = "allowlist" // who was invited or is on the list
	AccessClosed    AccessMode = "closed"    // nobody: operators make the accounts
)

// AccessPolicy says who may make an account in a project.
type AccessPolicy struct {
	Mode    AccessMode `json:"mode,omitempty"`    // "": open
	Emails  []string   `json:"emails,omitempty"`  // normalised, with allowlist
	Domains []string   `json:"domains,omitempty"` // of mail addresses, with allowlist
}

// Admits says whether somebody with this normalised and proven mail address may
// make an account.
func (p AccessPolicy) Admits(emailKey string, invited bool) bool {
	switch p.Mode {
	case AccessOpen, "":
		return true
	case AccessInvite:
		return invited
	case AccessAllowlist:
		_, domain, ok := strings.Cut(emailKey, "@")
		return invited || slices.Contains(p.Emails, emailKey) || ok && slices.Contains(p.Domains, domain)
	}
	return false
}

// LoginPolicy says how people may sign in, in a project or a tenant.
type LoginPolicy struct {
	Methods              []string `json:"methods"` // ids of flows; nil: all that are on, empty: none
	SSORequired          bool     `json:"sso_required,omitempty"`
	SecondFactorRequired bool     `json:"second_factor_required,omitempty"`
}

// IsZero says whether the policy forbids nothing.
func (p LoginPolicy) IsZero() bool {
	return p.Methods == nil && !p.SSORequired && !p.SecondFactorRequired
}

// Allows says whether a way to sign in may be used.
func (p LoginPolicy) Allows(method string) bool {
	return p.Methods == nil || slices.Contains(p.Methods, method)
}

// And returns the policy that allows what both allow.
func (p LoginPolicy) And(q LoginPolicy) LoginPolicy {
	both := LoginPolicy{SSORequired: p.SSORequired || q.SSORequired, SecondFactorRequired: p.SecondFactorRequired || q.SecondFactorRequired}
	switch {
	case p.Methods == nil:
		both.Methods = slices.Clone(q.Methods)
	case q.Methods == nil:
		both.Methods = slices.Clone(p.Methods)
	default:
		both.Methods = []string{}
		for _, m := range p.Methods {
			if slices.Contains(q.Methods, m) {
				both.Methods = append(both.Methods, m)
			}
		}
	}
	return both
}

// maxSettingsList bounds each list of the settings.
const maxSettingsList = 1000

func (s *ProjectSettings) check() error {
	switch s.Access.Mode {
	case "", AccessOpen, AccessInvite, AccessAllowlist, AccessClosed:
	default:
		return fmt.Errorf("%w: access mode %q: want open, invite, allowlist or closed", ErrInvalidArgument, s.Access.Mode)
	}
	switch s.Registration {
	case "", RegistrationOpen, RegistrationToken, RegistrationClosed:
	default:
		return fmt.Errorf("%w: registration %q: want open, token or closed", ErrInvalidArgument, s.Registration)
	}
	for name, l := range map[string][]string{"access.emails": s.Access.Emails, "access.domains": s.Access.Domains, "login.methods": s.Login.Methods,
		"allowed_origins": s.AllowedOrigins, "audience": s.Audience} {
		if len(l) > maxSettingsList {
			return fmt.Errorf("%w: %s: at most %d", ErrInvalidArgument, name, maxSettingsList)
		}
	}
	for name, d := range map[string]*time.Duration{
		"authorization_code_ttl": s.AuthorizationCodeTTL, "authorization_request_ttl": s.AuthorizationRequestTTL, "access_token_ttl": s.AccessTokenTTL,
		"id_token_ttl": s.IDTokenTTL, "refresh_token_ttl": s.RefreshTokenTTL, "session_idle": s.SessionIdle, "session_max": s.SessionMax,
	} {
		if d != nil && *d <= 0 {
			return fmt.Errorf("%w: %s: it must be positive", ErrInvalidArgument, name)
		}
	}
	for name, negative := range map[string]bool{
		"refresh_grace": s.RefreshGrace != nil && *s.RefreshGrace < 0, "login_lockout": s.LoginLockout != nil && *s.LoginLockout < 0,
		"login_max_failed": s.LoginMaxFailed != nil && *s.LoginMaxFailed < 0,
	} {
		if negative {
			return fmt.Errorf("%w: %s: it must not be negative", ErrInvalidArgument, name)
		}
	}
	if s.PasswordMinLength != nil && *s.PasswordMinLength < 1 {
		return fmt.Errorf("%w: password_min_length: it must be positive", ErrInvalidArgument)
	}
	if s.Terms != nil && (s.Terms.Version == "") != (s.Terms.URL == "") {
		return fmt.Errorf("%w: terms: want a version and a url, or neither", ErrInvalidArgument)
	}
	return s.SignIn.check()
}

// Resolve returns the project as the process runs it: base, which is how the
// process is configured, with this project's id and overrides. The issuer depends
// on how the project is found, so the caller knows it.
func (p *ProjectRecord) Resolve(base *Project, issuer string) *Project {
	out, s := *base, &p.Settings
	out.ID, out.Issuer = p.ID, issuer
	out.Access, out.Login, out.Branding = s.Access, s.Login, s.Branding
	for _, name := range []string{s.Branding.Name, p.Name} {
		if name != "" {
			out.Name = name
			break
		}
	}
	out.AllowedOrigins = orList(s.AllowedOrigins, base.AllowedOrigins)
	out.Audience = orList(s.Audience, base.Audience)
	override(&out.AuthorizationCodeTTL, s.AuthorizationCodeTTL)
	override(&out.AuthorizationRequestTTL, s.AuthorizationRequestTTL)
	override(&out.AccessTokenTTL, s.AccessTokenTTL)
	override(&out.IDTokenTTL, s.IDTokenTTL)
	override(&out.RefreshTokenTTL, s.RefreshTokenTTL)
	override(&out.RefreshGrace, s.RefreshGrace)
	override(&out.SessionIdle, s.SessionIdle)
	override(&out.SessionMax, s.SessionMax)
	override(&out.RequirePKCE, s.RequirePKCE)
	override(&out.PasswordEnabled, s.PasswordEnabled)
	override(&out.SignupEnabled, s.SignupEnabled)
	override(&out.IdentifierFirst, s.IdentifierFirst)
	override(&out.PasswordMinLength, s.PasswordMinLength)
	override(&out.LoginMaxFailed, s.LoginMaxFailed)
	override(&out.LoginLockout, s.LoginLockout)
	s.SignIn.resolve(&out.SignIn, &out.Messages)
	override(&out.Terms, s.Terms)
	if s.Registration != "" {
		out.Registration = s.Registration
	}
	if s.Access.Mode == AccessClosed {
		out.SignupEnabled = false
	}
	return &out
}

func override[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func orList(list, otherwise []string) []string {
	if list == nil {
		return slices.Clone(otherwise)
	}
	return slices.Clone(list)
}
