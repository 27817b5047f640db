package templates

import "slices"

// Sample is a page with made-up content: New draws them all to find broken
// files, and pictures of the pages are made from them.
type Sample struct {
	Name string // unique: the page's name and the variant
	Page Page
}

// Samples returns every page, in every variant worth looking at.
func Samples() []Sample {
	client := &Client{
		ID: "demo-web", Name: "Harbour Notes", URI: "https://notes.example.com/",
		LogoURI:   "https://notes.example.com/logo.svg",
		PolicyURI: "https://notes.example.com/privacy", TOSURI: "https://notes.example.com/terms",
	}
	scopes := []ConsentScope{
		{Scope: "openid"}, {Scope: "profile"}, {Scope: "email", New: true},
		{Scope: "offline_access", New: true}, {Scope: "notes:read", New: true},
	}
	wrong := &Problem{Message: "problem.wrong_credentials", Field: "password"}
	back := []string{"https://notes.example.com"}
	step := "/interaction/0192f0c1"
	return append(append([]Sample{
		{"identify", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{RegisterURL: step + "/register", ChooseURL: step + "/selectaccount"}}},
		{"identify-problem", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.identifier_missing", Field: "identifier"},
			View:    IdentifyView{RegisterURL: step + "/register"}}},
		{"identify-password", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{WithPassword: true, RegisterURL: step + "/register"}}},
		{"identify-password-problem", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			Problem: wrong,
			View:    IdentifyView{WithPassword: true, Identifier: "alice@example.test", RegisterURL: step + "/register"}}},
		{"identify-again", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{WithPassword: true, Identifier: "alice@example.test", Reauthenticate: true}}},
		{"password", Page{Name: "password", Action: step, Client: client, FormAction: back,
			View: PasswordView{Identifier: "alice@example.test", ChangeURL: step + "/identify", Others: []Other{
				{"recover", step + "/recover"}, {"emailcode", step + "/emailcode"}, {"magiclink", step + "/magiclink"}}}}},
		{"password-problem", Page{Name: "password", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.too_many_attempts", Data: map[string]any{"Minutes": 3}, Field: "password"},
			View:    PasswordView{Identifier: "alice@example.test", ChangeURL: step + "/identify", Reauthenticate: true}}},
		{"register", Page{Name: "register", Action: step, Client: client, FormAction: back,
			View: RegisterView{Password: true, Passkeys: true, MinLength: 8, MaxLength: 1024, SignInURL: step + "/identify"}}},
		{"register-problem", Page{Name: "register", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.password_short", Data: map[string]any{"Min": 8}, Field: "password"},
			View:    RegisterView{Password: true, Email: "alice@example.test", Name: "Alice Example", MinLength: 8, MaxLength: 1024, SignInURL: step + "/identify"}}},
		{"consent", Page{Name: "consent", Action: step, Client: client, FormAction: back,
			View: ConsentView{Account: "alice@example.test", Scopes: scopes, RedirectHost: "notes.example.com"}}},
		{"consent-problem", Page{Name: "consent", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.consent_decision_missing"},
			View:    ConsentView{Account: "alice@example.test", Scopes: scopes, RedirectHost: "notes.example.com"}}},
		{"selectaccount", Page{Name: "selectaccount", Action: step, Client: client, FormAction: back,
			View: SelectAccountView{Accounts: []AccountChoice{
				{Value: "1", Name: "Alice Example", Email: "alice@example.test", Current: true},
				{Value: "2", Name: "", Email: "a.very.long.address.of.a.person@department.example.test"},
			}}}},
		{"selectaccount-problem", Page{Name: "selectaccount", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.choose_account"},
			View:    SelectAccountView{Accounts: []AccountChoice{{Value: "1", Name: "Alice Example", Email: "alice@example.test"}}}}},
		{"logout", Page{Name: "logout", Action: "/logout", Client: client, FormAction: back,
			View: LogoutView{Account: "alice@example.test", Hidden: map[string]string{"state": "af0ifjsldkj"}}}},
		{"logout-problem", Page{Name: "logout", Action: "/logout", Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.busy_try_again"},
			View:    LogoutView{Account: "alice@example.test"}}},
		{"loggedout", Page{Name: "loggedout", Client: client, View: LoggedOutView{}}},
		{"loggedout-stayed", Page{Name: "loggedout", View: LoggedOutView{Stayed: true}}},
		{"frontchannel", Page{Name: "frontchannel", Frames: []string{"https://notes.example.com/signed-out"},
			View: FrontChannelView{Frames: []string{"https://notes.example.com/signed-out?iss=https%3A%2F%2Fid.example.com&sid=0192f0c1"}, Next: "https://notes.example.com/bye"}}},
		{"frontchannel-stay", Page{Name: "frontchannel", Frames: []string{"https://notes.example.com/signed-out"},
			View: FrontChannelView{Frames: []string{"https://notes.example.com/signed-out?iss=https%3A%2F%2Fid.example.com&sid=0192f0c1"}}}},
		{"error", Page{Name: "error", RequestID: "0192f0c1-7d0a-7c3e-9f1b-3c9a5d1e2b44",
			View: ErrorView{Status: 400, Code: "invalid_request", Message: "error.invalid_redirect_uri",
				Description: "redirect_uri is not registered for this client; compare it character by character.",
				Sent:        "https://notes.example.com/callback/?from=somewhere-else"}}},
		{"error-expired", Page{Name: "error", Client: client, RequestID: "0192f0c1-7d0a-7c3e-9f1b-3c9a5d1e2b44",
			View: ErrorView{Status: 410, Message: "error.expired"}}},
		{"error-not-found", Page{Name: "error", View: ErrorView{Status: 404, Message: "error.not_found"}}},
		{"error-server", Page{Name: "error", RequestID: "0192f0c1-7d0a-7c3e-9f1b-3c9a5d1e2b44", View: ErrorView{Status: 500, Message: "error.server"}}},
		{"formpost", Page{Name: "formpost", Action: "https://notes.example.com/callback",
			View: FormPostView{Fields: []FormPostField{{"code", "SplxlOBeZQQYbYS6WxSbIA"}, {"state", "af0ifjsldkj"}, {"iss", "https://id.example.com"}}}}},
		{"home", Page{Name: "home", Dev: true, View: HomeView{Issuer: "http://localhost:8080", Links: []HomeLink{
			{"/dev/playground", "home.playground"}, {"/.well-known/openid-configuration", "home.discovery"}, {"/jwks", "home.jwks"}}}}},
	}, secondSamples(client, back, step)...), slices.Concat(mailboxSamples(client, back, step), playgroundSamples(), inboxSamples(), gallerySamples(), accountSamples(), upstreamSamples(client, back, step))...)
}

