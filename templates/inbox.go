package templates

// InboxView is the page of the development server that shows every mail and
// short message that was sent: all of them, or one.
type InboxView struct {
	Lines []InboxLine   `json:"lines,omitempty"` // the newest first
	Open  *InboxMessage `json:"open,omitempty"`
}

// InboxLine is one message in the list.
type InboxLine struct {
	URL     string `json:"url"`
	To      string `json:"to"`
	Subject string `json:"subject"` // of a short message, its first line
	At      string `json:"at"`
	SMS     bool   `json:"sms,omitempty"`
}

// InboxMessage is one message, whole.
type InboxMessage struct {
	InboxLine
	Text    string `json:"text"`
	Code    string `json:"code,omitempty"`
	Link    string `json:"link,omitempty"`
	HTMLURL string `json:"html_url,omitempty"`
}

func inboxSamples() []Sample {
	mail := InboxLine{URL: "/dev/inbox/2", To: "alice@example.test", Subject: "Your sign-in code for identity", At: "2026-11-24 03:00:05 UTC"}
	sms := InboxLine{URL: "/dev/inbox/1", To: "+15005550006", Subject: "381942 is your code for identity.", At: "2026-11-24 02:59:40 UTC", SMS: true}
	return []Sample{
		{"inbox-empty", Page{Name: "inbox", Dev: true, View: InboxView{}}},
		{"inbox", Page{Name: "inbox", Dev: true, View: InboxView{Lines: []InboxLine{mail, sms}}}},
		{"inbox-message", Page{Name: "inbox", Dev: true, View: InboxView{Open: &InboxMessage{
			InboxLine: mail, Code: "381942", Link: "http://localhost:8080/magic?token=SplxlOBeZQQYbYS6WxSbIA", HTMLURL: "/dev/inbox/2/html",
			Text: "Your sign-in code for identity\n\nType this code to sign in. It works once, for 5 minutes.\n\n    381942\n"}}}},
	}
}
