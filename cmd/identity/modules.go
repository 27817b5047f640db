package main

import (
	"fmt"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/consent"
	"github.com/elloloop/identity/flows/identifier"
	"github.com/elloloop/identity/flows/identify"
	"github.com/elloloop/identity/flows/logout"
	"github.com/elloloop/identity/flows/password"
	"github.com/elloloop/identity/flows/register"
	"github.com/elloloop/identity/flows/selectaccount"
	"github.com/elloloop/identity/storage"
)

// flowModules is every way to sign in that this binary has, by its word in the
// configuration, in URLs and in templates. A build with another one is a build
// with another line here.
var flowModules = map[string]func(*parts) flows.Flow{
	"selectaccount": func(*parts) flows.Flow { return selectaccount.New() },
	"register": func(p *parts) flows.Flow {
		return register.New(register.Config{
			Accounts: p.accounts, Credentials: p.store.PasswordCredentials, Hasher: p.hashing, Policy: judge, SignIn: "identify",
		})
	},
	"identify": func(p *parts) flows.Flow {
		return identify.New(identify.Config{With: p.password(), Register: "register", Choose: "selectaccount"})
	},
	"password": func(p *parts) flows.Flow { return p.password() },
	"consent": func(p *parts) flows.Flow {
		return consent.New(consent.Config{Consents: p.store.Consents, Users: p.store.Users})
	},
}

// flowOrder is the order of the policy: the first flow that is needed is shown.
var flowOrder = [...]string{"selectaccount", "register", "identify", "password", "consent"}

// parts are what modules are made of.
type parts struct {
	store    *storage.Store
	accounts *flows.Accounts
	hashing  *hashing
}

func (p *parts) password() flows.Flow {
	return password.New(password.Config{
		Accounts: p.accounts, Credentials: p.store.PasswordCredentials, Hasher: p.hashing, Back: "identify",
	})
}

// modules are the flows of one engine.
type modules struct {
	flows    []flows.Flow
	logout   flows.Flow
	accounts *flows.Accounts
}

func newModules(c *config.Config, store *storage.Store) (*modules, error) {
	hash, err := newHashing(c)
	if err != nil {
		return nil, err
	}
	p := &parts{store: store, hashing: hash, accounts: &flows.Accounts{Users: store.Users, Email: identifier.Email, Username: identifier.Username}}
	m := &modules{logout: logout.New(), accounts: p.accounts}
	for _, id := range flowOrder {
		module, ok := flowModules[id]
		if !ok {
			return nil, fmt.Errorf("no flow is called %q in this build", id)
		}
		m.flows = append(m.flows, module(p))
	}
	return m, nil
}
