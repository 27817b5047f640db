package templates

func secondSamples(client *Client, back []string, step string) []Sample {
	const instead = "/recoverycode"
	enrolment := TOTPEnrolment{
		Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
		URI:    "otpauth://totp/Example:alice%40example.test?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example",
		QRPath: sampleQR(), QRSize: 29,
	}
	codes := []string{
		"ABCD-EFGH-JKLM", "NOPQ-RSTU-VWXY", "Z234-5678-ABCD", "EFGH-JKLM-NOPQ", "RSTU-VWXY-Z234",
		"5678-ABCD-EFGH", "JKLM-NOPQ-RSTU", "VWXY-Z234-5678", "AABB-CCDD-EEFF", "GGHH-JJKK-LLMM",
	}
	ask := Passkey{Action: step + "/passkey", Options: []byte(`{"publicKey":{"challenge":"AAAA","rpId":"id.example.com"}}`)}
	add := Passkey{Action: step + "/addpasskey", Options: ask.Options}
	return []Sample{
		{"identify-passkey", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{WithPassword: true, Passkey: &ask, RegisterURL: step + "/register"}}},
		{"passkey", Page{Name: "passkey", Action: step + "/passkey", Client: client, FormAction: back,
			View: PasskeyView{Passkey: ask, OtherURL: step + "/identify"}}},
		{"passkey-problem", Page{Name: "passkey", Action: step + "/passkey", Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.passkey_failed"}, View: PasskeyView{Passkey: ask, Second: true}}},
		{"addpasskey", Page{Name: "addpasskey", Action: step + "/addpasskey", Client: client, FormAction: back,
			View: AddPasskeyView{Account: "alice@example.test", Passkey: add}}},
		{"addpasskey-problem", Page{Name: "addpasskey", Action: step + "/addpasskey", Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.passkey_known"}, View: AddPasskeyView{Account: "alice@example.test", Passkey: add}}},
		{"totp", Page{Name: "totp", Action: step, Client: client, FormAction: back,
			View: TOTPView{Account: "alice@example.test", InsteadURL: step + instead, RememberDays: 30}}},
		{"totp-problem", Page{Name: "totp", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.wrong_code", Field: "code"}, View: TOTPView{Account: "alice@example.test"}}},
		{"enroltotp", Page{Name: "enroltotp", Action: step, Client: client, FormAction: back,
			View: TOTPEnrolView{Account: "alice@example.test", TOTPEnrolment: enrolment}}},
		{"enroltotp-problem", Page{Name: "enroltotp", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.code_missing", Field: "code"}, View: TOTPEnrolView{Account: "alice@example.test", TOTPEnrolment: enrolment}}},
		{"recoverycode", Page{Name: "recoverycode", Action: step, Client: client, FormAction: back,
			View: RecoveryCodeView{Account: "alice@example.test", BackURL: step + "/totp"}}},
		{"recoverycode-problem", Page{Name: "recoverycode", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.wrong_recovery_code", Field: "code"}, View: RecoveryCodeView{BackURL: step + "/totp"}}},
		{"recoverycodes", Page{Name: "recoverycodes", Action: step, Client: client, FormAction: back, View: RecoveryCodesView{Codes: codes}}},
		{"recoverycodes-problem", Page{Name: "recoverycodes", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.codes_not_saved", Field: "saved"}, View: RecoveryCodesView{Codes: codes}}},
	}
}

// sampleQR is a picture of the size of a QR code, with nothing in it.
func sampleQR() string {
	return "M4 4h7v1h-7zM4 10h7v1h-7zM4 5h1v5h-1zM10 5h1v5h-1zM6 6h3v3h-3zM18 4h7v1h-7zM18 10h7v1h-7zM18 5h1v5h-1zM24 5h1v5h-1zM20 6h3v3h-3z" +
		"M4 18h7v1h-7zM4 24h7v1h-7zM4 19h1v5h-1zM10 19h1v5h-1zM6 20h3v3h-3zM12 12h5v2h-5zM14 15h6v3h-6zM21 14h3v2h-3zM13 20h2v4h-2zM17 21h7v1h-7z"
}
