package conformance

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// elsewhere is a provider of others that people may sign in with. Its accounts are
// those that a test names.
type elsewhere struct {
	id, issuer string
	signsIss   bool // its answers have iss (RFC 9207)
	password   string
}

// An account there has the address NAME@example.test, which the provider calls
// verified. These two have no account with us at first.
func (e *elsewhere) newcomer() string { return "newcomer-of-" + e.id }
func (e *elsewhere) victim() string   { return "victim-of-" + e.id }

// addProvider registers a provider with us, and us with it.
func (w *world) addProvider(t *testing.T, e *elsewhere, run func(t *testing.T, redirectURI, secret string)) {
	t.Helper()
	secret := rand.Text()
	w.log.secret(secret)
	run(t, w.issuer+"/upstream/"+e.id+"/callback", secret)
	out, err := w.identity(secret+"\n", "provider", "add", "oidc", "--id", e.id, "--name", "Login "+e.id, "--provider-issuer", e.issuer, "--client-id", "identity", "--secret-stdin")
	if err != nil {
		t.Fatal(err)
	}
	if want := w.issuer + "/upstream/" + e.id + "/callback"; !strings.Contains(string(out), want) {
		t.Fatalf("provider add names no redirect URI %s: %s", want, out)
	}
}

// runDex runs Dex with accounts of its own.
func runDex(t *testing.T, w *world, owner person) *elsewhere {
	t.Helper()
	cmd, origin := exec.Command(built(t, "dex")), newOrigin(t)
	e := &elsewhere{id: "dex", issuer: origin + "/dex", password: "pw-" + rand.Text()}
	hash, err := bcrypt.GenerateFromPassword([]byte(e.password), bcrypt.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	accounts := []map[string]string{}
	for _, login := range []string{e.newcomer(), e.victim(), strings.TrimSuffix(owner.email, "@example.test")} {
		accounts = append(accounts, map[string]string{"email": login + "@example.test", "hash": string(hash), "name": login, "id": "id-" + login})
	}
	w.addProvider(t, e, func(t *testing.T, redirectURI, secret string) {
		t.Helper()
		what, err := json.Marshal(map[string]any{
			"issuer": e.issuer, "listen": strings.Replace(origin, "https://localhost", "127.0.0.1", 1), "cert_file": suite.ca.certFile, "key_file": suite.ca.keyFile,
			"client_id": "identity", "client_secret": secret, "redirect_uri": redirectURI, "accounts": accounts,
		})
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdin = strings.NewReader(string(what))
		runCompanion(t, "dex", cmd, e.issuer+"/.well-known/openid-configuration")
	})
	return e
}

// runOIDCProvider runs npm oidc-provider.
func runOIDCProvider(t *testing.T, w *world) *elsewhere {
	t.Helper()
	cmd := scripted(t, "oidc_provider.mjs", "oidc-provider")
	e := &elsewhere{id: "node", issuer: newOrigin(t), signsIss: true, password: "any"}
	w.addProvider(t, e, func(t *testing.T, redirectURI, secret string) {
		t.Helper()
		what, err := json.Marshal(map[string]string{
			"issuer": e.issuer, "client_id": "identity", "client_secret": secret, "redirect_uri": redirectURI,
			"cert_file": suite.ca.certFile, "key_file": suite.ca.keyFile,
		})
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdin = strings.NewReader(string(what))
		runCompanion(t, "oidc-provider", cmd, e.issuer+"/.well-known/openid-configuration")
	})
	return e
}

// login is what the person types there.
func (e *elsewhere) login(name string) string {
	if e.id == "dex" {
		return name + "@example.test"
	}
	return name
}

// back lets a person choose the provider on our first page and sign in there, and
// returns the address of ours that they are sent back to, not opened yet.
func (e *elsewhere) back(b *browser, r request, name string) *url.URL {
	b.t.Helper()
	p := b.get(b.server.authorizeURL(r))
	i := slices.IndexFunc(p.attributes("a", "href"), func(href string) bool { return strings.HasSuffix(href, "/upstream/"+e.id) })
	if i < 0 {
		b.t.Fatalf("the first page does not offer %s: %s", e.id, p.text())
	}
	link, err := p.url.Parse(p.attributes("a", "href")[i])
	if err != nil {
		b.t.Fatal(err)
	}
	p = b.get(link.String())
	for range 20 {
		switch at := p.callback; {
		case at != nil && b.ours(at):
			b.server.log.secret(at.Query().Get("code"), at.Query().Get("state"))
			return at
		case at != nil:
			p = b.look(at.String())
		case len(p.forms) == 0:
			b.t.Fatalf("%s: %s %d: a page without a form: %s", e.id, p.url.Path, p.status, p.text())
		case p.forms[0].has("password"):
			p = b.send(p.forms[0], map[string]string{"login": e.login(name), "password": e.password})
		default: // what we may know
			p = b.send(p.forms[0], nil)
		}
	}
	b.t.Fatalf("%s: no end, the last page is %s: %s", e.id, p.url.Path, p.text())
	return nil
}

// arrive opens the address that the person was sent back to.
func (b *browser) arrive(at *url.URL) *page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, at.String(), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	return b.follow(req)
}

