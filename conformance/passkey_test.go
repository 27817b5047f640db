package conformance

import (
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// authenticator is the virtual one of Chromium.
type authenticator struct {
	tab *tab
	id  webauthn.AuthenticatorID
}

func (c *tab) authenticator(change ...func(*webauthn.VirtualAuthenticatorOptions)) *authenticator {
	c.t.Helper()
	options := &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}
	for _, f := range change {
		f(options)
	}
	if _, err := chromedp.Call(c.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		c.t.Fatal(err)
	}
	got, err := chromedp.Call(c.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: options})
	if err != nil {
		c.t.Fatal(err)
	}
	return &authenticator{c, got.AuthenticatorID}
}

// verifies says whether the person's finger is the right one.
func (a *authenticator) verifies(yes bool) {
	a.tab.t.Helper()
	if _, err := chromedp.Call(a.tab.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes}); err != nil {
		a.tab.t.Fatal(err)
	}
}

// present says whether somebody touches it by themselves.
func (a *authenticator) present(yes bool) {
	a.tab.t.Helper()
	if _, err := chromedp.Call(a.tab.ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes}); err != nil {
		a.tab.t.Fatal(err)
	}
}

// remove takes the authenticator away.
func (a *authenticator) remove() {
	a.tab.t.Helper()
	if _, err := chromedp.Call(a.tab.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id}); err != nil {
		a.tab.t.Fatal(err)
	}
}

// noAutofill keeps the pages to come from asking for a passkey before somebody
// presses the button.
func (c *tab) noAutofill() {
	c.t.Helper()
	const source = `if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false;`
	if _, err := chromedp.Call(c.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: source}); err != nil {
		c.t.Fatal(err)
	}
}

// turnBack sets the sign count of its passkey to that of an old copy.
func (a *authenticator) turnBack() {
	a.tab.t.Helper()
	c := a.credential()
	if c.SignCount < 2 {
		a.tab.t.Fatalf("sign count %v", c.SignCount)
	}
	if _, err := chromedp.Call(a.tab.ctx, webauthn.RemoveCredential, webauthn.RemoveCredentialParams{AuthenticatorID: a.id, CredentialID: c.CredentialID}); err != nil {
		a.tab.t.Fatal(err)
	}
	a.put(c, 0)
}

// credential is its only passkey.
func (a *authenticator) credential() *webauthn.Credential {
	a.tab.t.Helper()
	got, err := chromedp.Call(a.tab.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id})
	if err != nil || len(got.Credentials) != 1 {
		a.tab.t.Fatalf("%v, %v", got, err)
	}
	return got.Credentials[0]
}

// put gives it a passkey.
func (a *authenticator) put(c *webauthn.Credential, signCount float64) {
	a.tab.t.Helper()
	// The library's own command sends fields that Chromium does not take.
	add := cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.CommandAddCredential}
	credential := map[string]any{
		"credentialId": c.CredentialID, "isResidentCredential": true, "rpId": c.RpID, "privateKey": c.PrivateKey, "userHandle": c.UserHandle, "signCount": signCount,
	}
	if _, err := chromedp.Call(a.tab.ctx, add, map[string]any{"authenticatorId": a.id, "credential": credential}); err != nil {
		a.tab.t.Fatal(err)
	}
}

// add signs somebody in with their password, and asks for a passkey on the account
// page; they put off the one that is offered on the way.
func (a *authenticator) add(w *world, who person) {
	c := a.tab
	c.t.Helper()
	a.present(false)
	c.open(w.issuer + "/account/passkey")
	c.signIn(who)
	c.has("form[data-passkey=create] " + passkeyButton)
	var offered bool
	if c.must(&offered, "location.pathname !== '/account/passkey'"); offered {
		c.touch("button[name=decision][value=later]")
		c.until("location.pathname === '/account/passkey'")
	}
	a.present(true)
	c.touch("form[data-passkey=create] " + passkeyButton)
}

// cancelled waits until the page says that nothing was confirmed.
func (c *tab) cancelled() {
	c.t.Helper()
	c.until("document.querySelector('[data-cancelled]').textContent === document.querySelector('[data-cancelled]').dataset.cancelled")
}

// TestPasskey: a person adds a passkey after their password, and signs in with it
// from the autofill and with the button; a wrong finger and a copy get nowhere.
func TestPasskey(t *testing.T) {
	w := shared(t)
	c := newTab(t, w.server, screenOf(t))
	app, who := w.applicationAndPerson(t, "passkey")
	key := c.authenticator()
	begin := func() { c.open(w.authorizeURL(w.request(app, "prompt", "login"))) }

	key.present(false) // nobody touches it while the password is typed
	begin()
	c.has(".passkey " + passkeyButton)
	c.accessible("first page with passkeys")
	c.signIn(who)
	c.has("form[data-passkey=create] " + passkeyButton)
	c.accessible("offer of a passkey")
	key.present(true)
	c.touch(passkeyButton)
	c.at(app.redirect)

	begin() // the autofill, which the virtual authenticator chooses from at once
	c.at(app.redirect)

	c.noAutofill() // it could answer before the button is pressed
	begin()
	c.touch(".passkey " + passkeyButton)
	c.at(app.redirect)

	begin()
	key.verifies(false)
	c.touch(".passkey " + passkeyButton)
	c.cancelled()
	c.accessible("first page after a cancelled prompt")

	key.verifies(true)
	key.turnBack()
	c.touch(".passkey " + passkeyButton)
	c.has("#problem")
	c.accessible("passkey page after a refusal")
}
