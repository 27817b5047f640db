package account

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

func (p *pages) data(_ context.Context, m *flows.Member) (any, error) {
	return templates.AccountDataView{Account: flows.Label(m.User), GraceDays: int(m.Project.Grace() / (24 * time.Hour))}, nil
}

func (p *pages) setData(ctx context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	switch form.Get("do") {
	case "export":
		return p.export(ctx, m)
	case "delete":
		return p.remove(m, form)
	}
	return flows.Outcome{}, &flows.Problem{Message: "problem.choose_action"}
}

// remove asks for the deletion. Until its time has come, signing in takes it back.
func (p *pages) remove(m *flows.Member, form url.Values) (flows.Outcome, error) {
	if form.Get("sure") == "" {
		return flows.Outcome{}, &flows.Problem{Message: "problem.deletion_not_sure", Field: "sure"}
	}
	at := m.Now.Add(m.Project.Grace())
	ev := m.Event("user.deletion_requested")
	ev.Details = map[string]string{"at": at.Format(time.RFC3339)}
	letter := m.Letter(storage.Mail{
		Name: "deletion", Link: m.Project.Issuer + flows.AccountPath, EndsAt: at,
		Data: map[string]any{"Days": int(m.Project.Grace() / (24 * time.Hour))},
	})
	return flows.Outcome{
		Act: func(ctx context.Context, changes ...storage.Change) error {
			return p.Store.UserStatuses.RequestDeletion(ctx, m.Project.Scope(), m.User, at, changes...)
		},
		Changes: letter, Events: []storage.AuditEvent{ev}, EndAll: true, To: pathLeft, Done: "deletion",
	}, nil
}

// copyOf is everything that is stored of a person and says something of them. It
// has no secret, no digest of one and no key.
type copyOf struct {
	ExportedAt time.Time `json:"exported_at"`
	Issuer     string    `json:"issuer"`
	Account    struct {
		ID        string    `json:"sub"`
		CreatedAt time.Time `json:"created_at"`
		*storage.User
	} `json:"account"`
	PasswordSetAt      time.Time            `json:"password_set_at,omitzero"`
	AuthenticatorSetAt time.Time            `json:"authenticator_set_at,omitzero"`
	RecoveryCodesLeft  int                  `json:"recovery_codes_left"`
	Passkeys           []passkeyCopy        `json:"passkeys"`
	Linked             []linkCopy           `json:"linked_accounts"`
	Sessions           []sessionCopy        `json:"sessions"`
	Applications       []clientCopy         `json:"applications"`
	Groups             []string             `json:"groups"`
	Tenants            []tenantCopy         `json:"tenants"`
	Activity           []storage.AuditEvent `json:"activity"`
}

type passkeyCopy struct {
	Name     string    `json:"name"`
	Added    time.Time `json:"added"`
	LastUsed time.Time `json:"last_used,omitzero"`
	BackedUp bool      `json:"backed_up"`
}

type linkCopy struct {
	Provider string    `json:"provider"`
	Email    string    `json:"email,omitempty"`
	Name     string    `json:"name,omitempty"`
	Linked   time.Time `json:"linked"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

type sessionCopy struct {
	SignedIn  time.Time `json:"signed_in"`
	LastSeen  time.Time `json:"last_seen"`
	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	AMR       []string  `json:"amr"`
}

type clientCopy struct {
	ClientID string    `json:"client_id"`
	Name     string    `json:"name"`
	Scope    []string  `json:"scope"`
	Since    time.Time `json:"since"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

type tenantCopy struct {
	TenantID string `json:"tenant_id"`
	Role     string `json:"role"`
}

func (p *pages) export(ctx context.Context, m *flows.Member) (flows.Outcome, error) {
	c := &copyOf{ExportedAt: m.Now, Issuer: m.Project.Issuer}
	c.Account.ID, c.Account.CreatedAt, c.Account.User = m.User.ID, m.User.CreatedAt, m.User
	for _, gather := range []func(context.Context, *flows.Member, *copyOf) error{p.gatherWays, p.gatherUse, p.gatherMemberships, p.gatherActivity} {
		if err := gather(ctx, m, c); err != nil {
			return flows.Outcome{}, err
		}
	}
	body, err := json.MarshalIndent(c, "", "  ")
	return flows.Outcome{
		Events: []storage.AuditEvent{m.Event("user.exported")}, Told: "changed.exported",
		File: &flows.File{Name: "account.json", Body: body},
	}, err
}

func (p *pages) gatherWays(ctx context.Context, m *flows.Member, c *copyOf) error {
	view, err := p.security(ctx, m)
	if err != nil {
		return err
	}
	v := view.(templates.AccountSecurityView)
	c.PasswordSetAt, c.AuthenticatorSetAt, c.RecoveryCodesLeft = v.PasswordSet, v.TOTPSet, v.CodesLeft
	c.Passkeys, c.Linked = []passkeyCopy{}, []linkCopy{}
	for _, l := range v.Links {
		c.Linked = append(c.Linked, linkCopy{l.Provider, l.Email, l.Name, l.Linked, l.LastUsed})
	}
	for _, k := range v.Passkeys {
		c.Passkeys = append(c.Passkeys, passkeyCopy{k.Name, k.Added, k.LastUsed, k.BackedUp})
	}
	return nil
}

func (p *pages) gatherUse(ctx context.Context, m *flows.Member, c *copyOf) error {
	sessions, err := all(ctx, m, m.User.ID, p.Store.Sessions.OfUser)
	if err != nil {
		return err
	}
	c.Sessions = []sessionCopy{}
	for _, s := range sessions {
		c.Sessions = append(c.Sessions, sessionCopy{s.AuthTime, s.LastSeen, s.IP, s.UserAgent, s.AMR})
	}
	apps, err := p.apps(ctx, m)
	c.Applications = []clientCopy{}
	for _, a := range apps {
		c.Applications = append(c.Applications, clientCopy{a.ID, a.Name, a.Scopes, a.Since, a.LastUsed})
	}
	return err
}

func (p *pages) gatherMemberships(ctx context.Context, m *flows.Member, c *copyOf) error {
	groups, err := all(ctx, m, m.User.ID, p.Store.GroupMembers.OfUser)
	if err != nil {
		return err
	}
	c.Groups, c.Tenants = []string{}, []tenantCopy{}
	for _, g := range groups {
		c.Groups = append(c.Groups, g.Name)
	}
	tenants, err := all(ctx, m, m.User.ID, p.Store.TenantMembers.OfUser)
	for _, t := range tenants {
		c.Tenants = append(c.Tenants, tenantCopy{t.TenantID, string(t.Role)})
	}
	return err
}

// gatherActivity reads all that the log has of the person, of whatever age.
func (p *pages) gatherActivity(ctx context.Context, m *flows.Member, c *copyOf) error {
	c.Activity = []storage.AuditEvent{}
	seen := map[string]bool{}
	for _, f := range []storage.AuditFilter{{Actor: m.User.ID}, {Target: m.User.ID}} {
		page := storage.PageRequest{Limit: 500}
		for {
			l, err := p.Store.AuditEvents.List(ctx, m.Project.Scope(), f, page)
			if err != nil {
				return err
			}
			for _, e := range l.Items {
				if !seen[e.ID] {
					seen[e.ID] = true
					c.Activity = append(c.Activity, *e)
				}
			}
			if page.After = l.Next; page.After == "" {
				break
			}
		}
	}
	return nil
}
