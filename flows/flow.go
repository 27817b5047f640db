// Package flows walks a person through what an authorization request asks of
// them: who they are, the proof of it, their consent. It shares one stored row
// and two URLs with the protocol, and knows nothing else of it.
package flows

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Flow is one step: an identifier, a password, a consent. Flows never name one
// another: their order is the policy's.
type Flow interface {
	// ID is the flow's name in the configuration, its URL and its template.
	ID() string
	// Needed decides from the stored state alone whether the person must do this
	// step now. It is asked before the step and again after it.
	Needed(ctx context.Context, in *Interaction) (bool, error)
	// View returns what the flow's page shows, and the same as JSON. Where
	// in.Form is set, what was typed is shown again with a problem.
	View(ctx context.Context, in *Interaction) (any, error)
	// Submit judges what the person sent. It changes nothing: what is to be
	// stored is in the Proof. What the person can mend is a *Problem.
	Submit(ctx context.Context, in *Interaction, form url.Values) (Proof, error)
}

// Alternative is a Flow that a person may go to although another one is needed:
// back to the identifier, or to registration.
type Alternative interface {
	Offered(ctx context.Context, in *Interaction) (bool, error)
}

// Silencer is a Flow with an error code of its own for requests that must not
// show a page. Without it the code is "interaction".
type Silencer interface {
	// Requires is "login", "consent" or "select_account" (OIDC Core §3.1.2.6,
	// without "_required").
	Requires() string
}

// Interaction is what a step may see. It is a copy: changing it stores nothing.
type Interaction struct {
	Project  *storage.Project
	Request  storage.AuthorizationRequest
	Accounts []Account // signed in on this browser and live, the current one first
	Origin   storage.Origin
	Now      time.Time
	Form     url.Values // what was sent, while its problem is shown; nil otherwise
	Limits   Limits
	Locales  []string // that the browser wants, most wanted first

	base    string // of our URLs, before "/interaction"
	query   string // of the request, on the sign-out page
	offered []string
	device  device
	trust   trust
	visit   *visit              // nil in tests of one flow
	login   storage.LoginPolicy // of the tenant at hand
}

// LogValue shows the ids alone.
func (in *Interaction) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", in.Request.ID), slog.String("subject", in.Request.Subject))
}

// Account is a person who is signed in on this browser.
type Account struct {
	Session *storage.Session
	User    *storage.User

	login storage.LoginPolicy // of the account's tenant
}

// LogValue shows the subject alone.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.User.ID) }

// Limits counts attempts. Every method counts first and judges then, in one
// statement for all replicas, so that no race gets past a limit. The error is a
// *Problem when the limit is reached.
type Limits interface {
	// Login counts one attempt to sign in with this normalised identifier, whose
	// account is userID, or "" when there is none, and has the password that was
	// set at setAt. The changes forget the attempts of this account: commit them
	// with the proof.
	Login(ctx context.Context, identifier, userID string, setAt time.Time) ([]storage.Change, error)
	// Second counts one attempt at a second factor of this account. The changes
	// forget them: commit them with the proof.
	Second(ctx context.Context, userID string) ([]storage.Change, error)
	// Signup counts one attempt to make an account.
	Signup(ctx context.Context) error
	// Send counts one message that somebody here wants sent.
	Send(ctx context.Context, m Message) error
	// Guess counts one try at something short that was sent, by its id, of tries in
	// all, and by where it was sent. The changes forget them.
	Guess(ctx context.Context, id, to string, tries int, life time.Duration) ([]storage.Change, error)
}

// Message is what Limits.Send counts.
type Message struct {
	Kind     string // "code", "link", "reset", "verify", "sms": each is counted apart
	To       string // normalised address
	Limit    int    // of this kind, from one network in the project's window
	Cooldown time.Duration
	Range    string // the numbers that To is one of, "" for none
	RangeMax int    // messages to the range in an hour
}

// LogValue hides where it goes.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.Kind) }

// URL returns where a flow's page is.
func (in *Interaction) URL(flow string) string {
	return in.base + "/interaction/" + url.PathEscape(in.Request.ID) + "/" + url.PathEscape(flow)
}

// Offered returns where a flow's page is, if the person may go there now, or "".
func (in *Interaction) Offered(flow string) string {
	if !slices.Contains(in.offered, flow) {
		return ""
	}
	return in.URL(flow)
}

