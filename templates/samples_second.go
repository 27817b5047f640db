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
	scan := QRView{State: "waiting", Code: "K7QXM-2R9TF", URL: "https://id.example.com/qr?code=K7QXM2R9TF", QRPath: sampleQR(), QRSize: 29,
		Number: "47", Page: "id.example.com/qr", Seconds: 42}
	approve := QRApproveView{Ticket: "0192f0c1", Account: "alice@example.test", App: client.Name, Browser: "Firefox, Linux", IP: "192.0.2.17", Numbers: []string{"12", "47", "83"}}
	late := approve
	late.Minutes, late.App, late.Browser = 3, "", ""
	return []Sample{
		{"identify-device", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{WithPassword: true, Passkey: &Passkey{Action: step + "/passkey", Options: []byte("{}")}, DeviceURL: step + "/qr", RegisterURL: step + "/register"}}},
		{"qr", Page{Name: "qr", Action: step + "/qr", Client: client, FormAction: back, View: scan}},
		{"qr-problem", Page{Name: "qr", Action: step + "/qr", Client: client, FormAction: back, Problem: &Problem{Message: "problem.qr_waiting"}, View: scan}},
		{"qr-start", Page{Name: "qr", Action: step + "/qr", Client: client, FormAction: back, View: QRView{State: "start"}}},
		{"qr-allowed", Page{Name: "qr", Action: step + "/qr", Client: client, FormAction: back, View: QRView{State: "allowed"}}},
		{"qr-denied", Page{Name: "qr", Action: step + "/qr", Client: client, FormAction: back, View: QRView{State: "denied"}}},
		{"qrcode", Page{Name: "qrcode", Action: "/qr", View: QRCodeView{}}},
		{"qrcode-problem", Page{Name: "qrcode", Action: "/qr", Problem: &Problem{Message: "problem.qr_code", Field: "code"}, View: QRCodeView{}}},
		{"qrapprove", Page{Name: "qrapprove", Action: "/qr", View: approve}},
		{"qrapprove-problem", Page{Name: "qrapprove", Action: "/qr", Problem: &Problem{Message: "problem.qr_network"}, View: late}},
		{"qrdone", Page{Name: "qrdone", View: QRDoneView{}}},
		{"qrdone-denied", Page{Name: "qrdone", View: QRDoneView{Denied: true}}},
		{"qrdone-mismatch", Page{Name: "qrdone", View: QRDoneView{Denied: true, Mismatch: true}}},
		{"identify-passkey", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{WithPassword: true, Passkey: &ask, RegisterURL: step + "/register"}}},
		{"passkey", Page{Name: "passkey", Action: step + "/passkey", Client: client, FormAction: back,
			View: PasskeyView{Passkey: ask, OtherURL: step + "/identify"}}},
		{"passkey-problem", Page{Name: "passkey", Action: step + "/passkey", Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.passkey_failed"}, View: PasskeyView{Passkey: ask, Second: true, HelpURL: step + "/help"}}},
		{"addpasskey", Page{Name: "addpasskey", Action: step + "/addpasskey", Client: client, FormAction: back,
			View: AddPasskeyView{Account: "alice@example.test", Passkey: add}}},
		{"addpasskey-problem", Page{Name: "addpasskey", Action: step + "/addpasskey", Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.passkey_known"}, View: AddPasskeyView{Account: "alice@example.test", Passkey: add}}},
		{"totp", Page{Name: "totp", Action: step, Client: client, FormAction: back,
			View: TOTPView{Account: "alice@example.test", InsteadURL: step + instead, HelpURL: step + "/help", RememberDays: 30}}},
		{"totp-problem", Page{Name: "totp", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.wrong_code", Field: "code"}, View: TOTPView{Account: "alice@example.test"}}},
		{"enroltotp", Page{Name: "enroltotp", Action: step, Client: client, FormAction: back,
			View: TOTPEnrolView{Account: "alice@example.test", TOTPEnrolment: enrolment}}},
		{"enroltotp-problem", Page{Name: "enroltotp", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.code_missing", Field: "code"}, View: TOTPEnrolView{Account: "alice@example.test", TOTPEnrolment: enrolment}}},
		{"recoverycode", Page{Name: "recoverycode", Action: step, Client: client, FormAction: back,
			View: RecoveryCodeView{Account: "alice@example.test", BackURL: step + "/totp", HelpURL: step + "/help"}}},
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