func playgroundSamples() []Sample {
	return []Sample{
		{"playground-start", Page{Name: "playground", Action: "/dev/playground", Dev: true,
			View: PlaygroundView{Issuer: "http://localhost:8080", Start: &PlaygroundStart{
				AuthorizeURL: "http://localhost:8080/authorize?response_type=code&client_id=playground&scope=openid+profile+email+offline_access&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
				Parameters: []PlaygroundParameter{
					{"response_type", "code"}, {"client_id", "playground"},
					{"redirect_uri", "http://localhost:8080/dev/playground/callback"},
					{"scope", "openid profile email offline_access"}, {"state", "af0ifjsldkj"}, {"nonce", "n-0S6_WzA2Mj"},
					{"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, {"code_challenge_method", "S256"},
				},
				Scope: "openid profile email offline_access",
			}}}},
		{"playground-callback", Page{Name: "playground", Action: "/dev/playground/callback", Dev: true,
			View: PlaygroundView{Issuer: "http://localhost:8080", Callback: &PlaygroundCallback{
				Parameters: []PlaygroundParameter{{"code", "SplxlOBeZQQYbYS6WxSbIA"}, {"state", "af0ifjsldkj"}, {"iss", "http://localhost:8080"}},
				Exchanges: []PlaygroundExchange{{Name: "token", Status: 200,
					Curl: "curl http://localhost:8080/oauth/token \\\n  -d grant_type=authorization_code \\\n  -d code=SplxlOBeZQQYbYS6WxSbIA \\\n  -d code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
					Body: "{\n  \"access_token\": \"eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwOi8v\",\n  \"token_type\": \"Bearer\",\n  \"expires_in\": 900\n}"}},
				Tokens: []PlaygroundToken{
					{Name: "id_token", Raw: "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwOi8vbG9jYWxob3N0OjgwODAifQ.c2lnbmF0dXJl",
						Header: []PlaygroundParameter{{"alg", "RS256"}, {"kid", "1"}, {"typ", "JWT"}},
						Claims: []PlaygroundParameter{{"iss", "http://localhost:8080"}, {"sub", "0192f0c1-7d0a"}, {"aud", "playground"},
							{"exp", "1793671200 (2026-11-24 03:00:00 UTC)"}, {"nonce", "n-0S6_WzA2Mj"}, {"amr", "[\"pwd\"]"}, {"department", "staff"}}},
					{Name: "refresh_token", Raw: "8xLOxBtZp8"},
				},
				Checks: []PlaygroundCheck{{"signature", true, "RS256, key 1"}, {"iss", true, "http://localhost:8080"},
					{"aud", true, "playground"}, {"nonce", false, "want n-0S6_WzA2Mj, got nothing"}},
				UserInfo:   "{\n  \"sub\": \"0192f0c1-7d0a\",\n  \"email\": \"alice@example.test\",\n  \"email_verified\": true\n}",
				CanRefresh: true, CanLogout: true,
				Hidden: map[string]string{"run": "7f3a"}, StartURL: "/dev/playground",
			}}}},
		{"playground-broken", Page{Name: "playground", Action: "/dev/playground/callback", Dev: true,
			View: PlaygroundView{Issuer: "http://localhost:8080", Callback: &PlaygroundCallback{
				Error: "invalid_grant: code_verifier does not match code_challenge", Unsuccessful: true,
				Parameters: []PlaygroundParameter{{"code", "SplxlOBeZQQYbYS6WxSbIA"}},
				Exchanges:  []PlaygroundExchange{{Name: "token", Curl: "curl http://localhost:8080/oauth/token", Status: 400, Body: "{\n  \"error\": \"invalid_grant\"\n}"}},
				StartURL:   "/dev/playground",
			}}}},
	}
}
