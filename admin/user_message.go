package admin

import (
	"strings"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func statusMessage(s storage.UserStatus) adminv1.UserStatus {
	return adminv1.UserStatus(adminv1.UserStatus_value["USER_STATUS_"+strings.ToUpper(string(s))])
}

// statusOf is the stored word, "" for an unspecified one.
func statusOf(m adminv1.UserStatus) storage.UserStatus {
	if m == adminv1.UserStatus_USER_STATUS_UNSPECIFIED {
		return ""
	}
	return storage.UserStatus(strings.ToLower(strings.TrimPrefix(m.String(), "USER_STATUS_")))
}

func roleOf(m adminv1.UserRole) string {
	switch m {
	case adminv1.UserRole_USER_ROLE_ADMIN:
		return roleAdmin
	case adminv1.UserRole_USER_ROLE_MEMBER:
		return roleMember
	case adminv1.UserRole_USER_ROLE_GUEST:
		return roleGuest
	}
	return ""
}

func roleMessage(role string) adminv1.UserRole {
	return adminv1.UserRole(adminv1.UserRole_value["USER_ROLE_"+strings.ToUpper(role)])
}

func isPlatformAdmin(u *storage.User) bool { return u.PlatformAdmin }

// userOutput are the fields of an account that the server sets.
var userOutput = []string{"deletion_at"}

func userMessage(u *storage.User) *adminv1.User {
	m := &adminv1.User{
		Id: u.ID, Email: u.Email, EmailVerified: u.EmailVerified, Username: u.Username, ExternalId: u.ExternalID,
		Status: statusMessage(u.Status), Role: roleMessage(u.Role), Name: u.Name, GivenName: u.GivenName,
		FamilyName: u.FamilyName, MiddleName: u.MiddleName, Nickname: u.Nickname, Profile: u.Profile,
		Picture: u.Picture, Website: u.Website, Gender: u.Gender, Birthdate: u.Birthdate, Zoneinfo: u.Zoneinfo,
		Locale: u.Locale, PhoneNumber: u.PhoneNumber, PhoneNumberVerified: u.PhoneNumberVerified,
		CreatedAt: stamp(u.CreatedAt), UpdatedAt: stamp(u.UpdatedAt), Etag: etagOf(u.Version), PlatformAdmin: u.PlatformAdmin,
		RecoveryEmail: u.RecoveryEmail, Quota: u.Quota,
	}
	if u.Deletion != nil {
		m.DeletionAt = stamp(u.Deletion.At)
	}
	if a := u.Address; a != nil {
		m.Address = &adminv1.Address{
			Formatted: a.Formatted, StreetAddress: a.StreetAddress, Locality: a.Locality, Region: a.Region,
			PostalCode: a.PostalCode, Country: a.Country,
		}
	}
	return m
}

// fillUser puts into an account what a message says, normalised.
func (s *Server) fillUser(u *storage.User, m *adminv1.User) error {
	u.Email, u.EmailKey, u.Username, u.UsernameKey = "", "", "", ""
	var err error
	if m.GetEmail() != "" {
		if u.Email, u.EmailKey, err = s.People.Email(m.GetEmail()); err != nil {
			return invalid("user.email", err.Error())
		}
	}
	if m.GetUsername() != "" {
		if u.Username, u.UsernameKey, err = s.People.Username(m.GetUsername()); err != nil {
			return invalid("user.username", err.Error())
		}
	}
	if u.Email == "" && u.Username == "" && m.GetExternalId() == "" {
		return invalid("user.email", "is missing: an account needs an address, a username or an external id")
	}
	u.RecoveryEmail = ""
	if m.GetRecoveryEmail() != "" {
		if u.RecoveryEmail, _, err = s.People.Email(m.GetRecoveryEmail()); err != nil {
			return invalid("user.recovery_email", err.Error())
		}
	}
	u.Quota = m.GetQuota()
	u.ExternalID, u.EmailVerified, u.PlatformAdmin = m.GetExternalId(), m.GetEmailVerified(), m.GetPlatformAdmin()
	if u.Status = statusOf(m.GetStatus()); u.Status == "" {
		u.Status = storage.UserActive
	}
	if u.Role = roleOf(m.GetRole()); u.Role == "" {
		u.Role = roleMember
	}
	u.Name, u.NameKey = m.GetName(), storage.FoldName(m.GetName())
	u.GivenName, u.FamilyName, u.MiddleName, u.Nickname = m.GetGivenName(), m.GetFamilyName(), m.GetMiddleName(), m.GetNickname()
	u.Profile, u.Picture, u.Website = m.GetProfile(), m.GetPicture(), m.GetWebsite()
	u.Gender, u.Birthdate, u.Zoneinfo, u.Locale = m.GetGender(), m.GetBirthdate(), m.GetZoneinfo(), m.GetLocale()
	u.PhoneNumber, u.PhoneNumberVerified = m.GetPhoneNumber(), m.GetPhoneNumberVerified()
	u.Address = nil
	if a := m.GetAddress(); a != nil {
		u.Address = &storage.Address{
			Formatted: a.GetFormatted(), StreetAddress: a.GetStreetAddress(), Locality: a.GetLocality(), Region: a.GetRegion(),
			PostalCode: a.GetPostalCode(), Country: a.GetCountry(),
		}
	}
	return nil
}
