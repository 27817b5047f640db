package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/outbound"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/account"
	"github.com/elloloop/identity/flows/consent"
	"github.com/elloloop/identity/flows/emailcode"
	"github.com/elloloop/identity/flows/help"
	"github.com/elloloop/identity/flows/identifier"
	"github.com/elloloop/identity/flows/identify"
	"github.com/elloloop/identity/flows/invite"
	"github.com/elloloop/identity/flows/logout"
	"github.com/elloloop/identity/flows/magiclink"
	"github.com/elloloop/identity/flows/passkey"
	"github.com/elloloop/identity/flows/password"
	"github.com/elloloop/identity/flows/phonecode"
	"github.com/elloloop/identity/flows/qr"
	"github.com/elloloop/identity/flows/recover"
	"github.com/elloloop/identity/flows/recoverycode"
	"github.com/elloloop/identity/flows/register"
	"github.com/elloloop/identity/flows/selectaccount"
	"github.com/elloloop/identity/flows/terms"
	"github.com/elloloop/identity/flows/totp"
	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/flows/verify"
	"github.com/elloloop/identity/storage"
)

// flowModules is every way to sign in that this binary has, by its word in the
// configuration, in URLs and in templates. A build with another one is a build
// with another line here.
var flowModules = map[string]func(*parts) flows.Flow{
	"selectaccount": func(*parts) flows.Flow { return selectaccount.New() },
	"register": func(p *parts) flows.Flow {
		return register.New(register.Config{
			Accounts: p.accounts, Credentials: p.store.PasswordCredentials, Hasher: p.hashing, Policy: p.rules.judge, SignIn: "identify",
			Mailbox: p.mailbox(), Tokens: p.store.EmailVerifications, Passkeys: passkey.NewNewcomer(p.passkeys()),
		})
	},
	"identify": func(p *parts) flows.Flow {
		return identify.New(identify.Config{Passkey: passkey.New(p.passkeys()).Options, With: p.password(), Providers: p.upstream.Buttons, Register: "register", Choose: "selectaccount", Device: "qr", Others: withoutPassword()})
	},
	"qr":       func(p *parts) flows.Flow { return qr.New(p.qr()) },
	"password": func(p *parts) flows.Flow { return p.password() },
	"passkey":  func(p *parts) flows.Flow { return passkey.New(p.passkeys()) },
	"addpasskey": func(p *parts) flows.Flow {
		return passkey.NewAdd(p.passkeys(), p.store.Reminders, p.store.TOTPCredentials)
	},
	"emailcode": func(p *parts) flows.Flow {
		return emailcode.New(emailcode.Config{Mailbox: p.mailbox(), Codes: p.store.EmailLoginCodes, Back: "identify"})
	},
	"phonecode": func(p *parts) flows.Flow {
		return phonecode.New(phonecode.Config{Users: p.store.Users, Codes: p.store.PhoneCodes, Outbox: p.store.Outbox, Secrets: p.store.ProjectSecrets, Back: "identify"})
	},
	"magiclink": func(p *parts) flows.Flow {
		return magiclink.New(magiclink.Config{Mailbox: p.mailbox(), Tokens: p.store.MagicLinkTokens, Back: "identify"})
	},
	"recover": func(p *parts) flows.Flow {
		return recover.New(recover.Config{
			Mailbox: p.mailbox(), Tokens: p.store.PasswordResets, Credentials: p.store.PasswordCredentials,
			Hasher: p.hashing, Policy: p.rules.judge, Back: "identify",
		})
	},
	"invite": func(p *parts) flows.Flow {
		return invite.New(invite.Config{
			Invitations: p.store.UserInvitations, Users: p.store.Users, Tenants: p.store.Tenants, Credentials: p.store.PasswordCredentials,
			Hasher: p.hashing, Policy: p.rules.judge,
		})
	},
	"help": func(p *parts) flows.Flow {
		return help.New(help.Config{Mailbox: p.mailbox(), Requests: p.store.HelpRequests, Directory: p.store.UserDirectory, Back: "identify"})
	},
	"emailchange": func(p *parts) flows.Flow { return account.NewEmailChange(p.store, p.mailbox()) },
	"upstream":    func(p *parts) flows.Flow { return p.upstream },
	"totp": func(p *parts) flows.Flow {
		return totp.New(totp.Config{Credentials: p.store.TOTPCredentials, Instead: "recoverycode", Help: "help"})
	},
	"enroltotp": func(p *parts) flows.Flow {
		return totp.NewEnrol(totp.EnrolConfig{Credentials: p.store.TOTPCredentials, Secrets: p.store.ProjectSecrets, Users: p.store.Users})
	},
	"recoverycode": func(p *parts) flows.Flow { return recoverycode.New(p.recovery()) },
	"recoverycodes": func(p *parts) flows.Flow {
		return recoverycode.NewIssue(p.recovery(), "totp", "enroltotp")
	},
	"verify": func(p *parts) flows.Flow {
		return verify.New(verify.Config{Mailbox: p.mailbox(), Tokens: p.store.EmailVerifications, Sessions: p.store.Sessions})
	},
	"terms": func(p *parts) flows.Flow { return terms.New(p.store.Users) },
	"consent": func(p *parts) flows.Flow {
		return consent.New(consent.Config{Consents: p.store.Consents, Users: p.store.Users})
	},
}

