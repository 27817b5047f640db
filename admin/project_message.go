package admin

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

func projectStatusOf(m adminv1.ProjectStatus) storage.ProjectStatus {
	if m == adminv1.ProjectStatus_PROJECT_STATUS_UNSPECIFIED {
		return ""
	}
	return storage.ProjectStatus(strings.ToLower(strings.TrimPrefix(m.String(), "PROJECT_STATUS_")))
}

func projectStatusMessage(s storage.ProjectStatus) adminv1.ProjectStatus {
	return adminv1.ProjectStatus(adminv1.ProjectStatus_value["PROJECT_STATUS_"+strings.ToUpper(string(s))])
}

func accessModeOf(m adminv1.AccessMode) storage.AccessMode {
	if m == adminv1.AccessMode_ACCESS_MODE_UNSPECIFIED {
		return ""
	}
	return storage.AccessMode(strings.ToLower(strings.TrimPrefix(m.String(), "ACCESS_MODE_")))
}

func accessModeMessage(a storage.AccessMode) adminv1.AccessMode {
	return adminv1.AccessMode(adminv1.AccessMode_value["ACCESS_MODE_"+strings.ToUpper(string(a))])
}

func registrationModeOf(m adminv1.RegistrationMode) storage.RegistrationMode {
	if m == adminv1.RegistrationMode_REGISTRATION_MODE_UNSPECIFIED {
		return ""
	}
	return storage.RegistrationMode(strings.ToLower(strings.TrimPrefix(m.String(), "REGISTRATION_MODE_")))
}

func registrationModeMessage(r storage.RegistrationMode) adminv1.RegistrationMode {
	return adminv1.RegistrationMode(adminv1.RegistrationMode_value["REGISTRATION_MODE_"+strings.ToUpper(string(r))])
}

func duration(d *time.Duration) *durationpb.Duration {
	if d == nil {
		return nil
	}
	return durationpb.New(*d)
}

func durationOf(d *durationpb.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	v := d.AsDuration()
	return &v
}

func number(n *int) *int32 {
	if n == nil {
		return nil
	}
	v := int32(*n) //nolint:gosec // the rules of the message bound it
	return &v
}

func numberOf(n *int32) *int {
	if n == nil {
		return nil
	}
	v := int(*n)
	return &v
}

func loginPolicyMessage(p storage.LoginPolicy) *adminv1.LoginPolicy {
	if p.IsZero() {
		return nil
	}
	return &adminv1.LoginPolicy{AllowedMethods: p.Methods, SsoRequired: p.SSORequired, SecondFactorRequired: p.SecondFactorRequired}
}

func loginPolicyOf(m *adminv1.LoginPolicy) storage.LoginPolicy {
	p := storage.LoginPolicy{SSORequired: m.GetSsoRequired(), SecondFactorRequired: m.GetSecondFactorRequired()}
	if len(m.GetAllowedMethods()) > 0 { // empty means all: a project where nobody signs in is a disabled one
		p.Methods = m.GetAllowedMethods()
	}
	return p
}

// projectMessage shows a project: what is stored of it, and the issuer that comes
// of it.
func projectMessage(rec *storage.ProjectRecord, p *storage.Project) *adminv1.Project {
	set := &rec.Settings
	m := &adminv1.Project{
		Id: rec.ID, Name: rec.Name, Issuer: p.Issuer, Status: projectStatusMessage(rec.Status),
		AccessMode: accessModeMessage(set.Access.Mode), AllowedEmails: set.Access.Emails, AllowedEmailDomains: set.Access.Domains,
		AllowedOrigins: set.AllowedOrigins, Audience: set.Audience,
		AuthorizationCodeTtl: duration(set.AuthorizationCodeTTL), AccessTokenTtl: duration(set.AccessTokenTTL),
		IdTokenTtl: duration(set.IDTokenTTL), RefreshTokenTtl: duration(set.RefreshTokenTTL),
		SessionIdle: duration(set.SessionIdle), SessionMax: duration(set.SessionMax),
		RequirePkce: set.RequirePKCE, PasswordEnabled: set.PasswordEnabled, SignupEnabled: set.SignupEnabled,
		IdentifierFirst: set.IdentifierFirst, LoginPolicy: loginPolicyMessage(set.Login), PrimaryHost: rec.PrimaryHost,
		CreatedAt: stamp(rec.CreatedAt), UpdatedAt: stamp(rec.UpdatedAt), Etag: etagOf(rec.Version),
	}
	m.RegistrationMode = registrationModeMessage(set.Registration)
	m.AuthorizationRequestTtl, m.RefreshGrace, m.LoginLockout = duration(set.AuthorizationRequestTTL), duration(set.RefreshGrace), duration(set.LoginLockout)
	m.PasswordMinLength, m.LoginMaxFailed = number(set.PasswordMinLength), number(set.LoginMaxFailed)
	signInMessage(m, set)
	if b := set.Branding; b != (storage.Branding{}) {
		m.Branding = &adminv1.Branding{Name: b.Name, LogoUri: b.LogoURI, Accent: b.Accent, DarkAccent: b.Dark}
	}
	return m
}

