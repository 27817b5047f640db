package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
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

// fillClaims sets what the flags have not set to the claims of a file.
func fillClaims(u *adminv1.User, file string) error {
	c, err := readClaims(file)
	if err != nil {
		return err
	}
	if u.Username == "" {
		u.Username = c.PreferredUsername
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	said := &adminv1.User{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, said); err != nil { // preferred_username alone: see above
		return usageError{fmt.Errorf("--claims-file %s: %w", file, err)}
	}
	proto.Merge(said, u)
	proto.Merge(u, said)
	return nil
}
