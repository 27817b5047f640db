package templates

import (
	"encoding/json"
	"log/slog"
	"slices"
	"time"
)

// AccountFrame is what surrounds every page of a person's own account.
type AccountFrame struct {
	Base  string // of our paths, "" or "/p/<project>"
	Token string // sent back with each form
	Label string // who is signed in
	Done  string // message id of what was just done, or ""
}

// AccountDone are the words of what a page can say was just done.
func AccountDone() []string {
	return []string{"saved", "removed", "password", "passkey", "app", "codes", "session", "client", "email_asked", "email_waits", "email", "linked", "phone_sent", "phone"}
}

// AccountView is the first page of the account.
type AccountView struct {
	Name          string    `json:"name,omitempty"`
	Email         string    `json:"email,omitempty"`
	EmailVerified bool      `json:"email_verified"`
	Username      string    `json:"username,omitempty"`
	Since         time.Time `json:"since"`
	Password      bool      `json:"password"`
	Passkeys      int       `json:"passkeys"`
	TOTP          bool      `json:"totp"`
	Sessions      int       `json:"sessions"`
	Apps          int       `json:"apps"`
}

// AccountClaim is one field of the profile (OIDC Core §5.1).
type AccountClaim struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Complete is what the field is called in the autofill of browsers.
func (c AccountClaim) Complete() string {
	known := map[string]string{
		"name": "name", "given_name": "given-name", "family_name": "family-name", "nickname": "nickname",
		"picture": "photo", "website": "url", "birthdate": "bday", "locale": "language",
	}
	if k := known[c.Name]; k != "" {
		return k
	}
	return "off"
}

// AccountProfileView shows and changes who somebody says they are.
type AccountProfileView struct {
	Email         string          `json:"email,omitempty"`
	EmailVerified bool            `json:"email_verified"`
	Phone         string          `json:"phone,omitempty"`
	Username      string          `json:"username"`
	Claims        []AccountClaim  `json:"claims"`
	Signal        json.RawMessage `json:"signal,omitempty"` // as on the security page
	// The form sends username and each claim by its name.
}

// AccountEmailView shows and changes the mail address.
type AccountEmailView struct {
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified"`
	Open          bool   `json:"open"` // mail leaves, so that it can be changed
	Typed         string `json:"typed,omitempty"`
	Pending       string `json:"pending,omitempty"` // the new address, while it waits
	WaitsNew      bool   `json:"waits_new"`         // for whoever reads the mail of the new address
	WaitsOld      bool   `json:"waits_old"`         // and of the old one
	// Forms send do=change with email, do=confirm with code, or do=cancel.
}

// AccountPhoneView shows and changes the telephone number.
type AccountPhoneView struct {
	Phone    string `json:"phone,omitempty"`
	Verified bool   `json:"verified"`
	Open     bool   `json:"open"` // short messages leave
	Typed    string `json:"typed,omitempty"`
	SentTo   string `json:"sent_to,omitempty"` // a code is on its way there
	// Forms send do=send with phone, do=confirm with code, or do=remove.
}

// EmailChangeView asks who reads the mail of the old address. The form sends
// decision=allow or refuse.
type EmailChangeView struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// AccountSecurityView shows how somebody signs in.
type AccountSecurityView struct {
	PasswordOpen bool             `json:"password_open"` // the project has passwords
	Password     bool             `json:"password"`
	PasswordSet  time.Time        `json:"password_set_at,omitzero"`
	PasskeysOpen bool             `json:"passkeys_open"`
	Passkeys     []AccountPasskey `json:"passkeys"`
	TOTP         bool             `json:"totp"`
	TOTPSet      time.Time        `json:"totp_set_at,omitzero"`
	CodesLeft    int              `json:"recovery_codes_left"`
	// Signal holds the arguments of PublicKeyCredential.signalAllAcceptedCredentials
	// and signalCurrentUserDetails.
	Signal    json.RawMessage  `json:"signal,omitempty"`
	WaysIn    int              `json:"ways_in"` // how many ways say who it is: the last one stays
	Links     []AccountLink    `json:"links,omitempty"`
	Providers []ProviderButton `json:"providers,omitempty"` // that the account may be linked to
	// Forms send do=rename|remove-passkey with passkey and name, do=remove-app,
	// do=remove-password, do=unlink with identity, do=link with provider.
}

