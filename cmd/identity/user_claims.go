package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"

	"github.com/elloloop/identity/storage"
)

// claimsFile is a file with standard claims (OIDC Core §5.1), under their names.
// The mail address, and whether it is proven, are said by flags.
type claimsFile struct {
	Name                string           `json:"name"`
	GivenName           string           `json:"given_name"`
	FamilyName          string           `json:"family_name"`
	MiddleName          string           `json:"middle_name"`
	Nickname            string           `json:"nickname"`
	PreferredUsername   string           `json:"preferred_username"`
	Profile             string           `json:"profile"`
	Picture             string           `json:"picture"`
	Website             string           `json:"website"`
	Gender              string           `json:"gender"`
	Birthdate           string           `json:"birthdate"`
	Zoneinfo            string           `json:"zoneinfo"`
	Locale              string           `json:"locale"`
	PhoneNumber         string           `json:"phone_number"`
	PhoneNumberVerified bool             `json:"phone_number_verified"`
	Address             *storage.Address `json:"address"`
}

func readClaims(file string) (claimsFile, error) {
	var c claimsFile
	b, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, usageError{fmt.Errorf("--claims-file %s: %w", file, err)}
	}
	for name, v := range map[string]string{
		"name": c.Name, "given_name": c.GivenName, "family_name": c.FamilyName, "middle_name": c.MiddleName, "nickname": c.Nickname,
		"profile": c.Profile, "picture": c.Picture, "website": c.Website, "gender": c.Gender, "birthdate": c.Birthdate, "zoneinfo": c.Zoneinfo,
		"locale": c.Locale, "phone_number": c.PhoneNumber,
	} {
		if utf8.RuneCountInString(v) > 255 {
			return c, usageError{fmt.Errorf("--claims-file %s: %s has more than 255 characters", file, name)}
		}
	}
	return c, nil
}

// fill sets what the flags have not set.
func (c claimsFile) fill(u *storage.User) {
	for _, m := range []struct {
		into  *string
		value string
	}{
		{&u.Name, c.Name}, {&u.GivenName, c.GivenName}, {&u.FamilyName, c.FamilyName}, {&u.MiddleName, c.MiddleName}, {&u.Nickname, c.Nickname},
		{&u.Profile, c.Profile}, {&u.Picture, c.Picture}, {&u.Website, c.Website}, {&u.Gender, c.Gender}, {&u.Birthdate, c.Birthdate},
		{&u.Zoneinfo, c.Zoneinfo}, {&u.Locale, c.Locale}, {&u.PhoneNumber, c.PhoneNumber},
	} {
		if *m.into == "" {
			*m.into = m.value
		}
	}
	u.PhoneNumberVerified = c.PhoneNumberVerified && c.PhoneNumber != ""
	u.Address = c.Address
}