// Others returns links to those of the flows that the person may go to now.
func (in *Interaction) Others(ids []string) []templates.Other {
	var out []templates.Other
	for _, id := range ids {
		if u := in.Offered(id); u != "" {
			out = append(out, templates.Other{Flow: id, URL: u})
		}
	}
	return out
}

// Query returns the query that the sign-out page was opened with.
func (in *Interaction) Query() string { return in.query }

// KnownDevice says whether this account signed in on this device before, and has
// still the password that was set at setAt.
func (in *Interaction) KnownDevice(userID string, setAt time.Time) bool {
	return in.device.knows(userID, setAt)
}

// Prompts says whether the request's prompt has this value (OIDC Core §3.1.2.1).
func (in *Interaction) Prompts(value string) bool { return slices.Contains(in.Request.Prompt, value) }

// Reauthenticates says whether somebody is signed in here and has to prove again
// who they are, because the client wants it.
func (in *Interaction) Reauthenticates() bool {
	return len(in.Accounts) > 0 && in.Request.Subject == "" && !slices.ContainsFunc(in.Accounts, in.Fresh)
}

// Fresh says whether the client takes the proof that the session holds: not
// under prompt=login, and not when it is older than max_age (OIDC Core §3.1.2.1),
// nor where the policy is stricter now than when the session began (S3-20).
func (in *Interaction) Fresh(a Account) bool {
	if in.Prompts("login") || !in.takes(a) || in.Request.SignIn.Ended(a.Session.AuthTime, in.Now) {
		return false
	}
	age := in.Request.MaxAge
	// max_age=0 asks for a new proof whatever the clock says.
	return age == nil || *age > 0 && in.Now.Sub(a.Session.AuthTime) <= time.Duration(*age)*time.Second
}

// Proof is what a step adds to the interaction. The zero Proof passes the step
// and adds nothing.
type Proof struct {
	Identifier string        // as typed
	Subject    string        // the account whose owner this is, proven by this step
	AMR        []string      // RFC 8176, what proved it
	By         []string      // ids of the flows that said who it is; nil: of the one that was submitted
	SetAt      time.Time     // when the password that proved it was set; zero where none did
	AuthTime   time.Time     // when it was proven; zero: now
	Remember   time.Time     // when the second factor was set that is not to be asked here again for some time; zero: ask
	Restart    bool          // begin again with who it is; nothing that was proven counts
	SessionID  string        // a session of this browser that the person chose
	Sent       string        // id of what was sent to the person; the step goes on with its own page
	Mailbox    bool          // the account's mail address is proven too: if it was not, nothing that the account had before counts (S3-06)
	Consent    bool          // the person allowed what the client asks for
	Denied     string        // OAuth error code that ends the request: "access_denied"
	SignOut    []string      // sessions of this browser that end
	NewUser    *storage.User // an account to make; Subject is its id
	// Invitation is what NewUser, or the account that waited for its owner, comes from:
	// the step accepts it. Only of an address that it proves.
	Invitation *storage.UserInvitation
	Letter     storage.Mail // to the account's owner: name and data are enough; the zero Mail: none
	Told       string       // message id of what changed, for a letter to the account's owner; "": none
	Taken      *Problem     // what to say when NewUser clashes with another account
	Stay       bool         // go on with this flow's page, which is offered
	Done       any          // what the page "linkdone" shows, in place of Opened.Done
	// Link is an identity that waits until its person has proven an account;
	// Linked ends the waiting.
	Link   *storage.PendingLink
	Linked bool

	// Changes and Events are committed with the step, or not at all.
	Changes []storage.Change
	Events  []storage.AuditEvent
}

// LogValue shows the account and how it was proven.
func (p Proof) LogValue() slog.Value {
	return slog.GroupValue(slog.String("subject", p.Subject), slog.Any("amr", p.AMR))
}

// Problem is what a person can mend, as a sentence of the message files. It is
// the error of Submit.
type Problem struct {
	Message    string         // message id, "problem.wrong_password"
	Data       map[string]any // values named in the sentence
	Field      string         // the input that it belongs to, or ""
	Status     int            // HTTP status; 0 is 422
	RetryAfter time.Duration  // when it makes sense to try again; 0: now
	Events     []storage.AuditEvent

	changes []storage.Change // committed with the events
}

// tells says whether there is something to be stored about it.
func (p *Problem) tells() bool { return len(p.Events)+len(p.changes) > 0 }

// Error names the problem. It never holds what was typed.
func (p *Problem) Error() string { return "flows: " + p.Message }
