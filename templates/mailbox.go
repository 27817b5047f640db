package templates

// EmailCodeView asks for a mail address, and then for what was sent to it. The
// magic link's page has the same.
type EmailCodeView struct {
	Email   string `json:"email,omitempty"`   // what the field holds
	SentTo  string `json:"sent_to,omitempty"` // "": nothing was sent yet
	BackURL string `json:"back_url,omitempty"`
	// The form sends email and decision=send, or code.
}

// PhoneCodeView asks for a telephone number, and then for the code that was sent
// to it.
type PhoneCodeView struct {
	Phone   string `json:"phone,omitempty"`   // what the field holds
	SentTo  string `json:"sent_to,omitempty"` // "": nothing was sent yet
	BackURL string `json:"back_url,omitempty"`
	// The form sends phone and decision=send, or code.
}

// RecoverView asks for the mail address of an account whose password is lost.
type RecoverView struct {
	Email   string `json:"email,omitempty"`
	SentTo  string `json:"sent_to,omitempty"`
	BackURL string `json:"back_url,omitempty"`
}

// HelpView asks what somebody needs help with.
type HelpView struct {
	Email     string `json:"email,omitempty"`
	Message   string `json:"message,omitempty"`
	SentTo    string `json:"sent_to,omitempty"` // it was written: the answer goes there
	MaxLength int    `json:"max_length"`
	BackURL   string `json:"back_url,omitempty"`
	// The form sends email and message.
}

// NewPasswordView asks for a new password.
type NewPasswordView struct {
	Account   string `json:"account"`
	MinLength int    `json:"min_length"`
	MaxLength int    `json:"max_length"`
}

// LinkView is the page of a link in a letter. Its form sends nothing but itself.
type LinkView struct {
	Kind    string `json:"kind"` // the flow's id: messages "link.<kind>.…"
	Account string `json:"account"`
	Code    string `json:"code,omitempty"` // to be typed in the browser that asked; "": it is this one
}

// LinkDoneView says that a link has done what it is for.
type LinkDoneView struct {
	Kind      string `json:"kind"`
	SignInURL string `json:"sign_in_url,omitempty"`
}

// InviteView is the page of an invitation.
type InviteView struct {
	State     string `json:"state"` // open, or how it ended: expired, accepted, revoked, account
	Account   string `json:"account"`
	Tenant    string `json:"tenant,omitempty"`
	New       bool   `json:"new"`      // the form sends name
	Password  bool   `json:"password"` // the form sends password
	MinLength int    `json:"min_length"`
	MaxLength int    `json:"max_length"`
	Name      string `json:"name,omitempty"`
	SignInURL string `json:"sign_in_url"`
}

// TermsView asks whether somebody accepts the terms of use.
type TermsView struct {
	Account string `json:"account,omitempty"`
	Version string `json:"version"`
	URL     string `json:"url,omitempty"`
	Changed bool   `json:"changed"` // they accepted an older version
	// The form sends version, and decision=accept or deny.
}

// Other is another way to go on.
type Other struct {
	Flow string `json:"flow"` // message "other.<flow>"
	URL  string `json:"url"`
}