// flowOrder is the order of the policy: the first flow that is needed is shown.
var flowOrder = [...]string{"selectaccount", "register", "qr", "identify", "password", "upstream", "phonecode", "emailcode", "magiclink", "recover", "help", "invite", "emailchange", "totp", "passkey", "recoverycode", "enroltotp", "recoverycodes", "verify", "terms", "addpasskey", "consent"}

// parts are what modules are made of.
type parts struct {
	store    *storage.Store
	accounts *flows.Accounts
	hashing  *hashing
	rules    *passwordRules
	upstream *upstream.Flow
}

func (p *parts) password() flows.Flow {
	return password.New(password.Config{
		Accounts: p.accounts, Credentials: p.store.PasswordCredentials, Hasher: p.hashing, Back: "identify", Others: withoutPassword(),
	})
}

func (p *parts) passkeys() passkey.Config {
	return passkey.Config{Credentials: p.store.PasskeyCredentials, Secrets: p.store.ProjectSecrets, Users: p.store.Users, Back: "identify", Help: "help"}
}

// withoutPassword are the ways on for people who have no password at hand.
func withoutPassword() []string {
	return []string{"recover", "emailcode", "magiclink", "phonecode", "help"}
}

func (p *parts) mailbox() *flows.Mailbox {
	return &flows.Mailbox{Accounts: p.accounts, Users: p.store.Users, Outbox: p.store.Outbox, Secrets: p.store.ProjectSecrets, Invitations: p.store.UserInvitations}
}

func (p *parts) qr() qr.Config {
	return qr.Config{Logins: p.store.QRLogins, Secrets: p.store.ProjectSecrets, Sessions: p.store.Sessions}
}

func (p *parts) recovery() recoverycode.Config {
	return recoverycode.Config{Codes: p.store.RecoveryCodes, Secrets: p.store.ProjectSecrets, Back: "totp", Help: "help", Page: account.PathCodes}
}

// modules are the flows of one engine.
type modules struct {
	flows    []flows.Flow
	logout   flows.Flow
	rooms    []flows.Room // of people's own accounts
	approval flows.Approval
	accounts *flows.Accounts
	hashing  *hashing
	rules    *passwordRules
}

func newModules(c *config.Config, store *storage.Store, client *outbound.Client, log *slog.Logger) (*modules, error) {
	hash, err := newHashing(c)
	if err != nil {
		return nil, err
	}
	rules, err := newPasswordRules(c, client, log)
	if err != nil {
		return nil, err
	}
	p := &parts{store: store, hashing: hash, rules: rules, upstream: newUpstream(c, store, client), accounts: &flows.Accounts{Users: store.Users, Email: identifier.Email, Username: identifier.Username}}
	m := &modules{logout: logout.New(), rooms: accountRooms(p), approval: qr.NewApprove(p.qr()), accounts: p.accounts, hashing: hash, rules: rules}
	for _, id := range slices.Concat(c.SignIn.First, c.SignIn.Second) {
		if _, ok := flowModules[id]; !ok {
			return nil, fmt.Errorf("no flow is called %q in this build: GATEWAY_LOGIN_FIRST_FACTORS and GATEWAY_LOGIN_SECOND_FACTORS take %s", id, strings.Join(slices.Sorted(maps.Keys(flowModules)), ", "))
		}
	}
	for _, id := range flowOrder {
		module, ok := flowModules[id]
		if !ok {
			return nil, fmt.Errorf("no flow is called %q in this build", id)
		}
		m.flows = append(m.flows, module(p))
	}
	return m, nil
}
