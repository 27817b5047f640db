package account

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

func (p *pages) security(ctx context.Context, m *flows.Member) (any, error) {
	scope := m.Project.Scope()
	ways, err := p.ways(ctx, m)
	if err != nil {
		return nil, err
	}
	v := templates.AccountSecurityView{
		Password: ways.Password, PasswordOpen: m.Project.PasswordEnabled, PasskeysOpen: m.Project.SignIn.PasskeysEnabled, TOTP: ways.TOTP,
		WaysIn: ways.Count(),
	}
	if err := p.identities(ctx, m, &v); err != nil {
		return nil, err
	}
	if ways.Password {
		c, err := p.Store.PasswordCredentials.Get(ctx, scope, m.User.ID)
		if err != nil {
			return nil, err
		}
		v.PasswordSet = c.SetAt
	}
	if v.Signal, err = p.signal(ctx, m); err != nil {
		return nil, err
	}
	keys, err := p.Store.PasskeyCredentials.OfUser(ctx, scope, m.User.ID)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		v.Passkeys = append(v.Passkeys, templates.AccountPasskey{
			ID: k.ID, Name: k.Name, Added: k.CreatedAt, LastUsed: k.LastUsed, BackedUp: k.BackedUp,
		})
	}
	if ways.TOTP {
		c, err := p.Store.TOTPCredentials.Get(ctx, scope, m.User.ID)
		if err != nil {
			return nil, err
		}
		v.TOTPSet = c.SetAt
	}
	v.CodesLeft, err = p.Store.RecoveryCodes.Left(ctx, scope, m.User.ID)
	return v, err
}

// signal is nothing where there are no passkeys to speak of.
func (p *pages) signal(ctx context.Context, m *flows.Member) (json.RawMessage, error) {
	if !m.Project.SignIn.PasskeysEnabled {
		return nil, nil
	}
	return p.Passkeys.Signal(ctx, m)
}

func (p *pages) setSecurity(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	switch form.Get("do") {
	case "rename":
		change, err := p.Passkeys.Rename(ctx, m.Project.Scope(), m.User.ID, form.Get("passkey"), form.Get("name"))
		if err != nil {
			return flows.Outcome{}, err
		}
		return flows.Outcome{Changes: []storage.Change{change}, Events: about(m, "passkey.renamed", "passkey", form.Get("passkey")), Done: "saved"}, nil
	case "remove-passkey":
		ways, err := p.ways(ctx, m)
		if err != nil {
			return flows.Outcome{}, err
		}
		changes, err := p.Passkeys.Remove(ctx, m.Project.Scope(), m.User.ID, form.Get("passkey"), ways)
		return flows.Outcome{
			Changes: changes, Events: about(m, "passkey.removed", "passkey", form.Get("passkey")), Told: "changed.passkey_removed", Done: "removed",
		}, err
	case "remove-app":
		return p.removeApp(ctx, m)
	case "remove-password":
		return p.removePassword(ctx, m)
	case "link":
		return p.link(ctx, m, form)
	case "unlink":
		return p.unlink(ctx, m, form)
	}
	return flows.Outcome{}, &flows.Problem{Message: "problem.choose_action"}
}

func about(m *flows.Member, action, name, value string) []storage.AuditEvent {
	ev := m.Event(action)
	ev.Details = map[string]string{name: value}
	return []storage.AuditEvent{ev}
}

// removeApp takes the authenticator app away, and the recovery codes that stood
// in for it.
func (p *pages) removeApp(ctx context.Context, m *flows.Member) (flows.Outcome, error) {
	ways, err := m.Ways(ctx)
	if err != nil || !ways.TOTP {
		return flows.Outcome{}, err
	}
	return flows.Outcome{
		Changes: append(ways.Unchanged(), p.Store.TOTPCredentials.Remove(m.User.ID), p.Store.RecoveryCodes.Remove(m.User.ID)),
		Events:  []storage.AuditEvent{m.Event("totp.removed")}, Told: "changed.app_removed", Done: "removed",
	}, nil
}

// removePassword leaves the other ways in. The last one stays (S3-15).
func (p *pages) removePassword(ctx context.Context, m *flows.Member) (flows.Outcome, error) {
	ways, err := p.ways(ctx, m)
	if err != nil || !ways.Password {
		return flows.Outcome{}, err
	}
	if ways.Count() < 2 {
		return flows.Outcome{}, &flows.Problem{Message: "problem.last_way_in"}
	}
	return flows.Outcome{
		Changes: append(ways.Unchanged(), p.Store.PasswordCredentials.Remove(m.User.ID)),
		Events:  []storage.AuditEvent{m.Event("password.removed")}, Told: "changed.password_removed", Done: "removed",
	}, nil
}

func (p *pages) password(ctx context.Context, m *flows.Member) (any, error) {
	ways, err := m.Ways(ctx)
	return templates.AccountPasswordView{
		Account: flows.Label(m.User), Has: ways.Password, MinLength: m.Project.PasswordMinLength, MaxLength: p.MaxLength,
		KeepOthers: m.Form != nil && m.Form.Get("end_others") == "",
	}, err
}

