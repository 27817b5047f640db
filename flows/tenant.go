package flows

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elloloop/identity/storage"
)

const (
	tenantLife  = time.Second // a stricter policy is seen by every replica within it
	tenantsKept = 10_000
)

// tenantPolicies remembers the login policies of mail domains, also that there is
// none: they are asked for at every request.
type tenantPolicies struct {
	mu      sync.Mutex
	entries map[[2]string]tenantPolicy // by project and domain
}

type tenantPolicy struct {
	login storage.LoginPolicy
	since time.Time
}

func (t *tenantPolicies) get(key [2]string, now time.Time) (storage.LoginPolicy, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.entries[key]
	age := now.Sub(e.since)
	return e.login, ok && age >= 0 && age < tenantLife
}

func (t *tenantPolicies) put(key [2]string, login storage.LoginPolicy, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.entries == nil || len(t.entries) >= tenantsKept { // all of it is a second old at the most
		t.entries = map[[2]string]tenantPolicy{}
	}
	t.entries[key] = tenantPolicy{login, now}
}

// tenant returns the login policy of the tenant that has the domain of a
// normalised mail address, one that forbids nothing where none has.
func (v *visit) tenant(ctx context.Context, emailKey string) (storage.LoginPolicy, error) {
	domain, ok := mailDomain(emailKey)
	if !ok {
		return storage.LoginPolicy{}, nil
	}
	key := [2]string{v.project.ID, domain}
	if login, ok := v.tenants.get(key, v.now); ok {
		return login, nil
	}
	var login storage.LoginPolicy
	d, err := v.store.TenantDomains.ByDomain(ctx, v.project.Scope(), domain)
	if err == nil {
		var t *storage.Tenant
		if t, err = v.store.Tenants.Get(ctx, v.project.Scope(), d.TenantID); err == nil {
			login = t.Login
		}
	}
	if err != nil && !gone(err) {
		return storage.LoginPolicy{}, err
	}
	v.tenants.put(key, login, v.now)
	return login, nil
}

// mailDomain is the domain of a mail address, as it is stored of organisations.
func mailDomain(emailKey string) (string, bool) {
	at := strings.LastIndexByte(emailKey, '@')
	if at < 0 {
		return "", false
	}
	domain, err := storage.NormalizeHost(emailKey[at+1:])
	return domain, err == nil
}

// tenantOf returns the login policy of an account's tenant: that of its mail
// address, once it is proven, and of the one that it is a member of still though its
// address has left it.
func (v *visit) tenantOf(ctx context.Context, u *storage.User) (storage.LoginPolicy, error) {
	login := storage.LoginPolicy{}
	if u.EmailVerified {
		var err error
		if login, err = v.tenant(ctx, u.EmailKey); err != nil {
			return login, err
		}
	}
	if u.GovernedBy == "" {
		return login, nil
	}
	_, err := v.store.TenantMembers.Get(ctx, v.project.Scope(), u.GovernedBy, u.ID)
	if err == nil {
		var t *storage.Tenant
		if t, err = v.store.Tenants.Get(ctx, v.project.Scope(), u.GovernedBy); err == nil {
			login = login.And(t.Login)
		}
	}
	return login, unlessGone(err)
}

// governed returns the tenant whose policy an account takes along to another address,
// "" for none: who is a member stays under it until the tenant lets them go.
func (v *visit) governed(ctx context.Context, u *storage.User, newKey string) (string, error) {
	of := func(key string) (string, error) {
		domain, ok := mailDomain(key)
		if !ok {
			return "", nil
		}
		d, err := v.store.TenantDomains.ByDomain(ctx, v.project.Scope(), domain)
		if err != nil {
			return "", unlessGone(err)
		}
		return d.TenantID, nil
	}
	tenant := u.GovernedBy
	if u.EmailVerified {
		at, err := of(u.EmailKey)
		if err != nil {
			return "", err
		}
		if at != "" {
			_, err := v.store.TenantMembers.Get(ctx, v.project.Scope(), at, u.ID)
			if err == nil {
				tenant = at
			} else if !gone(err) {
				return "", err
			}
		}
	}
	if at, err := of(newKey); err != nil || at == tenant {
		return "", err // the address itself brings them under it again
	}
	return tenant, nil
}

// Governed is for the flow that gives an account another address.
func (in *Interaction) Governed(ctx context.Context, u *storage.User, newKey string) (string, error) {
	return in.visit.governed(ctx, u, newKey)
}

// Governed is the same on a page of the account.
func (m *Member) Governed(ctx context.Context, u *storage.User, newKey string) (string, error) {
	return m.visit.governed(ctx, u, newKey)
}

// join returns the change that puts an account into the organisation of its mail
// domain, to be committed with what made its address a proven one. At no other time
// is anybody put there: whom its owners took out stays out.
func (v *visit) join(u *storage.User, ev storage.AuditEvent) []storage.Change {
	ev.Actor = u.ID
	return []storage.Change{v.store.TenantDomains.Join(u, v.PublicMailDomains, v.now, ev)}
}

// Join is for the flow that has shown that the account's mail address is its
// owner's: what puts the account into the organisation of its mail domain.
func (in *Interaction) Join(u *storage.User) []storage.Change {
	if in.visit == nil {
		return nil
	}
	return in.visit.join(u, in.Event(""))
}

// Join is the same on a page of the account.
func (m *Member) Join(u *storage.User) []storage.Change { return m.visit.join(u, m.Event("")) }

// person reads an account once in a visit.
func (v *visit) person(ctx context.Context, id string) (*storage.User, error) {
	if u := v.people[id]; u != nil {
		return u, nil
	}
	u, err := v.store.Users.Get(ctx, v.project.Scope(), id)
	if err == nil {
		v.people[id] = u
	}
	return u, err
}

