package flows

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// Member is one visit of somebody signed in to a page of their own account.
type Member struct {
	Account
	Project *storage.Project
	Origin  storage.Origin
	Now     time.Time
	Query   url.Values // of the page
	Form    url.Values // what was sent, while its problem is shown; nil otherwise
	Locales []string   // that the person wants, most wanted first

	visit  *visit
	secret string
}

// LogValue shows the subject alone.
func (m *Member) LogValue() slog.Value { return slog.StringValue(m.User.ID) }

// Others are the other accounts that are signed in on this browser.
func (m *Member) Others() []Account { return slices.Clone(m.visit.live[1:]) }

// Occasion names what is offered on a page and not stored yet: it holds what no
// outsider can guess, and is another one as soon as the account has changed.
func (m *Member) Occasion() []string {
	return []string{m.derive("occasion"), m.User.UpdatedAt.UTC().Format(time.RFC3339Nano)}
}

// Offer tells one occasion from another, without giving it away.
func (m *Member) Offer() string { return m.derive(append([]string{"offer"}, m.Occasion()...)...) }

// token binds a form to the session of the browser that got the page (S3-18).
func (m *Member) token() string { return m.derive("form token") }

func (m *Member) derive(parts ...string) string {
	d := storage.DigestOf(strings.Join(append(parts, m.secret), "\x00"))
	return base64.RawURLEncoding.EncodeToString(d[:16])
}

// URL returns where a page of the account is.
func (m *Member) URL(page string) string { return base(m.Project) + page }

// Ways reads the ways into the account.
func (m *Member) Ways(ctx context.Context) (Ways, error) {
	return WaysOf(ctx, m.visit.store, m.Project.Scope(), m.User)
}

// Event begins an audit event of what the person does to their own account.
func (m *Member) Event(action string) storage.AuditEvent {
	return storage.AuditEvent{
		At: m.Now, Action: action, Outcome: "success", Actor: m.User.ID, Target: m.User.ID,
		SessionID: m.Session.ID, Origin: m.Origin,
	}
}

// Interaction is the visit as flows see one: of no request.
func (m *Member) Interaction() *Interaction {
	return m.visit.interaction(storage.AuthorizationRequest{})
}

// Second counts one attempt to confirm a second factor.
func (m *Member) Second(ctx context.Context) ([]storage.Change, error) {
	return m.Interaction().Limits.Second(ctx, m.User.ID)
}

// Limits counts attempts at this visit.
func (m *Member) Limits() Limits { return m.visit.interaction(storage.AuthorizationRequest{}).Limits }

// Letter returns the change that sends a letter to the account's owner, none when
// there is no address to send it to.
func (m *Member) Letter(letter storage.Mail) []storage.Change {
	if letter.To == "" {
		letter.To = m.User.Email
	}
	if letter.To == "" {
		return nil
	}
	if letter.Locales = m.Locales; m.User.Locale != "" {
		letter.Locales = append([]string{m.User.Locale}, m.Locales...)
	}
	letter.Origin = map[string]string{"ip": m.Origin.IP, "browser": BrowserName(m.Origin.UserAgent)}
	return []storage.Change{m.visit.store.Outbox.Mail(m.Project.Scope(), letter, m.Now)}
}

// AccountPath is where the pages of a person's own account begin, below the issuer.
const AccountPath = "/account"

// local returns a path of the account pages as it is, and the first of them for
// anything else: no browser may read an address elsewhere into what we redirect to
// (S1-12), however it got into the row.
func local(target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.Fragment != "":
		return AccountPath
	case strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }):
		return AccountPath
	case path.Clean(u.Path) != u.Path, u.Path != ScanPath && u.Path != AccountPath && !strings.HasPrefix(u.Path, AccountPath+"/"):
		return AccountPath
	}
	return target
}
