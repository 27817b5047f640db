// Package templates holds what people see: pages, styles and messages in every
// language. It knows nothing of storage or of the protocol: a page gets a Page
// with a view struct, and that is all it can show.
package templates

import "slices"

// Client is what a page may say about the application that sent the person here
// (OIDC Dynamic Client Registration §2: client_name, logo_uri, policy_uri,
// tos_uri, client_uri). All of it is untrusted text.
type Client struct {
	ID        string `json:"client_id"`
	Name      string `json:"client_name"`
	URI       string `json:"client_uri,omitempty"`
	LogoURI   string `json:"logo_uri,omitempty"`
	PolicyURI string `json:"policy_uri,omitempty"`
	TOSURI    string `json:"tos_uri,omitempty"`
}

// Problem is what went wrong, as a sentence of the message files that a person
// can act on.
type Problem struct {
	Message string         `json:"message"`         // message id, "problem.wrong_password"
	Data    map[string]any `json:"data,omitempty"`  // values named in the sentence
	Field   string         `json:"field,omitempty"` // the input that it belongs to, or ""
}

// Page is everything that one answer shows.
type Page struct {
	Name       string   // template and message prefix: "identify", "password", …
	Action     string   // where its form posts to; "" where it has none
	UILocales  []string // the request's ui_locales (OIDC Core §3.1.2.1), first wins
	Client     *Client  // nil where no client is known
	Problem    *Problem // nil when nothing went wrong
	View       any      // the page's own struct, see views.go
	RequestID  string   // shown on error pages, so that support can find the log line
	FormAction []string // more CSP form-action sources: the redirect origin of the client, since browsers apply form-action to redirects too
	Frames     []string // CSP frame-src sources: what the page loads in frames
	Popup      bool     // the client asked for display=popup: the page keeps its opener, which the client's callback needs
	Dev        bool     // shows the "development, not for production" banner

	// Account is what surrounds a page of a person's own account; nil elsewhere.
	Account *AccountFrame
}

// IdentifyView is the first page: who is it?
type IdentifyView struct {
	Identifier     string `json:"identifier,omitempty"`     // what was typed before, or login_hint
	WithPassword   bool   `json:"with_password"`            // the password is asked on the same page
	RegisterURL    string `json:"register_url,omitempty"`   // "" where nobody may register
	ChooseURL      string `json:"choose_url,omitempty"`     // back to the account chooser, "" without one
	DeviceURL      string `json:"device_url,omitempty"`     // where decision=start begins a sign-in with another device, "" without one
	Reauthenticate bool   `json:"reauthenticate,omitempty"` // prompt=login or max_age: say "confirm it is you"

	Passkey *Passkey `json:"passkey,omitempty"` // nil where no passkey signs in
	Others  []Other  `json:"others,omitempty"`  // ways to go on without the password
	// Providers are services that people may sign in with instead.
	Providers []ProviderButton `json:"providers,omitempty"`
}

// PasswordView asks for the password of the identifier typed before.
type PasswordView struct {
	Identifier     string `json:"identifier"`
	ChangeURL      string `json:"change_url,omitempty"` // "not you?": back to the identifier
	Reauthenticate bool   `json:"reauthenticate,omitempty"`

	Others []Other `json:"others,omitempty"` // ways to go on without the password
}

// RegisterView makes an account.
type RegisterView struct {
	Email     string `json:"email,omitempty"`
	Name      string `json:"name,omitempty"`
	MinLength int    `json:"min_length"`
	MaxLength int    `json:"max_length"`
	SignInURL string `json:"sign_in_url"`
	SentTo    string `json:"sent_to,omitempty"` // a letter waits there: the form sends its code
	Password  bool   `json:"password"`          // an account may begin with a password
	Passkeys  bool   `json:"passkeys"`          // or with a passkey: the form sends decision=passkey
	// Passkey is asked for when the address is proven: the form sends credential, or
	// password, or decision=again for another address.
	Passkey *Passkey `json:"passkey,omitempty"`
}

// ConsentView asks whether the client may have what it asks for.
type ConsentView struct {
	Account string         `json:"account"` // who is signed in, as shown to the person
	Scopes  []ConsentScope `json:"scopes"`
	// The form sends decision=allow or decision=deny; both are buttons.
	RedirectHost string `json:"redirect_host"` // where the person goes next, shown so that they can judge
}

// Widened reports whether the client asks for more than it has already: only
// then does it help to mark what is new.
func (v ConsentView) Widened() bool {
	isNew := func(s ConsentScope) bool { return s.New }
	isOld := func(s ConsentScope) bool { return !s.New }
	return slices.ContainsFunc(v.Scopes, isNew) && slices.ContainsFunc(v.Scopes, isOld)
}

// ConsentScope is one line of the consent page.
type ConsentScope struct {
	Scope string `json:"scope"` // wire name; message "scope.<name>" if there is one, else the name itself
	New   bool   `json:"new"`   // not granted before
}

// SelectAccountView shows the accounts that are signed in on this browser.
type SelectAccountView struct {
	Accounts []AccountChoice `json:"accounts"`
	// The form sends account=<Value>, or account=other for another one.
}

// AccountChoice is one button of the account chooser.
type AccountChoice struct {
	Value   string `json:"value"` // opaque, not the session's secret
	Name    string `json:"name"`
	Email   string `json:"email"`
	Current bool   `json:"current"`
}

// LogoutView asks whether the person wants to sign out (OIDC RP-Initiated Logout §2).
type LogoutView struct {
	Account string `json:"account,omitempty"`
	// The form sends decision=logout or decision=stay, and these hidden values back.
	Hidden map[string]string `json:"hidden,omitempty"`
}

// LoggedOutView says that the person is signed out.
type LoggedOutView struct {
	Stayed bool `json:"stayed,omitempty"` // they chose to stay signed in
}

// FrontChannelView tells applications in frames that the person signed out (OIDC
// Front-Channel Logout §3).
type FrontChannelView struct {
	Frames []string
	Next   string // where the person goes on: an address that its client registered; "" to stay
}

// ErrorView is shown where an error must not be redirected (RFC 6749 §4.1.2.1),
// and for pages that are gone.
type ErrorView struct {
	Status      int    `json:"status"`
	Code        string `json:"error"`                       // OAuth error code, "" for plain pages
	Description string `json:"error_description,omitempty"` // for the developer: what to mend
	Sent        string `json:"sent,omitempty"`              // e.g. the redirect_uri that was sent, with a copy hint
	Message     string `json:"message"`                     // message id of the sentence for the person: "error.invalid_client", "error.expired", "error.other_browser", "error.not_found", "error.server", "error.unavailable", "error.too_many"
}

// FormPostView carries an authorization response by form_post (OAuth 2.0 Form
// Post Response Mode §2): the page's Action is the redirect URI.
type FormPostView struct {
	Fields []FormPostField
}

// FormPostField is one hidden input.
type FormPostField struct{ Name, Value string }

// HomeView is the page at the issuer itself.
type HomeView struct {
	Issuer string
	Links  []HomeLink
}

// HomeLink is one line of the home page.
type HomeLink struct{ Href, Message string } // Message: id of its text