// fillProject puts into a project what a message says. What the message does not
// carry stays.
func (s *Server) fillProject(rec *storage.ProjectRecord, m *adminv1.Project) error {
	rec.Name = m.GetName()
	switch rec.Status = projectStatusOf(m.GetStatus()); rec.Status {
	case "":
		rec.Status = storage.ProjectActive
	case storage.ProjectDeleting:
		return invalid("project.status", "is set by DeleteProject")
	}
	set := &rec.Settings
	set.Access = storage.AccessPolicy{Mode: accessModeOf(m.GetAccessMode())}
	for i, typed := range m.GetAllowedEmails() {
		_, key, err := s.People.Email(typed)
		if err != nil {
			return invalid("project.allowed_emails["+strconv.Itoa(i)+"]", err.Error())
		}
		set.Access.Emails = append(set.Access.Emails, key)
	}
	for i, typed := range m.GetAllowedEmailDomains() {
		domain, err := storage.NormalizeHost(typed)
		if err != nil {
			return invalid("project.allowed_email_domains["+strconv.Itoa(i)+"]", "is not a domain")
		}
		set.Access.Domains = append(set.Access.Domains, domain)
	}
	set.AllowedOrigins, set.Audience = m.GetAllowedOrigins(), m.GetAudience()
	set.AuthorizationCodeTTL, set.AccessTokenTTL = durationOf(m.GetAuthorizationCodeTtl()), durationOf(m.GetAccessTokenTtl())
	set.IDTokenTTL, set.RefreshTokenTTL = durationOf(m.GetIdTokenTtl()), durationOf(m.GetRefreshTokenTtl())
	set.SessionIdle, set.SessionMax = durationOf(m.GetSessionIdle()), durationOf(m.GetSessionMax())
	set.RequirePKCE, set.PasswordEnabled, set.SignupEnabled, set.IdentifierFirst = m.RequirePkce, m.PasswordEnabled, m.SignupEnabled, m.IdentifierFirst
	set.Registration = registrationModeOf(m.GetRegistrationMode())
	set.AuthorizationRequestTTL, set.RefreshGrace, set.LoginLockout = durationOf(m.GetAuthorizationRequestTtl()), durationOf(m.GetRefreshGrace()), durationOf(m.GetLoginLockout())
	set.PasswordMinLength, set.LoginMaxFailed = numberOf(m.PasswordMinLength), numberOf(m.LoginMaxFailed)
	set.Login = loginPolicyOf(m.GetLoginPolicy())
	signInOf(set, m)
	b := m.GetBranding()
	was := set.Branding
	set.Branding = storage.Branding{Name: b.GetName(), LogoURI: b.GetLogoUri(), Accent: b.GetAccent(), Dark: b.GetDarkAccent()}
	if set.Branding == was {
		return nil
	}
	err := templates.CheckBrand(templates.Brand{Name: b.GetName(), LogoURI: b.GetLogoUri(), Accent: b.GetAccent(), Dark: b.GetDarkAccent()})
	var bad *templates.BrandError
	if errors.As(err, &bad) {
		return invalid("project.branding."+bad.Field, bad.Reason)
	}
	return err
}