// setPassword ends every other session and grant, unless the person wants them to
// stay (S3-13).
func (p *pages) setPassword(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	if !m.Project.PasswordEnabled {
		return flows.Outcome{}, &flows.Problem{Message: "problem.password_closed"}
	}
	password := form.Get("password")
	if problem := p.Policy(password, m.Project.PasswordMinLength, m.User.Email, m.User.Username, m.User.Name); problem != nil {
		return flows.Outcome{}, problem
	}
	hash, err := p.Hasher.Hash(ctx, password)
	if err != nil {
		return flows.Outcome{}, busy(err)
	}
	ways, err := m.Ways(ctx)
	if err != nil {
		return flows.Outcome{}, err
	}
	ev := m.Event("password.changed")
	if !ways.Password {
		ev.Action = "password.set"
	}
	end := form.Get("end_others") != ""
	ev.Details = map[string]string{"ended_others": strconv.FormatBool(end)}
	return flows.Outcome{
		Changes: p.Store.PasswordCredentials.Replace(&storage.PasswordCredential{UserID: m.User.ID, Hash: hash, SetAt: m.Now.Truncate(time.Microsecond)}),
		Events:  []storage.AuditEvent{ev}, Told: "changed.password",
		EndOthers: end, To: PathSecurity, Done: "password",
	}, nil
}

func (p *pages) passkey(ctx context.Context, m *flows.Member) (any, error) {
	options, err := p.Passkeys.Offer(ctx, m)
	return templates.AccountPasskeyView{Account: flows.Label(m.User), Passkey: templates.Passkey{Action: m.URL(PathPasskey), Options: options}}, err
}

func (p *pages) addPasskey(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	if !m.Project.SignIn.PasskeysEnabled {
		return flows.Outcome{}, &flows.Problem{Message: "problem.passkey_failed", Status: http.StatusForbidden}
	}
	if form.Get("credential") == "" {
		return flows.Outcome{}, &flows.Problem{Message: "problem.passkey_missing"}
	}
	key, changes, reason, err := p.Passkeys.Add(ctx, m, form.Get("credential"))
	if err != nil {
		return flows.Outcome{}, err
	}
	if reason != "" {
		ev := m.Event("passkey.add_failed")
		ev.Outcome, ev.Reason = "failure", reason
		message := "problem.passkey_failed"
		if reason == "duplicate_credential" {
			message = "problem.passkey_known"
		}
		return flows.Outcome{}, &flows.Problem{Message: message, Events: []storage.AuditEvent{ev}}
	}
	events := about(m, "passkey.added", "passkey", key.ID)
	events[0].Details["name"] = key.Name
	return flows.Outcome{Changes: changes, Events: events, Told: "changed.passkey_added", To: PathSecurity, Done: "passkey"}, nil
}

func (p *pages) app(ctx context.Context, m *flows.Member) (any, error) {
	shown, err := p.Factors.App(ctx, m)
	return templates.AccountAppView{Offer: m.Offer(), TOTPEnrolment: shown}, err
}

// current says that what was shown is what is offered still.
func current(m *flows.Member, form url.Values) error {
	if form.Get("offer") != m.Offer() {
		return &flows.Problem{Message: "problem.offer_old"}
	}
	return nil
}

func (p *pages) setApp(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	if form.Get("code") == "" {
		return flows.Outcome{}, &flows.Problem{Message: "problem.code_missing", Field: "code"}
	}
	if err := current(m, form); err != nil {
		return flows.Outcome{}, err
	}
	clear, err := m.Second(ctx)
	if err != nil {
		return flows.Outcome{}, err
	}
	changes, err := p.Factors.Match(ctx, m, form.Get("code"))
	if err != nil {
		return flows.Outcome{}, err
	}
	if changes == nil {
		return flows.Outcome{}, &flows.Problem{Message: "problem.wrong_code", Field: "code"}
	}
	ways, err := m.Ways(ctx)
	if err != nil {
		return flows.Outcome{}, err
	}
	ev := m.Event("totp.enrolled")
	to := PathSecurity
	if has, err := p.Store.RecoveryCodes.Has(ctx, m.Project.Scope(), m.User.ID); err != nil {
		return flows.Outcome{}, err
	} else if !has {
		to = PathCodes
	}
	changes = append(append(changes, clear...), ways.Unchanged()...)
	return flows.Outcome{Changes: changes, Events: []storage.AuditEvent{ev}, Told: "changed.app_added", To: to, Done: "app"}, nil
}

// codes are offered to who has the app that they stand in for.
func (p *pages) codes(ctx context.Context, m *flows.Member) (any, error) {
	if ways, err := m.Ways(ctx); err != nil || !ways.TOTP {
		return templates.AccountCodesView{}, err
	}
	codes, err := p.Factors.Codes(ctx, m)
	if err != nil {
		return nil, err
	}
	left, err := p.Store.RecoveryCodes.Left(ctx, m.Project.Scope(), m.User.ID)
	return templates.AccountCodesView{Offer: m.Offer(), Codes: codes, Replaces: left}, err
}

func (p *pages) setCodes(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	ways, err := m.Ways(ctx)
	if err != nil || !ways.TOTP { // the page says what is missing
		return flows.Outcome{}, err
	}
	if form.Get("saved") == "" {
		return flows.Outcome{}, &flows.Problem{Message: "problem.codes_not_saved", Field: "saved"}
	}
	if err := current(m, form); err != nil {
		return flows.Outcome{}, err
	}
	changes, err := p.Factors.Keep(ctx, m)
	// The account's own row changes, and with it what is offered: no code is shown twice.
	return flows.Outcome{
		Changes: append(changes, ways.Unchanged()...), Events: []storage.AuditEvent{m.Event("recovery_codes.issued")},
		Told: "changed.codes", To: PathSecurity, Done: "codes",
	}, err
}
