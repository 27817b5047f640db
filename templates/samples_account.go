package templates

import "time"

func accountSamples() []Sample {
	at := func(days, minutes int) time.Time {
		return time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC).AddDate(0, 0, -days).Add(time.Duration(-minutes) * time.Minute)
	}
	frame := &AccountFrame{Token: "SplxlOBeZQQYbYS6WxSbIA", Label: "alice@example.test"}
	saved := &AccountFrame{Token: frame.Token, Label: frame.Label, Done: "account.done.saved"}
	page := func(name, path string, f *AccountFrame, problem *Problem, view any) Sample {
		variant := name
		switch {
		case problem != nil:
			variant += "-problem"
		case f == saved:
			variant += "-done"
		}
		return Sample{variant, Page{Name: name, Action: path, Account: f, Problem: problem, View: view}}
	}
	profile := AccountProfileView{Email: "alice@example.test", EmailVerified: true, Username: "alice", Claims: []AccountClaim{
		{"name", "Alice Anders"}, {"given_name", "Alice"}, {"family_name", "Anders"}, {"nickname", ""}, {"picture", "https://pictures.example.com/alice.jpg"},
		{"website", ""}, {"birthdate", "1990-12-31"}, {"locale", "en"}, {"zoneinfo", "Europe/Vienna"}}}
	withPhone := profile
	withPhone.Phone = "+436641234567"
	keys := []AccountPasskey{
		{ID: "0192f0c1-7d0a", Name: "iCloud Keychain", Added: at(200, 0), LastUsed: at(0, 30), BackedUp: true},
		{ID: "0192f0c1-7d0b", Name: "Security key in the drawer", Added: at(20, 0)},
	}
	enrolment := TOTPEnrolment{
		Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
		URI:    "otpauth://totp/Example:alice%40example.test?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example",
		QRPath: sampleQR(), QRSize: 29,
	}
	codes := []string{
		"ABCD-EFGH-JKLM", "NOPQ-RSTU-VWXY", "Z234-5678-ABCD", "EFGH-JKLM-NOPQ", "RSTU-VWXY-Z234",
		"5678-ABCD-EFGH", "JKLM-NOPQ-RSTU", "VWXY-Z234-5678", "AABB-CCDD-EEFF", "GGHH-JJKK-LLMM",
	}
	providers := []ProviderButton{{ID: "google", Kind: "google", Name: "Google"}, {ID: "github", Kind: "github", Name: "GitHub"}}
	links := []AccountLink{
		{ID: "0192f0c1-7d0c", Provider: "Google", Email: "alice@example.test", Linked: at(30, 0), LastUsed: at(1, 0), Works: true},
		{ID: "0192f0c1-7d0d", Provider: "Harbour Works", Name: "Alice Anders", Linked: at(300, 0)},
	}
	add := Passkey{Action: "/account/passkey", Options: []byte(`{"publicKey":{"challenge":"AAAA","rp":{"id":"id.example.com"}}}`)}
	return []Sample{
		page("account", "/account", frame, nil, AccountView{Name: "Alice Anders", Email: "alice@example.test", EmailVerified: true, Username: "alice",
			Since: at(400, 0), Password: true, Passkeys: 2, TOTP: true, Sessions: 3, Apps: 1}),
		page("accountprofile", "/account/profile", saved, nil, profile),
		page("accountprofile", "/account/profile", frame, &Problem{Message: "problem.claim_invalid.zoneinfo", Field: "zoneinfo"}, withPhone),
		page("accountemail", "/account/email", frame, nil, AccountEmailView{Email: "alice@example.test", EmailVerified: true, Open: true, Pending: "new@example.test", WaitsNew: true, WaitsOld: true}),
		page("accountemail", "/account/email", saved, nil, AccountEmailView{Email: "alice@example.test"}),
		page("accountemail", "/account/email", frame, &Problem{Message: "problem.email_same", Field: "email"}, AccountEmailView{Email: "alice@example.test", Open: true, Typed: "alice@example.test", Pending: "new@example.test", WaitsOld: true}),
		page("accountphone", "/account/phone", frame, nil, AccountPhoneView{Phone: "+436641234567", Verified: true, Open: true, SentTo: "+436649876543"}),
		page("accountphone", "/account/phone", saved, nil, AccountPhoneView{}),
		page("accountphone", "/account/phone", frame, &Problem{Message: "problem.phone_invalid", Field: "phone"}, AccountPhoneView{Open: true, Typed: "0664"}),
		page("accountsecurity", "/account/security", frame, nil, AccountSecurityView{PasswordOpen: true, Password: true, PasswordSet: at(100, 0),
			PasskeysOpen: true, Passkeys: keys, TOTP: true, TOTPSet: at(90, 0), CodesLeft: 7, WaysIn: 4, Links: links, Providers: providers}),
		page("accountsecurity", "/account/security", saved, nil, AccountSecurityView{PasswordOpen: true, PasskeysOpen: true, Passkeys: keys[:1], WaysIn: 1, Providers: providers[:1]}),
		page("accountsecurity", "/account/security", frame, &Problem{Message: "problem.last_way_in"}, AccountSecurityView{PasswordOpen: true, Password: true, PasswordSet: at(100, 0), PasskeysOpen: true, WaysIn: 1}),
		page("accountpassword", "/account/password", frame, nil, AccountPasswordView{Account: "alice@example.test", Has: true, MinLength: 8, MaxLength: 1024}),
		page("accountpassword", "/account/password", frame, &Problem{Message: "problem.password_short", Data: map[string]any{"Min": 8}, Field: "password"},
			AccountPasswordView{Account: "alice@example.test", MinLength: 8, MaxLength: 1024, KeepOthers: true}),
		page("accountpasskey", "/account/passkey", frame, nil, AccountPasskeyView{Account: "alice@example.test", Passkey: add}),
		page("accountpasskey", "/account/passkey", frame, &Problem{Message: "problem.passkey_known"}, AccountPasskeyView{Account: "alice@example.test", Passkey: add}),
		page("accountapp", "/account/authenticator", frame, nil, AccountAppView{Offer: "x", TOTPEnrolment: enrolment}),
		page("accountapp", "/account/authenticator", frame, &Problem{Message: "problem.wrong_code", Field: "code"}, AccountAppView{Offer: "x", TOTPEnrolment: enrolment}),
		page("accountcodes", "/account/recovery-codes", frame, nil, AccountCodesView{Offer: "x", Codes: codes, Replaces: 7}),
		page("accountcodes", "/account/recovery-codes", saved, nil, AccountCodesView{}),
		page("accountcodes", "/account/recovery-codes", frame, &Problem{Message: "problem.codes_not_saved", Field: "saved"}, AccountCodesView{Offer: "x", Codes: codes}),
		page("accountsessions", "/account/sessions", frame, nil, AccountSessionsView{Sessions: []AccountSession{
			{ID: "1", Browser: "Firefox, Linux", IP: "192.0.2.17", SignedIn: at(0, 25), LastSeen: at(0, 1), Current: true},
			{ID: "2", Browser: "Safari, iPhone", IP: "2001:db8:85a3::8a2e:370:7334", SignedIn: at(3, 0), LastSeen: at(1, 0)},
			{ID: "3", SignedIn: at(9, 0), LastSeen: at(8, 0)}}}),
		page("accountsessions", "/account/sessions", frame, &Problem{Message: "problem.session_current"}, AccountSessionsView{Sessions: []AccountSession{
			{ID: "1", Browser: "Firefox, Linux", IP: "192.0.2.17", SignedIn: at(0, 25), LastSeen: at(0, 1), Current: true}}}),
		page("accountclients", "/account/apps", frame, nil, AccountClientsView{Clients: []AccountClient{
			{ID: "demo-web", Name: "Harbour Notes", Scopes: []string{"openid", "profile", "email", "notes:read"}, Since: at(40, 0), LastUsed: at(1, 0), Grants: 2},
			{ID: "portal", Name: "Portal", Scopes: []string{"openid"}, Since: at(2, 0), Grants: 1}}}),
		page("accountclients", "/account/apps", saved, nil, AccountClientsView{}),
		page("accountactivity", "/account/activity", frame, nil, AccountActivityView{Days: 90, OlderURL: "/account/activity?before=1793671200000000", Events: []AccountEvent{
			{At: at(0, 25), Action: "user.signed_in", Browser: "Firefox, Linux", IP: "192.0.2.17"},
			{At: at(0, 26), Action: "user.sign_in_failed", Failed: true, Browser: "Chrome, Windows", IP: "198.51.100.4"},
			{At: at(2, 0), Action: "password.changed", Browser: "Safari, iPhone", IP: "2001:db8:85a3::8a2e:370:7334"},
			{At: at(5, 0), Action: "user.status_changed", ByOther: true}, {At: at(6, 0), Action: "user.something_new"}}}),
		page("accountactivity", "/account/activity", saved, nil, AccountActivityView{Days: 90}),
		page("accountdata", "/account/data", frame, nil, AccountDataView{Account: "alice@example.test", GraceDays: 30}),
		page("accountdata", "/account/data", frame, &Problem{Message: "problem.deletion_not_sure", Field: "sure"}, AccountDataView{Account: "alice@example.test", GraceDays: 30}),
		{"accountleave", Page{Name: "accountleave", View: AccountLeaveView{URL: "https://accounts.example.com/authorize?client_id=x&state=y", Name: "Google"}}},
		{"accountproof", Page{Name: "accountproof", View: AccountProofView{AgainURL: "/account/passkeys?prove=1", BackURL: "/account"}}},
		{"accountleft", Page{Name: "accountleft", View: AccountLeftView{SignInURL: "/account"}}},
		{"accountleft-deleted", Page{Name: "accountleft", View: AccountLeftView{Deleted: true, SignInURL: "/account"}}},
	}
}