// AccountLink is an account elsewhere that signs in here.
type AccountLink struct {
	ID       string    `json:"id"`
	Provider string    `json:"provider"` // its name
	Email    string    `json:"email,omitempty"`
	Name     string    `json:"name,omitempty"`
	Linked   time.Time `json:"linked"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Works    bool      `json:"works"` // the provider is still there
}

// AccountLeaveView leads to another site.
type AccountLeaveView struct {
	URL  string `json:"url"`
	Name string `json:"name"`
}

// AccountPasskey is one passkey.
type AccountPasskey struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Added    time.Time `json:"added"`
	LastUsed time.Time `json:"last_used,omitzero"`
	BackedUp bool      `json:"backed_up"`
}

// AccountPasswordView sets or changes the password.
type AccountPasswordView struct {
	Account    string `json:"account"`
	Has        bool   `json:"has"`
	MinLength  int    `json:"min_length"`
	MaxLength  int    `json:"max_length"`
	KeepOthers bool   `json:"keep_others"` // the person took the tick away
	// The form sends password, and end_others=1 to sign out everywhere else.
}

// AccountPasskeyView adds a passkey.
type AccountPasskeyView struct {
	Account string  `json:"account"`
	Passkey Passkey `json:"passkey"`
}

// AccountAppView sets up an authenticator app. The form sends offer and code.
type AccountAppView struct {
	Offer string `json:"offer"`
	TOTPEnrolment
}

// LogValue hides the seed.
func (AccountAppView) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// AccountCodesView shows new recovery codes, this once. The form sends offer and
// saved=1. Who has no authenticator app gets none: they would stand in for nothing.
type AccountCodesView struct {
	Offer    string   `json:"offer"`
	Codes    []string `json:"codes"`
	Replaces int      `json:"replaces"` // codes that are good until then
}

// LogValue hides the codes.
func (AccountCodesView) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// AccountSessionsView shows where somebody is signed in. Forms send session=<id>,
// or do=everywhere.
type AccountSessionsView struct {
	Sessions []AccountSession `json:"sessions"`
}

// AccountSession is one browser.
type AccountSession struct {
	ID       string    `json:"id"`
	Browser  string    `json:"browser,omitempty"`
	IP       string    `json:"ip,omitempty"`
	SignedIn time.Time `json:"signed_in"`
	LastSeen time.Time `json:"last_seen"`
	Current  bool      `json:"current"`
}

// AccountClientsView shows the applications. Forms send client=<id>.
type AccountClientsView struct {
	Clients []AccountClient `json:"clients"`
}

// AccountClient is one application.
type AccountClient struct {
	ID       string    `json:"client_id"`
	Name     string    `json:"client_name"`
	Scopes   []string  `json:"scopes"`
	Since    time.Time `json:"since"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Grants   int       `json:"grants"` // tokens of so many sign-ins are good
}

// AccountActivityView shows what happened, the newest first.
type AccountActivityView struct {
	Days     int            `json:"days"`
	Events   []AccountEvent `json:"events"`
	OlderURL string         `json:"older_url,omitempty"`
}

// AccountEvent is one line of it.
type AccountEvent struct {
	At      time.Time `json:"at"`
	Action  string    `json:"action"`
	Failed  bool      `json:"failed,omitempty"`
	ByOther bool      `json:"by_other,omitempty"` // not by the person themselves
	Browser string    `json:"browser,omitempty"`
	IP      string    `json:"ip,omitempty"`
}

// AccountDataView exports and deletes. Forms send do=export, or do=delete with
// sure=1.
type AccountDataView struct {
	Account   string `json:"account"`
	GraceDays int    `json:"grace_days"`
}

// AccountProofView is shown to whose sign-in was of one factor, where two are
// needed and they have nothing but passkeys.
type AccountProofView struct {
	AgainURL string `json:"again_url"`
	BackURL  string `json:"back_url"`
}

// AccountLeftView is shown to who signed out everywhere, or had the account
// deleted.
type AccountLeftView struct {
	Deleted   bool   `json:"deleted"`
	SignInURL string `json:"sign_in_url"`
}

// When is a moment as people read it: as the language writes it, and where the
// language does not say how, as all understand it. Script puts the time of the
// reader in its place.
func (d *document) When(t time.Time) string {
	layout, ok := d.theme.messages.fixed[d.tag]["layout.moment"]
	if !ok {
		layout = "2006-01-02 15:04"
	}
	return t.UTC().Format(layout) + " UTC"
}

// Moment is a moment for machines.
func (d *document) Moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Happened is the sentence for an event of the log.
func (d *document) Happened(action string) string {
	return d.or("activity.", action, plain(action))
}

// tab is one page of the account in its list of pages.
type tab struct {
	Href, Label string
	Current     bool
}

// Tabs are the pages of the account.
func (d *document) Tabs() []tab {
	if d.Account == nil {
		return nil
	}
	pages := []struct {
		path, word string
		names      []string
	}{
		{"/account", "overview", []string{"account"}},
		{"/account/profile", "profile", []string{"accountprofile", "accountemail", "accountphone"}},
		{"/account/security", "security", []string{"accountsecurity", "accountpassword", "accountpasskey", "accountapp", "accountcodes"}},
		{"/account/sessions", "sessions", []string{"accountsessions"}},
		{"/account/apps", "apps", []string{"accountclients"}},
		{"/account/activity", "activity", []string{"accountactivity"}},
		{"/account/data", "data", []string{"accountdata"}},
	}
	out := make([]tab, len(pages))
	for i, p := range pages {
		out[i] = tab{d.Account.Base + p.path, d.Say("account.tab."+p.word, nil), slices.Contains(p.names, d.Name)}
	}
	return out
}
