package conformance

import (
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// owner is a person in a browser of their own, with all that they put into their
// account.
type owner struct {
	*mailWorld
	t      *testing.T
	c      *tab
	app    client // which asks for consent
	who    person
	phone  *telephone
	number string
	login  *elsewhere
	secret string   // of the authenticator app
	codes  []string // for recovery
}

// TestAccountInChromium: somebody is invited, and does on each page of their account
// what it is for. All of it outlives the process, lets them in, and goes away again.
func TestAccountInChromium(t *testing.T) {
	o := &owner{t: t, phone: startTelephone(t), number: "+15555550123"}
	o.mailWorld = newMailWorld(t, append(o.phone.settings(), loopbackFetch, "GATEWAY_TERMS_VERSION=2026-11-01", "GATEWAY_RATE_LIMIT_VERIFY=1000")...)
	o.app = o.mailWorld.app
	var err error
	if o.app, err = o.another("asks", "--preset", "web", "--redirect-uri", o.app.redirect, "--post-logout-redirect-uri", strings.TrimSuffix(o.app.redirect, "callback")); err != nil {
		t.Fatal(err)
	}
	o.app.redirect = o.mailWorld.app.redirect
	o.login = runDex(t, o.world, o.mailWorld.who)
	o.c = newTab(t, o.server, screenOf(t))
	o.c.script(scriptOf(t))
	for _, step := range []struct {
		name string
		do   func(*owner)
	}{
		{"invitation", (*owner).invited}, {"application", (*owner).application}, {"profile", (*owner).profile}, {"address", (*owner).address},
		{"telephone", (*owner).telephone}, {"password", (*owner).password}, {"devices", (*owner).devices}, {"passkey", (*owner).passkey},
		{"link", (*owner).link}, {"authenticator", (*owner).authenticator}, {"S6-03/after-a-kill", (*owner).outlives}, {"ways-in", (*owner).waysIn},
		{"remove", (*owner).remove}, {"access", (*owner).access}, {"data", (*owner).data}, {"deletion", (*owner).deletion}, {"end", (*owner).end},
	} {
		ok := t.Run(step.name, func(t *testing.T) {
			o.t, o.c.t = t, t
			step.do(o)
		})
		if o.t, o.c.t = t, t; !ok {
			return // what comes next needs it
		}
	}
}

// room opens a page of the account, and looks at it where script may run.
func (o *owner) room(path string) {
	o.t.Helper()
	o.c.open(o.issuer + "/account" + path)
	o.c.until(quote("document.readyState === 'complete' && location.pathname === %s", "/account"+path))
	if scriptOf(o.t) {
		o.c.accessible("/account" + path)
	}
}

// authorize goes to the application.
func (o *owner) authorize(c *tab, changes ...string) {
	o.t.Helper()
	c.open(o.authorizeURL(o.request(o.app, append([]string{"scope", "openid profile email"}, changes...)...)))
}

func (o *owner) invited() {
	o.who = person{email: "invited-" + strings.ToLower(rand.Text()) + "@example.test", password: "pw-" + rand.Text()}
	o.log.secret(o.who.password)
	if _, err := o.identity("", "invitation", "create", o.who.email); err != nil {
		o.t.Fatal(err)
	}
	o.c.open(o.box.letter(o.t, o.who.email, "invited").link())
	o.c.accessible("invitation")
	o.c.fill("#name", "Ida Invited")
	o.c.fill("#password", o.who.password)
	o.c.submit("button[value=accept]")
	o.c.says("Welcome")
}

// application: the terms, the consent, and the choice of an account.
func (o *owner) application() {
	o.authorize(o.c)
	o.c.signIn(o.who)
	o.c.has("input[name=version]")
	o.c.accessible("terms")
	o.c.submit("button[value=accept]")
	o.c.submit("button[value=allow]")
	o.c.at(o.app.redirect + "?code=")
	o.authorize(o.c, "prompt", "select_account")
	o.c.press("button[name=account]")
	o.c.at(o.app.redirect + "?code=")
}

func (o *owner) profile() {
	o.room("")
	o.c.says("Ida Invited", o.who.email, "Confirmed")
	o.room("/profile")
	o.c.fill("#nickname", "Idi")
	o.c.submit("form.fields button.primary")
	o.c.says("Saved.")
}

// address: a new one is confirmed at both ends.
func (o *owner) address() {
	old := o.who.email
	o.who.email = "moved-" + strings.ToLower(rand.Text()) + "@example.test"
	o.room("/email")
	o.c.fill("#email", o.who.email)
	o.c.submit("button[value=change]")
	o.c.says("The e-mails are on their way.")
	o.c.open(o.box.letter(o.t, o.who.email, "Confirm your new").link())
	o.c.accessible("letter to the new address")
	o.c.submit("button[value=confirm]")
	o.c.says("as soon as the other address has confirmed it")
	o.c.open(o.box.letter(o.t, old, "about to change").link())
	o.c.accessible("letter to the old address")
	o.c.submit("button[value=allow]")
	o.c.says("mail address is changed")
}

func (o *owner) telephone() {
	o.room("/phone")
	o.c.fill("#phone", o.number)
	o.c.submit("button[value=send]")
	o.c.fill("#code", o.phone.code(o.t, o.number))
	o.c.submit("button[value=confirm]")
	o.c.says("Your telephone number is confirmed.")
}

func (o *owner) password() {
	o.who.password = "pw-" + rand.Text()
	o.log.secret(o.who.password)
	o.room("/password")
	o.c.fill("#password", o.who.password)
	o.c.submit("form button.primary")
	o.c.says("The password was changed.")
}

// devices: another one is signed in with the new password, and signed out from here.
func (o *owner) devices() {
	other := o.c.beside(desktop)
	other.open(o.issuer + "/account/profile")
	other.signIn(o.who)
	other.until("location.pathname === '/account/profile'")
	o.room("/sessions")
	o.c.says("This device")
	o.c.submit(".things button")
	o.c.says("That device is signed out.")
	other.open(o.issuer + "/account/profile")
	other.has("#identifier")
}

// passkey needs script.
func (o *owner) passkey() {
	key := o.c.authenticator()
	o.c.noAutofill()
	o.c.script(true)
	o.room("/passkey")
	o.c.touch("form[data-passkey=create] " + passkeyButton)
	o.c.says("The passkey was added.")
	key.remove() // the password page would offer another passkey
	o.c.script(scriptOf(o.t))
	o.c.fill("#name-0", "My key")
	o.c.submit("button[value=rename]")
	o.c.says("Saved.")
}

func (o *owner) link() {
	o.room("/security")
	o.c.press("button[value=link]")
	if !scriptOf(o.t) { // else the page goes on by itself
		o.c.press("a[data-go]")
	}
	o.upstream(o.c)
	o.c.says("The accounts are linked.")
}

// upstream signs in at the other provider.
func (o *owner) upstream(c *tab) {
	o.t.Helper()
	c.has("#login")
	c.fill("#login", o.login.login(o.login.newcomer()))
	c.fill("#password", o.login.password)
	c.touch("#submit-login")
	c.until("document.readyState === 'complete' && !document.querySelector('#login')")
	var asks bool
	if c.must(&asks, quote("location.href.startsWith(%s)", o.login.issuer)); asks { // what we may know
		c.touch("form button[type=submit]")
	}
}

// authenticator: an app, and codes for the day that it is lost.
func (o *owner) authenticator() {
	o.room("/authenticator")
	o.secret = o.c.secret()
	o.c.fill("#code", appCode(o.t, o.secret, time.Now()))
	o.c.submit("form button.primary")
	o.c.signIn(o.who) // two factors are what the account has now
	o.c.fill("#code[autocomplete=one-time-code]", appCode(o.t, o.secret, time.Now().Add(30*time.Second)))
	o.c.press("form button.primary")
	o.c.until("location.pathname === '/account/recovery-codes'")
	o.keep()
}

// keep says that the codes of the page are kept.
func (o *owner) keep() {
	o.t.Helper()
	o.c.has("input[name=saved]")
	var shown string
	o.c.must(&shown, "document.querySelector('.codes').textContent")
	o.codes = strings.Fields(shown)
	o.log.secret(o.codes...)
	o.c.press("input[name=saved]")
	o.c.submit("form button.primary")
	o.c.says("Only the new recovery codes are good from now on.")
}

// outlives: all of it is there after a power cut, and so is the session.
func (o *owner) outlives() {
	o.kill()
	if err := o.start(); err != nil {
		o.t.Fatal(err)
	}
	o.room("")
	o.c.says("Ida Invited", o.who.email, "Confirmed", "1 passkey", "authenticator app", "1 device", "1 application")
	o.room("/profile")
	o.c.until("document.querySelector('#nickname').value === 'Idi'")
	o.room("/phone")
	o.c.says(o.number, "Confirmed")
	o.room("/security")
	o.c.says("Login dex", o.login.login(o.login.newcomer()), "10 codes are left")
	o.c.until("document.querySelector('#name-0').value === 'My key'")
	o.room("/activity")
	o.c.says("Invitation accepted", "Terms of use accepted", "Application allowed", "Profile changed", "Mail address changed", "Telephone number confirmed",
		"Password changed", "Session ended", "Passkey added", "Account elsewhere linked", "Authenticator app set up", "New recovery codes")
}

// waysIn: other devices are let in by the telephone and by the other provider, with
// a recovery code each.
func (o *owner) waysIn() {
	for _, in := range []func(*tab){
		func(c *tab) {
			c.submit("a[href$=phonecode]")
			c.accessible("phonecode")
			c.fill("#phone", o.number)
			c.submit("button[value=send]")
			c.accessible("phonecode, sent")
			c.fill("#code", o.phone.code(o.t, o.number))
			c.submit("form button.primary")
		},
		func(c *tab) {
			c.press("a[href$='/upstream/dex']")
			o.upstream(c)
		},
	} {
		c := o.c.beside(screenOf(o.t))
		c.script(scriptOf(o.t))
		o.authorize(c)
		c.has("#identifier")
		in(c)
		c.press("a[href$='/recoverycode']")
		c.fill("#code:not([autocomplete=one-time-code])", o.codes[0])
		c.press("form button.primary")
		o.codes = o.codes[1:]
		c.at(o.app.redirect + "?code=")
	}
}

// remove: whatever was added goes away, but never the last way in.
func (o *owner) remove() {
	o.room("/recovery-codes")
	o.c.says("8 codes")
	o.keep()
	o.room("/security")
	o.c.says("10 codes are left")
	for _, what := range []string{"remove-app", "unlink", "remove-password"} {
		o.c.submit("button[value=" + what + "]")
		o.c.says("Removed.")
	}
	o.c.says("You have no authenticator app.", "No other account is linked.", "You have no password.")
	var more bool
	if o.c.must(&more, "!!document.querySelector('button[value=remove-passkey]')"); more {
		o.t.Error("S3-15: the last way in may be removed")
	}
	o.password()
	o.room("/security")
	o.c.submit("button[value=remove-passkey]")
	o.c.says("You have no passkey.")
	o.room("/phone")
	o.c.submit("button[value=remove]")
	o.c.says("Removed.")
}

// access of the application is taken away: it has to ask again, and is refused.
func (o *owner) access() {
	o.room("/apps")
	o.c.submit(".things button")
	o.c.says("The application has no access any more.", "No application has access to your account.")
	o.authorize(o.c)
	o.c.submit("button[value=deny]")
	o.c.at(o.app.redirect + "?error=access_denied")
}

// data is what the person has of their account in one file.
func (o *owner) data() {
	folder := o.t.TempDir()
	o.c.downloads(folder)
	o.room("/data")
	o.c.press("button[value=export]")
	var got struct {
		Account  struct{ Email, Nickname string }
		Activity []json.RawMessage
	}
	if err := json.Unmarshal(o.c.file(filepath.Join(folder, "account.json")), &got); err != nil {
		o.t.Fatal(err)
	}
	if got.Account.Email != o.who.email || got.Account.Nickname != "Idi" || len(got.Activity) < 10 {
		o.t.Errorf("%+v, %d events", got.Account, len(got.Activity))
	}
}

// deletion is taken back by signing in.
func (o *owner) deletion() {
	o.room("/data")
	o.c.press("#sure")
	o.c.submit("button[value=delete]")
	o.c.says("will be deleted")
	o.c.accessible("after the deletion")
	o.box.letter(o.t, o.who.email, "will be deleted")
	o.c.open(o.issuer + "/account/activity")
	o.c.signIn(o.who)
	o.c.says("Deletion of the account cancelled")
}

// end: signed out everywhere, and once more here.
func (o *owner) end() {
	o.room("/sessions")
	o.c.submit("button[value=everywhere]")
	o.c.until("location.pathname === '/account/left'")
	o.c.open(o.issuer + "/account")
	o.c.signIn(o.who)
	o.c.until("location.pathname === '/account'")
	o.c.submit("main a[href$='/logout']")
	o.c.submit("button[value=logout]")
	o.c.open(o.issuer + "/account")
	o.c.has("#identifier")
}
