package templates

func mailboxSamples(client *Client, back []string, step string) []Sample {
	const address = "alice@example.test"
	page := func(sample, name string, problem *Problem, view any) Sample {
		return Sample{sample, Page{Name: name, Action: step, Client: client, FormAction: back, Problem: problem, View: view}}
	}
	wrong := &Problem{Message: "problem.wrong_sent_code", Field: "code"}
	invalid := &Problem{Message: "problem.email_invalid", Field: "email"}
	return []Sample{
		page("emailcode", "emailcode", nil, EmailCodeView{BackURL: step + "/password"}),
		page("emailcode-sent", "emailcode", nil, EmailCodeView{Email: address, SentTo: address, BackURL: step + "/password"}),
		page("emailcode-problem", "emailcode", wrong, EmailCodeView{Email: address, SentTo: address}),
		page("phonecode", "phonecode", nil, PhoneCodeView{BackURL: step + "/password"}),
		page("phonecode-sent", "phonecode", nil, PhoneCodeView{SentTo: "+436641234567", BackURL: step + "/password"}),
		page("phonecode-problem", "phonecode", &Problem{Message: "problem.phone_invalid", Field: "phone"}, PhoneCodeView{Phone: "0664 1234567"}),
		page("magiclink", "magiclink", nil, EmailCodeView{BackURL: step + "/password"}),
		page("magiclink-sent", "magiclink", nil, EmailCodeView{Email: address, SentTo: address, BackURL: step + "/password"}),
		page("magiclink-problem", "magiclink", invalid, EmailCodeView{Email: "alice"}),
		page("recover", "recover", nil, RecoverView{Email: address, BackURL: step + "/password"}),
		page("recover-sent", "recover", nil, RecoverView{Email: address, SentTo: address, BackURL: step + "/password"}),
		page("recover-problem", "recover", invalid, RecoverView{Email: "alice"}),
		page("help", "help", nil, HelpView{Email: address, MaxLength: 1000, BackURL: step + "/identify"}),
		page("help-sent", "help", nil, HelpView{SentTo: address, MaxLength: 1000}),
		page("help-problem", "help", &Problem{Message: "problem.help_message", Data: map[string]any{"Max": 1000}, Field: "message"}, HelpView{Email: address, MaxLength: 1000}),
		page("newpassword", "newpassword", nil, NewPasswordView{Account: address, MinLength: 8, MaxLength: 1024}),
		page("newpassword-problem", "newpassword", &Problem{Message: "problem.password_common", Field: "password"},
			NewPasswordView{Account: address, MinLength: 8, MaxLength: 1024}),
		page("register-sent", "register", nil, RegisterView{Email: address, SentTo: address, MinLength: 8, MaxLength: 1024, SignInURL: step + "/identify"}),
		page("verify", "verify", nil, EmailCodeView{Email: address}),
		page("verify-sent", "verify", nil, EmailCodeView{Email: address, SentTo: address}),
		page("verify-problem", "verify", wrong, EmailCodeView{Email: address, SentTo: address}),
		page("terms", "terms", nil, TermsView{Account: address, Version: "2026-11-01", URL: "https://example.com/terms"}),
		page("terms-changed", "terms", &Problem{Message: "problem.terms_decision"}, TermsView{Account: address, Version: "2026-11-01", Changed: true}),
		page("link-verify", "link", nil, LinkView{Kind: "verify", Account: address}),
		page("register-passkey", "register", nil, RegisterView{SentTo: address, Password: true, Passkeys: true, MinLength: 8, MaxLength: 1024,
			Passkey: &Passkey{Action: step + "/register", Options: []byte(`{"publicKey":{"challenge":"AAAA","rp":{"id":"id.example.com"}}}`)}}),
		page("register-passkey-only", "register", nil, RegisterView{Passkeys: true, SignInURL: step + "/identify"}),
		page("link", "link", nil, LinkView{Kind: "magiclink", Account: address}),
		page("link-elsewhere", "link", nil, LinkView{Kind: "magiclink", Account: address, Code: "381942"}),
		page("link-register", "link", nil, LinkView{Kind: "register", Account: address}),
		page("link-problem", "link", &Problem{Message: "problem.link_elsewhere"}, LinkView{Kind: "register", Account: address, Code: "381942"}),
		page("linkdone-invite", "linkdone", nil, LinkDoneView{Kind: "invite", SignInURL: "https://id.example.com/account"}),
		page("invite", "invite", nil, InviteView{State: "open", Account: address, New: true, Password: true, MinLength: 8, MaxLength: 1024}),
		page("invite-tenant", "invite", nil, InviteView{State: "open", Account: address, Tenant: "Acme"}),
		page("invite-problem", "invite", &Problem{Message: "problem.password_common", Field: "password"},
			InviteView{State: "open", Account: address, New: true, Password: true, MinLength: 8, MaxLength: 1024, Name: "Alice"}),
		page("invite-expired", "invite", nil, InviteView{State: "expired", Account: address, SignInURL: "https://id.example.com/account"}),
		page("invite-accepted", "invite", nil, InviteView{State: "accepted", Account: address, SignInURL: "https://id.example.com/account"}),
		page("invite-revoked", "invite", nil, InviteView{State: "revoked", Account: address, SignInURL: "https://id.example.com/account"}),
		page("invite-account", "invite", nil, InviteView{State: "account", Account: address, SignInURL: "https://id.example.com/account"}),
		page("emailchange", "emailchange", nil, EmailChangeView{Old: address, New: "new@example.test"}),
		page("emailchange-problem", "emailchange", &Problem{Message: "problem.choose_action"}, EmailChangeView{Old: address, New: "new@example.test"}),
		page("link-emailchange", "link", nil, LinkView{Kind: "emailchange", Account: address}),
		page("linkdone-emailchange", "linkdone", nil, LinkDoneView{Kind: "emailchange"}),
		page("linkdone-emailagreed", "linkdone", nil, LinkDoneView{Kind: "emailagreed"}),
		page("linkdone-emailrefused", "linkdone", nil, LinkDoneView{Kind: "emailrefused"}),
		page("linkdone", "linkdone", nil, LinkDoneView{Kind: "recover"}),
	}
}
