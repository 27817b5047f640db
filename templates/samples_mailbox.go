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
		page("magiclink", "magiclink", nil, EmailCodeView{BackURL: step + "/password"}),
		page("magiclink-sent", "magiclink", nil, EmailCodeView{Email: address, SentTo: address, BackURL: step + "/password"}),
		page("magiclink-problem", "magiclink", invalid, EmailCodeView{Email: "alice"}),
		page("recover", "recover", nil, RecoverView{Email: address, BackURL: step + "/password"}),
		page("recover-sent", "recover", nil, RecoverView{Email: address, SentTo: address, BackURL: step + "/password"}),
		page("recover-problem", "recover", invalid, RecoverView{Email: "alice"}),
		page("newpassword", "newpassword", nil, NewPasswordView{Account: address, MinLength: 8, MaxLength: 1024}),
		page("newpassword-problem", "newpassword", &Problem{Message: "problem.password_common", Field: "password"},
			NewPasswordView{Account: address, MinLength: 8, MaxLength: 1024}),
		page("register-sent", "register", nil, RegisterView{Email: address, SentTo: address, MinLength: 8, MaxLength: 1024, SignInURL: step + "/identify"}),
		page("link", "link", nil, LinkView{Kind: "magiclink", Account: address}),
		page("link-elsewhere", "link", nil, LinkView{Kind: "magiclink", Account: address, Code: "381942"}),
		page("link-register", "link", nil, LinkView{Kind: "register", Account: address}),
		page("link-problem", "link", &Problem{Message: "problem.link_elsewhere"}, LinkView{Kind: "register", Account: address, Code: "381942"}),
		page("linkdone", "linkdone", nil, LinkDoneView{Kind: "recover"}),
	}
}
