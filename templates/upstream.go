package templates

// ProviderButton is a service that people may sign in with.
type ProviderButton struct {
	ID   string `json:"id"`
	Kind string `json:"kind"` // google, microsoft, github, apple, oidc or oauth2: for the mark
	Name string `json:"name"`
	URL  string `json:"url,omitempty"` // for the browser itself: it leads to the service
}

// UpstreamView lists the services, or asks about an account at one that waits to
// be linked.
type UpstreamView struct {
	Providers []ProviderButton `json:"providers,omitempty"`
	BackURL   string           `json:"back_url,omitempty"`
	Link      *UpstreamLink    `json:"link,omitempty"`
	// With Link the form sends decision=continue, decision=link or decision=leave.
}

// UpstreamLink is an account elsewhere that was proven.
type UpstreamLink struct {
	Provider string `json:"provider"` // its name
	Email    string `json:"email"`
	Account  string `json:"account,omitempty"` // of ours, proven as well; "": it has to be proven first
}

func upstreamSamples(client *Client, back []string, step string) []Sample {
	providers := []ProviderButton{
		{ID: "google", Kind: "google", Name: "Google", URL: step + "/upstream/google"},
		{ID: "microsoft", Kind: "microsoft", Name: "Microsoft", URL: step + "/upstream/microsoft"},
		{ID: "github", Kind: "github", Name: "GitHub", URL: step + "/upstream/github"},
		{ID: "apple", Kind: "apple", Name: "Apple", URL: step + "/upstream/apple"},
		{ID: "works", Kind: "oidc", Name: "Harbour Works", URL: step + "/upstream/works"},
	}
	return []Sample{
		{"identify-providers", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{WithPassword: true, Providers: providers, RegisterURL: step + "/register"}}},
		{"identify-everything", Page{Name: "identify", Action: step, Client: client, FormAction: back,
			View: IdentifyView{WithPassword: true, Passkey: &Passkey{Action: step + "/passkey", Options: []byte("{}")}, DeviceURL: step + "/qr", Providers: providers[:3],
				RegisterURL: step + "/register", ChooseURL: step + "/selectaccount", Others: []Other{{"recover", step + "/recover"}, {"emailcode", step + "/emailcode"},
					{"magiclink", step + "/magiclink"}, {"phonecode", step + "/phonecode"}, {"help", step + "/help"}}}}},
		{"upstream", Page{Name: "upstream", Action: step, Client: client, FormAction: back,
			View: UpstreamView{Providers: providers, BackURL: step + "/identify"}}},
		{"upstream-problem", Page{Name: "upstream", Action: step, Client: client, FormAction: back,
			Problem: &Problem{Message: "problem.upstream_down", Data: map[string]any{"Name": "Google"}},
			View:    UpstreamView{Providers: providers, BackURL: step + "/identify"}}},
		{"upstream-exists", Page{Name: "upstream", Action: step, Client: client, FormAction: back,
			View: UpstreamView{Link: &UpstreamLink{Provider: "Google", Email: "alice@example.test"}, BackURL: step + "/identify"}}},
		{"upstream-link", Page{Name: "upstream", Action: step, Client: client, FormAction: back,
			View: UpstreamView{Link: &UpstreamLink{Provider: "Google", Email: "alice@example.test", Account: "alice@example.test"}}}},
	}
}
