package main

import "github.com/elloloop/identity/storage"

// seedProfile is the rest of the standard claims (OIDC Core §5.1), so that an
// application can be tried with all of them.
type seedProfile struct {
	GivenName   string `yaml:"given_name"`
	FamilyName  string `yaml:"family_name"`
	MiddleName  string `yaml:"middle_name"`
	Nickname    string `yaml:"nickname"`
	Profile     string `yaml:"profile"`
	Picture     string `yaml:"picture"`
	Website     string `yaml:"website"`
	Gender      string `yaml:"gender"`
	Birthdate   string `yaml:"birthdate"`
	Zoneinfo    string `yaml:"zoneinfo"`
	Locale      string `yaml:"locale"`
	PhoneNumber string `yaml:"phone_number"`
	Address     string `yaml:"address"` // formatted
}

// demoProfile fills every claim. The number is one account's alone: one that two
// have proven signs in to neither.
func demoProfile(given, family, number string) seedProfile {
	site := "https://example.test/"
	return seedProfile{
		GivenName: given, FamilyName: family, MiddleName: "Q.", Nickname: given, Profile: site + "profile", Picture: site + "picture.png",
		Website: site, Gender: "unspecified", Birthdate: "1990-01-02", Zoneinfo: "Europe/Berlin", Locale: "en-GB",
		PhoneNumber: number, Address: "1 Example Street\nExample City",
	}
}

func (p seedProfile) fill(u *storage.User) {
	u.GivenName, u.FamilyName, u.MiddleName, u.Nickname = p.GivenName, p.FamilyName, p.MiddleName, p.Nickname
	u.Profile, u.Picture, u.Website, u.Gender, u.Birthdate = p.Profile, p.Picture, p.Website, p.Gender, p.Birthdate
	u.Zoneinfo, u.Locale, u.PhoneNumber, u.PhoneNumberVerified = p.Zoneinfo, p.Locale, p.PhoneNumber, p.PhoneNumber != ""
	if p.Address != "" {
		u.Address = &storage.Address{Formatted: p.Address}
	}
}