// signIn is a whole sign-in with the provider, at which we ask nothing.
func (e *elsewhere) signIn(t *testing.T, w *world, name string) tokens {
	t.Helper()
	b := newBrowser(t, w.server, person{})
	r := w.request(w.web, "scope", "openid email profile")
	p := b.arrive(e.back(b, r, name))
	return b.redeem(r, b.answer(r, p).Get("code"))
}

// TestUpstream signs people in with providers that others wrote.
func TestUpstream(t *testing.T) {
	w := start(t, loopbackFetch)
	owners := map[string]person{}
	for _, id := range []string{"dex", "node"} {
		owner, err := w.addPerson("owner", "Olga Owner")
		if err != nil {
			t.Fatal(err)
		}
		owners[id] = owner
	}
	providers := []*elsewhere{runDex(t, w, owners["dex"]), runOIDCProvider(t, w)}
	for i, e := range providers {
		t.Run(e.id, func(t *testing.T) {
			t.Run("sign-up", func(t *testing.T) { e.signUp(t, w) })
			t.Run("link", func(t *testing.T) { e.link(t, w, owners[e.id]) })
			t.Run("mix-up", func(t *testing.T) { e.mixUp(t, w, providers[1-i]) })
		})
	}
}

// signUp: the first time makes an account, the second comes back to it.
func (e *elsewhere) signUp(t *testing.T, w *world) {
	first := e.signIn(t, w, e.newcomer())
	if amr, _ := first.claims["amr"].([]any); !slices.Contains(amr, any("fed")) {
		t.Errorf("amr is %v, want fed in it", first.claims["amr"])
	}
	// Verified is what the provider says, and the operator did not say to believe it (--trust-email).
	if a := w.userinfo(t, first.access); a.str("email") != e.newcomer()+"@example.test" || a.body["email_verified"] != false {
		t.Errorf("userinfo: email %q, email_verified %v", a.str("email"), a.body["email_verified"])
	}
	if second := e.signIn(t, w, e.newcomer()); second.sub() != first.sub() {
		t.Errorf("sub is %s, and was %s", second.sub(), first.sub())
	}
	if other := e.signIn(t, w, e.victim()); other.sub() == first.sub() {
		t.Error("two people are one")
	}
}

// link: an account that has the address is joined only by who signs in to it as
// before.
func (e *elsewhere) link(t *testing.T, w *world, owner person) {
	name := strings.TrimSuffix(owner.email, "@example.test")
	offers := func(p *page, decision string) (form, bool) {
		for _, f := range p.forms {
			if f.offers("decision", decision) {
				return f, true
			}
		}
		return form{}, false
	}
	b := newBrowser(t, w.server, owner)
	r := w.request(w.web)
	p := b.arrive(e.back(b, r, name))
	f, ok := offers(p, "continue")
	if !ok {
		t.Fatalf("%d: the page does not ask for the account of that address: %s", p.status, p.text())
	}
	if _, early := offers(p, "link"); early {
		t.Error("linking is offered before the account is proven")
	}
	p = b.submit(f, nil, "decision", "continue")
	for range 3 {
		if f, ok = offers(p, "link"); ok {
			break
		}
		p = b.step(p)
	}
	if !ok || !b.asks("password") {
		t.Fatalf("asked for %v, then: %s", b.asked, p.text())
	}
	p = b.submit(f, nil, "decision", "link")
	if got := b.redeem(r, b.answer(r, p).Get("code")); got.sub() != owner.sub {
		t.Errorf("sub is %s, the owner's is %s", got.sub(), owner.sub)
	}
	if again := e.signIn(t, w, name); again.sub() != owner.sub {
		t.Errorf("after that the provider leads to %s, not to the owner %s", again.sub(), owner.sub)
	}
}

// mixUp: the answer of one provider is not taken for another's (RFC 9207 §2.4, RFC
// 9700 §4.4.2), nor one that this browser did not ask for.
func (e *elsewhere) mixUp(t *testing.T, w *world, other *elsewhere) {
	b := newBrowser(t, w.server, person{})
	for _, c := range []struct {
		name   string
		status int
		change func(at *url.URL, q url.Values)
		other  bool // browser
		only   bool // where answers have iss
	}{
		{"iss-of-the-other", http.StatusForbidden, func(_ *url.URL, q url.Values) { q.Set("iss", other.issuer) }, false, false},
		{"no-iss", http.StatusForbidden, func(_ *url.URL, q url.Values) { q.Del("iss") }, false, true},
		{"callback-of-the-other", http.StatusGone, func(at *url.URL, _ url.Values) { at.Path = "/upstream/" + other.id + "/callback" }, false, false},
		{"other-browser", http.StatusForbidden, func(*url.URL, url.Values) {}, true, false},
	} {
		if c.only && !e.signsIss {
			continue
		}
		at := e.back(b, w.request(w.web), e.victim())
		q := at.Query()
		if q.Has("iss") != e.signsIss || e.signsIss && q.Get("iss") != e.issuer {
			t.Fatalf("iss is %q", q.Get("iss"))
		}
		c.change(at, q)
		at.RawQuery = q.Encode()
		visitor := b
		if c.other {
			visitor = newBrowser(t, w.server, person{})
		}
		visitor.errorPage(visitor.arrive(at), c.status)
		visitor.signedOut(w.web)
		if t.Failed() {
			t.Fatal(c.name)
		}
	}
	r := w.request(w.web) // in the same browser, untouched
	b.redeem(r, b.answer(r, b.arrive(e.back(b, r, e.victim()))).Get("code"))
}