// govern finds the login policy that holds for who is at hand: of the account that
// was proven, and before that of the address that was typed, whether an account
// has it or not. What a stranger sees follows the domain alone (S3-20).
func (in *Interaction) govern(ctx context.Context) error {
	if in.visit == nil {
		return nil
	}
	var err error
	if in.Request.Subject == "" {
		in.login, err = in.visit.tenant(ctx, in.visit.Accounts.Key(in.Request.Identifier))
		return err
	}
	u, err := in.visit.person(ctx, in.Request.Subject)
	switch {
	case gone(err):
		in.login = storage.LoginPolicy{}
		return nil
	case err == nil:
		in.login, err = in.visit.tenantOf(ctx, u)
	}
	return err
}

// Login is the policy of the project and of the tenant at hand: what both allow.
func (in *Interaction) Login() storage.LoginPolicy { return in.Project.Login.And(in.login) }

// FirstFor says whether a flow may say who somebody is who has this address, or
// would have it.
func (in *Interaction) FirstFor(ctx context.Context, flow, typed string) (bool, error) {
	of := *in
	if in.visit != nil {
		var err error
		if of.login, err = in.visit.tenant(ctx, in.visit.Accounts.Key(typed)); err != nil {
			return false, err
		}
	}
	return of.First(flow), nil
}

// Otherwise is what to say to who typed an address whose organisation does not
// take this way in, the same for an address that nobody has; or err, where it
// could not be known.
func Otherwise(err error, field string) error {
	if err != nil {
		return err
	}
	return anotherWay(field)
}

func anotherWay(field string) *Problem {
	return &Problem{Message: "problem.another_way", Field: field, Status: http.StatusForbidden}
}

// allows says whether a policy lets a flow say who somebody is.
func allows(p storage.LoginPolicy, flow string) bool {
	return (!p.SSORequired || flow == sso) && p.Allows(flow)
}

// allowsAll says whether a policy lets somebody in who said who they are by all of
// these flows. Where it is not known by which, they say it again.
func allowsAll(p storage.LoginPolicy, methods []string) bool {
	if p.Methods == nil && !p.SSORequired {
		return true
	}
	return len(methods) > 0 && !slices.ContainsFunc(methods, func(m string) bool { return !allows(p, m) })
}

// takes says whether the policy of the request, and of the session's account,
// would let somebody in today as they were let in when the session began.
func (in *Interaction) takes(a Account) bool {
	first, methods := in.Policy().First, a.Session.Methods
	if len(first) > 0 && (len(methods) == 0 || !slices.Contains(first, methods[0])) {
		return false
	}
	if len(methods) > 0 && slices.Contains(in.Project.SignIn.Closed, methods[0]) {
		return false
	}
	return allowsAll(in.Project.Login.And(a.login), methods)
}

// allowed says whether the policy lets somebody go on who has begun.
func (v *visit) allowed(ctx context.Context, req *storage.AuthorizationRequest) (bool, error) {
	u, err := v.person(ctx, req.Subject)
	if err != nil {
		return false, unlessGone(err)
	}
	login, err := v.tenantOf(ctx, u)
	return err == nil && allowsAll(v.project.Login.And(login), req.Methods), err
}

// judge says which flows said who somebody is, or that the policy of their account
// takes no such proof. They have proven that the account is theirs: they may know.
func (v *visit) judge(ctx context.Context, u *storage.User, row *storage.AuthorizationRequest, f Flow, proof Proof) ([]string, error) {
	by := row.Methods
	if row.Subject == "" {
		if by = proof.By; by == nil {
			by = []string{f.ID()}
		}
	}
	login, err := v.tenantOf(ctx, u)
	if err != nil || allowsAll(v.project.Login.And(login), by) {
		return by, err
	}
	ev := v.in.Failure("user.sign_in_failed", "way_not_allowed")
	ev.Target, ev.Details = u.ID, map[string]string{"flow": f.ID()}
	problem := anotherWay("")
	problem.Events = []storage.AuditEvent{ev}
	return nil, problem
}

// lacks says whether somebody must have a second factor and can't: nothing asks
// for one, and this device was not told to remember one.
func (v *visit) lacks(ctx context.Context, in *Interaction) (bool, error) {
	if !in.NeedsSetup() {
		return false, nil
	}
	c, err := v.store.TOTPCredentials.Get(ctx, v.project.Scope(), in.Request.Subject)
	if gone(err) {
		return true, nil
	}
	return err == nil && (in.ClientWantsSecond() || !in.remembers(c.SetAt)), err
}

// complete refuses to sign somebody in with one factor where the policy requires
// two, and nothing is there to ask for the second.
func (v *visit) complete(ctx context.Context, u *storage.User, in *Interaction, next Flow) error {
	if pending(next, in) || in.Policy().SecondFactor != storage.SecondFactorRequired {
		return nil
	}
	lacks, err := v.lacks(ctx, in)
	if err != nil || !lacks {
		return err
	}
	ev := in.Failure("user.sign_in_failed", "no_second_factor")
	ev.Target = u.ID
	return &Problem{Message: "problem.no_second_factor", Status: http.StatusForbidden, Events: []storage.AuditEvent{ev}}
}

// due says whether the policy wants a second factor of a session that has none.
func (v *visit) due(ctx context.Context, a Account) (bool, error) {
	in := v.interaction(storage.AuthorizationRequest{})
	adopt(&in.Request, a)
	in.login = a.login
	if !in.NeedsSetup() {
		return false, nil
	}
	f, err := v.next(ctx, in)
	return err == nil && pending(f, in), err
}

func unlessGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
